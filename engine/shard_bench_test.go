package engine

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strconv"
	"syscall"
	"testing"
	"time"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/schemas"
	"wend/statestore"
)

// The cart workload of bench, through the shards of a process, one after another: records as they come from a broker to sealed units and the view,
// against a world that takes everything at once. What is not in it: the network, and what waits for it.

const (
	benchShards    = 8
	benchCustomers = 100_000 / benchShards // of each
)

var cartFiles = map[string]string{
	"profile.yaml": "attributes: {purchases: int}\nupdate:\n  - {on: purchase, set: {purchases: \"{{ profile.purchases + 1 }}\"}}\n",
	"journeys/cart.yaml": "journey: coupon\nenter: {on: browse, times: 3, within: 10m, again: always}\nsteps:\n  - {send: shop, template: view_coupon}\n---\n" +
		"journey: cart\nenter: {on: add_to_cart, again: after_exit}\nexit: [{on: purchase}]\nsteps:\n  - await:\n      within: 50000h\n      events: [{on: add_to_cart, reset: true}]\n      timeout: [{send: shop, template: cart_reminder}]\n---\n" +
		"journey: thanks\nenter: {on: purchase, again: always}\nsteps:\n  - branch:\n      - if: profile.purchases == 1\n        do: [{send: shop, template: welcome}]\n      - do: [{send: shop, template: thank_you}]\n",
}

// newBenchLog is events in record batches of about 16 KB, a millisecond apart.
func newBenchLog(seed uint64, events int, kind func(r *rand.Rand) string) (log []byte) {
	r := rand.New(rand.NewPCG(seed, 1))
	var b batch.Builder
	var text []byte
	offset := int64(0)
	for i := 0; i < events; {
		b.Reset(batch.Header{ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1, Timestamp: 1_700_000_000_000 + int64(i)})
		for ; i < events && b.Size() < 16<<10; i++ {
			customer := "c" + strconv.Itoa(r.IntN(benchCustomers))
			text = fmt.Appendf(text[:0], `{"event_id":"e%d","customer_id":"%s","type":"%s","ts":%d,"sku":"sku-%d","price":%d.%02d}`,
				i, customer, kind(r), 1_700_000_000_000+i, r.IntN(50000), r.IntN(200), r.IntN(100))
			b.Append([]byte(customer), text)
		}
		n := int64(b.Count())
		raw := b.Finish()
		binary.BigEndian.PutUint64(raw, uint64(offset))
		log = append(log, raw...)
		offset += n
	}
	return log
}

func cartMix(r *rand.Rand) string {
	switch x := r.IntN(100); {
	case x < 80:
		return "browse"
	case x < 95:
		return "add_to_cart"
	}
	return "purchase"
}

// benchShard is a shard at work whose journal and action topics take everything at once.
type benchShard struct {
	*shard
	now     time.Time
	box     []func()
	deliver func(connectors.Fetched, time.Time)
	ends    map[connectors.TopicPartition]int64
	claims  []byte // the journal, up to the claim
}

func newBenchShard(tb testing.TB, files map[string]string) *benchShard {
	tb.Helper()
	decoder, err := schemas.NewDecoder(schemas.Format{})
	if err != nil {
		tb.Fatal(err)
	}
	store := statestore.NewCache(64 << 20)
	tb.Cleanup(store.Close)
	cfg := DefaultConfig()
	w := &World{journalMax: journalBatchBytes, actionMax: 1 << 20}
	b := &benchShard{now: time.UnixMilli(1_800_000_000_000), ends: map[connectors.TopicPartition]int64{}}
	later := func(f func()) { b.box = append(b.box, f) }
	take := func(tp connectors.TopicPartition, raw []byte) connectors.Produced {
		info, err := batch.ReadInfo(raw)
		if err != nil {
			tb.Fatal(err)
		}
		base := b.ends[tp]
		b.ends[tp] += int64(info.Count)
		if tp.Topic == "shop.journal" && b.phase == phaseClaiming {
			binary.BigEndian.PutUint64(raw, uint64(base))
			b.claims = append(b.claims[:0], raw...)
		}
		return connectors.Produced{TopicPartition: tp, BaseOffset: base, AppendTime: b.now.UnixMilli()}
	}
	e := &env{
		append: func(raw []byte, done func(connectors.Produced)) {
			p := take(b.journal, raw)
			later(func() { done(p) })
		},
		publish: func(tp connectors.TopicPartition, raw []byte, done func(connectors.Produced)) {
			p := take(tp, raw)
			later(func() { done(p) })
		},
		read: func(tp connectors.TopicPartition, from int64, done func(connectors.Fetched, error)) {
			later(func() {
				done(connectors.Fetched{TopicPartition: tp, Batches: b.claims, LastStable: b.ends[tp], HighWatermark: b.ends[tp]}, nil)
			})
		},
		offset: func(tp connectors.TopicPartition, at int64, done func(int64, error)) {
			later(func() { done(b.ends[tp], nil) })
		},
		check: func(done func(int64, error)) { later(func() { done(0, nil) }) },
		producer: func(_ string, done func(connectors.Producer, error)) {
			later(func() { done(connectors.Producer{ID: 7}, nil) })
		},
		fetchFrom: func(_ int64, _ int32, deliver func(connectors.Fetched, time.Time)) { b.deliver = deliver },
		controlFrom: func(_ int64, deliver func(commands)) {
			if deliver != nil {
				later(func() { deliver(commands{}) })
			}
		},
		dropped: func(reason string) { tb.Fatal(reason) },
		failed:  func(err error) { tb.Fatal(err) },
		ready:   func() {},
	}
	b.shard = newShard(shardConfig{app: "shop", owner: "bench", program: compileFiles(tb, files), decoder: decoder,
		routes: &routes{channels: map[string]route{"shop": {"actions", 1}}, deadLetter: route{"dead", 1}},
		source: connectors.TopicPartition{Topic: "events"}, journal: connectors.TopicPartition{Topic: "shop.journal"},
		dir: tb.TempDir(), views: pebbleViews{Cache: store, MemTableBytes: viewMemTable}, cacheBytes: 256 << 20, limits: w.limits(&cfg),
		deleteRetention: 24 * time.Hour,
	}, e, Listener{}.filled())
	b.begin(b.now)
	b.pump(0)
	if b.phase != phaseRunning {
		tb.Fatalf("the shard is in phase %d", b.phase)
	}
	return b
}

// pump works until no more bytes of records than least are left, and with 0 until there is nothing to do.
func (b *benchShard) pump(least int64) {
	for more := true; more && (least == 0 || b.backlog.Load() > least); {
		box := b.box
		b.box = nil
		for _, f := range box {
			f()
		}
		more, _ = b.work(b.now)
		more = more || len(b.box) > 0
	}
}

// feedAll gives shards logs as fetches do, 1 MB at a time, and one answer on hand beside the one at work: they are behind
// until the last.
func feedAll(tb testing.TB, shards []*benchShard, logs [][]byte) {
	for more := true; more; {
		more = false
		for i, s := range shards {
			n := 0
			for n < len(logs[i]) && n < fetchEach/2 {
				info, err := batch.ReadInfo(logs[i][n:])
				if err != nil {
					tb.Fatal(err)
				}
				n += info.Size
			}
			if n == 0 {
				s.pump(0)
				continue
			}
			s.backlog.Add(int64(n))
			s.deliver(connectors.Fetched{TopicPartition: s.source, Batches: logs[i][:n]}, s.now)
			logs[i], more = logs[i][n:], true
			s.pump(fetchEach / 2)
		}
	}
}

// Of each event; go test ./engine -run - -bench Shard -benchtime 1000000x. A million have gone before.
func BenchmarkShard(b *testing.B) {
	for _, c := range []struct {
		name string
		kind func(r *rand.Rand) string
	}{
		{"mix", cartMix},
		{"unwanted", func(*rand.Rand) string { return "scroll" }},
	} {
		b.Run(c.name, func(b *testing.B) {
			const before = 1_000_000 / benchShards
			var shards [benchShards]*benchShard
			var logs, rest [benchShards][]byte
			for i := range shards {
				shards[i] = newBenchShard(b, cartFiles)
				log, cut := newBenchLog(uint64(i), before+b.N/benchShards, c.kind), 0
				for n := int64(0); n < before; {
					info, err := batch.ReadInfo(log[cut:])
					if err != nil {
						b.Fatal(err)
					}
					cut, n = cut+info.Size, info.LastOffset+1
				}
				logs[i], rest[i] = log[:cut], log[cut:]
			}
			feedAll(b, shards[:], logs[:])
			b.ReportAllocs()
			spent := cpuTime(b)
			b.ResetTimer()
			feedAll(b, shards[:], rest[:])
			b.StopTimer()
			b.ReportMetric(float64(cpuTime(b)-spent)/float64(b.N), "cpu-ns/op")
			for _, s := range shards {
				if s.position != before+int64(b.N/benchShards) {
					b.Fatalf("handled up to %d of %d", s.position, before+b.N/benchShards)
				}
				_ = s.close()
			}
		})
	}
}

// cpuTime is what the process has had of processors, the collector's and the view's goroutines too.
func cpuTime(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
