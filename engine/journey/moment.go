package journey

import (
	"slices"
	"strings"

	"wend/engine/journey/cron"
	"wend/engine/journey/localtime"
	"wend/schemas"
)

// Triggers that no event fires but a moment: `inactive`, `date` and `schedule`, in enter, goal and exit.
//
// What such a trigger waits for is one timer of the customer (schemas.TriggerTimer) in the journey's state, whoever is
// enrolled. So it is in the shard's index like every other, is there after a restart, and fires on the shard's clock,
// and nobody ever looks at all customers at once. It is armed by what brings the moment about: an event, a change of the
// profile, the customer's first event, and itself when it fires.
//
// Two things can leave a document without timers that it should have, or with others: a program that has other triggers
// than the one that wrote it, and one that never saw the customer. So a document says for which set of triggers it is
// armed (Document.Armed), and Step arms it anew where that is another set than the program's. Of the customers whom no
// event brings to Step the shell sees to that, once for each new set (Stale, Moments, Input.Since).

type momentKind uint8

const (
	inactiveMoment momentKind = iota
	dateMoment
	scheduleMoment
)

var momentNames = [...]string{"inactive", "date", "schedule"}

func (k momentKind) String() string { return momentNames[k] }

// moment is a compiled trigger of these kinds.
type moment struct {
	kind   momentKind
	plan   *plan
	place  string // in documents: "" for enter, goal, exit[0]; of a pinned version that waits for something else, more
	base   string // the place in the journey
	inside bool   // of a version that nobody enters: it is armed where somebody is inside
	order  uint64 // among those of a journey at one instant
	index  int    // in Program.Moments; -1: not there
	spec   uint32 // names what is waited for, and changes with it
	typ    typeIndex
	length int64 // of inactive, ms

	attribute string // of date
	yearly    bool
	offset    localtime.Day
	clock     localtime.Clock

	times  *cron.Expr // of schedule; nil: listed
	listed []LocalTime
	spread int64 // ms
}

// recurs says whether it never comes to an end by itself.
func (m *moment) recurs() bool { return m.kind == scheduleMoment || m.kind == dateMoment && m.yearly }

// MomentTrigger names a trigger that waits for a moment.
type MomentTrigger struct {
	Journey string
	Trigger string // "" for enter, goal, exit[0]
	Spec    uint32 // changes with what is waited for
}

// Moments are the program's triggers that wait for a moment and may have to be armed for customers whom no event brings
// (`date`, `schedule`), in the order of Input.Since.
func (p *Program) Moments() []MomentTrigger {
	var all []MomentTrigger
	for _, m := range p.moments {
		if m.index >= 0 {
			all = append(all, MomentTrigger{m.plan.name, m.place, m.spec})
		}
	}
	return all
}

// Armed names the set of the program's triggers that wait for a moment; 0: it has none.
func (p *Program) Armed() uint64 { return p.armed }

// Stale says whether the document's timers are not those of the program's triggers, or an enrollment goes on in another
// version or leaves: the next Step of any input does that.
func (p *Program) Stale(doc *schemas.Document) bool { return doc.Armed != p.armed || p.behind(doc) }

// momentAt returns the trigger at a place of the plan, or nil.
func (j *plan) momentAt(place string) *moment {
	for _, m := range j.moments {
		if m.place == place {
			return m
		}
	}
	return nil
}

// momentTimer finds the first timer of a trigger. at and index are those of its journey's state and of the timer in it.
// A timer that was armed for something else stands still: Step arms it anew first.
func momentTimer(p *Program, doc owner, first timer) timer {
	if len(p.moments) == 0 {
		return first
	}
	for i := range doc.Journeys.Len() {
		if doc.Journeys.Soonest(i) > first.due {
			continue
		}
		js := doc.Journeys.At(i)
		for k := range js.Timers {
			x := &js.Timers[k]
			if x.Due > first.due || x.Due == schemas.Never {
				continue
			}
			j := p.plan(js.Journey)
			if j == nil {
				break
			}
			m := j.momentAt(x.Trigger)
			if m == nil || m.spec != x.Spec {
				continue
			}
			// Goal and exits come before what is inside, the entry behind it.
			t := timer{due: x.Due, rank: j.rank, number: 0, armed: m.order, at: i, index: k}
			if m.base == "" {
				t.number = entryNumber
			}
			if t.before(&first) {
				first = t
			}
		}
	}
	return first
}

// fireMoment offers a moment to the entry, the goal or the exit that waits for it, as if it were an event.
func (s *stepper) fireMoment(t timer) {
	x := &s.doc.Journeys.At(t.at).Timers[t.index]
	j := s.p.plan(s.doc.Journeys.Name(t.at))
	m := j.momentAt(x.Trigger)
	switch m.kind {
	case inactiveMoment:
		x.Due = schemas.Never
	case dateMoment:
		s.noteFired(m, x)
		s.armDate(m, s.doc.Time)
	case scheduleMoment:
		x.Due, x.Of = s.nextOf(m, later(x.Of, 1))
	}
	if m.inside && !s.wanted(m) {
		s.disarm(m) // who waited for it is gone
		return
	}
	s.moment = schemas.Event{Customer: s.customer, Type: m.typ.name, Time: s.doc.Time}
	s.setEvent(&s.moment, &m.typ)
	s.offered.bare = true
	if m.base == "" {
		s.enter(j)
	} else if at, found := findState(s.doc, j.name); found {
		s.inside(j, s.doc.Journeys.At(at), m.base == placeGoal)
	}
}

// arm sees to it that the document has the timers of the program's triggers, and no others.
func (s *stepper) arm() {
	for i := range s.doc.Journeys.Len() {
		js := s.doc.Journeys.At(i)
		if j := s.p.plan(js.Journey); j != nil {
			j.adopt(js)
			js.Timers = slices.DeleteFunc(js.Timers, func(x schemas.TriggerTimer) bool { return j.momentAt(x.Trigger) == nil })
		}
	}
	for _, m := range s.p.moments {
		if m.inside && !s.wanted(m) {
			s.disarm(m)
			continue
		}
		since := s.sinceOf(m)
		at, k, found := s.timerOf(m)
		if m.kind == inactiveMoment {
			if found {
				s.armSilence(m, &s.doc.Journeys.At(at).Timers[k])
			}
			continue
		}
		if m.kind == dateMoment {
			s.armDate(m, max(s.doc.Time, since))
			continue
		}
		// One that is armed already may have fired at the customer's very time: it is not looked for again.
		if found {
			if x := &s.doc.Journeys.At(at).Timers[k]; x.Spec == m.spec && x.Of >= since {
				continue
			}
		}
		s.armSchedule(m, max(s.doc.Time, since))
	}
	s.doc.Armed = s.p.armed
	s.out.Changed = true
}

// sinceOf is from when on the trigger counts: what was before the program had it is not made up for.
func (s *stepper) sinceOf(m *moment) int64 {
	if m.index >= 0 && m.index < len(s.since) {
		return s.since[m.index]
	}
	return schemas.NoTime
}

// timerOf returns where the trigger's timer stands: of which journey's state, and where in it.
func (s *stepper) timerOf(m *moment) (at, index int, found bool) {
	at, found = findState(s.doc, m.plan.name)
	if !found {
		return at, 0, false
	}
	for k := range s.doc.Journeys.At(at).Timers {
		if s.doc.Journeys.At(at).Timers[k].Trigger == m.place {
			return at, k, true
		}
	}
	return at, 0, false
}

// setTimer gives the trigger's timer, which it makes where there is none. It moves journeys' states.
func (s *stepper) setTimer(m *moment) *schemas.TriggerTimer {
	at, k, found := s.timerOf(m)
	if !found {
		if at == s.doc.Journeys.Len() || s.doc.Journeys.Name(at) != m.plan.name {
			s.insertState(m.plan, at)
		}
		js := s.doc.Journeys.At(at)
		k = len(js.Timers)
		js.Timers = append(js.Timers, schemas.TriggerTimer{Trigger: m.place, Due: schemas.Never})
	}
	x := &s.doc.Journeys.At(at).Timers[k]
	x.Spec = m.spec
	return x
}

// endless says whether what recurs is armed no more: a simulation has come to the end of its log.
func (s *stepper) endless(m *moment) bool { return s.out.ended && m.recurs() }

// stopRecurring disarms what would recur for ever.
func (p *Program) stopRecurring(doc *schemas.Document) {
	for i := range doc.Journeys.Len() {
		js := doc.Journeys.At(i)
		j := p.plan(js.Journey)
		if j == nil {
			continue
		}
		for k := range js.Timers {
			if m := j.momentAt(js.Timers[k].Trigger); m != nil && m.recurs() {
				js.Timers[k].Due = schemas.Never
			}
		}
	}
}

// hear arms the triggers for which an event ends a silence and begins the next. An older event than the newest says
// nothing about either.
func (s *stepper) hear(all []*moment, at int64) {
	for _, m := range all {
		if m.inside && !s.wanted(m) {
			continue
		}
		i, k, found := s.timerOf(m)
		if found {
			if x := &s.doc.Journeys.At(i).Timers[k]; x.Spec == m.spec && at <= x.Of {
				continue
			}
		}
		x := s.setTimer(m)
		x.Of, x.Due = at, later(at, m.length)
	}
}

// armSilence follows a change of what counts as silence. Of other events than before nothing is known.
func (s *stepper) armSilence(m *moment, x *schemas.TriggerTimer) {
	switch {
	case x.Spec != m.spec:
		at, k, _ := s.timerOf(m)
		s.doc.Journeys.At(at).Timers = slices.Delete(s.doc.Journeys.At(at).Timers, k, k+1)
		s.tidy(at, true)
	case x.Due != schemas.Never:
		if due := later(x.Of, m.length); due != x.Due {
			x.Due = max(due, s.p.deployed) // another length, by which it may have been over before the deploy
		}
	}
}

// feedback says whether an event tells of an action, that it was sent or failed, and not of the customer. What channels
// there are nobody lists, so the name alone says it.
func feedback(ev *schemas.Event) bool {
	return strings.HasSuffix(ev.Type, "_sent") || strings.HasSuffix(ev.Type, "_failed")
}
