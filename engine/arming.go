package engine

import (
	"fmt"
	"slices"

	"wend/engine/journey"
	"wend/schemas"
	"wend/statestore"
)

// arming sees to the timers of triggers that wait for a moment (a date, a calendar time) after a deploy.
//
// A customer's document is armed by whatever Step comes next. Most customers have none for months, and a schedule is for
// them too: so once the program has other such triggers than the one that the head names, the shard goes over all
// customers of its view, in the order of their ids, a portion between two looks at events, and gives each a Step in which
// nothing happens but that. How far it has come is in the head of the unit that has the documents, so a takeover goes on
// where the former owner was, and nobody goes over them twice. New customers need nothing: their first event arms them.
//
// Since when each trigger is there is in the head too. A journey deployed at ten has no schedule of nine o'clock to make
// up for, whichever shard or owner comes to look, however late. Under the first head of all nothing was there before, and
// what is deployed with it counts ever since: an engine that begins with a topic's past does what simulate does.
//
// The same pass sees to the view's timer index where that was made by another program, as when a view was kept warm before
// a deploy, or timers were held that go on now: it may lack timers that only this one knows. What it lacks is a matter of the
// view alone (tail.indexed) and needs no Step, so the pass then begins anew wherever it had come, and writes entries only.
type arming struct {
	shard   *shard
	since   []int64 // of the program's moments, for Step
	moments []schemas.MomentSince
	armed   uint64 // the program's set of them
	adopted bool   // the program is the one to decide by; else all is as the head says
	reindex bool   // going, and the view's timer index may lack timers of documents that need no Step
	going   bool   // over the customers
	through string // the last who was looked at
	names   []string
}

// armPortion is how many customers are looked at between two looks at events.
const armPortion = 128

// open takes up what the head says; nil: there is none yet, and all that the program waits for counts ever since.
func (a *arming) open(s *shard, head *schemas.Head) {
	*a = arming{shard: s, names: a.names[:0]}
	if head != nil {
		a.armed, a.moments, a.going, a.through = head.Armed, head.Moments, head.Arming, head.ArmedThrough
		return
	}
	a.armed = s.program.Armed()
	for _, m := range s.program.Moments() {
		a.moments = append(a.moments, schemas.MomentSince{Journey: m.Journey, Trigger: m.Trigger, Spec: m.Spec, Since: schemas.NoTime})
	}
}

// adopt takes up the triggers of the program that the shard goes on by after a release, and sees to those inside and to the
// timer index.
func (a *arming) adopt(r *running, from uint64) {
	s := a.shard
	now := max(s.timers.wall(), s.timers.clock)
	had := a.moments
	a.moments, a.since, a.adopted = nil, nil, true
	for _, m := range r.program.Moments() {
		x := schemas.MomentSince{Journey: m.Journey, Trigger: m.Trigger, Spec: m.Spec, Since: now}
		if i := slices.IndexFunc(had, func(y schemas.MomentSince) bool {
			return y.Journey == x.Journey && y.Trigger == x.Trigger && y.Spec == x.Spec
		}); i >= 0 {
			x.Since = had[i].Since
		}
		a.moments = append(a.moments, x)
		a.since = append(a.since, x.Since)
	}
	if r.program.Armed() != a.armed || r.release != from {
		a.armed, a.going, a.through = r.program.Armed(), true, ""
		s.open.moved = true // since when they count is known before the first of them is armed, or with it
	}
	if t := &s.claim.tail; t.indexed != r.name {
		t.indexed = 0
		a.going, a.through, a.reindex = true, "", true
		s.open.moved = true
	}
}

// put writes it down for the head of the open unit.
func (a *arming) put(h *schemas.Head) {
	h.Armed, h.Moments, h.Arming, h.ArmedThrough = a.armed, a.moments, a.going, a.through
}

// some looks at a portion of the customers; true: there are more.
func (a *arming) some() bool {
	s := a.shard
	if !a.going || s.full() {
		return false
	}
	portion := min(armPortion, s.limits.fires)
	names, err := s.view.Customers(a.through, portion, a.names[:0])
	if err != nil {
		s.fail(err)
		return false
	}
	a.names = names
	for _, customer := range names {
		if s.full() {
			return true
		}
		if err := a.look(customer); err != nil {
			s.fail(err)
			return false
		}
		a.through = customer
		s.open.moved = true
	}
	if len(names) < portion {
		a.going, a.through, a.reindex = false, "", false
		s.open.moved, s.open.indexed = true, s.running.name
	}
	return a.going
}

// look arms a customer. What cannot be journaled of it is left as it was: the next event of the customer says so.
func (a *arming) look(customer string) error {
	s := a.shard
	e, doc, err := s.load(customer)
	if err != nil {
		return err
	}
	if len(e.raw) == 0 { // forgotten meanwhile
		return nil
	}
	if !s.program.Stale(doc) { // by an event
		due, err := s.nextDue(e.customer, doc)
		if err == nil && a.reindex && due < e.indexed {
			e.indexed = due
			s.open.timers = append(s.open.timers, statestore.Timer{Due: due, Customer: e.customer})
		}
		return err
	}
	if err := s.step(e, doc, journey.Input{Until: schemas.NoTime, Since: a.since}); err != nil {
		return err
	}
	reason, err := s.decided(e, doc, 0)
	if reason != "" {
		s.listener.DeadLetter(s.id, s.source.Topic, s.source.Partition, -1, fmt.Sprintf("timers of customer %q: %s", e.customer, reason))
	}
	return err
}
