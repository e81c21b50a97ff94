//go:build unix

// Command latency measures the time from the moment at which a purchase was to be sent to the arrival of its action at a
// consumer, open loop, on a real Kafka: for the engine on the cart workload, and in the same rounds for a stateless echo on
// kafka-go (bench/echo), which is the floor on that machine in that hour. The engine publishes coupons and reminders beside that, the echo nothing else.
//
//	go run ./bench/latency                    3 rounds at 2,000 events/s
//	go run ./bench/latency --rounds 5 --check exit status 1 beyond 2 × the echo's p50 or 3 × its p99
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"wend/bench/figures"
	"wend/bench/stand"
	"wend/bench/workload"
)

type options struct {
	stand.Options
	rate          float64
	rounds        int
	warm, measure time.Duration
	seed          uint64
	check         bool
	echo          string
}

// The most that the engine may take, in the echo's p50 and p99.
const mostP50, mostP99 = 2.0, 3.0

func parse(args []string) (*options, error) {
	o := &options{Options: stand.Options{Await: 10 * time.Second}}
	f := flag.NewFlagSet("latency", flag.ContinueOnError)
	f.StringVar(&o.Brokers, "brokers", "", "a Kafka to use, host:port with commas; without it one is started")
	f.IntVar(&o.Port, "port", 29392, "where a Kafka that is started listens")
	f.StringVar(&o.Binary, "wend", "", "the binary; without it cmd/wend is built")
	f.StringVar(&o.echo, "echo", "", "the echo's binary; without it bench/echo is built (run from the project's root)")
	f.StringVar(&o.Dir, "dir", "", "where workspaces and logs go, kept; without it a temporary directory")
	f.StringVar(&o.Figures, "figures", "", "a file to which what was measured is appended, for bench/table")
	f.Float64Var(&o.rate, "rate", 2000, "events a second")
	f.IntVar(&o.rounds, "rounds", 3, "each runs both, in turns who is first")
	f.DurationVar(&o.warm, "warm", 5*time.Second, "load before what is measured")
	f.DurationVar(&o.measure, "for", 20*time.Second, "what is measured, each time")
	f.Uint64Var(&o.seed, "seed", 1, "of the workload")
	f.BoolVar(&o.check, "check", false, fmt.Sprintf("exit status 1 where the engine takes more than %v × the echo's p50 or %v × its p99", mostP50, mostP99))
	return o, f.Parse(args)
}

func main() {
	stand.Main("latency", parse, run)
}

// peer is one of the two that are measured.
type peer struct {
	name  string
	start func(a *stand.App) (*stand.Process, error)
	all   *hdrhistogram.Histogram // over all rounds, microseconds
}

func run(ctx context.Context, o *options) (err error) {
	s, err := stand.New(ctx, o.Options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close(err != nil)) }()
	if o.echo == "" {
		o.echo = filepath.Join(s.Dir, "echo")
		cmd := exec.CommandContext(ctx, "go", "build", "-o", o.echo, ".")
		cmd.Dir = filepath.Join("bench", "echo")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build bench/echo: %w\n%s", err, out)
		}
	}
	peers := []*peer{
		{"wend", func(a *stand.App) (*stand.Process, error) {
			m, err := s.NewMember(a, "a", 0)
			if err != nil {
				return nil, err
			}
			return s.Start(m)
		}, newHistogram()},
		{"echo", func(a *stand.App) (*stand.Process, error) {
			return s.Run(filepath.Join(s.Dir, a.Name+".log"), nil, o.echo, s.Brokers, a.Name, a.Source, a.Actions)
		}, newHistogram()},
	}
	fmt.Printf("%.0f events/s, milliseconds from the intended send to the consumer\n", o.rate)
	fmt.Println("round  peer       p50     p90     p99   p99.9     max        n  producer late p99")
	for round := 1; round <= o.rounds; round++ {
		for i := range peers {
			p := peers[(i+round-1)%len(peers)]
			h, sent, err := measure(ctx, s, o, p)
			if err != nil {
				return fmt.Errorf("round %d, %s: %w", round, p.name, err)
			}
			p.all.Merge(h)
			line(fmt.Sprint(round), p.name, h, fmt.Sprintf("%.2f", sent.Late.Seconds()*1000))
		}
	}
	for _, p := range peers {
		line("all", p.name, p.all, "")
	}
	q := func(p *peer, at float64) float64 { return float64(p.all.ValueAtQuantile(at)) }
	ratio := func(at float64) float64 { return q(peers[0], at) / q(peers[1], at) }
	for _, f := range []struct {
		name string
		at   float64
	}{{"p50", 50}, {"p99", 99}, {"p999", 99.9}} {
		if err := s.Measured(figures.Figure{Name: "latency/wend_" + f.name, Value: q(peers[0], f.at) / 1000, Unit: "ms"},
			figures.Figure{Name: "latency/echo_" + f.name, Value: q(peers[1], f.at) / 1000, Unit: "ms"},
			figures.Figure{Name: "latency/ratio_" + f.name, Value: ratio(f.at), Unit: "×"}); err != nil {
			return err
		}
	}
	fmt.Printf("wend to echo: p50 %.2f ×, p90 %.2f ×, p99 %.2f ×, p99.9 %.2f ×\n", ratio(50), ratio(90), ratio(99), ratio(99.9))
	if o.check && (ratio(50) > mostP50 || ratio(99) > mostP99) {
		return stand.Wrongf("more than %v × the echo's p50 or %v × its p99", mostP50, mostP99)
	}
	return nil
}

func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, 600_000_000, 3) }

func line(round, name string, h *hdrhistogram.Histogram, late string) {
	ms := func(v int64) float64 { return float64(v) / 1000 }
	fmt.Printf("%5s  %-5s  %7.2f %7.2f %7.2f %7.2f %7.2f  %7d  %s\n", round, name, ms(h.ValueAtQuantile(50)), ms(h.ValueAtQuantile(90)), ms(h.ValueAtQuantile(99)),
		ms(h.ValueAtQuantile(99.9)), ms(h.Max()), h.TotalCount(), late)
}

// measure is one peer's part of a round, on topics of its own.
func measure(ctx context.Context, s *stand.Stand, o *options, p *peer) (*hdrhistogram.Histogram, workload.Sent, error) {
	a := stand.NewApp("latency-"+p.name, "")
	if err := s.Create(ctx, a, nil); err != nil {
		return nil, workload.Sent{}, err
	}
	r, err := listen(ctx, s.Brokers, a.Actions)
	if err != nil {
		return nil, workload.Sent{}, err
	}
	defer r.close()
	process, err := p.start(a)
	if err != nil {
		return nil, workload.Sent{}, err
	}
	defer process.End()
	for n, end := 0, time.Now().Add(time.Minute); !r.answered(stand.Partitions); n++ {
		if process.Gone() || time.Now().After(end) {
			return nil, workload.Sent{}, stand.Wrongf("no answer on every partition: %v\n%s", process.Err, process.Tail())
		}
		if _, err := workload.SendSentinels(ctx, s.Brokers, a.Source, fmt.Sprintf("probe%d", n), stand.Partitions); err != nil {
			return nil, workload.Sent{}, err
		}
		if err := stand.Pause(ctx, 250*time.Millisecond); err != nil {
			return nil, workload.Sent{}, err
		}
	}
	skip, count := int(o.rate*o.warm.Seconds()), int(o.rate*(o.warm+o.measure).Seconds())
	load := &workload.Load{Brokers: s.Brokers, Topic: a.Source, Seed: o.seed, Rate: o.rate, Count: count}
	load.StartAt(time.Now().Add(100 * time.Millisecond))
	sent, err := load.Run(ctx)
	if err != nil {
		return nil, sent, err
	}
	purchases := 0
	for i := range count {
		if workload.At(o.seed, i, workload.Customers).Kind == workload.Purchase {
			purchases++
		}
	}
	for end := time.Now().Add(20 * time.Second); r.purchasesSeen() < purchases; {
		if time.Now().After(end) {
			return nil, sent, stand.Wrongf("%d of %d purchases were answered\n%s", r.purchasesSeen(), purchases, process.Tail())
		}
		if err := stand.Pause(ctx, 20*time.Millisecond); err != nil {
			return nil, sent, err
		}
	}
	h := newHistogram()
	for _, arrival := range r.take() {
		if arrival.event >= skip {
			_ = h.RecordValue(max(1, arrival.at.Sub(load.Intended(arrival.event)).Microseconds())) // out of range is ten minutes
		}
	}
	return h, sent, process.Stop(20 * time.Second)
}
