package statestore

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"
)

// TestCrash cuts the power at many points: what is read afterwards is the state behind one of the batches, whole, and
// not before the last Flush; and the view goes on from there.
func TestCrash(t *testing.T) {
	torn := 0 // crashes that lost something, or the test shows nothing
	rapid.Check(t, func(t *rapid.T) {
		fs := vfs.NewCrashableMem()
		o := Options{MemTableBytes: 64 << 10}
		states := []string{newModel().String()}
		m := newModel()
		for life := range rapid.IntRange(1, 4).Draw(t, "lives") {
			o.FS = fs
			s, err := Open("view", o)
			if err != nil {
				t.Fatalf("life %d: %v", life, err)
			}
			b := s.NewBatch()
			durable := len(states) - 1
			if life == 0 {
				durable = 0
			}
			for range rapid.IntRange(0, 40).Draw(t, "units") {
				unit(t, b, m, len(states))
				if rapid.IntRange(0, 5).Draw(t, "large") == 0 { // beyond half a memtable, beside it in the queue
					for i := range 100 {
						name := fmt.Sprintf("large %d", i)
						doc := fmt.Sprintf("%d%0600d", len(states), i)
						b.PutDocument(name, []byte(doc))
						m.docs[name] = doc
					}
				}
				if err := s.Apply(b); err != nil {
					t.Fatal(err)
				}
				b.Reset()
				states = append(states, m.String())
				if rapid.IntRange(0, 19).Draw(t, "flush") == 0 {
					if err := s.Flush(); err != nil {
						t.Fatal(err)
					}
					durable = len(states) - 1
				}
			}
			crashed := fs.CrashClone(vfs.CrashCloneCfg{
				UnsyncedDataPercent: rapid.SampledFrom([]int{0, 25, 50, 75, 100}).Draw(t, "unsynced"),
				RNG:                 rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)),
			})
			if err := s.Close(); err != nil { // of the one that died; its disk is no more
				t.Fatal(err)
			}
			fs = crashed
			o.FS = fs
			after, err := Open("view", o)
			if err != nil {
				t.Fatalf("life %d, reopen: %v", life, err)
			}
			got, err := read(after)
			if err != nil {
				t.Fatal(err)
			}
			at := -1
			for i := durable; i < len(states); i++ {
				if states[i] == got.String() {
					at = i
				}
			}
			if at < 0 {
				t.Fatalf("life %d: not the state behind any of the batches %d to %d:\n%s", life, durable, len(states)-1, got)
			}
			if at < len(states)-1 {
				torn++
			}
			states, m = states[:at+1], got.clone()
			if rapid.Bool().Draw(t, "close") {
				if err := after.Close(); err != nil {
					t.Fatal(err)
				}
			} else {
				fs = fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))})
				_ = after.Close()
			}
		}
	})
	if torn == 0 && !t.Failed() && !testing.Short() {
		t.Error("no crash lost a batch: the test tests nothing")
	}
}

// TestCrashWhileWriting takes the disk away beneath flushes and compactions under way, from another goroutine.
func TestCrashWhileWriting(t *testing.T) {
	seeds := uint64(8)
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		rng := rand.New(rand.NewPCG(seed, 5))
		fs := vfs.NewCrashableMem()
		s, err := Open("view", Options{FS: fs, MemTableBytes: 64 << 10})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			b := s.NewBatch()
			doc := make([]byte, 500)
			for n := range 1500 {
				// Every document carries the number of its unit; unit n writes twenty customers of fifty.
				copy(doc, fmt.Sprintf("%08d", n))
				for i := range 20 {
					b.PutDocument(fmt.Sprint((n*7+i)%50), doc)
				}
				b.PutTimer(int64(n), "kim")
				b.RemoveTimersThrough(Timer{int64(n - 3), "kim"})
				b.PutMeta("position", fmt.Appendf(nil, "%08d", n))
				if err := s.Apply(b); err != nil {
					done <- err
					return
				}
				b.Reset()
			}
			done <- nil
		}()
		var clones []*vfs.MemFS
		for writing := true; writing; {
			select {
			case err := <-done:
				if err != nil {
					t.Fatal(err)
				}
				writing = false
			default:
				if len(clones) < 40 {
					clones = append(clones, fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng}))
				}
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		for _, clone := range clones {
			checkUnits(t, clone)
		}
	}
}

func checkUnits(t *testing.T, fs vfs.FS) {
	t.Helper()
	s, err := Open("view", Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	position, ok, err := s.Meta("position")
	if err != nil {
		t.Fatal(err)
	}
	at := -1
	if ok {
		if _, err := fmt.Sscanf(string(position), "%d", &at); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]string{}
	for n := max(0, at-60); n <= at; n++ {
		for i := range 20 {
			want[fmt.Sprint((n*7+i)%50)] = fmt.Sprintf("%08d", n)
		}
	}
	n := 0
	err = s.EachDocument(func(customer string, doc []byte) error {
		n++
		if string(doc[:8]) != want[customer] {
			t.Errorf("position %d: document %s is of unit %s, want %s", at, customer, doc[:8], want[customer])
		}
		return nil
	})
	if err != nil || n != len(want) {
		t.Errorf("position %d: %d documents of %d, %v", at, n, len(want), err)
	}
	timers, err := s.Timers(Cursor{}, 1<<40, 100, nil)
	if err != nil || len(timers) != min(at+1, 3) || len(timers) > 0 && timers[len(timers)-1].Due != int64(at) {
		t.Errorf("position %d: timers %v, %v", at, timers, err)
	}
}
