package statestore

import (
	"errors"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

const (
	maxBatch   = 1 << 30 // bytes; Pebble panics at four times as much
	keepBytes  = 4 << 20 // of a batch's memory for the next use
	pointLimit = 256     // timers removed one by one, before a range removal is cheaper
	batchHead  = 12      // bytes of an empty batch of Pebble's
	perEntry   = 64      // what the memtable adds to an entry, about
)

// Batch is what one unit, or many units read back from the journal, changes in the view. It is applied whole or not at
// all. Later calls win over earlier ones for the same key. What is put is copied. One goroutine's.
type Batch struct {
	w        *pebble.Batch
	timers   []byte // their keys
	ends     []int  // where each ends
	remove   bool
	through  Cursor
	entries  int
	err      error // of a call that cannot be put in, told by Apply
	consumed bool
}

// NewBatch makes an empty batch for this Store, to be used again and again: Reset it after Apply. It is not for use
// behind the Store's Close.
func (s *Store) NewBatch() *Batch {
	return &Batch{w: s.db.NewBatch(pebble.WithInitialSizeBytes(64<<10), pebble.WithMaxRetainedSizeBytes(keepBytes))}
}

// PutDocument puts a customer's document.
func (b *Batch) PutDocument(customer string, doc []byte) { b.set(kindDocument, customer, doc) }

// DeleteDocument takes a customer's document away, if there is one.
func (b *Batch) DeleteDocument(customer string) { b.delete(kindDocument, customer) }

// PutMeta puts a small value under a name.
func (b *Batch) PutMeta(name string, value []byte) { b.set(kindMeta, name, value) }

// PutOwed puts an outbox record under its journal key.
func (b *Batch) PutOwed(key string, value []byte) { b.set(kindOwed, key, value) }

// DeleteOwed takes an outbox record away, if there is one.
func (b *Batch) DeleteOwed(key string) { b.delete(kindOwed, key) }

// PutTimer puts a timer into the index. A customer must not be empty (a cursor at the first of 1970 could not stand on
// it).
func (b *Batch) PutTimer(due int64, customer string) {
	if customer == "" {
		b.err = errors.New("a timer without a customer")
		return
	}
	b.timers = appendTimer(b.timers, due, customer)
	b.ends = append(b.ends, len(b.timers))
	b.entries++
}

// RemoveTimersThrough removes every timer that was in the index before this batch and does not stand behind c. Timers
// that the batch puts stay, whichever call came first. Of several calls the farthest counts.
func (b *Batch) RemoveTimersThrough(c Cursor) {
	if !b.remove || c.Compare(b.through) > 0 {
		b.remove, b.through = true, c
	}
}

// Empty says that the batch changes nothing.
func (b *Batch) Empty() bool { return b.w.Empty() && len(b.ends) == 0 && !b.remove && b.err == nil }

// Bytes is about how large the batch is.
func (b *Batch) Bytes() int { return b.w.Len() - batchHead + len(b.timers) }

// Reset empties the batch, and keeps its memory unless there is much of it.
func (b *Batch) Reset() {
	b.w.Reset()
	if cap(b.timers) > keepBytes {
		b.timers = nil
	}
	*b = Batch{w: b.w, timers: b.timers[:0], ends: b.ends[:0]}
}

// Close gives the memory back. A batch that is not closed is merely collected.
func (b *Batch) Close() {
	_ = b.w.Close() // it has nothing to fail with
	b.w = nil
}

func (b *Batch) room(n int) bool {
	switch {
	case b.err != nil:
	case b.consumed:
		b.err = errors.New("the batch was applied and not reset")
	case n > maxBatch || b.w.Len() > maxBatch-n:
		b.err = errorf("a batch larger than %d bytes", maxBatch)
	}
	return b.err == nil
}

func (b *Batch) set(kind byte, name string, value []byte) {
	if !b.room(1 + len(name) + len(value)) {
		return
	}
	op := b.w.SetDeferred(1+len(name), len(value))
	op.Key[0] = kind
	copy(op.Key[1:], name)
	copy(op.Value, value)
	b.err = op.Finish()
	b.entries++
}

func (b *Batch) delete(kind byte, name string) {
	if !b.room(1 + len(name)) {
		return
	}
	op := b.w.DeleteDeferred(1 + len(name))
	op.Key[0] = kind
	copy(op.Key[1:], name)
	b.err = op.Finish()
	b.entries++
}

// Apply makes the batch visible: all of it at once, to whoever reads from then on. It waits for no disk unless the disk
// is far behind. After an error nothing or all of the batch is visible, and nothing of it is lost that was applied
// before: the owner closes the Store and opens it again. The batch must be Reset before it is used again.
func (s *Store) Apply(b *Batch) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	if !b.room(len(b.timers)) {
		return s.wrap("apply", b.err)
	}
	b.consumed = true
	if err := s.wait(b); err != nil {
		return s.wrap("apply", err)
	}
	if b.remove {
		if err := s.removeTimers(b); err != nil {
			return s.wrap("remove timers", err)
		}
	}
	at := 0
	for _, end := range b.ends {
		key := b.timers[at:end]
		at = end
		if err := b.w.Set(key, nil, nil); err != nil {
			return s.wrap("apply", err)
		}
		if string(key) < string(s.low) {
			s.low = append(s.low[:0], key...)
		}
	}
	err := s.db.Apply(b.w, pebble.NoSync)
	s.dirty.Store(true)
	if err == nil {
		err = s.broken()
	}
	return s.wrap("apply", err)
}

// removeTimers adds to the batch the removal of what is in the index through b.through. Naively that is one range
// tombstone from the first key on, in every unit; but each read through a memtable cuts all of its tombstones into
// pieces where they overlap, anew after each write of one, which is quadratic. So it looks at what is there, from
// s.low on, below which there is nothing, and writes a range tombstone only where that covers many timers.
func (s *Store) removeTimers(b *Batch) error {
	upper := appendBehind(nil, b.through)
	if b.through.isZero() || string(s.low) >= string(upper) {
		return nil
	}
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: slices.Clone(s.low), UpperBound: upper})
	if err != nil {
		return err
	}
	n := 0
	ok := it.First()
	for ; ok && n < pointLimit && err == nil; ok = it.Next() {
		err = b.w.Delete(it.Key(), nil)
		n++
	}
	if ok && err == nil {
		err = b.w.DeleteRange(it.Key(), upper, nil)
	}
	if e := it.Close(); err == nil {
		err = e
	}
	if err == nil {
		// If the batch is not applied after all, the Store is of no use: see Apply.
		s.low = upper
	}
	return err
}
