//go:build unix

// Command crash holds the engine to its promise while it is being killed: it starts a real Kafka (or takes one), the real
// binary as a process, loads the cart workload, kills, wipes, stalls or cuts off the engine as its flags say, lets it come
// to rest, and has the auditor (bench/audit) compare the topics. Exit status: 0 good, 1 something is not as promised,
// 2 it could not run.
//
//	go run ./bench/crash                                    five kills -9 under 20,000 events/s, the data deleted once
//	go run ./bench/crash --rate 5000 --kills 5 --stall      the form for CI
//	go run ./bench/crash --kills 0 --stall                  an owner stopped beyond its session, then woken
//	go run ./bench/crash --kills 1 --proxy-drop 50          every 50th produce answer lost
//	go run ./bench/crash --kills 0 --journal-clean          the journal compacted by the broker, then the data deleted
//	go run ./bench/crash --unit-events 1                    one event a unit: the same action ids
//	go run ./bench/crash --downtime-unread                  a purchase unread while the engine is down: no reminder
//	go run ./bench/crash --downtime-unread --await 30m --down 1h    the same for an hour
//	go run ./bench/crash --stall --sabotage claim           with the claim taken out: must fail
//	go run ./bench/crash --sabotage look                    with the look taken out: must fail
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
	brokers   string
	port      int
	wend      string
	dir       string
	rate      float64
	customers int
	seed      uint64
	malformed int
	await     time.Duration
	slack     time.Duration
	forget    time.Duration
	settle    time.Duration

	kills     int
	wipeAt    int
	aimed     bool
	sabotage  string
	stall     bool
	proxyDrop int
	clean     bool

	unitEvents int
	downtime   bool
	down       time.Duration
}

func parse(args []string) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("crash", flag.ContinueOnError)
	f.StringVar(&o.brokers, "brokers", "", "a Kafka to use, host:port with commas; without it one is started")
	f.IntVar(&o.port, "port", 29292, "where a Kafka that is started listens, with the ports behind it")
	f.StringVar(&o.wend, "wend", "", "the binary; without it cmd/wend is built")
	f.StringVar(&o.dir, "dir", "", "where workspaces, data and logs go, kept; without it a temporary directory, kept when something is wrong")
	f.Float64Var(&o.rate, "rate", 20_000, "events a second")
	f.IntVar(&o.customers, "customers", workload.Customers, "customers")
	f.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "of the workload and of the moments")
	f.IntVar(&o.malformed, "malformed", 1000, "beside every so many events a record that is none; 0: never")
	f.DurationVar(&o.await, "await", 10*time.Second, "after which a cart's reminder is due")
	f.DurationVar(&o.slack, "slack", time.Second, "around a due moment in which an arrival leaves both ways open")
	f.DurationVar(&o.forget, "forget", 3*time.Second, "a Kafka that is started forgets producers silent for so long; 0: Kafka's own day. "+
		"What a broker remembers hides that the engine did not look: an engine whose data was deleted is away for longer than this")
	f.DurationVar(&o.settle, "for", 5*time.Second, "how long the load goes on behind the last thing done to the engine")
	f.IntVar(&o.kills, "kills", 5, "kills -9")
	f.IntVar(&o.wipeAt, "wipe-at", 3, "the kill behind which the data directory is deleted; 0: none")
	f.BoolVar(&o.aimed, "aimed", true, "every second kill falls between the journal's acknowledgement and the publish (WEND_TEST_CRASH)")
	f.StringVar(&o.sabotage, "sabotage", "", "claim or look: leave this protection out (WEND_TEST_SABOTAGE, which only a build with the tag sabotage reads); the test must fail")
	f.BoolVar(&o.stall, "stall", false, "then a second engine, and the first stopped beyond its session and woken")
	f.IntVar(&o.proxyDrop, "proxy-drop", 0, "the engine behind a proxy that loses every so many-th produce answer; needs a Kafka of its own")
	f.BoolVar(&o.clean, "journal-clean", false, "then the journal compacted by the broker, the engine killed and its data deleted")
	f.IntVar(&o.unitEvents, "unit-events", 0, "instead of all that: the same input with units of so many events and with the default ones must give the same ids")
	f.BoolVar(&o.downtime, "downtime-unread", false, "instead of all that: purchases that lie unread beyond the reminders' due moment")
	f.DurationVar(&o.down, "down", 0, "how long the engine is down in --downtime-unread; always until the reminders are due")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	switch {
	case f.NArg() > 0:
		return nil, fmt.Errorf("%q is no flag", f.Arg(0))
	case o.proxyDrop > 0 && o.brokers != "":
		return nil, errors.New("--proxy-drop needs a listener of its own on the broker: leave --brokers out")
	case o.rate <= 0 || o.await <= 0 || o.await%time.Millisecond != 0:
		return nil, errors.New("--rate and --await must be above zero, --await in whole milliseconds")
	case o.sabotage != "" && o.sabotage != "claim" && o.sabotage != "look":
		return nil, errors.New("--sabotage is claim or look")
	}
	return o, nil
}

func main() {
	stand.Main("crash", parse, run)
	fmt.Println("PASS")
}

// runner is the stand and what is to be done on it.
type runner struct {
	*stand.Stand
	o *options
}

func run(ctx context.Context, o *options) (err error) {
	on, err := stand.New(ctx, stand.Options{Brokers: o.brokers, Port: o.port, Binary: o.wend, Dir: o.dir, Sabotage: o.sabotage, ProxyDrop: o.proxyDrop, Forget: o.forget, Await: o.await})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, on.Close(err != nil)) }()
	fmt.Printf("seed %d\n", o.seed)
	s := &runner{on, o}
	switch {
	case o.unitEvents > 0:
		return s.unitSizes(ctx)
	case o.downtime:
		return s.downtimeUnread(ctx)
	default:
		return s.underFire(ctx)
	}
}
