package oracle

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	engine "wend/engine/journey"
	"wend/schemas"
)

// TestFindings: in no case that the generator makes does a condition come out otherwise than Check says it always does, is
// a step reached that nothing leads to, or does an enrollment make more sends in a day than the most. It takes a third of the
// cases, as each is explained.
func TestFindings(t *testing.T) {
	b := &bench{dir: t.TempDir(), almanac: newAlmanac()}
	may := map[string]bool{}
	for name := range constructs(t) {
		may[name] = true
	}
	found, judged, counted := 0, 0, 0
	for seed := *firstCase; seed < *firstCase+uint64(*cases)/3; seed++ {
		s := generate(t, seed, may)
		if _, wrong := b.load(s); wrong != "" {
			continue
		}
		ws, _ := engine.Load(b.dir)
		p, problems, c := engine.Check(ws)
		if p == nil {
			t.Fatalf("seed %d: %v", seed, problems)
		}
		found += len(c.Findings)
		until := s.until
		if until == forever {
			until = schemas.NoTime
		}
		sim, err := engine.SimulateLog(p, strings.NewReader(strings.Join(s.log, "\n")), engine.SimulateOptions{Until: until, Trace: true, Explain: true}, func(*schemas.Action) {}, func(int, string) {})
		if err != nil {
			continue
		}
		sends := map[string][]int64{}
		for _, d := range sim.Trace() {
			for i := range c.Findings {
				f := &c.Findings[i]
				if d.Journey != f.Journey || d.Step != f.Step {
					continue
				}
				wrong := f.Kind == engine.Unreachable && d.Kind == engine.DecidedReached
				if d.Kind == engine.DecidedJudged && d.Judged != nil && d.Judged.Source == f.Source && (f.Kind == engine.AlwaysTrue || f.Kind == engine.AlwaysFalse) {
					judged++
					wrong = d.Judged.Holds != (f.Kind == engine.AlwaysTrue)
				}
				if wrong {
					t.Fatalf("seed %d: %s\nand yet %s\n%s", seed, f.Problem, d.Text(), s)
				}
			}
			who := fmt.Sprintf("%s %s %d ", d.Customer, d.Journey, d.Enrollment)
			switch d.Kind {
			case engine.DecidedSent, engine.DecidedWithheld:
				sends[who+d.Action.Channel] = append(sends[who+d.Action.Channel], d.Time)
				sends[who] = append(sends[who], d.Time)
			case engine.DecidedDeferred: // to a time that nobody bounds where the customer moves
				sends[who+"deferred"] = nil
			}
		}
		for who, times := range sends {
			parts := strings.SplitN(who, " ", 4)
			_, deferred := sends[strings.Join(parts[:3], " ")+" deferred"]
			i := slices.IndexFunc(c.Most, func(m engine.Most) bool { return m.Journey == parts[1] && m.Channel == parts[3] })
			if deferred || i < 0 || c.Most[i].Bound {
				continue
			}
			for k := range times {
				n := 1
				for n+k < len(times) && times[k+n]-times[k] < 24*60*60*1000 {
					n++
				}
				if counted++; n > c.Most[i].Sends {
					t.Fatalf("seed %d: %s makes %d sends in a day, and the most is said to be %d\n%s", seed, who, n, c.Most[i].Sends, s)
				}
			}
		}
	}
	t.Logf("%d findings, of which conditions were judged %d times; %d days counted", found, judged, counted)
	if *cases >= 300 && (judged < 5 || counted < 100) {
		t.Errorf("the law was not put to the test")
	}
}
