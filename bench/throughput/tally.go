//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"wend/bench/stand"
	"wend/bench/workload"
)

// due is an action of the workload of many journeys: each journey enters once for an event that it wants, and sends at once.
type due struct {
	journey string
	event   int
}

// tally compares actions with those that are due.
type tally struct {
	customers                  map[due]int // whose it is; what came is marked in seen
	seen                       map[due]bool
	actions, twice, unexpected int
	examples                   []string
}

const examples = 5

// newTally computes what so many events bring in so many journeys.
func newTally(journeys, events int, event func(i int) workload.Event) *tally {
	t := &tally{customers: map[due]int{}, seen: map[due]bool{}}
	bySKU := map[uint32][]int{}
	var byPrice []int
	for j := range journeys {
		if c := conditionOf(j); c.cents > 0 {
			byPrice = append(byPrice, j)
		} else {
			bySKU[c.sku] = append(bySKU[c.sku], j)
		}
	}
	for i := range events {
		e := event(i)
		for _, list := range [][]int{bySKU[e.SKU], byPrice} {
			for _, j := range list {
				if conditionOf(j).holds(e) {
					t.customers[due{journeyName(j), i}] = e.Customer
				}
			}
		}
	}
	return t
}

// action takes a record of the action topic.
func (t *tally) action(r *kgo.Record) {
	t.actions++
	var a struct {
		Journey  string
		Customer string `json:"customer_id"`
		Template string
		Cause    struct {
			EventID string `json:"event_id"`
		}
	}
	err := json.Unmarshal(r.Value, &a)
	i, ok := workload.Index(a.Cause.EventID)
	d := due{a.Journey, i}
	customer, asked := t.customers[d]
	switch {
	case err != nil || !ok || !asked || a.Template != "offer" || a.Customer != string(workload.AppendCustomer(nil, customer)) || a.Customer != string(r.Key):
		t.unexpected++
		t.example("unexpected: %.300s", r.Value)
	case t.seen[d]:
		t.twice++
		t.example("twice: %.300s", r.Value)
	default:
		t.seen[d] = true
	}
}

func (t *tally) example(format string, args ...any) {
	if len(t.examples) < examples {
		t.examples = append(t.examples, fmt.Sprintf(format, args...))
	}
}

func (t *tally) missing() int { return len(t.customers) - len(t.seen) }

func (t *tally) String() string {
	return fmt.Sprintf("actions: %d of %d expected; %d missing, %d twice, %d unexpected", t.actions, len(t.customers), t.missing(), t.twice, t.unexpected)
}

func (t *tally) problem() error {
	if t.missing()+t.twice+t.unexpected > 0 {
		return stand.Wrongf("%v\n%s", t, strings.Join(t.examples, "\n"))
	}
	if len(t.customers) == 0 {
		return stand.Wrongf("no event is one that a journey wants: nothing was shown")
	}
	return nil
}
