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
