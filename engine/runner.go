package engine

import (
	"context"
	"sync/atomic"
	"time"

	"wend/connectors"
)

// runner is a shard's goroutine: it brings inputs and answers to the state machine, one after another, and carries what
// it asks for to the engine's lines. Everything of the shard happens here.
type runner struct {
	engine *Engine
	shard  *shard
	box    *mailbox
	ended  chan struct{}

	working   atomic.Bool  // for readiness
	committed atomic.Int64 // next source offset as journaled; -1 unknown
	reach     atomic.Int64 // View.Offset of its view; -1: not open yet
	whole     atomic.Int64 // View.Whole of it

	questions []question // of the shard's goroutine: ask.go

	// of the engine's goroutine
	role      role
	refusedAt time.Time // not zero: begin again after a heartbeat sent later
	drops     int       // in a row
}

// role is what the fleet wants of this member for a shard.
type role uint8

const (
	bystander role = iota
	standby
	owner
)

// stopPatience is how long a shard may take to journal and pay what it has decided when the engine stops. Nobody works on
// it meanwhile; and what it leaves undone the next owner does.
const stopPatience = 5 * time.Second

func (r *runner) env() *env {
	e := r.engine
	back := r.box.put
	tp := r.shard.journal
	return &env{
		append: func(bytes []byte, done func(connectors.Produced)) {
			e.journal.submit(connectors.Batch{TopicPartition: tp, Bytes: bytes}, func(p connectors.Produced) { back(func() { done(p) }) })
		},
		publish: func(tp connectors.TopicPartition, bytes []byte, done func(connectors.Produced)) {
			e.actions.submit(connectors.Batch{TopicPartition: tp, Bytes: bytes}, func(p connectors.Produced) { back(func() { done(p) }) })
		},
		read: func(tp connectors.TopicPartition, from int64, done func(connectors.Fetched, error)) {
			e.carriers.Go(func() {
				f, err := e.readOnce(tp, from, fetchWait)
				back(func() { done(f, err) })
			})
		},
		offset: func(tp connectors.TopicPartition, at int64, done func(int64, error)) {
			e.carriers.Go(func() {
				o, err := e.listOffset(tp, at)
				back(func() { done(o, err) })
			})
		},
		check: func(done func(int64, error)) {
			e.carriers.Go(func() {
				end, err := e.listOffset(r.shard.source, connectors.LatestStable)
				back(func() { done(end, err) })
			})
		},
		producer: func(id string, done func(connectors.Producer, error)) {
			e.carriers.Go(func() {
				p, err := e.cluster.InitProducerID(e.ctx, id)
				back(func() { done(p, err) })
			})
		},
		fetchFrom: func(offset int64, leaderEpoch int32, deliver func(connectors.Fetched, time.Time)) {
			e.fetcher.from(r.shard, r.shard.source, offset, leaderEpoch, func(f connectors.Fetched, asked time.Time) {
				back(func() { deliver(f, asked) })
			})
		},
		tail: func(offset int64, deliver func(connectors.Fetched)) {
			e.tailer.from(r.shard, r.shard.journal, offset, -1, func(f connectors.Fetched, _ time.Time) {
				back(func() { deliver(f) })
			})
		},
		controlFrom: func(offset int64, deliver func(commands)) {
			e.control.from(r.shard.id, offset, func(c commands) {
				back(func() { deliver(c) })
			})
		},
		dropped: func(string) {
			r.working.Store(false)
			at := time.Now()
			e.tell(func() { e.droppedShard(r, at) })
		},
		failed: func(err error) {
			r.working.Store(false)
			e.tell(func() { e.failedShard(err) })
		},
		ready: func() {
			r.working.Store(true)
			e.tell(func() { r.drops = 0 })
		},
	}
}

// run is the goroutine. It ends when ctx does and the shard has finished or run out of patience.
func (r *runner) run(ctx context.Context) {
	defer close(r.ended)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var items []func()
	done := ctx.Done()
	var stopped time.Time // when it was told to
	ours := false         // it had the shard then
	patient := func() bool { return time.Since(stopped) < stopPatience }
	for {
		items = r.box.take(items)
		now := r.engine.Clock()
		r.shard.enter(now)
		for _, f := range items {
			f()
		}
		again, wake := r.shard.work(now)
		r.answer()
		if r.shard.phase == phaseRunning {
			r.committed.Store(r.shard.journaled)
		}
		if r.shard.view != nil {
			r.whole.Store(r.shard.claim.tail.whole / 1000)
			r.reach.Store(r.shard.claim.tail.position)
		}
		if done == nil && (r.shard.finished() || !patient()) {
			break
		}
		if again && done != nil {
			select {
			case <-done:
			default:
				continue
			}
		}
		if done == nil {
			wake = earlier(wake, stopped.Add(stopPatience))
		}
		d := time.Hour
		if !wake.IsZero() {
			d = max(time.Until(wake), 0)
		}
		timer.Reset(d)
		select {
		case <-r.box.bell:
		case <-timer.C:
		case <-done:
			done, stopped = nil, time.Now()
			r.shard.enter(r.engine.Clock())
			r.shard.stop()
			ours = r.shard.phase == phaseStopping
		}
	}
	r.working.Store(false)
	whole := r.shard.finished()
	owed := 0
	if r.shard.pub != nil {
		owed = r.shard.pub.owedBytes
	}
	if err := r.shard.close(); err != nil {
		r.engine.listener.ViewFailed(r.shard.id, ViewFailure{Dir: r.shard.dir, Err: err})
	}
	if ours {
		r.engine.listener.HandedOver(r.shard.id, time.Since(stopped), whole, owed)
	}
}
