package engine

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"wend/engine/journey"
	"wend/schemas"
)

// CustomerState is what is known of a customer, as `GET /v1/customers/ID` gives it: the document in words. Times are
// milliseconds since 1970, of the customer's time.
type CustomerState struct {
	App        string                     `json:"app"`
	Customer   string                     `json:"customer_id"`
	Shard      int32                      `json:"shard"`
	Release    uint64                     `json:"release"` // by which the shard decides; 0: the workspace of the process
	Time       *int64                     `json:"time"`    // the customer's; nil before the first event
	Attributes map[string]json.RawMessage `json:"attributes"`
	Scores     map[string]float64         `json:"scores"`
	Journeys   []CustomerJourney          `json:"journeys"`
	Timers     []PendingTimer             `json:"timers"` // in order of their due times
	Caps       []CapUse                   `json:"caps"`
	Timeline   []Remark                   `json:"timeline"` // oldest first
}

// CustomerJourney is a journey that the customer is, or was, inside.
type CustomerJourney struct {
	Journey string               `json:"journey"`
	Entries uint64               `json:"entries"` // so far, over all keys and versions
	Paused  bool                 `json:"paused"`
	Running []CustomerEnrollment `json:"running"`
	Ended   []CustomerEnrollment `json:"ended"` // remembered for their goal, or for a send that was put off
}

// CustomerEnrollment is one run of a journey.
type CustomerEnrollment struct {
	Enrollment uint64                     `json:"enrollment"`
	Version    uint64                     `json:"version"`
	Key        string                     `json:"key,omitempty"`
	EnteredAt  int64                      `json:"entered_at"`
	Holdout    bool                       `json:"holdout"`
	Step       string                     `json:"step,omitempty"`       // where it stands
	ArrivedAt  *int64                     `json:"arrived_at,omitempty"` // there
	DueAt      *int64                     `json:"due_at"`               // nil: an event leads on, no time
	HeldFor    string                     `json:"held_for,omitempty"`   // type of the event that leads on once the journey is resumed
	Until      *int64                     `json:"remembered_until,omitempty"`
	Cause      *EventName                 `json:"cause,omitempty"` // the event that moved it last
	Enter      map[string]json.RawMessage `json:"enter,omitempty"` // fields that steps read, of the event that opened it
	Event      map[string]json.RawMessage `json:"event,omitempty"` // and of the one that moved it last
	Variant    map[string]string          `json:"variant,omitempty"`
	Sent       []CustomerSend             `json:"sent,omitempty"` // the last of each step of which the journey reads whether it was sent
	Deferred   []CustomerSend             `json:"deferred,omitempty"`
}

// EventName names an event.
type EventName struct {
	ID   string `json:"event_id,omitempty"`
	Type string `json:"type"`
	Time int64  `json:"ts"`
}

// CustomerSend is an action that left, or that was put off.
type CustomerSend struct {
	Step     string `json:"step"`
	Action   string `json:"action_id"`
	At       int64  `json:"at"`
	Channel  string `json:"channel,omitempty"`
	Template string `json:"template,omitempty"`
	DueAt    *int64 `json:"due_at,omitempty"`
}

// PendingTimer is a time at which something is to happen if nothing comes before.
type PendingTimer struct {
	DueAt      int64  `json:"due_at"`
	For        string `json:"for"` // step, deferred, trigger or score
	Journey    string `json:"journey,omitempty"`
	Enrollment uint64 `json:"enrollment,omitempty"`
	Key        string `json:"key,omitempty"`
	At         string `json:"at"`   // the step, the trigger's place, or the score
	Held       bool   `json:"held"` // its journey is paused, and holds it
}

// CapUse is what is remembered of sends for the caps of policies.yaml.
type CapUse struct {
	Channel string  `json:"channel"` // all: of all channels together
	Times   []int64 `json:"times"`   // when they left
}

// Remark is a decision that the document remembers. It remembers the newest, and of those that are alike the last.
type Remark struct {
	At         int64  `json:"at"`
	Kind       string `json:"kind"` // as in a trace; "" of one for which the program has no name any more
	Journey    string `json:"journey,omitempty"`
	Enrollment uint64 `json:"enrollment,omitempty"`
	Step       string `json:"step,omitempty"`
	Reason     string `json:"reason,omitempty"`
	Action     string `json:"action_id,omitempty"`
	Times      int    `json:"times"` // how often; 255: that or more
	Text       string `json:"text"`
}

// DescribeCustomer puts a document in words, with the names of the program by which its shard decides.
func DescribeCustomer(p *journey.Program, customer string, doc *schemas.Document) *CustomerState {
	c := &CustomerState{
		Customer: customer, Time: known(doc.Time), Attributes: values(doc.Profile), Scores: map[string]float64{},
		Journeys: []CustomerJourney{}, Timers: []PendingTimer{}, Caps: []CapUse{}, Timeline: []Remark{},
	}
	for i := range doc.Scores {
		x := &doc.Scores[i]
		c.Scores[x.Name] = x.Value
		if x.Due != schemas.Never {
			c.Timers = append(c.Timers, PendingTimer{DueAt: x.Due, For: "score", At: x.Name})
		}
	}
	paused := map[string]bool{}
	for _, v := range p.Versions() {
		paused[v.Journey] = paused[v.Journey] || v.Paused
	}
	for i := range doc.Journeys.Len() {
		c.journey(doc.Journeys.At(i), paused[doc.Journeys.Name(i)])
	}
	for _, t := range doc.Tallies {
		c.Caps = append(c.Caps, CapUse{cmp.Or(t.Channel, "all"), append([]int64{}, t.Times...)})
	}
	for _, r := range p.Remembered(doc) {
		x := Remark{At: r.At, Journey: r.Journey, Step: r.Step, Reason: r.Reason, Times: r.Times}
		if r.Known() {
			x.Kind = r.Kind.String()
		}
		c.Timeline = append(c.Timeline, x)
	}
	slices.SortStableFunc(c.Timeline, func(a, b Remark) int { return cmp.Compare(a.At, b.At) })
	for i := range c.Timeline {
		c.Timeline[i].Text = c.Timeline[i].text()
	}
	slices.SortStableFunc(c.Timers, func(a, b PendingTimer) int { return cmp.Compare(a.DueAt, b.DueAt) })
	return c
}

func (c *CustomerState) journey(js *schemas.JourneyState, paused bool) {
	x := CustomerJourney{Journey: js.Journey, Entries: js.Entries, Paused: paused, Running: []CustomerEnrollment{}, Ended: []CustomerEnrollment{}}
	for i := range js.Running {
		en := &js.Running[i]
		e := enrollment(en)
		e.Step, e.ArrivedAt, e.DueAt = en.Step, known(en.Arrived), known(en.Due)
		if len(en.Held) > 0 {
			e.HeldFor = en.Held[0].Cause.Type
		}
		if e.DueAt != nil {
			c.Timers = append(c.Timers, PendingTimer{DueAt: en.Due, For: "step", Journey: js.Journey, Enrollment: en.Number, Key: en.Key, At: en.Step, Held: paused})
		}
		c.enrollment(js.Journey, en, paused)
		x.Running = append(x.Running, e)
	}
	for i := range js.Ended {
		en := &js.Ended[i]
		e := enrollment(en)
		if en.Expires > 0 {
			e.Until = known(en.Expires)
		}
		c.enrollment(js.Journey, en, paused)
		x.Ended = append(x.Ended, e)
	}
	for _, t := range js.Timers {
		if t.Due != schemas.Never {
			c.Timers = append(c.Timers, PendingTimer{DueAt: t.Due, For: "trigger", Journey: js.Journey, At: cmp.Or(t.Trigger, "enter"), Held: paused})
		}
	}
	c.Journeys = append(c.Journeys, x)
}

// enrollment adds what an enrollment says of itself to the timeline and the timers.
func (c *CustomerState) enrollment(name string, en *schemas.Enrollment, paused bool) {
	c.Timeline = append(c.Timeline, Remark{At: en.Entered, Kind: journey.DecidedEntered.String(), Journey: name, Enrollment: en.Number, Times: 1})
	for _, s := range en.Sent {
		c.Timeline = append(c.Timeline, Remark{At: s.At, Kind: journey.DecidedSent.String(), Journey: name, Enrollment: en.Number, Step: s.ID, Action: s.ActionID, Times: 1})
	}
	for i := range en.Deferred {
		d := &en.Deferred[i]
		c.Timers = append(c.Timers, PendingTimer{DueAt: d.Due, For: "deferred", Journey: name, Enrollment: en.Number, Key: en.Key, At: d.Step, Held: paused})
	}
}

func enrollment(en *schemas.Enrollment) CustomerEnrollment {
	e := CustomerEnrollment{Enrollment: en.Number, Version: en.Version, Key: en.Key, EnteredAt: en.Entered, Holdout: en.Holdout, Enter: values(en.Enter), Event: values(en.Event)}
	if en.Cause.Type != "" {
		e.Cause = &EventName{en.Cause.EventID, en.Cause.Type, en.Cause.Time}
	}
	for _, v := range en.Variant {
		if e.Variant == nil {
			e.Variant = map[string]string{}
		}
		e.Variant[v.Split] = v.Arm
	}
	for _, s := range en.Sent {
		e.Sent = append(e.Sent, CustomerSend{Step: s.ID, Action: s.ActionID, At: s.At})
	}
	for i := range en.Deferred {
		d := &en.Deferred[i]
		e.Deferred = append(e.Deferred, CustomerSend{Step: d.Step, Action: d.ActionID, At: d.Armed, Channel: d.Channel, Template: d.Template, DueAt: known(d.Due)})
	}
	return e
}

// known gives a time; nil where there is none.
func known(at int64) *int64 {
	if at == schemas.NoTime || at == schemas.Never {
		return nil
	}
	return &at
}

func values(f schemas.Fields) map[string]json.RawMessage {
	m := make(map[string]json.RawMessage, len(f))
	for i := range f {
		m[f[i].Name] = schemas.AppendJSON(nil, f[i].Value)
	}
	return m
}

// text puts a remark as a line of a trace.
func (r *Remark) text() string {
	who := cmp.Or(r.Journey, "a journey that is not deployed any more")
	if r.Enrollment > 0 {
		who = fmt.Sprintf("%s#%d", r.Journey, r.Enrollment)
	}
	parts := []string{who}
	for _, x := range []string{r.Step, cmp.Or(r.Kind, "something that this version does not know"), r.Reason, r.Action} {
		if x != "" {
			parts = append(parts, x)
		}
	}
	switch {
	case r.Times >= 255:
		parts = append(parts, "(255 times or more, the last then)")
	case r.Times > 1:
		parts = append(parts, fmt.Sprintf("(%d times, the last then)", r.Times))
	}
	return strings.Join(parts, " ")
}
