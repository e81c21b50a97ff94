//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"sort"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"wend/bench/stand"
	"wend/bench/workload"
)

// watcher follows the action topic while a test runs: when each action was appended, and which sentinels were answered.
type watcher struct {
	client *kgo.Client
	cancel context.CancelFunc
	done   chan struct{}

	mu        sync.Mutex
	appended  [stand.Partitions][]int64 // milliseconds since 1970, ascending
	sentinels map[string]bool           // event ids
	changed   chan struct{}             // closed at each arrival, then made anew
}

func watch(ctx context.Context, brokers, topic string) (*watcher, error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(workload.Split(brokers)...), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxWait(100*time.Millisecond))
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", topic, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	w := &watcher{client: cl, cancel: cancel, done: make(chan struct{}), sentinels: map[string]bool{}, changed: make(chan struct{})}
	go w.run(ctx)
	return w, nil
}

func (w *watcher) run(ctx context.Context) {
	defer close(w.done)
	for ctx.Err() == nil {
		fetches := w.client.PollFetches(ctx)
		w.mu.Lock()
		fetches.EachRecord(func(r *kgo.Record) {
			w.appended[r.Partition] = append(w.appended[r.Partition], r.Timestamp.UnixMilli())
			if bytes.HasPrefix(r.Key, []byte("sentinel")) {
				if id := causeOf(r.Value); id != "" {
					w.sentinels[id] = true
				}
			}
		})
		close(w.changed)
		w.changed = make(chan struct{})
		w.mu.Unlock()
	}
}

// causeOf is the event id in an action.
func causeOf(value []byte) string {
	const name = `"event_id":"`
	at := bytes.Index(value, []byte(name))
	if at < 0 {
		return ""
	}
	value = value[at+len(name):]
	end := bytes.IndexByte(value, '"')
	if end < 0 {
		return ""
	}
	return string(value[:end])
}

func (w *watcher) close() {
	w.cancel()
	<-w.done
	w.client.Close()
}

// until waits until cond, which is called with the lock held, or the timeout.
func (w *watcher) until(ctx context.Context, timeout time.Duration, cond func() bool) bool {
	after := time.After(timeout)
	for {
		w.mu.Lock()
		ok, changed := cond(), w.changed
		w.mu.Unlock()
		if ok {
			return true
		}
		select {
		case <-changed:
		case <-after:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// count of the actions appended in [from, to) in a partition; the lock is held.
func (w *watcher) count(partition int, from, to int64) int {
	a := w.appended[partition]
	at := func(t int64) int { return sort.Search(len(a), func(i int) bool { return a[i] >= t }) }
	return at(to) - at(from)
}

// between is the number of actions appended in a time, over all partitions.
func (w *watcher) between(from, to time.Time) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for p := range stand.Partitions {
		n += w.count(p, from.UnixMilli(), to.UnixMilli())
	}
	return n
}

// first is when the first action at or behind a moment was appended.
func (w *watcher) first(ctx context.Context, since time.Time, timeout time.Duration) (time.Time, bool) {
	var at int64
	ok := w.until(ctx, timeout, func() bool {
		at = 0
		for _, a := range w.appended {
			if i := sort.Search(len(a), func(i int) bool { return a[i] >= since.UnixMilli() }); i < len(a) && (at == 0 || a[i] < at) {
				at = a[i]
			}
		}
		return at != 0
	})
	return time.UnixMilli(at), ok
}

// allSince is when, at or behind a moment, the last partition had its first action; of those that had one.
func (w *watcher) allSince(since time.Time) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	var last int64
	for _, a := range w.appended {
		if i := sort.Search(len(a), func(i int) bool { return a[i] >= since.UnixMilli() }); i < len(a) {
			last = max(last, a[i])
		}
	}
	return time.UnixMilli(last)
}

// quiet waits until nothing was appended for a while.
func (w *watcher) quiet(ctx context.Context, while, timeout time.Duration) bool {
	end := time.Now().Add(timeout)
	for time.Now().Before(end) && ctx.Err() == nil {
		w.mu.Lock()
		n := w.total()
		w.mu.Unlock()
		time.Sleep(while)
		w.mu.Lock()
		same := n == w.total()
		w.mu.Unlock()
		if same {
			return true
		}
	}
	return false
}

func (w *watcher) total() int {
	n := 0
	for _, a := range w.appended {
		n += len(a)
	}
	return n
}

// answered says whether each of these sentinels was; the lock is held.
func (w *watcher) answered(ids []string) bool {
	for _, id := range ids {
		if !w.sentinels[id] {
			return false
		}
	}
	return true
}
