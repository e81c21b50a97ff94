package journey

import (
	"fmt"
	"strings"
	"testing"
)

const testedJourney = `
journey: j
enter: {on: a}
goal: {on: buy, within: 1d}
exit: [{on: stop, reason: stopped}]
steps:
  - wait: 30m
  - {send: push, template: x, with: {sku: "{{ enter.sku }}", price: "{{ enter.price }}", name: "{{ profile.name }}"}}
  - await:
      within: 1h
      events: [{on: b, do: [{send: push, template: came}]}]
      timeout: [{send: push, template: late}]
  - branch:
      - {if: enter.price > 100, do: [{send: push, template: dear}]}
      - {do: []}
---
journey: other
enter: {on: a}
steps: [{send: push, template: not-in-tests}]
`

func runTests(t *testing.T, tests string) *TestResults {
	t.Helper()
	ws, problems := Load(workspace(t, map[string]string{
		"journeys/all.yaml": testedJourney, "profile.yaml": "attributes: {name: string, vip: bool}", "tests/all.yaml": tests,
	}))
	r, more := RunTests(ws)
	if problems = append(problems, more...); problems.Failed() {
		t.Fatal(problems)
	}
	return r
}

const goodTest = `
test: good
journey: j
profile: {name: Li}
start: 2026-03-01T10:00:00+08:00
events:
  - {at: 0m, type: a, sku: s1, price: 30}
  - {at: 10m, type: a}
  - {at: 45m, type: b}
  - {at: 50m, type: buy}
expect:
  - {at: 10m, refused: already_enrolled}
  - {at: 30m, send: push, template: x, with: {sku: s1, price: 30.0}}
  - {at: 45m, send: push, template: came}
  - {at: 45m, exit: completed}
  - {at: 50m, goal: true}
`

func TestRunTests(t *testing.T) {
	r := runTests(t, goodTest)
	if !r.Passed() || len(r.Tests) != 1 || r.Tests[0].Name != "good" || len(r.Tests[0].Lines) != 5 {
		t.Fatalf("%+v", r)
	}
	if len(r.Coverage) != 2 {
		t.Fatalf("coverage of %d journeys", len(r.Coverage))
	}
	if c := r.Coverage[1]; c.Journey != "other" || c.All != 1 || c.Reached != 0 || len(c.Missed) != 1 {
		t.Errorf("of a journey without tests: %+v", c)
	}
	var missed []string
	for _, m := range r.Coverage[0].Missed {
		missed = append(missed, fmt.Sprintf("%d:%d %s", m.Pos.Line, m.Pos.Col, m.Place))
	}
	expectLines(t, "missed", missed, "9:5 steps[2].await.timeout", "12:17 steps[2].await.timeout[0]", "14:9 steps[3].branch[0]", "14:38 steps[3].branch[0].do[0]")
	if c := r.Coverage[0]; c.All != 11 || c.Reached != 7 {
		t.Errorf("reached %d of %d", c.Reached, c.All)
	}
}

// TestTestsFail changes one thing of a good test each.
func TestTestsFail(t *testing.T) {
	for name, c := range map[string]struct{ from, to, want string }{
		"one send too few":  {"  - {at: 45m, send: push, template: came}\n", "", "got at 45m: send push came, which is not expected"},
		"one send too many": {"  - {at: 50m, goal", "  - {at: 46m, send: sms}\n  - {at: 50m, goal", "expected at 46m: send sms, which did not come"},
		"at is exact":       {"{at: 30m, send: push, template: x, with: {sku: s1, price: 30.0}}", "{at: 31m, send: push, template: x}", `expected at 31m: send push x, got at 30m: send push x with {"name":"Li","price":30,"sku":"s1"}`},
		"channel":           {"{at: 45m, send: push", "{at: 45m, send: sms", "expected at 45m: send sms came, got at 45m: send push came"},
		"template":          {"template: came", "template: other", "expected at 45m: send push other, got at 45m: send push came"},
		"with":              {"price: 30.0", "price: 31", `expected at 30m: send push x with {"price":31,"sku":"s1"}, got at 30m: send push x with {"name":"Li","price":30,"sku":"s1"}`},
		"goal":              {"  - {at: 50m, goal: true}\n", "", "got at 50m: goal, which is not expected"},
		"exit":              {"exit: completed", "exit: stopped", "expected at 45m: exit stopped, got at 45m: exit completed"},
		"refused":           {"refused: already_enrolled", "refused: limit", "expected at 10m: refused limit, got at 10m: refused already_enrolled"},
		"stopped":           {"  - {at: 50m, goal", "  - {at: 46m, stopped: consent}\n  - {at: 50m, goal", "expected at 46m: stopped consent, which did not come"},
		"order":             {"  - {at: 45m, send: push, template: came}\n  - {at: 45m, exit: completed}\n  - {at: 50m, goal: true}\n", "  - {goal: true}\n  - {send: push, template: came}\n", "expected at any time: goal, which did not come"},
	} {
		t.Run(name, func(t *testing.T) {
			text := replaceOnce(t, goodTest, c.from, c.to)
			r := runTests(t, text)
			if r.Passed() || len(r.Tests[0].Trace) == 0 {
				t.Fatal("passed")
			}
			if len(r.Tests[0].Failures) == 0 || r.Tests[0].Failures[0] != c.want {
				t.Errorf("got  %q\nwant %q", r.Tests[0].Failures, c.want)
			}
		})
	}
}

func replaceOnce(t *testing.T, text, from, to string) string {
	t.Helper()
	before, after, ok := strings.Cut(text, from)
	if !ok {
		t.Fatalf("%q is not in the text", from)
	}
	return before + to + after
}

// TestCoverageOfWays: what counts as a branch of wait, choose and repeat, and which way a test went.
func TestCoverageOfWays(t *testing.T) {
	const journey = `
journey: j
enter: {on: a, again: always}
steps:
  - wait: {until: enter.t, past: exit}
  - repeat:
      times: 2
      until: enter.n == 1
      do: [{wait: 1h}]
  - repeat: {times: 2, do: [{wait: 1h}]}
  - choose:
      - {name: one, if: enter.n == 1, score: 2, do: [{send: push, template: one}]}
      - {name: two, score: 1, do: []}
`
	const all = 7 + 1 + 2 + 2 // steps, and ways of the wait, of the repeat with until, of choose
	for name, c := range map[string]struct {
		events, expect string
		missed         []string
	}{
		"past": {"{at: 0m, type: a, t: 0}", "{at: 0m, exit: past}", []string{
			"6:5 steps[1]", "6:5 steps[1].repeat.until", "6:5 steps[1].repeat.times", "9:12 steps[1].repeat.do[0]", "10:5 steps[2]",
			"10:29 steps[2].repeat.do[0]", "11:5 steps[3]", "12:9 steps[3].choose[0]", "12:54 steps[3].choose[0].do[0]", "13:9 steps[3].choose[1]",
		}},
		"until": {`{at: 0m, type: a, t: "2026-03-02", n: 1}`, "{at: 17h, send: push}", []string{
			"5:5 steps[0].wait.past", "6:5 steps[1].repeat.times", "13:9 steps[3].choose[1]",
		}},
		"times": {`{at: 0m, type: a, t: "2026-03-02", n: 2}`, "{at: 18h, exit: completed}", []string{
			"5:5 steps[0].wait.past", "6:5 steps[1].repeat.until", "12:9 steps[3].choose[0]", "12:54 steps[3].choose[0].do[0]",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			ws, problems := Load(workspace(t, map[string]string{
				"journeys/all.yaml": journey,
				"tests/all.yaml":    "test: t\njourney: j\nstart: 2026-03-01T10:00:00Z\nevents: [" + c.events + "]\nexpect: [" + c.expect + "]\n",
			}))
			r, more := RunTests(ws)
			if problems = append(problems, more...); problems.Failed() {
				t.Fatal(problems)
			}
			if !r.Passed() {
				t.Errorf("%q %q", r.Tests[0].Failures, r.Tests[0].Trace)
			}
			var missed []string
			for _, m := range r.Coverage[0].Missed {
				missed = append(missed, fmt.Sprintf("%d:%d %s", m.Pos.Line, m.Pos.Col, m.Place))
			}
			expectLines(t, "missed", missed, c.missed...)
			if got := r.Coverage[0]; got.All != all || got.All-got.Reached != len(c.missed) {
				t.Errorf("reached %d of %d, missed %d", got.Reached, got.All, len(c.missed))
			}
		})
	}
}
