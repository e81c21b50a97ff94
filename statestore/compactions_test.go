package statestore

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2"
)

// fakeDB is a database that has compactions to do, as the scheduler sees it.
type fakeDB struct {
	mu      sync.Mutex
	todo    int
	allowed int
	begun   chan pebble.CompactionGrantHandle
	behind  func() // comes to pass when nothing was found to do, before whoever looked says so
}

func (f *fakeDB) GetAllowedWithoutPermission() int { return f.allowed }

func (f *fakeDB) GetWaitingCompaction() (bool, pebble.WaitingCompaction) {
	f.mu.Lock()
	todo := f.todo
	f.mu.Unlock()
	if todo == 0 {
		f.behind()
	}
	return todo > 0, pebble.WaitingCompaction{}
}

func (f *fakeDB) Schedule(h pebble.CompactionGrantHandle) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.todo == 0 {
		return false
	}
	f.todo--
	f.begun <- h
	return true
}

// In any order of what comes to do and what ends, Stores that share turns have no more compactions at a time than there
// are turns, but for one of each that is behind; and all is done in the end, whoever was refused.
func TestTurns(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 9))
		const most = 2
		shared := &turns{free: most}
		begun := make(chan pebble.CompactionGrantHandle, 1000)
		var dbs []*fakeDB
		var all []*compactions
		behind := 0
		for range 1 + rng.IntN(5) {
			db := &fakeDB{allowed: fewCompactions, begun: begun}
			if rng.IntN(4) == 0 {
				db.allowed, behind = 2, behind+1
			}
			c := &compactions{s: &Store{failed: make(chan struct{})}, turns: shared, db: db}
			db.behind = func() {}
			c.begin()
			dbs, all = append(dbs, db), append(all, c)
		}
		came := 0
		comes := func(i int) { // as Pebble does behind a flush
			came++
			if ok, h := all[i].TrySchedule(); ok {
				begun <- h
				return
			}
			dbs[i].mu.Lock()
			dbs[i].todo++
			dbs[i].mu.Unlock()
		}
		for _, db := range dbs {
			db.behind = func() {
				if came < 60 && rng.IntN(4) == 0 {
					comes(rng.IntN(len(dbs)))
				}
			}
		}
		var running []pebble.CompactionGrantHandle
		took := func() {
			for len(begun) > 0 {
				running = append(running, <-begun)
			}
			if len(running) > most+behind {
				t.Fatalf("seed %d: %d compactions at a time", seed, len(running))
			}
		}
		for came < 60 || len(running) > 0 {
			if came < 60 && rng.IntN(2) == 0 {
				comes(rng.IntN(len(dbs)))
			} else if len(running) > 0 {
				k := rng.IntN(len(running))
				h := running[k]
				running = append(running[:k], running[k+1:]...)
				h.Done()
			}
			took()
		}
		for i, db := range dbs {
			if db.todo > 0 {
				t.Fatalf("seed %d: store %d of %d still has %d compactions to do", seed, i, len(dbs), db.todo)
			}
		}
		if shared.free != most {
			t.Fatalf("seed %d: %d turns are free of %d", seed, shared.free, most)
		}
	}
}
