package engine

import (
	"fmt"
	"time"

	"wend/connectors"
	"wend/schemas"
	"wend/statestore"
)

// Standby: a shard that another member owns is kept warm. Its view follows the journal, by the code that restores, and
// it does nothing else: it never claims, appends or publishes. Becoming the owner is beginning as any claimant does, with
// a view that lacks only the last moments. What it read is what the journal holds, whole batches of it, whoever wrote
// them; whether the view may be used is decided when it is claimed (rule 2), by when it was whole last.

// standBy has the shard's view kept up with the journal. It does nothing for a shard that is ours.
func (s *shard) standBy(now time.Time) {
	if s.phase != phaseIdle {
		return
	}
	s.enter(now)
	s.life++
	s.phase = phaseStandby
	s.claim = claim{shard: s, began: now, offset: -1}
	c := &s.claim
	c.ready(c.tailOn)
}

// standDown ends that. The view keeps what it has.
func (s *shard) standDown() {
	if s.phase != phaseStandby {
		return
	}
	s.life++
	s.phase = phaseIdle
	s.env.tail(-1, nil)
	s.listener.Standby(s.id, -1)
}

// tailOn has the journal's batches sent from where the view stands.
func (c *claim) tailOn() {
	s, life := c.shard, c.shard.life
	s.turn++ // what an earlier call brings is not heard
	turn := s.turn
	s.env.tail(c.tail.position, func(f connectors.Fetched) {
		defer s.through(&f)
		if s.life != life || s.turn != turn || s.phase != phaseStandby {
			return
		}
		if f.Code == connectors.OffsetOutOfRange {
			c.skipGone(c.tailOn)
			return
		}
		if err := c.keepUp(f); err != nil {
			s.fail(err)
		}
	})
}

// keepUp takes what the journal's leader sent.
func (c *claim) keepUp(f connectors.Fetched) error {
	s := c.shard
	if len(f.Batches) > 0 {
		if err := c.absorb(f.Batches); err != nil {
			return err
		}
		c.tries = 0
	}
	s.listener.Standby(s.id, max(f.HighWatermark-c.tail.position, 0))
	if c.tail.position < f.HighWatermark {
		if !c.caughtUp {
			s.listener.Restoring(s.id, RestoreInfo{From: c.from, Position: c.tail.position, End: f.HighWatermark, Documents: c.documents, Took: s.now.Sub(c.began)})
		}
		return nil
	}
	// The answer says where the journal ended when it was given, and holds all up to there.
	if c.stale() {
		if err := c.wipe(); err != nil {
			return err
		}
		c.from, c.caughtUp = 0, false
		c.tailOn()
		return nil
	}
	if c.tail.position > 0 {
		c.caughtUp = true
		c.complete()
	}
	return c.prune()
}

// indexed gives a time at or before which the view's timer index has an entry of the customer's; Never: it may have none.
func (c *claim) indexed(customer string) (int64, error) {
	s := c.shard
	raw, ok, err := s.view.Get(customer, s.scratch[:0])
	if err != nil || !ok {
		return schemas.Never, err
	}
	s.scratch = raw
	doc, err := s.documents.Read(raw)
	if err != nil {
		return 0, damagedView(fmt.Errorf("customer %q in the view: %w", customer, err))
	}
	return s.nextDue(customer, doc)
}

// pruned is how many timers a standby looks at at once.
const pruned = 256

// prune takes entries out of the timer index that the owner has looked at. A standby fires nothing, so without this they
// would only become more. Those whose customer is still to be looked at are put in again where they belong.
func (c *claim) prune() error {
	s := c.shard
	if len(c.tail.head) == 0 {
		return nil
	}
	head, err := schemas.DecodeHead(c.tail.head)
	if err != nil {
		return fmt.Errorf("engine: %s/%d: %w", s.journal.Topic, s.journal.Partition, err)
	}
	if head.Clock == schemas.NoTime {
		return nil
	}
	for {
		due, err := s.view.Timers(statestore.Cursor{}, head.Clock, pruned, s.timers.buf[:0])
		if err != nil {
			return fmt.Errorf("engine: shard %d: timers: %w", s.id, err)
		}
		s.timers.buf = due
		if len(due) == 0 {
			return nil
		}
		b := s.viewBatch
		b.Reset()
		last := due[len(due)-1]
		b.RemoveTimersThrough(last)
		gone := 0
		for _, t := range due {
			next, err := c.indexed(t.Customer)
			if err != nil {
				return fmt.Errorf("engine: shard %d: %w", s.id, err)
			}
			if next == schemas.Never || next > head.Clock {
				gone++
			}
			if next != schemas.Never {
				b.PutTimer(next, t.Customer)
			}
		}
		if gone == 0 { // the owner has yet to come to them
			return nil
		}
		if err := b.Apply(); err != nil {
			return fmt.Errorf("engine: write the view of shard %d: %w", s.id, err)
		}
		if len(due) < pruned || gone < pruned/2 {
			return nil
		}
	}
}
