package main

import (
	"encoding/json"
	"io"

	"wend/engine/diff"
	"wend/schemas"
)

// diffJSON writes a line for the summary and one for each row. Errors of w come back from its Flush.
func diffJSON(w io.Writer, r *diff.Result) {
	type customers struct {
		All     uint64 `json:"all"`
		Changed uint64 `json:"changed"`
		Gain    uint64 `json:"gain"`
		Lose    uint64 `json:"lose"`
		Time    uint64 `json:"time"`
		Variant uint64 `json:"variant"`
		Content uint64 `json:"content"`
	}
	type total struct {
		Journey string `json:"journey"`
		Channel string `json:"channel"`
		Before  uint64 `json:"before"`
		After   uint64 `json:"after"`
		Same    uint64 `json:"same"`
		Gained  uint64 `json:"gained"`
		Lost    uint64 `json:"lost"`
		Changed uint64 `json:"changed"`
		Time    uint64 `json:"time"`
		Variant uint64 `json:"variant"`
		Content uint64 `json:"content"`
	}
	type summary struct {
		Events    uint64    `json:"events"`
		Customers customers `json:"customers"`
		Totals    []total   `json:"totals"`
	}
	type row struct {
		Customer string          `json:"customer_id"`
		Change   string          `json:"change"`
		Differs  []string        `json:"differs"`
		Journey  string          `json:"journey"`
		Step     string          `json:"step"`
		Channel  string          `json:"channel"`
		Before   json.RawMessage `json:"before"`
		After    json.RawMessage `json:"after"`
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	c := &r.Changed
	sum := summary{r.Events, customers{r.Customers, c.Any, c.Gain, c.Lose, c.Time, c.Variant, c.Content}, []total{}}
	for _, t := range r.Totals {
		sum.Totals = append(sum.Totals, total{
			t.Journey, t.Channel, t.Before, t.After, t.Same, t.Gained, t.Lost, t.Changed, t.Time, t.Variant, t.Content,
		})
	}
	_ = e.Encode(struct {
		Summary summary `json:"summary"`
	}{sum})
	for i := range r.Rows {
		x := &r.Rows[i]
		a := x.Action()
		_ = e.Encode(row{x.Customer, x.Change(), x.Differs(), a.Journey, a.Step, a.Channel, actionJSON(x.Before), actionJSON(x.After)})
	}
}

func actionJSON(a *schemas.Action) json.RawMessage {
	if a == nil {
		return json.RawMessage("null")
	}
	return a.AppendJSON(nil)
}
