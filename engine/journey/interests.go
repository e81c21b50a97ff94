package journey

import (
	"math/bits"
	"sort"

	"wend/engine/journey/expr"
	"wend/schemas"
)

// Of the journeys that want an event's type few want the event: most conditions of entries ask for a certain thing, and
// customers are inside few journeys. The plain way is to ask every journey, so that an event costs as much as there are
// journeys on its type. Here those are found to which it matters, which costs as much as they are, and nearly nothing for
// each of the rest: an entry whose condition a sieve (expr.Sieve) finds not to hold is refused without being looked at.
//
// What refusals leave behind is the same as if each had been asked: they are counted, and the document's trail remembers
// them in their order among all other decisions. As the trail holds sixteen, of many refusals in a row only the last are
// written. Who is asked why (Effects.Tracing) asks every journey.

// interests are the journeys that want an event type, and how to find among them those to which an event matters.
type interests struct {
	touches []touch          // in the order of Program.plans
	inside  []int32          // touches because of which enrollments have to be looked at
	states  map[string]int32 // the same by journey
	opens   []uint64         // a bit for each touch: the type may open its journey
	sieve   *expr.Sieve      // of the conditions of entries, by touch; nil: none has a term

	trails []uint32 // what documents call the journeys that the type may open
	ahead  []int32  // how many of trails stand ahead of a touch, and of the end
	apart  []int32  // for each of trails the first from which on to there no two are the same
}

// touch is one journey's interest in a type.
type touch struct {
	plan   *plan
	enter  bool
	goal   bool
	inside bool // goal, an exit or an await wants it: enrollments have to be looked at
}

// from is the first touch of a journey that is not ahead of the rank.
func (x *interests) from(rank int32) int {
	return sort.Search(len(x.touches), func(i int) bool { return x.touches[i].plan.rank >= rank })
}

// refused are touches in a row that were passed over, of which the document has not been told yet: places in trails.
type refused struct {
	of       *interests
	from, to int32
}

// sift finds the touches to which the event in hand matters, and those whose entry it cannot open.
func (s *stepper) sift(x *interests) {
	words := len(x.opens)
	for len(s.matters) < words {
		s.matters, s.barred = append(s.matters, 0), append(s.barred, 0)
	}
	matters, barred := s.matters[:words], s.barred[:words]
	if s.p.plain || s.out.Tracing || s.out.Explaining {
		for w := range matters {
			matters[w], barred[w] = ^uint64(0), 0
		}
		return
	}
	if x.sieve != nil {
		x.sieve.Sift(&s.offered, barred)
	} else {
		clear(barred)
	}
	for w := range matters {
		matters[w] = x.opens[w] &^ barred[w]
	}
	journeys := &s.doc.Journeys
	if len(x.inside) < journeys.Len() {
		for _, i := range x.inside {
			if _, found := findState(s.doc, x.touches[i].plan.name); found {
				matters[i/64] |= 1 << (i % 64)
			}
		}
		return
	}
	for k := range journeys.Len() {
		if i, ok := x.states[journeys.Name(k)]; ok {
			matters[i/64] |= 1 << (i % 64)
		}
	}
}

// next is the first touch from i on to which the event matters, or their number.
func (s *stepper) next(x *interests, i int) int {
	for w := i / 64; w < len(x.opens); w++ {
		m := s.matters[w]
		if w == i/64 {
			m &= ^uint64(0) << (i % 64)
		}
		if m != 0 {
			return min(64*w+bits.TrailingZeros64(m), len(x.touches))
		}
	}
	return len(x.touches)
}

// passOver refuses the entries of the touches from i to before k, whose conditions do not hold.
func (s *stepper) passOver(x *interests, i, k int) {
	if i == k {
		return
	}
	from, to := x.ahead[i], x.ahead[k]
	if from == to {
		return
	}
	s.inHand = true // as it is behind an entry that was looked at
	s.out.Counters.Refused[RefusedCondition] += uint64(to - from)
	if s.refused.to != from || s.refused.of != x {
		s.tellRefused()
		s.refused = refused{of: x, from: from}
	}
	s.refused.to = to
}

// tellRefused makes the document remember the entries that were passed over.
func (s *stepper) tellRefused() {
	r := &s.refused
	if r.from == r.to {
		return
	}
	code := trailRefused + trailRefusals[RefusedCondition]
	from := max(r.from, r.to-schemas.TrailReach)
	if r.of.apart[r.to-1] <= from {
		s.doc.Trail.NoteEach(s.doc.Time, r.of.trails[from:r.to], code, 0)
	} else { // two journeys have one hash
		for _, j := range r.of.trails[r.from:r.to] {
			s.doc.Trail.Note(s.doc.Time, j, code, 0)
		}
	}
	*r = refused{}
}
