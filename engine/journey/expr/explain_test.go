package expr

import (
	"testing"
	"time"

	"wend/schemas"
)

// TestExplain: which part of a condition decided, and what it read.
func TestExplain(t *testing.T) {
	env, err := NewEnv(Names{Attributes: []Attribute{{Name: "tier", Type: String}, {Name: "visits", Type: Int}}})
	if err != nil {
		t.Fatal(err)
	}
	event := schemas.Fields{{Name: "items", Value: []any{int64(1), int64(2)}}, {Name: "price", Value: 9.5}, {Name: "shop", Value: map[string]any{"city": "Ulm"}}}
	v := &Vars{
		Event: event, Enter: schemas.Fields{{Name: "price", Value: int64(30)}}, Now: 1767225600000, Zone: time.UTC,
		Profile: schemas.Fields{{Name: "tier", Value: "gold"}},
	}
	sc := Scope{Event: true, Enter: true, Profile: true, Now: true}
	for _, test := range []struct{ src, want string }{
		{"event.price >= 20", "event.price >= 20 does not hold: event.price = 9.5"},
		{"event.price < 20", "event.price < 20 holds: event.price = 9.5"},
		{"event.price < 20 && enter.price == 31", "event.price < 20 && enter.price == 31 does not hold, because enter.price == 31 does not: enter.price = 30"},
		{"event.price < 20 && enter.price == 30", "event.price < 20 && enter.price == 30 holds: event.price = 9.5, enter.price = 30"},
		{"event.price > 20 || enter.price == 31", "event.price > 20 || enter.price == 31 does not hold: event.price = 9.5, enter.price = 30"},
		{"event.price > 20 || profile.tier == 'gold' || event.none", "event.price > 20 || profile.tier == 'gold' || event.none holds, because of profile.tier == 'gold': profile.tier = \"gold\""},
		{"event.none == 1", "event.none == 1 does not hold: event.none is not there"},
		{"event.price < 20 && !(event.none == 1)", "event.price < 20 && !(event.none == 1) does not hold, because !(event.none == 1) does not: event.none is not there"},
		{"event.shop.city in ['Ulm', 'Bonn']", "event.shop.city in ['Ulm', 'Bonn'] holds: event.shop.city = \"Ulm\""},
		{"profile.visits > 0", "profile.visits > 0 does not hold: profile.visits = 0"},
		{"event.items.exists(x, x > 5)", "event.items.exists(x, x > 5) does not hold: event.items = [1,2]"},
		{"event.price > 5 ? enter.price > 40 : event.none", "event.price > 5 ? enter.price > 40 : event.none does not hold: event.price = 9.5, enter.price = 30"},
		{"now - time(1767225600000) > duration('1d')", "now - time(1767225600000) > duration('1d') does not hold: now = \"2026-01-01T00:00:00Z\""},
		{"event.price / 0 > 1", "event.price / 0 > 1 fails (division by zero): event.price = 9.5"},
		{"true", "true holds"},
	} {
		c, err := env.Condition(test.src, sc)
		if err != nil {
			t.Fatal(test.src, err)
		}
		e := c.Explain(v)
		if got := e.String(); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
		if holds, why := c.Eval(v); holds != e.Holds || why != e.Why {
			t.Errorf("%s: explained %v %v, evaluated %v %v", test.src, e.Holds, e.Why, holds, why)
		}
	}
}
