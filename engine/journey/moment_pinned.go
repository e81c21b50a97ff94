package journey

import (
	"slices"

	"wend/schemas"
)

// Moments for which goals and exits of pinned versions wait. Nobody enters these, so a customer has such a timer only where
// somebody is inside; and it is not armed from the moment of a deploy, but goes on.

// wanted says whether an enrollment of the customer goes by a version that waits for the moment.
func (s *stepper) wanted(m *moment) bool {
	at, found := findState(s.doc, m.plan.name)
	if !found {
		return false
	}
	js, head := s.doc.Journeys.At(at), m.plan.head
	waits := func(en schemas.Enrollment) bool {
		j := head.of(en.Version)
		if j == nil {
			return false
		}
		return j.goal != nil && j.goal.wants(m.typ.id) || slices.ContainsFunc(j.exits, func(x trigger) bool { return x.wants(m.typ.id) })
	}
	return slices.ContainsFunc(js.Running, waits) || slices.ContainsFunc(js.Ended, waits)
}

// disarm takes the trigger's timer away.
func (s *stepper) disarm(m *moment) {
	if at, k, found := s.timerOf(m); found {
		s.doc.Journeys.At(at).Timers = slices.Delete(s.doc.Journeys.At(at).Timers, k, k+1)
		s.tidy(at, true)
	}
}

// adopt hands timers on to pinned versions: until a deploy what these wait for stood in the place that now waits for
// something else, and what is known of it goes on.
func (j *plan) adopt(js *schemas.JourneyState) {
	had := js.Timers
	for _, m := range j.moments {
		if m.place == m.base || slices.ContainsFunc(had, func(x schemas.TriggerTimer) bool { return x.Trigger == m.place }) {
			continue
		}
		for _, x := range had {
			of := x.Trigger == m.base
			if o := j.momentAt(x.Trigger); !of && (o == nil || o.base != m.base) || x.Spec != m.spec {
				continue
			}
			x.Trigger, x.Fired = m.place, slices.Clone(x.Fired)
			if m.kind == inactiveMoment && x.Due != schemas.Never {
				x.Due = later(x.Of, m.length)
			}
			js.Timers = append(js.Timers, x)
			break
		}
	}
}
