//go:build unix

// Command restart measures how long an engine with very many waiting customers is away: killed and started again on its
// disk, and started with its data deleted, so that everything comes from the journal. On a real Kafka, with the real
// binary: each customer gets a cart whose reminder is far away; then come the restarts, in turns. What is measured goes
// from the start of the process to the moment at which the last partition has published the answer to a purchase that
// was made meanwhile. It also says what a waiting customer takes on disk and in the journal.
//
//	go run ./bench/restart                        a million customers, three rounds
//	go run ./bench/restart --customers 100000 --check
//
// Exit status: 0 good, 1 something is not as promised, 2 it could not run.
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"wend/bench/figures"
	"wend/bench/stand"
	"wend/bench/workload"
)

type options struct {
	stand.Options
	customers int
	rounds    int
	check     bool
}

// The most that the medians may be for a million customers.
const mostOnDisk, mostFromJournal = 2 * time.Second, 15 * time.Second

const (
	fillTimeout    = 10 * time.Minute
	restartTimeout = 5 * time.Minute
)

func parse(args []string) (*options, error) {
	o := &options{Options: stand.Options{Await: 24 * time.Hour}}
	f := flag.NewFlagSet("restart", flag.ContinueOnError)
	o.Flags(f, 29692)
	f.IntVar(&o.customers, "customers", 1_000_000, "customers who wait")
	f.IntVar(&o.rounds, "rounds", 3, "restarts of each kind")
	f.BoolVar(&o.check, "check", false, fmt.Sprintf("exit status 1 where the medians are above %v on disk or %v from the journal", mostOnDisk, mostFromJournal))
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 || o.customers < 1 || o.rounds < 1 {
		return nil, errors.New("--customers and --rounds from 1, and no arguments")
	}
	return o, nil
}

func main() {
	stand.Main("restart", parse, run)
	fmt.Println("PASS")
}

func run(ctx context.Context, o *options) (err error) {
	s, err := stand.New(ctx, o.Options)
	if err != nil {
		return err
	}
	defer func() { err = stand.Together(err, s.Close(err != nil)) }()
	r := &runner{Stand: s, o: o, app: stand.NewApp("restart", "")}
	if err := s.Create(ctx, r.app, nil); err != nil {
		return err
	}
	if r.watch, err = s.Watch(ctx, r.app); err != nil {
		return err
	}
	defer r.watch.Close()
	if r.member, err = s.NewMember(r.app, "a", 0); err != nil {
		return err
	}
	return r.run(ctx)
}

type runner struct {
	*stand.Stand
	o      *options
	app    *stand.App
	watch  *stand.Watcher
	member *stand.Member
	starts int
}

func (r *runner) run(ctx context.Context) error {
	p, err := r.Start(r.member)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := workload.Carts(ctx, r.Brokers, r.app.Source, r.o.customers, nil); err != nil {
		return err
	}
	if _, err := r.answered(ctx, fillTimeout); err != nil {
		return err
	}
	fmt.Printf("%d customers wait after %.1f s\n", r.o.customers, time.Since(began).Seconds())
	var disk, journal []time.Duration
	var resident int64
	for round := 1; round <= r.o.rounds; round++ {
		took, next, err := r.restart(ctx, p, false)
		if err != nil {
			return err
		}
		disk, p = append(disk, took), next
		took, next, err = r.restart(ctx, p, true)
		if err != nil {
			return err
		}
		journal, p = append(journal, took), next
		memory := p.Memory()
		resident = max(resident, memory)
		fmt.Printf("round %d: on its disk %.2f s, from the journal alone %.2f s, resident %d MiB\n", round, disk[round-1].Seconds(), took.Seconds(), memory>>20)
	}
	if err := r.restored(r.o.rounds); err != nil {
		return err
	}
	if err := p.Stop(time.Minute); err != nil {
		return err
	}
	if err := r.sizes(ctx); err != nil {
		return err
	}
	if err := r.Measured(figures.Figure{Name: "restart/on_disk_s", Value: median(disk).Seconds(), Unit: "s"},
		figures.Figure{Name: "restart/from_journal_s", Value: median(journal).Seconds(), Unit: "s"},
		figures.Figure{Name: "restart/resident_mb", Value: float64(resident) / 1e6, Unit: "MB"}); err != nil {
		return err
	}
	fmt.Printf("%d customers, from the start of the process to the first action of every partition, s: on its disk %s; from the journal alone %s\n",
		r.o.customers, spread(disk), spread(journal))
	if r.o.check && (median(disk) > mostOnDisk || median(journal) > mostFromJournal) {
		return stand.Wrongf("more than %v on its disk or %v from the journal", mostOnDisk, mostFromJournal)
	}
	return nil
}

// answered has somebody on each partition buy something, and says when the last of the answers was appended.
func (r *runner) answered(ctx context.Context, timeout time.Duration) (time.Time, error) {
	r.starts++
	since := time.Now()
	ids, err := workload.SendSentinels(ctx, r.Brokers, r.app.Source, fmt.Sprintf("start%d", r.starts), stand.Partitions)
	if err != nil {
		return since, err
	}
	if !r.watch.Until(ctx, timeout, func() bool { return r.watch.Answered(ids) }) {
		return since, stand.Wrongf("not every partition had an answer within %v", timeout)
	}
	return r.watch.AllSince(since), nil
}

// restart kills the engine, deletes its data or does not, and starts it again.
func (r *runner) restart(ctx context.Context, p *stand.Process, empty bool) (time.Duration, *stand.Process, error) {
	if err := p.Kill(); err != nil {
		return 0, nil, err
	}
	if empty {
		if err := os.RemoveAll(r.member.Data); err != nil {
			return 0, nil, err
		}
	}
	p, err := r.Start(r.member)
	if err != nil {
		return 0, nil, err
	}
	at, err := r.answered(ctx, restartTimeout)
	if err != nil {
		return 0, nil, fmt.Errorf("%w\n%s", err, p.Tail())
	}
	return at.Sub(p.Started), p, nil
}

// restored looks whether each start without data said how far it was; one that is over before that is due says what it was
// when it claims a shard.
func (r *runner) restored(rounds int) error {
	logs, err := filepath.Glob(filepath.Join(r.member.Dir, "run-*.log"))
	if err != nil {
		return err
	}
	told := 0
	for _, path := range logs {
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		lines := bufio.NewScanner(bytes.NewReader(b))
		lines.Buffer(nil, 1<<20)
		last := ""
		for lines.Scan() {
			text := lines.Text()
			claimed := strings.Contains(text, `"msg":"shard claimed"`) && !strings.Contains(text, `"restored":0,`)
			if claimed || strings.Contains(text, `"msg":"restoring"`) || strings.Contains(text, `"msg":"restored`) {
				last = text
			}
		}
		if last != "" {
			told++
			fmt.Println(last)
		}
	}
	if r.o.customers >= 1_000_000 && told < rounds {
		return stand.Wrongf("%d starts without data, and %d of them told how far they were", rounds, told)
	}
	return nil
}

// sizes prints and notes what a waiting customer takes.
func (r *runner) sizes(ctx context.Context) error {
	var view int64
	if err := filepath.WalkDir(r.member.Data, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			view += info.Size()
		}
		return err
	}); err != nil {
		return err
	}
	dirs, err := r.Admin.DescribeAllLogDirs(ctx, nil)
	if err != nil {
		return err
	}
	var journal int64
	for _, broker := range dirs {
		for _, dir := range broker {
			for topic, partitions := range dir.Topics {
				for _, p := range partitions {
					if topic == r.app.Journal {
						journal += p.Size
					}
				}
			}
		}
	}
	n := float64(r.o.customers)
	fmt.Printf("bytes for a waiting customer: view %.0f, journal %.0f (as written, not compacted)\n", float64(view)/n, float64(journal)/n)
	return r.Measured(figures.Figure{Name: "restart/view_bytes", Value: float64(view) / n, Unit: "B"},
		figures.Figure{Name: "restart/journal_bytes", Value: float64(journal) / n, Unit: "B"})
}

func median(all []time.Duration) time.Duration {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}

// spread is least, median and most, in seconds.
func spread(all []time.Duration) string {
	return fmt.Sprintf("%.2f / %.2f / %.2f", slices.Min(all).Seconds(), median(all).Seconds(), slices.Max(all).Seconds())
}
