package schemas

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

var origin = Origin{Topic: "events", Partition: 3, Offset: 42, Timestamp: 1767225600500}

func decode(t *testing.T, text string, from Origin) (*Event, error) {
	t.Helper()
	d, err := NewDecoder(Format{})
	if err != nil {
		t.Fatal(err)
	}
	ev := new(Event)
	err = d.Decode([]byte(text), from, ev)
	var as *DecodeError
	if err != nil && (!errors.As(err, &as) || as.Reason == "") {
		t.Fatalf("%T %v is no *DecodeError with a reason", err, err)
	}
	return ev, err
}

func TestDecodeEvent(t *testing.T) {
	ev, err := decode(t, `{"event_id":"e-81","customer_id":"c123","type":"add_to_cart","ts":1767225600000,"cart_id":"k1","sku":"s1","price":30,"x":null}`, origin)
	if err != nil {
		t.Fatal(err)
	}
	want := Event{ID: "e-81", Customer: "c123", Type: "add_to_cart", Time: 1767225600000, Topic: "events", Partition: 3, Offset: 42, Body: ev.Body}
	if *ev != want {
		t.Errorf("got %+v", *ev)
	}
	for _, c := range []struct {
		name  string
		value any
		there bool
	}{
		{"event_id", "e-81", true}, {"ts", int64(1767225600000), true}, {"price", int64(30), true},
		{"x", nil, true}, {"y", nil, false}, {"", nil, false},
	} {
		for range 2 {
			if v, ok := ev.Body.Field(c.name); v != c.value || ok != c.there {
				t.Errorf("%s: %#v, %v", c.name, v, ok)
			}
		}
	}
	if m := ev.Body.Map(); len(m) != 8 || m["sku"] != "s1" || m["x"] != nil {
		t.Errorf("got %v", m)
	}
	if ev.EventID() != "e-81" {
		t.Errorf("id %q", ev.EventID())
	}
}

func TestDecodeFormats(t *testing.T) {
	for _, c := range []struct {
		format, text, want string // want: id, customer, type and time, or a part of the reason
	}{
		{"segment", `{"messageId":"m1","userId":"u1","type":"track","event":"Order Completed","timestamp":"2026-01-01T00:00:00Z"}`, "m1 u1 Order Completed 1767225600000"},
		{"segment", `{"messageId":"m1","userId":null,"anonymousId":"a1","type":"identify","traits":{},"timestamp":"2026-01-01T00:00:00Z"}`, "m1 a1 identify 1767225600000"},
		{"segment", `{"messageId":"m1","type":"page"}`, "userId is missing"},
		{"segment", `{"messageId":"m1","anonymousId":"a1"}`, "event is missing"},
		{"cloudevents", `{"specversion":"1.0","id":"e1","source":"/shop","subject":"c1","type":"order.paid","time":"2026-01-01T00:00:00Z","data":{"price":3}}`, "e1 c1 order.paid 1767225600000"},
		{"cloudevents", `{"id":"e1","type":"order.paid"}`, "subject is missing"},
	} {
		d, err := NewDecoder(Format{Name: c.format})
		if err != nil {
			t.Fatal(err)
		}
		var ev Event
		got := ""
		if err := d.Decode([]byte(c.text), origin, &ev); err != nil {
			got = err.Error()
		} else {
			got = fmt.Sprint(ev.ID, " ", ev.Customer, " ", ev.Type, " ", ev.Time)
			m := d.Marks()
			var again Event
			d.Again([]byte(c.text), &m, &again)
			if x := fmt.Sprint(again.ID, " ", again.Customer, " ", again.Type, " ", again.Time); x != got {
				t.Errorf("%s: again %s, want %s", c.text, x, got)
			}
		}
		if !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: got %s, want %s", c.text, got, c.want)
		}
	}
	if _, err := NewDecoder(Format{Name: "xml"}); err == nil {
		t.Error("xml is a format")
	}
}

func TestDecodeNames(t *testing.T) {
	for _, c := range []struct{ fields, id, customer, err string }{
		{`"event_id":"e","customer_id":"c"`, "e", "c", ""},
		{`"event_id":17,"customer_id":42`, "17", "42", ""},
		{`"event_id":-1,"customer_id":18446744073709551616`, "-1", "18446744073709551616", ""},
		{`"event_id":-0,"customer_id":"é"`, "0", "é", ""},
		{`"customer_id":"c"`, "", "c", ""},
		{`"event_id":null,"customer_id":"c"`, "", "c", ""},
		{`"event_id":"","customer_id":"c"`, "", "c", ""},
		{`"customer_id":"a","customer_id":"b"`, "", "b", ""},
		{`"customer\u005fid":"a\/b"`, "", "a/b", ""},
		{`"event_id":1.5,"customer_id":"c"`, "", "", "event_id is the number \"1.5\": expected a string or a whole number"},
		{`"event_id":true,"customer_id":"c"`, "", "", "event_id is true"},
		{`"event_id":"e"`, "", "", "customer_id is missing"},
		{`"customer_id":null`, "", "", "customer_id is missing"},
		{`"customer_id":""`, "", "", "customer_id is empty"},
		{`"customer_id":1e3`, "", "", "customer_id is the number \"1e3\": expected"},
		{`"customer_id":{"a":1}`, "", "", "customer_id is an object"},
		{`"customer_id":["a"]`, "", "", "customer_id is a list"},
		{`"customer_id":false`, "", "", "customer_id is false"},
		{`"customer_id":"a","customer_id":null`, "", "", "customer_id is missing"},
	} {
		ev, err := decode(t, `{"type":"t",`+c.fields+`}`, origin)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v, want %q", c.fields, err, c.err)
			}
		} else if err != nil || ev.ID != c.id || ev.Customer != c.customer {
			t.Errorf("%s: %q %q, %v", c.fields, ev.ID, ev.Customer, err)
		}
	}
	for fields, want := range map[string]string{
		`"type":null`: "type is missing", `"a":1`: "type is missing", `"type":""`: "type is empty", `"type":7`: "type is the number \"7\": expected a string",
	} {
		if _, err := decode(t, `{"customer_id":"c",`+fields+`}`, origin); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", fields, err, want)
		}
	}
}

func TestDecodeTime(t *testing.T) {
	const stamp = 1767225600500 // 2026-01-01T00:00:00.5Z
	for _, c := range []struct {
		ts    string
		stamp int64
		want  int64
		err   string
	}{
		{`1767225600000`, stamp, 1767225600000, ""},
		{`1767225600500`, stamp, stamp, ""},
		{`1767225600501`, stamp, stamp, ""}, // later than its record
		{`99999999999999999999999`, stamp, stamp, ""},
		{`1.7e12`, stamp, 1700000000000, ""},
		{`0`, stamp, 0, ""},
		{`-5`, stamp, -5, ""},
		{`null`, stamp, stamp, ""},
		{`"2026-01-01T00:00:00Z"`, stamp, 1767225600000, ""},
		{`"2026-01-01T08:00:00.123456+08:00"`, stamp, 1767225600123, ""},
		{`"2026-01-01t00:00:00z"`, stamp, 1767225600000, ""},
		{`"0000-01-01T00:00:00Z"`, stamp, firstTime, ""},
		{`"2027-01-01T00:00:00Z"`, stamp, stamp, ""},
		{`1767225600501`, -1, 1767225600501, ""}, // a record without a timestamp bounds nothing
		{`1767225600501`, NoTime, 1767225600501, ""},
		{`null`, NoTime, NoTime, ""},
		{`null`, -1, 0, "ts is missing, and the record has no timestamp"},
		{`1.5`, stamp, 0, "ts is the number \"1.5\": expected milliseconds since 1970 or RFC 3339"},
		{`-99999999999999999999999`, stamp, 0, "expected milliseconds"},
		{`-9223372036854775808`, stamp, 0, "expected milliseconds"},
		{`-62167219200001`, stamp, 0, "expected milliseconds"},
		{`"1767225600000"`, stamp, 0, `ts is "1767225600000": expected`},
		{`"2026-01-01"`, stamp, 0, "RFC 3339"},
		{`"2026-01-01 00:00:00Z"`, stamp, 0, "RFC 3339"},
		{`"2026-01-01T00:00:00"`, stamp, 0, "RFC 3339"},
		{`"2026-01-01T00:00:00,5Z"`, stamp, 0, "RFC 3339"},
		{`"2026-02-30T00:00:00Z"`, stamp, 0, "RFC 3339"},
		{`"2026-01-01T0:00:00.5Z"`, stamp, 0, "RFC 3339"},
		{`"2026-01-01T00:00:00.Z"`, stamp, 0, "RFC 3339"},
		{`"2026-01-01T00:00:00.5"`, stamp, 0, "RFC 3339"},
		{`"2026-01-01T00:00:00+0800"`, stamp, 0, "RFC 3339"},
		{`"2026-01-01T00:00:00+24:00"`, stamp, 0, "RFC 3339"},
		{`"2026-01-01T00:00:00-00:00"`, stamp, 1767225600000, ""},
		{`"2026-01-01T00:00:00ZZ"`, stamp, 0, "RFC 3339"},
		{`""`, stamp, 0, "RFC 3339"},
		{`true`, stamp, 0, "ts is true"},
		{`[1]`, stamp, 0, "ts is a list"},
	} {
		from := origin
		from.Timestamp = c.stamp
		ev, err := decode(t, `{"customer_id":"c","type":"t","ts":`+c.ts+`}`, from)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v, want %q", c.ts, err, c.err)
			}
		} else if err != nil || ev.Time != c.want {
			t.Errorf("%s with stamp %d: %d, %v; want %d", c.ts, c.stamp, ev.Time, err, c.want)
		}
	}
	if ev, err := decode(t, `{"customer_id":"c","type":"t"}`, origin); err != nil || ev.Time != stamp {
		t.Errorf("without ts: %v, %v", ev.Time, err)
	}
}

func TestDecodeWhatIsNoObject(t *testing.T) {
	for in, want := range map[string]string{
		"": "no value", "  ": "expected one object, found the end", "null": "expected one object", "[]": "found '['", "17": "expected one object",
		`{"customer_id":"c","type":"t"}{`: "expected nothing behind the object, found '{'", `{"customer_id":"c","type":"t"`: "expected ',' or '}', found the end",
		"\xef\xbb\xbf{}": "expected one object",
	} {
		if _, err := decode(t, in, origin); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", in, err, want)
		}
	}
	if _, err := decode(t, `{"customer_id":"`+strings.Repeat("c", 1e6), origin); len(err.Error()) > 200 {
		t.Errorf("a reason of %d bytes", len(err.Error()))
	}
	if _, err := decode(t, `{"type":"t","customer_id":1.`+strings.Repeat("3", 1e6)+`}`, origin); len(err.Error()) > 200 {
		t.Errorf("a reason of %d bytes", len(err.Error()))
	}
}

func TestDecodeLastOfOneName(t *testing.T) {
	ev, err := decode(t, `{"customer_id":"c","type":"t","a":1,"\u0061":[2],"b":0}`, origin)
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := ev.Body.Field("a"); !reflect.DeepEqual(v, []any{int64(2)}) {
		t.Errorf("a is %v", v)
	}
}

func TestDecodePaths(t *testing.T) {
	d, err := NewDecoder(Format{Name: "json", ID: "meta.id", Customer: "user.account.id", Type: "event", Time: "meta.at"})
	if err != nil {
		t.Fatal(err)
	}
	var ev Event
	err = d.Decode([]byte(`{"meta":{"id":"old"},"event":"paid","user":{"account":{"id":1,"id":7}},"meta":{"at":5,"i\u0064":"e1"}}`), origin, &ev)
	if err != nil || ev.ID != "e1" || ev.Customer != "7" || ev.Type != "paid" || ev.Time != 5 {
		t.Errorf("%+v, %v", ev, err)
	}
	err = d.Decode([]byte(`{"event":"paid","user":{"account":"x"}}`), origin, &ev)
	if err == nil || !strings.Contains(err.Error(), "user.account.id is missing") {
		t.Errorf("%v", err)
	}
	for _, f := range []Format{{ID: "a..b"}, {Customer: "."}, {Type: "a."}} {
		if _, err := NewDecoder(f); err == nil {
			t.Errorf("%+v is taken", f)
		}
	}
	for _, name := range []string{"msgpack", "yaml"} {
		if _, err := NewDecoder(Format{Name: name}); err == nil || !strings.Contains(err.Error(), "use json") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEventID(t *testing.T) {
	ev := Event{Topic: "events", Partition: 3, Offset: 42}
	if got := ev.EventID(); got != "events/3/42" {
		t.Errorf("%q", got)
	}
}

// TestDecodeKeepsNothingOfTheValue: the caller may use the bytes again, and an event has nothing of the one before.
func TestDecodeKeepsNothingOfTheValue(t *testing.T) {
	d := must(NewDecoder(Format{}))
	var ev Event
	b := []byte(`{"event_id":"e1","customer_id":"c1","type":"t1","a":"text"}`)
	if err := d.Decode(b, origin, &ev); err != nil {
		t.Fatal(err)
	}
	clear(b)
	if v, _ := ev.Body.Field("a"); ev.Customer != "c1" || v != "text" {
		t.Errorf("%+v, a=%v", ev, v)
	}
	if err := d.Decode([]byte(`{"customer_id":"c2","type":"t2"}`), Origin{Timestamp: 9}, &ev); err != nil {
		t.Fatal(err)
	}
	if _, ok := ev.Body.Field("a"); ok || ev.ID != "" || ev.Topic != "" || ev.Time != 9 {
		t.Errorf("%+v", ev)
	}
}

// FuzzEvent: what is an event is what encoding/json reads as an object (FuzzJSON has the differences) and what the
// contract says of its four fields; the fields are those of encoding/json.
func FuzzEvent(f *testing.F) {
	for _, s := range []string{
		`{"event_id":"e17","customer_id":"c123","type":"add_to_cart","ts":1700000000017,"sku":"sku-4711","price":12.30}`,
		`{"customer_id":42,"type":"t","ts":"2026-01-01T00:00:00Z","a":{"b":[1,2.5,"x\u00e9"]}}`,
		`{"customer_id":"","type":null}`, `{}`, `[]`, `{"customer_id":"c","type":"t"} x`, `{"a":1,"a":{"b":2},"customer_id":1.5}`,
	} {
		f.Add([]byte(s))
	}
	d := must(NewDecoder(Format{}))
	f.Fuzz(func(t *testing.T, b []byte) {
		var ev Event
		err := d.Decode(b, origin, &ev)
		v, wantErr := standard(b)
		m, object := v.(map[string]any)
		if wantErr != nil || !object || !utf8.Valid(b) || depthOf(b) > eventDepth {
			if err == nil {
				t.Fatalf("%q is taken: %v", b, wantErr)
			}
			return
		}
		customer, isText := m["customer_id"].(string)
		if n, whole := m["customer_id"].(int64); whole {
			customer, isText = fmt.Sprint(n), true
		}
		kind, _ := m["type"].(string)
		if customer == "" || kind == "" {
			if _, large := m["customer_id"].(float64); err == nil && !large {
				t.Fatalf("%q is taken without customer or type", b)
			}
			return
		}
		if err != nil {
			if m["ts"] == nil && (m["event_id"] == nil || reflect.TypeOf(m["event_id"]).Kind() == reflect.String) {
				t.Fatalf("%q: %v", b, err)
			}
			return
		}
		if !isText || ev.Customer != customer || ev.Type != kind || ev.Time > origin.Timestamp {
			t.Fatalf("%q: %+v", b, ev)
		}
		if got := ev.Body.Map(); !reflect.DeepEqual(got, m) {
			t.Fatalf("%q: %#v, encoding/json reads %#v", b, got, m)
		}
	})
}
