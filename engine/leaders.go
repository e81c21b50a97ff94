package engine

import (
	"context"
	"fmt"
	"sync"
	"time"

	"wend/connectors"
)

// leaders knows which broker leads which partition. Whoever is told otherwise by a broker says so (doubt); the next
// question then waits for fresh metadata, asked for once for all who wait.
type leaders struct {
	cluster connectors.Cluster

	mu struct {
		sync.Mutex
		topics  map[string]bool
		leader  map[connectors.TopicPartition]int32
		asking  chan struct{} // closed when the metadata under way is there; nil: none is
		askedAt time.Time
		err     error
	}
}

// leastMetadataInterval keeps a cluster without leaders from being asked all the time.
const leastMetadataInterval = 100 * time.Millisecond

func newLeaders(c connectors.Cluster, m *connectors.Metadata) *leaders {
	l := &leaders{cluster: c}
	l.mu.topics = map[string]bool{}
	l.mu.leader = map[connectors.TopicPartition]int32{}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.takeLocked(m)
	return l
}

func (l *leaders) takeLocked(m *connectors.Metadata) {
	for i := range m.Topics {
		t := &m.Topics[i]
		l.mu.topics[t.Name] = true
		for _, p := range t.Partitions {
			tp := connectors.TopicPartition{Topic: t.Name, Partition: p.ID}
			if p.Leader >= 0 {
				l.mu.leader[tp] = p.Leader
			} else {
				delete(l.mu.leader, tp)
			}
		}
	}
}

// known gives the leader believed in, without asking.
func (l *leaders) known(tp connectors.TopicPartition) (int32, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, ok := l.mu.leader[tp]
	return b, ok
}

// doubt says that the broker does not lead the partition (any more), or cannot be reached.
func (l *leaders) doubt(tp connectors.TopicPartition, broker int32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.leader[tp] == broker {
		delete(l.mu.leader, tp)
	}
}

// of gives the partition's leader, asking the cluster if need be.
func (l *leaders) of(ctx context.Context, tp connectors.TopicPartition) (int32, error) {
	for try := 0; ; try++ {
		l.mu.Lock()
		if b, ok := l.mu.leader[tp]; ok {
			l.mu.Unlock()
			return b, nil
		}
		if try == 2 {
			err := l.mu.err
			l.mu.Unlock()
			if err == nil {
				err = connectors.LeaderNotAvailable
			}
			return -1, fmt.Errorf("engine: leader of %s/%d: %w", tp.Topic, tp.Partition, err)
		}
		l.mu.topics[tp.Topic] = true
		wait := l.mu.asking
		if wait == nil {
			wait = make(chan struct{})
			l.mu.asking = wait
			topics := make([]string, 0, len(l.mu.topics))
			for t := range l.mu.topics {
				topics = append(topics, t)
			}
			rest := leastMetadataInterval - time.Since(l.mu.askedAt)
			l.mu.Unlock()
			l.ask(ctx, topics, rest, wait)
			continue
		}
		l.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return -1, ctx.Err()
		}
	}
}

func (l *leaders) ask(ctx context.Context, topics []string, rest time.Duration, done chan struct{}) {
	var m *connectors.Metadata
	err := sleep(ctx, rest)
	if err == nil {
		m, err = l.cluster.Metadata(ctx, topics...)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.takeLocked(m)
	}
	l.mu.err, l.mu.asking, l.mu.askedAt = err, nil, time.Now()
	close(done)
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// persevere asks, and asks again up to so many times while what went wrong passes by itself; the last answer's error counts.
// The end of ctx ends it.
func persevere(ctx context.Context, tries int, passes func(error) bool, ask func() error) error {
	err := ask()
	for try := 1; err != nil && passes(err) && try <= tries; try++ {
		if sleep(ctx, backoff(try)) != nil {
			break
		}
		err = ask()
	}
	return err
}
