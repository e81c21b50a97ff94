package oracle

import (
	"bytes"
	"fmt"
	"maps"
	"testing"
	"time"

	engine "wend/engine/journey"
	"wend/schemas"
)

// TestPlain: a program that asks few journeys at an event and judges most conditions by their terms decides, counts and
// remembers what one does that asks all, each by the interpreter (engine.Release.Plain). The workspaces are those of the
// oracle, with each journey several times, so that many are on one type. Run a case again with -oracle.seed N -oracle.cases 1.
func TestPlain(t *testing.T) {
	may := map[string]bool{}
	for name := range constructs(t) {
		may[name] = true
	}
	n := *cases / 3 // each takes long, as there are many journeys
	if testing.Short() {
		n /= 15
	}
	refused := 0
	for seed := *firstCase; seed < *firstCase+uint64(n); seed++ {
		s := generate(t, seed, may)
		if seed%2 == 0 {
			s = generateVersions(t, seed, may)
		}
		s.repeatJourneys()
		if len(s.log) > 60 {
			s.log = s.log[:60] // crowds have nothing to do with it
		}
		quick, wrong := newReleased(s, false)
		plain, wrongToo := newReleased(s, true)
		if wrong != wrongToo {
			t.Fatalf("seed %d: %q, plainly %q", seed, wrong, wrongToo)
		}
		if wrong != "" {
			refused++
			continue
		}
		quick.runUntold(t, s)
		plain.runUntold(t, s)
		for i := range max(len(quick.told), len(plain.told)) {
			if i >= len(quick.told) || i >= len(plain.told) || quick.told[i] != plain.told[i] {
				have, want := lineOf(quick.told, i), lineOf(plain.told, i)
				t.Fatalf("seed %d differs:\n%s\nplainly\n%s\n%s", seed, have, want, s)
			}
		}
		for name, doc := range quick.docs {
			other := plain.docs[name]
			if !bytes.Equal(doc.Append(nil), other.Append(nil)) {
				t.Fatalf("seed %d: another document of %s:\n%+v\n%+v\nplainly\n%+v\n%+v\n%s", seed, name, doc, quick.p.Remembered(doc), other, plain.p.Remembered(other), s)
			}
		}
	}
	if refused*2 > n {
		t.Errorf("%d of %d cases do not load", refused, n)
	}
}

func lineOf(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "nothing more"
}

// repeatJourneys gives each journey of a case further names.
func (s *scenario) repeatJourneys() {
	again := func(journeys []map[string]any) []map[string]any {
		all := journeys
		for k := range 3 {
			for _, j := range journeys {
				other := maps.Clone(j)
				other["journey"] = fmt.Sprintf("%v-%d", j["journey"], k)
				all = append(all, other)
			}
		}
		return all
	}
	s.journeys = again(s.journeys)
	for _, x := range s.changes {
		if x.journeys != nil {
			x.journeys = again(x.journeys)
		}
	}
}

// runUntold runs a case without a trace, for as long as a trial can last.
func (r *released) runUntold(t *testing.T, s *scenario) {
	t.Helper()
	r.out.Tracing = false
	bounded := *s
	if s.until == forever {
		bounded.until = schemas.NoTime
	}
	if _, err := r.run(&bounded); err != nil {
		t.Fatalf("%v\n%s", err, s)
	}
	if s.until == forever {
		for _, name := range keysOf(r.docs) {
			r.step(name, engine.Input{Until: r.docs[name].Time + (48 * time.Hour).Milliseconds()})
		}
	}
}
