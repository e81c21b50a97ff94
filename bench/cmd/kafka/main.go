//go:build unix

// Command kafka starts and stops a real Apache Kafka on loopback, without a container engine (package realkafka):
//
//	go run ./bench/cmd/kafka start DIR [NODES] [PORT]   prints the bootstrap list when every broker serves requests
//	go run ./bench/cmd/kafka stop DIR                   stops every broker
//	go run ./bench/cmd/kafka kill DIR NODE              kill -9 of one broker, from 1
//	go run ./bench/cmd/kafka pause DIR NODE             SIGSTOP; resume DIR NODE lets it go on
//	go run ./bench/cmd/kafka revive DIR NODE            starts a killed broker on its own data
//	go run ./bench/cmd/kafka jars                       fetches the jars only
//
// start takes -property KEY=VALUE, any number of times, and -heap SIZE, before DIR.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	realkafka "wend/bench/kafka"
)

const usage = `usage: kafka start [-property KEY=VALUE]... [-heap SIZE] DIR [NODES] [PORT]
       kafka stop DIR
       kafka kill|pause|resume|revive DIR NODE
       kafka jars
`

var errUsage = errors.New("usage")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if errors.Is(err, errUsage) {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "kafka:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errUsage
	}
	switch verb, args := args[0], args[1:]; verb {
	case "start":
		return start(ctx, args)
	case "jars":
		dir, err := realkafka.Jars(ctx)
		if err == nil {
			fmt.Println(dir)
		}
		return err
	case "stop":
		if len(args) != 1 {
			return errUsage
		}
		c, err := realkafka.Open(args[0])
		if err != nil {
			return err
		}
		return c.Stop()
	case "kill", "pause", "resume", "revive":
		if len(args) != 2 {
			return errUsage
		}
		node, err := strconv.Atoi(args[1])
		if err != nil {
			return fmt.Errorf("%q is not the number of a node", args[1])
		}
		c, err := realkafka.Open(args[0])
		if err != nil {
			return err
		}
		switch verb {
		case "kill":
			return c.Kill(node)
		case "pause":
			return c.Pause(node)
		case "resume":
			return c.Resume(node)
		}
		return c.Revive(ctx, node)
	}
	return errUsage
}

func start(ctx context.Context, args []string) error {
	var o realkafka.Options
	flags := flag.NewFlagSet("start", flag.ContinueOnError)
	flags.Usage = func() {}
	flags.StringVar(&o.Heap, "heap", "", "")
	flags.Func("property", "", func(p string) error {
		if !strings.Contains(p, "=") {
			return errors.New("not KEY=VALUE")
		}
		o.Properties = append(o.Properties, p)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return errUsage
	}
	args = flags.Args()
	if len(args) < 1 || len(args) > 3 {
		return errUsage
	}
	for i, n := range []*int{&o.Nodes, &o.Port} {
		if len(args) < i+2 {
			break
		}
		v, err := strconv.Atoi(args[i+1])
		if err != nil || v < 1 || v > 65500 {
			return errUsage
		}
		*n = v
	}
	c, err := realkafka.Start(ctx, args[0], o)
	if err != nil {
		return err
	}
	fmt.Println(c.Bootstrap())
	return nil
}
