package journey

import (
	"fmt"
	"strings"
	"testing"

	"wend/schemas"
)

// TestRemembered: the newest decision of each kind that a trace has of an entry refused, a send that did not leave and an
// enrollment that ended is what the document remembers, with how often it was decided.
func TestRemembered(t *testing.T) {
	p := compileText(t, `
journey: cart
enter: {on: cart, if: event.price >= 20, again: {after: 1d}}
goal: {on: buy, within: 7d}
exit: [{on: bye}, {on: out, reason: had_enough}]
steps:
  - {send: push, template: first}
  - {wait: 1h}
  - {send: sms, template: second}
  - {wait: 1h}
  - {send: push, template: third}
  - {if: enter.price > 90, exit: rich}
`, "", `
channels:
  sms: {consent: profile.consent.sms}
  push: {quiet: {from: "22:00", to: "08:00"}, caps: [{max: 1, per: day}]}
`)
	const start = 1767348000000 // 2026-01-02T10:00:00Z
	var log strings.Builder
	for i, e := range []struct {
		hours float64
		kind  string
		price int
	}{{0, "cart", 5}, {0.1, "cart", 30}, {1, "cart", 40}, {2.5, "bye", 0}, {3, "buy", 0}, {37, "cart", 50}, {38, "out", 0}, {62, "cart", 95}, {90, "cart", 6}} {
		fmt.Fprintf(&log, `{"event_id":"e%d","customer_id":"c","type":%q,"ts":%d,"price":%d}`+"\n", i, e.kind, start+int64(e.hours*3_600_000), e.price)
	}
	sim, err := SimulateLog(p, strings.NewReader(log.String()), SimulateOptions{Until: schemas.NoTime, Trace: true}, func(*schemas.Action) {}, func(int, string) {})
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	times := map[string]int{}
	for _, d := range sim.Trace() {
		switch d.Kind {
		case DecidedRefused, DecidedStopped, DecidedDeferred, DecidedExit, DecidedGoal:
			if d.Kind == DecidedRefused || d.Kind == DecidedExit || d.Kind == DecidedGoal {
				d.Step = ""
			}
			name := fmt.Sprintf("%s %s %s %s", d.Journey, d.Kind, d.Step, d.Reason)
			if d.Kind == DecidedGoal {
				name += d.Detail // one after the end is another
			}
			times[name]++
			for i := range want {
				if strings.HasSuffix(want[i], name) {
					want = append(want[:i], want[i+1:]...)
					break
				}
			}
			want = append(want, fmt.Sprintf("%d %s", d.Time, name))
		}
	}
	for i := range want {
		_, name, _ := strings.Cut(want[i], " ")
		want[i] = fmt.Sprintf("%s ×%d", strings.TrimSuffix(want[i], "after its end"), times[name])
	}
	var got []string
	for _, r := range p.Remembered(sim.Customer("c")) {
		got = append(got, fmt.Sprintf("%d %s %s %s %s ×%d", r.At, r.Journey, r.Kind, r.Step, r.Reason, r.Times))
	}
	expectLines(t, "remembered", got, want...)
	if len(got) < 7 {
		t.Errorf("only %d decisions are remembered", len(got))
	}
}
