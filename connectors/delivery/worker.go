package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/schemas"
)

// Send tries an action once. Nil: the provider has it. Value is the action as it stands on its topic, valid during the call.
// A Refusal means that the provider will never take it; any other error is tried again.
type Send func(ctx context.Context, a *schemas.Action, value []byte) error

// Refusal is a provider's final no. What the reason quotes of the action or of the answer stands in Go's double quotes, as
// in any error of a Send: logs hide that.
type Refusal struct{ Reason string }

func (r *Refusal) Error() string { return r.Reason }

// Options of a worker: one channel of one application.
type Options struct {
	App     string
	Channel string
	Topic   string // where the channel's actions are; others may be on it too
	Send    Send
	Store   *Store

	Cluster connectors.Cluster
	Group   connectors.Group
	// Committed gives the next offsets that a group noted, -1 for none.
	Committed      func(ctx context.Context, group, topic string, partitions []int32) (map[int32]int64, error)
	InstanceID     string // static membership: a restart takes its partitions back at once; "" has none
	SessionTimeout time.Duration

	Source      string // where what happened is written
	Format      schemas.Format
	Partitioner func(key []byte, partitions int32) int32 // of the source
	DeadLetter  string

	Listener Listener
}

// Worker delivers the actions of one channel.
type Worker struct {
	o      Options
	writer writer
}

// NewWorker makes a worker. Nothing happens before Run.
func NewWorker(o Options) *Worker {
	return &Worker{o: o, writer: writer{cluster: o.Cluster}}
}

// GroupName is the worker's consumer group. Each channel has its own, so that workers of other channels neither hold
// it up nor are given its partitions.
func (w *Worker) GroupName() string { return w.o.App + ".delivery." + w.o.Channel }

// Run works until ctx ends (nil), or until the store fails: without it nothing may be tried.
func (w *Worker) Run(ctx context.Context) error {
	c := &consumer{
		cluster: w.o.Cluster, group: w.o.Group, committed: w.o.Committed, topic: w.o.Topic,
		who:     connectors.Membership{Group: w.GroupName(), InstanceID: w.o.InstanceID, Generation: -1},
		session: w.o.SessionTimeout, listener: &w.o.Listener, handle: w.handle,
	}
	if err := c.run(ctx); err != nil {
		return fmt.Errorf("delivery of %s: %w", w.o.Channel, err)
	}
	return nil
}

// handle brings what lies in raw to its end: every action answered, recorded and reported. next is the offset behind it.
func (w *Worker) handle(ctx context.Context, f *connectors.Fetched, from int64) (next int64, err error) {
	var r batch.Reader
	r.Reset(f.Batches, from, f.Aborted)
	records := map[Decision]Record{}
	var reports []report
	var interrupted bool
	for {
		rec, err := r.Next()
		if err != nil { // io.EOF, or a batch that is broken: what was read before counts
			if !errors.Is(err, io.EOF) && r.NextOffset() <= from {
				return from, err
			}
			break
		}
		a, err := schemas.DecodeAction(rec.Value)
		if err != nil {
			if err := w.deadLetter(ctx, f.TopicPartition, rec, err.Error()); err != nil {
				return from, err
			}
			continue
		}
		if a.Channel != w.o.Channel {
			continue
		}
		decision := decisionOf(a)
		done, known := records[decision]
		if !known {
			if done, known, err = w.o.Store.Lookup(decision); err != nil {
				return from, fatal{err}
			}
		}
		var failure error
		if known {
			w.o.Listener.again(a, done)
		} else {
			if done, failure = w.try(ctx, a, rec.Value); ctx.Err() != nil && failure != nil {
				interrupted = true // this one was not answered
				break
			}
			records[decision] = done
		}
		reports = append(reports, report{a, done, failure})
		next = rec.Offset + 1
	}
	// What was answered is recorded, reported and committed even when ctx has ended: it happened.
	finishing, cancel := outlive(ctx, 10*time.Second)
	defer cancel()
	if err := w.o.Store.Remember(records); err != nil {
		return from, fatal{err}
	}
	for _, rep := range reports {
		if _, isNew := records[decisionOf(rep.action)]; isNew {
			w.o.Listener.answered(rep.action, rep.record, rep.failure)
		}
	}
	if err := w.report(finishing, reports); err != nil {
		return from, err
	}
	if !interrupted {
		next = r.NextOffset()
	}
	return max(next, from), nil
}

// outlive is a context that ends that long after ctx.
func outlive(ctx context.Context, by time.Duration) (context.Context, func()) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		_ = sleep(longer, by) // either way it is time
		cancel()
	})
	return longer, func() { stop(); cancel() }
}

// try goes on until the provider answers or ctx ends (an error that is no Refusal).
func (w *Worker) try(ctx context.Context, a *schemas.Action, value []byte) (Record, error) {
	for n := 1; ; n++ {
		now := time.Now().UnixMilli()
		if a.ExpiresAt != 0 && now >= a.ExpiresAt {
			return Record{Expired, now}, &Refusal{"expired"}
		}
		err := w.o.Send(ctx, a, value)
		now = time.Now().UnixMilli()
		if err == nil {
			return Record{Sent, now}, nil
		}
		var no *Refusal
		if errors.As(err, &no) {
			return Record{Failed, now}, no
		}
		wait := backoff(n)
		w.o.Listener.retrying("send "+strconv.Quote(a.ID), err, wait)
		if sleep(ctx, wait) != nil {
			return Record{}, err
		}
	}
}

// backoff is how long to wait before the nth try in a row, n from 1: 100 ms doubling to 30 s.
func backoff(n int) time.Duration {
	const least, most = 100 * time.Millisecond, 30 * time.Second
	if n > 9 {
		return most
	}
	return min(most, least<<(n-1))
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
