package workload

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Load sends the workload's events at a rate, open loop: event n has a moment at which it is to be sent, whether or not
// those before it got through, and that moment is its ts. So whoever measures from ts also counts the time in which a
// slow system held up its own questioner.
type Load struct {
	Brokers   string // host:port, with commas
	Topic     string
	Seed      uint64
	Customers int     // Customers when zero
	Rate      float64 // events a second, above zero
	First     int     // index of the first event
	Count     int     // events to send; zero: until the context ends
	Malformed int     // every so many events a record beside them that is none; zero: never

	start time.Time
	sent  atomic.Int64
}

// Sent is what a load did.
type Sent struct {
	Events    int           // sent and acknowledged
	Malformed int           // records beside them that are no events
	Last      int64         // ts of the last event, milliseconds since 1970
	Late      time.Duration // how far the producer was behind the intended moments, at the 99th percentile
	LateMax   time.Duration
}

// tick is how long the producer sleeps at least: what it sends late by it shows in Sent.Late.
const tick = 200 * time.Microsecond

// Run sends until the context ends or Count is reached, and waits until the brokers have acknowledged all of it. It is an
// error when they did not: then nobody can say what the topic holds.
func (l *Load) Run(ctx context.Context) (Sent, error) {
	s, err := l.run(ctx)
	if err != nil {
		return s, fmt.Errorf("load on %s: %w", l.Topic, err)
	}
	return s, nil
}

func (l *Load) run(ctx context.Context) (s Sent, err error) {
	if l.Customers == 0 {
		l.Customers = Customers
	}
	cl, err := NewProducer(l.Brokers)
	if err != nil {
		return s, err
	}
	defer cl.Close()
	var failed atomic.Pointer[error]
	done := func(_ *kgo.Record, err error) {
		if err != nil {
			failed.CompareAndSwap(nil, &err)
		}
	}
	late := hdrhistogram.New(1, 600_000_000, 3)
	step := float64(time.Second) / l.Rate
	if l.start.IsZero() {
		l.start = time.Now().Add(20 * time.Millisecond)
	}
	keep := context.WithoutCancel(ctx) // the end of the load is no reason to give up what is under way
	for n := 0; (l.Count == 0 || n < l.Count) && ctx.Err() == nil && failed.Load() == nil; {
		now := time.Now()
		for ; l.Count == 0 || n < l.Count; n++ {
			at := l.start.Add(time.Duration(float64(n) * step))
			if at.After(now) {
				break
			}
			i := l.First + n
			e := At(l.Seed, i, l.Customers)
			buf := make([]byte, 0, 176)
			key := AppendCustomer(buf, e.Customer)
			s.Last = at.UnixMilli()
			cl.Produce(keep, &kgo.Record{Topic: l.Topic, Key: key, Value: AppendJSON(key[len(key):], i, e, s.Last)}, done)
			_ = late.RecordValue(max(1, time.Since(at).Microseconds())) // out of range is ten minutes: then the load has failed otherwise
			if l.Malformed > 0 && i%l.Malformed == 0 {
				cl.Produce(keep, &kgo.Record{Topic: l.Topic, Key: key, Value: malformed(i / l.Malformed)}, done)
				s.Malformed++
			}
			l.sent.Add(1)
		}
		next := l.start.Add(time.Duration(float64(n) * step))
		time.Sleep(max(tick, time.Until(next)))
	}
	s.Events = int(l.sent.Load())
	flush, cancel := context.WithTimeout(keep, time.Minute)
	defer cancel()
	err = cl.Flush(flush)
	if p := failed.Load(); p != nil {
		err = errors.Join(err, *p)
	}
	s.Late, s.LateMax = time.Duration(late.ValueAtQuantile(99))*time.Microsecond, time.Duration(late.Max())*time.Microsecond
	return s, err
}

// Progress is how many events are under way or sent. Safe to call while Run runs.
func (l *Load) Progress() int { return int(l.sent.Load()) }

// StartAt makes Run begin at a moment: then Intended can be asked beforehand.
func (l *Load) StartAt(t time.Time) { l.start = t }

// Intended is the moment at which event i was to be sent; its ts is that in whole milliseconds.
func (l *Load) Intended(i int) time.Time {
	return l.start.Add(time.Duration(float64(i-l.First) * float64(time.Second) / l.Rate))
}

// malformed gives records that are no events, for one reason after another.
func malformed(i int) []byte {
	n := strconv.Itoa(i)
	switch i % 5 {
	case 0:
		return []byte(`{"event_id":"m` + n + `","customer_id":"c1","type":`)
	case 1:
		return []byte(`{"event_id":"m` + n + `","type":"purchase"}`)
	case 2:
		return []byte(`{"event_id":"m` + n + `","customer_id":"c1"}`)
	case 3:
		return []byte(`["m` + n + `"]`)
	default:
		return []byte("\x00\xff" + n)
	}
}

// NewProducer is a client that sends each record at once, in order, once.
func NewProducer(brokers string) (*kgo.Client, error) {
	return kgo.NewClient(kgo.SeedBrokers(Split(brokers)...), kgo.ProducerLinger(0), kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), kgo.MaxBufferedRecords(1<<20), kgo.UnknownTopicRetries(-1))
}
