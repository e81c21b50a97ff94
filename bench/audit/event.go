package audit

import (
	"encoding/json"
	"strings"

	"github.com/valyala/fastjson"
)

type kind uint8

const (
	other kind = iota
	browse
	addToCart
	purchase
)

// event is one that the source topic holds.
type event struct {
	id       string
	kind     kind
	ts       int64 // its time, never later than appended
	appended int64
}

// decodeEvent reads an event as contract.md has it; false: it is none. The customer is in the reader's memory.
func decodeEvent(p *fastjson.Parser, r *Record) (customer []byte, e event, ok bool) {
	v, err := p.ParseBytes(r.Value)
	if err != nil || v.Type() != fastjson.TypeObject {
		return nil, e, false
	}
	customer, typ := v.GetStringBytes("customer_id"), v.GetStringBytes("type")
	if len(customer) == 0 || len(typ) == 0 {
		return nil, e, false
	}
	switch string(typ) {
	case "browse":
		e.kind = browse
	case "add_to_cart":
		e.kind = addToCart
	case "purchase":
		e.kind = purchase
	}
	e.id, e.appended, e.ts = string(v.GetStringBytes("event_id")), r.Appended, r.Appended
	if ts := v.Get("ts"); ts != nil {
		at, err := ts.Int64()
		if err != nil {
			return nil, e, false // the workload writes milliseconds only
		}
		e.ts = min(at, r.Appended)
	}
	return customer, e, e.id != ""
}

// action is one that the action topic holds.
type action struct {
	id, template, cause string
	partition           int32
	offset              int64
	published           int64
	decided             int64
	wrong               string // what its content has wrong by itself, "" when nothing
	journey, causeType  string
	causeTS             int64
}

// wire is an action as contract.md has it.
type wire struct {
	ID            string                     `json:"action_id"`
	Journey       string                     `json:"journey"`
	Version       *uint64                    `json:"version"`
	Step          string                     `json:"step"`
	Customer      string                     `json:"customer_id"`
	Channel       string                     `json:"channel"`
	Template      string                     `json:"template"`
	Params        map[string]json.RawMessage `json:"params"`
	Variant       map[string]json.RawMessage `json:"variant"`
	Cause         *wireCause                 `json:"cause"`
	DecidedAt     *int64                     `json:"decided_at"`
	ExpiresAt     json.RawMessage            `json:"expires_at"`
	Transactional *bool                      `json:"transactional"`
}

type wireCause struct {
	EventID string `json:"event_id"`
	Type    string `json:"type"`
	TS      *int64 `json:"ts"`
}

// decodeAction reads an action; false: it is none, or says too little to be matched.
func decodeAction(r *Record) (customer string, a action, ok bool) {
	var w wire
	if err := json.Unmarshal(r.Value, &w); err != nil || w.Customer == "" || w.Template == "" || w.Cause == nil || w.Cause.EventID == "" || w.DecidedAt == nil {
		return "", a, false
	}
	a = action{id: w.ID, template: w.Template, cause: w.Cause.EventID, partition: r.Partition, offset: r.Offset,
		published: r.Appended, decided: *w.DecidedAt, journey: w.Journey, causeType: w.Cause.Type}
	if w.Cause.TS != nil {
		a.causeTS = *w.Cause.TS
	}
	var wrong []string
	check := func(good bool, what string) {
		if !good {
			wrong = append(wrong, what)
		}
	}
	check(string(r.Key) == w.Customer, "key is not the customer")
	check(w.Channel == "shop", "channel "+w.Channel)
	check(w.Step == w.Template, "step "+w.Step)
	check(len(w.Params) == 0 && w.Params != nil, "params")
	check(len(w.Variant) == 0, "variant")
	check(w.Version != nil, "no version")
	check(w.Transactional != nil && !*w.Transactional, "transactional")
	check(string(w.ExpiresAt) == "null", "expires_at")
	check(r.Headers["action_id"] == w.ID, "header action_id "+r.Headers["action_id"])
	check(r.Headers["journey"] == w.Journey, "header journey "+r.Headers["journey"])
	check(r.Headers["channel"] == w.Channel, "header channel "+r.Headers["channel"])
	a.wrong = strings.Join(wrong, ", ")
	return w.Customer, a, true
}
