//go:build unix

// Command simulate measures `wend simulate` on a log of the cart workload: events for a second of processor time, user and system,
// of the whole process, from its start to its end. The actions that it printed are audited (bench/audit) before anything is said.
//
//	go run ./bench/simulate                        a million events of 100,000 customers, three rounds
//	GOMAXPROCS=1 go run ./bench/simulate           on one core
//
// Exit status: 0 good, 1 an action is not as it must be, 2 it could not run.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"wend/bench/figures"
	"wend/bench/stand"
	"wend/bench/workload"
)

const (
	await = 30 * time.Minute      // of the cart's reminders
	step  = 10 * time.Millisecond // from an event to the next
)

type options struct {
	wend, dir, figures        string
	customers, events, rounds int
	seed                      uint64
}

func parse(args []string) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("simulate", flag.ContinueOnError)
	f.StringVar(&o.wend, "wend", "", "the binary; without it cmd/wend is built")
	f.StringVar(&o.dir, "dir", "", "where the log and the actions go, kept; without it a temporary directory")
	f.StringVar(&o.figures, "figures", "", "a file to which the medians of what was measured are appended, for bench/table")
	f.IntVar(&o.customers, "customers", workload.Customers, "whose events they are")
	f.IntVar(&o.events, "events", 1_000_000, "in the log")
	f.IntVar(&o.rounds, "rounds", 3, "runs, one after another")
	f.Uint64Var(&o.seed, "seed", 1, "of the workload")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 || o.customers < 1 || o.events < 1 || o.rounds < 1 {
		return nil, errors.New("--customers, --events and --rounds from 1, and no arguments")
	}
	return o, nil
}

func main() {
	stand.Main("simulate", parse, run)
	fmt.Println("PASS")
}

func run(ctx context.Context, o *options) (err error) {
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "wend-simulate-"); err != nil {
			return err
		}
		defer func() {
			if err == nil {
				err = os.RemoveAll(o.dir)
			}
		}()
	}
	if o.wend == "" {
		o.wend = filepath.Join(o.dir, "wend")
		if err := stand.Build(ctx, o.wend, ""); err != nil {
			return err
		}
	}
	w := &workload.Workspace{App: "simulate", Brokers: "127.0.0.1:9092", Source: "events", Actions: "actions", DataDir: "./data", HTTP: "127.0.0.1:0", Await: await}
	workspace, log := filepath.Join(o.dir, "workspace"), filepath.Join(o.dir, "events.jsonl")
	if err := w.Write(workspace); err != nil {
		return err
	}
	if err := o.writeLog(log); err != nil {
		return err
	}
	var all []used
	for round := 1; round <= o.rounds; round++ {
		actions := filepath.Join(o.dir, fmt.Sprintf("actions-%d.jsonl", round))
		u, err := simulate(ctx, o.wend, workspace, log, actions)
		if err != nil {
			return err
		}
		if err := o.check(actions); err != nil {
			return err
		}
		fmt.Printf("round %d: %.0f events/CPU-s, %.2f s of processor, %.2f s by the clock, resident %.0f MB at most\n",
			round, float64(o.events)/u.cpu.Seconds(), u.cpu.Seconds(), u.wall.Seconds(), float64(u.resident)/1e6)
		all = append(all, u)
	}
	if o.figures == "" {
		return nil
	}
	slices.SortFunc(all, func(a, b used) int { return int(a.cpu - b.cpu) })
	middle := all[len(all)/2]
	return figures.Append(o.figures,
		figures.Figure{Name: "simulate/events_per_cpu_s", Value: float64(o.events) / middle.cpu.Seconds(), Unit: "events/CPU-s"},
		figures.Figure{Name: "simulate/resident_mb", Value: float64(middle.resident) / 1e6, Unit: "MB"})
}

// at is the time of event i, in milliseconds since 1970.
func at(i int) int64 { return workload.Epoch + int64(i)*step.Milliseconds() }

// line is event i of the log, without the end of the line.
func (o *options) line(dst []byte, i int) []byte {
	return workload.AppendJSON(dst, i, workload.At(o.seed, i, o.customers), at(i))
}

func (o *options) writeLog(path string) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	w := bufio.NewWriterSize(file, 1<<20)
	var line []byte
	for i := range o.events {
		line = append(o.line(line[:0], i), '\n')
		if _, err := w.Write(line); err != nil {
			return err
		}
	}
	return w.Flush()
}

// used is what a run took.
type used struct {
	cpu, wall time.Duration
	resident  int64 // bytes, at most
}

// simulate runs the command on a log, its actions in a file.
func simulate(ctx context.Context, wend, workspace, log, actions string) (u used, err error) {
	out, err := os.Create(actions)
	if err != nil {
		return u, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	cmd := exec.CommandContext(ctx, wend, "simulate", workspace, "--events", log)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return u, fmt.Errorf("wend simulate: %w", err)
	}
	u.wall, u.cpu = time.Since(began), cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return u, errors.New("the system does not tell what a process used")
	}
	u.resident = resident(usage)
	return u, nil
}
