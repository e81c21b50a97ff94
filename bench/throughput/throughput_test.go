//go:build unix

package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"wend/bench/figures"
	"wend/bench/stand"
	"wend/bench/workload"
	"wend/engine/journey"
	"wend/schemas/workspacetest"
)

// at is a sample so many ms after the first, at which so many events were handled, and as many tenths of actions decided.
func at(ms int, events, published float64) sample {
	return sample{at: time.UnixMilli(int64(ms)), events: events, journal: 100 * events, decided: events / 10, published: published,
		engine: time.Duration(ms) * time.Millisecond / 2, broker: time.Duration(ms) * time.Millisecond / 4}
}

func TestCourse(t *testing.T) {
	c := &course{records: 1000}
	for i, s := range []struct {
		sample
		done bool
	}{
		{at(0, 0, 0), false},      // nothing to measure yet: what is decided is published
		{at(100, 0, 0), false},    // nor now
		{at(200, 200, 10), false}, // the first
		{at(300, 1000, 99), false},
		{at(400, 1000, 100), false}, // all, as it seems
		{at(500, 1000, 99), false},  // read at another moment
		{at(600, 1000, 100), false}, // the end
		{at(900, 1000, 100), true},
	} {
		if done, err := c.add(s.sample); err != nil || done != s.done {
			t.Fatalf("sample %d: %v %v", i, done, err)
		}
	}
	m, err := c.measured(5e6, true)
	// 800 events in 400 ms, of which the engine worked for 200 and the broker for 100.
	want := measured{perCPU: 4000, perSecond: 2000, resident: 5e6, broker: 0.1 / 800, journal: 100}
	if err != nil || math.Abs(m.broker-want.broker) > 1e-12 {
		t.Fatal(m, err)
	}
	if want.broker = m.broker; m != want {
		t.Errorf("%+v, want %+v", m, want)
	}
	if m, err = c.measured(5e6, false); err != nil || m.broker != 0 {
		t.Error(m, err)
	}
	if _, err := (&course{records: 5}).add(at(0, 6, 0)); err == nil {
		t.Error("more was handled than there is")
	}
	one := &course{records: 10}
	for range 2 {
		if _, err := one.add(at(100, 10, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if m, err := one.measured(1, true); err == nil {
		t.Errorf("%+v of nothing", m)
	}
}

func TestFiguresOf(t *testing.T) {
	got := figuresOf("cart", []measured{{4, 1, 9e6, 3e-6, 30}, {1, 2, 8e6, 1e-6, 10}, {2, 7, 7e6, 2e-6, 20}})
	want := []figures.Figure{{Name: "cart/events_per_cpu_s", Value: 2, Unit: "events/CPU-s"}, {Name: "cart/events_per_s", Value: 2, Unit: "events/s"},
		{Name: "cart/resident_mb", Value: 8, Unit: "MB"}, {Name: "cart/journal_bytes_per_event", Value: 20, Unit: "B"}, {Name: "cart/broker_us_per_event", Value: 2, Unit: "µs"}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	if got := figuresOf("cart", []measured{{perCPU: 1}, {perCPU: 2}}); len(got) != 4 || got[0].Value != 1.5 {
		t.Errorf("%+v: what the broker used is not known", got)
	}
}

// published is a record of the action topic as the engine writes it.
func published(journey string, i int, customer string) *kgo.Record {
	return &kgo.Record{Key: []byte(customer), Value: fmt.Appendf(nil, `{"journey":%q,"customer_id":%q,"template":"offer","cause":{"event_id":"e%d","type":"browse"}}`, journey, customer, i)}
}

func TestTally(t *testing.T) {
	// Journey 0 wants sku-17, journey 9 what costs 199.09.
	events := []workload.Event{{Customer: 1, SKU: 17}, {Customer: 2, SKU: 18, Cents: 19_908}, {Customer: 3, SKU: 17, Cents: 19_909}}
	fresh := func() *tally { return newTally(10, len(events), func(i int) workload.Event { return events[i] }) }
	all := []*kgo.Record{published("j0", 0, "c1"), published("j0", 2, "c3"), published("j9", 2, "c3")}
	run := func(rs ...*kgo.Record) *tally {
		tl := fresh()
		for _, r := range rs {
			tl.action(r)
		}
		return tl
	}
	if tl := run(all...); tl.problem() != nil || len(tl.seen) != 3 {
		t.Errorf("%v", tl)
	}
	other := published("j0", 0, "c1")
	other.Key = []byte("c2")
	for name, c := range map[string]struct {
		records []*kgo.Record
		want    string
	}{
		"missing":          {all[1:], "1 missing, 0 twice, 0 unexpected"},
		"twice":            {append(slices.Clone(all), all[2]), "0 missing, 1 twice, 0 unexpected"},
		"another's":        {append(slices.Clone(all[1:]), published("j0", 0, "c9")), "1 missing, 0 twice, 1 unexpected"},
		"another key":      {append(slices.Clone(all[1:]), other), "1 missing, 0 twice, 1 unexpected"},
		"a condition less": {append(slices.Clone(all), published("j9", 1, "c2")), "0 missing, 0 twice, 1 unexpected"},
		"another journey":  {append(slices.Clone(all), published("j7", 0, "c1")), "0 missing, 0 twice, 1 unexpected"},
		"no action":        {append(slices.Clone(all), &kgo.Record{Value: []byte("{")}), "0 missing, 0 twice, 1 unexpected"},
	} {
		var w *stand.Wrong
		if err := run(c.records...).problem(); !errors.As(err, &w) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	if err := newTally(1, 1, func(int) workload.Event { return workload.Event{} }).problem(); err == nil {
		t.Error("nothing was expected, and that was good")
	}
}

// TestJourneys: the journeys are ones that the engine takes, as many as were asked for, no two with the same condition.
func TestJourneys(t *testing.T) {
	for _, n := range []int{1, 100} {
		w, err := workNamed("journeys", n)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		workspacetest.Write(t, dir+"/journeys/all.yaml", w.journeys())
		ws, problems := journey.Load(dir)
		p, more := journey.Compile(ws)
		if p == nil || problems.Failed() || len(ws.Journeys) != n {
			t.Fatal(len(ws.Journeys), problems, more)
		}
		conditions, prices := map[condition]bool{}, 0
		for j := range n {
			conditions[conditionOf(j)] = true
			if conditionOf(j).cents > 0 {
				prices++
			}
		}
		if len(conditions) != n || prices != n/10 {
			t.Errorf("%d journeys: %d conditions, of them %d of price", n, len(conditions), prices)
		}
	}
	if got := conditionOf(2).expression(); got != `event.sku == "sku-1015"` {
		t.Error(got)
	}
	if got := conditionOf(19).expression(); got != "event.price >= 199.19" {
		t.Error(got)
	}
}

func TestParse(t *testing.T) {
	for _, bad := range [][]string{{"--workload", "none"}, {"--events", "0"}, {"--rounds", "0"}, {"--journeys", "0"}, {"--partitions", "0"}, {"cart"}} {
		if o, err := parse(bad); err == nil {
			t.Errorf("%v was taken: %+v", bad, o)
		}
	}
	o, err := parse([]string{"--workload", "unwanted"})
	if err != nil || o.Journeys != "" || o.work.event(workload.Event{Kind: workload.Purchase}).Kind != workload.Scroll {
		t.Error(o, err)
	}
}
