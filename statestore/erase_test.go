package statestore

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"
)

// marked gives a text that no compressor shortens and nothing else holds.
func marked(rng *rand.Rand) string {
	b := make([]byte, 24)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return hex.EncodeToString(b)
}

// inFiles says which files below dir hold a piece of one of the texts. A piece, since a compressor may cut a text in two.
func inFiles(t testing.TB, dir string, texts ...string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		for _, text := range texts {
			for at := 0; at+12 <= len(text); at += 6 {
				if bytes.Contains(b, []byte(text[at:at+12])) {
					found = append(found, fmt.Sprintf("%s: %q", path, text[at:at+12]))
					break
				}
			}
		}
		return err
	})
	if errors.Is(err, os.ErrNotExist) {
		return inFiles(t, dir, texts...) // Pebble has compacted it, and what was in it is elsewhere
	}
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// Whatever lies on which level, nothing of an erased customer is left in any file, and the others are as they were.
func TestErase(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 3))
		dir := filepath.Join(t.TempDir(), "view")
		o := Options{MemTableBytes: 64 << 10}
		s, err := Open(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		customer := fmt.Sprintf("c%d-%s", rapid.IntRange(0, 9).Draw(r, "first digit"), marked(rng))
		secret := marked(rng)
		apply := func(f func(*Batch)) {
			b := s.NewBatch()
			f(b)
			if err := s.Apply(b); err != nil {
				t.Fatal(err)
			}
			b.Close()
		}
		written := false
		for range rapid.IntRange(1, 12).Draw(r, "steps") {
			switch rapid.IntRange(0, 5).Draw(r, "step") {
			case 0, 1:
				apply(func(b *Batch) {
					for range 60 {
						c := fmt.Sprintf("c%d", rng.IntN(500))
						b.PutDocument(c, []byte("other "+c+marked(rng)))
						b.PutTimer(int64(rng.IntN(50)), c)
						if rng.IntN(4) == 0 {
							b.PutIDs(c, []byte("of "+c+marked(rng)))
						}
					}
				})
			case 2, 3:
				written = true
				apply(func(b *Batch) {
					b.PutDocument(customer, []byte(secret))
					b.PutTimer(int64(rng.IntN(50)), customer)
					if rng.IntN(2) == 0 {
						b.PutIDs(customer, []byte(secret))
					}
				})
			case 4:
				if err := s.Flush(); err != nil {
					t.Fatal(err)
				}
			case 5:
				apply(func(b *Batch) { b.RemoveTimersThrough(Cursor{Due: int64(rng.IntN(20))}) })
			}
		}
		want, err := read(s)
		if err != nil {
			t.Fatal(err)
		}
		delete(want.docs, customer)
		for timer := range want.timers {
			if timer.Customer == customer {
				delete(want.timers, timer)
			}
		}
		if err := s.Flush(); err != nil {
			t.Fatal(err)
		}
		if written && len(inFiles(t, dir, customer, secret)) == 0 {
			t.Fatal("the customer was never on the disk: the test tests nothing")
		}
		apply(func(b *Batch) {
			b.DeleteDocument(customer)
			b.DeleteIDs(customer)
		})
		if err := s.Erase(customer); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := EraseManifests(dir, o); err != nil {
			t.Fatal(err)
		}
		if found := inFiles(t, dir, customer, secret); len(found) > 0 {
			r.Fatalf("left: %v", found)
		}
		if s, err = Open(dir, o); err != nil {
			t.Fatal(err)
		}
		got, err := read(s)
		if err != nil || got.String() != want.String() {
			t.Errorf("%v; the others are\n%s\nand were\n%s", err, got, want)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// Who has come back keeps what is new, timers included, and what was before is gone.
func TestEraseLeavesWhoIsBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "view")
	s, err := Open(dir, Options{MemTableBytes: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 3))
	old, fresh := marked(rng), marked(rng)
	b := s.NewBatch()
	for _, f := range []func(){
		func() { b.PutDocument("kim", []byte(old)); b.PutTimer(5, "kim") },
		func() { b.DeleteDocument("kim") },
		func() { b.PutDocument("kim", []byte(fresh)); b.PutTimer(9, "kim") },
	} {
		f()
		if err := errors.Join(s.Apply(b), s.Flush()); err != nil {
			t.Fatal(err)
		}
		b.Reset()
	}
	if err := s.Erase("kim"); err != nil {
		t.Fatal(err)
	}
	m, err := read(s)
	if err != nil || m.docs["kim"] != fresh || !m.timers[Timer{9, "kim"}] {
		t.Errorf("%v, %v", m, err)
	}
	if err := errors.Join(s.Close(), EraseManifests(dir, Options{})); err != nil {
		t.Fatal(err)
	}
	if found := inFiles(t, dir, old); len(found) > 0 || len(inFiles(t, dir, fresh)) == 0 {
		t.Errorf("left: %v", found)
	}
}

// TestEraseOfAStoreThatBreaks has the Store break while Erase waits for its turn to compact: it returns, and says why.
func TestEraseOfAStoreThatBreaks(t *testing.T) {
	s, err := Open("view", Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	b := s.NewBatch()
	b.PutDocument("kim", []byte("document"))
	if err := errors.Join(s.Apply(b), s.Flush()); err != nil {
		t.Fatal(err)
	}
	s.compactions.mu.Lock()
	s.compactions.running = 100 // more than Pebble would have at a time
	s.compactions.mu.Unlock()
	ended := make(chan error, 1)
	go func() { ended <- s.Erase("kim") }()
	for waiting := false; !waiting && len(ended) == 0; runtime.Gosched() {
		waiting, _ = s.compactions.db.GetWaitingCompaction()
	}
	s.fail(errDisk)
	select {
	case err := <-ended:
		if !errors.Is(err, errDisk) {
			t.Errorf("error %v, want the disk's", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("hangs")
	}
	if err := s.Close(); !errors.Is(err, errDisk) {
		t.Errorf("Close: %v, want the disk's", err)
	}
}
