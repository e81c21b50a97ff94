package journey

import (
	"math"

	"wend/schemas"
)

// Timers of a customer come from several sources: steps where enrollments stand, and whatever else of the language
// waits for a moment. None keeps a list of its own: what is due is written where it belongs in the document, and a
// source finds its earliest there. So a timer cannot outlive what armed it.

// timer is an armed timer, and its place among those of one instant: scores and windows, then the order in which an
// event is offered, within an enrollment the order of arming.
type timer struct {
	due    int64
	held   int64  // how much later than its own time it fires, because its journey was paused
	rank   int32  // of the journey; profileRank for scores and windows
	number uint64 // of the enrollment; entryNumber for what opens one
	armed  uint64 // of several of one enrollment: by when they were armed; lastArmed for its step's
	source int8   // in timerSources, or noTimer
	at     int    // where it stands: what its source likes, for its fire
	index  int
}

const (
	profileRank = -1             // comes before every journey
	entryNumber = math.MaxUint64 // a journey's entry comes behind its enrollments
	lastArmed   = math.MaxUint64
	noTimer     = -1
)

// before reports whether t fires before o. Of two that nothing tells apart the one found first fires first.
func (t *timer) before(o *timer) bool {
	switch {
	case t.due != o.due:
		return t.due < o.due
	case t.held != o.held:
		return t.held > o.held
	case t.rank != o.rank:
		return t.rank < o.rank
	case t.number != o.number:
		return t.number < o.number
	}
	return t.armed < o.armed
}

// timerSource is one kind of timers. Both functions are on the way of every event: they allocate nothing, and values
// rather than pointers go in and out, which would escape.
type timerSource struct {
	// earliest returns the source's earliest timer if that fires before first, else first. A timer whose journey the
	// program does not have stands still.
	earliest func(p *Program, of owner, first timer) timer
	// fire does what the timer is for; the customer's time is there already, and no event is in hand. It must disarm the
	// timer, or arm it again for later.
	fire func(s *stepper, t timer)
}

// owner is a customer's document.
type owner struct {
	customer string
	*schemas.Document
}

// timerSources in an order that matters only between timers that nothing else tells apart.
var timerSources = [...]timerSource{
	{scoreTimer, (*stepper).fireScore},
	{windowTimer, (*stepper).fireWindow},
	{stepTimer, (*stepper).fireStep},
	{momentTimer, (*stepper).fireMoment},
	{deferredTimer, (*stepper).fireDeferred},
}

// earliest returns the first timer that is due at or before limit; its source is noTimer where there is none.
func (p *Program) earliest(customer string, doc *schemas.Document, limit int64) timer {
	first := timer{due: limit, rank: math.MaxInt32, source: noTimer}
	if p.soonest(doc) > limit { // the rule
		return first
	}
	for i := range timerSources {
		t := timerSources[i].earliest(p, owner{customer, doc}, first)
		if t.before(&first) {
			first = t
			first.source = int8(i)
		}
	}
	return first
}

// soonest is a moment before which no timer of the document is due, mostly that of the first. It is on the way of every
// event, twice, so it looks at times alone: not whether the program has the journey that one is of, nor which comes
// first of several at one instant.
func (p *Program) soonest(doc *schemas.Document) int64 {
	if len(p.leaving) > 0 { // what leaves a window is written nowhere
		return schemas.NoTime
	}
	due := int64(schemas.Never)
	for i := range doc.Scores {
		due = min(due, doc.Scores[i].Due)
	}
	for i := range doc.Journeys.Len() {
		due = min(due, doc.Journeys.Soonest(i))
	}
	return due
}

// NextDue returns the earliest due time of the document's armed timers, or schemas.Never. Timers of journeys that the
// program does not have stand still.
func (p *Program) NextDue(customer string, doc *schemas.Document) int64 {
	return p.NextDueBefore(customer, doc, schemas.Never)
}

// NextDueBefore is NextDue where that is earlier than before, else schemas.Never; which is mostly known at once.
func (p *Program) NextDueBefore(customer string, doc *schemas.Document, before int64) int64 {
	if t := p.earliest(customer, doc, before-1); t.source != noTimer {
		return t.due
	}
	return schemas.Never
}

// fireDue fires the timers due at or before limit, oldest first, and reports whether it fired them all.
func (s *stepper) fireDue(limit int64) bool {
	if limit == schemas.Never {
		limit-- // a timer at Never is none
	}
	for fired := 0; ; fired++ {
		t := s.p.earliest(s.customer, s.doc, limit)
		if t.source != noTimer && s.doc.Known != s.p.known {
			s.know()
			t = s.p.earliest(s.customer, s.doc, limit) // what stands where in the document may have changed
		}
		if t.source == noTimer {
			return true
		}
		if fired == MaxTimers {
			return false
		}
		s.fire(t)
	}
}

// fire does point 1 for one timer.
func (s *stepper) fire(t timer) {
	s.out.Changed = true
	s.out.Counters.Timers++
	s.advance(t.due)
	s.setEvent(nil, nil)
	s.depth, s.emitted = 0, 0
	timerSources[t.source].fire(s, t)
	if s.stirred {
		s.point4(nil)
	}
	if len(s.queue) > 0 {
		s.drain(0, 0)
	}
	s.redate()
}
