package journey

import (
	"fmt"
	"slices"

	"wend/schemas"
)

// Sends that quiet hours put off to their end. They are kept with the enrollment whose step was reached, also when it
// has ended since: its triggers take them back.

// maxDeferred is how many sends of a customer wait for the end of quiet hours at once; quiet hours drop what is more.
const maxDeferred = 256

// putOff keeps a send for later. It has its parameters, variant and cause already: they are those of reaching the step.
// expire is the step's own, 0 for none.
func (s *stepper) putOff(j *plan, en *schemas.Enrollment, a *schemas.Action, expire, until int64) {
	if waiting := s.deferredSends(en); waiting >= maxDeferred {
		s.stop(j, en, a.Step, stoppedQuiet, a.Channel, fmt.Sprintf("%s: %d sends are put off already", a.Template, waiting))
		return
	}
	s.rearm(j, en, schemas.Deferred{
		Step: a.Step, ActionID: a.ID, Channel: a.Channel, Template: a.Template, Params: a.Params, Variant: a.Variant,
		Cause: a.Cause, Reached: s.doc.Time, Expire: expire, Kept: s.leaving,
	}, until)
}

// rearm lets a deferred send wait until a moment.
func (s *stepper) rearm(j *plan, en *schemas.Enrollment, d schemas.Deferred, until int64) {
	d.Armed, d.Due = s.doc.Time, until
	en.Deferred = append(en.Deferred, d)
	s.out.Counters.Deferred++
	s.note(j, trailDeferred, trailDetail(d.Step, stoppedQuiet))
	if s.out.Tracing {
		x := s.about(DecidedDeferred, j, en, d.Step)
		x.Reason, x.Detail, x.Cause, x.Due = stoppedQuiet, d.Channel+" "+d.Template, d.Cause, until
		s.trace(x)
	}
}

// deferredSends counts those of the customer; en may not be in the document yet.
func (s *stepper) deferredSends(en *schemas.Enrollment) int {
	n := 0
	if en == &s.opened {
		n = len(en.Deferred)
	}
	for i := range s.doc.Journeys.Len() {
		js := s.doc.Journeys.At(i)
		for k := range js.Running {
			n += len(js.Running[k].Deferred)
		}
		for k := range js.Ended {
			n += len(js.Ended[k].Deferred)
		}
	}
	return n
}

// deferredTimer finds the deferred send that is due first. at is its journey's state, index its place in the list of the
// enrollment.
func deferredTimer(p *Program, doc owner, first timer) timer {
	for i := range doc.Journeys.Len() {
		if doc.Journeys.Soonest(i) > first.due {
			continue
		}
		js := doc.Journeys.At(i)
		for k := range js.Running {
			if len(js.Running[k].Deferred) > 0 {
				first = earliestDeferred(p, doc.customer, js, &js.Running[k], i, first)
			}
		}
		for k := range js.Ended {
			if len(js.Ended[k].Deferred) > 0 {
				first = earliestDeferred(p, doc.customer, js, &js.Ended[k], i, first)
			}
		}
	}
	return first
}

func earliestDeferred(p *Program, customer string, js *schemas.JourneyState, en *schemas.Enrollment, at int, first timer) timer {
	head := p.plan(js.Journey)
	if head == nil || head.of(en.Version) == nil {
		return first // its timers stand still
	}
	for i := range en.Deferred {
		d := &en.Deferred[i]
		if d.Due == schemas.Never {
			continue
		}
		due, held := p.firing(head, customer, d.Due, d.Armed)
		if due == schemas.Never {
			continue
		}
		t := timer{due: due, held: held, rank: head.rank, number: en.Number, armed: uint64(i), at: at, index: i}
		if d.Armed > en.Arrived && en.Step != "" {
			t.armed = lastArmed // put off once more, behind the step's timer
		}
		if t.before(&first) {
			first = t
		}
	}
	return first
}

// fireDeferred leads a deferred send past all policies again.
func (s *stepper) fireDeferred(t timer) {
	js := s.doc.Journeys.At(t.at)
	en := findDeferred(js, t)
	d := en.Deferred[t.index]
	en.Deferred = slices.Delete(en.Deferred, t.index, t.index+1)
	if j := s.p.plan(js.Journey).of(en.Version); j != nil { // none only of a damaged document
		s.passAgain(j, en, d)
	}
	s.forgetEnded(js)
}

// findDeferred finds the enrollment that a timer is of. A damaged document may have several of its number.
func findDeferred(js *schemas.JourneyState, t timer) *schemas.Enrollment {
	for _, list := range [...][]schemas.Enrollment{js.Running, js.Ended} {
		for i := range list {
			if en := &list[i]; en.Number == t.number && t.index < len(en.Deferred) && en.Deferred[t.index].Due == t.due-t.held {
				return en
			}
		}
	}
	return nil // no timer is found that is not there
}

func (s *stepper) passAgain(j *plan, en *schemas.Enrollment, d schemas.Deferred) {
	c := s.p.policies.channels[d.Channel]
	e := c.expiry(d.Expire)
	s.weighExpiry(j, en, &d, e)
	if e > 0 && later(d.Reached, e) <= s.doc.Time {
		s.stop(j, en, d.Step, stoppedExpired, d.Channel, d.Template)
		return
	}
	by, until := s.stops(c, false, j, en, d.Step)
	switch {
	case until != 0: // the customer's zone or the hours are others now
		s.rearm(j, en, d, until)
	case by != "":
		s.stop(j, en, d.Step, by, d.Channel, d.Template)
	default:
		// An action shares no memory with the document.
		a := schemas.Action{
			ID: cloneString(d.ActionID), Journey: j.name, Version: en.Version, Step: cloneString(d.Step), Channel: cloneString(d.Channel),
			Template: cloneString(d.Template), Cause: schemas.Cause{EventID: cloneString(d.Cause.EventID), Type: cloneString(d.Cause.Type), Time: d.Cause.Time},
			DecidedAt: s.doc.Time, ExpiresAt: s.expiresAt(c, d.Reached, d.Expire),
		}
		a.Customer = s.customerIn(a.ID, j.name)
		for _, f := range d.Params {
			a.Params = append(a.Params, schemas.Field{Name: cloneString(f.Name), Value: schemas.CloneValue(f.Value)})
		}
		for _, v := range d.Variant {
			a.Variant = append(a.Variant, schemas.Variant{Split: cloneString(v.Split), Arm: cloneString(v.Arm)})
		}
		s.leaves(j, en, c, &a)
	}
}

// takeBack drops the deferred sends of an enrollment that leaves by a trigger, or would have left. Those of a trigger's
// own `do` stay.
func (s *stepper) takeBack(j *plan, en *schemas.Enrollment) {
	en.Deferred = slices.DeleteFunc(en.Deferred, func(d schemas.Deferred) bool {
		if d.Kept {
			return false
		}
		s.stop(j, en, d.Step, stoppedExited, d.Channel, d.Template)
		return true
	})
}

// takeBackEnded offers the event in hand to the ended enrollments that have deferred sends: where it would have made one
// leave by its goal or an exit, had it not ended before, its sends are dropped. An event reaches one goal only, the
// newest that it fits: winner is the enrollment of which it is known.
func (s *stepper) takeBackEnded(head *plan, js *schemas.JourneyState, winner uint64) {
	for i := range js.Ended {
		en := &js.Ended[i]
		if en.Number == winner || !slices.ContainsFunc(en.Deferred, func(d schemas.Deferred) bool { return !d.Kept }) {
			continue
		}
		j := head.of(en.Version)
		if j == nil {
			continue
		}
		leaves := false
		if g := j.goal; g != nil && s.offers(g) && en.Expires <= s.doc.Time && (g.times > 0 || winner < en.Number) {
			leaves = s.fires(g, j, en) && winner < en.Number
		}
		for k := 0; k < len(j.exits) && !leaves; k++ {
			x := &j.exits[k]
			leaves = s.offers(x) && s.fires(x, j, en)
		}
		if leaves {
			s.takeBack(j, en)
		}
	}
}
