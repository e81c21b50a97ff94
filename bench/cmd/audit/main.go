// Command audit compares what an engine published with what the cart workload's journeys ask for (package audit), on topics
// that are at rest. Exit status: 0 all is as it must be, 1 it is not, 2 it could not look.
//
//	go run ./bench/cmd/audit --brokers 127.0.0.1:9092 --source events --actions actions.shop --await 10s
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"wend/bench/audit"
)

func main() {
	var t audit.Topics
	var rules audit.Rules
	f := flag.NewFlagSet("audit", flag.ContinueOnError)
	f.StringVar(&t.Brokers, "brokers", "127.0.0.1:9092", "host:port, with commas")
	f.StringVar(&t.Source, "source", "events", "topic of events; message.timestamp.type=LogAppendTime")
	f.StringVar(&t.Actions, "actions", "actions.shop", "topic of actions; message.timestamp.type=LogAppendTime")
	f.StringVar(&t.Letters, "dead-letter", "", "topic of dead letters, when they are to be looked at")
	f.DurationVar(&rules.Await, "await", 10*time.Second, "of the journey j2")
	f.DurationVar(&rules.Slack, "slack", time.Second, "around a due moment in which an arrival leaves both ways open")
	f.Int64Var(&rules.Until, "until", 0, "timers due later, in ms since 1970, may have fired or not; 0: all must have")
	if err := f.Parse(os.Args[1:]); errors.Is(err, flag.ErrHelp) {
		return
	} else if err != nil {
		os.Exit(2)
	}
	rules.Letters = t.Letters != ""
	a := audit.New(rules)
	if err := a.ReadAll(context.Background(), t); err != nil {
		fmt.Fprintln(os.Stderr, "audit:", err)
		os.Exit(2)
	}
	r := a.Finish()
	r.Print(os.Stdout)
	if err := r.Problem(); err != nil {
		fmt.Fprintln(os.Stderr, "audit:", err)
		os.Exit(1)
	}
}
