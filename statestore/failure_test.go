package statestore

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// workload goes through everything that a shard does with a view: two lives, with reads between the writes that are held
// against a model. It tells the states behind its batches, how many of them are on disk for certain, and its first error.
func workload(fs vfs.FS) (states []string, durable int, err error) {
	m := newModel()
	states = append(states, m.String())
	for life := range 2 {
		s, err := Open("view", Options{FS: fs, MemTableBytes: 64 << 10})
		if err != nil {
			return states, durable, err
		}
		if err = live(s, m, life, &states, &durable); err != nil {
			if _, _, again := s.Meta("h"); again == nil {
				err = fmt.Errorf("it goes on behind: %w", err)
			}
			_ = s.Close()
			return states, durable, err
		}
		if err := s.Close(); err != nil {
			return states, durable, err
		}
		durable = len(states) - 1
	}
	return states, durable, nil
}

func live(s *Store, m *model, life int, states *[]string, durable *int) error {
	got, err := read(s)
	if err != nil {
		return err
	}
	if got.String() != m.String() {
		return fmt.Errorf("wrong data behind opening:\n%s\nwant\n%s", got, m)
	}
	b := s.NewBatch()
	for n := range 6 {
		unit := fmt.Sprint(life*6 + n)
		for i := range 30 {
			c, doc := fmt.Sprintf("c%d", (i*7+n)%60), unit+strings.Repeat("d", 800)
			b.PutDocument(c, []byte(doc))
			b.PutTimer(int64(n), c)
			m.docs[c], m.timers[Timer{int64(n), c}] = doc, true
		}
		b.PutOwed("o/"+unit, []byte(unit))
		m.owed["o/"+unit] = unit
		b.PutMeta("position", []byte(unit))
		m.meta["position"] = unit
		*states = append(*states, m.String())
		if err := s.Apply(b); err != nil {
			return err
		}
		b.Reset()
		if n%2 == 0 {
			if err := s.Flush(); err != nil {
				return err
			}
			*durable = len(*states) - 1
		}
		c := fmt.Sprintf("c%d", n*9)
		doc, ok, err := s.Get(c, nil)
		if err != nil {
			return err
		}
		if want, wantOK := m.docs[c]; ok != wantOK || string(doc) != want {
			return fmt.Errorf("wrong data: document %s is %.20q", c, doc)
		}
		if owed, err := s.Timers(Cursor{}, 1<<40, 1000, nil); err != nil || len(owed) != len(m.timers) {
			return errors.Join(err, fmt.Errorf("%d timers of %d", len(owed), len(m.timers)))
		}
	}
	return nil
}

// TestEveryOperationFails has each operation on the disk fail in turn, once or from then on: an error tells which view,
// what was done and what the system said; the Store is broken then; nobody panics or hangs, nothing wrong is read; and
// what is on the disk is the state behind one of the batches, none older than the last flush.
func TestEveryOperationFails(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EIO, syscall.ENOSPC} {
		for _, all := range []bool{false, true} {
			name := fmt.Sprintf("%v, once", errno)
			if all {
				name = fmt.Sprintf("%v, from then on", errno)
			}
			t.Run(name, func(t *testing.T) { everyOperationFails(t, errno, all) })
		}
	}
}

func everyOperationFails(t *testing.T, errno syscall.Errno, all bool) {
	told, kinds := 0, map[errorfs.OpKind]bool{}
	n, tried := int64(0), 0
	for step := int64(1); ; n += step {
		switch {
		case testing.Short():
			step = 20
		case all:
			step = 4 // they are much alike
		}
		var count atomic.Int64
		var healed atomic.Bool
		var failed atomic.Pointer[errorfs.Op]
		mem := vfs.NewMem()
		fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if errno == syscall.ENOSPC && op.Kind.ReadOrWrite() != errorfs.OpIsWrite || healed.Load() {
				return nil
			}
			if c := count.Add(1) - 1; c == n || all && c > n {
				failed.CompareAndSwap(nil, &op)
				return &os.PathError{Op: "test", Path: op.Path, Err: errno}
			}
			return nil
		}))
		var states []string
		var durable int
		var err error
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			states, durable, err = workload(fs)
		}()
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			stacks := make([]byte, 1<<20)
			t.Fatalf("operation %d, %+v: hangs\n%s", n, failed.Load(), stacks[:runtime.Stack(stacks, true)])
		}
		op := failed.Load()
		if op == nil {
			break // the workload has no more operations
		}
		kinds[op.Kind] = true
		tried++
		when := fmt.Sprintf("operation %d, %v of %s", n, op.Kind, op.Path)
		if err != nil {
			told++
			if !errors.Is(err, errno) || !strings.HasPrefix(err.Error(), "view view: ") || errors.Is(err, ErrDamaged) {
				t.Errorf("%s: %v", when, err)
			}
		}
		healed.Store(true)
		s, err := Open("view", Options{FS: mem})
		if err != nil {
			t.Fatalf("%s: with a good disk again: %v", when, err)
		}
		got, err := read(s)
		if err != nil {
			t.Fatalf("%s: with a good disk again: %v", when, err)
		}
		if !slices.Contains(states[durable:], got.String()) {
			t.Fatalf("%s: not the state behind any of the batches %d to %d:\n%s", when, durable, len(states)-1, got)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d operations of %d kinds failed, %d were told", tried, len(kinds), told)
	if n < 60 || told < tried/2 {
		t.Errorf("%d operations failed, %d were told: the test tests little", tried, told)
	}
}

// settled makes a view in which nothing is left to chance or to do in the background: a table that a compaction made,
// and two that flushes made since, fewer than a compaction waits for; the manifest was begun between these. It tells the
// states behind its batches.
func settled(t *testing.T, fs vfs.FS) (states []string) {
	t.Helper()
	states, _, err := workload(fs)
	if err != nil {
		t.Fatal(err)
	}
	// What compactions, which come when they like, have left. The second life has no manifest of the workload's any more.
	for range 2 {
		s, err := Open("view", Options{FS: fs})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.compact(span{[]byte{0}, []byte{0xff}}), s.Close()); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 2 {
		s, err := Open("view", Options{FS: fs})
		if err != nil {
			t.Fatal(err)
		}
		m, err := read(s)
		if err != nil {
			t.Fatal(err)
		}
		b := s.NewBatch()
		for i := range 30 {
			c, doc := fmt.Sprintf("c%d", 30*n+i+15), fmt.Sprint("settled", n, strings.Repeat("d", 800))
			b.PutDocument(c, []byte(doc))
			m.docs[c] = doc
		}
		if err := errors.Join(s.Apply(b), s.Close()); err != nil {
			t.Fatal(err)
		}
		states = append(states, m.String())
	}
	return states
}

// put makes a file of the data, in place of what was there.
func put(fs *vfs.MemFS, file string, data []byte) error {
	f, err := fs.Create(file, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// TestEveryFileDamaged damages each file of a view in every way: the view opens and has the state behind one of its
// batches, or says that it is damaged, at once or when the place is read; never anything wrong. What is done to a table
// is always told, but for single bits in what only a Get reads. Then it can be destroyed.
func TestEveryFileDamaged(t *testing.T) {
	good := vfs.NewCrashableMem()
	states := settled(t, good)
	names, err := good.List("view")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	type way struct {
		what   string
		damage func(fs *vfs.MemFS, file string, data []byte) error
	}
	rng := rand.New(rand.NewPCG(3, 3))
	ways := []way{
		{"gone", func(fs *vfs.MemFS, file string, _ []byte) error { return fs.Remove(file) }},
		{"empty", func(fs *vfs.MemFS, file string, _ []byte) error { return put(fs, file, nil) }},
		{"half of it", func(fs *vfs.MemFS, file string, data []byte) error { return put(fs, file, data[:len(data)/2]) }},
		{"its last byte gone", func(fs *vfs.MemFS, file string, data []byte) error {
			return put(fs, file, data[:max(len(data)-1, 0)])
		}},
		{"zeros in the middle", func(fs *vfs.MemFS, file string, data []byte) error {
			clear(data[len(data)/3 : len(data)/3+len(data)/5])
			return put(fs, file, data)
		}},
		{"zeros at the end", func(fs *vfs.MemFS, file string, data []byte) error {
			return put(fs, file, append(data, make([]byte, 100)...))
		}},
	}
	const aBit = "a bit"
	for range 60 {
		if testing.Short() && len(ways) > 8 {
			break
		}
		ways = append(ways, way{aBit, func(fs *vfs.MemFS, file string, data []byte) error {
			if len(data) > 0 {
				data[rng.IntN(len(data))] ^= 1 << rng.IntN(8)
			}
			return put(fs, file, data)
		}})
	}
	told, unseen, tables := 0, 0, 0
	for n, name := range names {
		file := path.Join("view", name)
		if info, err := good.Stat(file); err != nil || info.IsDir() || name == "LOCK" {
			continue
		}
		table := strings.HasSuffix(name, ".sst")
		if table {
			tables++
		}
		rng = rand.New(rand.NewPCG(3, uint64(n))) // not what the file before it has left
		for _, w := range ways {
			fs := good.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(3, 3))})
			data, err := good.UnsafeGetFileDataBuffer(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.damage(fs, file, slices.Clone(data)); err != nil {
				t.Fatal(err)
			}
			got, err := damagedContents(fs)
			switch {
			case err == nil && slices.Contains(states, got):
				unseen++
				if table && w.what != aBit {
					t.Errorf("%s, %s: not told", name, w.what)
				}
			case err == nil:
				t.Fatalf("%s, %s: wrong data:\n%s", name, w.what, got)
			case !errors.Is(err, ErrDamaged) || !strings.HasPrefix(err.Error(), "view view: "):
				t.Errorf("%s, %s: %v", name, w.what, err)
			default:
				told++
			}
			if err := Destroy("view", fs); err != nil {
				t.Fatalf("%s, %s: %v", name, w.what, err)
			}
			if got, err := damagedContents(fs); err != nil || got != states[0] {
				t.Fatalf("%s, %s: behind Destroy: %v\n%s", name, w.what, err, got)
			}
		}
	}
	t.Logf("%d damages told, %d without effect, of %d files and %d tables", told, unseen, len(names), tables)
	if told < 20 || tables != 3 {
		t.Errorf("%d damages told, %d tables: the test tests little", told, tables)
	}
}

// damagedContents reads all of a view, and has it written to and compacted: what is written behind the damage is there
// then, beside what was read before, and nothing else.
func damagedContents(fs vfs.FS) (string, error) {
	s, err := Open("view", Options{FS: fs})
	if err != nil {
		return "", err
	}
	before, err := read(s)
	if err == nil {
		err = writtenTo(s, before)
	}
	if e := s.Close(); err == nil {
		err = e
	}
	if err != nil {
		return "", err
	}
	return before.String(), nil
}

func writtenTo(s *Store, before *model) error {
	want := before.clone()
	b := s.NewBatch()
	for i := range 1000 { // more than settled has written: what these do not cover, in whatever order they count, is seen
		b.DeleteDocument(fmt.Sprintf("nobody%d", i))
	}
	for i := range 10 {
		c := fmt.Sprintf("c%d", i*9)
		b.PutDocument(c, []byte("after"))
		want.docs[c] = "after"
	}
	if err := errors.Join(s.Apply(b), s.Flush()); err != nil {
		return err
	}
	if err := s.compact(span{[]byte{0}, []byte{0xff}}); err != nil {
		return s.lost("compact", err)
	}
	got, err := read(s)
	if err == nil && got.String() != want.String() {
		err = fmt.Errorf("wrong data behind writing to it:\n%s\nwant\n%s", got, want)
	}
	return err
}

// TestManifestCutAnywhere leaves of a manifest its first bytes alone, or spoils one: what lies behind is not read. The
// view has the state behind one of its batches, or says that it is damaged; and that does not change when it is written
// to.
func TestManifestCutAnywhere(t *testing.T) {
	good := vfs.NewCrashableMem()
	states := settled(t, good)
	desc, err := pebble.Peek("view", good)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := good.UnsafeGetFileDataBuffer(desc.ManifestFilename)
	if err != nil {
		t.Fatal(err)
	}
	step, told := 1, 0
	if testing.Short() {
		step = 7
	}
	for n := 0; n < len(whole); n += step {
		spoilt := slices.Clone(whole)
		spoilt[n] ^= 1 << (n % 8)
		for what, data := range map[string][]byte{"cut": whole[:n], "spoilt": spoilt} {
			fs := good.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(3, 3))})
			if err := put(fs, desc.ManifestFilename, data); err != nil {
				t.Fatal(err)
			}
			got, err := damagedContents(fs)
			switch {
			case errors.Is(err, ErrDamaged):
				told++
			case err != nil:
				t.Errorf("%s at %d of %d: %v", what, n, len(whole), err)
			case !slices.Contains(states, got):
				t.Errorf("%s at %d of %d: wrong data:\n%s", what, n, len(whole), got)
			}
		}
	}
	t.Logf("%d damages told, of a manifest of %d bytes", told, len(whole))
	if told == 0 {
		t.Error("the test tests nothing")
	}
}

// What a read meets in a table that was not written to its end, since the disk was full, is not what is to be told.
func TestFirstFailureIsTold(t *testing.T) {
	s := &Store{dir: "view", failed: make(chan struct{})}
	s.fail(syscall.ENOSPC)
	if err := s.lost("read", ErrDamaged); !errors.Is(err, syscall.ENOSPC) || errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
	s = &Store{dir: "view", failed: make(chan struct{})}
	if err := s.lost("read", ErrDamaged); !errors.Is(err, ErrDamaged) || s.broken() == nil {
		t.Error(err)
	}
}
