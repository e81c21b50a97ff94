package main

import (
	"errors"
	"strings"
	"testing"

	"wend/connectors/delivery"
	"wend/engine"
	"wend/schemas"
)

func TestRedactor(t *testing.T) {
	r := newRedactor(engine.LogConfig{})
	for _, s := range []string{
		`customer "marked-id" belongs on partition 3 by the source's partitioner; make producers use the record key "marked-id"`,
		`the action "cart/marked-id/1/now/1" would have 9000 bytes; its topic takes 10`,
		`timers of customer "marked-id with \" and spaces": the customer's document would grow`,
		`expected a number, found "marked-id \" and mo`,
		`send "cart/marked-id/1/now/1"`, "\"marked\nid",
		`send cart: said "{\"email\":\"marked-id\"}"`,
	} {
		got := r.text(s)
		if strings.Contains(got, "marked") || !strings.Contains(got, "#") {
			t.Errorf("%s\n is logged as %s", s, got)
		}
	}
	if a, b := r.text(`customer "a" x`), r.text(`customer "b" x`); a == b {
		t.Error("two customers look the same")
	}
	if a, b := r.text(`the action "j/a/1"`), "the action "+r.id("j/a/1"); a != b {
		t.Errorf("%s is not %s: an id has two hashes", a, b)
	}
	if s := "its whole effect has 7 bytes"; r.text(s) != s {
		t.Errorf("nothing to hide became %q", r.text(s))
	}
	if p := newRedactor(engine.LogConfig{Customers: engine.LogPlain}); p.text(`"a"`) != `"a"` || p.id("a") != "a" {
		t.Error("plain is not plain")
	}
}

// A logger's lines name nobody, whatever a field or an error quotes.
func TestLogNamesNobody(t *testing.T) {
	var lines strings.Builder
	log := newLogger(engine.LogConfig{Level: "debug", Format: engine.LogJSON}, &lines)
	engineLog(log).DeadLetter(1, "events", 2, 3, `customer "marked-id" belongs on partition 0`)
	engineLog(log).Failed(1, errors.New(`customer "marked-id": broken`))
	d := deliveryLog(log, "push")
	d.Answered(&schemas.Action{ID: "j/marked-id/1/s/1"}, delivery.Record{Outcome: delivery.Failed}, errors.New(`said "marked-id"`))
	d.Again(&schemas.Action{ID: "j/marked-id/1/s/1"}, delivery.Record{})
	d.Retrying(`send "j/marked-id/1/s/1"`, errors.New("busy"), 0)
	if strings.Contains(lines.String(), "marked") || strings.Count(lines.String(), "\n") != 5 || !strings.Contains(lines.String(), `"offset":3`) {
		t.Errorf("logged:\n%s", lines.String())
	}
}
