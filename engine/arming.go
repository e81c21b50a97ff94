package engine

import (
	"fmt"

	"wend/engine/journey"
	"wend/schemas"
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
type arming struct {
	shard   *shard
	since   []int64 // of the program's moments, for Step
	moments []schemas.MomentSince
	armed   uint64 // the program's set of them
	going   bool   // over the customers
	through string // the last who was looked at
	names   []string
}

// armPortion is how many customers are looked at between two looks at events.
const armPortion = 128

// open takes up what the head says; nil: there is none yet.
func (a *arming) open(s *shard, head *schemas.Head) {
	*a = arming{shard: s, armed: s.program.Armed(), names: a.names[:0]}
	now := int64(schemas.NoTime)
	if head != nil {
		now = max(s.timers.wall(), s.timers.clock)
		a.going, a.through = head.Arming, head.ArmedThrough
	}
	for _, m := range s.program.Moments() {
		x := schemas.MomentSince{Journey: m.Journey, Trigger: m.Trigger, Spec: m.Spec, Since: now}
		if head != nil {
			for _, had := range head.Moments {
				if had.Journey == x.Journey && had.Trigger == x.Trigger && had.Spec == x.Spec {
					x.Since = had.Since
				}
			}
		}
		a.moments = append(a.moments, x)
		a.since = append(a.since, x.Since)
	}
	if head != nil && head.Armed != a.armed {
		a.going, a.through = true, ""
		s.open.moved = true // since when they count is known before the first of them is armed, or with it
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
		a.going, a.through = false, ""
		s.open.moved = true
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
	if len(e.raw) == 0 || !s.program.Stale(doc) { // forgotten meanwhile, or armed by an event
		return nil
	}
	s.effects.Reset()
	s.program.Step(e.customer, doc, journey.Input{Until: schemas.NoTime, Since: a.since}, &s.effects)
	reason, err := s.decided(e, doc, 0)
	if reason != "" {
		s.listener.DeadLetter(s.id, s.source.Topic, s.source.Partition, -1, fmt.Sprintf("timers of customer %q: %s", e.customer, reason))
	}
	return err
}
