package journey

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"wend/schemas"
)

// Laws of interests: what asks few journeys decides, counts and remembers what asking all would.

// crowd draws many journeys on few event types, most of them small, and one workspace-wide way of telling events apart
// more often than not.
func crowd(t *rapid.T) string {
	g := &generator{t: t}
	n := rapid.SampledFrom([]int{1, 3, 17, 40, 70, 130}).Draw(t, "journeys")
	names := sameTrail()
	calm := rapid.Bool().Draw(t, "calm") // most events concern few journeys
	for i := range n {
		if g.upTo("any", 40) == 0 && g.sends < 20 {
			g.journey(i)
			continue
		}
		name := fmt.Sprintf("j%d", i)
		if i < len(names) {
			name = names[i]
		}
		if calm && g.upTo("calm", 20) > 0 {
			fmt.Fprintf(g, "---\njourney: %s\nenter: {on: a, if: 'event.k == \"k%d\"'}\nsteps: [%s]\n", name, g.upTo("text", 40), g.pick("steps", "{wait: 2m}", "{exit: out}"))
			continue
		}
		fmt.Fprintf(g, "---\njourney: %s\npriority: %d\nenter: {on: %s", name, g.upTo("priority", 2), g.pick("on", "a", "a", "a", "b", "[a, b]", "e"))
		if g.upTo("if", 9) > 0 {
			fmt.Fprintf(g, ", if: '%s'", g.manyCondition())
		}
		fmt.Fprintf(g, ", again: %s", g.pick("again", "never", "after_exit", "always", "{after: 3m}"))
		switch g.upTo("kind", 9) {
		case 0:
			g.WriteString(", key: event.k")
		case 1:
			g.WriteString(", times: 2, within: 5m")
		}
		g.WriteString("}\n")
		switch g.upTo("leaves", 7) {
		case 0:
			fmt.Fprintf(g, "goal: {on: %s, within: 1h}\n", g.pick("on", "a", "b"))
		case 1:
			fmt.Fprintf(g, "exit: [{on: a, if: '%s', do: [{set: {p: 3}}]}]\n", g.manyCondition())
		case 2:
			fmt.Fprintf(g, "exit: [{becomes: '%s'}]\n", g.looked())
		}
		fmt.Fprintf(g, "steps: [%s]\n", g.pick("steps", "{wait: 2m}", "{wait: 1h}", "{exit: out}", "{await: {within: 5m, events: [{on: [a, b]}]}}",
			"{wait: 1m}, {exit: out}", `{set: {p: "{{ profile.p + 1 }}"}}`, "{tag: [t]}, {wait: 1m}, {untag: [t]}"))
	}
	return g.String()
}

// manyCondition is mostly over single fields.
func (g *generator) manyCondition() string {
	one := func() string {
		switch g.upTo("condition", 11) {
		case 0:
			return "event.n >= " + g.pick("literal", "0", "1", "2", "2.5")
		case 1:
			return "event.n < " + g.pick("literal", "0", "1", "1.5")
		case 2:
			return `event.k in ["x", "y"]`
		case 3:
			return "has(event.n)"
		case 4:
			return g.pick("complex", "profile.p > 1", "event.n == event.k", "event.n / event.d > 1", "segment.broken", "segment.broken", "event.k > 1", `!(event.k == "x")`, `event.l.all(i, i > 0)`, g.looked())
		case 5:
			return g.pick("other", "event.n != 1", "event.k != null", "event.d == true", `event.k > "m"`)
		}
		return fmt.Sprintf(`event.k == "k%d"`, g.upTo("text", 40))
	}
	c := one()
	for range g.upTo("sides", 2) {
		c += " && " + one()
	}
	return c
}

// sameTrail are two names of journeys that documents call the same.
func sameTrail() []string {
	by := map[uint32]string{}
	for i := 0; ; i++ {
		name := fmt.Sprintf("t%d", i)
		if other, ok := by[trailJourney(name)]; ok {
			return []string{other, name}
		}
		by[trailJourney(name)] = name
	}
}

func someManyEvents(t *rapid.T) []*schemas.Event {
	events := someEvents(t)
	for i, ev := range events {
		f := ev.Body.(schemas.Fields)
		switch rapid.IntRange(0, 7).Draw(t, "k") {
		case 0:
			f = f.Delete("k")
		case 1:
			f = f.Set("k", rapid.SampledFrom([]any{"x", "y", nil, int64(1), []any{"x"}, 1.5, true}).Draw(t, "other k"))
		default:
			f = f.Set("k", fmt.Sprintf("k%d", rapid.IntRange(0, 40).Draw(t, "text")))
		}
		if rapid.Bool().Draw(t, "d") {
			f = f.Set("d", rapid.SampledFrom([]any{int64(0), int64(1), true}).Draw(t, "value of d"))
		}
		ev.Body = f
		events[i] = ev
	}
	return events
}

// compilePlainLaw compiles as compileLaw does, to a program that asks every journey, each by the interpreter.
func compilePlainLaw(t *rapid.T, journeys string) *Program {
	c := newCompiler(&Release{Current: parseLaw(t, journeys), Plain: true})
	if !c.run() {
		t.Fatal(c.problems)
	}
	return c.p
}

func TestInterestsLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := crowd(t)
		quick, plain := compileLaw(t, text), compilePlainLaw(t, text)
		if rapid.Bool().Draw(t, "paused") {
			status := map[string]Status{}
			for i, name := range quick.Journeys() {
				if i%3 == 0 {
					status[name] = Status{Paused: true}
				}
			}
			quick, plain = quick.Under(status, 0), plain.Under(status, 0)
		}
		a, b, traced, want := newLawRun(t, quick), newLawRun(t, plain), newLawRun(t, quick), newLawRun(t, plain)
		traced.out.Tracing, want.out.Tracing = true, true
		if rapid.Bool().Draw(t, "explained") {
			traced.out.Explaining, want.out.Explaining = true, true
		}
		all := []*lawRun{a, b, traced, want}
		check := func() {
			a.sameSoFar(b)
			traced.sameSoFar(want)
			if !traced.out.Explaining { // which judges a segment once more, and counts where it fails
				traced.sameSoFar(a)
			}
		}
		for _, ev := range someManyEvents(t) {
			for _, r := range all {
				r.step(Input{Event: ev})
			}
			check()
			if rapid.IntRange(0, 3).Draw(t, "restart") == 0 {
				for _, r := range all {
					r.doc = reread(t, r.doc)
				}
			}
		}
		for _, r := range all {
			r.finish()
		}
		check()
		traced.same(want, "plainly")
	})
}

// sameSoFar holds that two runs decided, counted and remembered the same.
func (r *lawRun) sameSoFar(o *lawRun) {
	r.t.Helper()
	if r.counters != o.counters {
		r.t.Fatalf("other counters:\n%+v\n%+v", r.counters, o.counters)
	}
	if !slices.EqualFunc(r.actions, o.actions, bytes.Equal) {
		r.t.Fatalf("other actions:\n%s\n--\n%s", r.actions, o.actions)
	}
	if !bytes.Equal(r.doc.Append(nil), o.doc.Append(nil)) {
		if x, y := r.p.Remembered(r.doc), o.p.Remembered(o.doc); !slices.Equal(x, y) {
			r.t.Fatalf("other decisions are remembered:\n%+v\n%+v", x, y)
		}
		r.t.Fatalf("another document:\n%+v\n%+v", r.doc, o.doc)
	}
}

// What an event costs grows with the journeys to which it matters alone.
func TestInterestsAreFew(t *testing.T) {
	var text strings.Builder
	for i := range 100 {
		fmt.Fprintf(&text, "---\njourney: j%03d\nenter: {on: view, if: 'event.sku == \"s%d\"'}\ngoal: {on: view, if: event.bought}\nsteps: [{wait: 1h}]\n", i, i)
	}
	p := compileText(t, strings.TrimPrefix(text.String(), "---\n"), "")
	doc := schemas.NewDocument()
	var out Effects
	for i, sku := range []string{"s7", "s8"} {
		ev := &schemas.Event{ID: sku, Customer: "c", Type: "view", Time: int64(caseStart + i), Body: schemas.Fields{}.Set("bought", false).Set("sku", sku)}
		p.Step("c", doc, Input{Event: ev}, &out)
	}
	s := &out.step
	s.p, s.out, s.doc = p, &out, doc
	body := schemas.Fields{}.Set("sku", "s99")
	s.setEvent(&schemas.Event{Type: "view", Body: body}, p.types["view"])
	x := &p.types["view"].wants
	s.sift(x)
	var got []int
	for i := s.next(x, 0); i < len(x.touches); i = s.next(x, i+1) {
		got = append(got, i)
	}
	if want := []int{7, 8, 99}; !slices.Equal(got, want) {
		t.Errorf("asked are %v, want %v", got, want)
	}
}
