package engine

import (
	"errors"
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/engine/journey"
	"wend/schemas"
	"wend/schemas/workspacetest"
	"wend/statestore"
)

// How the simulation works, and how to read what it prints: docs/simulation.md.
var (
	simSeeds  = flag.Int("sim.seeds", 5000, "schedules to run with views of maps")
	simStores = flag.Int("sim.stores", 100, "schedules to run with views of Pebble's")
	simSeed   = flag.Uint64("sim.seed", 0, "run this schedule alone, and show its trace; when it fails, also the shortest like it")
	simPebble = flag.Bool("sim.pebble", false, "run that one with views of Pebble's")
	simBroken = flag.String("sim.broken", "", "run that one with this protection taken out")
)

var simFiles = map[string]string{
	"journeys/now.yaml":   "journey: now\nenter: {on: purchase, again: always}\nsteps:\n  - {send: shop, template: thanks}\n",
	"journeys/later.yaml": "journey: later\nenter: {on: purchase, again: always}\nsteps:\n  - wait: 3ms\n  - {send: mail, template: reminder, with: {n: \"{{ profile.purchases }}\"}}\n  - wait: 5ms\n",
	"journeys/cart.yaml":  "journey: cart\nenter: {on: add_to_cart, again: after_exit}\nexit: [{on: purchase}]\nsteps:\n  - wait: 30ms\n  - {send: shop, template: cart}\n",
	"journeys/nap.yaml": "journey: nap\nenter: {on: add_to_cart, again: always}\nsteps:\n  - await:\n      within: 15ms\n      events:\n        - {on: browse, reset: true}\n        - on: purchase\n          do: [{send: mail, template: bought}]\n" +
		"      timeout: [{send: mail, template: nap}]\n",
	"journeys/moments.yaml": "journey: silent\nenter: {inactive: {for: 25ms, of: browse}, again: always}\nsteps:\n  - {send: mail, template: silent}\n---\n" +
		"journey: soon\nenter: {schedule: {at: [\"2023-11-14T22:14\"], spread: 40s}}\nsteps:\n  - {send: shop, template: soon}\n",
	"profile.yaml": "attributes: {purchases: int, note: string}\nupdate:\n  - {on: purchase, set: {purchases: \"{{ profile.purchases + 1 }}\"}}\n  - {on: note, set: event.traits}\n",
}

func simProgram(t testing.TB) *journey.Program { return compileFiles(t, simFiles) }

// compileJourneys is the program of one file of journeys.
func compileJourneys(t testing.TB, text string) *journey.Program {
	return compileFiles(t, map[string]string{"journeys/all.yaml": text})
}

func compileFiles(t testing.TB, files map[string]string) *journey.Program {
	t.Helper()
	ws, problems := journey.Load(workspacetest.Dir(t, files))
	if problems.Failed() {
		t.Fatal(problems)
	}
	p, problems := journey.Compile(ws)
	if p == nil {
		t.Fatal(problems)
	}
	return p
}

func newSimKit(t testing.TB, p *journey.Program) *simKit {
	t.Helper()
	decoder, err := schemas.NewDecoder(DefaultConfig().Source.Format)
	if err != nil {
		t.Fatal(err)
	}
	return &simKit{program: p, decoder: decoder, source: connectors.TopicPartition{Topic: "events"}, journal: connectors.TopicPartition{Topic: "shop.journal"}, commands: controlTopic("shop")}
}

// run runs a schedule to its end and looks whether all is as it must be.
func (k *simKit) run(task simTask) *sim {
	s := k.schedule(task)
	for n := 0; (task.again != nil || n < s.plan.steps) && s.failed == nil && s.next(); n++ {
		s.step()
	}
	if s.failed == nil && s.settle() == nil {
		_ = s.audit() // s.failed says it
	}
	s.calm = true
	for _, o := range s.living() {
		s.end(o)
	}
	return s
}

// settle lets one owner finish everything.
func (s *sim) settle() error {
	s.calm = true
	for _, o := range s.living() {
		s.kill(o, false)
	}
	s.broker.catchUp()
	s.note("from here on all goes well")
	s.start()
	o := s.owners[len(s.owners)-1]
	for range 3000 {
		for len(s.requests) > 0 {
			s.carry(&s.requests, 0)
		}
		for len(s.adrift) > 0 {
			s.carry(&s.adrift, 0)
		}
		s.poll(o)
		wake := s.pass(o, true)
		if s.failed != nil {
			return s.failed
		}
		sh := o.shard
		if sh.phase == phaseRunning && sh.current() && sh.orders.obeyed == s.broker.log(s.commands).end && !sh.arming.going && sh.position == s.broker.log(s.source).end && sh.flying == nil && !sh.open.any() && sh.pub.paid() && sh.ackSince.IsZero() {
			if _, some, err := sh.view.NextTimer(statestore.Cursor{}); err != nil || !some {
				return err
			}
		}
		if len(s.requests) == 0 {
			d := time.Millisecond
			if o.fetch == s.broker.log(s.source).end && !wake.IsZero() {
				d = min(max(d, wake.Sub(s.now(o))), time.Hour/3)
			}
			s.pause(d)
		}
	}
	s.wrong("does not settle", "phase %d, position %d of %d, all paid %v", o.shard.phase, o.shard.position, s.broker.log(s.source).end, o.shard.pub == nil || o.shard.pub.paid())
	return s.failed
}

// journaled holds that what is published is owed according to the journal.
func (s *sim) journaled(tp connectors.TopicPartition, raw []byte) {
	if s.broken != "" {
		return
	}
	in, err := batch.ReadInfo(raw)
	if err != nil {
		s.wrong("not journaled", "published: %w", err)
		return
	}
	for _, o := range s.head.Outbox {
		if o.Topic == tp.Topic && o.Partition == tp.Partition && unwrap(in.BaseSequence, o.Next)+int64(in.Count) <= o.Next {
			return
		}
	}
	s.wrong("not journaled", "%v: %d actions from sequence %d are published and not journaled", tp, in.Count, in.BaseSequence)
}

// explore runs schedules from a seed on, on all processors, until one fails; it gives that one's seed, 0 when none does.
func explore(t testing.TB, p *journey.Program, from, to uint64, task simTask) (failed uint64, ran int, tally simTally) {
	var next, found atomic.Uint64
	next.Store(from)
	var mu sync.Mutex
	var wg sync.WaitGroup
	// Schedules leave little behind: the collector need not look before there is a gigabyte.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(1 << 30))
	for range runtime.GOMAXPROCS(0) {
		kit := newSimKit(t, p)
		wg.Go(func() {
			var sum simTally
			n := 0
			for task := task; found.Load() == 0; n++ {
				if task.seed = next.Add(1) - 1; task.seed > to {
					break
				}
				s := kit.run(task)
				sum.add(&s.tally)
				if s.failed != nil {
					found.CompareAndSwap(0, task.seed)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			tally.add(&sum)
			ran += n
		})
	}
	wg.Wait()
	return found.Load(), ran, tally
}

func TestExactlyOnceUnderAnySchedule(t *testing.T) {
	p := simProgram(t)
	if *simSeed != 0 {
		explain(t, p, simTask{seed: *simSeed, pebble: *simPebble, broken: *simBroken}, true)
		return
	}
	for _, kind := range []struct {
		name  string
		seeds int
		task  simTask
	}{{"maps", *simSeeds, simTask{}}, {"pebble", *simStores, simTask{pebble: true}}} {
		t.Run(kind.name, func(t *testing.T) {
			if testing.Short() {
				kind.seeds /= 10
			}
			began := time.Now()
			seed, ran, tally := explore(t, p, 1, uint64(kind.seeds), kind.task)
			t.Logf("%d schedules in %v:\n%v", ran, time.Since(began).Round(time.Millisecond), &tally)
			if seed != 0 {
				kind.task.seed = seed
				explain(t, p, kind.task, false)
			}
			if never := tally.never(); kind.seeds >= 5000 && len(never) > 0 && seed == 0 {
				t.Errorf("not once in %d schedules: %s", ran, strings.Join(never, "; "))
			}
		})
	}
}

// explain runs a schedule by itself, and when it fails looks for the shortest that does so too.
func explain(t *testing.T, p *journey.Program, task simTask, whole bool) {
	t.Helper()
	kit := newSimKit(t, p)
	task.tracing = whole
	s := kit.run(task)
	for _, line := range s.trace {
		t.Log(line)
	}
	if s.failed == nil {
		if !whole {
			t.Errorf("schedule %d failed and does no longer: something in it is left to chance that is not drawn", task.seed)
		}
		return
	}
	before := kit.blocks()
	after, short := kit.shorten(task, s.failed, before)
	command := fmt.Sprintf("-sim.seed=%d", task.seed)
	if task.pebble {
		command += " -sim.pebble"
	}
	if task.broken != "" {
		command += fmt.Sprintf(" -sim.broken=%q", task.broken)
	}
	t.Errorf("schedule %d (go test ./engine -run AnySchedule %s shows all of it): %v\nof its %d steps %d suffice:\n%s\n%v",
		task.seed, command, s.failed, len(before)-1, len(after)-1, strings.Join(short.trace, "\n"), short.failed)
}

// shorten gives the shortest schedule that was found to fail as the one with these choices does, and runs it.
func (k *simKit) shorten(task simTask, as error, blocks []simBlock) ([]simBlock, *sim) {
	task.tracing = false
	tries := 20_000
	if task.pebble {
		tries = 1000
	}
	blocks = shrink(blocks, tries, func(bs []simBlock) bool {
		task.again = bs
		s := k.run(task)
		return s.failed != nil && kindOf(s.failed) == kindOf(as)
	})
	task.again, task.tracing = blocks, true
	return blocks, k.run(task)
}

// kindOf says what kind a failure is of.
func kindOf(err error) string {
	var f *simFailure
	if errors.As(err, &f) {
		return f.kind
	}
	return ""
}

// A schedule is the same each time, and the same when it is run from its choices: else no failure could be looked into.
func TestSchedulesRepeat(t *testing.T) {
	p := simProgram(t)
	a, b := newSimKit(t, p), newSimKit(t, p)
	for seed := uint64(1); seed <= 40; seed++ {
		task := simTask{seed: seed, tracing: true, pebble: seed%10 == 0}
		first := a.run(task)
		again := b.run(task)
		if !slices.Equal(a.drawn, b.drawn) || !slices.Equal(first.trace, again.trace) {
			t.Fatalf("schedule %d is another each time: %s", seed, difference(first.trace, again.trace))
		}
		task.again = a.blocks()
		if again = b.run(task); !slices.Equal(first.trace, again.trace) || !slices.Equal(a.drawn, b.drawn) {
			t.Fatalf("schedule %d is another from its choices: %s", seed, difference(first.trace, again.trace))
		}
	}
}

func difference(a, b []string) string {
	for i := range a {
		if i >= len(b) || a[i] != b[i] {
			return fmt.Sprintf("line %d: %q, %q", i, a[i], append(b, make([]string, len(a))...)[i])
		}
	}
	return fmt.Sprintf("%d and %d lines", len(a), len(b))
}

func TestSimTime(t *testing.T) {
	a, b := simTime(1_700_000_000_123, time.Second), simTime(1_700_000_000_200, 3*time.Second)
	if a.UnixMilli() != 1_700_000_000_123 || b.Sub(a) != 2*time.Second || b.Round(0).Sub(a.Round(0)) != 77*time.Millisecond || elapsed(a, b) != 2*time.Second {
		t.Fatal(a, b, b.Sub(a))
	}
}

var errLostAnswer = errors.New("connection lost")
