//go:build unix

// Command takeover measures for how long shards stand still while a fleet changes: it starts a real Kafka (or takes
// one), members of the real binary with a warm standby of each shard, loads the cart workload, and has members leave,
// join, be killed and come back, several rounds of it. The pause of a shard that moves is the longest time in which nothing
// came to its action partition, so it counts everything from the last action of the old owner to the first of the new;
// that of one that stays is by how much its slowest action came behind its event. Both also
// count what the load, the broker and the machine are slow at, which the rows "undisturbed" show. In the end the
// auditor compares the topics. Exit status: 0 good, 1 an action is not as promised, or a bound was exceeded, 2 it could
// not run.
//
//	go run ./bench/takeover
//	go run ./bench/takeover --standby 0                       without standbys
//	go run ./bench/takeover --rounds 5 --untouched 50ms --moved 1s    with bounds on the medians
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
	brokers    string
	port       int
	wend       string
	dir        string
	rate       float64
	customers  int
	seed       uint64
	partitions int
	members    int
	standby    int
	rounds     int
	window     time.Duration
	await      time.Duration
	untouched  time.Duration
	moved      time.Duration
}

func parse(args []string) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("takeover", flag.ContinueOnError)
	f.StringVar(&o.brokers, "brokers", "", "a Kafka to use, host:port with commas; without it one is started")
	f.IntVar(&o.port, "port", 29292, "where a Kafka that is started listens, with the ports behind it; members' HTTP from fifty above")
	f.StringVar(&o.wend, "wend", "", "the binary; without it cmd/wend is built")
	f.StringVar(&o.dir, "dir", "", "where workspaces, data and logs go, kept; without it a temporary directory, kept when something is wrong")
	f.Float64Var(&o.rate, "rate", 5_000, "events a second")
	f.IntVar(&o.customers, "customers", workload.Customers, "customers")
	f.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "of the workload")
	f.IntVar(&o.partitions, "partitions", 6, "shards")
	f.IntVar(&o.members, "members", 3, "processes")
	f.IntVar(&o.standby, "standby", 1, "warm copies of each shard")
	f.IntVar(&o.rounds, "rounds", 3, "times that each thing is done")
	f.DurationVar(&o.window, "window", 5*time.Second, "how long is measured around each")
	f.DurationVar(&o.await, "await", 5*time.Second, "after which a cart's reminder is due")
	f.DurationVar(&o.untouched, "untouched", 0, "the most that the median pause of an untouched shard may be; 0: anything")
	f.DurationVar(&o.moved, "moved", 0, "the same of a moved one, the group's session apart")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	switch {
	case f.NArg() > 0:
		return nil, fmt.Errorf("%q is no flag", f.Arg(0))
	case o.members < 2 || o.partitions < o.members || o.rounds < 1:
		return nil, errors.New("--members from 2, --partitions at least as many, --rounds from 1")
	}
	return o, nil
}

func main() {
	stand.Main("takeover", parse, run)
	fmt.Println("PASS")
}

func run(ctx context.Context, o *options) (err error) {
	on, err := stand.New(ctx, stand.Options{Brokers: o.brokers, Port: o.port, HTTPPort: o.port + 50, Partitions: int32(o.partitions), Binary: o.wend, Dir: o.dir, Await: o.await})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, on.Close(err != nil)) }()
	fmt.Printf("seed %d, %d members, %d shards, %d standbys, %.0f events/s\n", o.seed, o.members, o.partitions, o.standby, o.rate)
	f := &fleet{Stand: on, o: o, app: stand.NewApp("takeover", "")}
	return f.run(ctx)
}
