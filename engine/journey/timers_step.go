package journey

import "wend/schemas"

// stepTimer finds the enrollment whose step's time is up first. at and index are those of its journey's state and of
// the enrollment in it.
func stepTimer(p *Program, doc owner, first timer) timer {
	for i := range doc.Journeys.Len() {
		if doc.Journeys.Soonest(i) > first.due {
			continue
		}
		js := doc.Journeys.At(i)
		for k := range js.Running {
			en := &js.Running[k]
			if en.Due > first.due || en.Due == schemas.Never {
				continue
			}
			head := p.plan(js.Journey)
			if head == nil {
				break // its timers stand still
			}
			if head.of(en.Version) == nil {
				continue // until it changes over
			}
			due, held := p.firing(head, doc.customer, en.Due, en.Arrived)
			if due == schemas.Never {
				continue
			}
			// Whatever else an enrollment armed it armed on its way to the step where it stands.
			t := timer{due: due, held: held, rank: head.rank, number: en.Number, armed: lastArmed, at: i, index: k}
			if t.before(&first) {
				first = t
			}
		}
	}
	return first
}

// fireStep leads an enrollment on whose wait is over, or whose await has come to its deadline.
func (s *stepper) fireStep(t timer) {
	js := s.doc.Journeys.At(t.at)
	en := &js.Running[t.index]
	j := s.p.plan(js.Journey).of(en.Version)
	n, ok := j.standing[en.Step]
	if !ok {
		s.leave(j, js, en, reasonStepRemoved)
		js.Running = removeEnrollment(js.Running, t.index)
		return
	}
	to := j.nodes[n].next
	if held, ok := s.unhold(j, en, n); ok {
		to = held
	} else {
		s.traceStep(DecidedTimer, j, en, n, &j.nodes[n], int32(j.nodes[n].await.ways()), "")
		if j.nodes[n].op == opAwait {
			to = j.nodes[n].await.timeout
		}
	}
	stands, reason := s.run(j, en, to)
	if stands {
		s.settle(j, en)
		return
	}
	s.leave(j, js, en, reason)
	js.Running = removeEnrollment(js.Running, t.index)
}
