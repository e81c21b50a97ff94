//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"wend/bench/stand"
	"wend/bench/workload"
)

const (
	probeRate      = 200.0 // purchases a second
	probeCustomers = 400
	probePatience  = 2 * time.Minute // for the answer to a purchase
)

// probe is customers who buy something at a steady rate, and whoever waits for their actions.
type probe struct {
	producer, consumer *kgo.Client
	stop               context.CancelFunc
	done               sync.WaitGroup

	mu      sync.Mutex
	sent    []time.Time     // by number: when it was to be sent
	answers []time.Duration // by number: from there to its action, 0 while there is none
	failed  error

	reminders    int // seen so far
	lastReminder time.Time
}

// latency is how a number of probes fared, in ms.
type latency struct {
	n             int
	p50, p99, max float64
}

func startProbe(ctx context.Context, brokers string, a *stand.App) (p *probe, err error) {
	p = &probe{}
	if p.producer, err = workload.NewProducer(brokers); err != nil {
		return nil, fmt.Errorf("probe: %w", err)
	}
	if p.consumer, err = kgo.NewClient(kgo.SeedBrokers(workload.Split(brokers)...), kgo.ConsumeTopics(a.Actions), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxWait(500*time.Millisecond)); err != nil {
		p.producer.Close()
		return nil, fmt.Errorf("probe: %w", err)
	}
	listen, cancel := context.WithCancel(ctx)
	send, stop := context.WithCancel(ctx)
	p.stop = func() { stop(); cancel() }
	p.done.Go(func() { p.listen(listen) })
	p.done.Go(func() {
		_, err := openLoop(send, probeRate, math.MaxInt64, func(i int, at time.Time) error {
			p.mu.Lock()
			p.sent, p.answers = append(p.sent, at), append(p.answers, 0)
			p.mu.Unlock()
			return produce(send, p.producer, workload.Record(a.Source, "probe-"+strconv.Itoa(i), "probe"+strconv.Itoa(i%probeCustomers), workload.Purchase, at.UnixMilli()))
		}, p.producer.Flush)
		if err != nil && !errors.Is(err, context.Canceled) {
			p.mu.Lock()
			p.failed = err
			p.mu.Unlock()
		}
	})
	return p, nil
}

func (p *probe) listen(ctx context.Context) {
	for ctx.Err() == nil {
		fetches := p.consumer.PollFetches(ctx)
		now := time.Now()
		p.mu.Lock()
		fetches.EachRecord(func(r *kgo.Record) {
			const name = `"event_id":"probe-`
			if bytes.Contains(r.Value, []byte(workload.Reminder)) {
				p.reminders++
				p.lastReminder = now
				return
			}
			at := bytes.Index(r.Value, []byte(name))
			if at < 0 {
				return
			}
			number, _, _ := bytes.Cut(r.Value[at+len(name):], []byte{'"'})
			if i, err := strconv.Atoi(string(number)); err == nil && i < len(p.sent) && p.answers[i] == 0 {
				p.answers[i] = now.Sub(p.sent[i])
			}
		})
		p.mu.Unlock()
	}
}

// between waits for the answers to what was to be sent from one moment to another, and sums them up.
func (p *probe) between(ctx context.Context, from, to time.Time) (latency, error) {
	for end := time.Now().Add(probePatience); ; {
		p.mu.Lock()
		var took []float64
		missing := 0
		for i, at := range p.sent {
			switch {
			case at.Before(from) || !at.Before(to):
			case p.answers[i] == 0:
				missing++
			default:
				took = append(took, float64(p.answers[i].Microseconds())/1000)
			}
		}
		failed := p.failed
		p.mu.Unlock()
		switch {
		case failed != nil:
			return latency{}, fmt.Errorf("probe: %w", failed)
		case missing == 0 && len(took) > 0:
			slices.Sort(took)
			at := func(q float64) float64 { return took[min(len(took)-1, int(q*float64(len(took))))] }
			return latency{len(took), at(0.5), at(0.99), took[len(took)-1]}, nil
		case time.Now().After(end):
			return latency{}, stand.Wrongf("%d of %d purchases of the probe were not answered within %v", missing, missing+len(took), probePatience)
		}
		if err := stand.Pause(ctx, 20*time.Millisecond); err != nil {
			return latency{}, err
		}
	}
}

// reminded waits until so many reminders were seen, and says when the last of them was.
func (p *probe) reminded(ctx context.Context, n int, timeout time.Duration) (last time.Time, err error) {
	for end := time.Now().Add(timeout); ; {
		p.mu.Lock()
		got, last := p.reminders, p.lastReminder
		p.mu.Unlock()
		if got >= n {
			return last, nil
		}
		if time.Now().After(end) {
			return last, stand.Wrongf("%d of %d timers fired within %v", got, n, timeout)
		}
		if err := stand.Pause(ctx, 20*time.Millisecond); err != nil {
			return last, err
		}
	}
}

// end stops the sending and says when the last purchase was, in ms.
func (p *probe) end() (last int64, err error) {
	p.stop()
	p.done.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent[len(p.sent)-1].UnixMilli(), p.failed
}

func (p *probe) close() {
	p.stop()
	p.done.Wait()
	p.producer.Close()
	p.consumer.Close()
}

// openLoop calls send for each number at its moment, whether or not those before it got through, for a while or until the
// context ends; then flush.
func openLoop(ctx context.Context, rate float64, d time.Duration, send func(i int, at time.Time) error, flush func(context.Context) error) (n int, err error) {
	start := time.Now()
	moment := func(i int) time.Time { return start.Add(time.Duration(float64(i) / rate * float64(time.Second))) }
	for ; ctx.Err() == nil && moment(n).Sub(start) < d; n++ {
		if wait := time.Until(moment(n)); wait > 0 && stand.Pause(ctx, wait) != nil {
			break
		}
		if err := send(n, moment(n)); err != nil {
			return n, err
		}
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return n, flush(end)
}

// produce hands a record to the client. Its failure is found by whoever waits for its answer, and by the auditor, who
// reads what the topic holds.
func produce(ctx context.Context, cl *kgo.Client, r *kgo.Record) error {
	cl.Produce(context.WithoutCancel(ctx), r, nil)
	return nil
}
