package journey

import (
	"slices"

	"wend/schemas"
)

// Reasons of leaving that no author wrote.
const (
	reasonCompleted   = "completed"    // behind the last step
	reasonStepRemoved = "step_removed" // the program no longer has the step where it stood
	reasonPast        = "past"         // `past: exit` of a wait until a time that is past
)

// maxResets is how often an await restarts; further events that would restart it are ignored.
const maxResets = 100

// maxEarly is how many matches are kept of an await's `since: enter` event at most, where repeats lead to it again.
const maxEarly = 100

// maxEnded is how many ended enrollments of a journey are still looked at for their goal; the oldest go first.
const maxEnded = 1_000

// offer does point 4 for one journey: its running enrollments, oldest first, then its entry. t is the interest in the
// event in hand.
func (s *stepper) offer(j *plan, t touch) {
	if t.inside || len(s.news) > 0 {
		if at, found := findState(s.doc, j.name); found {
			if js := s.doc.Journeys.At(at); len(js.Running)+len(js.Ended) > 0 {
				s.inside(j, js, t.goal || s.turnedGoal(j))
			}
		}
	}
	if t.enter || s.turnedTrue(&j.enter) {
		s.enter(j)
	}
}

// turnedGoal reports whether a goal of one of the journey's versions is among what turned.
func (s *stepper) turnedGoal(head *plan) bool {
	if len(s.news) == 0 {
		return false
	}
	if head.goal != nil && s.turnedTrue(head.goal) {
		return true
	}
	return slices.ContainsFunc(head.older, func(j *plan) bool { return j.goal != nil && s.turnedTrue(j.goal) })
}

// inside offers the event in hand to the enrollments of a journey.
func (s *stepper) inside(head *plan, js *schemas.JourneyState, goal bool) {
	var winner uint64 // the enrollment whose goal the event reaches: numbers begin at 1
	if goal {
		s.forgetEnded(js)
		winner = s.winner(head, js)
	}
	s.takeBackEnded(head, js, winner)
	for i := range js.Ended {
		if j := head.of(js.Ended[i].Version); js.Ended[i].Number == winner && j != nil && j.goal != nil {
			// Those before it in age were looked at by number, not by place: an ended one runs only its `do`, which no
			// running one sees but through the profile.
			s.reachGoal(j, js, &js.Ended[i], true)
			js.Ended[i].Expires = 0
			s.forgetEnded(js)
			break
		}
	}
	stay := 0
	for i := range js.Running {
		if j := head.of(js.Running[i].Version); j != nil && s.offerTo(j, js, &js.Running[i], winner) {
			js.Running[i] = schemas.Enrollment{}
			continue
		}
		if stay != i {
			js.Running[stay], js.Running[i] = js.Running[i], schemas.Enrollment{}
		}
		stay++
	}
	js.Running = js.Running[:stay]
}

// winner returns the number of the newest enrollment, running or ended, that the event fits as a goal, or 0. Where the
// goal counts events, each enrollment counts for itself, whoever wins.
func (s *stepper) winner(head *plan, js *schemas.JourneyState) uint64 {
	var winner uint64
	i, k := len(js.Running)-1, len(js.Ended)-1
	for i >= 0 || k >= 0 {
		var en *schemas.Enrollment
		if k < 0 || i >= 0 && js.Running[i].Number > js.Ended[k].Number {
			en = &js.Running[i]
			i--
		} else {
			en = &js.Ended[k]
			k--
			if en.Expires <= s.doc.Time {
				continue // it is here for its deferred sends
			}
		}
		j := head.of(en.Version)
		if j == nil || j.goal == nil || !s.offers(j.goal) {
			continue
		}
		if (winner == 0 || j.goal.times > 0) && s.fires(j.goal, j, en) && winner == 0 {
			winner = en.Number
		}
	}
	return winner
}

// offerTo offers the event in hand to one running enrollment: goal, exits, await. It reports whether the enrollment
// left.
func (s *stepper) offerTo(j *plan, js *schemas.JourneyState, en *schemas.Enrollment, winner uint64) bool {
	if en.Number == winner && j.goal != nil {
		s.reachGoal(j, js, en, false)
		return true
	}
	for i := range j.exits {
		x := &j.exits[i]
		if !s.offers(x) || !s.fires(x, j, en) {
			continue
		}
		s.inHand = x.look == noLook && !s.offered.bare // a look or a moment leaves `event` and `cause` as they were
		s.takeBack(j, en)
		reason := s.runDo(j, en, x.do)
		switch {
		case x.reason != "":
			reason = x.reason
		case reason != "" && reason != reasonCompleted:
		case x.look != noLook:
			reason = becomesType.name
		default:
			reason = s.typ.name
		}
		s.leave(j, js, en, reason)
		return true
	}
	at, ok := j.standing[en.Step]
	if !ok {
		s.leave(j, js, en, reasonStepRemoved)
		return true
	}
	n := &j.nodes[at]
	if n.op == opAwait && !s.over(en) {
		if n.await.until != nil && s.holdsNow(j, en) {
			s.inHand = false
			if s.p.paused(j) {
				s.hold(j, en, at, 0)
				return false
			}
			return s.move(j, js, en, at, 0)
		}
		for i := range n.await.events {
			t := &n.await.events[i]
			if !s.offers(t) || !s.fires(t, j, en) {
				continue
			}
			if t.reset {
				if en.Resets < maxResets {
					s.reset(j, at, i, en)
					return false
				}
				break // ignored, also by the events listed behind it
			}
			if s.p.paused(j) {
				s.hold(j, en, at, i)
				return false
			}
			return s.move(j, js, en, at, i)
		}
	}
	if j.earlyTypes[s.typ.id] {
		s.rememberEarly(j, n, en)
	}
	return false
}

// offers reports whether the event in hand, or what turned, is of the trigger's kind.
func (s *stepper) offers(t *trigger) bool { return t.wants(s.typ.id) || s.turnedTrue(t) }

// fires reports whether the event in hand, whose type the trigger wants, is one for the enrollment; a trigger that
// counts counts it.
func (s *stepper) fires(t *trigger, j *plan, en *schemas.Enrollment) bool {
	s.inHand = true
	if t.of != "" && !s.isOf(en, t.of) {
		return false
	}
	if ok, _ := s.holds(t.cond, j, en, t.place); !ok {
		return false
	}
	return t.times == 0 || s.counted(&en.Counts, t, "")
}

// isOf reports whether the event in hand is feedback on a send of the enrollment.
func (s *stepper) isOf(en *schemas.Enrollment, send string) bool {
	for i := range en.Sent {
		if en.Sent[i].ID == send {
			v, _ := s.offered.Field("action_id")
			id, isText := v.(string)
			return isText && (id == en.Sent[i].ActionID || sentBefore(&en.Sent[i], id))
		}
	}
	return false
}

// move leads an enrollment on from the await at, by its event index; it reports whether it left.
func (s *stepper) move(j *plan, js *schemas.JourneyState, en *schemas.Enrollment, at int32, index int) bool {
	n := &j.nodes[at]
	s.traceStep(DecidedMoved, j, en, at, n, int32(index), "")
	to := n.await.do
	if n.await.until == nil {
		to = n.await.events[index].do
	}
	stands, reason := s.run(j, en, to)
	if stands {
		s.settle(j, en)
		return false
	}
	s.leave(j, js, en, reason)
	return true
}

// reset restarts an await; the event in hand becomes `event` and `cause`.
func (s *stepper) reset(j *plan, at int32, index int, en *schemas.Enrollment) {
	n := &j.nodes[at]
	en.Resets++
	en.Due = later(s.doc.Time, n.await.within)
	s.settle(j, en)
	if s.out.Tracing {
		d := s.about(DecidedMoved, j, en, n.id)
		d.Detail, d.Due, d.node, d.arm = "reset", en.Due, at, int32(index)
		s.trace(d)
	}
}

// settle writes down what an enrollment that stays in the document needs of the event in hand.
func (s *stepper) settle(j *plan, en *schemas.Enrollment) {
	if s.entering {
		en.EnterCause, en.Enter = s.causeOf(), s.keepFields(&j.enterFields)
	}
	if s.inHand {
		en.Cause, en.Event = s.causeOf(), s.keepFields(&j.eventFields)
	}
}

// rememberEarly keeps the event in hand, which did not move the enrollment, for awaits with `since: enter` that may
// come after n. Each of their events keeps its oldest matches, one for every time that an await may take one: an event
// that was taken before counts no more, and then the next one does.
func (s *stepper) rememberEarly(j *plan, n *node, en *schemas.Enrollment) {
	for _, at := range n.later {
		a := &j.nodes[at]
		for i := range a.await.events {
			t := &a.await.events[i]
			if !t.since || !t.wants(s.typ.id) {
				continue
			}
			kept := 0
			for k := range en.Early {
				if en.Early[k].Step == a.id && en.Early[k].Index == i {
					kept++
				}
			}
			if kept < j.early && s.fires(t, j, en) {
				en.Early = append(en.Early, schemas.Early{
					Step: a.id, Index: i, Cause: s.causeOf(), Event: s.keepFields(&j.eventFields),
				})
			}
		}
	}
}

// takeEarly returns where the oldest early match of an await that is reached now leads, and makes it `event` and
// `cause`. It counts for no other await any more.
func (s *stepper) takeEarly(j *plan, at int32, en *schemas.Enrollment) (to int32, ok bool) {
	n := &j.nodes[at]
	for k := range en.Early {
		e := &en.Early[k]
		if e.Step != n.id || e.Index < 0 || e.Index >= len(n.await.events) || !n.await.events[e.Index].since {
			continue
		}
		en.Cause, en.Event = e.Cause, e.Event
		s.inHand = false
		to = n.await.events[e.Index].do
		id, index := e.Cause.EventID, e.Index
		en.Early = slices.DeleteFunc(en.Early, func(x schemas.Early) bool {
			return x.Step == n.id && n.await.rounds <= 1 || x.Cause.EventID == id
		})
		s.traceStep(DecidedMoved, j, en, at, n, int32(index), "it came before the step was reached")
		return to, true
	}
	return end, false
}

// reachGoal ends an enrollment by its goal.
func (s *stepper) reachGoal(j *plan, js *schemas.JourneyState, en *schemas.Enrollment, ended bool) {
	s.inHand = j.goal.look == noLook && !s.offered.bare // as with an exit
	if ended && en.Cause.Type == "" {
		s.inHand = true // it left under a goal by events, for which nothing is kept, and a deploy made that another
	}
	s.out.Counters.Goals++
	if ended {
		s.note(j, trailGoalAfter, 0)
	} else {
		s.out.Counters.Left++
		s.note(j, trailGoal, 0)
	}
	if s.out.Tracing {
		d := s.about(DecidedGoal, j, en, "goal")
		if ended {
			d.Detail = "after its end"
		}
		s.trace(d)
	}
	s.takeBack(j, en)
	s.runDo(j, en, j.goal.do)
	if !ended && len(en.Deferred) > 0 {
		s.retire(j, js, en, 0)
	}
}

// runDo runs the steps of a goal or an exit, which do not wait: compile saw to it.
func (s *stepper) runDo(j *plan, en *schemas.Enrollment, do int32) (reason string) {
	s.leaving = true
	_, reason = s.run(j, en, do)
	s.leaving = false
	return reason
}

// leave ends an enrollment otherwise than by its goal; the caller takes it off the running ones. It reports whether the
// enrollment's memory went to the ended ones, which are looked at for their goal while `within` lasts.
func (s *stepper) leave(j *plan, js *schemas.JourneyState, en *schemas.Enrollment, reason string) bool {
	s.out.Counters.Left++
	s.note(j, trailExit, trailDetail("", reason))
	if s.out.Tracing {
		d := s.about(DecidedExit, j, en, en.Step)
		d.Reason = reason
		s.trace(d)
	}
	expires := int64(0)
	if j.goal != nil && j.goal.times == 0 && j.goal.within > 0 {
		expires = later(en.Entered, j.goal.within)
	}
	if expires <= s.doc.Time && len(en.Deferred) == 0 {
		return false
	}
	s.retire(j, js, en, expires)
	return true
}

// retire puts an enrollment that left among the ended ones.
func (s *stepper) retire(j *plan, js *schemas.JourneyState, en *schemas.Enrollment, expires int64) {
	if s.entering {
		en.EnterCause, en.Enter = s.causeOf(), s.keepFields(&j.enterFields)
	}
	if s.inHand && !j.goal.byEvent() {
		en.Cause, en.Event = s.causeOf(), s.keepFields(&j.eventFields)
	}
	s.forgetEnded(js)
	gone := *en
	gone.Step, gone.Arrived, gone.Due, gone.Resets = "", 0, schemas.Never, 0
	if j.goal.byEvent() {
		gone.Event, gone.Cause = nil, schemas.Cause{}
	}
	gone.Early, gone.Held, gone.Rounds, gone.Expires = nil, nil, nil, expires
	at := len(js.Ended)
	for at > 0 && js.Ended[at-1].Number > gone.Number {
		at--
	}
	if len(js.Ended) >= maxEnded && at > 0 {
		// Deferred sends are fewer than that, so that one without is among them.
		oldest := max(0, slices.IndexFunc(js.Ended, func(en schemas.Enrollment) bool { return len(en.Deferred) == 0 }))
		js.Ended = slices.Delete(js.Ended, oldest, oldest+1)
		if oldest < at {
			at--
		}
	}
	js.Ended = slices.Insert(js.Ended, at, gone)
}

// forgetEnded drops ended enrollments whose `within` is over by the customer's time, and which have no deferred sends.
func (s *stepper) forgetEnded(js *schemas.JourneyState) {
	if len(js.Ended) > 0 {
		js.Ended = slices.DeleteFunc(js.Ended, func(en schemas.Enrollment) bool { return en.Expires <= s.doc.Time && len(en.Deferred) == 0 })
	}
}

// later adds a duration to a time and stays at Never where it would pass it.
func later(at, length int64) int64 {
	if length == schemas.Never || length > 0 && at > schemas.Never-length {
		return schemas.Never
	}
	return at + length
}
