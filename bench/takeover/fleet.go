//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"wend/bench/audit"
	"wend/bench/stand"
	"wend/bench/workload"
)

const (
	readyTimeout = 60 * time.Second
	stopTimeout  = 30 * time.Second
)

// fleet is what is measured.
type fleet struct {
	*stand.Stand
	o       *options
	app     *stand.App
	watch   *stand.Watcher
	members []*member
	load    chan error
	sent    workload.Sent
	down    []audit.Span
	table   table
}

// member is a workspace and the process that runs on it.
type member struct {
	*stand.Member
	process *stand.Process
}

func (f *fleet) run(ctx context.Context) error {
	if err := f.Create(ctx, f.app, nil); err != nil {
		return err
	}
	var err error
	if f.watch, err = f.Watch(ctx, f.app); err != nil {
		return err
	}
	defer f.watch.Close()
	for i := range f.o.members {
		m, err := f.NewMember(f.app, string(rune('a'+i)), 0)
		if err != nil {
			return err
		}
		f.members = append(f.members, &member{Member: m})
		if err := f.start(ctx, f.members[i]); err != nil {
			return err
		}
	}
	loading, stop := context.WithCancel(ctx)
	defer stop()
	f.load = make(chan error, 1)
	go func() {
		l := &workload.Load{Brokers: f.Brokers, Topic: f.app.Source, Seed: f.o.seed, Customers: f.o.customers, Rate: f.o.rate}
		var err error
		f.sent, err = l.Run(loading)
		f.load <- err
	}()
	if err := f.pause(ctx, f.o.await+f.o.window); err != nil {
		return err
	}
	for round := range f.o.rounds {
		m := f.members[round%len(f.members)]
		for _, step := range []func(context.Context, *member) error{f.nothing, f.leaves, f.joins, f.dies, f.joins, f.diesAndIsBack, f.losesItsData} {
			if err := step(ctx, m); err != nil {
				return err
			}
		}
	}
	stop()
	if err := <-f.load; err != nil {
		return err
	}
	f.table.print(os.Stdout)
	failed := []error{f.Rest(ctx, f.app, f.watch, f.sent.Last, "end", 2*time.Minute)}
	for _, m := range f.members {
		failed = append(failed, m.process.Stop(stopTimeout))
	}
	return stand.Together(append(failed, f.audited(ctx), f.table.within(f.o.untouched, f.o.moved))...)
}

func (f *fleet) start(ctx context.Context, m *member) (err error) {
	if m.process, err = f.Start(m.Member, "WEND_STANDBY="+strconv.Itoa(f.o.standby)); err != nil {
		return err
	}
	return m.process.Ready(ctx, readyTimeout)
}

// pause lets the load go on.
func (f *fleet) pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case err := <-f.load:
		return fmt.Errorf("the load ended: %w", err)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// during has something done and measures the pauses around it.
func (f *fleet) during(ctx context.Context, what string, do func() error) error {
	before := time.Now().Add(-f.o.window / 5)
	from := time.Now()
	if err := do(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if err := f.pause(ctx, f.o.window); err != nil {
		return err
	}
	to := time.Now()
	// What came by now is on the topic; the watcher sees it a moment later.
	if err := f.pause(ctx, time.Second); err != nil {
		return err
	}
	heard, err := f.heard(from, to)
	if err != nil {
		return err
	}
	f.down = append(f.down, audit.Span{From: before.UnixMilli() - 1000, To: to.UnixMilli()})
	longest := make([]stand.Silence, f.o.partitions)
	for _, s := range f.watch.Silences(before, to, 0) {
		if s.Lasted > longest[s.Partition].Lasted {
			longest[s.Partition] = s
		}
	}
	slowest := f.watch.Slowest(from, to)
	for p, s := range longest {
		f.table.add(what, p, s, slowest[p], heard)
	}
	return nil
}

func (f *fleet) nothing(ctx context.Context, _ *member) error {
	return f.during(ctx, "undisturbed", func() error { return nil })
}

func (f *fleet) leaves(ctx context.Context, m *member) error {
	return f.during(ctx, "SIGTERM", func() error { return m.process.Stop(stopTimeout) })
}

func (f *fleet) joins(ctx context.Context, m *member) error {
	return f.during(ctx, "joins", func() error { return f.start(ctx, m) })
}

func (f *fleet) dies(ctx context.Context, m *member) error {
	return f.during(ctx, "kill -9", func() error {
		if err := m.process.Kill(); err != nil {
			return err
		}
		return f.pause(ctx, stand.SessionTimeout+time.Second)
	})
}

func (f *fleet) diesAndIsBack(ctx context.Context, m *member) error {
	return f.during(ctx, "kill -9, back at once", func() error {
		if err := m.process.Kill(); err != nil {
			return err
		}
		return f.start(ctx, m)
	})
}

func (f *fleet) losesItsData(ctx context.Context, m *member) error {
	return f.during(ctx, "kill -9, data deleted, back", func() error {
		if err := m.process.Signal(syscall.SIGKILL); err != nil {
			return err
		}
		<-m.process.Ended
		if err := os.RemoveAll(m.Data); err != nil {
			return err
		}
		return f.start(ctx, m)
	})
}

func (f *fleet) audited(ctx context.Context) error {
	au := audit.New(audit.Rules{Await: f.o.await, Slack: time.Second, Down: f.down, Letters: true})
	if err := au.ReadAll(ctx, audit.Topics{Brokers: f.Brokers, Source: f.app.Source, Actions: f.app.Actions, Letters: f.app.Letters}); err != nil {
		return err
	}
	r := au.Finish()
	r.Print(os.Stdout)
	if err := r.Problem(); err != nil {
		return stand.Wrongf("%w", err)
	}
	return nil
}
