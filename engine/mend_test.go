package engine

import (
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"wend/statestore"
)

// badDisks makes the views of a simulation fail: single operations, whole times without room, and bytes that change.
type badDisks struct {
	mu    sync.Mutex
	rng   *rand.Rand
	full  bool
	calm  bool
	fails int
}

func (b *badDisks) wrap(fs vfs.FS) vfs.FS {
	return errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		var errno syscall.Errno
		switch {
		case b.calm:
			return nil
		case b.full && op.Kind.ReadOrWrite() == errorfs.OpIsWrite:
			errno = syscall.ENOSPC
		case b.rng.IntN(400) == 0:
			errno = syscall.EIO
		default:
			return nil
		}
		b.fails++
		return &os.PathError{Op: "test", Path: op.Path, Err: errno}
	}))
}

// spoil changes a bit of a file of the view, on the disk for good, while Pebble reads and writes it.
func (b *badDisks) spoil(t *testing.T, fs *vfs.MemFS, dir string) {
	names, err := fs.List(dir)
	if err != nil || len(names) == 0 {
		return
	}
	slices.Sort(names)
	b.mu.Lock()
	at, bit := b.rng.Int64(), byte(1)<<b.rng.IntN(8)
	name := path.Join(dir, names[b.rng.IntN(len(names))])
	b.mu.Unlock()
	if info, err := fs.Stat(name); err != nil || info.IsDir() || info.Size() == 0 {
		return
	}
	f, err := fs.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err == nil && info.Size() == 0 { // removed this moment, by Pebble, and made again by us
		err = fs.Remove(name)
	} else if err == nil {
		var one [1]byte
		at %= info.Size()
		_, err = f.ReadAt(one[:], at)
		one[0] ^= bit
		_, werr := f.WriteAt(one[:], at)
		err = errors.Join(err, werr, f.Sync())
	}
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestViewsFailUnderAnySchedule runs the simulation on bad disks. What comes out is what comes out on good ones, nobody
// stops for good, and with good disks again all is finished.
func TestViewsFailUnderAnySchedule(t *testing.T) {
	p := simProgram(t)
	seeds, failures, removed := uint64(25), 0, 0
	if testing.Short() {
		seeds = 3
	}
	for seed := uint64(1); seed <= seeds; seed++ {
		s := newSim(t, p, seed, "")
		bad := &badDisks{rng: rand.New(rand.NewPCG(seed, 9))}
		s.faults = bad.wrap
		hear := func() { // each owner's shard has a listener of its own
			for _, o := range s.living() {
				o.shard.listener.ViewFailed = func(_ int32, f ViewFailure) {
					failures++
					if f.Removed {
						removed++
					}
					if f.Err == nil || f.Dir == "" || f.Wait <= 0 {
						s.fail("told of %+v", f)
					}
				}
			}
		}
		for range 1500 {
			if s.step(); s.failed != nil {
				break
			}
			hear()
			switch s.rng.IntN(150) {
			case 0:
				bad.mu.Lock()
				bad.full = !bad.full
				bad.mu.Unlock()
			case 1:
				if dirs := slices.Sorted(maps.Keys(s.disks)); len(dirs) > 0 {
					dir := dirs[s.rng.IntN(len(dirs))]
					bad.spoil(t, s.disks[dir], dir)
				}
			}
		}
		bad.mu.Lock()
		bad.calm = true
		bad.mu.Unlock()
		err := s.failed
		if err == nil {
			err = s.settle()
		}
		if err == nil {
			err = s.audit()
		}
		for _, o := range s.living() {
			s.kill(o, false)
		}
		if err = errors.Join(err, s.failed); err != nil {
			t.Fatalf("schedule %d: %v; before that:\n%s", seed, err, strings.Join(s.trace[max(0, len(s.trace)-40):], "\n"))
		}
	}
	t.Logf("%d failures of views, %d of them removed", failures, removed)
	if failures == 0 || removed == 0 || removed == failures {
		t.Errorf("%d failures of views, %d of them removed: the test tests little", failures, removed)
	}
}

// TestViewFailsAgainAndAgain: a view that cannot be used is tried less and less often, and what is damaged is removed.
func TestViewFailsAgainAndAgain(t *testing.T) {
	p := simProgram(t)
	for name, c := range map[string]struct {
		err     error
		removed func(n int) bool
	}{
		"damaged":   {damagedView(errors.New("a bit")), func(int) bool { return true }},
		"full":      {&statestore.Error{Err: syscall.ENOSPC}, func(int) bool { return false }},
		"bad block": {&statestore.Error{Err: syscall.EIO}, func(n int) bool { return n%troubleMost == 0 }},
	} {
		t.Run(name, func(t *testing.T) {
			var told []ViewFailure
			dropped := 0
			o := &simOwner{name: "owner"}
			s := newShard(shardConfig{dir: "view", views: refusingViews{err: c.err}}, newSim(t, p, 1, "").env(o),
				Listener{ViewFailed: func(_ int32, f ViewFailure) { told = append(told, f) }, Failed: func(_ int32, err error) { t.Errorf("stops for good: %v", err) }}.filled())
			s.env.dropped = func(string) { dropped++ }
			o.shard = s
			now := time.Now()
			for n := 1; n <= 6; n++ {
				s.begin(now)
				for len(told) < n {
					if _, wake := s.work(now); !wake.IsZero() {
						now = wake
					} else if len(told) < n {
						t.Fatal("waits for nothing")
					}
				}
				f := told[n-1]
				if dropped != n || !errors.Is(f.Err, c.err) || f.Removed != c.removed(n) || f.Wait != backoff(n) || f.Dir != "view" {
					t.Fatalf("failure %d: dropped %d times, told %+v", n, dropped, f)
				}
			}
		})
	}
}

type refusingViews struct {
	views
	err error
}

func (r refusingViews) open(string) (view, error) { return nil, r.err }
func (r refusingViews) destroy(string) error      { return nil }

// TestDocumentsThatDoNotDecode: a view that gives back other documents than it was given is as good as none.
func TestDocumentsThatDoNotDecode(t *testing.T) {
	p := simProgram(t)
	mended := 0
	for seed := uint64(1); seed <= 30; seed++ {
		s := newSim(t, p, seed, "")
		for range 300 {
			if s.step(); s.failed != nil {
				break
			}
		}
		for _, o := range s.living() {
			s.kill(o, false)
		}
		for i := range s.dirs {
			docs := s.dirs[i].maps.flushed.documents
			for i := range docs {
				docs[i].value = []byte{1, 0xc1}
			}
		}
		err := s.failed
		if err == nil {
			err = s.settle()
		}
		if err == nil {
			err = s.audit()
		}
		if err = errors.Join(err, s.failed); err != nil {
			t.Fatalf("schedule %d: %v; before that:\n%s", seed, err, strings.Join(s.trace[max(0, len(s.trace)-40):], "\n"))
		}
		for _, o := range s.owners {
			mended += o.shard.trouble.count
		}
		for _, o := range s.living() {
			s.kill(o, false)
		}
	}
	if mended == 0 {
		t.Error("no view was mended: the test tests nothing")
	}
}

// TestOneFullDisk: of two shards, each with a view on a disk of its own, the one whose disk has room goes on.
func TestOneFullDisk(t *testing.T) {
	p := simProgram(t)
	full, roomy := newSim(t, p, 5, ""), newSim(t, p, 7, "")
	bad := &badDisks{rng: rand.New(rand.NewPCG(1, 9)), full: true}
	full.faults = bad.wrap
	failures, units := 0, roomy.tally[sawUnit]
	for range 400 {
		full.step()
		for _, o := range full.living() {
			o.shard.listener.ViewFailed = func(_ int32, f ViewFailure) {
				failures++
				if !errors.Is(f.Err, syscall.ENOSPC) && !errors.Is(f.Err, syscall.EIO) {
					t.Errorf("told of %v", f.Err)
				}
			}
		}
		roomy.step()
	}
	if failures == 0 || full.failed != nil || roomy.failed != nil || roomy.tally[sawUnit] == units {
		t.Errorf("%d failures, %v; the other %v, %d units", failures, full.failed, roomy.failed, roomy.tally[sawUnit]-units)
	}
	bad.mu.Lock()
	bad.full, bad.calm = false, true
	bad.mu.Unlock()
	for _, s := range []*sim{full, roomy} {
		if err := s.settle(); err != nil {
			t.Error(err)
		}
		if err := s.audit(); err != nil {
			t.Error(err)
		}
		for _, o := range s.living() {
			s.kill(o, false)
		}
	}
}
