package check

import (
	"strings"

	"wend/engine/journey"
	"wend/engine/property"
)

// endless looks for a customer whose chain of emitted events is cut.
func endless(ws *journey.Workspace, f *journey.Finding, o Options) *Witness {
	p, _ := journey.Compile(ws)
	if p == nil {
		return nil
	}
	cut := func(t *property.Timeline) bool {
		for _, d := range t.Live(p, false).Trace {
			if d.Kind == journey.DecidedCut && d.Journey == f.Journey && d.Step == f.Step {
				return true
			}
		}
		return false
	}
	t := property.Search(ws, property.Options{Seed: 1, Runs: o.Runs, Logged: true}, cut)
	if t == nil {
		return nil
	}
	lived := t.Live(p, false)
	shows := ""
	for _, d := range lived.Trace {
		if d.Kind == journey.DecidedCut {
			shows = strings.TrimSpace(d.Text())
			break
		}
	}
	return &Witness{Problem: f.Problem, Events: lines(&lived), Shows: shows}
}
