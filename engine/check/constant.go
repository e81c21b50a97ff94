package check

import (
	"fmt"
	"slices"

	"wend/engine/journey"
	"wend/engine/property"
)

// constant looks for two customers whose events differ and of whom a condition is judged, and comes out the same. A
// condition that nobody gets to has no witness.
func constant(ws *journey.Workspace, f *journey.Finding, o Options) *Witness {
	if f.Journey == "" {
		return nil // of the profile or of policies, which nothing traces
	}
	one := alone(ws, f.Journey)
	p, _ := journey.Compile(one)
	if p == nil {
		return nil
	}
	holds := f.Kind == journey.AlwaysTrue
	first := property.Search(one, property.Options{Seed: 1, Runs: o.Runs, Logged: true}, func(t *property.Timeline) bool {
		return judged(t.Live(p, true).Trace, f) != ""
	})
	if first == nil {
		return nil
	}
	a := first.Live(p, true)
	seen := judged(a.Trace, f)
	// Another customer, who is judged by other values.
	second := property.Search(one, property.Options{Seed: 2, Runs: o.Runs, Logged: true}, func(t *property.Timeline) bool {
		l := t.Live(p, true)
		now := judged(l.Trace, f)
		return now != "" && now != seen && l.Events[0].Customer != a.Events[0].Customer
	})
	w := &Witness{Problem: f.Problem, Events: lines(&a), Shows: fmt.Sprintf("%s is %v: %s", f.Source, holds, seen)}
	if second != nil {
		b := second.Live(p, true)
		w.Events = append(w.Events, lines(&b)...)
		w.Shows += "; " + judged(b.Trace, f)
	}
	return w
}

// judged is how the condition came out where it was judged first, or "". It never comes out otherwise: that is proved.
func judged(trace []journey.Traced, f *journey.Finding) string {
	i := slices.IndexFunc(trace, func(d journey.Traced) bool {
		return d.Kind == journey.DecidedJudged && d.Judged != nil && d.Step == f.Step && d.Judged.Source == f.Source
	})
	if i < 0 {
		return ""
	}
	return trace[i].Judged.String()
}
