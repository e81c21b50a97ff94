//go:build unix

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"wend/bench/audit"
	"wend/bench/stand"
	"wend/bench/workload"
)

const (
	readyTimeout = 60 * time.Second
	firstTimeout = 30 * time.Second
	aimTimeout   = 20 * time.Second
	restTimeout  = 2 * time.Minute
)

// undecidedShare is how many of the reminders may meet an event of their customer within the slack of their due moment:
// 0.2 + 0.8/3 of a customer's events matter, at the customer's rate; and a twentieth beside that, for a producer that was
// held up.
func undecidedShare(o *options) float64 {
	return 0.05 + 0.47*o.rate/float64(o.customers)*o.slack.Seconds()
}

// fire is the test under load: one app, its load, its watcher, and what was done to its engine.
type fire struct {
	*runner
	app    *stand.App
	watch  *stand.Watcher
	random *rand.Rand
	load   *workload.Load
	sent   workload.Sent
	ended  chan error // of the load
	stop   context.CancelFunc
	lives  []*life
	down   []audit.Span
	failed []error // what is wrong beside what the auditor finds
}

// life is one run of the engine from its start to its end.
type life struct {
	number       int
	process      *stand.Process
	ready, first time.Time // first: its first action was appended
	end          time.Time
	how          string
	wiped        bool // it began without data
	actions      int  // appended while it lived
}

func (s *runner) underFire(ctx context.Context) error {
	f := &fire{runner: s, app: stand.NewApp("crash", ""), random: rand.New(rand.NewPCG(s.o.seed, 1))}
	var journal map[string]string
	if s.o.clean {
		journal = tinySegments
	}
	if err := s.Create(ctx, f.app, journal); err != nil {
		return err
	}
	var err error
	if f.watch, err = s.Watch(ctx, f.app); err != nil {
		return err
	}
	defer f.watch.Close()
	m, err := s.NewMember(f.app, "a", 0)
	if err != nil {
		return err
	}
	f.begin(ctx)
	defer f.stop()
	l, err := f.kills(ctx, m)
	if err != nil {
		return err
	}
	if s.o.clean {
		if l, err = f.cleaned(ctx, l); err != nil {
			return err
		}
	}
	running := []*stand.Process{l.process}
	if s.o.stall {
		second, err := f.stall(ctx, l.process)
		if err != nil {
			return err
		}
		running = append(running, second)
	}
	if err := f.pause(ctx, s.o.settle); err != nil {
		return err
	}
	if err := f.finish(ctx, running...); err != nil {
		return err
	}
	if s.o.clean {
		if err := f.remade(ctx, m); err != nil {
			f.failed = append(f.failed, err)
		}
	}
	f.table()
	for _, p := range s.Proxies {
		dropped, of := p.Dropped()
		fmt.Printf("proxy: %d of %d produce answers lost\n", dropped, of)
		if dropped == 0 {
			f.failed = append(f.failed, stand.Wrongf("the proxy lost nothing: this run shows nothing"))
		}
	}
	return f.verdict(ctx)
}

// begin starts the load.
func (f *fire) begin(ctx context.Context) {
	ctx, f.stop = context.WithCancel(ctx)
	f.load = &workload.Load{Brokers: f.Brokers, Topic: f.app.Source, Seed: f.o.seed, Customers: f.o.customers, Rate: f.o.rate, Malformed: f.o.malformed}
	f.ended = make(chan error, 1)
	go func() {
		var err error
		f.sent, err = f.load.Run(ctx)
		f.ended <- err
	}()
}

// pause lets the load go on for a while; a load that fails ends the test.
func (f *fire) pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case err := <-f.ended:
		return fmt.Errorf("the load ended: %w", err)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// live starts the engine and waits until it is ready and has published.
func (f *fire) live(ctx context.Context, m *stand.Member, wiped bool, env ...string) (*life, error) {
	p, err := f.Start(m, env...)
	if err != nil {
		return nil, err
	}
	l := &life{number: len(f.lives) + 1, process: p, wiped: wiped}
	f.lives = append(f.lives, l)
	if err := p.Ready(ctx, readyTimeout); err != nil {
		return nil, fmt.Errorf("start %d: %w", l.number, err)
	}
	l.ready = time.Now()
	var ok bool
	if l.first, ok = f.watch.First(ctx, p.Started, firstTimeout); !ok {
		return nil, stand.Wrongf("start %d: no action within %v of being ready\n%s", l.number, firstTimeout, p.Tail())
	}
	return l, nil
}

// over notes the end of a life.
func (f *fire) over(l *life, how string) {
	l.end, l.how = l.process.EndedAt, how
	fmt.Printf("%2d: ready after %s, first action after %s, lived %.1f s, %s\n", l.number, ms(l.ready.Sub(l.process.Started)), ms(l.first.Sub(l.process.Started)),
		l.end.Sub(l.process.Started).Seconds(), how)
}

// kills is the sequence of kills; it gives the life that goes on behind the last.
func (f *fire) kills(ctx context.Context, m *stand.Member) (*life, error) {
	wiped := true // nothing is there yet
	for k := 1; k <= f.o.kills; k++ {
		var env []string
		aimed := f.o.aimed && k%2 == 0
		if aimed {
			env = append(env, fmt.Sprintf("WEND_TEST_CRASH=after-journal:%d", 100+f.random.IntN(300)))
		}
		l, err := f.live(ctx, m, wiped, env...)
		if err != nil {
			return nil, err
		}
		how := "killed"
		if aimed {
			how = "died between journal and publish (" + env[0] + ")"
			select {
			case <-l.process.Ended:
			case <-time.After(aimTimeout):
				how = "killed: " + env[0] + " did nothing"
				f.failed = append(f.failed, stand.Wrongf("start %d: %s did not end the engine within %v", l.number, env[0], aimTimeout))
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		} else {
			from := l.ready
			if l.first.After(from) {
				from = l.first
			}
			if err := f.pause(ctx, time.Until(from.Add(2*time.Second+time.Duration(f.random.Int64N(int64(3*time.Second)))))); err != nil {
				return nil, err
			}
		}
		if err := l.process.Kill(); err != nil {
			return nil, err
		}
		if !l.process.Killed() {
			return nil, stand.Wrongf("start %d: the engine ended by itself: %v\n%s", l.number, l.process.Err, l.process.Tail())
		}
		if wiped = k == f.o.wipeAt; wiped {
			how += ", its data deleted"
			if err := os.RemoveAll(m.Data); err != nil {
				return nil, err
			}
		}
		f.over(l, how)
		if err := f.settled(ctx); err != nil {
			return nil, err
		}
	}
	return f.live(ctx, m, wiped)
}

// settled waits until what a dead engine had on the wire is on the topic: the next one's first action must be its own.
func (f *fire) settled(ctx context.Context) error {
	last := int64(-1)
	for {
		ends, err := f.Admin.ListEndOffsets(ctx, f.app.Actions)
		if err != nil {
			return err
		}
		total := int64(0)
		ends.Each(func(o kadm.ListedOffset) { total += o.Offset })
		if total == last {
			return nil
		}
		last = total
		if err := f.pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// finish ends the load, lets the engines come to rest and stops them.
func (f *fire) finish(ctx context.Context, running ...*stand.Process) error {
	f.stop()
	if err := <-f.ended; err != nil {
		return err
	}
	fmt.Printf("sent %d events and %d records that are none; the producer was late by %v at p99, %v at most\n", f.sent.Events, f.sent.Malformed,
		f.sent.Late.Round(time.Millisecond), f.sent.LateMax.Round(time.Millisecond))
	if err := f.Rest(ctx, f.app, f.watch, f.sent.Last, "end", restTimeout); err != nil {
		f.failed = append(f.failed, err)
	}
	for _, p := range running {
		if err := p.Stop(20 * time.Second); err != nil {
			f.failed = append(f.failed, err)
			p.End()
		}
	}
	for _, l := range f.lives {
		if l.end.IsZero() {
			f.over(l, "stopped by SIGTERM")
		}
	}
	return nil
}

// table says what each life brought. Actions are counted by when they were appended, so this is for when all of them
// have been seen.
func (f *fire) table() {
	fmt.Println("start  wiped  ready     first action  actions  end")
	slowest := time.Duration(0)
	for i, l := range f.lives {
		l.actions = f.watch.Between(l.process.Started, l.end.Add(time.Millisecond))
		fmt.Printf("%5d  %-5v  %-8s  %-12s  %7d  %s\n", l.number, l.wiped, ms(l.ready.Sub(l.process.Started)), ms(l.first.Sub(l.process.Started)), l.actions, l.how)
		if l.actions == 0 {
			f.failed = append(f.failed, stand.Wrongf("start %d published nothing", l.number))
		}
		if !l.wiped {
			slowest = max(slowest, l.first.Sub(l.process.Started))
		}
		from := l.process.Started
		if i > 0 {
			from = f.lives[i-1].end
		}
		f.down = append(f.down, audit.Span{From: from.UnixMilli() - f.o.slack.Milliseconds(), To: l.first.UnixMilli() + 1000})
	}
	if slowest > 0 {
		fmt.Printf("slowest first action of a restart on the same data: %s\n", ms(slowest))
	}
}

// verdict is the audit's, the journal's, and what was wrong on the way.
func (f *fire) verdict(ctx context.Context) error {
	if err := f.audited(ctx, f.app, f.down); err != nil {
		f.failed = append(f.failed, err)
	}
	if err := f.JournalKept(ctx, f.app); err != nil {
		f.failed = append(f.failed, err)
	}
	return stand.Together(f.failed...)
}

func ms(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }

// audited reads the topics and prints what is wrong.
func (s *runner) audited(ctx context.Context, a *stand.App, down []audit.Span) error {
	began := time.Now()
	au := audit.New(audit.Rules{Await: s.o.await, Slack: s.o.slack, Down: down, Letters: true})
	if err := au.ReadAll(ctx, audit.Topics{Brokers: s.Brokers, Source: a.Source, Actions: a.Actions, Letters: a.Letters}); err != nil {
		return err
	}
	r := au.Finish()
	r.Bound(undecidedShare(s.o), 20)
	r.Print(os.Stdout)
	fmt.Printf("  audited in %.1f s\n", time.Since(began).Seconds())
	if err := r.Problem(); err != nil {
		return stand.Wrongf("%w", err)
	}
	return nil
}
