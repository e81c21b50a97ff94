//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"wend/bench/audit"
	"wend/bench/stand"
	"wend/bench/workload"
)

// journeys are what the many wait in, and what others do meanwhile.
const journeys = `journey: far
enter: {on: add_to_cart, again: after_exit}
steps:
  - wait: 50000h
  - {send: shop, template: far}
---
journey: near
enter: {on: probe, again: after_exit}
steps:
  - wait: {until: time(event.due)}
  - {send: shop, template: near}
`

const (
	readyTimeout  = 5 * time.Minute
	idleTimeout   = time.Minute     // in which an engine with something to do must do something
	lead          = 2 * time.Second // from the probes' events to the first that is due
	sampleEvery   = 250 * time.Millisecond
	mostToSettle  = 6 * time.Minute
	told          = 10 * time.Second
	asked         = 200 // customers who are asked for
	leastToSettle = 0.99
)

// measure waits until memory has settled, has a set of probes come due, and gives the most that the engine held meanwhile, in bytes.
func (r *runner) measure(ctx context.Context, p *stand.Process, tag string) (resident float64, err error) {
	if err := r.settle(ctx, p); err != nil {
		return 0, err
	}
	before, err := p.Metrics(ctx)
	if err != nil {
		return 0, err
	}
	if err := r.probe(ctx, tag); err != nil {
		return 0, err
	}
	end := time.Now().Add(lead + r.o.during)
	for time.Now().Before(end) {
		resident = max(resident, float64(p.Memory()))
		if err := stand.Pause(ctx, sampleEvery); err != nil {
			return 0, err
		}
	}
	n := float64(r.o.probes)
	return resident, r.handled(ctx, p, before["wend_events_total"]+n, before["wend_actions_decided_total"]+n, nil)
}

// settle waits until memory has not fallen for a while: what a load left behind is given back to the system bit by bit.
func (r *runner) settle(ctx context.Context, p *stand.Process) error {
	began := time.Now()
	least, since := float64(p.Memory()), began
	for time.Since(since) < r.o.settle && time.Since(began) < mostToSettle {
		if err := stand.Pause(ctx, sampleEvery); err != nil {
			return err
		}
		if now := float64(p.Memory()); now < leastToSettle*least {
			least, since = now, time.Now()
		}
	}
	fmt.Printf("settled at %.0f MB after %.0f s\n", float64(p.Memory())/1e6, time.Since(began).Seconds())
	return nil
}

// probe sends the events of customers whose timers are due one after another.
func (r *runner) probe(ctx context.Context, tag string) error {
	cl, err := workload.NewProducer(r.Brokers)
	if err != nil {
		return err
	}
	defer cl.Close()
	now := time.Now()
	var all []*kgo.Record
	for i := range r.o.probes {
		id, customer := fmt.Sprintf("%s-%d", tag, i), fmt.Sprintf("near%d", i)
		due := now.Add(lead + r.o.during*time.Duration(i)/time.Duration(r.o.probes)).UnixMilli()
		r.due[id] = due
		all = append(all, &kgo.Record{Topic: r.app.Source, Key: []byte(customer),
			Value: fmt.Appendf(nil, `{"event_id":%q,"customer_id":%q,"type":"probe","ts":%d,"due":%d}`, id, customer, now.UnixMilli(), due)})
	}
	return cl.ProduceSync(ctx, all...).FirstErr()
}

// handled waits until the engine has handled so many events and published so many actions since its start. failed, unless nil, tells
// why there will not be so many events, or nil once they are sent.
func (r *runner) handled(ctx context.Context, p *stand.Process, events, actions float64, failed <-chan error) error {
	last, moved, said := -1.0, time.Now(), time.Now()
	for {
		m, err := p.Metrics(ctx)
		if err != nil {
			return err
		}
		got, published := m["wend_events_total"], m["wend_actions_total"]
		switch {
		case got > events || published > actions:
			return stand.Wrongf("%.0f events and %.0f actions, and there are %.0f and %.0f", got, published, events, actions)
		case got == events && published == actions && failed == nil:
			return nil
		case got+published > last:
			last, moved = got+published, time.Now()
		case time.Since(moved) > idleTimeout:
			return stand.Wrongf("nothing was done for %v: %.0f of %.0f events handled, %.0f of %.0f actions published", idleTimeout, got, events, published, actions)
		}
		if time.Since(said) > told {
			said = time.Now()
			fmt.Printf("%.0f of %.0f handled, resident %.0f MB\n", got, events, float64(p.Memory())/1e6)
		}
		select {
		case err := <-failed:
			if err != nil {
				return err
			}
			failed = nil
		case <-p.Ended:
			return stand.Wrongf("the engine ended by itself: %v", p.Err)
		case <-time.After(sampleEvery):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// wait asks for some of those who wait, whether they do.
func (r *runner) wait(ctx context.Context, p *stand.Process) error {
	for n := range min(asked, r.o.customers) {
		customer := workload.Waiting(n * (r.o.customers / min(asked, r.o.customers)))
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.Member.HTTP()+"/v1/customers/"+customer, nil)
		if err != nil {
			return err
		}
		a, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		var c struct {
			Timers []struct {
				Journey string `json:"journey"`
				DueAt   int64  `json:"due_at"`
			} `json:"timers"`
		}
		err = json.NewDecoder(a.Body).Decode(&c)
		_ = a.Body.Close() // it was read
		if err != nil || len(c.Timers) != 1 || c.Timers[0].Journey != "far" || c.Timers[0].DueAt < time.Now().UnixMilli() {
			return stand.Wrongf("%s does not wait: %s, timers %+v (%v)", customer, a.Status, c.Timers, err)
		}
	}
	fmt.Printf("%d of them were asked for, and wait\n", min(asked, r.o.customers))
	return nil
}

// check reads the actions: one for each probe and none else, and gives how late they were, in ms.
func (r *runner) check(ctx context.Context) ([]float64, error) {
	t := tally{due: r.due, at: map[string]int64{}}
	if err := audit.EachRecord(ctx, r.Brokers, r.app.Actions, t.action); err != nil {
		return nil, err
	}
	return t.late()
}

// tally compares actions with the probes.
type tally struct {
	due   map[string]int64 // by event id, ms since 1970
	at    map[string]int64 // when its action was appended
	wrong []string
}

func (t *tally) action(r *kgo.Record) {
	var a struct {
		Template string `json:"template"`
		Decided  int64  `json:"decided_at"`
		Cause    struct {
			EventID string `json:"event_id"`
		} `json:"cause"`
	}
	err := json.Unmarshal(r.Value, &a)
	id, at := a.Cause.EventID, r.Timestamp.UnixMilli()
	due, asked := t.due[id]
	switch {
	case err != nil || a.Template != "near" || !asked || a.Decided != due:
		t.wrong = append(t.wrong, fmt.Sprintf("unexpected: %.300s", r.Value))
	case t.at[id] != 0:
		t.wrong = append(t.wrong, fmt.Sprintf("twice: %.300s", r.Value))
	case at < due:
		t.wrong = append(t.wrong, fmt.Sprintf("%d ms early: %.300s", due-at, r.Value))
	default:
		t.at[id] = at
	}
}

func (t *tally) late() (all []float64, err error) {
	if len(t.wrong) > 0 || len(t.at) != len(t.due) {
		return nil, stand.Wrongf("%d of %d actions are there, and %d are wrong\n%s", len(t.at), len(t.due), len(t.wrong), strings.Join(t.wrong[:min(5, len(t.wrong))], "\n"))
	}
	for id, at := range t.at {
		all = append(all, float64(at-t.due[id]))
	}
	return all, nil
}
