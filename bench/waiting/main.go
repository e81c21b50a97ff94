//go:build unix

// Command waiting measures an engine for which very many customers wait, on a real Kafka, with the real binary: each has a cart whose
// reminder is years away. Once all are there, and again after a restart, it says what the engine holds in memory when it has settled,
// and how late timers of others are that come due meanwhile. No action may be missing, early, there twice or not asked for, and some of
// those who wait are asked for; otherwise nothing is said.
//
//	go run ./bench/waiting                         ten million, which takes minutes
//	go run ./bench/waiting --customers 100000 --for 10s
//
// Exit status: 0 good, 1 something is not as promised, 2 it could not run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"time"

	"wend/bench/figures"
	"wend/bench/stand"
	"wend/bench/workload"
)

type options struct {
	stand.Options
	customers, probes int
	during, settle    time.Duration
}

func parse(args []string) (*options, error) {
	o := &options{Options: stand.Options{Journeys: journeys}}
	f := flag.NewFlagSet("waiting", flag.ContinueOnError)
	o.Flags(f, 29992)
	f.IntVar(&o.customers, "customers", 10_000_000, "who wait")
	f.IntVar(&o.probes, "probes", 5000, "customers whose timers come due meanwhile, each time")
	f.DurationVar(&o.during, "for", time.Minute, "over which their timers are spread")
	f.DurationVar(&o.settle, "settle", 130*time.Second, "for which memory must not have fallen before it counts: Go collects what a load left within two minutes, and what is free goes back to the system behind that")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 || o.customers < 1 || o.probes < 100 || o.during <= 0 || o.settle <= 0 {
		return nil, errors.New("--customers from 1, --probes from 100 (there is a 99th percentile of them), --for and --settle above 0, and no arguments")
	}
	return o, nil
}

func main() {
	stand.Main("waiting", parse, run)
	fmt.Println("PASS")
}

func run(ctx context.Context, o *options) (err error) {
	s, err := stand.New(ctx, o.Options)
	if err != nil {
		return err
	}
	defer func() { err = stand.Together(err, s.Close(err != nil)) }()
	r := &runner{Stand: s, o: o, app: stand.NewApp("waiting", "")}
	if err := s.Create(ctx, r.app, nil); err != nil {
		return err
	}
	if r.member, err = s.NewMember(r.app, "a", 0); err != nil {
		return err
	}
	return r.run(ctx)
}

type runner struct {
	*stand.Stand
	o      *options
	app    *stand.App
	member *stand.Member
	due    map[string]int64 // of the probes, by event id: when, in ms since 1970
}

func (r *runner) run(ctx context.Context) error {
	r.due = map[string]int64{}
	p, err := r.begin(ctx)
	if err != nil {
		return err
	}
	if err := r.load(ctx, p); err != nil {
		return fmt.Errorf("%w\n%s", err, p.Tail())
	}
	peak := p.Peak()
	loaded, err := r.measure(ctx, p, "loaded")
	if err != nil {
		return fmt.Errorf("%w\n%s", err, p.Tail())
	}
	if err := p.Stop(time.Minute); err != nil {
		return err
	}
	if p, err = r.begin(ctx); err != nil {
		return err
	}
	restarted, err := r.measure(ctx, p, "restarted")
	if err != nil {
		return fmt.Errorf("%w\n%s", err, p.Tail())
	}
	if err := r.wait(ctx, p); err != nil {
		return err
	}
	if err := p.Stop(time.Minute); err != nil {
		return err
	}
	late, err := r.check(ctx)
	if err != nil {
		return err
	}
	slices.Sort(late)
	p50, p99, most := quantile(late, 0.5), quantile(late, 0.99), late[len(late)-1]
	fmt.Printf("%d customers wait: resident %.0f MB once loaded (%.0f at most before that), %.0f MB after a restart; %d timers due meanwhile were late by p50 %.0f ms, p99 %.0f ms, at most %.0f ms\n",
		r.o.customers, loaded/1e6, float64(peak)/1e6, restarted/1e6, len(late), p50, p99, most)
	return r.Measured(
		figures.Figure{Name: "waiting/resident_mb", Value: max(loaded, restarted) / 1e6, Unit: "MB"},
		figures.Figure{Name: "waiting/resident_loaded_mb", Value: loaded / 1e6, Unit: "MB"},
		figures.Figure{Name: "waiting/resident_restarted_mb", Value: restarted / 1e6, Unit: "MB"},
		figures.Figure{Name: "waiting/resident_peak_mb", Value: float64(peak) / 1e6, Unit: "MB"},
		figures.Figure{Name: "waiting/late_p50", Value: p50, Unit: "ms"},
		figures.Figure{Name: "waiting/late_p99", Value: p99, Unit: "ms"},
		figures.Figure{Name: "waiting/late_max", Value: most, Unit: "ms"})
}

// quantile of sorted values, of which there is at least one.
func quantile(sorted []float64, q float64) float64 {
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

// begin starts the engine, and waits until it works.
func (r *runner) begin(ctx context.Context) (*stand.Process, error) {
	p, err := r.Start(r.member)
	if err != nil {
		return nil, err
	}
	if err := p.Ready(ctx, readyTimeout); err != nil {
		return nil, err
	}
	fmt.Printf("the engine is ready after %.1f s\n", time.Since(p.Started).Seconds())
	return p, nil
}

// load gives each customer a cart, and waits until the engine has handled all of them.
func (r *runner) load(ctx context.Context, p *stand.Process) error {
	began := time.Now()
	sent := make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		sent <- workload.Carts(ctx, r.Brokers, r.app.Source, r.o.customers, func(n int) { fmt.Printf("%d of %d carts sent\n", n, r.o.customers) })
	}()
	err := r.handled(ctx, p, float64(r.o.customers), 0, sent)
	if err == nil {
		fmt.Printf("%d customers wait after %.1f s\n", r.o.customers, time.Since(began).Seconds())
	}
	return err
}
