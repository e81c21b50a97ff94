//go:build unix

package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"wend/bench/proxy"
	"wend/bench/stand"
	"wend/bench/workload"
)

const hardFor = 20 * time.Second

// mixed is the workload's mix of kinds.
func mixed(seed uint64, i int) workload.Kind { return workload.At(seed, i, workload.Customers).Kind }

// hot has one customer do 10,000 things a second.
func hot(ctx context.Context, l *limits) error {
	_, err := l.during(ctx, "10,000/s of one customer", func() error {
		_, err := l.load(ctx, 10_000, hardFor, func(i int) (string, workload.Kind, int64) { return "hot", mixed(l.o.seed, i), 0 })
		return err
	})
	return err
}

// giant sends events near the source topic's limit.
func giant(ctx context.Context, l *limits) error {
	const size, rate = 900_000, 20.0
	cl, err := workload.NewProducer(l.Brokers)
	if err != nil {
		return err
	}
	defer cl.Close()
	_, err = l.during(ctx, "20 events/s of 900 kB", func() error {
		_, err := openLoop(ctx, rate, hardFor, func(i int, at time.Time) error {
			customer := fmt.Sprintf("giant%d", i%50)
			value := fmt.Appendf(nil, `{"event_id":"giant-%d","customer_id":%q,"type":"browse","ts":%d,"note":%q}`, i, customer, at.UnixMilli(), strings.Repeat("x", size))
			return produce(ctx, cl, &kgo.Record{Topic: l.app.Source, Key: []byte(customer), Value: value})
		}, cl.Flush)
		return err
	})
	return err
}

// slowActions holds up every produce request to the action topic: what is owed grows up to its bound, then the source
// waits. All of it comes out in the end.
func slowActions(ctx context.Context, l *limits) error { return slow(ctx, l, l.app.Actions) }

// slowJournal does the same to the journal: units grow.
func slowJournal(ctx context.Context, l *limits) error { return slow(ctx, l, l.app.Journal) }

func slow(ctx context.Context, l *limits, topic string) error {
	const delay, rate = 500 * time.Millisecond, 5000.0
	load := func() error {
		_, err := l.load(ctx, rate, hardFor, func(i int) (string, workload.Kind, int64) {
			return string(workload.AppendCustomer(nil, workload.At(l.o.seed, i, workload.Customers).Customer)), mixed(l.o.seed, i), 0
		})
		return err
	}
	for _, p := range l.Proxies {
		p.Set(proxy.Faults{Slow: topic, SlowDelay: delay})
	}
	if _, err := l.during(ctx, fmt.Sprintf("each append %v late", delay), load); err != nil {
		return err
	}
	for _, p := range l.Proxies {
		p.Set(proxy.Faults{})
	}
	_, err := l.during(ctx, "at its own pace again", func() error { return stand.Pause(ctx, l.o.idle) })
	return err
}
