package journey

import (
	"slices"
	"strconv"

	"wend/schemas"
)

// reasonUpdated is why those inside leave whose journey says `on_update: exit`.
const reasonUpdated = "updated"

// Changing over: a document goes on under another release than the one under which it was written.
//
// There is no pass for that, and no mark in a document: an enrollment has its version, and Step, before anything else, has
// those go on whose version is one that people do not stay in. What comes out is a function of the document and the
// release alone, not of when Step sees it: between the deploy and that nothing happened to the customer, for whatever
// happens is a Step, and the clock that goes on meanwhile is no part of it. So the result is that of going over all customers
// at the deploy, which the shell does as well, to arm what is due earlier than before (Stale).
//
// Where deploys follow one another so quickly that a customer is not looked at in between, those in between are passed
// through: each moves the enrollment on to the step that it says, and how long that lasts is compared from first to last.

// behind says whether an enrollment of the document has to go on in another version, or to leave.
func (p *Program) behind(doc *schemas.Document) bool {
	if !p.released {
		return false
	}
	for i := range doc.Journeys.Len() {
		version, some, one := doc.Journeys.Version(i)
		if !some {
			continue
		}
		j := p.plan(doc.Journeys.Name(i))
		if j == nil {
			continue
		}
		if one { // the rule
			if j.passage(version) != nil {
				return true
			}
			continue
		}
		js := doc.Journeys.At(i)
		for k := range js.Running {
			if j.passage(js.Running[k].Version) != nil {
				return true
			}
		}
		for k := range js.Ended {
			if j.passage(js.Ended[k].Version) != nil {
				return true
			}
		}
	}
	return false
}

// changeOver brings the document over.
func (s *stepper) changeOver() {
	s.out.Changed = true
	s.setEvent(nil, nil)
	s.depth, s.emitted = 0, 0
	s.know()
	for _, j := range s.p.plans {
		if at, found := findState(s.doc, j.name); found && (len(j.passages) > 0 || j.unknown != nil) {
			s.changeJourney(j, s.doc.Journeys.At(at))
		}
	}
}

// changedOver does what changing over brought about, once the triggers of the program are armed: looks, emitted events.
func (s *stepper) changedOver() {
	if s.stirred {
		s.point4(nil)
	}
	if len(s.queue) > 0 {
		s.drain(0, 0)
	}
	s.redate()
}

func (s *stepper) changeJourney(j *plan, js *schemas.JourneyState) {
	for i := range js.Ended { // their goal, and what takes back their deferred sends, are those that hold now
		en := &js.Ended[i]
		for x := j.passage(en.Version); x != nil; x = j.passage(en.Version) {
			x.recount(en)
			en.Version = x.to
		}
	}
	stay := 0
	for i := range js.Running {
		en := &js.Running[i]
		if j.passage(en.Version) != nil {
			if to, reason := s.pass(j, en); reason != "" {
				s.leave(to, js, en, reason)
				js.Running[i] = schemas.Enrollment{}
				continue
			}
		}
		if stay != i {
			js.Running[stay], js.Running[i] = js.Running[i], schemas.Enrollment{}
		}
		stay++
	}
	js.Running = js.Running[:stay]
}

// pass leads an enrollment through the versions to the one where it stays; a reason: it leaves, by that version's goal.
func (s *stepper) pass(j *plan, en *schemas.Enrollment) (to *plan, reason string) {
	from, held := en.Version, len(en.Held) > 0
	var first, last *Step // the step as it was, and as it is
	moved := false
	for x := j.passage(en.Version); x != nil; x = j.passage(en.Version) {
		if first == nil && x.old != nil {
			first = x.old.steps[en.Step]
		}
		if reason == "" && x.exit {
			reason = reasonUpdated
		}
		if reason == "" {
			id, ok := x.follow(en.Step)
			if ok = ok && x.new.stands(id); !ok {
				reason = reasonStepRemoved
			} else {
				x.carry(en, id)
				moved = moved || id != en.Step
				en.Step, last = id, x.new.steps[id]
			}
		}
		x.recount(en)
		en.Version = x.to
	}
	to = j.of(en.Version)
	if to == nil {
		to = j // every passage ends at a plan of the release
	}
	at, ok := to.standing[en.Step]
	if reason != "" || !ok {
		if reason == "" {
			reason = reasonStepRemoved
		}
		return to, reason
	}
	n := &to.nodes[at]
	if held && len(en.Held) == 0 { // the event that led on from it is none of its any more
		first, en.Resets, en.Due = &Step{}, 0, schemas.Never
	}
	if !sameLength(first, last) && len(en.Held) == 0 {
		if reason := s.redue(to, en, n, first); reason != "" {
			return to, reason
		}
	}
	if s.out.Tracing {
		d := s.about(DecidedUpdated, to, en, n.id)
		d.Detail, d.Due = "from version "+strconv.FormatUint(from, 10)+" to "+strconv.FormatUint(en.Version, 10), en.Due
		s.trace(d)
	}
	switch {
	case n.op != opAwait || len(en.Held) > 0:
	case n.await.until != nil:
		s.touched(watchers{to.untils})
	case moved:
		if next, ok := s.takeEarly(to, at, en); ok {
			if stands, reason := s.run(to, en, next); !stands {
				return to, reason
			}
			s.settle(to, en)
		}
	}
	return to, ""
}

// redue sets when a step is due that lasts otherwise than it did: the new length counts from the arrival, and of a restarted
// await from where it was restarted last. What is past by the deploy is due at the deploy, and not before, for whoever
// deploys at three in the night means nobody to be sent what could have left at noon, whatever the quiet hours say.
func (s *stepper) redue(j *plan, en *schemas.Enrollment, n *node, was *Step) (reason string) {
	if n.op == opAwait {
		from := en.Arrived
		if en.Resets > 0 && was.Await != nil && !was.Await.Forever && en.Due != schemas.Never {
			from = en.Due - was.Await.Within
		}
		en.Due = max(later(from, n.await.within), s.p.deployed)
		return ""
	}
	en.Resets = 0
	due := s.dueFrom(j, en, n, en.Arrived)
	if n.wait.pastExit && due <= en.Arrived {
		return reasonPast
	}
	en.Due = max(due, s.p.deployed)
	return ""
}

// carry brings what an enrollment keeps for steps over to the new version. to is the step where it stands then.
func (x *passage) carry(en *schemas.Enrollment, to string) {
	early := en.Early[:0]
	for _, e := range en.Early {
		if e, ok := x.early(e); ok {
			early = append(early, e)
		}
	}
	en.Early = early
	held := en.Held[:0]
	for _, e := range en.Held {
		if e, ok := x.early(e); ok && e.Step == to {
			held = append(held, e)
		}
	}
	en.Held = held
	rounds := en.Rounds[:0]
	for _, r := range en.Rounds {
		if id, ok := x.follow(r.Step); ok && slices.Contains(x.new.repeats[to], id) {
			rounds = append(rounds, schemas.Visit{Step: id, Count: r.Count})
		}
	}
	en.Rounds = rounds
}

// recount leaves an enrollment the counted events of those triggers that count the same in the new version, wherever they
// stand there.
func (x *passage) recount(en *schemas.Enrollment) {
	if x.old == nil || len(en.Counts) == 0 {
		return
	}
	var counts []schemas.Count
	for _, c := range en.Counts {
		want, ok := x.old.counts[c.Trigger]
		if !ok {
			continue
		}
		if x.new.counts[c.Trigger] == want {
			counts = append(counts, c)
			continue
		}
		for _, place := range sortedKeys(x.new.counts) {
			if x.new.counts[place] == want && x.old.counts[place] != want {
				c.Trigger = place
				counts = append(counts, c)
				break
			}
		}
	}
	slices.SortFunc(counts, func(a, b schemas.Count) int {
		if a.Trigger < b.Trigger {
			return -1
		}
		return 1
	})
	en.Counts = counts
}
