package property

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"wend/engine/journey"
	"wend/schemas"
)

// Options say how a search goes.
type Options struct {
	Seed uint64
	Runs int // timelines tried

	// Logged: only what a log of events can say, in which no customer begins with a profile; and a customer of another name
	// each time, so that draws come out differently.
	Logged bool
}

// Search draws timelines of the workspace's words until bad finds one, and makes it as small as it stays bad. It returns nil
// where none was found.
func Search(ws *journey.Workspace, o Options, bad func(*Timeline) bool) *Timeline {
	v := newVocabulary(ws, &journey.Property{})
	updates := bringing(ws)
	for i := range o.Runs {
		chance := rand.New(rand.NewPCG(o.Seed, uint64(i)))
		t := v.timeline(chance)
		if o.Logged {
			t.Customer = fmt.Sprintf("c%d", 1+i%16)
			t.log(chance, updates)
		}
		if bad(&t) {
			small := shrink(v, t, bad)
			return &small
		}
	}
	return nil
}

// brought is a field of an event that is a map of attributes.
type brought struct{ kind, field string }

// bringing are the events that set attributes as they come.
func bringing(ws *journey.Workspace) []brought {
	var out []brought
	for _, u := range ws.Profile.Updates {
		if u.SetAll == nil {
			continue
		}
		if m := eventFields.FindStringSubmatch(u.SetAll.Value); m != nil && m[0] == u.SetAll.Value {
			for _, on := range u.On {
				out = append(out, brought{on.Value, m[1]})
			}
		}
	}
	return out
}

// log puts into an event what the profile would begin with, if an event can bring it.
func (t *Timeline) log(chance *rand.Rand, updates []brought) {
	profile := t.Profile
	t.Profile = nil
	if len(updates) == 0 {
		return
	}
	// All consents: that nothing leaves without them is not what is looked for.
	consent := map[string]any{}
	for _, name := range []string{"push", "sms", "email"} {
		consent[name] = true
	}
	attributes := profile.Set("consent", consent).Map()
	by := updates[chance.IntN(len(updates))]
	first := Event{Type: by.kind, Fields: schemas.Fields{}.Set(by.field, attributes)}
	t.Events = slices.Insert(t.Events, 0, first)
}

// Lived is what came of a timeline.
type Lived struct {
	Events []schemas.Event // with the action ids that they are feedback on
	Trace  []journey.Traced
}

// Live simulates a timeline.
func (t *Timeline) Live(p *journey.Program, explain bool) Lived {
	var out Lived
	sim := journey.NewSimulation(p, journey.SimulateOptions{Until: schemas.NoTime, Trace: true, Explain: explain})
	if len(t.Profile) > 0 {
		sim.Customer(t.customer()).Profile = slices.Clone(t.Profile)
	}
	at, last := start, "none"
	for i, e := range t.Events {
		at += e.Gap
		sim.Advance(t.customer(), at-1)
		sim.Take(func(a *schemas.Action) { last = a.ID })
		fields := slices.Clone(e.Fields)
		for k := range fields {
			if fields[k].Value == lastSend {
				fields[k].Value = last
			}
		}
		ev := schemas.Event{ID: strconv.Itoa(i + 1), Customer: t.customer(), Type: e.Type, Time: at, Body: fields}
		out.Events = append(out.Events, ev)
		sim.Offer(&ev)
		sim.Take(func(a *schemas.Action) { last = a.ID })
	}
	_ = sim.Finish() // what starts itself for ever was followed for long enough
	out.Trace = sim.Trace()
	return out
}

func (t *Timeline) customer() string {
	if t.Customer == "" {
		return customer
	}
	return t.Customer
}

// Line is an event as a line of a log that wend simulate reads.
func Line(ev *schemas.Event) string {
	b := []byte(`{"customer_id":` + strconv.Quote(ev.Customer) + `,"type":`)
	b = schemas.AppendJSON(b, ev.Type)
	b = append(b, `,"ts":"`+time.UnixMilli(ev.Time).UTC().Format("2006-01-02T15:04:05.999Z07:00")+`"`...)
	for _, f := range ev.Body.(schemas.Fields) {
		b = append(schemas.AppendJSON(append(b, ','), f.Name), ':')
		b = schemas.AppendJSON(b, f.Value)
	}
	return string(append(b, '}'))
}
