package journey

import (
	"fmt"
	"strings"
	"testing"

	"wend/schemas"
)

func simulate(t *testing.T, p *Program, log string, o SimulateOptions) (actions, skipped []string, s *Simulation, err error) {
	t.Helper()
	s, err = SimulateLog(p, strings.NewReader(log), o,
		func(a *schemas.Action) {
			actions = append(actions, fmt.Sprintf("%d %s %s %s", a.DecidedAt, a.Customer, a.Template, a.Cause.EventID))
		},
		func(line int, reason string) { skipped = append(skipped, fmt.Sprintf("%d: %s", line, reason)) })
	return actions, skipped, s, err
}

func expectLines(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s: got\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

const waiting = "journey: j\nenter: {on: a, again: always}\nsteps: [{send: push, template: x}, {wait: 10ms}, {send: push, template: y}]"

func TestSimulateOrdersByDecidedAtCustomerDecision(t *testing.T) {
	actions, _, _, _ := simulate(t, compileText(t, waiting, ""), `{"event_id":"1","customer_id":"d","type":"a","ts":10}
{"event_id":"2","customer_id":"c","type":"a","ts":20}
{"event_id":"3","customer_id":"c","type":"a","ts":0}
{"event_id":"4","customer_id":"d","type":"a","ts":20}
`, SimulateOptions{Until: schemas.NoTime})
	expectLines(t, "actions", actions, "10 d x 1", "20 c x 2", "20 c x 3", "20 d x 4", "20 d y 1", "30 c y 2", "30 c y 3", "30 d y 4")
}

func TestSimulateReadsLines(t *testing.T) {
	actions, skipped, s, _ := simulate(t, compileText(t, waiting, ""), `{"customer_id":"c","type":"a"}
{"customer_id":"c","type":"a","ts":5}

nonsense
{"customer_id":7,"type":"a"}
{"customer_id":"c","ts":9}
{"customer_id":"c","type":"a","ts":"1970-01-01T00:00:00.006Z"}
{"customer_id":"c","type":"a","event_id":"7","ts":6}
{"customer_id":"c","type":"a"}`, SimulateOptions{Until: 5})
	expectLines(t, "actions", actions, "5 7 x 5", "5 c x 2", "6 c x 7", "6 c x 9")
	if len(skipped) != 3 || !strings.HasPrefix(skipped[0], "1: it has no time") || !strings.HasPrefix(skipped[1], "4: ") || skipped[2] != "6: type is missing: an event needs it" {
		t.Errorf("skipped %q", skipped)
	}
	if c := s.Counters(); c.Events != 4 || c.Duplicates != 1 {
		t.Errorf("%+v", c)
	}
}

func TestSimulateUntilIsInclusive(t *testing.T) {
	log := `{"customer_id":"c","type":"a","ts":5}`
	for until, want := range map[int64]int{14: 1, 15: 2} {
		if actions, _, _, err := simulate(t, compileText(t, waiting, ""), log, SimulateOptions{Until: until}); len(actions) != want || err != nil {
			t.Errorf("until %d: %q, %v", until, actions, err)
		}
	}
}

func TestSimulateEndsWhatDoesNotEnd(t *testing.T) {
	p := compileText(t, "journey: j\nenter: {on: [a, e], again: always}\nsteps: [{wait: 1h}, {emit: e}]", "")
	log := `{"customer_id":"c","type":"a","ts":5}`
	_, _, _, err := simulate(t, p, log, SimulateOptions{Until: schemas.NoTime})
	if err == nil || !strings.Contains(err.Error(), "--until") {
		t.Errorf("got %v", err)
	}
	if _, _, s, err := simulate(t, p, log, SimulateOptions{Until: 5 + 10*3_600_000}); err != nil || s.Counters().Timers != 10 {
		t.Errorf("%v, %+v", err, s.Counters())
	}
}

func TestSimulateTraces(t *testing.T) {
	_, _, s, _ := simulate(t, compileText(t, waiting, ""), `{"customer_id":"c","type":"a","ts":5}`, SimulateOptions{Until: schemas.NoTime, Trace: true})
	var got []string
	for _, d := range s.Trace() {
		got = append(got, d.Customer+" "+d.String())
	}
	expectLines(t, "trace", got,
		"c 1970-01-01T00:00:00.005Z j#1 entered by a 1",
		"c 1970-01-01T00:00:00.005Z j#1 x reached",
		"c 1970-01-01T00:00:00.005Z j#1 x sent (push x)",
		"c 1970-01-01T00:00:00.005Z j#1 steps[1] reached",
		"c 1970-01-01T00:00:00.005Z j#1 steps[1] waiting until 1970-01-01T00:00:00.015Z",
		"c 1970-01-01T00:00:00.015Z j#1 steps[1] timer",
		"c 1970-01-01T00:00:00.015Z j#1 y reached",
		"c 1970-01-01T00:00:00.015Z j#1 y sent (push y)",
		"c 1970-01-01T00:00:00.015Z j#1 steps[1] exit completed by a 1",
	)
}
