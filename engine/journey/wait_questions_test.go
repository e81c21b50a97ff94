package journey

import (
	"fmt"
	"strings"
	"testing"

	"wend/schemas"
)

// What a waiting enrollment raises questions about, each with a test of that name. How the cases are written:
// TestSentences.

// answers compares what is decided, line by line.
func answers(t *testing.T, journeys, events, want string) {
	t.Helper()
	got := runCase(t, map[string]string{"journeys": journeys, "events": events})
	if got != strings.TrimLeft(want, "\n") {
		t.Errorf("got:\n%swant:%s", got, want)
	}
}

// TestLookBack: may an event that came before the await was reached count? With `since: enter`, unless it moved the
// enrollment already; without, not.
func TestLookBack(t *testing.T) {
	const journeys = `
journey: back
enter: {on: a}
steps:
  - {wait: 1h}
  - await:
      within: 1h
      events: [{on: paid, since: enter, if: event.n > 1, do: [{send: push, template: thanks, with: {n: "{{ event.n }}"}}]}]
      timeout: [{send: push, template: reminder}]
---
journey: forward
enter: {on: a}
steps:
  - {wait: 1h}
  - await: {within: 1h, events: [{on: paid, do: [{send: push, template: thanks-again}]}], timeout: [{send: push, template: reminder}]}
`
	answers(t, journeys, `
0m c a
10m c paid n=1
20m c paid n=2
30m c paid n=3
0m before paid n=2
1m before a
`, `
2h1m before back#1 sent push reminder <- e6
2h1m before forward#1 sent push reminder <- e6
1h c back#1 sent push thanks {"n":2} <- e3
2h c forward#1 sent push reminder <- e1
`)
}

// TestKey: does an event of another key answer? Each enrollment judges for itself, by what it kept of its own entry.
func TestKey(t *testing.T) {
	answers(t, `
journey: j
enter: {on: cart, key: event.cart}
steps:
  - await:
      within: 1h
      events: [{on: paid, if: event.cart == enter.cart, do: [{send: push, template: thanks, with: {cart: "{{ event.cart }}"}}]}]
      timeout: [{send: push, template: reminder, with: {cart: "{{ enter.cart }}"}}]
`, `
0m c cart cart=k1
1m c cart cart=k2
2m c cart cart=42
3m c paid cart=k2
4m c paid cart=k3
5m c paid cart=42
6m c paid
`, `
3m c j/k2#2 sent push thanks {"cart":"k2"} <- e4
5m c j/42#3 sent push thanks {"cart":42} <- e6
1h c j/k1#1 sent push reminder {"cart":"k1"} <- e1
`)
}

// TestTieBetweenBranches: which of two that fit one event? The first listed; of a goal, an exit and an await, in this
// order.
func TestTieBetweenBranches(t *testing.T) {
	answers(t, `
journey: j
enter: {on: a}
goal: {on: done, if: event.n > 3}
exit: [{on: done, if: event.n > 2, reason: enough}]
steps:
  - await:
      within: 1h
      events:
        - {on: [other, done], if: event.n == 1, do: [{send: push, template: first}]}
        - {on: done, do: [{send: push, template: second}]}
        - {on: done, if: event.n > 0, do: [{send: push, template: third}]}
`, `
0m one a
1m one done n=1
0m two a
1m two done n=2
0m three a
1m three done n=3
0m four a
1m four done n=4
`, `
1m one j#1 sent push first <- e2
1m two j#1 sent push second <- e4
1m three j#1 exit enough
1m four j#1 goal
`)
}

// TestEventAtTheDeadline: an event at the very instant of the deadline comes first; a millisecond later it is late.
func TestEventAtTheDeadline(t *testing.T) {
	answers(t, `
journey: j
enter: {on: a}
steps:
  - {await: {within: 10m, events: [{on: b, do: [{send: push, template: came}]}], timeout: [{send: push, template: late}]}}
  - {wait: {at: "01:00"}}
  - {await: {within: 1d, events: [{on: b, do: [{send: push, template: next}]}]}}
`, `
0m c a
10m c b
1h c b
0m d a
10m1ms d b
1h1ms d b
`, `
10m c j#1 sent push came <- e2
10m d j#1 sent push late <- e4
1h1ms d j#1 sent push next <- e6
`)
}

// TestSameBatch: events of one batch are decided on one after another, each at its own time, wherever between them the
// document is committed and read again.
func TestSameBatch(t *testing.T) {
	p := compileText(t, `
journey: j
enter: {on: a, key: event.k}
goal: {on: paid, if: event.k == enter.k}
steps:
  - wait: {for: 10m, at: "00:30"}
  - {send: push, template: reminder}
  - repeat:
      times: 3
      until: enter.k == "k2"
      do:
        - await:
            within: 10m
            events: [{on: b, since: enter, do: [{send: push, template: b, with: {n: "{{ event.n }}"}}]}, {on: r, reset: true}]
        - choose: [{score: enter.n, do: [{send: push, template: low}]}, {score: 5, do: [{send: push, template: high}]}]
`, "")
	log := strings.Split(strings.TrimSpace(`
0m c a k=k1 n=1
0m c a k=k2 n=9
1m c b n=1
29m59s c paid k=k3
30m c r
31m c b n=2
39m c r
60m c b n=3
60m c paid k=k1
`), "\n")
	run := func(commits int) string {
		doc := schemas.NewDocument()
		reader := schemas.NewDocumentReader()
		var out Effects
		for i, line := range log {
			p.Step("c", doc, Input{Event: parseCaseEvent(t, i+1, line)}, &out)
			if commits&(1<<i) != 0 {
				var err error
				if doc, err = reader.Read(doc.Append(nil)); err != nil {
					t.Fatal(err)
				}
			}
		}
		p.Step("c", doc, Input{Until: caseTime(t, "10d")}, &out)
		var b strings.Builder
		for i := range out.Actions {
			b.Write(append(out.Actions[i].AppendJSON(nil), '\n'))
		}
		fmt.Fprintf(&b, "%x", doc.Append(nil))
		return b.String()
	}
	want := run(0)
	if strings.Count(want, "\n") != 9 {
		t.Fatalf("only these actions:\n%s", want)
	}
	for commits := 1; commits < 1<<len(log); commits++ {
		if got := run(commits); got != want {
			t.Fatalf("with commits behind the events %b:\n%s\nwithout:\n%s", commits, got, want)
		}
	}
}

// TestReset: an event that resets restarts the deadline at its own time, and becomes `event` and `cause`; in the next
// round of a repeat the count of resets begins anew.
func TestReset(t *testing.T) {
	var events strings.Builder
	events.WriteString("0m c a\n")
	for i := range 102 {
		fmt.Fprintf(&events, "%dm c more n=%d\n", i+1, i+1)
	}
	events.WriteString("115m c more n=103\n116m c stop\n")
	answers(t, `
journey: j
enter: {on: a}
steps:
  - repeat:
      times: 2
      do:
        - await: {within: 10m, events: [{on: more, reset: true}, {on: stop}], timeout: [{send: push, template: quiet, with: {n: "{{ event.n }}"}}]}
        - {send: push, template: x, with: {n: "{{ event.?n.orValue(0) }}"}}
`, events.String(), `
1h50m c j#1 sent push quiet {"n":100} <- e101
1h50m c j#1 sent push x {"n":100} <- e101
1h56m c j#1 sent push x {"n":0} <- e105
`)
}

// TestLateEvent: an event whose own time is past is handled when it comes, at the customer's time. It answers an await
// that stands, also one that was reached after the event's own time, and undoes nothing that was decided.
func TestLateEvent(t *testing.T) {
	answers(t, `
journey: j
enter: {on: a}
steps:
  - {wait: 10m}
  - {await: {within: 10m, events: [{on: b, do: [{send: push, template: came, with: {ts: "{{ event.ts }}", now: "{{ now }}"}}]}], timeout: [{send: push, template: late}]}}
  - {wait: 1h}
  - {send: push, template: after}
`, `
0m c a
15m c z
1m c b
0m d a
21m d z
1m d b
`, `
15m c j#1 sent push came {"now":"2026-01-01T00:15:00Z","ts":1767225660000} <- e3
20m d j#1 sent push late <- e4
1h15m c j#1 sent push after <- e3
1h20m d j#1 sent push after <- e4
`)
}

// TestPaused: what if the journey is paused while somebody waits? Waits, deadlines and awaits are held. The first event that
// fits in time is kept; goals count, entries do not. Resumed, what was due comes in its order, at that moment.
func TestPaused(t *testing.T) {
	parts := map[string]string{"journeys": `
journey: j
enter: {on: a}
goal: {on: bought}
steps:
  - await:
      within: 1h
      events: [{on: b, do: [{send: push, template: came, with: {n: "{{ event.n }}", now: "{{ now }}"}}]}]
      timeout: [{send: push, template: late}]
`, "events": `
0m answers a
0m silent a
0m buys a
10m pause j
20m answers b n=1
21m answers b n=2
30m buys bought
40m new a
61m silent b n=3
2h resume j
3h new a
`}
	const want = `20m answers j#1 held (b)
30m buys j#1 goal
40m new j refused paused
2h answers j#1 sent push came {"n":1,"now":"2026-01-01T02:00:00Z"} <- e5
4h new j#1 sent push late <- e11
2h silent j#1 sent push late <- e2
`
	if got := newReleases(t, parts).play(parts); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}

// TestMigrated: a document that another version of the journey wrote goes on where the step of the same id stands, and
// leaves where there is none; whatever else it holds harms nobody.
func TestMigrated(t *testing.T) {
	old := compileText(t, `
journey: j
enter: {on: a, again: always}
steps:
  - id: rounds
    repeat:
      times: 3
      do:
        - {id: w, wait: 1h}
        - {id: aw, await: {within: 1h, events: [{on: b}, {on: d, since: enter}]}}
  - {id: gone, wait: 1h}
`, "")
	for name, c := range map[string]struct{ journeys, events, want string }{
		"the step is there": {
			"steps: [{id: w, wait: 5m}, {send: push, template: x}]", "0m c a\n30m c z",
			"1h c j#1 sent push x <- e1\n",
		},
		"the step is gone": {
			"steps: [{wait: 1h}, {send: push, template: x}]", "0m c a\n30m c z",
			"1h c j#1 exit step_removed\n",
		},
		"the step does something else": {
			"steps: [{id: w, send: push, template: x}]", "0m c a\n30m c z",
			"1h c j#1 exit step_removed\n",
		},
		"a wait became an await: its deadline is what it was": {
			"steps: [{id: w, await: {within: 5h, events: [{on: b}], timeout: [{send: push, template: x}]}}]", "0m c a\n30m c z",
			"1h c j#1 sent push x <- e1\n",
		},
		"an await became a wait": {
			"steps: [{id: aw, wait: 5h}, {send: push, template: x}]", "0m c a\n90m c z",
			"2h c j#1 sent push x <- e1\n",
		},
		"early matches of an event that is no longer listed": {
			"steps: [{id: w, wait: 1h}, {id: aw, await: {within: 1h, events: [{on: b}], timeout: [{send: push, template: x}]}}]", "0m c a\n30m c d",
			"2h c j#1 sent push x <- e1\n",
		},
		"in the second round, of fewer": {
			"steps: [{id: rounds, repeat: {times: 1, do: [{id: w, wait: 1h}, {send: push, template: x}]}}]", "0m c a\n150m c z",
			"3h c j#1 sent push x <- e1\n",
		},
		"in the second round, of more": {
			"steps: [{id: rounds, repeat: {times: 4, do: [{id: w, wait: 1h}, {send: push, template: x}]}}]", "0m c a\n150m c z",
			"3h c j#1 sent push x <- e1\n4h c j#1 sent push x <- e1\n5h c j#1 sent push x <- e1\n",
		},
		"in a repeat that was none": {
			"steps: [{id: new, repeat: {times: 2, do: [{id: w, wait: 1h}, {send: push, template: x}]}}]", "0m c a\n30m c z",
			"1h c j#1 sent push x <- e1\n2h c j#1 sent push x <- e1\n",
		},
		"the repeat is gone": {
			"steps: [{id: w, wait: 1h}, {send: push, template: x}]", "0m c a\n150m c z",
			"3h c j#1 sent push x <- e1\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			young := compileText(t, "journey: j\nenter: {on: never}\n"+c.journeys, "")
			doc := schemas.NewDocument()
			var out Effects
			for i, line := range strings.Split(c.events, "\n") {
				old.Step("c", doc, Input{Event: parseCaseEvent(t, i+1, line)}, &out)
			}
			doc = reread(t, doc)
			out.Reset()
			out.Tracing = true
			young.Step("c", doc, Input{Until: caseTime(t, "30d")}, &out)
			var got strings.Builder
			for i := range out.Decisions {
				got.WriteString(caseLine(&Traced{"c", out.Decisions[i]}))
			}
			if got.String() != c.want {
				t.Errorf("got:\n%swant:\n%s", got.String(), c.want)
			}
		})
	}
}
