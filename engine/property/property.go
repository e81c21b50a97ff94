// Package property searches for a customer to whom something happens that a workspace says must never happen, and makes
// the smallest such customer it can. It drives the simulation of the pure core; chance comes from a seed, so a search
// finds the same each time.
package property

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"wend/engine/journey"
	"wend/schemas"
	"wend/schemas/yamlfile"
)

// Result is what a search came to.
type Result struct {
	Property *journey.Property
	Runs     int             // timelines tried
	Sends    int             // actions that the property counts, over all of them: 0 says that it was never put to the test
	Found    *Counterexample // nil: the property held
}

// Counterexample is the smallest timeline found that breaks a property.
type Counterexample struct {
	Timeline Timeline
	Why      string           // in a line
	Sends    []schemas.Action // what the customer got, in order of decision
	Trace    []string
}

// Run searches for each property of a workspace that compiles, each with the journeys that it names.
func Run(ws *journey.Workspace) ([]Result, error) {
	var out []Result
	programs := map[string]*journey.Program{}
	for _, prop := range ws.Properties {
		name := ""
		of := ws
		if prop.Journey != nil {
			name = prop.Journey.Value
			of = alone(ws, name)
		}
		p := programs[name]
		if p == nil {
			var problems yamlfile.Problems
			if p, problems = journey.Compile(of); p == nil {
				return nil, fmt.Errorf("property %s: %v", yamlfile.Quote(prop.Name), problems)
			}
			programs[name] = p
		}
		out = append(out, search(prop, p, newVocabulary(of, prop)))
	}
	return out, nil
}

// alone is the workspace with one of its journeys.
func alone(ws *journey.Workspace, name string) *journey.Workspace {
	one := *ws
	one.Journeys, one.Tests, one.Properties = nil, nil, nil
	for _, j := range ws.Journeys {
		if j.Name.Value == name {
			one.Journeys = append(one.Journeys, j)
		}
	}
	return &one
}

func search(prop *journey.Property, p *journey.Program, v *vocabulary) Result {
	r := Result{Property: prop}
	for i := range prop.Runs {
		chance := rand.New(rand.NewPCG(uint64(prop.Seed), uint64(i)))
		t := v.timeline(chance)
		seen := simulate(p, &t, prop.Never.After, false)
		r.Runs++
		r.Sends += seen.counted(&prop.Never)
		if _, broken := seen.breaks(&prop.Never); broken {
			r.Found = example(prop, p, shrink(v, t, func(t *Timeline) bool {
				_, broken := simulate(p, t, prop.Never.After, false).breaks(&prop.Never)
				return broken
			}))
			break
		}
	}
	return r
}

func example(prop *journey.Property, p *journey.Program, t Timeline) *Counterexample {
	seen := simulate(p, &t, prop.Never.After, true)
	why, _ := seen.breaks(&prop.Never)
	return &Counterexample{Timeline: t, Why: why, Sends: seen.sends, Trace: seen.trace}
}

// breaks says how a life breaks a property, if it does.
func (l *life) breaks(n *journey.Never) (why string, broken bool) {
	if n.After != "" {
		for i := range l.sends {
			if l.after[i] && counts(n, &l.sends[i]) {
				return fmt.Sprintf("%s %s at +%s, after %s", l.sends[i].Channel, l.sends[i].Template, offset(l.sends[i].DecidedAt-start), n.After), true
			}
		}
		return "", false
	}
	var at []int64
	for i := range l.sends {
		if !counts(n, &l.sends[i]) {
			continue
		}
		at = append(at, l.sends[i].DecidedAt)
		if k := len(at) - 1 - n.Max; k >= 0 && at[len(at)-1]-at[k] < n.Window {
			return fmt.Sprintf("%d from +%s to +%s", n.Max+1, offset(at[k]-start), offset(at[len(at)-1]-start)), true
		}
	}
	return "", false
}

func (l *life) counted(n *journey.Never) int {
	sum := 0
	for i := range l.sends {
		if counts(n, &l.sends[i]) {
			sum++
		}
	}
	return sum
}

func counts(n *journey.Never, a *schemas.Action) bool {
	return (n.Channel == "" || n.Channel == a.Channel) && (n.Template == "" || n.Template == a.Template)
}

func offset(ms int64) string {
	if ms == 0 {
		return "0s"
	}
	return yamlfile.FormatDuration(ms)
}

// String is the counterexample as the events of a test, which can be put into tests/*.yaml, with what came of it.
func (c *Counterexample) String() string {
	var b strings.Builder
	b.WriteString(c.Timeline.String())
	for i := range c.Sends {
		a := &c.Sends[i]
		fmt.Fprintf(&b, "# +%s %s %s\n", offset(a.DecidedAt-start), a.Channel, a.Template)
	}
	return b.String()
}
