package property

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"wend/engine/journey"
	"wend/schemas"
)

// start is when each timeline begins: a Monday morning, so that hours and days of the week come about.
var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC).UnixMilli()

// customer is whose timeline it is, as in tests: the sticky draws follow from it.
const customer = "test"

// Timeline is a life of a customer: a profile, and events in their order.
type Timeline struct {
	Customer string // "": the customer of tests
	Profile  schemas.Fields
	Events   []Event
}

// Event comes so long after the one before, in ms.
type Event struct {
	Gap    int64
	Type   string
	Fields schemas.Fields
}

// lastSend as a field's value stands for the action id of the newest send, which only the simulation knows.
const lastSend = "(the newest action_id)"

func (t *Timeline) clone() Timeline {
	out := Timeline{Customer: t.Customer, Profile: slices.Clone(t.Profile), Events: slices.Clone(t.Events)}
	for i := range out.Events {
		out.Events[i].Fields = slices.Clone(out.Events[i].Fields)
	}
	return out
}

// String is the timeline as it stands in a test.
func (t *Timeline) String() string {
	var b strings.Builder
	if len(t.Profile) > 0 {
		b.WriteString("profile: " + flow(t.Profile) + "\n")
	}
	fmt.Fprintf(&b, "start: %s\nevents:\n", time.UnixMilli(start).UTC().Format(time.RFC3339))
	at := int64(0)
	for _, e := range t.Events {
		at += e.Gap
		fmt.Fprintf(&b, "  - {at: %s, type: %s", offset(at), e.Type)
		for _, f := range e.Fields {
			b.WriteString(", " + f.Name + ": " + string(schemas.AppendJSON(nil, f.Value)))
		}
		b.WriteString("}\n")
	}
	return b.String()
}

// flow writes fields as {a: 1, b: "x"}, which is YAML.
func flow(fields schemas.Fields) string {
	parts := make([]string, len(fields))
	for i, f := range fields {
		parts[i] = f.Name + ": " + string(schemas.AppendJSON(nil, f.Value))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// life is what came of a timeline.
type life struct {
	sends []schemas.Action // in order of decision
	after []bool           // for each send, whether it was decided by or after the first event of the type in question
	trace []string
}

// simulate lives a timeline; after is the event type behind which sends are marked.
func simulate(p *journey.Program, t *Timeline, after string, trace bool) *life {
	l := &life{}
	sim := journey.NewSimulation(p, journey.SimulateOptions{Until: schemas.NoTime, Trace: trace})
	doc := sim.Customer(customer)
	doc.Profile = slices.Clone(t.Profile)
	at, gone := start, false
	take := func() {
		sim.Take(func(a *schemas.Action) {
			l.sends = append(l.sends, *a)
			// Timers that fired ahead of the event in hand decided before it came.
			l.after = append(l.after, gone)
		})
	}
	for i, e := range t.Events {
		at += e.Gap
		// What is due ahead of the event is decided first, so that it can be told from what the event decides.
		sim.Advance(customer, at-1)
		take()
		gone = gone || e.Type == after
		fields := slices.Clone(e.Fields)
		for k := range fields {
			if fields[k].Value == lastSend {
				fields[k].Value = "none"
				if n := len(l.sends); n > 0 {
					fields[k].Value = l.sends[n-1].ID
				}
			}
		}
		sim.Offer(&schemas.Event{ID: strconv.Itoa(i + 1), Customer: customer, Type: e.Type, Time: at, Body: fields})
		take()
	}
	// A journey that starts itself for ever has been followed for long enough when Finish gives up.
	_ = sim.Finish()
	take()
	if trace {
		for _, d := range sim.Trace() {
			l.trace = append(l.trace, "+"+offset(d.Time-start)+" "+d.Text())
		}
	}
	return l
}
