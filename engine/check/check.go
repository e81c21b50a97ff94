// Package check shows what a checker of workspaces says: it searches for timelines of a customer, of which each is a log that
// `wend simulate` takes, and in which what was said comes about. Of two journeys and a cap it says nothing without one.
// Chance comes from a seed, and how much is tried is a number: the same workspace gives the same answer each time.
package check

import (
	"fmt"
	"strings"

	"wend/engine/journey"
	"wend/engine/property"
	"wend/schemas/yamlfile"
)

// Options say how much is tried.
type Options struct {
	Runs      int  // timelines tried for each question; 0: DefaultRuns
	Witnesses bool // also for the findings of journey.Check, which are proved without
}

// DefaultRuns is how many timelines are tried for a question.
const DefaultRuns = 400

// maxPairs bounds how many pairs of journeys are tried for one cap.
const maxPairs = 24

// Witness is a timeline that shows a problem.
type Witness struct {
	Problem yamlfile.Problem
	Events  []string // lines of a log, as wend simulate takes it
	Shows   string   // what comes of it, in a line
}

// Result is what was found.
type Result struct {
	Problems  yamlfile.Problems // that only a witness tells of; they are warnings
	Witnesses []Witness         // in the order of what they show
}

// Run looks for witnesses of what Check found in a workspace that compiles.
func Run(ws *journey.Workspace, c *journey.Checked, o Options) Result {
	if o.Runs == 0 {
		o.Runs = DefaultRuns
	}
	var out Result
	for i := range c.Contests {
		if w := contest(ws, &c.Contests[i], o); w != nil {
			out.Problems = append(out.Problems, w.Problem)
			out.Witnesses = append(out.Witnesses, *w)
		}
	}
	if o.Witnesses {
		for i := range c.Findings {
			f := &c.Findings[i]
			var w *Witness
			switch f.Kind {
			case journey.AlwaysTrue, journey.AlwaysFalse:
				w = constant(ws, f, o)
			case journey.Endless:
				w = endless(ws, f, o)
			}
			if w != nil {
				out.Witnesses = append(out.Witnesses, *w)
			}
		}
	}
	return out
}

// alone is the workspace with some of its journeys.
func alone(ws *journey.Workspace, names ...string) *journey.Workspace {
	some := *ws
	some.Journeys, some.Tests, some.Properties = nil, nil, nil
	for _, j := range ws.Journeys {
		for _, name := range names {
			if j.Name.Value == name {
				some.Journeys = append(some.Journeys, j)
			}
		}
	}
	return &some
}

// contest looks for a customer to whom two journeys, of whom each alone keeps within the cap, send more than it lets through.
func contest(ws *journey.Workspace, c *journey.Contest, o Options) *Witness {
	pairs := 0
	for i, a := range c.Shares {
		for _, b := range c.Shares[i+1:] {
			if a.Sends > c.Max || b.Sends > c.Max || a.Sends+b.Sends <= c.Max {
				continue
			}
			if pairs++; pairs > maxPairs {
				return nil
			}
			if w := pair(ws, c, a, b, o); w != nil {
				return w
			}
		}
	}
	return nil
}

func pair(ws *journey.Workspace, c *journey.Contest, a, b journey.Share, o Options) *Witness {
	two := alone(ws, a.Journey, b.Journey)
	p, _ := journey.Compile(two)
	if p == nil {
		return nil
	}
	t := property.Search(two, property.Options{Seed: 1, Runs: o.Runs, Logged: true}, func(t *property.Timeline) bool {
		return stopped(t.Live(p, false).Trace, c.Name) != nil
	})
	if t == nil {
		return nil
	}
	lived := t.Live(p, false)
	d := stopped(lived.Trace, c.Name)
	return &Witness{
		Problem: yamlfile.Problem{Pos: c.Pos, Severity: yamlfile.Warning, Message: fmt.Sprintf(
			"one enrollment of %s (%d) and one of %s (%d) together can make %d sends within %s that %s counts, which lets %d leave: more are stopped",
			a.Journey, a.Sends, b.Journey, b.Sends, a.Sends+b.Sends, c.Per, c.Name, c.Max)},
		Events: lines(&lived),
		Shows:  fmt.Sprintf("%s stops %s of %s", c.Name, strings.TrimSpace(d.Detail), d.Journey),
	}
}

// stopped is the first send that the cap stopped, where each journey has one enrollment and no send of the journey itself
// was counted as often as the cap lets leave.
func stopped(trace []journey.Traced, cap_ string) *journey.Decision {
	for i := range trace {
		d := &trace[i].Decision
		switch d.Kind {
		case journey.DecidedEntered:
			if d.Enrollment > 1 {
				return nil
			}
		case journey.DecidedStopped:
			if d.Reason == cap_ {
				return d
			}
		}
	}
	return nil
}

func lines(l *property.Lived) []string {
	out := make([]string, len(l.Events))
	for i := range l.Events {
		out[i] = property.Line(&l.Events[i])
	}
	return out
}
