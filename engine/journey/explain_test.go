package journey

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"wend/schemas"
)

// TestExplainChangesNothing: what is decided, and the trace of it, are the same whether somebody asks why or not; and each
// judgement says what evaluation says.
func TestExplainChangesNothing(t *testing.T) {
	ws, _ := Load("testdata/sample")
	p, problems := Compile(ws)
	if p == nil {
		t.Fatal(problems)
	}
	r := rand.New(rand.NewPCG(1, 1))
	types := slices.Sorted(maps.Keys(p.types))
	judged := 0
	for range 50 {
		var log strings.Builder
		at := int64(1767225600000)
		for i := range 40 {
			at += r.Int64N(3_600_000)
			fmt.Fprintf(&log, `{"event_id":"e%d","customer_id":"c","type":%q,"ts":%d,"cart_id":"k%d","sku":"s%d","price":%d}`+"\n",
				i, types[r.IntN(len(types))], at-r.Int64N(2)*r.Int64N(7_200_000), r.IntN(2), r.IntN(2), r.IntN(60))
		}
		run := func(explain bool) (lines, actions []string) {
			s, err := SimulateLog(p, strings.NewReader(log.String()), SimulateOptions{Until: schemas.NoTime, Trace: true, Explain: explain},
				func(a *schemas.Action) { actions = append(actions, string(a.AppendJSON(nil))) }, func(int, string) {})
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range s.Trace() {
				if d.Kind == DecidedJudged {
					judged++
					continue
				}
				lines = append(lines, d.String())
			}
			return lines, actions
		}
		lines, actions := run(false)
		explained, again := run(true)
		expectLines(t, "trace", explained, lines...)
		expectLines(t, "actions", again, actions...)
	}
	if judged < 500 {
		t.Errorf("only %d conditions were judged", judged)
	}
}

// TestExplainMoments: timers stand before the event ahead of which they fired, a late event at the customer's time, and
// everything of the simulation's trace is somewhere.
func TestExplainMoments(t *testing.T) {
	p := compileText(t, waiting, "")
	x, err := Explain(p, strings.NewReader(`{"event_id":"1","customer_id":"c","type":"a","ts":100}
{"event_id":"9","customer_id":"d","type":"a","ts":100}
{"event_id":"2","customer_id":"c","type":"b","ts":200}
{"event_id":"3","customer_id":"c","type":"a","ts":50}
nonsense
`), ExplainOptions{Customer: "c", Until: schemas.NoTime}, func(int, string) {})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	decisions := 0
	for _, m := range x.Moments {
		what := "timers"
		if m.Event != nil {
			what = fmt.Sprintf("%s of %d", m.Event.EventID, m.Event.Time)
		}
		got = append(got, fmt.Sprintf("%d %s", m.Time, what))
		decisions += len(m.Decisions)
	}
	expectLines(t, "moments", got, "100 1 of 100", "110 timers", "200 2 of 200", "200 3 of 50", "210 timers")
	if o := x.Journeys[0]; x.Events != 3 || o.Entered != 2 || o.Sent != 4 || decisions == 0 {
		t.Errorf("%d events, %+v", x.Events, o)
	}
}
