package engine

import (
	"hash/maphash"
	"math/bits"
	"strings"
	"time"
	"unsafe"

	"wend/engine/journey"
	"wend/schemas"
)

// entry is a customer in memory: the document's bytes, which may be ahead of the view by what is not settled, in flight
// or open. Such an entry is pinned: the view cannot give it back.
//
// Documents are kept as bytes, not decoded. A decoded one is a dozen pieces of memory that nobody has touched for a
// while, and waiting for each costs more than decoding one piece into memory that is warm (measured on the cart
// workload with 100,000 customers); the collector has nothing to follow, and taking a change back is not storing it.
type entry struct {
	customer string // in one piece of memory with raw
	raw      []byte // nil: nothing is known of the customer
	ids      []byte // what of the document is apart, whole; nil: nothing
	parted   uint64 // the newest unit that changed ids, 0 none
	unit     uint64 // the newest unit that changed it, 0 none
	slot     int32  // its place in that unit
	piled    uint64 // above what the view has: the first unit of the pile that changed it
	indexed  int64  // the timer index has an entry of this customer's at this time or earlier; Never: perhaps none
	age      int32  // of the cache when it came into the young generation

	// stepped is the program of which a Step left the document as it is, behind an event, with indexed at or before the first
	// of its timers. nil: none that is known.
	stepped *journey.Program
}

// newEntry makes an entry of a customer of whom nothing is known.
func newEntry(customer string) *entry {
	return &entry{customer: strings.Clone(customer), indexed: schemas.Never}
}

// keep stores the document's newest bytes. Documents grow a little all the time, so there is room for some more. Whoever
// comes to the document has looked at the customer first: they are in one piece.
func (e *entry) keep(doc []byte) {
	if len(doc) > cap(e.raw) {
		n := len(e.customer)
		piece := make([]byte, n, n+len(doc)+len(doc)/8+32)
		copy(piece, e.customer)
		e.customer = unsafe.String(unsafe.SliceData(piece), n) // nobody writes there again
		e.raw = piece[n:]
	}
	e.raw = append(e.raw[:0], doc...)
}

// apart stores the ids that are apart, which a unit has changed.
func (e *entry) apart(ids []byte, unit uint64) {
	if cap(e.ids) < len(ids) {
		e.ids = make([]byte, 0, len(ids)) // it becomes larger three times, and then stays
	}
	e.ids, e.parted = append(e.ids[:0], ids...), unit
}

// size is about what the entry takes of memory.
func (e *entry) size() int { return cap(e.raw) + cap(e.ids) + overhead }

// cache holds the documents recently used of a shard, up to a number of bytes. Two generations instead of a
// list: a customer that is used moves to the young one; when that is half the limit, or two minutes old, the old one is let
// go. So a hit writes nothing in the usual case, and there are no links for the collector to follow.
//
// The minutes give memory back behind a rush: while a shard catches up, each customer that it need not read from the view
// saves more than all the rest of an event costs; one that is asked for once in minutes is as well read again.
type cache struct {
	seed       maphash.Seed
	young, old entryTable // one that moved to young is still in old
	bytes      int        // estimate of the young generation
	pinned     int        // of these, bytes of entries that had to stay when a generation was let go, and still have to
	limit      int
	age        int32     // how often a generation was let go
	turned     time.Time // when one was let go last
}

func newCache(limit int) *cache { return &cache{seed: maphash.MakeSeed(), limit: limit} }

// overhead is about what an entry takes beside its document.
const overhead = 200

// get gives the customer's entry, nil where there is none.
func (c *cache) get(customer string) *entry {
	hash := maphash.String(c.seed, customer)
	if e := c.young.find(hash, customer); e != nil {
		return e
	}
	e := c.old.find(hash, customer)
	if e != nil {
		c.put(hash, e)
	}
	return e
}

// peek is get for whoever only looks: nothing becomes younger by it.
func (c *cache) peek(customer string) *entry {
	hash := maphash.String(c.seed, customer)
	if e := c.young.find(hash, customer); e != nil {
		return e
	}
	return c.old.find(hash, customer)
}

// add takes in a customer that get does not find.
func (c *cache) add(e *entry) { c.put(maphash.String(c.seed, e.customer), e) }

func (c *cache) put(hash uint64, e *entry) {
	e.age = c.age
	c.young.put(hash, e)
	c.bytes += e.size()
}

// keep is the entry's, in the account.
func (c *cache) keep(e *entry, doc []byte) {
	before := e.size()
	e.keep(doc)
	c.bytes += e.size() - before
}

// apart is the entry's, in the account.
func (c *cache) apart(e *entry, ids []byte, unit uint64) {
	before := e.size()
	e.apart(ids, unit)
	c.bytes += e.size() - before
}

// release lets the old generation go once the young one is half the limit. Entries that units above `applied` changed stay,
// beside that half: else, where these are many, each call would look through all of them again, and let nobody go.
func (c *cache) release(applied uint64) {
	if c.bytes-c.pinned >= c.limit/2 {
		c.turn(applied)
	}
}

// generation is how long a young generation takes in customers at most.
const generation = 2 * time.Minute

// rest lets the old generation go if the young one is old enough, as release does.
func (c *cache) rest(applied uint64, now time.Time) {
	switch {
	case c.turned.IsZero():
		c.turned = now
	case now.Sub(c.turned) >= generation:
		c.turn(applied)
		c.turned = now
	}
}

// turn makes the young generation the old one.
func (c *cache) turn(applied uint64) {
	gone := c.old
	c.old, c.young, c.bytes = c.young, entryTable{slots: make([]entrySlot, roomFor(c.young.n))}, 0
	c.age++
	for i := range gone.slots {
		// Of those that moved on meanwhile the age tells.
		if x := &gone.slots[i]; x.entry != nil && x.entry.age == c.age-2 && x.entry.unit > applied {
			c.put(x.hash, x.entry)
		}
	}
	c.pinned = c.bytes
}

// entryTable finds entries by a hash of their customer. Beside Go's maps it can be asked about several customers at one
// time, before anything of any of them is looked at (see ahead). Nothing is ever taken out.
type entryTable struct {
	slots []entrySlot // a power of two; open addressing, linear probing
	n     int
}

type entrySlot struct {
	hash  uint64
	entry *entry
}

// first is where the search for a hash begins.
func (t *entryTable) first(hash uint64) int { return int(hash) & (len(t.slots) - 1) }

// likely gives the first entry with that hash, which is almost always that of the customer; nil where there is none.
func (t *entryTable) likely(hash uint64) *entry {
	if t.n == 0 {
		return nil
	}
	for i := t.first(hash); t.slots[i].entry != nil; i = (i + 1) & (len(t.slots) - 1) {
		if t.slots[i].hash == hash {
			return t.slots[i].entry
		}
	}
	return nil
}

func (t *entryTable) find(hash uint64, customer string) *entry {
	if t.n == 0 {
		return nil
	}
	for i := t.first(hash); t.slots[i].entry != nil; i = (i + 1) & (len(t.slots) - 1) {
		if t.slots[i].hash == hash && t.slots[i].entry.customer == customer {
			return t.slots[i].entry
		}
	}
	return nil
}

// roomFor is how many slots n entries need: a power of two, of which at most three quarters are taken.
func roomFor(n int) int { return max(64, 1<<bits.Len(uint(n+n/3))) }

func (t *entryTable) put(hash uint64, e *entry) {
	if 4*(t.n+1) > 3*len(t.slots) {
		from := t.slots
		t.slots = make([]entrySlot, roomFor(t.n+1))
		for i := range from {
			if from[i].entry != nil {
				t.place(from[i])
			}
		}
	}
	t.place(entrySlot{hash, e})
	t.n++
}

func (t *entryTable) place(x entrySlot) {
	i := t.first(x.hash)
	for t.slots[i].entry != nil {
		i = (i + 1) & (len(t.slots) - 1)
	}
	t.slots[i] = x
}
