package statestore

import (
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// turns are for the compactions of Stores that share a machine. Each Store knows only itself, and compacts as if all
// processors were its own; four of them take two processors for seconds, and whatever else is to happen waits. With turns
// a compaction waits instead, and so grows together with the next: of a Store that is behind it does not wait.
type turns struct {
	mu      sync.Mutex
	free    int            // below 0 by those that did not wait
	waiting []*compactions // in the order in which they were refused
}

// take gives a turn, or remembers who was refused.
func (t *turns) take(c *compactions, urgent bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.free <= 0 && !urgent {
		if !slices.Contains(t.waiting, c) {
			t.waiting = append(t.waiting, c)
		}
		return false
	}
	t.free--
	return true
}

// give takes a turn back, and says who was refused meanwhile: they are to ask again.
func (t *turns) give() []*compactions {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.free++
	refused := t.waiting
	t.waiting = nil
	return refused
}

// compactions says when Pebble may compact: as many at a time as it allows itself and turns are there, but none before
// the view is open, and none once the Store is broken.
//
// Pebble's own scheduler begins within Open, and an Open that fails behind that gives back what the compaction works
// with. And what Pebble holds in memory after a failed write of the manifest is nothing to compact by. Either ends in a
// panic on a goroutine of Pebble's, which nobody can catch.
type compactions struct {
	s     *Store
	db    pebble.DBForCompaction
	turns *turns
	turn  sync.Mutex // of grant

	mu       sync.Mutex
	open     bool
	running  int
	refused  bool           // somebody, since a compaction or who only looked for one gave back what it had
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
	allowed := c.db.GetAllowedWithoutPermission()
	if !c.open || c.s.broken() != nil || c.running >= allowed || !c.turns.take(c, c.running == 0 && allowed > fewCompactions) {
		c.refused = true
		return false
	}
	c.running++
	return true
}

// give takes back what take gave, and has other Stores begin; true: somebody was refused meanwhile, who is to have it.
func (c *compactions) give() (refused bool) {
	c.mu.Lock()
	c.running--
	refused, c.refused = c.refused, false
	c.mu.Unlock()
	for _, other := range c.turns.give() {
		other.grant()
	}
	return refused
}

// grant begins what waits. It must be called without locks of the database's. Who is refused while it only looks is not
// asked again by anybody else: Pebble takes a refusal for a promise, and does not even try a manual compaction behind it.
func (c *compactions) grant() {
	for c.begun() && c.give() {
	}
}

// begun begins what waits; true: one more might have begun.
func (c *compactions) begun() (left bool) {
	c.mu.Lock()
	if !c.open {
		c.mu.Unlock()
		return false
	}
	c.granting.Add(1)
	c.mu.Unlock()
	defer c.granting.Done()
	c.turn.Lock()
	defer c.turn.Unlock()
	for c.take() {
		if waiting, _ := c.db.GetWaitingCompaction(); !waiting || !c.db.Schedule(c) {
			return true
		}
	}
	return false
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
