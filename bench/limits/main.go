//go:build unix

// Command limits loads the real engine beyond what a good day brings, on a real Kafka, and shows that the others do not
// pay for it: while a million timers are due in one second, while one customer has most of the events, while events are
// giant or documents outgrow their bound, and while the action topic or the journal is slow. Beside each of them runs a
// probe, customers who buy something at a steady rate, measured open loop from the moment at which the purchase was to
// be sent to the arrival of its action. All of it is audited (bench/audit), and the engine's memory is watched.
//
//	go run ./bench/limits                              all of them
//	go run ./bench/limits --only timers --customers 1000000
//	go run ./bench/limits --customers 100000 --check   the form for CI
//
// Exit status: 0 good, 1 something is not as promised, 2 it could not run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"

	"wend/bench/stand"
)

type options struct {
	stand.Options
	only      string
	customers int
	seed      uint64
	await     time.Duration // of the timers; 0: as the customers need
	idle      time.Duration
	check     bool
}

// mostMemory is what the engine may hold in any of the scenarios, in MiB.
const mostMemory = 1536

// mostTimersP99 bounds the probe's p99 while timers by the million fire, in idle p99s.
const mostTimersP99 = 5.0

// scenario is one kind of hardship.
type scenario struct {
	name string
	run  func(context.Context, *limits) error
}

func parse(args []string) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("limits", flag.ContinueOnError)
	f.IntVar(&o.Port, "port", 29492, "where the Kafka that is started listens, with the ports behind it")
	f.StringVar(&o.Binary, "wend", "", "the binary; without it cmd/wend is built")
	f.StringVar(&o.Dir, "dir", "", "where everything goes, kept; without it a temporary directory")
	f.StringVar(&o.Figures, "figures", "", "a file to which what the timers took is appended, for bench/table")
	f.StringVar(&o.only, "only", "", "scenarios to run, with commas")
	f.IntVar(&o.customers, "customers", 1_000_000, "customers whose timers are due in the same second")
	f.Uint64Var(&o.seed, "seed", 1, "of the workload")
	f.DurationVar(&o.await, "await", 0, "from the first cart to the second in which the timers are due; 0: a minute and a second for every 20,000 customers")
	f.DurationVar(&o.idle, "idle", 10*time.Second, "for which the probe is measured by itself")
	f.BoolVar(&o.check, "check", false, fmt.Sprintf("exit status 1 also where the probe's p99 among the timers is over %v × its idle value", mostTimersP99))
	return o, f.Parse(args)
}

func main() {
	stand.Main("limits", parse, run)
	fmt.Println("PASS")
}

func run(ctx context.Context, o *options) error {
	all := []scenario{{"timers", timers}, {"hot", hot}, {"giant", giant}, {"slow-actions", slowActions}, {"slow-journal", slowJournal}}
	var failed []error
	for _, s := range all {
		if o.only != "" && !slices.Contains(strings.Split(o.only, ","), s.name) {
			continue
		}
		fmt.Printf("--- %s\n", s.name)
		if err := one(ctx, o, s); err != nil {
			var wrong *stand.Wrong
			if !errors.As(err, &wrong) {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			fmt.Println("wrong:", err)
			failed = append(failed, stand.Wrongf("%s: %w", s.name, err))
		}
	}
	return stand.Together(failed...)
}

func one(ctx context.Context, o *options, s scenario) (err error) {
	l := &limits{o: o, await: 10 * time.Second}
	if s.name == "timers" {
		if l.await = o.await; l.await == 0 {
			l.await = time.Minute + time.Duration(o.customers/20)*time.Millisecond // the carts must all be filled before
		}
	}
	if err := l.open(ctx, s.name); err != nil {
		return errors.Join(err, l.close(true))
	}
	defer func() { err = errors.Join(err, l.close(err != nil)) }()
	if err := s.run(ctx, l); err != nil {
		return err
	}
	return l.verdict(ctx)
}
