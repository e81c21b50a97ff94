package main

import (
	"encoding/json"
	"io"

	"wend/engine/journey"
	"wend/schemas"
)

// explainJSON writes the explanation as one object. Errors of w come back from its Flush.
func explainJSON(w io.Writer, x *journey.Explanation, l *liveState) {
	type operand struct {
		Text  string `json:"text"`
		Value string `json:"value"`
	}
	type judgement struct {
		Condition string    `json:"condition"`
		Holds     bool      `json:"holds"`
		Because   string    `json:"because,omitempty"`
		Missing   string    `json:"missing,omitempty"`
		Failed    string    `json:"failed,omitempty"`
		Operands  []operand `json:"operands"`
	}
	type decision struct {
		Kind       string          `json:"kind"`
		At         int64           `json:"at"`
		Journey    string          `json:"journey,omitempty"`
		Enrollment uint64          `json:"enrollment,omitempty"`
		Key        string          `json:"key,omitempty"`
		Step       string          `json:"step,omitempty"`
		Reason     string          `json:"reason,omitempty"`
		Detail     string          `json:"detail,omitempty"`
		Until      *int64          `json:"until,omitempty"`
		Judgement  *judgement      `json:"judgement,omitempty"`
		Action     json.RawMessage `json:"action,omitempty"`
	}
	type event struct {
		ID   string `json:"event_id"`
		Type string `json:"type"`
		Time int64  `json:"ts"`
	}
	type moment struct {
		At        int64      `json:"at"`
		Event     *event     `json:"event"`
		Decisions []decision `json:"decisions"`
	}
	type outcome struct {
		Journey  string         `json:"journey"`
		Entered  int            `json:"entered"`
		Sent     int            `json:"sent"`
		Withheld int            `json:"withheld"`
		Goals    int            `json:"goals"`
		Refused  map[string]int `json:"refused"`
		Exits    map[string]int `json:"exits"`
		Text     string         `json:"text"`
	}
	judged := func(d *journey.Decision) *judgement {
		if d.Judged == nil {
			return nil
		}
		j := &judgement{d.Judged.Source, d.Judged.Holds, d.Judged.Because, d.Judged.Why.Missing, d.Judged.Why.Failed, []operand{}}
		for _, o := range d.Judged.Operands {
			j.Operands = append(j.Operands, operand(o))
		}
		return j
	}
	byReason := func(list []journey.Count) map[string]int {
		m := map[string]int{}
		for _, c := range list {
			m[c.Reason] = c.Times
		}
		return m
	}
	out := struct {
		Customer string     `json:"customer_id"`
		Events   int        `json:"events"`
		Moments  []moment   `json:"moments"`
		Journeys []outcome  `json:"journeys"`
		Live     *liveState `json:"live,omitempty"`
	}{x.Customer, x.Events, []moment{}, []outcome{}, l}
	for i := range x.Moments {
		m := &x.Moments[i]
		row := moment{At: m.Time, Decisions: []decision{}}
		if m.Event != nil {
			row.Event = &event{m.Event.EventID, m.Event.Type, m.Event.Time}
		}
		for k := range m.Decisions {
			d := &m.Decisions[k]
			one := decision{
				Kind: d.Kind.String(), At: d.Time, Journey: d.Journey, Enrollment: d.Enrollment, Key: d.Key, Step: d.Step, Reason: d.Reason,
				Detail: d.Detail, Judgement: judged(d),
			}
			if d.Due != 0 && d.Due != schemas.Never {
				one.Until = &d.Due
			}
			if d.Action != nil {
				one.Action = d.Action.AppendJSON(nil)
			}
			row.Decisions = append(row.Decisions, one)
		}
		out.Moments = append(out.Moments, row)
	}
	for i := range x.Journeys {
		o := &x.Journeys[i]
		out.Journeys = append(out.Journeys, outcome{
			o.Journey, o.Entered, o.Sent, o.Withheld, o.Goals, byReason(o.Refused), byReason(o.Exits), outcomeText(x, o),
		})
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(out)
}
