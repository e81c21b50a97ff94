package engine

// entry is a customer in memory: the document's bytes, which may be ahead of the view by what is not settled, in flight
// or open. Such an entry is pinned: the view cannot give it back.
//
// Documents are kept as bytes, not decoded. A decoded one is a dozen pieces of memory that nobody has touched for a
// while, and waiting for each costs more than decoding one piece into memory that is warm (measured on the cart
// workload with 100,000 customers); the collector has nothing to follow, and taking a change back is not storing it.
type entry struct {
	customer string
	raw      []byte // its own; nil: nothing is known of the customer
	unit     uint64 // the newest unit that changed it, 0 none
	slot     int    // its place in that unit
	acked    uint64 // the newest acknowledged unit that changed it
	indexed  int64  // the timer index has an entry of this customer's at this time or earlier; Never: perhaps none
}

// cache holds the documents recently used of a shard, up to a number of bytes. Two generations instead of a
// list: a customer that is used moves to the young one; when that is half the limit, the old one is let go. So a hit
// writes nothing in the usual case, and there are no links for the collector to follow.
type cache struct {
	young, old map[string]*entry
	bytes      int // estimate of the young generation
	limit      int
	ages       int // counts when entries went
}

func newCache(limit int) *cache {
	return &cache{young: map[string]*entry{}, old: map[string]*entry{}, limit: limit}
}

// overhead is about what an entry takes beside its document.
const overhead = 200

// keep stores the document's newest bytes. Documents grow a little all the time, so there is room for some more.
func (e *entry) keep(doc []byte) {
	if len(doc) > cap(e.raw) {
		e.raw = make([]byte, 0, len(doc)+len(doc)/8+32)
	}
	e.raw = append(e.raw[:0], doc...)
}

// get gives the customer's entry, nil where there is none.
func (c *cache) get(customer string) *entry {
	if e := c.young[customer]; e != nil {
		return e
	}
	if e := c.old[customer]; e != nil {
		delete(c.old, customer)
		c.add(e)
		return e
	}
	return nil
}

func (c *cache) add(e *entry) {
	c.young[e.customer] = e
	c.bytes += cap(e.raw) + overhead
}

// age lets the old generation go once the young one is half the limit. Entries that units above `applied` changed stay.
func (c *cache) age(applied uint64) {
	if c.bytes < c.limit/2 {
		return
	}
	gone := c.old
	c.ages++
	c.old, c.young, c.bytes = c.young, make(map[string]*entry, len(c.young)), 0
	for _, e := range gone {
		if e.unit > applied {
			c.add(e)
		}
	}
}
