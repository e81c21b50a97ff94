//go:build unix

// Command fire gives a fleet a bad day and holds it to its promise: three real Kafka brokers with three replicas of
// everything, three engine processes (and a fourth that comes and goes), the cart workload at a rate, and random faults one
// over another until the time is up. Then the fleet comes to rest, and the auditor (bench/audit) recomputes every action,
// immediate and timed, from the input read to its end. Exit status: 0 good, 1 something is not as promised, 2 it could not
// run. What was wrong keeps its directory: logs of every process, and fire.log with all that was done.
//
//	go run ./bench/fire --minutes 30 --rate 2500             the long form
//	go run ./bench/fire --minutes 3 --rate 500               the form for CI
//	go run ./bench/fire --minutes 3 --seed 7                 the same faults in the same order again
//	go run ./bench/fire --minutes 3 --only "kill -9,slow"    these faults alone
//	go run ./bench/fire --minutes 3 --sabotage look          with a protection taken out: must fail
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
	"wend/bench/workload"
)

type options struct {
	minutes    float64
	rate       float64
	customers  int
	malformed  int
	seed       uint64
	nodes      int
	engines    int
	partitions int
	await      time.Duration
	slack      time.Duration
	forget     time.Duration
	forgetIDs  time.Duration
	only       []string
	sabotage   string
	port       int
	wend       string
	dir        string
}

// sabotages are the protections that a build with the tag sabotage can leave out (engine/sabotage_on.go).
var sabotages = []string{"claim", "look", "again", "ask", "clock", "cursor", "journal-first"}

func parse(args []string) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("fire", flag.ContinueOnError)
	f.Float64Var(&o.minutes, "minutes", 3, "how long faults happen")
	f.Float64Var(&o.rate, "rate", 500, "events a second")
	f.IntVar(&o.customers, "customers", workload.Customers, "customers")
	f.IntVar(&o.malformed, "malformed", 1000, "beside every so many events a record that is none; 0: never")
	f.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "of the workload and of the faults")
	f.IntVar(&o.nodes, "brokers-count", 3, "brokers; of 3 each partition has three replicas, of which two must have a record")
	f.IntVar(&o.engines, "engines", 3, "engine processes, beside the one that comes and goes")
	f.IntVar(&o.partitions, "partitions", 12, "of the source, the action topic and the journal")
	f.DurationVar(&o.await, "await", 20*time.Second, "after which a cart's reminder is due")
	f.DurationVar(&o.slack, "slack", time.Second, "around a due moment in which an arrival leaves both ways open")
	f.DurationVar(&o.forget, "forget", 30*time.Second, "producer.id.expiration.ms: for Kafka's day; longer than an engine is stopped where it stands, as a day is longer than the hour that an owner trusts itself")
	f.DurationVar(&o.forgetIDs, "forget-ids", time.Minute, "transactional.id.expiration.ms: for Kafka's week")
	only := f.String("only", "", "these kinds of faults alone, with commas: "+strings.Join(kinds, ", "))
	f.StringVar(&o.sabotage, "sabotage", "", "leave a protection out; the suite must fail: "+strings.Join(sabotages, ", "))
	f.IntVar(&o.port, "port", 30300, "of the first broker; with those up to ten behind the last; engines have the ports from the fifth behind it")
	f.StringVar(&o.wend, "wend", "", "the binary; without it cmd/wend is built")
	f.StringVar(&o.dir, "dir", "", "where everything goes, kept; without it a temporary directory, kept when something is wrong")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if *only != "" {
		for k := range strings.SplitSeq(*only, ",") {
			if k = strings.TrimSpace(k); !slices.Contains(kinds, k) {
				return nil, fmt.Errorf("--only: there is no fault %q; there are: %s", k, strings.Join(kinds, ", "))
			}
			o.only = append(o.only, k)
		}
	}
	switch {
	case f.NArg() > 0:
		return nil, fmt.Errorf("%q is no flag", f.Arg(0))
	case o.minutes <= 0 || o.rate <= 0:
		return nil, errors.New("--minutes and --rate must be above zero")
	case o.nodes < 1 || o.nodes > 5 || o.engines < 1 || o.engines > 4 || o.partitions < 1:
		return nil, errors.New("--brokers-count is 1 to 5, --engines 1 to 4, --partitions 1 and up")
	case o.sabotage != "" && !slices.Contains(sabotages, o.sabotage):
		return nil, fmt.Errorf("--sabotage is one of %s", strings.Join(sabotages, ", "))
	}
	return o, nil
}

func main() {
	stand.Main("fire", parse, run)
	fmt.Println("PASS")
}

func run(ctx context.Context, o *options) (err error) {
	properties := []string{
		"broker.session.timeout.ms=6000", "broker.heartbeat.interval.ms=1000", "replica.lag.time.max.ms=5000",
		fmt.Sprintf("transactional.id.expiration.ms=%d", o.forgetIDs.Milliseconds()), "transaction.remove.expired.transaction.cleanup.interval.ms=5000",
	}
	on, err := stand.New(ctx, stand.Options{Port: o.port, Nodes: o.nodes, Behind: true, Properties: properties, HTTPPort: o.port + 5, Partitions: int32(o.partitions),
		Binary: o.wend, Dir: o.dir, Sabotage: o.sabotage, Forget: o.forget, Await: o.await})
	if err != nil {
		return err
	}
	d := &day{Stand: on, o: o}
	defer func() { err = stand.Together(err, d.leave(), on.Close(err != nil)) }()
	return d.run(ctx)
}
