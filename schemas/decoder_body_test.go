package schemas

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestDecodeLearnsNothingWrong: an event is the same to a decoder that has seen others, like it and unlike it, as to a
// new one.
func TestDecodeLearnsNothingWrong(t *testing.T) {
	names := []string{`"customer_id"`, `"customer_id"`, `"type"`, `"type"`, `"event_id"`, `"ts"`, `"event"`, `"userId"`, `"anonymousId"`, `"timestamp"`,
		`""`, `"a"`, `"ab"`, `"\u0061"`, `"typ\u0065"`, `"a\"b"`, `"type` + strings.Repeat("x", 60) + `"`}
	values := []string{`"c"`, `"c1"`, `"a text that is longer"`, `"\u00e9\n"`, `""`, `7`, `1700000000017`, `-0`, `1.5e3`, `null`, `true`, `{"id":"in","id":1}`, `[1]`}
	spaces := rapid.SampledFrom([]string{"", "", "", " ", "\n\t"})
	rapid.Check(t, func(t *rapid.T) {
		format := Format{Name: rapid.SampledFrom([]string{"json", "segment"}).Draw(t, "format")}
		if rapid.Bool().Draw(t, "with paths") {
			format.Customer, format.ID = "a.id", "a.id"
		}
		used := must(NewDecoder(format))
		members := []string{}
		for range rapid.IntRange(2, 12).Draw(t, "events") {
			// One event is mostly that before with other values, or a few members more or less.
			if n := len(members); n > 0 && rapid.IntRange(0, 3).Draw(t, "fewer") == 0 {
				members = members[:rapid.IntRange(0, n-1).Draw(t, "kept")]
			}
			for range rapid.IntRange(0, 2).Draw(t, "more") {
				members = append(members, rapid.SampledFrom(names).Draw(t, "name"))
			}
			var b strings.Builder
			space := func() string { return spaces.Draw(t, "space") }
			for i, name := range members {
				if i > 0 {
					b.WriteString(space() + ",")
				}
				b.WriteString(space() + name + space() + ":" + space() + rapid.SampledFrom(values).Draw(t, "value"))
			}
			text := []byte("{" + b.String() + rapid.SampledFrom([]string{"}", "}", "}", " }", "", ",}", "}x"}).Draw(t, "end"))
			sameEvent(t, text, used, must(NewDecoder(format)))
		}
	})
}

// sameEvent has two decoders agree.
func sameEvent(t interface{ Fatalf(string, ...any) }, text []byte, a, b *Decoder) {
	var first, second Event
	errA, errB := a.Decode(text, origin, &first), b.Decode(text, origin, &second)
	if fmt.Sprint(errA) != fmt.Sprint(errB) {
		t.Fatalf("%s: %v, of a new one %v", text, errA, errB)
	}
	if errA != nil {
		return
	}
	if x, y := first.Body.Map(), second.Body.Map(); !reflect.DeepEqual(x, y) {
		t.Fatalf("%s: %v, of a new one %v", text, x, y)
	}
	first.Body = second.Body
	if first != second || a.Marks() != b.Marks() {
		t.Fatalf("%s: %+v, of a new one %+v", text, first, second)
	}
}

// TestDecodeManyMembers: what is learnt has an end, and behind it members are read as ever.
func TestDecodeManyMembers(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"customer_id":"c","type":"first"`)
	for i := range 3 * mostLeads {
		b.WriteString(`,"m` + strconv.Itoa(i) + `":` + strconv.Itoa(i))
	}
	b.WriteString(`,"type":"last"}`)
	d := must(NewDecoder(Format{}))
	for range 3 {
		var ev Event
		if err := d.Decode([]byte(b.String()), origin, &ev); err != nil || ev.Type != "last" {
			t.Fatalf("%q, %v", ev.Type, err)
		}
		if v, _ := ev.Body.Field("m700"); v != int64(700) {
			t.Errorf("m700 is %v", v)
		}
	}
	if len(d.body.leads) != mostLeads {
		t.Errorf("%d leads are kept", len(d.body.leads))
	}
}
