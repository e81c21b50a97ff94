//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"wend/bench/audit"
	"wend/bench/stand"
	"wend/bench/workload"
)

// await is of the cart's reminders: none is due while anybody measures. The events' times are long past, and an engine that catches
// up would fire what is due in them.
const await = 50_000 * time.Hour

// work is a workload.
type work struct {
	name  string
	count int // of journeys; 0: those of the cart
	all   *workload.Kind
}

func workNamed(name string, journeys int) (work, error) {
	browse, scroll := workload.Browse, workload.Scroll
	switch name {
	case "cart":
		return work{name: name}, nil
	case "unwanted":
		return work{name: name, all: &scroll}, nil
	case "journeys":
		return work{name: name, count: journeys, all: &browse}, nil
	}
	return work{}, fmt.Errorf("--workload %s: there are cart, unwanted and journeys", name)
}

// event is the workload's own, made of the cart's.
func (w work) event(e workload.Event) workload.Event {
	if w.all != nil {
		e.Kind = *w.all
	}
	return e
}

// The workload of many journeys: each wants a thing of its own, and each tenth what costs so much.
const (
	things     = 50_000
	priceEach  = 10
	priceCents = 19_900
)

// condition is that of journey j, in the workload's terms.
type condition struct {
	sku   uint32
	cents uint32 // at least; 0: the thing
}

func conditionOf(j int) condition {
	if j%priceEach == priceEach-1 {
		return condition{cents: priceCents + uint32(j%100)}
	}
	return condition{sku: uint32((17 + 499*j) % things)}
}

func (c condition) holds(e workload.Event) bool {
	if c.cents > 0 {
		return e.Cents >= c.cents
	}
	return e.SKU == c.sku
}

func (c condition) expression() string {
	if c.cents > 0 {
		return fmt.Sprintf("event.price >= %d.%02d", c.cents/100, c.cents%100)
	}
	return fmt.Sprintf(`event.sku == "sku-%d"`, c.sku)
}

func journeyName(j int) string { return fmt.Sprintf("j%d", j) }

// journeys are the documents, "" for those of the cart.
func (w work) journeys() string {
	var all []string
	for j := range w.count {
		all = append(all, fmt.Sprintf("journey: %s\nenter: {on: browse, if: '%s', again: always}\nsteps:\n  - {send: %s, template: offer}\n", journeyName(j), conditionOf(j).expression(), workload.Channel))
	}
	return strings.Join(all, "---\n")
}

// check compares what an engine published with what must be there.
func (r *runner) check(ctx context.Context, a *stand.App) error {
	if r.o.work.count > 0 {
		return r.checkJourneys(ctx, a)
	}
	au := audit.New(audit.Rules{Await: await, Until: time.Now().UnixMilli(), Letters: true})
	if err := au.ReadAll(ctx, audit.Topics{Brokers: r.Brokers, Source: a.Source, Actions: a.Actions, Letters: a.Letters}); err != nil {
		return err
	}
	report := au.Finish()
	report.Print(os.Stdout)
	if err := report.Problem(); err != nil {
		return stand.Wrongf("%w", err)
	}
	if report.Events != r.records() || report.Reminders > 0 {
		return stand.Wrongf("the audit saw %d of %d events, and %d reminders, of which none is due", report.Events, r.records(), report.Reminders)
	}
	return nil
}

// checkJourneys computes the actions from the workload's numbers and reads no source: what the engine makes of an event's text is in
// doubt too.
func (r *runner) checkJourneys(ctx context.Context, a *stand.App) error {
	t := newTally(r.o.work.count, r.o.events, r.event)
	if err := audit.EachRecord(ctx, r.Brokers, a.Actions, t.action); err != nil {
		return err
	}
	ends, err := r.Admin.ListEndOffsets(ctx, a.Letters)
	if err = errors.Join(err, ends.Error()); err != nil {
		return err
	}
	letters := int64(0)
	ends.Each(func(o kadm.ListedOffset) { letters += o.Offset })
	if letters > 0 {
		return stand.Wrongf("%d dead letters, and every record is an event", letters)
	}
	fmt.Println(t)
	return t.problem()
}
