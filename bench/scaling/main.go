//go:build unix

// Command scaling draws how cost grows with customers, journeys, partitions and pending timers, from what was measured. That is kept as
// data, points.jsonl, one figure of one run a line, beside the pictures; docs/scaling.md shows both.
//
//	go run ./bench/scaling                                     draw docs/plots, and print the figures as a table
//	go run ./bench/scaling --measure                           measure everything anew, three rounds, and draw
//	go run ./bench/scaling --measure --only customers --rounds 1
//
// While it measures, nothing else should be at work on the machine. Each run is kept as soon as it is over. Of the series that it
// measures, points of another commit are dropped first; those of this one are added to.
//
// Exit status: 0 good, 1 a run failed, 2 it could not run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"wend/bench/measure"
	"wend/bench/stand"
)

type options struct {
	out, wend      string
	measure, quick bool
	only           *regexp.Regexp
	rounds         int
}

func parse(args []string) (*options, error) {
	o := &options{}
	only := ""
	f := flag.NewFlagSet("scaling", flag.ContinueOnError)
	f.StringVar(&o.out, "out", "docs/plots", "the directory of points.jsonl and the pictures")
	f.StringVar(&o.wend, "wend", "", "the binary; without it cmd/wend is built (run from the project's root)")
	f.BoolVar(&o.measure, "measure", false, "measure before drawing")
	f.BoolVar(&o.quick, "quick", false, "small sizes, to see that it runs")
	f.StringVar(&only, "only", "", "a regular expression: series whose names, or NAME/X, it matches")
	f.IntVar(&o.rounds, "rounds", 3, "how often each point is measured")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 || o.rounds < 1 {
		return nil, errors.New("--rounds from 1, and no arguments")
	}
	if o.quick && (!o.measure || o.out == "docs/plots") {
		return nil, errors.New("--quick is for --measure, into another directory: what it measures is nothing to show")
	}
	var err error
	if o.only, err = regexp.Compile(only); err != nil {
		return nil, fmt.Errorf("--only: %w", err)
	}
	return o, nil
}

func main() {
	stand.Main("scaling", parse, run)
}

func run(ctx context.Context, o *options) error {
	path := filepath.Join(o.out, pointsFile)
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	var failed error
	if o.measure {
		if failed = o.measureAll(ctx, path); failed != nil && !errors.As(failed, new(*stand.Wrong)) {
			return failed
		}
	}
	points, err := readPoints(path)
	if err != nil {
		return err
	}
	pictures, err := draw(points)
	if err != nil {
		return err
	}
	for name, text := range pictures {
		if err := os.WriteFile(filepath.Join(o.out, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	fmt.Print(table(points))
	return failed
}

// errand is one run to do.
type errand struct {
	series *series
	x      int
}

// errands are those of a round, in order.
func (o *options) errands() (all []errand) {
	for i := range everything {
		s := &everything[i]
		for _, x := range s.sizes(o.quick) {
			if o.only.MatchString(fmt.Sprintf("%s/%d", s.name, x)) {
				all = append(all, errand{s, x})
			}
		}
	}
	return all
}

// measureAll runs everything in rounds, and keeps what came. A run that fails does not keep the others from running.
func (o *options) measureAll(ctx context.Context, path string) error {
	errands := o.errands()
	if len(errands) == 0 {
		return errors.New("--only matches no series")
	}
	dir, err := os.MkdirTemp("", "wend-scaling-")
	if err != nil {
		return err
	}
	var lines []string
	for _, e := range errands {
		lines = append(lines, e.series.command(e.x, o.quick))
	}
	benches, err := measure.Build(ctx, dir, o.wend, lines)
	if err != nil {
		return err
	}
	machine := measure.Look(ctx)
	if err := dropOthers(path, errands, machine.Commit); err != nil {
		return err
	}
	var failed []error
	for round := range o.rounds {
		for i, e := range errands {
			fmt.Fprintf(os.Stderr, "round %d of %d, run %d of %d: %s\n", round+1, o.rounds, i+1, len(errands), lines[i])
			got, err := benches.Run(ctx, lines[i])
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil {
				fmt.Fprintln(os.Stderr, "failed:", err)
				failed = append(failed, stand.Wrongf("%w", err))
				continue
			}
			if err := appendPoints(path, e, got, machine.Commit, time.Now().UTC()); err != nil {
				return err
			}
		}
	}
	if len(failed) > 0 {
		return stand.Together(failed...)
	}
	return os.RemoveAll(dir)
}
