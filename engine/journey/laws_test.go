package journey

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"wend/schemas"
	"wend/schemas/yamlfile"
)

// Laws over random small workspaces and logs of events.

// someWorkspace draws up to three journeys that use every step of the language, in YAML.
func someWorkspace(t *rapid.T) string {
	g := &generator{t: t}
	n := g.upTo("journeys", 2) + 1
	for i := range n {
		g.journey(i)
	}
	return g.String()
}

type generator struct {
	strings.Builder
	t     *rapid.T
	sends int
	emits int // few, or else journeys that start one another make rounds of thousands
	ids   []string
}

func (g *generator) upTo(label string, n int) int { return rapid.IntRange(0, n).Draw(g.t, label) }
func (g *generator) chance(label string) bool     { return g.upTo(label, 2) == 0 }
func (g *generator) pick(label string, from ...string) string {
	return rapid.SampledFrom(from).Draw(g.t, label)
}

func (g *generator) duration() string {
	return g.pick("duration", "0s", "1m", "2m", "5m", "1h")
}

func (g *generator) condition(inside bool) string {
	if inside {
		return g.pick("if", "event.n > 1", "event.n == enter.n", "profile.p > 1", "enter.n < 2", `"t" in profile.tags`, "!has(event.n)",
			`count("a", "enter") > 0`, `sum("b", "n", "enter") > 2`, g.looked())
	}
	return g.pick("if", "event.n > 1", "profile.p < 3", "event.n != 0", g.looked())
}

// looked is a condition over what may be looked at.
func (g *generator) looked() string {
	return g.pick("looked", "profile.p > 1", "profile.p == 0", `"t" in profile.tags`, "score.s > 4", "score.s < 2", "segment.busy", "!segment.calm",
		`count("a", "2m") > 1`, `count("a", "5m") == 0`, `sum("b", "n", "1h") > 3`, `seen("e")`, `last("b") > last("a")`, "score.s > profile.p && segment.calm")
}

func (g *generator) types() string {
	return g.pick("on", "a", "b", "c", "[a, b]", "e")
}

func (g *generator) journey(i int) {
	fmt.Fprintf(g, "---\njourney: j%d\npriority: %d\n", i, g.upTo("priority", 1))
	if g.chance("holdout") {
		g.WriteString("holdout: 50%\n")
	}
	fmt.Fprintf(g, "enter: {again: %s", g.pick("again", "never", "after_exit", "always", "{after: 3m}"))
	if g.chance("becomes") {
		fmt.Fprintf(g, ", becomes: '%s'", g.looked())
	} else {
		fmt.Fprintf(g, ", on: %s", g.types())
		if g.chance("times") {
			fmt.Fprintf(g, ", times: %d, within: %s", 2+g.upTo("n", 1), g.pick("within", "1m", "5m", "1h"))
		}
		if g.chance("key") {
			g.WriteString(", key: event.k")
		}
	}
	if g.chance("if") {
		fmt.Fprintf(g, ", if: '%s'", g.condition(false))
	}
	g.WriteString("}\n")
	g.ids = nil
	var steps strings.Builder
	g.steps(&steps, 2, true)
	if g.chance("goal") {
		if g.chance("becomes") {
			fmt.Fprintf(g, "goal: {becomes: '%s', within: %s}\n", g.looked(), g.pick("within", "1m", "1h"))
		} else {
			fmt.Fprintf(g, "goal: {on: %s", g.types())
			switch g.upTo("goal", 2) {
			case 0:
				fmt.Fprintf(g, ", within: %s", g.pick("within", "1m", "1h"))
			case 1:
				g.WriteString(", times: 2, within: 5m")
			}
			g.trigger(true)
			g.WriteString("}\n")
		}
	}
	if g.chance("exit") {
		fmt.Fprintf(g, "exit:\n  - {on: %s", g.types())
		g.trigger(true)
		fmt.Fprintf(g, "}\n  - {on: %s, times: 2, within: 2m, reason: twice}\n", g.types())
	}
	fmt.Fprintf(g, "steps: %s\n", steps.String())
}

func (g *generator) trigger(do bool) {
	if g.chance("if") {
		fmt.Fprintf(g, ", if: '%s'", g.condition(true))
	}
	if len(g.ids) > 0 && g.upTo("of", 4) == 0 {
		fmt.Fprintf(g, ", of: %s", rapid.SampledFrom(g.ids).Draw(g.t, "of"))
	}
	if do && g.chance("do") {
		var b strings.Builder
		g.steps(&b, 0, false)
		fmt.Fprintf(g, ", do: %s", b.String())
	}
}

func (g *generator) steps(b *strings.Builder, depth int, wait bool) {
	b.WriteByte('[')
	for i := range 1 + g.upTo("steps", 3) {
		if i > 0 {
			b.WriteString(", ")
		}
		g.step(b, depth, wait)
	}
	b.WriteByte(']')
}

func (g *generator) step(b *strings.Builder, depth int, wait bool) {
	b.WriteByte('{')
	if g.upTo("step if", 3) == 0 {
		fmt.Fprintf(b, "if: '%s', ", g.condition(true))
	}
	kinds := []string{"send", "send", "set", "tag", "untag"}
	if g.emits < 2 {
		kinds = append(kinds, "emit", "emit")
	}
	if wait {
		kinds = append(kinds, "wait", "wait", "await", "await")
	}
	if depth > 0 {
		kinds = append(kinds, "branch", "split", "choose", "exit")
		if wait {
			kinds = append(kinds, "deep", "repeat")
		}
	}
	switch g.pick("kind", kinds...) {
	case "send":
		g.sends++
		id := fmt.Sprintf("s%d", g.sends)
		g.ids = append(g.ids, id)
		fmt.Fprintf(b, `send: %s, template: %s, with: {n: "{{ event.n }}", e: "{{ enter.n }}", p: "{{ profile.p }}", w: "{{ event.w }}", v: "{{ enter.w }}", x: "{{ event.type }} {{ now }}"}`, g.pick("channel", "push", "sms", "free"), id)
	case "set":
		b.WriteString(`set: {p: "{{ profile.p + 1 }}"}`)
	case "tag":
		b.WriteString("tag: [t]")
	case "untag":
		b.WriteString("untag: [t]")
	case "emit":
		g.emits++
		fmt.Fprintf(b, `emit: %s, with: {n: "{{ event.n + 1 }}", k: 1}`, g.pick("emit", "e", "e", "a"))
	case "wait":
		switch g.upTo("form", 6) {
		case 0:
			fmt.Fprintf(b, "wait: {since: enter, for: %s}", g.duration())
		case 1:
			fmt.Fprintf(b, `wait: {for: %s, at: "%s"}`, g.duration(), g.pick("at", "00:01", "08:04", "23:59"))
		case 2:
			fmt.Fprintf(b, "wait: {on: [%s]}", g.pick("days", "thu", "fri", "sat, sun"))
		case 3:
			fmt.Fprintf(b, `wait: {until: 'time(event.ts) + duration("%s")'`, g.duration())
			if g.chance("past") {
				b.WriteString(", past: exit")
			}
			b.WriteByte('}')
		default:
			fmt.Fprintf(b, "wait: %s", g.duration())
		}
	case "await":
		g.await(b, 0)
	case "deep":
		g.await(b, depth-1)
	case "branch":
		fmt.Fprintf(b, "branch: [{if: '%s', do: ", g.condition(true))
		g.steps(b, depth-1, wait)
		b.WriteString("}, {do: ")
		g.steps(b, depth-1, wait)
		b.WriteString("}]")
	case "split":
		g.sends++
		fmt.Fprintf(b, "split: {name: x%d, arms: [{name: a, weight: 1, do: ", g.sends)
		g.steps(b, depth-1, wait)
		b.WriteString("}, {name: b, weight: 2.5}]}")
	case "choose":
		fmt.Fprintf(b, "choose: [{score: event.n, if: '%s', do: ", g.condition(true))
		g.steps(b, depth-1, wait)
		b.WriteString("}, {score: profile.p, do: ")
		g.steps(b, depth-1, wait)
		b.WriteString("}]")
	case "repeat":
		fmt.Fprintf(b, "repeat: {times: %d, ", 1+g.upTo("times", 3))
		if g.chance("until") {
			fmt.Fprintf(b, "until: '%s', ", g.condition(true))
		}
		fmt.Fprintf(b, "do: [{wait: %s}, {branch: [{do: ", g.duration())
		g.steps(b, depth-1, wait)
		b.WriteString("}]}]}")
	case "exit":
		b.WriteString("exit: out")
	}
	b.WriteByte('}')
}

func (g *generator) await(b *strings.Builder, depth int) {
	fmt.Fprintf(b, "await: {within: %s, ", g.pick("within", "1m", "5m", "1h", "forever", "0s"))
	if g.chance("until") {
		fmt.Fprintf(b, "until: '%s', do: ", g.looked())
		g.steps(b, depth, true)
		b.WriteByte('}')
		return
	}
	b.WriteString("events: [")
	for i := range 1 + g.upTo("events", 1) {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(b, "{on: %s", g.types())
		if g.chance("if") {
			fmt.Fprintf(b, ", if: '%s'", g.condition(true))
		}
		switch g.upTo("kind of event", 3) {
		case 0:
			b.WriteString(", since: enter, do: ")
			g.steps(b, depth, true)
		case 1:
			b.WriteString(", reset: true")
		case 2:
			b.WriteString(", do: ")
			g.steps(b, depth, true)
		}
		b.WriteByte('}')
	}
	b.WriteString("]")
	if g.chance("timeout") {
		b.WriteString(", timeout: ")
		g.steps(b, depth, true)
	}
	b.WriteByte('}')
}

const lawProfile = `
attributes: {p: int}
update:
  - {on: b, set: {p: "{{ event.n }}"}}
  - {on: [c, e], if: has(event.n), set: {p: "{{ profile.p + 1 }}"}}
scores:
  s:
    add: [{on: [a, b], points: 3}, {on: c, if: event.n > 1 && profile.p > 0, points: -2}]
    idle: {after: 2m, points: -2}
    min: 0
segments:
  busy: score.s > 3 && count("a", "10m") > 1
  calm: profile.p < 3 || !segment.busy
  broken: 6 / (profile.p - 1) > 1
`

// lawPolicies have hours that are quiet again and again while a log lasts.
const lawPolicies = `
channels:
  push: {quiet: {from: "00:02", to: "00:09"}, caps: [{max: 3, per: 10m}], expire: 6m}
  sms: {consent: profile.p < 4, quiet: {from: "00:05", to: "00:01", then: drop}, caps: [{max: 4, per: day}]}
all: {caps: [{max: 6, per: 1h}]}
`

func compileLaw(t *rapid.T, journeys string) *Program {
	p, problems := Compile(parseLaw(t, journeys))
	if p == nil {
		t.Fatalf("%s\n%v", journeys, problems)
	}
	return p
}

func parseLaw(t *rapid.T, journeys string) *Workspace {
	var problems yamlfile.Problems
	ws := &Workspace{}
	docs, _ := yamlfile.Parse("journeys.yaml", []byte(journeys), &problems)
	for _, d := range docs {
		if d.Kind != yamlfile.Null {
			ws.Journeys = append(ws.Journeys, parseJourney(d, &problems))
		}
	}
	docs, _ = yamlfile.Parse("profile.yaml", []byte(lawProfile), &problems)
	ws.Profile = parseProfile(docs[0], &problems)
	docs, _ = yamlfile.Parse("policies.yaml", []byte(lawPolicies), &problems)
	ws.Policies = parsePolicies(docs[0], &problems)
	if problems.Failed() {
		t.Fatalf("%s\n%v", journeys, problems)
	}
	return ws
}

func someEvents(t *rapid.T) []*schemas.Event {
	var events []*schemas.Event
	now := int64(caseStart)
	for i := range rapid.IntRange(1, 25).Draw(t, "events") {
		at := now
		switch rapid.IntRange(0, 9).Draw(t, "time") {
		case 0:
			at -= int64(rapid.IntRange(0, 600_000).Draw(t, "late"))
		case 1:
			at += 3_600_000
		case 2:
		default:
			at += rapid.SampledFrom([]int64{1, 30_000, 60_000, 120_000, 300_000}).Draw(t, "gap")
		}
		now = max(now, at)
		fields := schemas.Fields{}
		if rapid.Bool().Draw(t, "has n") {
			fields = fields.Set("n", int64(rapid.IntRange(0, 3).Draw(t, "n")))
		}
		if rapid.Bool().Draw(t, "has k") {
			fields = fields.Set("k", rapid.SampledFrom([]any{"x", int64(1), "1", true}).Draw(t, "k"))
		}
		fields = fields.Set("w", fmt.Sprintf("word %d", i))
		fields = fields.Set("action_id", fmt.Sprintf("j%d/c/%d/s%d/1", rapid.IntRange(0, 2).Draw(t, "j"), rapid.IntRange(1, 3).Draw(t, "number"), rapid.IntRange(1, 5).Draw(t, "s")))
		events = append(events, &schemas.Event{
			ID: fmt.Sprintf("e%d", i), Customer: "c", Time: at, Body: fields,
			Type: rapid.SampledFrom([]string{"a", "a", "b", "c", "z"}).Draw(t, "type"),
		})
	}
	return events
}

// lawRun is one way of driving Step over a log, and what came of it.
type lawRun struct {
	t        *rapid.T
	p        *Program
	doc      *schemas.Document
	out      Effects
	counters Counters
	actions  [][]byte
	trace    []string
	written  *schemas.DocumentReader // the document is written down after each Step and read again; nil: it is not
}

func newLawRun(t *rapid.T, p *Program) *lawRun {
	return &lawRun{t: t, p: p, doc: schemas.NewDocument()}
}

func (r *lawRun) step(in Input) {
	before := r.doc.Time
	var was []byte
	was = r.doc.Append(was)
	for {
		r.p.Step("c", r.doc, in, &r.out)
		if !r.out.More {
			break
		}
	}
	if r.doc.Time < before {
		r.t.Fatalf("the customer's time went back from %d to %d", before, r.doc.Time)
	}
	if now := r.doc.Append(nil); !r.out.Changed && !bytes.Equal(was, now) {
		r.t.Fatal("the document changed, and Changed does not say so")
	}
	if r.doc.Time > before || r.out.Changed {
		r.knows()
	}
	r.collect()
}

func (r *lawRun) collect() {
	for i := range r.out.Actions {
		r.actions = append(r.actions, r.out.Actions[i].AppendJSON(nil))
	}
	for i := range r.out.Decisions {
		if r.out.Decisions[i].Kind != DecidedDuplicate {
			r.trace = append(r.trace, r.out.Decisions[i].String())
		}
	}
	r.counters.add(&r.out.Counters)
	if r.written == nil {
		r.out.Reset()
		return
	}
	raw := r.doc.Append(nil)
	r.out.step.scratch.spoil()
	r.out.Reset()
	var err error
	if r.doc, err = r.written.Read(raw); err != nil {
		r.t.Fatal(err)
	}
}

func (r *lawRun) finish() {
	for n := 0; n < 2000; n++ {
		due := r.p.NextDue("c", r.doc)
		if due == schemas.Never {
			break
		}
		r.step(Input{Until: due})
	}
	inside := 0
	for i := range r.doc.Journeys.Len() {
		js := r.doc.Journeys.At(i)
		inside += len(js.Running)
		if len(js.Running) > maxRunning {
			r.t.Fatalf("%d run at once", len(js.Running))
		}
		for k := 1; k < len(js.Running); k++ {
			if js.Running[k-1].Number >= js.Running[k].Number {
				r.t.Fatal("running enrollments are out of order")
			}
		}
	}
	if c := &r.counters; c.Entered != c.Left+uint64(inside) {
		r.t.Fatalf("entered %d, left %d, inside %d", c.Entered, c.Left, inside)
	}
}

func (r *lawRun) same(o *lawRun, what string) {
	if a, b := bytes.Join(r.actions, []byte("\n")), bytes.Join(o.actions, []byte("\n")); !bytes.Equal(a, b) {
		r.t.Fatalf("%s: other actions:\n%s\n--\n%s", what, a, b)
	}
	if !bytes.Equal(r.doc.Append(nil), o.doc.Append(nil)) {
		r.t.Fatalf("%s: another document:\n%+v\n%+v", what, r.doc, o.doc)
	}
	if r.out.Tracing && o.out.Tracing {
		if a, b := strings.Join(r.trace, "\n"), strings.Join(o.trace, "\n"); a != b {
			r.t.Fatalf("%s: another trace:\n%s\n--\n%s", what, a, b)
		}
	}
}

func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := someWorkspace(t)
		p := compileLaw(t, text)
		events := someEvents(t)

		plain := newLawRun(t, p)
		plain.out.Tracing = true
		for _, ev := range events {
			plain.step(Input{Event: ev})
		}
		plain.finish()
		ids := map[string]bool{}
		for _, a := range plain.actions {
			id, _, _ := bytes.Cut(a, []byte(`","journey"`))
			if ids[string(id)] {
				t.Fatalf("two actions with the id of %s", a)
			}
			ids[string(id)] = true
		}

		// The same values give the same result, also in memory that other Steps used, and without a trace.
		again := newLawRun(t, p)
		other := newLawRun(t, compileLaw(t, text))
		for _, ev := range events {
			again.step(Input{Event: ev})
			again.p.Step("other", other.doc, Input{Event: ev}, &again.out)
			again.out.Reset()
		}
		again.finish()
		again.same(plain, "again")

		// A clock that stays below the next event changes nothing.
		clock := newLawRun(t, p)
		clock.out.Tracing = true
		for _, ev := range events {
			for range rapid.IntRange(0, 3).Draw(t, "looks") {
				if room := ev.Time - clock.doc.Time; clock.doc.Time != schemas.NoTime && room > 1 {
					clock.step(Input{Until: clock.doc.Time + rapid.Int64Range(0, room-1).Draw(t, "until")})
				}
			}
			clock.step(Input{Event: ev})
		}
		clock.finish()
		clock.same(plain, "with a clock")

		// Nor does a restart between any two Steps.
		restart := newLawRun(t, p)
		restart.out.Tracing = true
		for _, ev := range events {
			restart.step(Input{Event: ev})
			restart.doc = reread(t, restart.doc)
		}
		restart.finish()
		restart.same(plain, "with restarts")

		// Every event twice is every event once.
		twice := newLawRun(t, p)
		twice.out.Tracing = true
		for _, ev := range events {
			twice.step(Input{Event: ev})
			twice.step(Input{Event: ev})
		}
		twice.finish()
		twice.same(plain, "every event twice")

		// Nor what looks do: to evaluate everything finds no more than to evaluate what changed.
		everything := newLawRun(t, lookAtAll(compileLaw(t, text)))
		for _, ev := range events {
			everything.step(Input{Event: ev})
		}
		everything.finish()
		everything.same(plain, "with looks at everything")

		// Nothing of an event's memory is kept: a decoder writes over it.
		borrowed := newLawRun(t, p)
		borrowed.out.Tracing = true
		decoder, err := schemas.NewDecoder(schemas.Format{})
		if err != nil {
			t.Fatal(err)
		}
		garbage := []byte(`{"type":"` + strings.Repeat("#", 500) + `"}`)
		for _, ev := range events {
			m := ev.Body.Map()
			m["event_id"], m["customer_id"], m["type"], m["ts"] = ev.ID, ev.Customer, ev.Type, ev.Time
			var read schemas.Event
			if err := decoder.Decode(schemas.AppendJSON(nil, m), schemas.Origin{Timestamp: schemas.NoTime}, &read); err != nil {
				t.Fatal(err)
			}
			borrowed.p.Step("c", borrowed.doc, Input{Event: &read}, &borrowed.out)
			_ = decoder.Decode(garbage, schemas.Origin{Timestamp: schemas.NoTime}, &read)
			borrowed.collect()
		}
		borrowed.finish()
		borrowed.same(plain, "with borrowed memory")
	})
}

// TestPrograms of other versions meet documents that they did not make: enrollments at steps that are gone leave, and
// nothing breaks.
func TestPrograms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := compileLaw(t, someWorkspace(t)), compileLaw(t, someWorkspace(t))
		r := newLawRun(t, a)
		for _, ev := range someEvents(t) {
			r.p = a
			if rapid.Bool().Draw(t, "other program") {
				r.p = b
			}
			r.step(Input{Event: ev})
		}
		for i := range r.doc.Journeys.Len() {
			if js := r.doc.Journeys.At(i); b.plan(js.Journey) == nil && len(js.Running) > 0 {
				return // they stay
			}
		}
		r.p = b
		r.finish()
	})
}
