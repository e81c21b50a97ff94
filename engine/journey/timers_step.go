package journey

import "wend/schemas"

// stepTimer finds the enrollment whose step's time is up first. at and index are those of its journey's state and of
// the enrollment in it.
func stepTimer(p *Program, doc owner, first timer) timer {
	for i := range doc.Journeys {
		js := &doc.Journeys[i]
		for k := range js.Running {
			en := &js.Running[k]
			if en.Due > first.due || en.Due == schemas.Never {
				continue
			}
			j := p.plan(js.Journey)
			if j == nil {
				break // its timers stand still
			}
			// Whatever else an enrollment armed it armed on its way to the step where it stands.
			t := timer{due: en.Due, rank: j.rank, number: en.Number, armed: lastArmed, at: i, index: k}
			if t.before(&first) {
				first = t
			}
		}
	}
	return first
}

// fireStep leads an enrollment on whose wait is over, or whose await has come to its deadline.
func (s *stepper) fireStep(t timer) {
	js := &s.doc.Journeys[t.at]
	en := &js.Running[t.index]
	j := s.p.plan(js.Journey)
	n, ok := j.standing[en.Step]
	if !ok {
		s.leave(j, js, en, reasonStepRemoved)
		js.Running = removeEnrollment(js.Running, t.index)
		return
	}
	s.traceStep(DecidedTimer, j, en, n, &j.nodes[n], int32(j.nodes[n].await.ways()), "")
	to := j.nodes[n].next
	if j.nodes[n].op == opAwait {
		to = j.nodes[n].await.timeout
	}
	stands, reason := s.run(j, en, to)
	if stands {
		s.settle(j, en)
		return
	}
	s.leave(j, js, en, reason)
	js.Running = removeEnrollment(js.Running, t.index)
}
