package journey

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"wend/schemas"
)

func stepAll(t testing.TB, p *Program, doc *schemas.Document, out *Effects, lines ...string) {
	t.Helper()
	for i, line := range lines {
		ev := parseCaseEvent(t, i+1, line)
		p.Step(ev.Customer, doc, Input{Event: ev}, out)
	}
}

func TestStepRemoved(t *testing.T) {
	old := compileText(t, "journey: j\nenter: {on: a}\nsteps: [{wait: 1h, id: gone}, {send: push, template: x}]", "")
	now := compileText(t, "journey: j\nenter: {on: a}\nsteps: [{wait: 1h, id: other}, {send: push, template: y}]", "")
	for _, way := range []string{"timer", "event"} {
		doc := schemas.NewDocument()
		var out Effects
		stepAll(t, old, doc, &out, "0m c a")
		out.Tracing = true
		if way == "timer" {
			now.Step("c", doc, Input{Until: caseTime(t, "1h")}, &out)
		} else {
			compileText(t, "journey: j\nenter: {on: z}\nexit: [{on: b, if: event.no}]\nsteps: [{wait: 1h, id: other}]", "").
				Step("c", doc, Input{Event: parseCaseEvent(t, 9, "1m c b")}, &out)
		}
		var reasons []string
		for _, d := range out.Decisions {
			if d.Kind == DecidedExit {
				reasons = append(reasons, d.Reason)
			}
		}
		if fmt.Sprint(reasons) != "[step_removed]" || len(out.Actions) != 0 || len(doc.Journeys.At(0).Running) != 0 {
			t.Errorf("%s: left for %v, %d actions, %d inside", way, reasons, len(out.Actions), len(doc.Journeys.At(0).Running))
		}
	}
}

func TestJourneyGone(t *testing.T) {
	old := compileText(t, "journey: j\nenter: {on: a}\nsteps: [{wait: 1h}, {send: push, template: x}]", "")
	now := compileText(t, "journey: k\nenter: {on: a}\nsteps: [{wait: 2h}, {send: push, template: y}]", "")
	doc := schemas.NewDocument()
	var out Effects
	stepAll(t, old, doc, &out, "0m c a")
	if due := now.NextDue("c", doc); due != schemas.Never {
		t.Errorf("its timer is due at %d", due)
	}
	stepAll(t, now, doc, &out, "0m c a #2", "10h c z")
	if len(out.Actions) != 1 || out.Actions[0].Template != "y" || len(doc.Journeys.At(0).Running) != 1 {
		t.Errorf("actions %v, inside %d", out.Actions, len(doc.Journeys.At(0).Running))
	}
	out.Reset()
	stepAll(t, old, doc, &out, "11h c z #4")
	if len(out.Actions) != 1 || out.Actions[0].Template != "x" {
		t.Errorf("when it is back: %v", out.Actions)
	}
}

// TestResidue: an enrollment that ends at once leaves no more than `again`, numbers and the goal's `within` need.
func TestResidue(t *testing.T) {
	for _, c := range []struct {
		again, goal, want string
	}{
		{"always", "", "{Journey:j Entries:3 Entered:[] Counts:[] Running:[] Ended:[] Timers:[]}"},
		{"after_exit", "", "{Journey:j Entries:3 Entered:[] Counts:[] Running:[] Ended:[] Timers:[]}"},
		{"never", "", "{Journey:j Entries:1 Entered:[] Counts:[] Running:[] Ended:[] Timers:[]}"},
		{"{after: 1m}", "", "{Journey:j Entries:3 Entered:[{Key: At:1767225720000}] Counts:[] Running:[] Ended:[] Timers:[]}"},
		{"always", "goal: {on: z, within: 30s}", "1 ended"},
	} {
		p := compileText(t, "journey: j\nenter: {on: a, again: "+c.again+"}\n"+c.goal+"\nsteps: [{send: push, template: x}]", "")
		doc := schemas.NewDocument()
		var out Effects
		stepAll(t, p, doc, &out, "0m c a", "1m c a", "2m c a")
		js := doc.Journeys.At(0)
		got := fmt.Sprintf("{Journey:%s Entries:%d Entered:%+v Counts:%v Running:%v Ended:%v Timers:%v}", js.Journey, js.Entries, js.Entered, js.Counts, js.Running, js.Ended, js.Timers)
		if n := len(js.Ended); n > 0 {
			got = fmt.Sprintf("%d ended", n)
		}
		if got != c.want {
			t.Errorf("again %s %s: %s, want %s", c.again, c.goal, got, c.want)
		}
	}
}

// TestKept: enrollments keep of events what their journey reads, and no more.
func TestKept(t *testing.T) {
	p := compileText(t, `
journey: j
enter: {on: a, if: event.one == 1, key: event.key}
goal: {on: z, if: event.two == 2 && enter.three == 3}
steps:
  - await: {within: 1h, events: [{on: b, if: event.four == 4}]}
  - {send: push, template: x, with: {n: "{{ event.five.deep }} {{ event.ts }} {{ enter.six }}"}}
`, "")
	doc := schemas.NewDocument()
	var out Effects
	stepAll(t, p, doc, &out, `0m c a one=1 two=2 three=3 four=4 five={"deep":5,"other":0} six=6 key=7`)
	en := doc.Journeys.At(0).Running[0]
	enter := schemas.Fields{{Name: "six", Value: int64(6)}, {Name: "three", Value: int64(3)}}
	event := schemas.Fields{{Name: "five", Value: map[string]any{"deep": int64(5), "other": int64(0)}}}
	if !reflect.DeepEqual(en.Enter, enter) || !reflect.DeepEqual(en.Event, event) || len(en.Sent) > 0 {
		t.Errorf("kept enter %v, event %v, sent %v", en.Enter, en.Event, en.Sent)
	}
}

func TestRememberedKeys(t *testing.T) {
	p := compileText(t, "journey: j\nenter: {on: a, key: event.k, again: never}\nsteps: [{send: push, template: x}]", "")
	doc := schemas.NewDocument()
	var out Effects
	calls := 0
	entered := func(k int) bool {
		calls += 100
		out.Reset()
		stepAll(t, p, doc, &out, fmt.Sprintf("0m c a #%d k=%d", calls, k))
		return len(out.Actions) == 1
	}
	for k := range 1001 {
		if !entered(k) {
			t.Fatal("refused", k)
		}
	}
	if n := len(doc.Journeys.At(0).Entered); n != 1000 {
		t.Errorf("%d keys remembered", n)
	}
	if entered(1) || entered(1000) || !entered(0) {
		t.Error("the last 1,000 keys are remembered, and no others")
	}
}

func TestResetsAreBounded(t *testing.T) {
	p := compileText(t, "journey: j\nenter: {on: a}\nsteps: [{await: {within: 10m, events: [{on: b, reset: true}], timeout: [{send: push, template: x}]}}]", "")
	doc := schemas.NewDocument()
	var out Effects
	stepAll(t, p, doc, &out, "0m c a")
	for i := 1; i <= 105; i++ {
		stepAll(t, p, doc, &out, fmt.Sprintf("%dm c b #b%d", i, i))
	}
	p.Step("c", doc, Input{Until: caseTime(t, "10h")}, &out)
	if len(out.Actions) != 1 || out.Actions[0].DecidedAt != caseTime(t, "110m") || out.Actions[0].Cause.EventID != "b100" {
		t.Errorf("%+v", out.Actions)
	}
}

// TestBuckets fixes the hash: it decides who gets what for as long as a journey lives.
func TestBuckets(t *testing.T) {
	for _, c := range []struct {
		journey, draw, customer string
		want                    uint32
	}{
		{"j", "rollout", "c1", 900}, {"j", "holdout", "c1", 9959}, {"j", "split/subject", "c1", 84},
		{"", "", "", 3407}, {"cart-recovery", "rollout", "李雷", 4673},
	} {
		if got := bucket(c.journey, c.draw, c.customer); got != c.want {
			t.Errorf("bucket(%q, %q, %q) = %d, want %d", c.journey, c.draw, c.customer, got, c.want)
		}
	}
	const customers = 200_000
	var tenths [10]int
	both := 0
	for i := range customers {
		b := bucket("j", rolloutDraw, fmt.Sprintf("customer-%d", i))
		tenths[b/1000]++
		if b < 5000 && bucket("j", holdoutDraw, fmt.Sprintf("customer-%d", i)) < 5000 {
			both++
		}
	}
	for i, n := range tenths {
		if n < customers/10*97/100 || n > customers/10*103/100 {
			t.Errorf("tenth %d holds %d of %d", i, n, customers)
		}
	}
	if both < customers/4*97/100 || both > customers/4*103/100 {
		t.Errorf("draws are not independent: %d of %d are in both halves", both, customers)
	}
}

func TestMoreTimersThanOneStepFires(t *testing.T) {
	p := compileText(t, "journey: j\nenter: {on: [a, e], again: always}\nsteps: [{wait: 1ms}, {emit: e}]\n", "")
	doc := schemas.NewDocument()
	var out Effects
	stepAll(t, p, doc, &out, "0m c a")
	steps := 0
	for in := (Input{Event: parseCaseEvent(t, 5, "25s c z")}); ; steps++ {
		p.Step("c", doc, in, &out)
		if !out.More {
			break
		}
	}
	if steps != 24_999/MaxTimers || out.Counters.Timers != 24_999 || doc.Time != caseTime(t, "25s") {
		t.Errorf("%d more steps, %d timers, at %d", steps, out.Counters.Timers, doc.Time-caseStart)
	}
}

// TestEmittedRoundsAreBounded: three answers to each event, in three journeys, would be millions.
func TestEmittedRoundsAreBounded(t *testing.T) {
	var b strings.Builder
	for i := range 3 {
		fmt.Fprintf(&b, "---\njourney: j%d\nenter: {on: a, again: always}\nsteps: [{emit: a}, {emit: a, id: two}, {emit: a, id: three}]\n", i)
	}
	p := compileText(t, b.String(), "")
	doc := schemas.NewDocument()
	var out Effects
	stepAll(t, p, doc, &out, "0m c a")
	if out.Counters.Emitted != maxRound || out.Counters.Cut == 0 {
		t.Errorf("%d emitted, %d cut", out.Counters.Emitted, out.Counters.Cut)
	}
}

// TestRolloutOnlyAdds: who may enter at a share may enter at a higher one, and the shares come out right.
func TestRolloutOnlyAdds(t *testing.T) {
	entered := func(share string) map[int]bool {
		p := compileText(t, "journey: j\nrollout: "+share+"\nenter: {on: a}\nsteps: [{send: push, template: x}]\n", "")
		in := map[int]bool{}
		var out Effects
		for i := range 4000 {
			name := fmt.Sprintf("c%d", i)
			out.Reset()
			p.Step(name, schemas.NewDocument(), Input{Event: &schemas.Event{ID: "e", Customer: name, Type: "a", Time: 1}}, &out)
			if len(out.Actions) > 0 {
				in[i] = true
			}
		}
		return in
	}
	few, more := entered("20%"), entered("50%")
	if n := len(few); n < 700 || n > 900 {
		t.Errorf("20%% are %d of 4000", n)
	}
	for i := range few {
		if !more[i] {
			t.Fatalf("c%d may enter at 20%% and not at 50%%", i)
		}
	}
}
