//go:build unix

// Command throughput measures what an event costs: how many of them the real binary handles with a second of processor time, what it
// holds in memory, and what the broker spends beside it, on a real Kafka. The source is filled once; each round is an engine that
// nobody knows yet, on the same source. What is measured goes from the first sample in which events are handled to the
// first in which all are, and their actions on their topic. Then all actions are compared with those that must be there; nothing
// is printed of a round in which one is missing, there twice or not asked for.
//
//	go run ./bench/throughput                                           the cart workload, three rounds
//	go run ./bench/throughput --workload unwanted                       events that no journey wants
//	go run ./bench/throughput --workload journeys --journeys 100        so many journeys that want the same events
//
// Exit status: 0 good, 1 something is not as promised, 2 it could not run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"wend/bench/stand"
	"wend/bench/workload"
)

type options struct {
	stand.Options
	work      work
	customers int
	events    int
	rounds    int
	seed      uint64
}

func parse(args []string) (*options, error) {
	o := &options{Options: stand.Options{Await: await}}
	name, journeys, partitions := "", 0, 0
	f := flag.NewFlagSet("throughput", flag.ContinueOnError)
	o.Flags(f, 29892)
	f.StringVar(&name, "workload", "cart", "cart, unwanted or journeys")
	f.IntVar(&o.customers, "customers", workload.Customers, "whose events they are")
	f.IntVar(&o.events, "events", 2_000_000, "in the source")
	f.IntVar(&o.rounds, "rounds", 3, "engines, one after another")
	f.IntVar(&journeys, "journeys", 10, "of the workload journeys")
	f.IntVar(&partitions, "partitions", stand.Partitions, "of each topic")
	f.Uint64Var(&o.seed, "seed", 1, "of the workload")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 || o.customers < 1 || o.events < 1 || o.rounds < 1 || journeys < 1 || partitions < 1 {
		return nil, errors.New("--customers, --events, --rounds, --journeys and --partitions from 1, and no arguments")
	}
	o.Partitions = int32(partitions)
	var err error
	if o.work, err = workNamed(name, journeys); err != nil {
		return nil, err
	}
	o.Journeys = o.work.journeys()
	return o, nil
}

func main() {
	stand.Main("throughput", parse, run)
	fmt.Println("PASS")
}

func run(ctx context.Context, o *options) (err error) {
	s, err := stand.New(ctx, o.Options)
	if err != nil {
		return err
	}
	defer func() { err = stand.Together(err, s.Close(err != nil)) }()
	r := &runner{Stand: s, o: o}
	source, err := r.fill(ctx)
	if err != nil {
		return err
	}
	var all []measured
	for round := 1; round <= o.rounds; round++ {
		m, err := r.round(ctx, source)
		if err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
		fmt.Println(heading)
		fmt.Println(m.line(round))
		all = append(all, m)
	}
	return s.Measured(figuresOf(o.work.name, all)...)
}

type runner struct {
	*stand.Stand
	o *options
}

// fill makes the source: the workload's events, and behind them a purchase in each partition.
func (r *runner) fill(ctx context.Context) (source string, err error) {
	a := stand.NewApp("throughput", "")
	if err := r.Create(ctx, a, nil); err != nil {
		return "", err
	}
	began := time.Now()
	fill := &workload.Fill{Brokers: r.Brokers, Topic: a.Source, Count: r.o.events, Event: r.event,
		Told: func(sent int) { fmt.Printf("%d of %d events sent\n", sent, r.o.events) }}
	if err := fill.Run(ctx); err != nil {
		return "", err
	}
	if _, err := workload.SendSentinels(ctx, r.Brokers, a.Source, "end", r.o.Partitions); err != nil {
		return "", err
	}
	fmt.Printf("%d events of %d customers are in the source after %.1f s\n", r.o.events, r.o.customers, time.Since(began).Seconds())
	return a.Source, nil
}

func (r *runner) event(i int) workload.Event {
	return r.o.work.event(workload.At(r.o.seed, i, r.o.customers))
}

// records of the source.
func (r *runner) records() int { return r.o.events + int(r.o.Partitions) }
