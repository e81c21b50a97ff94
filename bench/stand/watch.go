//go:build unix

package stand

import (
	"bytes"
	"context"
	"fmt"
	"sort"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/valyala/fastjson"

	"wend/bench/workload"
)

// Watcher follows the action topic while a test runs: when each action was appended, and which sentinels were answered.
type Watcher struct {
	client *kgo.Client
	cancel context.CancelFunc
	done   chan struct{}

	mu        sync.Mutex
	appended  [][]int64       // by partition: milliseconds since 1970, ascending
	delays    [][]int64       // of the same actions: ms since the event that caused it was due to be sent; -1: a timer caused it
	sentinels map[string]bool // event ids
	changed   chan struct{}   // closed at each arrival, then made anew
}

// Watch begins to follow an app's actions. Its owner calls Close.
func (s *Stand) Watch(ctx context.Context, a *App) (*Watcher, error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(workload.Split(s.Brokers)...), kgo.ConsumeTopics(a.Actions), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxWait(100*time.Millisecond))
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", a.Actions, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	w := &Watcher{client: cl, cancel: cancel, done: make(chan struct{}), appended: make([][]int64, s.partitions()), delays: make([][]int64, s.partitions()), sentinels: map[string]bool{}, changed: make(chan struct{})}
	go w.run(ctx)
	return w, nil
}

func (w *Watcher) run(ctx context.Context) {
	defer close(w.done)
	var parser fastjson.Parser
	for ctx.Err() == nil {
		fetches := w.client.PollFetches(ctx)
		w.mu.Lock()
		fetches.EachRecord(func(r *kgo.Record) {
			at := r.Timestamp.UnixMilli()
			w.appended[r.Partition] = append(w.appended[r.Partition], at)
			cause, late := causeOf(&parser, r.Value, at)
			w.delays[r.Partition] = append(w.delays[r.Partition], late)
			if bytes.HasPrefix(r.Key, []byte("sentinel")) && cause != "" {
				w.sentinels[cause] = true
			}
		})
		close(w.changed)
		w.changed = make(chan struct{})
		w.mu.Unlock()
	}
}

// causeOf is the id of the event that an action names, "" where there is none, and by how many ms the action was appended
// behind that event; -1 where a timer caused it: then it was decided at another time than the event's.
func causeOf(p *fastjson.Parser, action []byte, appended int64) (id string, late int64) {
	v, err := p.ParseBytes(action)
	if err != nil {
		return "", -1
	}
	id, late = string(v.GetStringBytes("cause", "event_id")), -1
	if ts := v.GetInt64("cause", "ts"); ts == v.GetInt64("decided_at") {
		late = appended - ts
	}
	return id, late
}

// Close ends it.
func (w *Watcher) Close() {
	w.cancel()
	<-w.done
	w.client.Close()
}

// Until waits until cond, which is asked again whenever actions came, or the timeout.
func (w *Watcher) Until(ctx context.Context, timeout time.Duration, cond func() bool) bool {
	after := time.After(timeout)
	for {
		w.mu.Lock()
		changed := w.changed
		w.mu.Unlock()
		if cond() {
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

// Count of the actions appended in [from, to) in a partition, milliseconds since 1970.
func (w *Watcher) Count(partition int, from, to int64) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := w.appended[partition]
	at := func(t int64) int { return sort.Search(len(a), func(i int) bool { return a[i] >= t }) }
	return at(to) - at(from)
}

// Between is the number of actions appended in a time, over all partitions.
func (w *Watcher) Between(from, to time.Time) int {
	n := 0
	for p := range w.appended {
		n += w.Count(p, from.UnixMilli(), to.UnixMilli())
	}
	return n
}

// First is when the first action at or behind a moment was appended.
func (w *Watcher) First(ctx context.Context, since time.Time, timeout time.Duration) (time.Time, bool) {
	var at int64
	ok := w.Until(ctx, timeout, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
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

// AllSince is when, at or behind a moment, the last partition had its first action; of those that had one.
func (w *Watcher) AllSince(since time.Time) time.Time {
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

// Quiet waits until nothing was appended for a while.
func (w *Watcher) Quiet(ctx context.Context, while, timeout time.Duration) bool {
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

func (w *Watcher) total() int {
	n := 0
	for _, a := range w.appended {
		n += len(a)
	}
	return n
}

// Answered says whether each of these sentinels was.
func (w *Watcher) Answered(ids []string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range ids {
		if !w.sentinels[id] {
			return false
		}
	}
	return true
}

// Rest waits until everything sent was handled, every timer is due and nothing more is published. last is the ts of the
// last event sent, in ms; the tag makes the ids of its sentinels.
func (s *Stand) Rest(ctx context.Context, a *App, w *Watcher, last int64, tag string, timeout time.Duration) error {
	ids, err := workload.SendSentinels(ctx, s.Brokers, a.Source, tag, s.partitions())
	if err != nil {
		return err
	}
	if !w.Until(ctx, timeout, func() bool { return w.Answered(ids) }) {
		return Wrongf("the engine has not come to the end of the source within %v", timeout)
	}
	due := max(time.Now().UnixMilli(), last) + s.o.Await.Milliseconds()
	select {
	case <-time.After(time.Until(time.UnixMilli(due)) + time.Second):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if !w.Quiet(ctx, 1500*time.Millisecond, 30*time.Second) {
		return Wrongf("the engine still publishes 30 s after the last timer was due")
	}
	return nil
}

// Silence is a time in which nothing was published on a partition.
type Silence struct {
	Partition int
	From      time.Time
	Lasted    time.Duration
}

// Silences gives those of at least so long between two moments.
func (w *Watcher) Silences(from, to time.Time, least time.Duration) (all []Silence) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for p, appended := range w.appended {
		last := from.UnixMilli()
		add := func(next int64) {
			if lasted := time.Duration(next-last) * time.Millisecond; lasted >= least {
				all = append(all, Silence{p, time.UnixMilli(last), lasted})
			}
			last = max(last, next)
		}
		for _, at := range appended {
			if at > last && at < to.UnixMilli() {
				add(at)
			}
		}
		add(to.UnixMilli())
	}
	return all
}

// Slowest gives, by partition, the longest delay of an action that was appended between two moments behind the event that
// caused it, since it was due to be sent. Of what timers cause it knows nothing.
func (w *Watcher) Slowest(from, to time.Time) []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	worst := make([]time.Duration, len(w.appended))
	for p, appended := range w.appended {
		for i, at := range appended {
			if at >= from.UnixMilli() && at < to.UnixMilli() {
				worst[p] = max(worst[p], time.Duration(w.delays[p][i])*time.Millisecond)
			}
		}
	}
	return worst
}
