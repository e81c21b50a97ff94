//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"wend/bench/audit"
	"wend/bench/stand"
	"wend/bench/workload"
)

const (
	readyTimeout = time.Minute
	restTimeout  = 10 * time.Minute
	memoryEvery  = 100 * time.Millisecond
)

// limits is one scenario under way: its stand, its engine and its probe.
type limits struct {
	*stand.Stand
	o       *options
	await   time.Duration // of the reminders
	app     *stand.App
	engine  *stand.Process
	watch   *stand.Watcher
	probe   *probe
	memory  atomic.Int64 // the most that the engine held, bytes
	watched sync.WaitGroup
	stop    context.CancelFunc
	idle    latency // of the probe alone
	failed  []error
}

// open starts everything, and measures the probe by itself once a warm-up is over.
func (l *limits) open(ctx context.Context, name string) (err error) {
	o := l.o.Options
	o.Await, o.Behind = l.await, true
	if l.Stand, err = stand.New(ctx, o); err != nil {
		return err
	}
	l.app = stand.NewApp(name, "")
	if err := l.Create(ctx, l.app, nil); err != nil {
		return err
	}
	if l.watch, err = l.Watch(ctx, l.app); err != nil {
		return err
	}
	m, err := l.NewMember(l.app, "a", 0)
	if err != nil {
		return err
	}
	if l.engine, err = l.Start(m); err != nil {
		return err
	}
	if err := l.engine.Ready(ctx, readyTimeout); err != nil {
		return err
	}
	ctx, l.stop = context.WithCancel(ctx)
	l.watched.Go(func() { l.watchMemory(ctx) })
	if l.probe, err = startProbe(ctx, l.Brokers, l.app); err != nil {
		return err
	}
	if err := stand.Pause(ctx, l.o.idle/2); err != nil {
		return err
	}
	if l.idle, err = l.during(ctx, "idle", func() error { return stand.Pause(ctx, l.o.idle) }); err != nil {
		return err
	}
	return nil
}

func (l *limits) watchMemory(ctx context.Context) {
	for {
		l.memory.Store(max(l.memory.Load(), l.engine.Memory()))
		if stand.Pause(ctx, memoryEvery) != nil {
			return
		}
	}
}

// during does something and prints how the probe fared meanwhile.
func (l *limits) during(ctx context.Context, what string, do func() error) (latency, error) {
	from := time.Now()
	if err := do(); err != nil {
		return latency{}, err
	}
	to := time.Now()
	got, err := l.probe.between(ctx, from, to)
	if err != nil {
		return got, err
	}
	ratio := ""
	if l.idle.n > 0 {
		ratio = fmt.Sprintf(", p99 %.1f × idle", got.p99/l.idle.p99)
	}
	fmt.Printf("%-28s %6.1f s  probe ms: p50 %.1f  p99 %.1f  max %.1f  (%d)%s; engine %d MiB at most so far\n", what, to.Sub(from).Seconds(), got.p50, got.p99, got.max, got.n, ratio, l.memory.Load()>>20)
	return got, nil
}

// wrong notes that something is not as promised; the scenario goes on.
func (l *limits) wrong(format string, args ...any) {
	l.failed = append(l.failed, stand.Wrongf(format, args...))
}

// verdict ends the probe, lets the engine come to rest, stops it and audits.
func (l *limits) verdict(ctx context.Context) error {
	last, err := l.probe.end()
	if err != nil {
		return err
	}
	if err := l.Rest(ctx, l.app, l.watch, last, "end", restTimeout); err != nil {
		l.failed = append(l.failed, err)
	}
	l.stop()
	l.watched.Wait()
	if err := l.engine.Stop(30 * time.Second); err != nil {
		l.failed = append(l.failed, err)
	}
	if mib := l.memory.Load() >> 20; mib > mostMemory {
		l.wrong("the engine held %d MiB, at most %d are allowed", mib, mostMemory)
	}
	a := audit.New(audit.Rules{Await: l.await, Letters: true})
	if err := a.ReadAll(ctx, audit.Topics{Brokers: l.Brokers, Source: l.app.Source, Actions: l.app.Actions, Letters: l.app.Letters}); err != nil {
		return err
	}
	r := a.Finish()
	r.Print(os.Stdout)
	if err := r.Problem(); err != nil {
		l.failed = append(l.failed, stand.Wrongf("%w", err))
	}
	if err := l.JournalKept(ctx, l.app); err != nil {
		l.failed = append(l.failed, err)
	}
	return stand.Together(l.failed...)
}

func (l *limits) close(failed bool) error {
	var errs []error
	if l.stop != nil {
		l.stop()
	}
	if l.probe != nil {
		l.probe.close()
	}
	if l.watch != nil {
		l.watch.Close()
	}
	if l.Stand != nil {
		errs = append(errs, l.Close(failed))
	}
	l.watched.Wait()
	return errors.Join(errs...)
}

// load sends events of the workload's making beside the probe, at a rate, for a while: the customer and the kind are the
// caller's.
func (l *limits) load(ctx context.Context, rate float64, d time.Duration, record func(i int) (customer string, k workload.Kind, ts int64)) (int, error) {
	cl, err := workload.NewProducer(l.Brokers)
	if err != nil {
		return 0, err
	}
	defer cl.Close()
	return openLoop(ctx, rate, d, func(i int, at time.Time) error {
		customer, k, ts := record(i)
		if ts == 0 {
			ts = at.UnixMilli()
		}
		return produce(ctx, cl, workload.Record(l.app.Source, fmt.Sprintf("load-%d", i), customer, k, ts))
	}, cl.Flush)
}
