package engine

import (
	"fmt"
	"testing"
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
	if most := n/(limit/2/overhead) + 1; c.age > most {
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
