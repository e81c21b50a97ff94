package schemas

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func reminder() *Action {
	return &Action{
		ID: "cart-recovery/c123/k1/1/cart-reminder/1", Journey: "cart-recovery", Version: 3, Step: "cart-reminder",
		Customer: "c123", Channel: "push", Template: "cart-reminder", Params: Fields{{"name", "Li"}, {"sku", "s1"}},
		Variant: []Variant{{"subject", "a"}}, Cause: Cause{"e-81", "add_to_cart", 1767225600000}, DecidedAt: 1767227400000,
	}
}

func TestActionJSON(t *testing.T) {
	a := reminder()
	const want = `{"action_id":"cart-recovery/c123/k1/1/cart-reminder/1","journey":"cart-recovery","version":3,"step":"cart-reminder",` +
		`"customer_id":"c123","channel":"push","template":"cart-reminder","params":{"name":"Li","sku":"s1"},` +
		`"variant":{"subject":"a"},"cause":{"event_id":"e-81","type":"add_to_cart","ts":1767225600000},` +
		`"decided_at":1767227400000,"expires_at":null,"transactional":false}`
	if got := string(a.AppendJSON(nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	a = &Action{
		ID: "j/c/1/s/1", Customer: `"c"`, Channel: "sms", Params: Fields{{"a", 1e-7}, {"b", []any{30.0, int64(30), nil}}, {"c", "<&>"}},
		Variant: []Variant{{"s", "old"}, {"r", "x"}, {"s", "new"}}, Cause: Cause{Type: "inactive", Time: 5}, ExpiresAt: 9, Transactional: true,
	}
	const other = `{"action_id":"j/c/1/s/1","journey":"","version":0,"step":"","customer_id":"\"c\"","channel":"sms","template":"",` +
		`"params":{"a":1e-7,"b":[30,30,null],"c":"<&>"},"variant":{"r":"x","s":"new"},"cause":{"type":"inactive","ts":5},` +
		`"decided_at":0,"expires_at":9,"transactional":true}`
	if got := string(a.AppendJSON(nil)); got != other {
		t.Errorf("got  %s\nwant %s", got, other)
	}
	a = &Action{}
	if got := string(a.AppendJSON(nil)); !strings.Contains(got, `"params":{},"variant":{},"cause":{"type":"","ts":0}`) {
		t.Errorf("got %s", got)
	}
}

func TestActionRoundTrip(t *testing.T) {
	fields := genFields(genValue(2))
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringN(1, 10, -1)
		a := &Action{
			ID: name.Draw(t, "id"), Journey: rapid.String().Draw(t, "journey"), Version: rapid.Uint64Range(0, 1<<63).Draw(t, "version"),
			Step: rapid.String().Draw(t, "step"), Customer: name.Draw(t, "customer"), Channel: name.Draw(t, "channel"),
			Template: rapid.String().Draw(t, "template"), Params: fields.Draw(t, "params"), Cause: rapid.Make[Cause]().Draw(t, "cause"),
			DecidedAt: rapid.Int64().Draw(t, "decided"), ExpiresAt: rapid.Int64().Draw(t, "expires"), Transactional: rapid.Bool().Draw(t, "trans"),
		}
		for i, split := range rapid.SliceOfNDistinct(rapid.String(), 0, 3, rapid.ID[string]).Draw(t, "splits") {
			a.Variant = append(a.Variant, Variant{split, string(rune('a' + i))})
		}
		b := a.AppendJSON(nil)
		if !json.Valid(b) {
			t.Fatalf("no JSON: %s", b)
		}
		got, err := DecodeAction(b)
		if err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		again := got.AppendJSON(nil)
		if strings.ReplaceAll(string(again), "-0", "0") != strings.ReplaceAll(string(b), "-0", "0") {
			t.Fatalf("got  %s\nwant %s", again, b)
		}
		got.Params, a.Params = nil, nil // numbers may be of the other kind
		if !reflect.DeepEqual(got, a) {
			t.Fatalf("got  %+v\nwant %+v", got, a)
		}
	})
}

func TestDecodeAction(t *testing.T) {
	a := reminder()
	b := append([]byte(`{"later":{"x":[1]},`), a.AppendJSON(nil)[1:]...)
	got, err := DecodeAction(b)
	if err != nil || !reflect.DeepEqual(got, a) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, a)
	}
	got, err = DecodeAction([]byte(` {"action_id":"a","customer_id":"c","channel":"push","params":null,"variant":null,"cause":null,"version":null} `))
	if err != nil || !reflect.DeepEqual(got, &Action{ID: "a", Customer: "c", Channel: "push"}) {
		t.Errorf("got %+v, %v", got, err)
	}
	least := `"action_id":"a","customer_id":"c","channel":"push"`
	for in, want := range map[string]string{
		"": "expected one object", "null": "expected one object", "{}": "action_id is missing", `{"action_id":"a","customer_id":"c"}`: "channel is missing",
		`{` + least + `} {}`: "behind the object", `{` + least: "found the end", `{"action_id":1,"customer_id":"c"}`: "action_id: expected a string",
		`{` + least + `,"version":-1}`: "version: expected a whole number from 0 up", `{` + least + `,"version":1e30}`: "version", `{` + least + `,"decided_at":1.5}`: "decided_at: expected a whole number",
		`{` + least + `,"params":[]}`: "params: expected an object", `{` + least + `,"variant":{"a":1}}`: "a: expected a string", `{` + least + `,"cause":{"ts":"x"}}`: "ts: expected a whole number",
		`{` + least + `,"transactional":"no"}`: "transactional: expected true or false",
	} {
		if a, err := DecodeAction([]byte(in)); a != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", in, err, want)
		}
	}
}

func FuzzAction(f *testing.F) {
	f.Add(reminder().AppendJSON(nil))
	f.Add([]byte(`{"action_id":"a","customer_id":"c","channel":"push","params":{"a":{"b":[1.5,"\ud83d"]}},"variant":{"a":"b","a":"c"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := DecodeAction(b)
		if (a == nil) == (err == nil) {
			t.Fatalf("action %v and error %v", a, err)
		}
		if err != nil {
			return
		}
		once := a.AppendJSON(nil)
		again, err := DecodeAction(once)
		if err != nil {
			t.Fatalf("%s: %v", once, err)
		}
		if twice := again.AppendJSON(nil); strings.ReplaceAll(string(once), "-0", "0") != strings.ReplaceAll(string(twice), "-0", "0") {
			t.Fatalf("got  %s\nwant %s", twice, once)
		}
	})
}

func TestActionID(t *testing.T) {
	for _, c := range []struct {
		want, got string
	}{
		{"cart-recovery/c123/k1/1/cart-reminder/1", ActionID("cart-recovery", "c123", "k1", true, 1, "cart-reminder", 1)},
		{"welcome/c123/12/hello/3", ActionID("welcome", "c123", "", false, 12, "hello", 3)},
		{"j/c//1/s/1", ActionID("j", "c", "", true, 1, "s", 1)},
		{"j/a%2Fb%25c%20d/%E6%B1%89%7F%00/18446744073709551615/steps[0].await.events[0].do[1]/1",
			ActionID("j", "a/b%c d", "汉\x7f\x00", true, 1<<64-1, "steps[0].await.events[0].do[1]", 1)},
		{"j/%FF~!%09/1/s/1", ActionID("j", "\xff~!\t", "", false, 1, "s", 1)},
		{"j/" + strings.Repeat("%C3%A9", 99) + "/1/s/1", ActionID("j", strings.Repeat("é", 99), "", false, 1, "s", 1)},
	} {
		if c.got != c.want {
			t.Errorf("got  %s\nwant %s", c.got, c.want)
		}
	}
	// Different decisions have different ids.
	seen := map[string][]string{}
	for _, customer := range []string{"c", "c/1", "c%2F1", "c 1", "c%201", "C"} {
		for _, key := range []string{"", "1", "/", "1/s"} {
			for _, step := range []string{"s", "1", "s/1"} {
				id := ActionID("j", customer, key, key != "", 1, step, 1)
				if other := seen[id]; other != nil {
					t.Errorf("%s is that of %q and %q", id, other, []string{customer, key, step})
				}
				seen[id] = []string{customer, key, step}
			}
		}
	}
}
