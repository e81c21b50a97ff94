package engine

import "wend/schemas"

// entry is a customer in memory. Its document may be ahead of the view by the open unit and the one in flight; such an
// entry is pinned: the view cannot give it back.
type entry struct {
	customer string
	doc      *schemas.Document
	size     int    // bytes when last encoded
	unit     uint64 // the newest unit that changed it, 0 none
	slot     int    // its place in that unit
	acked    uint64 // the newest acknowledged unit that changed it
	indexed  int64  // the timer index has an entry of this customer's at this time or earlier; Never: perhaps none
}

// cache holds decoded documents, the recently used of a shard, up to a number of bytes. Two generations instead of a
// list: a customer that is used moves to the young one; when that is half the limit, the old one is let go. So a hit
// writes nothing in the usual case, and there are no links for the collector to follow.
type cache struct {
	young, old map[string]*entry
	bytes      int // estimate of the young generation
	limit      int
}

func newCache(limit int) *cache {
	return &cache{young: map[string]*entry{}, old: map[string]*entry{}, limit: limit}
}

// overhead is about what an entry takes beside its document's encoded size.
const overhead = 400

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
	c.bytes += e.size + overhead
}

// remove forgets a customer whose document no longer is what memory says.
func (c *cache) remove(customer string) {
	delete(c.young, customer)
	delete(c.old, customer)
}

// age lets the old generation go once the young one is half the limit. Entries that units above `applied` changed stay.
func (c *cache) age(applied uint64) {
	if c.bytes < c.limit/2 {
		return
	}
	gone := c.old
	c.old, c.young, c.bytes = c.young, make(map[string]*entry, len(c.young)), 0
	for _, e := range gone {
		if e.unit > applied {
			c.add(e)
		}
	}
}
