package replay

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"wend/engine/journey"
	"wend/schemas"
	"wend/schemas/workspacetest"
)

// program compiles a workspace of one file of journeys and a profile.
func program(t testing.TB, journeys, profile string) *journey.Program {
	t.Helper()
	ws, problems := journey.Load(workspacetest.Dir(t, map[string]string{"journeys/j.yaml": journeys, "profile.yaml": profile}))
	p, more := journey.Compile(ws)
	if p == nil || problems.Failed() {
		t.Fatal(problems, more)
	}
	return p
}

// sample reads fields, keeps some, waits, recurs until the newest event of the whole log, and sends at the same instants to
// several customers.
func sample(t testing.TB) *journey.Program {
	return program(t, `
journey: cart
enter: {on: cart, if: event.price >= 20, key: event.id}
goal: {on: buy, if: event.id == enter.id}
steps:
  - wait: 30m
  - {send: push, template: remind, with: {p: '{{ enter.price }}'}}
  - await: {within: 5m, events: [{on: open, do: [{send: push, template: help, with: {by: '{{ event.event_id }}'}}]}], timeout: [{send: email, template: coupon}]}
---
journey: look
enter: {on: [open, cart], times: 3, within: 1h, again: always}
steps: [{send: push, template: look}]
---
journey: daily
enter: {schedule: {cron: "0 * * * *"}, again: always}
steps: [{send: push, template: hourly}]
`, "attributes: {buys: int}\nupdate: [{on: buy, set: {buys: '{{ profile.buys + 1 }}'}}]\n")
}

// randomLog has events of few customers, with and without id and time, some twice or late, and lines that are none.
func randomLog(r *rand.Rand, lines int) string {
	var b strings.Builder
	if r.IntN(2) == 0 {
		b.WriteString("\xef\xbb\xbf")
	}
	now := int64(1_772_000_000_000)
	for i := range lines {
		now += r.Int64N(100_000)
		ends := []string{"\n", "\n", "\n", "\r\n", " \n", "\n\n"}[r.IntN(6)]
		if i == lines-1 && r.IntN(2) == 0 {
			ends = ""
		}
		if r.IntN(15) == 0 {
			b.WriteString([]string{"nonsense", `{"customer_id":"c1"}`, `{"customer_id":"c1","type":"buy","ts":"yesterday"}`, "[]", "\xff"}[r.IntN(5)] + ends)
			continue
		}
		b.WriteString(" "[:r.IntN(2)] + "{")
		if r.IntN(4) > 0 {
			fmt.Fprintf(&b, `"event_id":"e%d",`, i-r.IntN(3))
		}
		if r.IntN(5) > 0 && (i > 3 || r.IntN(2) == 0) {
			fmt.Fprintf(&b, `"ts":%d,`, now-r.Int64N(2)*r.Int64N(3_600_000))
		}
		customer := fmt.Sprintf(`"c%d"`, r.IntN(12))
		if r.IntN(8) == 0 {
			customer = []string{"7", `"7"`, `"\u0063\u0031"`, `"Größe"`}[r.IntN(4)]
		}
		fmt.Fprintf(&b, `"price":%d,"type":%q,"x":{"y":[1,"\n"]},"customer_id":%s, "id":"k%d","id":"k%d"}%s`,
			r.IntN(50), []string{"cart", "buy", "open", "other"}[r.IntN(4)], customer, r.IntN(3), r.IntN(3), ends)
	}
	return b.String()
}

// outcome is all that is seen of a simulation.
type outcome struct{ actions, trace, skipped, err string }

func oneByOne(p *journey.Program, log io.Reader, o journey.SimulateOptions) (x outcome) {
	sim, err := journey.SimulateLog(p, log, o, func(a *schemas.Action) { x.actions += string(a.AppendJSON(nil)) + "\n" },
		func(line int, reason string) { x.skipped += fmt.Sprintln(line, reason) })
	for _, d := range sim.Trace() {
		x.trace += string(d.Append(nil))
	}
	x.err = fmt.Sprint(err)
	return x
}

func replayed(p *journey.Program, log io.Reader, so journey.SimulateOptions, o Options) (x outcome) {
	s, err := simulate(p, log, so, o, func(line int, reason string) { x.skipped += fmt.Sprintln(line, reason) })
	x.err = fmt.Sprint(err)
	var actions, trace bytes.Buffer
	if errors.Join(s.WriteActions(&actions), s.WriteTrace(&trace)) != nil {
		panic("a buffer takes everything")
	}
	x.actions, x.trace = actions.String(), trace.String()
	return x
}

func (x *outcome) differs(t *testing.T, want *outcome) {
	t.Helper()
	for _, c := range []struct{ what, got, want string }{
		{"skipped", x.skipped, want.skipped}, {"error", x.err, want.err}, {"actions", x.actions, want.actions}, {"trace", x.trace, want.trace},
	} {
		got, want := strings.SplitAfter(c.got, "\n"), strings.SplitAfter(c.want, "\n")
		for i := range max(len(got), len(want)) {
			if i >= len(got) || i >= len(want) || got[i] != want[i] {
				t.Fatalf("%s: line %d of %d, for %d, differs\n got %s\nwant %s", c.what, i+1, len(got), len(want), strings.Join(got[min(i, len(got)):min(i+1, len(got))], ""), strings.Join(want[min(i, len(want)):min(i+1, len(want))], ""))
			}
		}
	}
}

// draw cuts a log in some way.
func draw(r *rand.Rand) Options {
	return Options{Workers: 1 + r.IntN(4), size: sizes{stretch: 1 << r.IntN(16), block: 1 << r.IntN(13), parts: 1 + r.IntN(9)}}
}

// TestSameAsOneByOne: however the log is cut and however many goroutines there are, the actions, the trace and what is said
// of lines that are no events are to the byte those of one event after the other.
func TestSameAsOneByOne(t *testing.T) {
	p := sample(t)
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		log := randomLog(r, 1+r.IntN(300))
		o := journey.SimulateOptions{Until: schemas.NoTime, Trace: r.IntN(2) == 0}
		if r.IntN(3) == 0 {
			o.Until = 1_772_000_000_000 + r.Int64N(40_000_000)
		}
		want := oneByOne(p, strings.NewReader(log), o)
		for range 4 {
			how := draw(r)
			in := io.Reader(strings.NewReader(log))
			if r.IntN(2) == 0 {
				in = iotest.DataErrReader(iotest.HalfReader(in))
			}
			got := replayed(p, in, o, how)
			got.differs(t, &want)
		}
	}
}

// TestReadErrors: a log that breaks off gives its trace up to there and no actions, as one event after the other does.
func TestReadErrors(t *testing.T) {
	p := sample(t)
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 2))
		log := randomLog(r, 100)
		log = log[:r.IntN(len(log))]
		o := journey.SimulateOptions{Until: schemas.NoTime, Trace: true}
		broken := func() io.Reader { return io.MultiReader(strings.NewReader(log), iotest.ErrReader(errors.New("gone"))) }
		want := oneByOne(p, broken(), o)
		if !strings.HasPrefix(want.err, "simulate: read line ") || !strings.HasSuffix(want.err, "of the log: gone") {
			t.Fatal(want.err)
		}
		want.actions = "" // SimulateLog hands them out only behind the end
		got := replayed(p, broken(), o, draw(r))
		got.differs(t, &want)
	}
	if got := replayed(p, idle{}, journey.SimulateOptions{}, Options{}); !strings.HasSuffix(got.err, io.ErrNoProgress.Error()) {
		t.Errorf("a reader that gives nothing for ever: %s", got.err)
	}
	if _, err := Simulate(p, strings.NewReader(""), journey.SimulateOptions{Format: schemas.Format{Name: "xml"}}, nil); err == nil || !strings.HasPrefix(err.Error(), "simulate: the log: ") {
		t.Error(err)
	}
}

type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

// TestTimersWithoutEnd: where timers of several customers do not come to an end, the first of them in the log is named,
// and what was decided is what one customer after the other would have decided until then.
func TestTimersWithoutEnd(t *testing.T) {
	p := program(t, `
journey: again
enter: {on: loop, again: always}
steps: [{wait: 1s}, {emit: loop}]
---
journey: late
enter: {on: [loop, a], again: always}
steps: [{wait: 1d}, {send: push, template: x}]
`, "")
	var log strings.Builder
	for i := range 12 {
		kind := "a"
		if i == 5 || i == 8 {
			kind = "loop"
		}
		fmt.Fprintf(&log, "{\"customer_id\":\"c%d\",\"type\":\"a\",\"ts\":%d}\n{\"customer_id\":\"c%d\",\"type\":%q,\"ts\":%d}\n", i, i, (i+3)%12, kind, 100+i)
	}
	want := oneByOne(p, strings.NewReader(log.String()), journey.SimulateOptions{Until: schemas.NoTime})
	if !strings.Contains(want.err, `"c8"`) {
		t.Fatal(want.err)
	}
	for _, parts := range []int{1, 5} {
		got := replayed(p, strings.NewReader(log.String()), journey.SimulateOptions{Until: schemas.NoTime}, Options{Workers: 2, size: sizes{stretch: 300, block: 100, parts: parts}})
		got.differs(t, &want)
	}
}
