package schemas

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/valyala/fastjson"
	"github.com/vmihailenco/msgpack/v5"
)

const typicalEvent = `{"event_id":"e17","customer_id":"c123","type":"add_to_cart","ts":1700000000017,"sku":"sku-4711","price":12.30}`

// TestAllocations holds what lies on the way of every event to its budget. A budget may be lowered; who raises it must
// say what it buys.
func TestAllocations(t *testing.T) {
	doc, b, text := typical(), make([]byte, 0, 1<<16), []byte(typicalEvent)
	encoded := doc.Append(nil)
	d := must(NewDecoder(Format{}))
	ev := new(Event)
	from := Origin{Topic: "events", Timestamp: 1700000000017}
	if err := d.Decode(text, from, ev); err != nil {
		t.Fatal(err)
	}
	marks := d.Marks()
	action := reminder()
	rfc := []byte(`{"customer_id":"c","type":"t","ts":"2026-01-01T00:00:00Z"}`)
	withMap := &Document{Profile: Fields{{"address", map[string]any{"city": "x", "zip": int64(1), "street": "y"}}}}
	recent := typical().Recent
	documents := NewDocumentReader()
	for _, c := range []struct {
		what   string
		budget float64
		f      func()
	}{
		{"Document.Append", 0, func() { b = doc.Append(b[:0]) }},
		{"Document.Append of a map", 0, func() { b = withMap.Append(b[:0]) }},
		{"DecodeDocument", 21, func() { _, _ = DecodeDocument(encoded) }},
		{"DocumentReader.Read", 2, func() { _, _ = documents.Read(encoded) }},
		{"DocumentReader.Read, and Append again", 2, func() { d, _ := documents.Read(encoded); b = d.Append(b[:0]) }},
		{"DocumentReader.Read of a state", 5, func() { d, _ := documents.Read(encoded); d.Journeys.At(0) }},
		{"Decoder.Decode", 0, func() { _ = d.Decode(text, from, ev) }},
		{"Decoder.Decode of RFC 3339", 0, func() { _ = d.Decode(rfc, from, ev) }},
		{"Decoder.Again", 0, func() { d.Again(text, &marks, ev) }},
		{"Body.Field of a number", 1, func() { _ = d.Decode(text, from, ev); ev.Body.Field("price") }},
		{"Action.AppendJSON", 0, func() { b = action.AppendJSON(b[:0]) }},
		{"ActionID", 1, func() { ActionID("cart-recovery", "c123", "k1", true, 1, "cart-reminder", 1) }},
		{"Recent.Seen and Add", 0, func() { recent.Seen("x", 1767227400000); recent.Add("x", 1767227400000) }},
	} {
		if n := testing.AllocsPerRun(200, c.f); n > c.budget {
			t.Errorf("%s allocates %v times, its budget is %v", c.what, n, c.budget)
		}
	}
}

func BenchmarkDocumentAppend(b *testing.B) {
	d, dst := typical(), make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		dst = d.Append(dst[:0])
	}
	b.SetBytes(int64(len(dst)))
}

func BenchmarkDocumentDecode(b *testing.B) {
	encoded := typical().Append(nil)
	b.SetBytes(int64(len(encoded)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeDocument(encoded); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDocumentLibrary is the same document by reflection, without the ids: what writing the codec by hand saves.
func BenchmarkDocumentLibrary(b *testing.B) {
	d := typical()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := msgpack.Marshal(d); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEventDecode(b *testing.B) {
	d, ev, text := must(NewDecoder(Format{})), new(Event), []byte(typicalEvent)
	from := Origin{Topic: "events", Timestamp: 1700000000017}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Decode(text, from, ev); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEventDecodeMany is the same over events of many lengths and two shapes, as a source brings them: in the other the
// processor knows every branch beforehand.
func BenchmarkEventDecodeMany(b *testing.B) {
	var texts [4096][]byte
	random := rand.New(rand.NewPCG(1, 2))
	for i := range texts {
		kind := [...]string{"browse", "browse", "browse", "add_to_cart", "purchase"}[random.IntN(5)]
		texts[i] = fmt.Appendf(nil, `{"event_id":"e%d","customer_id":"c%d","type":%q,"ts":%d,"sku":"sku-%d","price":%d.%02d`,
			random.IntN(10_000_000), random.IntN(100_000), kind, 1_700_000_000_000+i, random.IntN(50_000), random.IntN(200), random.IntN(100))
		if kind == "purchase" {
			texts[i] = fmt.Appendf(texts[i], `,"order_id":"o-%d","items":[{"sku":"sku-%d","count":%d}],"gift":%t`, random.IntN(1_000_000), random.IntN(50_000), random.IntN(9), i%2 == 0)
		}
		texts[i] = append(texts[i], '}')
	}
	d, ev := must(NewDecoder(Format{})), new(Event)
	from := Origin{Topic: "events", Timestamp: 1_800_000_000_000}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := d.Decode(texts[i%len(texts)], from, ev); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEventAgain(b *testing.B) {
	d, ev, text := must(NewDecoder(Format{})), new(Event), []byte(typicalEvent)
	if err := d.Decode(text, Origin{Timestamp: NoTime}, ev); err != nil {
		b.Fatal(err)
	}
	marks := d.Marks()
	b.ReportAllocs()
	for b.Loop() {
		d.Again(text, &marks, ev)
	}
}

// BenchmarkEventFastjson is the same with a lenient parser and its validator: the figures behind scanner's comment.
func BenchmarkEventFastjson(b *testing.B) {
	var p fastjson.Parser
	text := []byte(typicalEvent)
	b.ReportAllocs()
	for b.Loop() {
		if err := fastjson.ValidateBytes(text); err != nil {
			b.Fatal(err)
		}
		v, err := p.ParseBytes(text)
		if err != nil {
			b.Fatal(err)
		}
		v.GetStringBytes("event_id")
		v.GetStringBytes("customer_id")
		v.GetStringBytes("type")
		v.GetInt64("ts")
	}
}

func BenchmarkActionAppendJSON(b *testing.B) {
	a, dst := reminder(), make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		dst = a.AppendJSON(dst[:0])
	}
}

func BenchmarkActionID(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		ActionID("cart-recovery", "c123", "k1", true, 1, "cart-reminder", 1)
	}
}

func BenchmarkRecent(b *testing.B) {
	ids := make([]string, 256)
	for i := range ids {
		ids[i] = fmt.Sprintf("e-%d", i)
	}
	var r Recent
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if id := ids[i&255]; !r.Seen(id, int64(i)) {
			r.Add(id, int64(i))
		}
	}
}

func BenchmarkReadDocument(b *testing.B) {
	raw := typical().Append(nil)
	x := NewDocumentReader()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := x.Read(raw); err != nil {
			b.Fatal(err)
		}
	}
}
