//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"wend/bench/workload"
)

// listener is a consumer of actions that notes when each answer to a purchase came.
type listener struct {
	client *kgo.Client
	cancel context.CancelFunc
	done   chan struct{}

	mu       sync.Mutex
	arrivals []arrival
	probed   map[int32]bool // partitions
}

// arrival is the answer to an event.
type arrival struct {
	event int
	at    time.Time
}

func listen(ctx context.Context, brokers, topic string) (*listener, error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(workload.Split(brokers)...), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMinBytes(1), kgo.FetchMaxWait(500*time.Millisecond))
	if err != nil {
		return nil, fmt.Errorf("listen to %s: %w", topic, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	l := &listener{client: cl, cancel: cancel, done: make(chan struct{}), probed: map[int32]bool{}}
	go l.run(ctx)
	return l, nil
}

func (l *listener) run(ctx context.Context) {
	defer close(l.done)
	for ctx.Err() == nil {
		fetches := l.client.PollFetches(ctx)
		now := time.Now()
		l.mu.Lock()
		fetches.EachRecord(func(r *kgo.Record) {
			template, cause := text(r.Value, `"template":"`), text(r.Value, `"event_id":"`)
			if bytes.HasPrefix(cause, []byte("probe")) {
				l.probed[r.Partition] = true
				return
			}
			i, ok := workload.Index(string(cause))
			if !ok || string(template) != workload.Welcome && string(template) != workload.ThankYou {
				return
			}
			l.arrivals = append(l.arrivals, arrival{i, now})
		})
		l.mu.Unlock()
	}
}

func text(value []byte, name string) []byte {
	at := bytes.Index(value, []byte(name))
	if at < 0 {
		return nil
	}
	value = value[at+len(name):]
	if end := bytes.IndexByte(value, '"'); end >= 0 {
		return value[:end]
	}
	return nil
}

func (l *listener) close() {
	l.cancel()
	<-l.done
	l.client.Close()
}

// answered says whether a probe was, on each of so many partitions.
func (l *listener) answered(partitions int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.probed) == partitions
}

func (l *listener) purchasesSeen() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.arrivals)
}

// take gives what came so far.
func (l *listener) take() []arrival {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.arrivals
}
