package journey

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"wend/schemas"
)

// TestChooseTakesTheBest: of random choices, the one that a look at all of them, one after another, finds best.
func TestChooseTakesTheBest(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var text strings.Builder
		text.WriteString("journey: j\nenter: {on: a}\nsteps:\n  - choose:\n")
		n := rapid.IntRange(1, 5).Draw(rt, "choices")
		want, best := "none", 0.0
		for i := range n {
			score := float64(rapid.IntRange(-4, 4).Draw(rt, "score")) / 2
			written := fmt.Sprint(score)
			cond := rapid.SampledFrom([]string{"", ", if: event.yes", ", if: event.no", ", if: event.missing", ", if: 1 / event.zero > 0"}).Draw(rt, "if")
			eligible := cond == "" || cond == ", if: event.yes"
			switch rapid.IntRange(0, 5).Draw(rt, "form") {
			case 0:
				written = fmt.Sprintf("event.one * %v", score)
			case 1:
				written, eligible = "event.missing", false
			case 2:
				written, eligible = "event.text", false
			}
			fmt.Fprintf(&text, "      - {score: '%s'%s, do: [{send: push, template: t%d}]}\n", written, cond, i)
			if eligible && (want == "none" || score > best) {
				want, best = fmt.Sprintf("t%d", i), score
			}
		}
		text.WriteString("  - {send: push, template: after}\n")
		p := compileText(t, text.String(), "")
		var out Effects
		body := schemas.Fields{}.Set("yes", true).Set("no", false).Set("zero", int64(0)).Set("one", int64(1)).Set("text", "x")
		p.Step("c", schemas.NewDocument(), Input{Event: &schemas.Event{ID: "e", Customer: "c", Type: "a", Time: caseStart, Body: body}}, &out)
		got := "none"
		if len(out.Actions) == 2 {
			got = out.Actions[0].Template
		}
		if got != want {
			rt.Fatalf("%s\ntakes %s, want %s", text.String(), got, want)
		}
	})
}
