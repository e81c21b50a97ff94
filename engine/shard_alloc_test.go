package engine

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"wend/connectors"
	"wend/connectors/batch"
)

// Budgets of allocations for the whole way of an event and of a timer through a shard: record to sealed unit, journal, actions, view. A
// budget may be lowered; who raises it must say what it buys. What the world of the bench allocates for itself is in them:
// a piece or two for a request.

// cutBatches takes the record batches of a log apart.
func cutBatches(tb testing.TB, log []byte) (all [][]byte) {
	tb.Helper()
	for len(log) > 0 {
		info, err := batch.ReadInfo(log)
		if err != nil {
			tb.Fatal(err)
		}
		all, log = append(all, log[:info.Size]), log[info.Size:]
	}
	return all
}

// give has a shard handle a fetch answer until at most so many bytes are left (as pump).
func (b *benchShard) give(raw []byte, least int64) {
	b.backlog.Add(int64(len(raw)))
	b.deliver(connectors.Fetched{TopicPartition: b.source, Batches: raw}, b.now)
	b.pump(least)
}

// allocated is how often a function allocates for each of the things that it does; it gives how many these are. It runs once before
// anything is counted: what is made once is made there.
func allocated(runs int, f func() int) float64 {
	things := 0
	each := testing.AllocsPerRun(runs, func() { things += f() })
	return each * float64(runs+1) / float64(things)
}

// TestCommitAllocations is of events that come one batch after another, each in units of its own, and of those of a backlog.
func TestCommitAllocations(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector has nothing to see in a count")
	}
	for _, c := range []struct {
		name    string
		kind    func(*rand.Rand) string
		batches int   // of a fetch answer
		least   int64 // what stays to be done
		budget  float64
	}{
		{"mix, live", cartMix, 1, 0, 0.75},
		{"mix, backlog", cartMix, 16, 256 << 10, 0.5},
		{"unwanted, live", func(*rand.Rand) string { return "scroll" }, 1, 0, 0.5},
	} {
		t.Run(c.name, func(t *testing.T) {
			const before, runs = 600, 100
			s := newBenchShard(t, cartFiles)
			all := cutBatches(t, newBenchLog(1, 300_000, c.kind))
			if len(all) < before+(runs+1)*c.batches {
				t.Fatal(len(all))
			}
			for _, raw := range all[:before] {
				s.give(raw, 0)
			}
			rest, last := all[before:], s.position
			got := allocated(runs, func() int {
				var raw []byte
				for _, b := range rest[:c.batches] {
					raw = append(raw, b...)
				}
				rest = rest[c.batches:]
				s.give(raw, c.least)
				n := int(s.position - last)
				last = s.position
				return n
			})
			if got > c.budget {
				t.Errorf("%.2f allocations an event, the budget is %v", got, c.budget)
			}
			_ = s.close()
		})
	}
}

// TestTimerAllocations is of timers that fire one after another, each with its action, of customers who have rested so long
// that they are read from the view.
func TestTimerAllocations(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector has nothing to see in a count")
	}
	const customers, each, runs, budget = 20_000, 100, 100, 3
	s := newBenchShard(t, map[string]string{"journeys/wait.yaml": "journey: wait\nenter: {on: add_to_cart, again: after_exit}\nsteps:\n" +
		"  - wait: {until: time(event.due)}\n  - {send: shop, template: reminder}\n"})
	begin := s.now.Add(time.Hour)
	var b batch.Builder
	b.Reset(batch.Header{ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1, Timestamp: s.now.UnixMilli()})
	for i := range customers {
		customer := fmt.Sprintf("c%d", i)
		b.Append([]byte(customer), fmt.Appendf(nil, `{"event_id":"e%d","customer_id":%q,"type":"add_to_cart","due":%d}`, i, customer, begin.UnixMilli()+int64(i)*1000/each))
	}
	s.give(b.Finish(), 0)
	s.now = begin
	s.pump(0)
	actions := func() int { return int(s.ends[connectors.TopicPartition{Topic: "actions"}]) }
	got := allocated(runs, func() int {
		before := actions()
		s.now = s.now.Add(time.Second)
		s.pump(0)
		return actions() - before
	})
	if got > budget {
		t.Errorf("%.2f allocations a timer, the budget is %v", got, budget)
	}
	if n := actions(); n != (runs+1)*each {
		t.Errorf("%d timers fired, want %d", n, (runs+1)*each)
	}
	_ = s.close()
}
