package engine

import (
	"fmt"
	"slices"
	"time"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/schemas"
)

// own takes up a shard whose claim is proved and whose view has read up to it.
func (s *shard) own() {
	c := &s.claim
	s.journalEnd, s.sequence, s.lastAck = c.offset+1, 1, c.sent
	s.cache = newCache(s.cacheBytes)
	s.open, s.flying, s.spare = new(unit), nil, nil
	s.ackSince = time.Time{}
	s.pub = &publisher{env: s.env, listener: s.listener, shard: s.id, progress: s.paid, onLoss: s.onLoss, name: c.transactionalID(""), largest: s.limits.action, renewing: func() { s.open.moved = true }, now: s.now, proved: c.sent}
	if len(c.tail.head) == 0 {
		s.first()
		return
	}
	head, err := schemas.DecodeHead(c.tail.head)
	if err != nil {
		s.fail(fmt.Errorf("engine: %s/%d: %w", s.journal.Topic, s.journal.Partition, err))
		return
	}
	if err := s.sameWorld(head); err != nil {
		s.fail(err)
		return
	}
	s.head = *head
	s.applied = head.Unit
	s.open.reset(head.Unit + 1)
	s.position, s.leader = head.Sources[0].Offset, head.Sources[0].LeaderEpoch
	s.journaled = s.position
	s.timers.open(head.Clock)
	s.arming.open(s, head)
	if err := s.inherit(head); err != nil {
		s.unlessSuperseded(err)
		return
	}
	s.renew(s.run)
}

// first makes the head of a shard that has none: the action producer's id and the source's first offset are journaled
// before the first step, so that a second owner begins where the first did.
func (s *shard) first() {
	c := &s.claim
	s.env.producer(c.transactionalID("/actions"), alive(c, func(p connectors.Producer, err error) {
		if err != nil {
			c.later("action producer id", err, s.first)
			return
		}
		s.env.offset(s.source, connectors.Earliest, alive(c, func(earliest int64, err error) {
			if err != nil {
				c.later("first offset", err, s.first)
				return
			}
			s.head = schemas.Head{ActionProducerID: p.ID, ActionProducerEpoch: p.Epoch}
			s.pub.producerID, s.pub.epoch = p.ID, p.Epoch
			s.position, s.leader = earliest, -1
			s.applied = 0
			s.open.reset(1)
			s.open.moved = true
			s.timers.open(schemas.NoTime)
			s.arming.open(s, nil)
			s.phase = phaseFirst
			s.seal()
		}))
	}))
}

// renew sees to the journal's next producer id while the present one has an epoch left for us, then goes on.
func (s *shard) renew(then func()) {
	c := &s.claim
	if c.epoch < freshEpoch || s.head.FreshProducerID != 0 && s.head.FreshProducerID != c.producerID {
		then()
		return
	}
	s.env.producer(c.transactionalID(fmt.Sprintf("/after-%d", c.producerID)), alive(c, func(p connectors.Producer, err error) {
		if err != nil {
			c.later("next producer id", err, func() { s.renew(then) })
			return
		}
		s.head.FreshProducerID = p.ID
		s.open.moved = true
		then()
	}))
}

// sameWorld holds the head against the cluster and the topics as they are (rule 12).
func (s *shard) sameWorld(h *schemas.Head) error {
	const what = "engine: shard %d: %s; its journal speaks of other data. Point wend at the right cluster, or start under another app name"
	switch {
	case h.ClusterID != "" && s.clusterID != "" && h.ClusterID != s.clusterID:
		return fmt.Errorf(what, s.id, fmt.Sprintf("this is cluster %s, the journal was written on %s", s.clusterID, h.ClusterID))
	case differ(h.SourceID, s.sourceID):
		return fmt.Errorf(what, s.id, fmt.Sprintf("topic %s was deleted and made again", s.source.Topic))
	case differ(h.JournalID, s.journalID):
		return fmt.Errorf(what, s.id, fmt.Sprintf("topic %s was copied from another", s.journal.Topic))
	case len(h.Sources) != 1 || h.Sources[0].Topic != s.source.Topic:
		return fmt.Errorf("engine: shard %d: the journal %s is of another source topic than %s; one app reads one source: choose another app name", s.id, s.journal.Topic, s.source.Topic)
	}
	return nil
}

// differ says whether two topic ids are known and different.
func differ(a, b [16]byte) bool { return a != [16]byte{} && b != [16]byte{} && a != b }

// unlessSuperseded fails the shard for what the journal lacks, if nothing was written behind our claim. Else another member
// has claimed since, and compaction may have taken what that one replaced while this one still read. What the view cannot
// be asked is no lack of the journal's.
func (s *shard) unlessSuperseded(lacks error) {
	if viewFailed(lacks) {
		s.fail(lacks)
		return
	}
	c := &s.claim
	s.env.offset(s.journal, connectors.Latest, alive(c, func(end int64, err error) {
		switch {
		case err != nil:
			c.later("journal's end", err, func() { s.unlessSuperseded(lacks) })
		case end > c.offset+1:
			s.drop("another member has claimed since")
		case c.lacking.found(s.now):
			s.fail(lacks)
		default: // or whoever answered slept through an election, and knows of no later claim
			c.later("journal's end", lacks, func() { s.unlessSuperseded(lacks) })
		}
	}))
}

// inherit takes over what a former owner owes.
func (s *shard) inherit(h *schemas.Head) error {
	s.pub.producerID, s.pub.epoch = h.ActionProducerID, h.ActionProducerEpoch
	for _, o := range h.Outbox {
		l := s.pub.lane(o.Topic, o.Partition)
		l.next, l.acked, l.lookFrom, l.located = o.Next, o.Acked, o.LookFrom, s.now
		if o.ProducerID != 0 {
			l.producer = connectors.Producer{ID: o.ProducerID, Epoch: o.ProducerEpoch}
		}
	}
	err := s.view.EachOwed(func(key string, value []byte) error {
		tp, first, err := parseOwedKey(key)
		if err != nil {
			return damagedView(err)
		}
		info, err := batch.ReadInfo(value)
		if err != nil {
			return damagedView(fmt.Errorf("engine: outbox record %s: %w", key, err))
		}
		l, n := s.pub.lane(tp.Topic, tp.Partition), int(info.Count)
		switch {
		case first+int64(n) <= l.acked: // its tombstone did not fit into the unit that said so
			l.retired = append(l.retired, retired{l, first, nil})
		case first < l.next:
			l.queue = append(l.queue, owed{first: first, count: n, record: first, last: true, bytes: slices.Clone(value)})
		} // what lies above is a unit's that never was
		return nil
	})
	if err != nil {
		return fmt.Errorf("engine: shard %d: read the outbox: %w", s.id, err)
	}
	for _, l := range s.pub.lanes {
		slices.SortFunc(l.queue, func(a, b owed) int {
			if a.first < b.first {
				return -1
			}
			return 1
		})
		at := l.acked
		for i := range l.queue {
			o := &l.queue[i]
			if i == 0 && o.first < at { // a part of it is acknowledged
				parts, err := s.pub.cut(*o, int(at-o.first))
				if err != nil {
					return err
				}
				*o = parts[1]
			}
			if o.first != at {
				break
			}
			at += int64(o.count)
			s.pub.owedBytes += len(o.bytes)
		}
		if at != l.next {
			return fmt.Errorf("engine: shard %d owes actions %d to %d of %s/%d, but the journal holds them only up to %d: records of %s are missing; "+
				"was its cleanup.policy changed from compact?", s.id, l.acked, l.next, l.Topic, l.Partition, at, s.journal.Topic)
		}
		l.lookNext = len(l.queue) > 0
		for i := range l.queue {
			if !l.elsewhere {
				if l.elsewhere, err = s.routes.elsewhere(l.TopicPartition, l.queue[i].bytes); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// run begins to work.
func (s *shard) run() {
	s.phase = phaseRunning
	s.short, s.orders.short = shortage{}, shortage{}
	s.listener.Claimed(s.id, s.claim.epoch, s.claim.restored, s.now.Sub(s.claim.began))
	s.openLanes()
	for _, l := range s.pub.lanes {
		s.pub.pump(l)
	}
	s.heed()
	s.env.ready()
	s.want(s.position, s.leader)
}

// paid hears that something owed is on its topic: a unit will say so.
func (s *shard) paid() {
	if s.ackSince.IsZero() {
		s.ackSince = s.now
	}
}
