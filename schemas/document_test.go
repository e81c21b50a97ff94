package schemas

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"math"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files of this format anew: only before a release")

// typical is the document that sizes and times are given for.
func typical() *Document {
	d := &Document{Time: 1767227400000}
	for i := range 64 {
		d.Recent.Add(fmt.Sprintf("e-%d", i), 1767227400000-int64(64-i)*60_000)
	}
	d.Profile = Fields{{"first_name", "Li"}, {"ltv", 129.5}, {"purchases", int64(4)}}
	cause := Cause{"e-63", "add_to_cart", 1767225600000}
	d.Journeys = states([]JourneyState{
		{Journey: "cart-recovery", Entries: 3, Running: []Enrollment{{
			Number: 3, Version: 2, Entered: 1767225600000,
			Enter:      Fields{{"cart_id", "k1"}, {"price", 19.99}, {"sku", "sku-4711"}},
			EnterCause: cause, Cause: cause,
			Step: "steps[0]", Arrived: 1767225600000, Due: 1767227400000, Armed: 7,
			Visits: []Visit{{"cart-reminder", 1}},
		}}},
		{Journey: "third-look", Entries: 1, Counts: []Count{{"", "sku-1", []int64{1767225600000, 1767225660000}}, {"", "sku-2", []int64{1767225700000}}}},
	})
	return d
}

func states(list []JourneyState) States { return States{list: list} }

// full has something in every part that a document can have.
func full() *Document {
	d := typical()
	d.Profile = Fields{
		{"address", map[string]any{"city": "Xi’an", "zip": int64(710000), "geo": []any{34.25, 108.9}}},
		{"birthday", "1990-02-29"},
		{"debt", int64(-70000)},
		{"empty", map[string]any{}},
		{"ltv", 129.5},
		{"nothing", nil},
		{"subscribed", true},
		{"tags", []any{"a", "b", false}},
	}
	e := &d.Journeys.At(0).Running[0]
	e.Key, e.Holdout, e.Resets, e.Expires = "k1", true, 99, 1767830400000
	e.Event = Fields{{"action_id", "x"}}
	e.Early = []Early{{"steps[1]", 2, Cause{"e-1", "push_opened", 5}, Fields{{"price", int64(3)}}}, {Step: "s"}}
	e.Moved = []string{"e-1", "e-2"}
	e.Sent = []Sent{{ID: "cart-reminder", ActionID: "cart-recovery/c1/k1/3/cart-reminder/1", At: 1767225600001}}
	e.Variant = []Variant{{"subject", "a"}, {"hour", "late"}}
	e.Counts = []Count{{"exit[0]", "", []int64{-5, math.MaxInt64}}}
	s := d.Journeys.At(1)
	s.Entered = []Entered{{"", 1}, {"k", math.MinInt64}}
	s.Ended = []Enrollment{{Number: math.MaxUint64, Due: Never, Expires: 9}, {Number: 300, Version: 70000, Due: 0, Step: strings.Repeat("s", 300)}}
	e.Deferred = []Deferred{{Step: "x"}, {
		Step: "morning", ActionID: "cart-recovery/c1/k1/3/morning/1", Channel: "sms", Template: "good-morning",
		Params: Fields{{"sku", "s1"}}, Variant: []Variant{{"subject", "b"}}, Cause: Cause{"e-9", "browse", 7},
		Reached: 1767225600000, Armed: 1767225600001, Due: 1767254400000, Expire: 43_200_000, Kept: true,
	}}
	e.Sent = append(e.Sent, Sent{"again", "cart-recovery/c1/k1/3/again/7", 1767225600002, []int64{1, 2, 6}})
	e.Rounds = []Visit{{"steps[2]", 3}, {"steps[2].repeat.do[0]", math.MaxUint64}}
	d.Tallies = []Tally{{"", []int64{5, 5, 9}}, {"sms", []int64{math.MinInt64, math.MaxInt64}}}
	d.Series = []Series{{Type: "browse", Last: 7}, {
		Type: "purchase", Last: 1767225600000, Times: []int64{1767225500000, 1767225600000, 1767225600000},
		Sums: []Summed{
			{"items", []Amount{{Whole: -3}, {}, {Whole: math.MaxInt64}}, nil},
			{"price", []Amount{{Whole: 3}, {Fraction: 19.99, Fractional: true}, {}}, []Amount{{Whole: 7, Fraction: 0.5, Fractional: true}, {Whole: 1, Fraction: 0.5}}},
		},
		Older: []Bucket{{600_000, 188504064, 300}, {2_592_000_000, 43635, 1}},
	}}
	d.Scores = []ScoreState{{"heat", -0.5, 0, Never}, {"lead", 61, 1767225600000, 1769817600000}}
	d.Looks, d.Known = []uint64{1 << 63, 1<<63 | 1}, math.MaxUint64
	e.Held = []Early{{Step: "ask", Index: 1, Cause: Cause{"e-11", "reply", 1767225600003}, Event: Fields{{"stars", int64(5)}}}}
	d.Trail.Note(1767225600000, 1<<24-1, 255, math.MaxUint16)
	d.Trail.Note(d.Time, 7, 1, 0)
	e.Since = []Since{{"reply", "", Amount{Whole: 2}}, {"reply", "stars", Amount{Whole: 4, Fraction: 0.5, Fractional: true}}}
	d.Armed = math.MaxUint64
	s.Timers = []TriggerTimer{
		{Trigger: "", Spec: math.MaxUint32, Due: Never, Of: 1767225600000},
		{Trigger: "exit[0]", Due: 1767225600000, Of: -20000, Fired: []int64{-20365, 20521}},
	}
	return d
}

// fullAtFirst is what full was when the first golden file was written.
func fullAtFirst() *Document {
	d := full()
	e := &d.Journeys.At(0).Running[0]
	e.Deferred, e.Rounds, e.Sent, e.Since, e.Held = nil, nil, e.Sent[:1], nil, nil
	d.Journeys.At(1).Timers, d.Armed = nil, 0
	d.Tallies, d.Series, d.Scores, d.Looks, d.Known, d.Trail = nil, nil, nil, nil, 0, Trail{}
	return d
}

func TestDocumentRoundTrip(t *testing.T) {
	for name, d := range map[string]*Document{"new": NewDocument(), "typical": typical(), "full": full()} {
		t.Run(name, func(t *testing.T) {
			b := d.Append([]byte("before"))
			if !bytes.HasPrefix(b, []byte("before")) {
				t.Fatal("what stood before is gone")
			}
			b = b[len("before"):]
			t.Logf("%d bytes", len(b))
			got, err := DecodeDocument(b)
			if err != nil {
				t.Fatal(err)
			}
			clear(b) // the document must share nothing with the bytes
			if !reflect.DeepEqual(got, d) {
				t.Errorf("got  %+v\nwant %+v", got, d)
			}
		})
	}
	if n := len(NewDocument().Append(nil)); n != 2 {
		t.Errorf("a document of nothing takes %d bytes, not 2", n)
	}
}

// TestDocumentFieldsAreAllEncoded fails when a field is added to a type and forgotten in the codec.
func TestDocumentFieldsAreAllEncoded(t *testing.T) {
	var walk func(at string, v reflect.Value)
	seen := map[string]bool{}
	walk = func(at string, v reflect.Value) {
		switch v.Kind() {
		case reflect.Pointer:
			walk(at, v.Elem())
		case reflect.Struct:
			for i := range v.NumField() {
				name := v.Type().Name() + "." + v.Type().Field(i).Name
				switch name {
				case "States.mem", "States.err", "JourneyState.sealed", "Recent.apart": // of reading
					continue
				}
				seen[name] = seen[name] || !v.Field(i).IsZero()
				walk(name, v.Field(i))
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(at, v.Index(i))
			}
		}
	}
	walk("", reflect.ValueOf(full()))
	parted := typical()
	parted.Recent.Split(nil)
	walk("", reflect.ValueOf(parted))
	if len(seen) < 40 {
		t.Fatalf("only %d fields found", len(seen))
	}
	for name, set := range seen {
		if !set {
			t.Errorf("full() leaves %s zero, so nothing tests that it is encoded", name)
		}
	}
}

func genFields(values *rapid.Generator[any]) *rapid.Generator[Fields] {
	return rapid.Custom(func(t *rapid.T) Fields {
		var f Fields
		for range rapid.IntRange(0, 4).Draw(t, "fields") {
			f = f.Set(rapid.String().Draw(t, "name"), values.Draw(t, "value"))
		}
		return f
	})
}

func genValue(depth int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		kinds := 7
		if depth == 0 {
			kinds = 5
		}
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 0:
			return nil
		case 1:
			return rapid.Bool().Draw(t, "bool")
		case 2:
			return rapid.Int64().Draw(t, "int")
		case 3:
			return rapid.Float64().Draw(t, "float")
		case 4:
			return rapid.String().Draw(t, "string")
		case 5:
			list := []any{}
			return append(list, rapid.SliceOfN(genValue(depth-1), 0, 4).Draw(t, "list")...)
		}
		m := rapid.MapOfN(rapid.String(), genValue(depth-1), 0, 4).Draw(t, "map")
		return m
	})
}

// genDocument draws documents with anything in any exported field, and nil where a slice is empty.
func genDocument() *rapid.Generator[*Document] {
	fields := genFields(genValue(2))
	cause := rapid.Make[Cause]()
	some := func(t *rapid.T) int { return rapid.SampledFrom([]int{0, 0, 1, 2, 17}).Draw(t, "some") }
	counts := func(t *rapid.T) (list []Count) {
		for range rapid.IntRange(0, 2).Draw(t, "counts") {
			c := Count{Trigger: rapid.String().Draw(t, "trigger"), Key: rapid.String().Draw(t, "key")}
			for range some(t) {
				c.Times = append(c.Times, rapid.Int64().Draw(t, "time"))
			}
			list = append(list, c)
		}
		return list
	}
	enrollments := func(t *rapid.T) (list []Enrollment) {
		for range rapid.SampledFrom([]int{0, 1, 1, 2}).Draw(t, "enrollments") {
			e := Enrollment{
				Number: rapid.Uint64().Draw(t, "number"), Version: rapid.Uint64().Draw(t, "version"),
				Key: rapid.String().Draw(t, "key"), Entered: rapid.Int64().Draw(t, "entered"), Holdout: rapid.Bool().Draw(t, "holdout"),
				Enter: fields.Draw(t, "enter"), EnterCause: cause.Draw(t, "entercause"),
				Event: fields.Draw(t, "event"), Cause: cause.Draw(t, "cause"),
				Step: rapid.String().Draw(t, "step"), Arrived: rapid.Int64().Draw(t, "arrived"), Due: rapid.Int64().Draw(t, "due"),
				Resets: rapid.Int().Draw(t, "resets"), Armed: rapid.Uint64().Draw(t, "armed"),
				Counts: counts(t), Expires: rapid.Int64().Draw(t, "expires"),
			}
			for range some(t) {
				e.Early = append(e.Early, Early{rapid.String().Draw(t, "s"), rapid.Int().Draw(t, "i"), cause.Draw(t, "c"), fields.Draw(t, "e")})
			}
			for range some(t) {
				e.Held = append(e.Held, Early{rapid.String().Draw(t, "h"), rapid.Int().Draw(t, "i"), cause.Draw(t, "c"), fields.Draw(t, "e")})
				e.Moved = append(e.Moved, rapid.String().Draw(t, "moved"))
				e.Visits = append(e.Visits, rapid.Make[Visit]().Draw(t, "visit"))
				e.Rounds = append(e.Rounds, rapid.Make[Visit]().Draw(t, "round"))
			}
			for range some(t) {
				d := Deferred{
					Step: rapid.String().Draw(t, "step"), ActionID: rapid.String().Draw(t, "id"), Channel: rapid.String().Draw(t, "channel"),
					Template: rapid.String().Draw(t, "template"), Params: fields.Draw(t, "params"), Cause: cause.Draw(t, "cause"),
					Reached: rapid.Int64().Draw(t, "reached"), Armed: rapid.Int64().Draw(t, "armed"), Due: rapid.Int64().Draw(t, "due"),
					Expire: rapid.Int64().Draw(t, "expire"), Kept: rapid.Bool().Draw(t, "kept"),
				}
				for range rapid.IntRange(0, 2).Draw(t, "variants") {
					d.Variant = append(d.Variant, rapid.Make[Variant]().Draw(t, "variant"))
				}
				e.Deferred = append(e.Deferred, d)
			}
			for range rapid.IntRange(0, 2).Draw(t, "since") {
				e.Since = append(e.Since, Since{rapid.String().Draw(t, "type"), rapid.String().Draw(t, "field"), genAmount(t)})
			}
			for range some(t) {
				x := Sent{ID: rapid.String().Draw(t, "send"), ActionID: rapid.String().Draw(t, "action"), At: rapid.Int64().Draw(t, "at")}
				for range rapid.IntRange(0, 2).Draw(t, "before") {
					x.Before = append(x.Before, rapid.Int64().Draw(t, "visit"))
				}
				e.Sent = append(e.Sent, x)
				e.Variant = append(e.Variant, rapid.Make[Variant]().Draw(t, "variant"))
			}
			list = append(list, e)
		}
		return list
	}
	timers := func(t *rapid.T) (list []TriggerTimer) {
		for range some(t) {
			x := TriggerTimer{Trigger: rapid.String().Draw(t, "trigger"), Spec: rapid.Uint32().Draw(t, "spec"), Due: rapid.Int64().Draw(t, "due"), Of: rapid.Int64().Draw(t, "of")}
			for range some(t) {
				x.Fired = append(x.Fired, rapid.Int64().Draw(t, "day"))
			}
			list = append(list, x)
		}
		return list
	}
	return rapid.Custom(func(t *rapid.T) *Document {
		d := &Document{Time: rapid.Int64().Draw(t, "time"), Profile: fields.Draw(t, "profile"), Armed: rapid.Uint64().Draw(t, "armed")}
		now := int64(0)
		for range rapid.IntRange(0, 70).Draw(t, "recent") {
			now += rapid.Int64Range(0, 2*hour).Draw(t, "later")
			d.Recent.Add(rapid.String().Draw(t, "id"), now)
			d.Trail.Note(now, rapid.Uint32().Draw(t, "journey"), rapid.Uint8().Draw(t, "code"), rapid.Uint16().Draw(t, "detail"))
		}
		for i := range rapid.SampledFrom([]int{0, 1, 2, 20}).Draw(t, "journeys") {
			s := JourneyState{Journey: fmt.Sprintf("j%03d", i), Entries: rapid.Uint64().Draw(t, "entries")}
			if i < 2 {
				for range some(t) {
					s.Entered = append(s.Entered, rapid.Make[Entered]().Draw(t, "entered"))
				}
				s.Counts, s.Running, s.Ended, s.Timers = counts(t), enrollments(t), enrollments(t), timers(t)
			}
			d.Journeys.list = append(d.Journeys.list, s)
		}
		for i := range rapid.IntRange(0, 2).Draw(t, "tallies") {
			x := Tally{Channel: fmt.Sprintf("%*s", i, "")}
			for range some(t) {
				x.Times = append(x.Times, rapid.Int64().Draw(t, "left"))
			}
			d.Tallies = append(d.Tallies, x)
		}
		for i := range rapid.IntRange(0, 2).Draw(t, "series") {
			d.Series = append(d.Series, genSeries(t, fmt.Sprintf("%*s", i, "")))
		}
		for i := range rapid.IntRange(0, 2).Draw(t, "scores") {
			x := ScoreState{fmt.Sprintf("%*s", i, ""), rapid.Float64().Draw(t, "score"), rapid.Int64().Draw(t, "last"), rapid.Int64().Draw(t, "due")}
			if rapid.Bool().Draw(t, "never") || x.Due == Never {
				x.Last, x.Due = 0, Never
			}
			d.Scores = append(d.Scores, x)
		}
		d.Known = rapid.Uint64().Draw(t, "known")
		if looks := rapid.SliceOfN(rapid.Uint64(), 0, 3).Draw(t, "looks"); len(looks) > 0 {
			d.Looks = looks
		}
		return d
	})
}

func genAmount(t *rapid.T) (a Amount) {
	if rapid.Bool().Draw(t, "whole") {
		a.Whole = rapid.Int64().Draw(t, "whole number")
	}
	if a.Fractional = rapid.Bool().Draw(t, "fractional"); a.Fractional || rapid.Bool().Draw(t, "fraction") {
		a.Fraction = rapid.Float64().Draw(t, "fractional number")
	}
	return a
}

func genSeries(t *rapid.T, kind string) Series {
	few := rapid.IntRange(0, 3)
	s := Series{Type: kind, Last: rapid.Int64().Draw(t, "last")}
	for range few.Draw(t, "times") {
		s.Times = append(s.Times, rapid.Int64().Draw(t, "time"))
	}
	for range few.Draw(t, "sums") {
		f := Summed{Field: rapid.String().Draw(t, "field")}
		for range few.Draw(t, "values") {
			f.Values = append(f.Values, genAmount(t))
		}
		for range few.Draw(t, "older") {
			f.Older = append(f.Older, genAmount(t))
		}
		s.Sums = append(s.Sums, f)
	}
	for range few.Draw(t, "buckets") {
		s.Older = append(s.Older, rapid.Make[Bucket]().Draw(t, "bucket"))
	}
	return s
}

func TestDocumentLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := genDocument().Draw(t, "document")
		b := d.Append(nil)
		got, err := DecodeDocument(b)
		if err != nil {
			t.Fatal(err)
		}
		if again := got.Append(nil); !bytes.Equal(b, again) {
			t.Fatalf("encoded again it differs:\n% x\n% x", b, again)
		}
		// Capacity aside, what is read is what was written.
		want := *d
		if !reflect.DeepEqual(got, &want) {
			t.Fatalf("got  %+v\nwant %+v", got, &want)
		}
		// Another reader of MessagePack sees one value that ends where the bytes do.
		rest := bytes.NewReader(b[1:])
		dec := msgpack.NewDecoder(rest)
		dec.SetMapDecoder(func(d *msgpack.Decoder) (any, error) { return d.DecodeUntypedMap() })
		if _, err := dec.DecodeInterface(); err != nil {
			t.Fatalf("the library cannot read it: %v", err)
		}
		if rest.Len() > 0 {
			t.Fatalf("the library leaves %d bytes", rest.Len())
		}
	})
}

func TestValueAgreesWithLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := genValue(4).Draw(t, "value")
		b := appendValue(nil, v, 0)
		dec := msgpack.NewDecoder(bytes.NewReader(b))
		dec.UseLooseInterfaceDecoding(true) // int64, uint64 and float64 alone
		theirs, err := dec.DecodeInterfaceLoose()
		if err != nil {
			t.Fatalf("% x: %v", b, err)
		}
		if !reflect.DeepEqual(plain(theirs), v) {
			t.Fatalf("the library reads %T %#v, written was %T %#v", theirs, theirs, v, v)
		}
		// And the other way round.
		var buf bytes.Buffer
		enc := msgpack.NewEncoder(&buf)
		if err := enc.Encode(v); err != nil {
			t.Fatal(err)
		}
		r := reader{b: buf.Bytes()}
		if ours := r.value(0); r.err != nil || !reflect.DeepEqual(ours, v) {
			t.Fatalf("read %#v (%v), the library wrote %#v", ours, r.err, v)
		}
		skip := reader{b: b}
		if skip.skip(0); skip.err != nil || skip.pos != len(b) {
			t.Fatalf("skip stops at %d of %d: %v", skip.pos, len(b), skip.err)
		}
	})
}

func plain(v any) any {
	switch v := v.(type) {
	case uint64:
		return int64(v)
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plain(v[k])
		}
	}
	return v
}

// TestDocumentGrows reads a document of a release that does not exist yet: further keys with values of every kind, and
// further elements in the arrays.
func TestDocumentGrows(t *testing.T) {
	type m = map[any]any
	later := []any{nil, true, int64(-1), uint64(math.MaxUint64), float32(1), 1.5, "x", []byte{1}, []any{1}, m{1: 2}, strings.Repeat("y", 300), make([]byte, 70000)}
	b, err := msgpack.Marshal(m{
		keyDocTime: int64(5), 99: later, "text": 1,
		keyDocJourneys: []any{m{
			keyStateJourney: "j", 77: later,
			keyStateEntered: []any{[]any{int64(3), "k", later}, []any{int64(4)}, []any{}},
			keyStateCounts:  []any{[]any{"", "k", []any{int64(9)}, later}},
			keyStateTimers:  []any{[]any{"goal", 6, int64(7), int64(8), []any{int64(9)}, later}, []any{"x"}, []any{}},
			keyStateRunning: []any{m{
				keyNumber: 1, 200: later,
				keyCause: []any{int64(7), "t", "id", later}, keyEnterCause: []any{int64(8)},
				keyVisits: []any{[]any{"s", 2, later}}, keySent: []any{[]any{"s", "a", 3, []any{1, 4}, later}, []any{"t"}}, keyRounds: []any{[]any{"r", 2, later}},
				keyVariant: []any{[]any{"s", "a", later}}, keyEarly: []any{[]any{"s", 1, []any{}, m{}, later}},
				keyDeferred: []any{[]any{"s", "a"}, []any{"s", "a", "c", "t", m{}, []any{}, []any{}, 1, 2, 3, 4, true, later}},
				keySince:    []any{[]any{"t", "f", 3, later}, []any{"t"}},
			}},
		}},
		keyDocSeries:  []any{[]any{"a"}, []any{"b", 9, []any{int64(4)}, []any{[]any{"f", []any{[]any{int64(1), 0.5, true, later}}, []any{}, later}}, []any{[]any{5, 6, 7, later}, []any{}}, later}},
		keyDocScores:  []any{[]any{"a"}, []any{"b", 1.5, 3, 4, later}},
		keyDocTallies: []any{[]any{"c", []any{int64(3)}, later}},
	})
	if err != nil {
		t.Fatal(err)
	}
	// A key that is text is not of this form: only whole numbers are kept for growth.
	if _, err := DecodeDocument(append([]byte{1}, b...)); err == nil || !strings.Contains(err.Error(), "whole number") {
		t.Fatalf("a key that is text: %v", err)
	}
	b = bytes.Replace(b, []byte("\xa4text\xd3\x00\x00\x00\x00\x00\x00\x00\x01"), []byte("\x62\x01"), 1)
	b = bytes.Replace(b, []byte("\xa4text\x01"), []byte("\x62\x01"), 1)
	d, err := DecodeDocument(append([]byte{1}, b...))
	if err != nil {
		t.Fatal(err)
	}
	want := &Document{Time: 5, Tallies: []Tally{{"c", []int64{3}}}, Journeys: states([]JourneyState{{
		Journey: "j", Entered: []Entered{{"k", 3}, {"", 4}, {}}, Counts: []Count{{"", "k", []int64{9}}},
		Timers: []TriggerTimer{{"goal", 6, 7, 8, []int64{9}}, {Trigger: "x"}, {}},
		Running: []Enrollment{{
			Number: 1, Due: Never, Cause: Cause{"id", "t", 7}, EnterCause: Cause{Time: 8}, Visits: []Visit{{"s", 2}},
			Rounds: []Visit{{"r", 2}},
			Sent:   []Sent{{ID: "s", ActionID: "a", At: 3, Before: []int64{1, 5}}, {ID: "t"}}, Variant: []Variant{{"s", "a"}}, Early: []Early{{Step: "s", Index: 1}},
			Deferred: []Deferred{{Step: "s", ActionID: "a"}, {Step: "s", ActionID: "a", Channel: "c", Template: "t", Reached: 1, Armed: 2, Due: 3, Expire: 4, Kept: true}},
			Since:    []Since{{"t", "f", Amount{Whole: 3}}, {Type: "t"}},
		}},
	}}),
		Series: []Series{{Type: "a"}, {"b", 9, []int64{4}, []Summed{{"f", []Amount{{1, 0.5, true}}, nil}}, []Bucket{{5, 6, 7}, {}}}},
		Scores: []ScoreState{{Name: "a", Due: Never}, {"b", 1.5, 3, 4}},
	}
	if !reflect.DeepEqual(d, want) {
		t.Errorf("got  %+v\nwant %+v", d, want)
	}
}

func TestSkip(t *testing.T) {
	for name, b := range map[string][]byte{
		"fixext 1": {0xd4, 1, 0}, "fixext 16": append([]byte{0xd8, 1}, make([]byte, 16)...),
		"ext 8": {0xc7, 3, 1, 0, 0, 0}, "ext 16": {0xc8, 0, 1, 1, 0}, "ext 32": {0xc9, 0, 0, 0, 0, 1},
		"bin 16": {0xc5, 0, 1, 0}, "str 16": {0xda, 0, 1, 'x'}, "float 32": {0xca, 0, 0, 0, 0},
		"map 16": {0xde, 0, 1, 0xc0, 0xc0}, "array 16": {0xdc, 0, 1, 0xc0}, "int 64": {0xd3, 0, 0, 0, 0, 0, 0, 0, 0},
	} {
		r := reader{b: append(b, 0xc0)}
		if r.skip(0); r.err != nil || r.pos != len(b) {
			t.Errorf("%s: stops at %d of %d: %v", name, r.pos, len(b), r.err)
		}
		r = reader{b: b[:len(b)-1]}
		if r.skip(0); r.err == nil {
			t.Errorf("%s cut short is passed over", name)
		}
	}
}

// TestGoldenDocuments reads what the first release with each format wrote. A golden file is never written again once
// a release could have written documents like it.
func TestGoldenDocuments(t *testing.T) {
	for format := documentFormat1; format <= documentFormatApart; format++ {
		docs := []*Document{NewDocument(), typical(), full()}
		switch format {
		case documentFormat1:
			docs[2] = fullAtFirst()
		case documentFormatApart:
			docs = docs[1:2]
			docs[0].Recent.Split(nil)
		}
		file := fmt.Sprintf("testdata/document-%d.hex", format)
		if *update && format == documentFormatApart {
			var lines strings.Builder
			for _, d := range docs {
				fmt.Fprintln(&lines, hex.EncodeToString(d.Append(nil)))
			}
			if err := os.WriteFile(file, []byte(lines.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Fields(string(text))
		if len(lines) != len(docs) {
			t.Fatalf("%d documents, want %d", len(lines), len(docs))
		}
		for i, want := range docs {
			b, err := hex.DecodeString(lines[i])
			if err != nil {
				t.Fatal(err)
			}
			got, err := DecodeDocument(b)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("format %d, document %d: got  %+v\nwant %+v", format, i, got, want)
			}
		}
	}
}

func TestDocumentsThatAreNone(t *testing.T) {
	deep := append([]byte{1, 0x81, keyDocProfile, 0x81, 0xa1, 'x'}, bytes.Repeat([]byte{0x91}, maxDepth+2)...)
	deepUnknown := append([]byte{1, 0x81, 50}, bytes.Repeat([]byte{0x91}, 1<<20)...)
	greedy := []byte{1, 0x81, keyDocProfile, 0x81, 0xa1, 'x'}
	for range 5000 { // each list says that it holds all that follows
		greedy = append(greedy, 0xdd, 0, 0, 0x20, 0)
	}
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"nothing":          {nil, "no bytes"},
		"another format":   {[]byte{4, 0x80}, "format 4"},
		"cut":              {typical().Append(nil)[:900], "at byte"},
		"more behind":      {append(typical().Append(nil), 0), "behind the document"},
		"count too large":  {[]byte{1, 0x81, keyDocJourneys, 0xdd, 0xff, 0xff, 0xff, 0xff}, "more entries"},
		"text too long":    {[]byte{1, 0x81, keyDocProfile, 0x81, 0xdb, 0xff, 0xff, 0xff, 0xff, 0}, "longer than what is left"},
		"fields unordered": {[]byte{1, 0x81, keyDocProfile, 0x82, 0xa1, 'b', 1, 0xa1, 'a', 1}, "out of order"},
		"field twice":      {[]byte{1, 0x81, keyDocProfile, 0x82, 0xa1, 'a', 1, 0xa1, 'a', 1}, "out of order"},
		"journey twice":    {[]byte{1, 0x81, keyDocJourneys, 0x92, 0x81, 1, 0xa1, 'a', 0x81, 1, 0xa1, 'a'}, "out of order"},
		"tally twice":      {[]byte{1, 0x81, keyDocTallies, 0x92, 0x91, 0xa0, 0x91, 0xa0}, "out of order"},
		"series twice":     {[]byte{1, 0x81, keyDocSeries, 0x92, 0x91, 0xa0, 0x91, 0xa0}, "out of order"},
		"score twice":      {[]byte{1, 0x81, keyDocScores, 0x92, 0x91, 0xa0, 0x91, 0xa0}, "out of order"},
		"score of text":    {[]byte{1, 0x81, keyDocScores, 0x91, 0x92, 0xa0, 0xa0}, "no fractional number"},
		"looks cut":        {[]byte{1, 0x81, keyDocLooks, 0xc4, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0}, "impossible length"},
		"amount of text":   {[]byte{1, 0x81, keyDocSeries, 0x91, 0x94, 0xa0, 0, 0x90, 0x91, 0x92, 0xa0, 0x91, 0xa0}, "whole number"},
		"trail cut":        {[]byte{1, 0x81, keyDocTrail, 0xc4, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0}, "impossible length"},
		"recent cut":       {[]byte{1, 0x81, keyDocRecent, 0xc4, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0}, "impossible length"},
		"value too deep":   {deep, "too deep"},
		"unknown too deep": {deepUnknown, "too deep"},
		"greedy lists":     {greedy, "at byte"},
		"unused byte":      {[]byte{1, 0x81, 50, 0xc1}, "does not use"},
	} {
		t.Run(name, func(t *testing.T) {
			var d *Document
			var err error
			// Room is made for what is there, not for what the bytes say there is.
			used := allocated(func() { d, err = DecodeDocument(c.b) })
			if err == nil || !strings.Contains(err.Error(), c.want) || d != nil {
				t.Errorf("%v, %v; want an error with %q", d, err, c.want)
			}
			if limit := uint64(200*len(c.b) + 4096); used > limit {
				t.Errorf("%d bytes allocated for %d", used, len(c.b))
			}
		})
	}
}

// allocated is how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestValueTooDeep: what the encoder writes it can read, even of a value that grew beyond all measure.
func TestValueTooDeep(t *testing.T) {
	var v any = "core"
	for range maxDepth + 10 {
		v = []any{v}
	}
	d := &Document{Time: NoTime, Profile: Fields{{"v", v}}}
	b := d.Append(nil)
	got, err := DecodeDocument(b)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Append(nil), b) {
		t.Error("it changes when written again")
	}
}

func FuzzDocument(f *testing.F) {
	for _, d := range []*Document{NewDocument(), typical(), full()} {
		f.Add(d.Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := DecodeDocument(b)
		if (d == nil) == (err == nil) {
			t.Fatalf("document %v and error %v", d, err)
		}
		if err != nil {
			return
		}
		once := d.Append(nil)
		again, err := DecodeDocument(once)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if twice := again.Append(nil); !bytes.Equal(once, twice) {
			t.Fatalf("% x\nis written as\n% x\nand then as\n% x", b, once, twice)
		}
		rest := bytes.NewReader(once[1:])
		dec := msgpack.NewDecoder(rest)
		dec.SetMapDecoder(func(d *msgpack.Decoder) (any, error) { return d.DecodeUntypedMap() })
		if _, err := dec.DecodeInterface(); err != nil || rest.Len() > 0 {
			t.Fatalf("the library leaves %d bytes, %v", rest.Len(), err)
		}
	})
}
