package statestore

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

// A Store that rests holds no batch that was applied and flushed, however large it was.
func TestRelax(t *testing.T) {
	const mib = 1 << 20
	s, err := Open(t.TempDir(), Options{MemTableBytes: 8 * mib})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	live := func() uint64 {
		runtime.GC()
		runtime.GC() // what was in a pool
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := live()
	b, doc := s.NewBatch(), make([]byte, 200)
	for round := range 3 {
		b.Reset()
		for i := range 60_000 {
			b.PutDocument(fmt.Sprintf("c%d-%d", round, i), doc)
		}
		if err := s.Apply(b); err != nil {
			t.Fatal(err)
		}
	}
	b.Close()
	b = nil
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	if held := live() - before; held < 10*mib {
		t.Fatalf("the test shows nothing: %d bytes are held of batches that were flushed", held)
	}
	s.Relax()
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		held := int64(live()) - int64(before)
		if held < 10*mib {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d bytes are still held", held)
		}
	}
	if doc, ok, err := s.Get("c1-7", nil); err != nil || !ok || len(doc) != 200 {
		t.Error(len(doc), ok, err)
	}
}
