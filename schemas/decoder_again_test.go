package schemas

import (
	"reflect"
	"strings"
	"testing"
)

// TestAgain: an event that was decoded once is the same again, fields and all, in whatever order events come again and
// whatever was asked of those before.
func TestAgain(t *testing.T) {
	for _, format := range []Format{{}, {ID: "m.id", Customer: "m.who", Type: "kind", Time: "m.at"}} {
		d, err := NewDecoder(format)
		if err != nil {
			t.Fatal(err)
		}
		type seen struct {
			text  string
			marks EventMarks
			ev    Event
			all   map[string]any
		}
		var events []seen
		for _, text := range []string{
			`{"event_id":"e-81","customer_id":"c123","type":"add_to_cart","ts":1767225600000,"price":30.5,"x":null}`,
			`{"customer_id":7,"type":"a"}`,
			` {"ts":"2026-03-01T10:00:00Z" , "type" : "\u0061\n", "customer_id":"Gr\u00f6\u00dfe","event_id":-0,"l":[1,{"a":2}] }`,
			`{"event_id":12,"customer_id":"x","type":"a","customer_id":"c","type":"b","a\"b":1,"ts":null}`,
			`{"m":{"id":"i","who":9,"at":5},"kind":"k","customer_id":"other"}`,
			`{"kind":"k","m":{"who":"w","m":{"id":1}},"event_id":"none"}`,
			`{"kind":"k","m":{"who":"w","who":"last"}}`,
		} {
			x := seen{text: text}
			if err := d.Decode([]byte(text), Origin{Timestamp: NoTime}, &x.ev); err != nil {
				continue // of the other format
			}
			x.marks, x.all = d.Marks(), CloneValue(x.ev.Body.Map()).(map[string]any)
			x.ev.Customer, x.ev.Type, x.ev.ID = strings.Clone(x.ev.Customer), strings.Clone(x.ev.Type), strings.Clone(x.ev.ID)
			events = append(events, x)
		}
		if len(events) < 3 {
			t.Fatalf("only %d events of %+v", len(events), format)
		}
		for i := range 3 * len(events) {
			x := &events[i*5%len(events)]
			var ev Event
			d.Again([]byte(x.text), &x.marks, &ev)
			for name, want := range x.all {
				if i%3 == 0 { // of the others nobody asks for a field
					if got, ok := ev.Body.Field(name); !ok || !reflect.DeepEqual(got, want) {
						t.Errorf("%s: %s is %v", x.text, name, got)
					}
				}
			}
			if i%3 == 1 && !reflect.DeepEqual(ev.Body.Map(), x.all) {
				t.Errorf("%s: fields %v", x.text, ev.Body.Map())
			}
			if ev.Body = x.ev.Body; ev != x.ev {
				t.Errorf("%s: got %+v, want %+v", x.text, ev, x.ev)
			}
		}
	}
}
