package journey

import "wend/schemas"

// run takes an enrollment from node at on, up to where it comes to stand, or to its end with the reason. The node table
// has no circles but those of repeats, whose rounds are bounded (repeat.go), so it comes to an end.
func (s *stepper) run(j *plan, en *schemas.Enrollment, at int32) (stands bool, reason string) {
	for at != end {
		n := &j.nodes[at]
		if n.cond != nil {
			if ok, _ := s.holds(n.cond, j, en, n.id); !ok {
				s.traceStep(DecidedPassed, j, en, at, n, 0, "")
				at = n.next
				continue
			}
		}
		if n.op != opAgain {
			s.traceStep(DecidedReached, j, en, at, n, 0, "")
		}
		next := n.next
		switch n.op {
		case opWait:
			if due := s.due(j, en, n); due > s.doc.Time {
				s.stand(j, en, n, due)
				return true, ""
			}
			if n.wait.pastExit {
				s.traceStep(DecidedArm, j, en, at, n, 0, "past")
				return false, reasonPast
			}
		case opAwait:
			to, ok := n.await.do, false
			if n.await.until == nil {
				to, ok = s.takeEarly(j, at, en)
			} else if ok, _ = s.holds(n.await.until, j, en, n.id); ok {
				s.traceStep(DecidedMoved, j, en, at, n, 0, "it held already")
			}
			if due := later(s.doc.Time, n.await.within); !ok && due > s.doc.Time {
				s.stand(j, en, n, due)
				return true, ""
			} else if !ok {
				// A deadline that is here on arrival is over, as with a wait. So every armed timer is later than what
				// armed it, and journeys that start one another cannot stop the customer's time.
				to = n.await.timeout
			}
			next = to
		case opBranch:
			for i := range n.arms {
				if ok, _ := s.holds(n.arms[i].cond, j, en, n.arms[i].place); ok {
					s.traceStep(DecidedArm, j, en, at, n, int32(i), n.arms[i].place)
					next = n.arms[i].do
					break
				}
			}
		case opSplit:
			next = s.split(j, en, at, n)
		case opChoose:
			next = s.choose(j, en, at, n)
		case opRepeat:
			next = s.begin(en, n)
		case opAgain:
			next = s.again(j, en, n)
		case opSend:
			s.send(j, en, n)
		case opSet:
			s.assign(n.set, j, en, n.id)
		case opTag, opUntag:
			s.tag(n.tags, n.op == opUntag, j, en, n.id)
		case opEmit:
			s.emit(j, en, n)
		case opExit:
			return false, n.reason
		}
		at = next
	}
	return false, reasonCompleted
}

func (s *stepper) traceStep(kind DecisionKind, j *plan, en *schemas.Enrollment, at int32, n *node, arm int32, detail string) {
	if !s.out.Tracing {
		return
	}
	d := s.about(kind, j, en, n.id)
	d.node, d.arm, d.Detail = at, arm, detail
	s.trace(d)
}

// stand makes an enrollment wait at n.
func (s *stepper) stand(j *plan, en *schemas.Enrollment, n *node, due int64) {
	en.Step, en.Arrived, en.Due, en.Resets = n.id, s.doc.Time, due, 0
	if s.out.Tracing {
		d := s.about(DecidedWaiting, j, en, n.id)
		d.Due = due
		s.trace(d)
	}
}

// split takes the arm of the customer's bucket, and notes it as the enrollment's variant.
func (s *stepper) split(j *plan, en *schemas.Enrollment, at int32, n *node) int32 {
	b := bucket(j.name, n.draw, s.customer)
	for i := range n.arms {
		if b >= n.arms[i].below {
			continue
		}
		s.traceStep(DecidedArm, j, en, at, n, int32(i), n.arms[i].name+s.armDraw(b, n, i))
		// Actions share the list of variants, so it is made anew instead of being changed.
		variant := make([]schemas.Variant, 0, len(en.Variant)+1)
		for _, v := range en.Variant {
			if v.Split != n.split {
				variant = append(variant, v)
			}
		}
		en.Variant = append(variant, schemas.Variant{Split: n.split, Arm: n.arms[i].name})
		return n.arms[i].do
	}
	return n.next
}

// visit counts that an enrollment reached a step that has an id in actions.
func (s *stepper) visit(en *schemas.Enrollment, step string) uint64 {
	for i := range en.Visits {
		if en.Visits[i].Step == step {
			en.Visits[i].Count++
			return en.Visits[i].Count
		}
	}
	if en != &s.opened { // which has memory of its own
		en.Visits = grown(s, &s.scratch.visits, en.Visits)
	}
	en.Visits = append(en.Visits, schemas.Visit{Step: step, Count: 1})
	return 1
}

// causeFor is the event that moved the enrollment last.
func (s *stepper) causeFor(en *schemas.Enrollment) schemas.Cause {
	if s.inHand {
		return s.causeOf()
	}
	return en.Cause
}

// params evaluates `with`; what fails is left out.
func (s *stepper) params(with []assign, j *plan, en *schemas.Enrollment, step string) schemas.Fields {
	if len(with) == 0 {
		return nil
	}
	fields := make(schemas.Fields, 0, len(with))
	for i := range with {
		if v, ok := s.evaluate(&with[i], j, en, step); ok {
			fields = fields.Set(with[i].name, v)
		}
	}
	return fields
}

// emit queues an event of the customer. Its id is made as an action's is, so that it is the same whenever the same
// decision is made.
func (s *stepper) emit(j *plan, en *schemas.Enrollment, n *node) {
	count := s.visit(en, n.id)
	kind, detail := DecidedEmitted, n.emit.name
	switch {
	case s.depth+1 > maxChain:
		kind, detail = DecidedCut, n.emit.name+": the chain of emitted events is deeper than 8"
	case s.emitted >= maxRound:
		kind, detail = DecidedCut, n.emit.name+": more than 10000 events were emitted at once"
	default:
		s.emitted++
		id := s.actionID(j, en, n.id, count)
		s.queue = append(s.queue, schemas.Event{
			ID: id, Customer: s.customerIn(id, j.name), Type: n.emit.name, Time: s.doc.Time,
			Body: s.params(n.emit.with, j, en, n.id),
		})
	}
	if kind == DecidedCut {
		s.out.Counters.Cut++
	}
	if s.out.Tracing {
		d := s.about(kind, j, en, n.id)
		d.Detail = detail
		s.trace(d)
	}
}
