package statestore

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"
)

const customers = 200_000

func document(rng *rand.Rand) []byte {
	doc := make([]byte, 600)
	for i := range doc {
		if i%4 < 2 { // compresses about as a document does
			doc[i] = byte(rng.Uint32())
		}
	}
	return doc
}

func names() []string {
	all := make([]string, customers)
	for i := range all {
		all[i] = fmt.Sprintf("customer-%07d", i)
	}
	return all
}

// BenchmarkApply is units of 500 documents of 600 bytes, each with a timer, of customers at random, with what is due
// removed, flushes and compactions included.
func BenchmarkApply(b *testing.B) {
	cache := NewCache(64 << 20)
	defer cache.Close()
	s, err := Open(b.TempDir(), Options{Cache: cache})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	rng := rand.New(rand.NewPCG(1, 2))
	doc, all := document(rng), names()
	batch := s.NewBatch()
	now := int64(0)
	b.ReportAllocs()
	b.SetBytes(500 * 600)
	began := cpuTime()
	for b.Loop() {
		now += 10
		for range 500 {
			c := all[rng.IntN(customers)]
			doc[rng.IntN(len(doc))]++
			batch.PutDocument(c, doc)
			batch.PutTimer(now+rng.Int64N(2000), c)
		}
		batch.PutMeta("head", doc[:100])
		batch.RemoveTimersThrough(Cursor{Due: now})
		if err := s.Apply(batch); err != nil {
			b.Fatal(err)
		}
		batch.Reset()
	}
	b.ReportMetric(float64(cpuTime()-began)/float64(b.N)/500, "cpu-ns/doc")
	m := s.Metrics()
	b.ReportMetric(float64(m.ReadAmp), "layers")
}

func BenchmarkGet(b *testing.B) {
	for _, bench := range []struct {
		name  string
		cache int64
		miss  bool
	}{{"hot", 512 << 20, false}, {"cold", 1 << 20, false}, {"absent", 512 << 20, true}} {
		b.Run(bench.name, func(b *testing.B) {
			cache := NewCache(bench.cache)
			defer cache.Close()
			s, err := Open(b.TempDir(), Options{Cache: cache})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			rng := rand.New(rand.NewPCG(1, 2))
			doc, all := document(rng), names()
			batch := s.NewBatch()
			for i, c := range all {
				doc[rng.IntN(len(doc))]++
				batch.PutDocument(c, doc)
				if i%500 == 499 {
					if err := s.Apply(batch); err != nil {
						b.Fatal(err)
					}
					batch.Reset()
				}
			}
			if err := s.Flush(); err != nil {
				b.Fatal(err)
			}
			suffix := ""
			if bench.miss {
				suffix = "!"
			}
			for i, c := range all {
				all[i] = c + suffix
				_, _, _ = s.Get(all[i], nil)
			}
			var buf []byte
			b.ReportAllocs()
			for b.Loop() {
				buf, _, err = s.Get(all[rng.IntN(customers)], buf[:0])
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// cpuTime is what the process has used on all cores, so that what flushes and compactions cost is in it.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
