package journey

import (
	"testing"

	"wend/schemas"
)

// TestLooksAreCut: journeys that turn each other's conditions come to an end, and what follows is as it should be.
func TestLooksAreCut(t *testing.T) {
	p := compileText(t, `
journey: a
enter: {becomes: profile.n == 1, again: always}
steps: [{set: {n: 0}}]
---
journey: b
enter: {becomes: profile.n == 0, again: always}
steps: [{set: {n: 1}}]
`, "attributes: {n: int}\nupdate: [{on: go, set: {n: 1}}, {on: rest, set: {n: 7}}]")
	doc := schemas.NewDocument()
	var out Effects
	for i, kind := range []string{"go", "rest", "go"} {
		out.Reset()
		p.Step("c", doc, Input{Event: &schemas.Event{ID: string(rune('a' + i)), Customer: "c", Type: kind, Time: int64(i)}}, &out)
		want := Counters{Events: 1, Entered: 101, Left: 101, Cut: 1}
		if kind == "rest" {
			want = Counters{Events: 1}
		}
		if out.Counters != want {
			t.Errorf("%s: %+v", kind, out.Counters)
		}
	}
}

// TestDeployed: a journey newly deployed takes the present values as the old ones, without entering, and an event that
// comes then turns them; what another program remembered is forgotten.
func TestDeployed(t *testing.T) {
	const journeys = `
journey: old
enter: {on: never}
steps: [{wait: 1m}]
`
	const profile = `
attributes: {n: int}
update: [{on: set, set: {n: "{{ event.n }}"}}]
scores:
  b: {add: [{on: set, points: 1}], idle: {after: 1h, points: -1}, min: 0}
`
	old := compileText(t, journeys, profile+"  a: {add: [{on: set, points: 1}], idle: {after: 1h, points: -1}, min: 0}\n")
	now := compileText(t, journeys+`
---
journey: new
enter: {becomes: profile.n >= 3, again: always}
steps: [{send: push, template: x}]
---
journey: other
enter: {becomes: profile.n >= 5, again: always}
steps: [{send: push, template: y}]
---
journey: cool
enter: {becomes: score.b < 2, again: always}
steps: [{send: push, template: z}]
`, profile)
	doc := schemas.NewDocument()
	var out Effects
	sent := func(p *Program, in Input) (templates string) {
		out.Reset()
		p.Step("c", doc, in, &out)
		for _, a := range out.Actions {
			templates += a.Template
		}
		return templates
	}
	set := func(id string, at int64, n int64) Input {
		return Input{Event: &schemas.Event{ID: id, Customer: "c", Type: "set", Time: at, Body: schemas.Fields{{Name: "n", Value: n}}}}
	}
	sent(old, set("1", 0, 4))
	sent(old, set("2", 1, 4))
	for i, c := range []struct {
		p    *Program
		in   Input
		want string
	}{
		{now, set("3", 2, 4), ""},   // it held before the deploy
		{now, set("4", 3, 6), "y"},  // and this turned behind it
		{old, set("5", 4, 1), ""},   // the old program knows of none
		{now, set("6", 5, 6), "xy"}, // newly deployed again
		{old, set("7", 6, 6), ""},
		{now, Input{Until: 2 * 3_600_000}, ""}, // a timer is the first thing that it does
		{now, Input{Until: 7 * 3_600_000}, "z"},
	} {
		if got := sent(c.p, c.in); got != c.want {
			t.Errorf("%d: %q is sent, not %q", i, got, c.want)
		}
		if len(doc.Scores) != len(c.p.scores) || doc.Known != c.p.known {
			t.Errorf("%d: scores %+v", i, doc.Scores)
		}
	}
}
