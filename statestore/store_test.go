package statestore

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

var errDisk = errors.New("no space left on device")

// TestDiskFails lets every write fail from some operation on: there is an error, soon, and nobody hangs or dies.
func TestDiskFails(t *testing.T) {
	for _, from := range []int32{0, 1, 3, 5, 8, 12, 20, 30, 40, 60, 90, 150} {
		t.Run(fmt.Sprint(from), func(t *testing.T) {
			var count atomic.Int32
			var healed atomic.Bool
			fail := errorfs.InjectorFunc(func(op errorfs.Op) error {
				if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && count.Add(1) > from && !healed.Load() {
					return errDisk
				}
				return nil
			})
			mem := vfs.NewMem()
			var broken atomic.Int32
			ended := make(chan error, 1)
			go func() {
				s, err := Open("view", Options{FS: errorfs.Wrap(mem, fail), MemTableBytes: 64 << 10,
					Listener: Listener{Broken: func(error) { broken.Add(1) }}})
				if err != nil {
					ended <- err
					return
				}
				b := s.NewBatch()
				doc := make([]byte, 1000)
				var first error
				for i := 0; i < 20_000 && first == nil; i++ {
					b.PutDocument(fmt.Sprint(i), doc)
					first = s.Apply(b)
					b.Reset()
				}
				if first != nil {
					if _, _, err := s.Get("1", nil); err == nil {
						first = errors.New("a broken store still reads")
					}
					if err := s.Flush(); err == nil {
						first = errors.New("a broken store still flushes")
					}
				}
				_ = s.Close()
				ended <- first
			}()
			select {
			case err := <-ended:
				if !errors.Is(err, errDisk) && !(err != nil && strings.Contains(err.Error(), errDisk.Error())) {
					t.Errorf("error %v, want the disk's", err)
				}
				if broken.Load() > 1 {
					t.Errorf("told %d times", broken.Load())
				}
			case <-time.After(20 * time.Second):
				t.Fatal("hangs")
			}
			// With room again, what is on disk is a prefix.
			healed.Store(true)
			s, err := Open("view", Options{FS: mem})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			n := 0
			seen := map[string]bool{}
			if err := s.EachDocument(func(c string, _ []byte) error { n++; seen[c] = true; return nil }); err != nil {
				t.Fatal(err)
			}
			for i := range n {
				if !seen[fmt.Sprint(i)] {
					t.Fatalf("%d documents, and not %d", n, i)
				}
			}
		})
	}
}

func TestReadFails(t *testing.T) {
	var on atomic.Bool
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if on.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsRead {
			return errDisk
		}
		return nil
	}))
	s, err := Open("view", Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	b := s.NewBatch()
	for i := range 1000 { // more than a read at Open brings along
		b.PutDocument(fmt.Sprint(i), []byte(strings.Repeat("document", 100)))
		b.PutTimer(1, fmt.Sprint(i))
	}
	if err := errors.Join(s.Apply(b), s.Close()); err != nil {
		t.Fatal(err)
	}
	if s, err = Open("view", Options{FS: fs}); err != nil {
		t.Fatal(err)
	}
	on.Store(true)
	if _, _, err := s.Get("500", nil); !errors.Is(err, errDisk) {
		t.Errorf("Get: %v", err)
	}
	if err := s.EachDocument(func(string, []byte) error { return nil }); err == nil {
		t.Errorf("EachDocument: %v", err)
	}
	_ = s.Close()
}

func TestCorruptFile(t *testing.T) {
	fs := vfs.NewMem()
	s, err := Open("view", Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	b := s.NewBatch()
	for i := range 1000 {
		b.PutDocument(fmt.Sprint(i), []byte(strings.Repeat(fmt.Sprint(i), 50)))
	}
	if err := errors.Join(s.Apply(b), s.Close()); err != nil {
		t.Fatal(err)
	}
	names, err := fs.List("view")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !strings.HasSuffix(name, ".sst") {
			continue
		}
		f, err := fs.OpenReadWrite("view/"+name, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte("nonsense in the middle of a block"), 3000); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if s, err = Open("view", Options{FS: fs}); err != nil {
		return // seen at once
	}
	defer s.Close()
	if err := s.EachDocument(func(string, []byte) error { return nil }); err == nil {
		t.Error("not seen")
	}
}

func TestOtherFormat(t *testing.T) {
	for name, c := range map[string]struct{ key, value, want string }{
		"newer": {"f", "2", `version "2"`},
		"else":  {"x", "", "something else"},
	} {
		t.Run(name, func(t *testing.T) {
			fs := vfs.NewMem()
			db, err := pebble.Open("view", &pebble.Options{FS: fs, FormatMajorVersion: pebble.FormatNewest, Logger: logger{}})
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(db.Set([]byte(c.key), []byte(c.value), pebble.Sync), db.Close()); err != nil {
				t.Fatal(err)
			}
			if s, err := Open("view", Options{FS: fs}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
				if err == nil {
					_ = s.Close()
				}
			}
		})
	}
}

func TestWrongUse(t *testing.T) {
	s, err := Open("view", Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	b := s.NewBatch()
	b.PutTimer(1, "")
	if b.Empty() || s.Apply(b) == nil {
		t.Error("a timer without a customer is taken")
	}
	b.Reset()
	b.PutDocument("kim", nil)
	if err := s.Apply(b); err != nil {
		t.Error(err)
	}
	if err := s.Apply(b); err == nil {
		t.Error("a batch is applied twice")
	}
	b.Reset()
	if !b.Empty() {
		t.Error("not empty behind Reset")
	}
	if v, ok, err := s.Get("kim", nil); len(v) != 0 || !ok || err != nil {
		t.Errorf("an empty document: %q, %v, %v", v, ok, err)
	}
	stop := errors.New("stop")
	err = s.EachDocument(func(string, []byte) error { _, _, _ = s.Get("kim", nil); return stop })
	if err != stop { //nolint:errorlint // as it is, the documentation says
		t.Error(err)
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	_, _, err1 := s.Get("kim", nil)
	_, _, err2 := s.NextTimer(Cursor{})
	for _, err := range []error{err1, err2, s.Apply(b), s.Flush(), s.EachOwed(nil)} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("behind Close: %v", err)
		}
	}
	if m := s.Metrics(); m != (Metrics{}) {
		t.Errorf("behind Close: %+v", m)
	}
}

// TestShared runs several Stores on one cache with readers beside the writers; the race detector has its say.
func TestShared(t *testing.T) {
	cache := NewCache(4 << 20)
	var all sync.WaitGroup
	for i := range 3 {
		s, err := Open(t.TempDir(), Options{Cache: cache, MemTableBytes: 128 << 10})
		if err != nil {
			t.Fatal(err)
		}
		stop := make(chan struct{})
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, _, err := s.Get("7", nil); err != nil && !errors.Is(err, ErrClosed) {
					t.Error(err)
				}
				_ = s.Metrics()
				_, _ = s.Timers(Cursor{}, math.MaxInt64, 5, nil)
				time.Sleep(time.Millisecond)
			}
		})
		all.Go(func() {
			defer close(stop)
			b := s.NewBatch()
			for n := range 300 {
				for c := range 20 {
					b.PutDocument(fmt.Sprint(c), []byte(strings.Repeat("d", 500+i)))
					b.PutTimer(int64(n), fmt.Sprint(c))
				}
				b.RemoveTimersThrough(Cursor{Due: int64(n)})
				if err := s.Apply(b); err != nil {
					t.Error(err)
					return
				}
				b.Reset()
			}
			if err := s.Flush(); err != nil {
				t.Error(err)
			}
			if m := s.Metrics(); m.DiskBytes == 0 || m.Flushes == 0 {
				t.Errorf("%+v", m)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	cache.Close()
}

func TestDestroy(t *testing.T) {
	dir := t.TempDir() + "/p0001"
	if err := Destroy(dir, nil); err != nil {
		t.Errorf("no directory: %v", err)
	}
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := s.NewBatch()
	b.PutMeta("h", []byte("1"))
	if err := s.Apply(b); err != nil {
		t.Fatal(err)
	}
	if err := Destroy(dir, nil); err == nil {
		t.Error("destroyed while open")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := vfs.Default.Create(dir+"/thesis.txt", vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	if err := Destroy(dir, nil); err == nil || !strings.Contains(err.Error(), "thesis.txt") {
		t.Errorf("destroyed what is not a view's: %v", err)
	}
	if err := vfs.Default.Remove(dir + "/thesis.txt"); err != nil {
		t.Fatal(err)
	}
	if err := Destroy(dir, nil); err != nil {
		t.Error(err)
	}
	if s, err = Open(dir, Options{}); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := s.Meta("h"); ok || err != nil {
		t.Errorf("not empty: %v, %v", ok, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestReadOnly(t *testing.T) {
	fs := vfs.NewMem()
	if _, err := Open("view", Options{FS: fs, ReadOnly: true}); err == nil {
		t.Error("opens what is not there")
	}
	s, err := Open("view", Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	b := s.NewBatch()
	b.PutMeta("h", []byte("1"))
	if err := errors.Join(s.Apply(b), s.Close()); err != nil {
		t.Fatal(err)
	}
	if s, err = Open("view", Options{FS: fs, ReadOnly: true}); err != nil {
		t.Fatal(err)
	}
	if v, ok, err := s.Meta("h"); string(v) != "1" || !ok || err != nil {
		t.Errorf("%q, %v, %v", v, ok, err)
	}
	b = s.NewBatch()
	b.PutMeta("h", []byte("2"))
	if err := s.Apply(b); err == nil {
		t.Error("written to")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestTimerKeysSortAsCursors(t *testing.T) {
	cursors := []Cursor{{math.MinInt64, "a"}, {-1, "z"}, {0, "\x00"}, {0, "a"}, {0, "a\x00"}, {0, "b"}, {1, "a"}, {math.MaxInt64, "\xff"}}
	key := func(c Cursor) string { return string(appendTimer(nil, c.Due, c.Customer)) }
	for i, a := range cursors {
		if got, err := parseTimer([]byte(key(a))); err != nil || got != a {
			t.Errorf("%v: %v, %v", a, got, err)
		}
		for j, b := range cursors {
			if c, k := a.Compare(b), strings.Compare(key(a), key(b)); c != k || c < 0 != (i < j) {
				t.Errorf("%v and %v: %d, by key %d", a, b, c, k)
			}
		}
	}
	if !slices.IsSortedFunc(append([]Cursor{{}}, cursors...), Cursor.Compare) {
		t.Error("the zero Cursor is not before all")
	}
}
