//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wend/bench/figures"
	"wend/bench/measure"
	"wend/bench/stand"
)

var update = flag.Bool("update", false, "write the golden files anew")

// A table of four rows and three commands, one of which two rows share.
var (
	fast     = &command{full: "go run ./bench/fast --events 100", quick: "go run ./bench/fast --events 1"}
	slow     = &command{full: "go run ./bench/slow", quick: "go run ./bench/slow --quick"}
	wrong    = &command{full: "go run ./bench/wrong | tee", quick: "go run ./bench/wrong"}
	testRows = []row{
		{name: "fast: events per CPU-second", unit: "events/CPU-s", of: figure{fast, "fast/per_s"}, bound: atLeast(300_000)},
		{name: "fast: resident", unit: "MB", of: figure{fast, "fast/mb"}, bound: atMost(250)},
		{name: "fast by slow", unit: "×", of: figure{fast, "fast/per_s"}, over: figure{slow, "slow/per_s"}, bound: atMost(3)},
		{name: "wrong: p99", unit: "ms", of: figure{wrong, "wrong/p99"}, bound: atMost(20)},
		{name: "slow: events", unit: "events/CPU-s", of: figure{slow, "slow/per_s"}},
	}
)

// measured is a runner that gives each command's figures, the n-th time those of the n-th round.
func measured(asked *[]string) runner {
	return func(_ context.Context, line string) ([]figures.Figure, error) {
		*asked = append(*asked, line)
		n := float64(len(*asked)-1) / 3 // rounds before
		switch line {
		case fast.full, fast.quick:
			return []figures.Figure{{Name: "fast/per_s", Value: 300_000 + 1000*float64(int(n)), Unit: "events/CPU-s"}, {Name: "fast/mb", Value: 251, Unit: "MB"}}, nil
		case slow.full, slow.quick:
			return []figures.Figure{{Name: "slow/per_s", Value: 150_000, Unit: "events/CPU-s"}}, nil
		}
		return nil, fmt.Errorf("%s: exit status 1\nthe disk is full", line)
	}
}

func nothing(*collection) error { return nil }

// TestRounds: each command runs once a round, whoever needs it, and one that fails keeps none from running.
func TestRounds(t *testing.T) {
	var asked []string
	var progress bytes.Buffer
	rounds := 0
	c, err := collect(t.Context(), testRows, 2, false, measured(&asked), &progress, func(c *collection) error {
		rounds = len(c.rounds)
		return nil
	})
	if err != nil || rounds != 2 {
		t.Fatal(err, rounds)
	}
	if once := []string{fast.full, slow.full, wrong.full}; !slices.Equal(asked, append(once, once...)) {
		t.Errorf("%q", asked)
	}
	for _, want := range []string{
		"round 1 of 2, command 1 of 3: " + fast.full + "\n",
		"round 2 of 2, command 3 of 3, 0s left by the last round: " + wrong.full + "\n",
		"failed: go run ./bench/wrong | tee: exit status 1\nthe disk is full\n",
	} {
		if !strings.Contains(progress.String(), want) {
			t.Errorf("%q is not in\n%s", want, &progress)
		}
	}
	got := c.summarize(testRows)
	for i, want := range [][]float64{{300_000, 301_000}, {251, 251}, {2, 301_000.0 / 150_000}, nil, {150_000, 150_000}} {
		if !slices.Equal(got[i].values, want) {
			t.Errorf("%s: %v, want %v", got[i].name, got[i].values, want)
		}
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	n := 0
	c, err := collect(ctx, testRows, 3, false, func(context.Context, string) ([]figures.Figure, error) {
		if n++; n == 5 {
			cancel(stopped)
			return nil, errors.New("signal: terminated")
		}
		return []figures.Figure{{Name: "fast/mb", Value: 1, Unit: "MB"}}, nil
	}, new(bytes.Buffer), nothing)
	if !errors.Is(err, stopped) || n != 5 {
		t.Fatal(err, n)
	}
	if s := c.summarize(testRows)[1]; len(s.values) != 2 || len(s.failed) > 0 {
		t.Errorf("%+v: two rounds have it", s)
	}
	if s := c.summarize(testRows)[4]; len(s.failed) != 1 { // nothing said of the round that was broken off
		t.Errorf("%+v", s.failed)
	}
}

func TestValue(t *testing.T) {
	in := func(fs ...figures.Figure) outcome { return outcome{figures: fs} }
	perS := func(name string, v float64) figures.Figure { return figures.Figure{Name: name, Value: v, Unit: "s"} }
	one, two := figure{fast, "a"}, figure{slow, "b"}
	for name, c := range map[string]struct {
		row  row
		fast outcome
		slow outcome
		want float64
		err  string
	}{
		"one":               {row{unit: "s", of: one}, in(perS("b", 1), perS("a", 7)), outcome{}, 7, ""},
		"ratio":             {row{unit: "×", of: one, over: two}, in(perS("a", 7)), in(perS("b", 2)), 3.5, ""},
		"missing":           {row{unit: "s", of: one}, in(perS("b", 1), perS("c", 7)), outcome{}, 0, `go run ./bench/fast --events 100: there is no figure "a" among the 2 that it measured`},
		"missing below":     {row{unit: "×", of: one, over: two}, in(perS("a", 7)), in(perS("c", 2)), 0, `go run ./bench/slow: there is no figure "b" among the 1`},
		"failed":            {row{unit: "s", of: one}, outcome{err: errors.New("it failed")}, outcome{}, 0, "it failed"},
		"failed below":      {row{unit: "×", of: one, over: two}, in(perS("a", 7)), outcome{err: errors.New("it failed")}, 0, "it failed"},
		"another unit":      {row{unit: "ms", of: one}, in(perS("a", 7)), outcome{}, 0, `figure "a" is in "s", the row in "ms"`},
		"two units":         {row{unit: "×", of: one, over: two}, in(perS("a", 7)), in(figures.Figure{Name: "b", Value: 1, Unit: "ms"}), 0, `figure "b" is 1 ms, and nothing to hold one of s against`},
		"by nothing":        {row{unit: "×", of: one, over: two}, in(perS("a", 7)), in(perS("b", 0)), 0, `figure "b" is 0 s, and nothing`},
		"the command named": {row{unit: "ms", of: one}, in(perS("a", 7)), outcome{}, 0, "go run ./bench/fast --events 100: "},
	} {
		got, ok, err := (&collection{rounds: []map[*command]outcome{{fast: c.fast, slow: c.slow}}}).value(&c.row, 0)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v, want %s", name, err, c.err)
			}
		} else if err != nil || !ok || got != c.want {
			t.Errorf("%s: %v %v %v, want %v", name, got, ok, err, c.want)
		}
	}
}

func TestVerdict(t *testing.T) {
	var asked []string
	c, err := collect(t.Context(), testRows, 1, false, measured(&asked), new(bytes.Buffer), nothing)
	if err != nil {
		t.Fatal(err)
	}
	all := c.summarize(testRows)
	var failed *stand.Wrong
	if err := verdict(all, false); !errors.As(err, &failed) || !strings.Contains(err.Error(), wrong.full) || strings.Contains(err.Error(), "resident") {
		t.Errorf("%v: want the failed command and no row", err)
	}
	if err := verdict(all, true); err == nil || !strings.Contains(err.Error(), "fast: resident: 251 MB, promised ≤ 250 MB") || strings.Contains(err.Error(), "fast by slow") {
		t.Error(err)
	}
	good := slices.Concat(all[:1], all[2:3], all[4:])
	if err := verdict(good, true); err != nil {
		t.Error(err)
	}
	if err := verdict(all[1:2], false); err != nil {
		t.Errorf("a missed target is none without --check: %v", err)
	}
}

func TestBound(t *testing.T) {
	for _, c := range []struct {
		b    bound
		v    float64
		want bool
	}{{bound{}, 1e9, true}, {atMost(2), 2, true}, {atMost(2), 2.001, false}, {atLeast(2), 2, true}, {atLeast(2), 1.999, false}} {
		if c.b.met(c.v) != c.want {
			t.Errorf("%s: %v", c.b.text("s"), c.v)
		}
	}
}

func TestRender(t *testing.T) {
	machine := measure.Machine{CPU: "Abacus", Cores: 2, Memory: 24e9, Kernel: "Linux 6.1", Go: "go1.26", Kafka: "4.1.0", Commit: "abc"}
	for _, quick := range []bool{false, true} {
		var asked []string
		c, err := collect(t.Context(), testRows, 2, quick, measured(&asked), new(bytes.Buffer), nothing)
		if err != nil {
			t.Fatal(err)
		}
		got := render(heading{"2026-11-29", machine, 3, quick}, c.summarize(testRows))
		path := filepath.Join("testdata", fmt.Sprintf("table-quick-%v.md", quick))
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil || got != string(want) {
			t.Errorf("%s (-update writes it): %v\n%s", path, err, got)
		}
	}
}

func TestList(t *testing.T) {
	want := `fast: events per CPU-second (events/CPU-s) ≥ 300,000 events/CPU-s
fast: resident (MB) ≤ 250 MB
    go run ./bench/fast --events 1
fast by slow (×) ≤ 3 ×
    go run ./bench/fast --events 1
    go run ./bench/slow --quick
wrong: p99 (ms) ≤ 20 ms
    go run ./bench/wrong
slow: events (events/CPU-s)
    go run ./bench/slow --quick
`
	if got := list(testRows, true); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

// TestRows: what the table says of itself can be run.
func TestRows(t *testing.T) {
	names := map[string]bool{}
	for _, r := range slices.Concat(rows, peerRows) {
		if names[r.name] {
			t.Errorf("two rows are called %s", r.name)
		}
		names[r.name] = true
		if r.of.of == nil || r.of.name == "" || r.unit == "" || (r.over.of != nil) != (r.over.name != "") {
			t.Errorf("%s: %+v", r.name, r)
		}
		for _, c := range r.commands() {
			for _, line := range []string{c.full, c.quick} {
				program := strings.Fields(line)
				if program[0] == peerProgram {
					continue
				}
				if _, err := os.Stat(filepath.Join("..", "..", program[2])); err != nil {
					t.Errorf("%s: %s: %v", r.name, line, err)
				}
			}
		}
	}
	for name := range map[string]bool{"restart": true, "^cart": true, "simulate": true, "^event to action": true, "10 million": true} {
		o, err := parse([]string{"--only", name})
		if err != nil {
			t.Fatal(err)
		}
		if some, err := o.chosen(); err != nil || len(some) == len(rows) {
			t.Errorf("--only %s: %d rows, %v", name, len(some), err)
		}
	}
	o, err := parse([]string{"--peers", "x"})
	if err != nil {
		t.Fatal(err)
	}
	if all, err := o.chosen(); err != nil || len(all) != len(rows)+len(peerRows) {
		t.Error(len(all), err)
	}
	for _, bad := range [][]string{{"--rounds", "0"}, {"--only", "("}, {"--check", "--quick"}, {"restart"}} {
		if _, err := parse(bad); err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
	if o, err = parse([]string{"--only", "no such row"}); err != nil {
		t.Fatal(err)
	}
	if _, err := o.chosen(); err == nil || !strings.Contains(err.Error(), "no row has such a name") {
		t.Error(err)
	}
}

func TestPeerFigures(t *testing.T) {
	const good = `{"mode":"tp","peer":"kstreams-eos","m":2000000,"ev_per_cpu_s":100000,"warm_ev_per_cpu_s":120000,"broker_cpu_s":4,"expected":10,"got":10,"missing":0,"dup":0,"unexpected":0,"wrong_name":0}`
	got, err := peerFigures([]byte(good + "\n"))
	if want := []figures.Figure{{Name: perCPUSecond, Value: 100_000, Unit: "events/CPU-s"}, {Name: perCPUSecondWarm, Value: 120_000, Unit: "events/CPU-s"}, {Name: brokerCPU, Value: 2, Unit: "µs"}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v %v", got, err)
	}
	if got, err := peerFigures([]byte(strings.Replace(good, `"broker_cpu_s":4,`, "", 1))); err != nil || len(got) != 2 {
		t.Errorf("%+v %v: what the broker took is not known", got, err)
	}
	for text, want := range map[string]string{
		"":                       "no result",
		good + "\n" + good:       "more than one",
		"{":                      "its result is none",
		`{"error":"time is up"}`: "it says: time is up",
		`{"m":1}`:                "of 0 actions",
		strings.Replace(good, `"dup":0`, `"dup":1`, 1):               "1 came twice",
		strings.Replace(good, `"missing":0`, `"missing":3`, 1):       "3 were missing",
		strings.Replace(good, `"wrong_name":0`, `"wrong_name":4`, 1): "4 wrong",
	} {
		if got, err := peerFigures([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v %v, want %s", text, got, err, want)
		}
	}
}

// TestPeers: the programs of a directory are run as they want it, and their broker is ended by who started it.
func TestPeers(t *testing.T) {
	dir, work := t.TempDir(), t.TempDir()
	t.Setenv("PEER_BROKERS", "127.0.0.1:1") // nobody listens there
	for name, text := range map[string]string{
		"build.sh":  "echo build >> said",
		"broker.sh": `echo broker $1 >> said`,
		"run.sh":    `echo run "$@" $WEND >> said; test $1 != bad || exit 1; echo '{"m":1,"expected":1,"ev_per_cpu_s":5}' >> $PEERS_RESULTS`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	p, err := openPeers(t.Context(), dir, work, "/the/wend")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got, err := p.run(t.Context(), "./run.sh wend=exec:wend/engine.sh tp 1"); err != nil || len(got) != 1 || got[0].Value != 5 {
			t.Error(got, err)
		}
	}
	if _, err := p.run(t.Context(), "./run.sh bad tp 1"); err == nil || !strings.HasPrefix(err.Error(), "./run.sh bad tp 1: exit status 1") {
		t.Error(err)
	}
	if err := p.close(); err != nil {
		t.Error(err)
	}
	one := "run wend=exec:" + dir + "/wend/engine.sh tp 1 /the/wend\n"
	said, err := os.ReadFile(filepath.Join(dir, "said"))
	if want := "build\nbroker start\n" + one + one + "run bad tp 1 /the/wend\nbroker stop\n"; err != nil || string(said) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, said, want)
	}
}
