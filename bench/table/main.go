//go:build unix

// Command table reproduces the performance table: each of its rows (rows.go) is what a bench measures, on a real Kafka,
// with the real binary. It runs them in rounds, row after row and then again, and writes min, median and max of each as
// Markdown, with the machine, beside what is promised. Nothing else should be at work on the machine.
//
//	go run ./bench/table                              five rounds, everything
//	go run ./bench/table --list                       the rows and their commands
//	go run ./bench/table --quick --rounds 1           small sizes, to see that it runs
//	go run ./bench/table --only restart --out bench/results/2026-11-29-restart.md --check
//	go run ./bench/table --peers DIR                  beside it, other engines by the programs in DIR
//
// Exit status: 0 good, 1 a command failed or, with --check, a row is not as promised; 2 it could not run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"wend/bench/figures"
	"wend/bench/measure"
	"wend/bench/stand"
)

type options struct {
	rounds             int
	only               *regexp.Regexp
	quick, check, list bool
	out, dir           string
	wend, peers        string
}

func parse(args []string) (*options, error) {
	o := &options{}
	only := ""
	f := flag.NewFlagSet("table", flag.ContinueOnError)
	f.IntVar(&o.rounds, "rounds", 5, "how often each row's command runs")
	f.StringVar(&only, "only", "", "a regular expression: rows whose names it matches")
	f.BoolVar(&o.quick, "quick", false, "small sizes, to see that it runs; targets do not hold for them")
	f.BoolVar(&o.check, "check", false, "exit status 1 where a median is not as promised")
	f.BoolVar(&o.list, "list", false, "print the rows and their commands, and run none")
	f.StringVar(&o.out, "out", "", "a file for the table, written anew behind each round")
	f.StringVar(&o.dir, "dir", "", "where figures and outputs of the commands go, kept; without it a temporary directory, kept when something fails")
	f.StringVar(&o.wend, "wend", "", "the binary; without it cmd/wend is built (run from the project's root)")
	f.StringVar(&o.peers, "peers", "", "a directory of programs (build.sh, broker.sh, run.sh) that run other engines on the same workload: adds rows that compare")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 || o.rounds < 1 {
		return nil, errors.New("--rounds from 1, and no arguments")
	}
	if o.check && o.quick {
		return nil, errors.New("--check and --quick: no target holds for small sizes")
	}
	var err error
	if o.only, err = regexp.Compile(only); err != nil {
		return nil, fmt.Errorf("--only: %w", err)
	}
	return o, nil
}

// chosen are the rows to run.
func (o *options) chosen() (all []row, err error) {
	from := rows
	if o.peers != "" {
		from = append(from[:len(from):len(from)], peerRows...)
	}
	for _, r := range from {
		if o.only.MatchString(r.name) {
			all = append(all, r)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("--only %s: no row has such a name (--list prints them)", o.only)
	}
	return all, nil
}

func main() {
	stand.Main("table", parse, run)
}

func run(ctx context.Context, o *options) (err error) {
	chosen, err := o.chosen()
	if err != nil {
		return err
	}
	if o.list {
		fmt.Print(list(chosen, o.quick))
		return nil
	}
	h := heading{date: time.Now().UTC().Format(time.DateOnly), machine: measure.Look(ctx), rounds: o.rounds, quick: o.quick}
	dir := o.dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "wend-table-"); err != nil {
			return err
		}
		defer func() {
			if err == nil {
				err = os.RemoveAll(dir)
			}
		}()
	} else if err = os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	run, done, err := o.runner(ctx, dir, chosen)
	if err != nil {
		return err
	}
	defer func() { err = stand.Together(err, done()) }()
	write := func(c *collection) error {
		if o.out == "" {
			return nil
		}
		return os.WriteFile(o.out, []byte(render(h, c.summarize(chosen))), 0o644)
	}
	c, err := collect(ctx, chosen, o.rounds, o.quick, run, os.Stderr, write)
	all := c.summarize(chosen)
	fmt.Print(render(h, all))
	if err != nil {
		return err
	}
	return verdict(all, o.check)
}

// list is the rows, and below those that have their commands in common these.
func list(rows []row, quick bool) string {
	var b strings.Builder
	for i := range rows {
		r := &rows[i]
		fmt.Fprintln(&b, strings.TrimSpace(fmt.Sprintf("%s (%s) %s", r.name, r.unit, r.bound.text(r.unit))))
		if i+1 < len(rows) && slices.Equal(r.commands(), rows[i+1].commands()) {
			continue
		}
		for _, c := range r.commands() {
			fmt.Fprintf(&b, "    %s\n", c.line(quick))
		}
	}
	return b.String()
}

// runner builds what the rows need. Its owner calls done.
func (o *options) runner(ctx context.Context, dir string, chosen []row) (run runner, done func() error, err error) {
	var lines []string
	others := false
	for _, c := range commandsOf(chosen) {
		if line := c.line(o.quick); strings.HasPrefix(line, peerProgram) {
			others = true
		} else {
			lines = append(lines, line)
		}
	}
	fmt.Fprintln(os.Stderr, "building")
	benches, err := measure.Build(ctx, dir, o.wend, lines)
	if err != nil {
		return nil, nil, err
	}
	if !others {
		return benches.Run, func() error { return nil }, nil
	}
	p, err := openPeers(ctx, o.peers, benches.Dir, benches.Wend)
	if err != nil {
		return nil, nil, err
	}
	return func(ctx context.Context, line string) ([]figures.Figure, error) {
		if strings.HasPrefix(line, peerProgram) {
			return p.run(ctx, line)
		}
		return benches.Run(ctx, line)
	}, p.close, nil
}
