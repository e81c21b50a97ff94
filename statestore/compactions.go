package statestore

import (
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// compactions says when Pebble may compact: as many at a time as it allows itself, but none before the view is open, and
// none once the Store is broken.
//
// Pebble's own scheduler begins within Open, and an Open that fails behind that gives back what the compaction works
// with. And what Pebble holds in memory after a failed write of the manifest is nothing to compact by. Either ends in a
// panic on a goroutine of Pebble's, which nobody can catch.
type compactions struct {
	s    *Store
	db   pebble.DBForCompaction
	turn sync.Mutex // of grant

	mu       sync.Mutex
	open     bool
	running  int
	granting sync.WaitGroup // added to with mu held
}

// Register is called within Open.
func (c *compactions) Register(_ int, db pebble.DBForCompaction) { c.db = db }

// begin is called when the view is open.
func (c *compactions) begin() {
	c.mu.Lock()
	c.open = true
	c.mu.Unlock()
	c.grant()
}

// Unregister returns when no call of the database is under way.
func (c *compactions) Unregister() {
	c.mu.Lock()
	c.open = false
	c.mu.Unlock()
	c.granting.Wait()
}

// TrySchedule is called with the database's locks held. Where it says no, grant asks later.
func (c *compactions) TrySchedule() (bool, pebble.CompactionGrantHandle) { return c.take(), c }

func (c *compactions) take() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.open || c.s.broken() != nil || c.running >= c.db.GetAllowedWithoutPermission() {
		return false
	}
	c.running++
	return true
}

func (c *compactions) give() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running--
}

// grant begins what waits. It must be called without locks of the database's.
func (c *compactions) grant() {
	c.mu.Lock()
	if !c.open {
		c.mu.Unlock()
		return
	}
	c.granting.Add(1)
	c.mu.Unlock()
	defer c.granting.Done()
	c.turn.Lock()
	defer c.turn.Unlock()
	for c.take() {
		if waiting, _ := c.db.GetWaitingCompaction(); !waiting || !c.db.Schedule(c) {
			c.give()
			return
		}
	}
}

// UpdateGetAllowedWithoutPermission is called behind a flush, with locks held: there may be more to do.
func (c *compactions) UpdateGetAllowedWithoutPermission() { go c.grant() }

// Done is called by a compaction that has ended.
func (c *compactions) Done() {
	c.give()
	c.grant()
}

func (c *compactions) Started()                                          {}
func (c *compactions) MeasureCPU(pebble.CompactionGoroutineKind)         {}
func (c *compactions) CumulativeStats(pebble.CompactionGrantHandleStats) {}
