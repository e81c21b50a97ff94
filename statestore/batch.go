package statestore

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

const (
	maxBatch   = 1 << 30 // bytes; Pebble panics at four times as much
	keepBytes  = 4 << 20 // of a batch's memory for the next use
	pointLimit = 256     // timers removed one by one, before a range removal is cheaper
	perEntry   = 64      // what the memtable adds to an entry, about
)

// Batch is what one unit, or many units together, change in the view. It is applied whole or not at all. Later calls
// win over earlier ones for the same key. What is put is copied. One goroutine's.
//
// It keeps its entries until Apply, which writes them in the order of their keys, each key once: the memtable finds the
// place of a key near the one before it much sooner than anywhere.
type Batch struct {
	w        *pebble.Batch
	arena    []byte // of the entries: keys and values
	was      int    // bytes of it that were let go
	entries  []entry
	remove   bool
	through  Cursor
	err      error // of a call that cannot be put in, told by Apply
	consumed bool
}

// entry is a key and what becomes of it; both in the arena.
type entry struct {
	at, keyEnd, end int
	remove          bool
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
	if !b.room(timerHead + len(customer)) {
		return
	}
	at := len(b.arena)
	b.arena = appendTimer(b.arena, due, customer)
	b.entries = append(b.entries, entry{at, len(b.arena), len(b.arena), false})
}

// RemoveTimersThrough removes every timer that was in the index before this batch and does not stand behind c. Timers
// that the batch puts stay, whichever call came first. Of several calls the farthest counts.
func (b *Batch) RemoveTimersThrough(c Cursor) {
	if !b.remove || c.Compare(b.through) > 0 {
		b.remove, b.through = true, c
	}
}

// Empty says that the batch changes nothing.
func (b *Batch) Empty() bool { return len(b.entries) == 0 && !b.remove && b.err == nil }

// Bytes is how large the batch is, keys that were put twice counted twice.
func (b *Batch) Bytes() int { return len(b.arena) }

// Reset empties the batch, and keeps its memory unless there is much of it.
func (b *Batch) Reset() {
	b.w.Reset()
	was := 0
	if cap(b.arena) > keepBytes {
		was, b.arena = len(b.arena), nil
	}
	*b = Batch{w: b.w, arena: b.arena[:0], was: was, entries: b.entries[:0]}
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
	case n > maxBatch || len(b.arena) > maxBatch-n:
		b.err = fmt.Errorf("a batch larger than %d bytes", maxBatch)
	}
	return b.err == nil
}

func (b *Batch) set(kind byte, name string, value []byte) {
	if !b.room(1 + len(name) + len(value)) {
		return
	}
	if b.was > 0 && len(b.entries) > 256 { // about as large again, it seems: in one piece, not by doubling
		b.arena, b.was = slices.Grow(b.arena, b.was+b.was/8), 0
	}
	at := len(b.arena)
	b.arena = appendKey(b.arena, kind, name)
	keyEnd := len(b.arena)
	b.arena = append(b.arena, value...)
	b.entries = append(b.entries, entry{at, keyEnd, len(b.arena), false})
}

func (b *Batch) delete(kind byte, name string) {
	if !b.room(1 + len(name)) {
		return
	}
	at := len(b.arena)
	b.arena = appendKey(b.arena, kind, name)
	b.entries = append(b.entries, entry{at, len(b.arena), len(b.arena), true})
}

func (b *Batch) key(e entry) []byte { return b.arena[e.at:e.keyEnd] }

// write writes the entries to the batch of Pebble's.
func (b *Batch) write() error {
	slices.SortFunc(b.entries, func(x, y entry) int {
		if c := bytes.Compare(b.key(x), b.key(y)); c != 0 {
			return c
		}
		return x.at - y.at
	})
	for i, e := range b.entries {
		key := b.key(e)
		if i+1 < len(b.entries) && bytes.Equal(key, b.key(b.entries[i+1])) {
			continue
		}
		var err error
		if e.remove {
			err = b.w.Delete(key, nil)
		} else {
			err = b.w.Set(key, b.arena[e.keyEnd:e.end], nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Apply makes the batch visible: all of it at once, to whoever reads from then on. It waits for no disk unless the disk
// is far behind. After an error nothing or all of the batch is visible, and nothing of it is lost that was applied
// before: the owner closes the Store and opens it again. The batch must be Reset before it is used again.
func (s *Store) Apply(b *Batch) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	if !b.room(0) {
		return s.wrap("apply", b.err)
	}
	b.consumed = true
	if err := s.wait(b); err != nil {
		return s.wrap("apply", err)
	}
	if b.remove { // before the entries, among which are timers
		if err := s.removeTimers(b); err != nil {
			return s.lost("remove timers", err)
		}
	}
	if err := b.write(); err != nil {
		return s.wrap("apply", err)
	}
	if first := b.firstTimer(); first != nil && string(first) < string(s.low) {
		s.low = append(s.low[:0], first...)
	}
	err := s.db.Apply(b.w, pebble.NoSync)
	s.dirty.Store(true)
	return s.lost("apply", err)
}

// firstTimer is the least key of a timer that the batch puts, nil when it puts none. The entries are in order.
func (b *Batch) firstTimer() []byte {
	i, _ := slices.BinarySearchFunc(b.entries, byte(kindTimer), func(e entry, kind byte) int {
		return int(b.arena[e.at]) - int(kind)
	})
	if i == len(b.entries) {
		return nil
	}
	return b.key(b.entries[i])
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
