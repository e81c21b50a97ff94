package diff

import (
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"wend/engine/journey"
	"wend/schemas"
	"wend/schemas/workspacetest"
)

// program compiles a workspace of one file of journeys.
func program(t testing.TB, journeys string) *journey.Program {
	t.Helper()
	ws, problems := journey.Load(workspacetest.Dir(t, map[string]string{"journeys/j.yaml": journeys}))
	p, more := journey.Compile(ws)
	if p == nil || problems.Failed() {
		t.Fatal(problems, more)
	}
	return p
}

func run(t testing.TB, before, after *journey.Program, log string, workers int) *Result {
	t.Helper()
	r, err := Run(before, after, strings.NewReader(log), Options{Until: schemas.NoTime, Workers: workers},
		func(line int, reason string) { t.Errorf("%d: %s", line, reason) })
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// says is a result as text: the totals that are not all the same, and the rows.
func says(r *Result) string {
	var b strings.Builder
	for _, t := range r.Totals {
		fmt.Fprintf(&b, "%s %s %d-%d same %d +%d -%d ~%d\n", t.Journey, t.Channel, t.Before, t.After, t.Same, t.Gained, t.Lost, t.Changed)
	}
	for i := range r.Rows {
		x := &r.Rows[i]
		fmt.Fprintf(&b, "%s %s %s", x.Customer, x.Change(), x.Action().Template)
		if d := x.Differs(); len(d) > 0 {
			fmt.Fprintf(&b, " %s", strings.Join(d, ","))
		}
		if x.Time {
			fmt.Fprintf(&b, " %d>%d", x.Before.DecidedAt, x.After.DecidedAt)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestChanges(t *testing.T) {
	const log = `{"customer_id":"c","type":"a","event_id":"1","ts":0,"price":5}
{"customer_id":"c","type":"a","event_id":"2","ts":1000,"price":50}
{"customer_id":"d","type":"a","event_id":"3","ts":1000,"price":50}
`
	for _, test := range []struct{ name, before, after, want string }{
		{
			"nothing", "{send: push, template: t}", "{send: push, template: t}",
			"j push 3-3 same 3 +0 -0 ~0\n",
		},
		{
			// d's one action, and c's second, have other numbers now; they are the same all the same.
			"an entry refused shifts the numbers", "{send: push, template: t}", "IF event.price >= 20",
			"j push 3-2 same 2 +0 -1 ~0\nc lost t\n",
		},
		{
			"an entry let in", "IF event.price >= 20", "{send: push, template: t}",
			"j push 2-3 same 2 +1 -0 ~0\nc gained t\n",
		},
		{
			"another time", "{wait: 10s}, {send: push, template: t}", "{wait: 20s}, {send: push, template: t}",
			"j push 3-3 same 0 +0 -0 ~3\nc changed t time 10000>20000\nc changed t time 11000>21000\nd changed t time 11000>21000\n",
		},
		{
			"another content", "{send: push, template: t, with: {x: '{{ enter.price }}'}}", "{send: push, template: t, with: {x: 5}}",
			"j push 3-3 same 1 +0 -0 ~2\nc changed t content\nd changed t content\n",
		},
		{
			"another expiry", "{send: push, template: t, expire: 1s}", "{send: push, template: t}",
			"j push 3-3 same 0 +0 -0 ~3\nc changed t content\nc changed t content\nd changed t content\n",
		},
		{
			"another variant", "{split: {name: s, arms: [{name: a, weight: 1}]}}, {send: push, template: t}", "{split: {name: s, arms: [{name: b, weight: 1}]}}, {send: push, template: t}",
			"j push 3-3 same 0 +0 -0 ~3\nc changed t variant\nc changed t variant\nd changed t variant\n",
		},
		{
			"another channel is a loss and a gain", "{send: push, template: t, if: enter.price > 20}", "{send: email, template: t, if: enter.price > 20}",
			"j email 0-2 same 0 +2 -0 ~0\nj push 2-0 same 0 +0 -2 ~0\nc gained t\nc lost t\nd gained t\nd lost t\n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := func(steps string) string {
				cond, ok := strings.CutPrefix(steps, "IF ")
				if ok {
					return "journey: j\nenter: {on: a, again: always, if: '" + cond + "'}\nsteps: [{send: push, template: t}]\n"
				}
				return "journey: j\nenter: {on: a, again: always}\nsteps: [" + steps + "]\n"
			}
			if got := says(run(t, program(t, text(test.before)), program(t, text(test.after)), log, 1)); got != test.want {
				t.Errorf("got\n%swant\n%s", got, test.want)
			}
		})
	}
}

// TestSameDecision: the numbers of an enrollment and of a visit are no part of a decision's name, and nothing else goes.
func TestSameDecision(t *testing.T) {
	for id, want := range map[string]string{
		"j/c/1/s/1": "j/c/s", "j/c/k/12/s/3": "j/c/k/s", "j/c//1/s/1": "j/c//s", "j/c/1/a[0].b/2": "j/c/a[0].b",
		"c/1/s/1": "c/1/s/1", "x": "x", "": "", "/": "/", "//": "//", "///": "///", "////": "//",
	} {
		if got := sameDecision(&schemas.Action{ID: id, Channel: "push"}); got != want+"\x00push" {
			t.Errorf("%q: got %q, want %q", id, got, want)
		}
	}
}

// sample has something of everything that differs between its two versions.
func sample(t testing.TB) (before, after *journey.Program) {
	text := func(price int, wait, weight string) string {
		return fmt.Sprintf(`
journey: cart
enter: {on: cart, if: event.price >= %d, key: event.id}
goal: {on: buy, if: event.id == enter.id}
steps:
  - wait: %s
  - {send: push, template: remind, with: {p: '{{ enter.price }}'}}
  - await: {within: 5m, events: [{on: open, do: [{send: push, template: help}]}], timeout: [{send: email, template: coupon}]}
---
journey: look
enter: {on: [open, cart], times: 3, within: 1h, again: always}
steps:
  - split: {name: s, arms: [{name: a, weight: 1}, {name: b, weight: %s}]}
  - {send: push, template: look}
`, price, wait, weight)
	}
	return program(t, text(20, "30m", "1")), program(t, text(40, "20m", "2"))
}

// randomLog has customers' events in order, in groups that are shuffled into one another.
func randomLog(r *rand.Rand, customers, events int) [][]string {
	logs := make([][]string, customers)
	n := 0
	for i := range logs {
		at := r.Int64N(1000_000)
		for range events {
			n++
			at += r.Int64N(20 * 60_000)
			logs[i] = append(logs[i], fmt.Sprintf(`{"event_id":"e%d","customer_id":"c%d","type":%q,"ts":%d,"id":"k%d","price":%d}`,
				n, i, []string{"cart", "buy", "open"}[r.IntN(3)], at, r.IntN(3), r.IntN(80)))
		}
	}
	return logs
}

func interleave(r *rand.Rand, logs [][]string) string {
	logs = slices.Clone(logs)
	var b strings.Builder
	for len(logs) > 0 {
		i := r.IntN(len(logs))
		b.WriteString(logs[i][0] + "\n")
		if logs[i] = logs[i][1:]; len(logs[i]) == 0 {
			logs = slices.Delete(logs, i, i+1)
		}
	}
	return b.String()
}

// TestSameInAnyOrder: however many goroutines, and however the events of different customers lie among one another, the
// result is the same, to the last byte of the last row.
func TestSameInAnyOrder(t *testing.T) {
	before, after := sample(t)
	for seed := range uint64(3) {
		r := rand.New(rand.NewPCG(seed, 1))
		logs := randomLog(r, 60, 40)
		want := run(t, before, after, interleave(r, logs), 1)
		if len(want.Rows) < 50 || want.Changed.Time == 0 || want.Changed.Lose == 0 || want.Changed.Variant == 0 {
			t.Fatalf("seed %d is too tame: %+v", seed, want.Changed)
		}
		for _, workers := range []int{1, 2, 3, 7} {
			got := run(t, before, after, interleave(r, logs), workers)
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("seed %d, %d workers: got\n%s\nwant\n%s", seed, workers, says(got), says(want))
			}
		}
	}
}

// TestTotalsAddUp: the sums agree with one another, with the rows, and with two simulations.
func TestTotalsAddUp(t *testing.T) {
	before, after := sample(t)
	r := rand.New(rand.NewPCG(1, 2))
	log := interleave(r, randomLog(r, 100, 30))
	for _, test := range []struct {
		name          string
		before, after *journey.Program
	}{{"both", before, after}, {"turned", after, before}, {"alike", before, before}} {
		got := run(t, test.before, test.after, log, 2)
		simulated := func(p *journey.Program) map[string]int {
			n := map[string]int{}
			if _, err := journey.SimulateLog(p, strings.NewReader(log), journey.SimulateOptions{Until: schemas.NoTime},
				func(a *schemas.Action) { n[a.Journey+" "+a.Channel]++ }, func(int, string) {}); err != nil {
				t.Fatal(err)
			}
			return n
		}
		left, right := simulated(test.before), simulated(test.after)
		rows := map[string][3]int{}
		for i := range got.Rows {
			k := got.Rows[i].Action().Journey + " " + got.Rows[i].Action().Channel
			n := rows[k]
			n[slices.Index([]string{"gained", "lost", "changed"}, got.Rows[i].Change())]++
			rows[k] = n
		}
		for _, x := range got.Totals {
			k := x.Journey + " " + x.Channel
			if int(x.Before) != left[k] || int(x.After) != right[k] {
				t.Errorf("%s: %+v, simulate says %d and %d", test.name, x, left[k], right[k])
			}
			if x.Before != x.Same+x.Lost+x.Changed || x.After != x.Same+x.Gained+x.Changed {
				t.Errorf("%s: %+v does not add up", test.name, x)
			}
			if want := [3]int{int(x.Gained), int(x.Lost), int(x.Changed)}; rows[k] != want {
				t.Errorf("%s: %+v, but there are %v rows", test.name, x, rows[k])
			}
		}
		if test.name == "alike" && (len(got.Rows) > 0 || got.Changed != Customers{}) {
			t.Errorf("a workspace differs from itself:\n%s", says(got))
		}
	}
}

// TestErrors: a log that cannot be read, and timers without end, end the comparison and no goroutine is left.
func TestErrors(t *testing.T) {
	before, after := sample(t)
	for name, f := range map[string]func() error{
		"read": func() error {
			_, err := Run(before, after, broken{}, Options{Until: schemas.NoTime, Workers: 3}, func(int, string) {})
			return err
		},
		"endless": func() error {
			p := program(t, "journey: j\nenter: {on: a, again: always}\nsteps: [{wait: 1s}, {emit: a}]")
			_, err := Run(p, p, strings.NewReader(`{"customer_id":"c","type":"a","ts":0}`), Options{Until: schemas.NoTime, Workers: 3}, func(int, string) {})
			return err
		},
	} {
		if err := f(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, os.ErrClosed }

func BenchmarkRun(b *testing.B) {
	before, after := sample(b)
	r := rand.New(rand.NewPCG(1, 2))
	log := interleave(r, randomLog(r, 2_000, 20))
	for b.Loop() {
		run(b, before, after, log, 2)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/40_000, "ns/event")
}
