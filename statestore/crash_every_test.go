package statestore

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"pgregory.net/rapid"
)

// crashing is a disk that keeps, before each of its writes, what a crash then could leave.
type crashing struct {
	*vfs.MemFS
	mu     sync.Mutex
	rng    *rand.Rand
	off    atomic.Bool
	states func() (durable, latest int) // a crash now may leave what was there behind batches from durable to latest
	cuts   []cut
}

// cut is what a crash left, and when.
type cut struct {
	fs              *vfs.MemFS
	durable, latest int
	before          errorfs.Op
	unsynced        int // percent of what was not synced that is there
}

func (c *crashing) fs() vfs.FS {
	return errorfs.Wrap(c.MemFS, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() != errorfs.OpIsWrite || c.off.Load() {
			return nil
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		durable, _ := c.states()
		unsynced := []int{0, 50, 100}[c.rng.IntN(3)]
		clone := c.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: unsynced, RNG: c.rng})
		_, latest := c.states()
		c.cuts = append(c.cuts, cut{clone, durable, latest, op, unsynced})
		return nil
	}))
}

// TestCrashAtEveryWrite cuts the power before every single operation that writes, whoever does it: the writer, a flush,
// a compaction, and then again while what was left is opened. What is read is the state behind one of the batches, of
// documents, timers, outbox and meta together, and not before the last Flush that returned.
func TestCrashAtEveryWrite(t *testing.T) {
	cuts, lost, seeds := 0, 0, 6
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		rapid.Custom(func(draw *rapid.T) bool {
			c, l := crashEverywhere(t, draw, uint64(seed))
			cuts, lost = cuts+c, lost+l
			return true
		}).Example(seed)
	}
	t.Logf("%d crashes, %d of them lost a batch", cuts, lost)
	if cuts < 50*seeds || lost == 0 || lost == cuts {
		t.Errorf("%d crashes, %d of them lost a batch: the test tests little", cuts, lost)
	}
}

func crashEverywhere(t *testing.T, draw *rapid.T, seed uint64) (cuts, lost int) {
	var durable, latest atomic.Int64
	disk := &crashing{MemFS: vfs.NewCrashableMem(), rng: rand.New(rand.NewPCG(seed, 11)),
		states: func() (int, int) { return int(durable.Load()), int(latest.Load()) }}
	m := newModel()
	states := []string{m.String()}
	for range 2 { // lives
		s, err := Open("view", Options{FS: disk.fs(), MemTableBytes: 64 << 10})
		if err != nil {
			t.Fatal(err)
		}
		b := s.NewBatch()
		for range 12 {
			unit(draw, b, m, len(states))
			if rapid.IntRange(0, 2).Draw(draw, "large") == 0 {
				for i := range 40 {
					name, doc := fmt.Sprintf("large %d", i), fmt.Sprintf("%d%0900d", len(states), i)
					b.PutDocument(name, []byte(doc))
					m.docs[name] = doc
				}
			}
			states = append(states, m.String())
			latest.Store(int64(len(states) - 1)) // it may be on disk before Apply returns
			if err := s.Apply(b); err != nil {
				t.Fatal(err)
			}
			b.Reset()
			if rapid.IntRange(0, 4).Draw(draw, "flush") == 0 {
				if err := s.Flush(); err != nil {
					t.Fatal(err)
				}
				durable.Store(latest.Load())
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		durable.Store(latest.Load())
	}
	for i, c := range disk.cuts {
		if testing.Short() && i%10 > 0 {
			continue
		}
		got := reopened(t, c.fs, fmt.Sprintf("seed %d, crash %d before %v of %s, %d %% of what was not synced", seed, i, c.before.Kind, c.before.Path, c.unsynced))
		at := -1
		for k := c.durable; k <= c.latest; k++ {
			if states[k] == got {
				at = k
			}
		}
		if at < 0 {
			t.Fatalf("seed %d, crash %d before %v of %s: not the state behind any of the batches %d to %d:\n%s", seed, i, c.before.Kind, c.before.Path, c.durable, c.latest, got)
		}
		if at < c.latest {
			lost++
		}
	}
	return len(disk.cuts), lost
}

// reopened gives what is there after a crash. Opening writes too: it is cut before one of its own writes first, which
// must leave the same.
func reopened(t *testing.T, fs *vfs.MemFS, when string) string {
	t.Helper()
	disk := &crashing{MemFS: fs, rng: rand.New(rand.NewPCG(7, uint64(len(when)))), states: func() (int, int) { return 0, 0 }}
	first := contents(t, disk.fs(), when)
	if len(disk.cuts) == 0 {
		t.Fatalf("%s: opening wrote nothing", when)
	}
	again := disk.cuts[disk.rng.IntN(len(disk.cuts))]
	if second := contents(t, again.fs, when); second != first {
		t.Fatalf("%s: opened after a crash in opening before %v of %s, %d %%: got\n%s\nwant\n%s", when, again.before.Kind, again.before.Path, again.unsynced, second, first)
	}
	return first
}

func contents(t *testing.T, fs vfs.FS, when string) string {
	t.Helper()
	s, err := Open("view", Options{FS: fs, MemTableBytes: 64 << 10})
	if err != nil {
		t.Fatalf("%s: open: %v", when, err)
	}
	m, err := read(s)
	if err != nil {
		t.Fatalf("%s: read: %v", when, err)
	}
	if err := s.Close(); err != nil {
		t.Fatalf("%s: close: %v", when, err)
	}
	return m.String()
}
