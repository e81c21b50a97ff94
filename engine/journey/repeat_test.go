package journey

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"wend/schemas"
)

// rounds walks a random body of steps twice at once: what it writes is the journey, what it returns is what a program
// that nests loops as the text does would do.
type roundsModel struct {
	t     *rapid.T
	text  strings.Builder
	sends int
}

// todo is a step of the model: it changes the time (in hours) and the count, and notes sends.
type todo func(m *modelRun)

type modelRun struct {
	hours, count int
	sent         []string
}

func (g *roundsModel) list(depth int, waits bool) []todo {
	var all []todo
	g.text.WriteByte('[')
	n := rapid.IntRange(1, 3).Draw(g.t, "steps")
	for i := range n {
		if i > 0 {
			g.text.WriteString(", ")
		}
		all = append(all, g.step(depth, waits && i == n-1))
	}
	g.text.WriteByte(']')
	return all
}

func (g *roundsModel) step(depth int, mustWait bool) todo {
	kind := rapid.SampledFrom([]string{"wait", "send", "set", "repeat", "repeat"}).Draw(g.t, "kind")
	if mustWait {
		kind = "wait"
	}
	if depth == 0 && kind == "repeat" {
		kind = "send"
	}
	switch kind {
	case "wait":
		h := rapid.IntRange(1, 3).Draw(g.t, "hours")
		fmt.Fprintf(&g.text, "{wait: %dh}", h)
		return func(m *modelRun) { m.hours += h }
	case "send":
		g.sends++
		name := fmt.Sprintf("s%d", g.sends)
		fmt.Fprintf(&g.text, "{send: push, template: %s}", name)
		return func(m *modelRun) { m.sent = append(m.sent, fmt.Sprintf("%d %s", m.hours, name)) }
	case "set":
		g.text.WriteString(`{set: {n: "{{ profile.n + 1 }}"}}`)
		return func(m *modelRun) { m.count++ }
	}
	times := rapid.IntRange(1, 4).Draw(g.t, "times")
	until := rapid.IntRange(1, 30).Draw(g.t, "until")
	fmt.Fprintf(&g.text, "{repeat: {times: %d, until: profile.n >= %d, do: ", times, until)
	body := g.list(depth-1, true)
	g.text.WriteString("}}")
	return func(m *modelRun) {
		for range times {
			for _, do := range body {
				do(m)
			}
			if m.count >= until {
				break
			}
		}
	}
}

// TestRepeatsAreLoops: however repeats are nested, they send what loops would, when loops would; also when the document
// is written and read behind each timer.
func TestRepeatsAreLoops(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		g := &roundsModel{t: rt}
		g.text.WriteString("journey: j\nenter: {on: a}\nsteps: ")
		body := g.list(3, false)
		p := compileText(t, g.text.String(), "attributes: {n: int}")
		want := &modelRun{}
		for _, do := range body {
			do(want)
		}
		if len(want.sent) > 2_000 {
			rt.Skip()
		}
		doc := schemas.NewDocument()
		var out Effects
		var got []string
		collect := func() {
			for i := range out.Actions {
				a := &out.Actions[i]
				got = append(got, fmt.Sprintf("%d %s", (a.DecidedAt-caseStart)/3_600_000, a.Template))
			}
			out.Reset()
			doc = reread(t, doc)
		}
		p.Step("c", doc, Input{Event: &schemas.Event{ID: "e", Customer: "c", Type: "a", Time: caseStart}}, &out)
		collect()
		for due := p.NextDue("c", doc); due != schemas.Never; due = p.NextDue("c", doc) {
			if js := doc.Journeys.At(0).Running[0]; len(js.Rounds) > 3 {
				rt.Fatalf("rounds of repeats that were left are kept: %v", js.Rounds)
			}
			p.Step("c", doc, Input{Until: due}, &out)
			collect()
		}
		if strings.Join(got, "\n") != strings.Join(want.sent, "\n") {
			rt.Fatalf("%s\ngot:\n%s\nwant:\n%s", g.text.String(), strings.Join(got, "\n"), strings.Join(want.sent, "\n"))
		}
	})
}

// TestEarlyMatchesAreBounded: where repeats lead to an await again and again, it keeps its oldest 100 matches.
func TestEarlyMatchesAreBounded(t *testing.T) {
	p := compileText(t, `
journey: j
enter: {on: a}
steps:
  - wait: 1h
  - repeat: {times: 1000, do: [{await: {within: 1h, events: [{on: b, since: enter, do: [{send: push, template: x}]}]}}]}
`, "")
	doc := schemas.NewDocument()
	var out Effects
	step := func(id, typ string, at int64) {
		p.Step("c", doc, Input{Event: &schemas.Event{ID: id, Customer: "c", Type: typ, Time: caseStart + at}}, &out)
	}
	step("a", "a", 0)
	for i := range 300 {
		step(fmt.Sprintf("b%d", i), "b", int64(i+1))
	}
	if n := len(doc.Journeys.At(0).Running[0].Early); n != maxEarly {
		t.Errorf("%d early matches", n)
	}
	p.Step("c", doc, Input{Until: caseStart + 3_600_000}, &out)
	if len(out.Actions) != maxEarly || out.Actions[99].Cause.EventID != "b99" {
		t.Errorf("%d actions", len(out.Actions))
	}
}

// TestSentBefore: of a send that a repeat reaches again and again the newest 128 actions are known.
func TestSentBefore(t *testing.T) {
	p := compileText(t, `
journey: j
enter: {on: a}
steps:
  - repeat: {times: 200, do: [{send: push, template: x}, {wait: 1h}]}
  - await: {within: forever, events: [{on: opened, of: x, do: [{send: push, template: y}]}]}
`, "")
	doc := schemas.NewDocument()
	var out Effects
	p.Step("c", doc, Input{Event: &schemas.Event{ID: "e", Customer: "c", Type: "a", Time: caseStart}}, &out)
	p.Step("c", doc, Input{Until: caseStart + 200*3_600_000}, &out)
	if len(out.Actions) != 200 {
		t.Fatalf("%d actions", len(out.Actions))
	}
	known := 0
	for i := range out.Actions {
		var after Effects
		ev := &schemas.Event{ID: "o", Customer: "c", Type: "opened", Time: doc.Time, Body: schemas.Fields{{Name: "action_id", Value: out.Actions[i].ID}}}
		p.Step("c", reread(t, doc), Input{Event: ev}, &after)
		if len(after.Actions) > 0 != (i >= 200-maxBefore-1) {
			t.Errorf("feedback on action %d brings %d", i+1, len(after.Actions))
		}
		known += len(after.Actions)
	}
	if known != maxBefore+1 {
		t.Errorf("%d actions are known", known)
	}
}
