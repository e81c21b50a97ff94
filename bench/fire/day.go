//go:build unix

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"wend/bench/audit"
	"wend/bench/stand"
	"wend/bench/workload"
)

// day is the test: what stands, what is done to it, and what came of it.
//
// Each thing that can fail has a track: a goroutine that alone does something to it, one fault after another, with a
// generator of its own made from the seed. So what happens to one thing, how hard and how long, is the seed's, and tracks
// overlap as they like; only the moments move with the machine, because a fault is over when what it hit works again.
type day struct {
	*stand.Stand
	o *options
	*diary

	app     *stand.App
	watch   *stand.Watcher
	engines []*engine
	guest   *engine // the member that joins and leaves
	mounts  []string

	began, ended time.Time // of the faults
	machine      usage
}

// readyTimeout is how long an engine may take to work on all its shards while other things fail; restTimeout is how long
// the fleet may take to come to the end of the source when nothing fails any more.
const (
	readyTimeout = 2 * time.Minute
	restTimeout  = 3 * time.Minute
	stopTimeout  = 30 * time.Second
	hangTimeout  = 2 * time.Minute // nothing published on a partition for this long
)

// journalConfigs have the broker compact the journal while the day goes on, and drop its tombstones.
var journalConfigs = map[string]string{
	"segment.bytes": "16777216", "segment.ms": "30000", "min.cleanable.dirty.ratio": "0.2", "min.compaction.lag.ms": "0",
	"max.compaction.lag.ms": "30000", "delete.retention.ms": "180000", "max.message.bytes": "4194304",
}

func (d *day) run(ctx context.Context) error {
	d.app = stand.NewApp("fire", "")
	if err := d.Create(ctx, d.app, journalConfigs); err != nil {
		return err
	}
	var err error
	if d.diary, err = newDiary(d.Dir); err != nil {
		return err
	}
	defer d.close()
	fmt.Printf("seed %d: %g minutes, %g events a second, %d brokers, %d engines and a guest, %d partitions\n", d.o.seed, d.o.minutes, d.o.rate, d.o.nodes, d.o.engines, d.o.partitions)
	if d.watch, err = d.Watch(ctx, d.app); err != nil {
		return err
	}
	defer d.watch.Close()
	if err := d.enlist(ctx); err != nil {
		return err
	}
	load := &workload.Load{Brokers: d.Brokers, Topic: d.app.Source, Seed: d.o.seed, Customers: d.o.customers, Rate: d.o.rate, Malformed: d.o.malformed}
	loading, stopLoad := context.WithCancel(ctx)
	defer stopLoad()
	var sent workload.Sent
	loaded := make(chan error, 1)
	go func() {
		var err error
		sent, err = load.Run(loading)
		loaded <- err
	}()
	if err := d.faults(ctx, loaded); err != nil {
		return err
	}
	stopLoad()
	if err := <-loaded; err != nil {
		return err
	}
	fmt.Printf("sent %d events and %d records that are none; the producer was late by %v at p99, %v at most\n", sent.Events, sent.Malformed,
		sent.Late.Round(time.Millisecond), sent.LateMax.Round(time.Millisecond))
	if err := d.whole(ctx); err != nil {
		return err
	}
	if err := d.Rest(ctx, d.app, d.watch, sent.Last, "end", restTimeout); err != nil {
		d.wrong(err)
	}
	for _, e := range d.engines {
		e.retire()
	}
	return d.verdict(ctx)
}

// enlist makes the engines and starts all but the guest.
func (d *day) enlist(ctx context.Context) error {
	for i := range d.o.engines + 1 {
		e, err := d.newEngine(fmt.Sprintf("%c", 'a'+i), d.random(uint64(100+i)), i == d.o.engines-1)
		if err != nil {
			return err
		}
		if i == d.o.engines {
			d.guest = e
			break
		}
		d.engines = append(d.engines, e)
	}
	var all sync.WaitGroup
	for _, e := range d.engines {
		all.Go(func() { e.start(ctx, false) })
	}
	all.Wait()
	return d.failure()
}

// random is a generator for one track.
func (d *day) random(track uint64) *rand.Rand { return rand.New(rand.NewPCG(d.o.seed, track)) }

// faults is the day itself: every track, until the time is up and each has put right what it broke.
func (d *day) faults(ctx context.Context, loaded <-chan error) error {
	if err := stand.Pause(ctx, 5*time.Second); err != nil { // a calm morning: timers are armed, the load runs
		return err
	}
	d.began = time.Now()
	d.machine = measure()
	tracks, stop := context.WithCancel(ctx)
	defer stop()
	go d.dusk(tracks, stop)
	var all sync.WaitGroup
	for _, e := range d.engines {
		all.Go(func() { e.track(tracks, ctx) })
	}
	all.Go(func() { d.guest.visits(tracks, ctx) })
	all.Go(func() { d.rolls(tracks) })
	all.Go(func() { d.brokers(tracks, ctx) })
	for i := range d.Proxies {
		all.Go(func() { d.network(tracks, i) })
	}
	failed := make(chan error, 1)
	go func() { // a day without load shows nothing
		select {
		case err := <-loaded:
			failed <- fmt.Errorf("the load ended: %w", err)
			stop()
		case <-tracks.Done():
		}
	}()
	all.Wait()
	d.ended = time.Now()
	d.machine = measure().since(d.machine)
	select {
	case err := <-failed:
		return err
	default:
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// dusk ends the faults when the time is up and each kind has happened; on a slow machine a fault takes long to be put
// right, and the rest come late. Twice the time is the most.
func (d *day) dusk(ctx context.Context, stop func()) {
	defer stop()
	day := time.Duration(d.o.minutes * float64(time.Minute))
	for stand.Pause(ctx, time.Second) == nil {
		if lasted := time.Since(d.began); lasted >= 2*day || lasted >= day && len(d.lacking()) == 0 {
			return
		}
	}
}

// between draws a duration.
func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64(most-least)))
}

// verdict reads the topics and says what is wrong.
func (d *day) verdict(ctx context.Context) error {
	began := time.Now()
	au := audit.New(audit.Rules{Await: d.o.await, Slack: d.o.slack, Letters: true})
	if err := au.ReadAll(ctx, audit.Topics{Brokers: d.Brokers, Source: d.app.Source, Actions: d.app.Actions, Letters: d.app.Letters}); err != nil {
		return err
	}
	r := au.Finish()
	r.Bound(undecidedShare, 50)
	d.report()
	r.Print(os.Stdout)
	fmt.Printf("  audited in %.1f s\n", time.Since(began).Seconds())
	for _, c := range r.Suspects {
		au.Story(os.Stdout, c)
	}
	if err := r.Problem(); err != nil {
		d.wrong(stand.Wrongf("%w; what was done when: %s", err, d.path))
	}
	if err := d.JournalKept(ctx, d.app); err != nil {
		d.wrong(err)
	}
	return d.failure()
}

// undecidedShare is how many of the reminders may meet an event around their due moment. A producer whose broker is gone
// for ten seconds sends late what was to come before many reminders; more than this would leave the auditor blind.
const undecidedShare = 0.25
