package engine

import (
	"fmt"
	"slices"

	"wend/schemas"
)

// Settling brings acknowledged units into the view (protocol rule 4: never sooner).
//
// A shard that keeps up settles each unit from the unit's own bytes, which it holds until a later unit's head says that the
// actions are on their topics: then the view need never hear of them. They are the larger part of what would be written, and
// would be taken out again within milliseconds. What is held is bounded (limits.held), and whoever asks the view for
// timers first has it settle those that are due.
//
// A shard that is behind would spend most of its time in the view's memtable; so it keeps of what is acknowledged who was
// changed, without bytes of the units' own, and settles many units at once, sorted: customers that come often are written
// once. All that the view lacks then is in memory, in the entries; since an entry's bytes are its newest, the shard takes
// nothing new for the round trip before (draining), so that nothing is newer than what is acknowledged. The journal is the
// view's log: a crash costs reading it from where the view stands, which limits.unsettled bounds. Such entries take at most
// about half of the cache, which could not let them go for others.

// keep has an acknowledged unit brought into the view, now or later.
func (s *shard) keep(u *unit, appended int64) error {
	u.end, u.appended = s.journalEnd, appended
	there := u.retired[:0]
	for _, r := range u.retired {
		if ab := r.unsettled(); ab != nil { // came and went: the view need not hear of it
			ab.settled = true
			s.pub.release(ab)
		} else {
			there = append(there, r)
		}
	}
	u.retired = there
	for _, ab := range u.actions {
		u.records = append(u.records, retired{ab.lane, ab.first, ab})
	}
	behind := s.phase == phaseRunning && s.backlog.Load() >= int64(s.limits.behind)
	if len(s.unsettled) == 0 && !behind {
		s.hold(u)
		return s.letGo()
	}
	if err := s.settleHeld(len(s.held)); err != nil {
		return err
	}
	s.pile(u)
	if !behind || s.unsettledSize >= s.limits.unsettled || s.piledSize >= s.cacheBytes/2 {
		s.draining = true
	}
	return s.drain()
}

// pile has an acknowledged unit wait to be settled with many. Of its documents remains whose they are.
func (s *shard) pile(u *unit) {
	var gone []changed
	for i := range u.documents {
		d := &u.documents[i]
		if d.gone {
			gone = append(gone, *d)
		}
		if d.entry.piled <= s.applied { // else an earlier unit of the pile has the customer
			d.entry.piled = u.number
			s.piled = append(s.piled, d.entry)
			s.piledSize += d.entry.size()
		}
	}
	for _, d := range u.timers {
		s.unsettledDue = min(s.unsettledDue, d.Due)
	}
	s.unsettledSize += len(u.arena)
	s.reuse(u)
	u.documents = gone
	s.unsettled = append(s.unsettled, u)
}

// reuse lets other units have what is large of this one.
func (s *shard) reuse(u *unit) {
	if cap(u.arena) <= 2*s.limits.soft { // not one that a giant event blew up
		clear(u.documents)
		s.bulks = append(s.bulks, bulk{u.documents[:0], u.arena[:0]})
	}
	u.bulk = bulk{}
}

// hold has an acknowledged unit wait, behind those that do.
func (s *shard) hold(u *unit) {
	s.held = append(s.held, u)
	s.heldSize += len(u.arena)
	for _, d := range u.timers {
		s.heldDue = min(s.heldDue, d.Due)
	}
}

// letGo settles what need be held no longer.
func (s *shard) letGo() error {
	if len(s.held) == 0 {
		return nil
	}
	n := 0
	if s.draining || s.phase != phaseRunning || s.heldSize > s.limits.held || s.heldDue <= s.timers.clock || s.pub.paid() && s.ackSince.IsZero() {
		n = len(s.held) // when nothing is owed any more: what was split on its way is retired by other names
	}
	for n < len(s.held) && !s.held[n].owes() {
		n++
	}
	return s.settleHeld(n)
}

// settleHeld settles the oldest n of the units that are held, one by one: an entry of the timer index that one keeps and the
// next takes out would stay if both were one batch.
func (s *shard) settleHeld(n int) error {
	if n == 0 {
		return nil
	}
	for _, u := range s.held[:n] {
		if err := s.settle(nil, u); err != nil || s.phase == phaseIdle || s.phase == phaseFailed {
			return err
		}
	}
	rest := slices.Delete(s.held, 0, n)
	s.held, s.heldSize, s.heldDue = rest[:0], 0, schemas.Never
	for _, u := range rest {
		s.hold(u)
	}
	return nil
}

// drain settles what is kept if it should be and nothing is newer.
func (s *shard) drain() error {
	if err := s.letGo(); err != nil {
		return err
	}
	if len(s.unsettled) > 0 && s.backlog.Load() < int64(s.limits.behind) {
		s.draining = true
	}
	if !s.draining || s.flying != nil || s.open.any() {
		return nil
	}
	s.draining = false
	if err := s.settle(s.piled, s.unsettled...); err != nil {
		return err
	}
	clear(s.unsettled)
	clear(s.piled)
	s.unsettled, s.piled, s.piledSize, s.unsettledSize, s.unsettledDue = s.unsettled[:0], s.piled[:0], 0, 0, schemas.Never
	s.cache.pinned = 0
	if s.backlog.Load() < int64(s.limits.behind) {
		s.slim()
	}
	return nil
}

// slim gives back the memory that a shard needs while it is behind.
func (s *shard) slim() {
	s.unsettled, s.piled, s.spare, s.bulks = nil, nil, nil, nil
	s.viewBatch.Close()
	s.viewBatch = s.view.newBatch()
	s.view.Relax()
}

// settle writes units to the view, in one piece, and the documents of customers whose bytes the units no longer have.
func (s *shard) settle(piled []*entry, units ...*unit) error {
	if len(units) == 0 {
		return nil
	}
	b := s.viewBatch
	b.Reset()
	for _, u := range units {
		s.timers.applying(u, b)
		if u.indexed != 0 {
			s.claim.tail.indexed = u.indexed
		}
		for i := range u.documents {
			d := &u.documents[i]
			if !d.gone {
				b.PutDocument(d.entry.customer, d.bytes)
				if d.ids.key != nil {
					b.PutIDs(d.entry.customer, d.ids.bytes)
				}
				continue
			}
			b.DeleteDocument(d.entry.customer)
			if d.ids.key != nil {
				b.DeleteIDs(d.entry.customer)
			}
			s.orders.gone = append(s.orders.gone, d.entry.customer)
			s.timers.forget(d.entry.customer)
		}
		for _, r := range u.records {
			if ab := r.unsettled(); ab != nil {
				b.PutOwed(owedKey(r.lane.TopicPartition, r.record), ab.bytes)
				ab.settled = true
				s.pub.release(ab)
			}
		}
		for _, r := range u.retired {
			b.DeleteOwed(owedKey(r.lane.TopicPartition, r.record))
		}
	}
	for _, e := range piled {
		if len(e.raw) > 0 { // else forgotten, as a unit says
			b.PutDocument(e.customer, e.raw)
			if e.parted > s.applied {
				b.PutIDs(e.customer, e.ids)
			}
		}
	}
	last := units[len(units)-1]
	t := &s.claim.tail
	t.position, t.appended, t.head = last.end, last.appended, append(t.head[:0], last.head...)
	t.whole = t.appended
	s.scratch = t.put(b, s.scratch)
	if err := b.Apply(); err != nil {
		return fmt.Errorf("engine: shard %d: write the view: %w", s.id, err)
	}
	s.applied = last.number
	for _, u := range units {
		if u.arena != nil {
			s.reuse(u)
		}
		s.spare = append(s.spare, u)
	}
	return s.erase()
}
