package statestore

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"
)

const (
	maxBatch   = 1 << 30 // bytes; Pebble panics at four times as much
	keepBytes  = 4 << 20 // of a batch's memory for the next use
	pointLimit = 256     // timers removed one by one, before a range removal is cheaper
	perEntry   = 64      // what the memtable adds to an entry, about
	entryBytes = 12      // what Pebble's batch adds to an entry, at most
)

// Batch is what one unit, or many units together, change in the view. It is applied whole or not at all. Later calls
// win over earlier ones for the same key. What is put is not copied: its bytes must stay as they are until Apply or Reset.
// One goroutine's.
//
// It keeps its entries until Apply, which writes them in the order of their keys, each key once: the memtable finds the
// place of a key near the one before it much sooner than anywhere.
type Batch struct {
	w        *pebble.Batch
	entries  []entry // as they were put
	places   []place // of the entries, in order of their keys once Apply begins
	bytes    int     // of keys and values
	remove   bool
	through  Cursor
	err      error // of a call that cannot be put in, told by Apply
	consumed bool
}

// entry is a key and what becomes of it.
type entry struct {
	kind   byte
	remove bool
	due    int64  // of a timer
	name   string // of a timer: the customer
	value  []byte
}

// place is where an entry is, and what of its key is compared first: sorting moves these alone.
type place struct {
	order uint64 // of keys of one kind: a timer's time, else the first bytes of the name
	at    int32
	kind  byte
}

// NewBatch makes an empty batch for this Store, to be used again and again: Reset it after Apply. It is not for use
// behind the Store's Close.
func (s *Store) NewBatch() *Batch {
	return &Batch{w: s.newBatch(64 << 10)}
}

func (s *Store) newBatch(size int) *pebble.Batch {
	return s.db.NewBatchWithSize(size, pebble.WithInitialSizeBytes(64<<10), pebble.WithMaxRetainedSizeBytes(keepBytes))
}

// PutDocument puts a customer's document.
func (b *Batch) PutDocument(customer string, doc []byte) {
	b.add(entry{kind: kindDocument, name: customer, value: doc})
}

// PutIDs puts what of a customer's document is kept apart: ids of earlier events.
func (b *Batch) PutIDs(customer string, ids []byte) {
	b.add(entry{kind: kindIDs, name: customer, value: ids})
}

// DeleteDocument takes a customer's document away, if there is one.
func (b *Batch) DeleteDocument(customer string) {
	b.add(entry{kind: kindDocument, name: customer, remove: true})
}

// DeleteIDs takes away what is kept apart of the document, if there is something.
func (b *Batch) DeleteIDs(customer string) {
	b.add(entry{kind: kindIDs, name: customer, remove: true})
}

// PutMeta puts a small value under a name.
func (b *Batch) PutMeta(name string, value []byte) {
	b.add(entry{kind: kindMeta, name: name, value: value})
}

// PutOwed puts an outbox record under its journal key.
func (b *Batch) PutOwed(key string, value []byte) {
	b.add(entry{kind: kindOwed, name: key, value: value})
}

// DeleteOwed takes an outbox record away, if there is one.
func (b *Batch) DeleteOwed(key string) { b.add(entry{kind: kindOwed, name: key, remove: true}) }

// PutTimer puts a timer into the index. A customer must not be empty (a cursor at the first of 1970 could not stand on
// it).
func (b *Batch) PutTimer(due int64, customer string) {
	if customer == "" {
		b.err = errors.New("a timer without a customer")
		return
	}
	b.add(entry{kind: kindTimer, due: due, name: customer})
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
func (b *Batch) Bytes() int { return b.bytes }

// Reset empties the batch, and keeps its memory unless there is much of it.
func (b *Batch) Reset() {
	b.w.Reset()
	clear(b.entries) // the values are let go
	*b = Batch{w: b.w, entries: b.entries[:0], places: b.places[:0]}
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
	case n > maxBatch || b.bytes > maxBatch-n:
		b.err = fmt.Errorf("a batch larger than %d bytes", maxBatch)
	}
	return b.err == nil
}

func (b *Batch) add(e entry) {
	n := e.keySize() + len(e.value)
	if !b.room(n) {
		return
	}
	order := nameOrder(e.name)
	if e.kind == kindTimer {
		order = timerOrder(e.due)
	}
	b.bytes += n
	b.places = append(b.places, place{order, int32(len(b.entries)), e.kind})
	b.entries = append(b.entries, e)
}

// nameOrder gives numbers in the order of names, as far as their first bytes tell.
func nameOrder(name string) uint64 {
	var first [8]byte
	copy(first[:], name)
	return binary.BigEndian.Uint64(first[:])
}

// compare is that of the keys.
func (b *Batch) compare(x, y place) int {
	if n := cmp.Compare(x.kind, y.kind); n != 0 {
		return n
	}
	if n := cmp.Compare(x.order, y.order); n != 0 {
		return n
	}
	return strings.Compare(b.entries[x.at].name, b.entries[y.at].name)
}

func (e *entry) keySize() int {
	if e.kind == kindTimer {
		return timerHead + len(e.name)
	}
	return 1 + len(e.name)
}

func (e *entry) appendKey(dst []byte) []byte {
	if e.kind == kindTimer {
		return appendTimer(dst, e.due, e.name)
	}
	return appendKey(dst, e.kind, e.name)
}

// fill writes the entries to the batch of Pebble's.
func (b *Batch) fill() error {
	slices.SortFunc(b.places, func(x, y place) int {
		if n := b.compare(x, y); n != 0 {
			return n
		}
		return cmp.Compare(x.at, y.at)
	})
	for i, p := range b.places {
		if i+1 < len(b.places) && b.compare(p, b.places[i+1]) == 0 {
			continue
		}
		e := &b.entries[p.at]
		var op *pebble.DeferredBatchOp
		if e.remove {
			op = b.w.DeleteDeferred(e.keySize())
		} else {
			op = b.w.SetDeferred(e.keySize(), len(e.value))
			copy(op.Value, e.value)
		}
		e.appendKey(op.Key[:0])
		if err := op.Finish(); err != nil {
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
	if b.bytes > keepBytes { // in one piece, not by doubling
		_ = b.w.Close()
		b.w = s.newBatch(b.bytes + len(b.entries)*entryBytes)
		s.large.Store(true)
	}
	if b.remove { // before the entries, among which are timers
		if err := s.removeTimers(b); err != nil {
			return s.lost("remove timers", err)
		}
	}
	if err := b.fill(); err != nil {
		return s.wrap("apply", err)
	}
	if first := b.firstTimer(); first != nil && string(first) < string(s.low) {
		s.low = append(s.low[:0], first...)
	}
	err := s.db.Apply(b.w, pebble.NoSync)
	s.dirty.Store(true)
	return s.lost("apply", err)
}

// firstTimer is the least key of a timer that the batch puts, nil when it puts none. The places are in order.
func (b *Batch) firstTimer() []byte {
	i, _ := slices.BinarySearchFunc(b.places, byte(kindTimer), func(p place, kind byte) int { return int(p.kind) - int(kind) })
	if i == len(b.places) {
		return nil
	}
	return b.entries[b.places[i].at].appendKey(nil)
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
