package journey

import (
	"math"
	"testing"

	"wend/schemas"
)

// TestTimerOrder holds the order of timers to the language's sentence: oldest first; at one instant scores and windows,
// then the journeys in their order, in each the enrollments oldest first and then its entry, within an enrollment by
// when they were armed.
func TestTimerOrder(t *testing.T) {
	order := []timer{
		{due: 1, rank: 9, number: 9, armed: 9},
		{due: 2, rank: profileRank},
		{due: 2, rank: 0, number: 1, armed: 1},
		{due: 2, rank: 0, number: 1, armed: 2},
		{due: 2, rank: 0, number: 1, armed: lastArmed},
		{due: 2, rank: 0, number: 2, armed: 1},
		{due: 2, rank: 0, number: entryNumber},
		{due: 2, rank: 1, number: 1},
		{due: 2, rank: math.MaxInt32, source: noTimer},
	}
	for i := range order {
		for k := range order {
			if got := order[i].before(&order[k]); got != (i < k) {
				t.Errorf("%+v before %+v: %v", order[i], order[k], got)
			}
		}
	}
}

// TestNoTimerAllocates: what looks for the next timer is on the way of every event.
func TestNoTimerAllocates(t *testing.T) {
	p := cartProgram(t)
	l := newCartLoad(10)
	var out Effects
	for range 2000 {
		ev := new(schemas.Event)
		i := l.next(cartKind(l.rand), ev)
		p.Step(l.names[i], l.docs[i], Input{Event: ev}, &out)
		out.Reset()
	}
	if n := testing.AllocsPerRun(100, func() {
		for _, doc := range l.docs {
			p.NextDue("c", doc)
		}
	}); n > 0 {
		t.Errorf("NextDue allocates %v times", n)
	}
}
