package engine

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// Where all entries have to stay, letting go is looked for once in so many bytes, and not by each that comes.
func TestCacheOfWhomMustStay(t *testing.T) {
	const limit, n = 100 * overhead, 10_000
	c := newCache(limit)
	for i := range n {
		e := newEntry(fmt.Sprint("c", i))
		e.unit = 2
		c.release(1)
		c.add(e)
	}
	if most := n/(limit/2/overhead) + 1; int(c.age) > most {
		t.Errorf("the cache went through its entries %d times for %d customers, want %d at most", c.age, n, most)
	}
	for i := range n {
		if c.get(fmt.Sprint("c", i)) == nil {
			t.Fatalf("c%d is gone, and the view does not have it yet", i)
		}
	}
	for i := range limit {
		c.release(2)
		c.add(newEntry(fmt.Sprint("d", i)))
	}
	if held := c.young.n + c.old.n; held*overhead > 2*limit {
		t.Errorf("%d entries are held when all may go, %d bytes of %d", held, held*overhead, limit)
	}
}

// Of customers that nobody asks for any more nothing stays, however few they are, but who must.
func TestCacheRests(t *testing.T) {
	now := time.UnixMilli(0)
	c := newCache(1 << 30)
	c.rest(0, now)
	for i := range 1000 {
		e := newEntry(fmt.Sprint("c", i))
		e.unit = uint64(i%2 + 1)
		c.add(e)
	}
	for minute := range 4 {
		now = now.Add(generation)
		c.rest(1, now)
		if c.get("c0") == nil { // used all the time; its unit is in the view
			t.Fatalf("c0 is gone after %d minutes", minute+1)
		}
	}
	if c.get("c1") == nil {
		t.Error("c1 is gone, and the view does not have it yet")
	}
	if c.get("c2") != nil {
		t.Error("c2 is still there, and nobody has asked for it in minutes")
	}
	for range 2 {
		now = now.Add(generation)
		c.rest(2, now)
	}
	if held := c.young.n + c.old.n; held > 0 {
		t.Errorf("%d entries are held that nobody uses", held)
	}
	if len(c.young.slots) > 64 {
		t.Errorf("%d slots are left for nobody", len(c.young.slots))
	}
}

// What customers take is known also of those who were new and have grown.
func TestCacheKnowsItsSize(t *testing.T) {
	s := newBenchShard(t, cartFiles)
	s.cache.limit = 4 << 20
	for rest := cutBatches(t, newBenchLog(1, 100_000, cartMix)); len(rest) > 0; {
		n := min(256, len(rest)) // 4 MB
		s.give(slices.Concat(rest[:n]...), int64(s.limits.behind))
		rest = rest[n:]
		held := 0
		for _, x := range s.cache.young.slots {
			if x.entry != nil {
				held += x.entry.size()
			}
		}
		if held != s.cache.bytes {
			t.Fatalf("%d bytes are in the young generation, the cache says %d", held, s.cache.bytes)
		}
	}
	if s.cache.age == 0 {
		t.Error("the test shows nothing: no generation was let go")
	}
}
