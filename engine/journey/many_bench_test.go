package journey

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"wend/schemas"
)

// manyProgram is n journeys that want one event type; condition makes the condition of each.
func manyProgram(tb testing.TB, n int, condition func(i int) string) *Program {
	tb.Helper()
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "---\njourney: j%03d\nenter:\n  on: view\n  if: %s\n  again: after_exit\nexit: [{on: buy}]\nsteps:\n  - wait: 1h\n  - {send: push, template: t%d}\n", i, condition(i), i)
	}
	return compileText(tb, strings.TrimPrefix(text.String(), "---\n"), "")
}

// manyConditions are ways in which journeys tell apart events of one type.
var manyConditions = []struct {
	name string
	of   func(i int) string
}{
	{"sku", func(i int) string { return `event.sku == "sku-` + strconv.Itoa(i) + `"` }},
	{"sku and price", func(i int) string { return `event.sku == "sku-` + strconv.Itoa(i) + `" && event.price > 20` }},
	{"price", func(i int) string { return `event.price > ` + strconv.Itoa(1000+i) }},
}

// BenchmarkStepMany is an event that many journeys of one type are offered and at most one takes.
func BenchmarkStepMany(b *testing.B) {
	for _, c := range manyConditions {
		for _, n := range []int{3, 10, 100} {
			b.Run(fmt.Sprintf("%s/%d", c.name, n), func(b *testing.B) {
				p := manyProgram(b, n, c.of)
				l := newManyLoad(b, 1000)
				for range 20_000 {
					l.step(p)
				}
				b.ReportAllocs()
				for b.Loop() {
					l.step(p)
				}
			})
		}
	}
}

// manyLoad steps customers through views of many things, each event decoded from its text.
type manyLoad struct {
	*cartLoad
	decoder *schemas.Decoder
	texts   [][]byte
	event   schemas.Event
	out     Effects
}

func newManyLoad(tb testing.TB, customers int) *manyLoad {
	tb.Helper()
	d, err := schemas.NewDecoder(schemas.Format{})
	if err != nil {
		tb.Fatal(err)
	}
	l := &manyLoad{cartLoad: newCartLoad(customers), decoder: d}
	for i := range 1 << 12 {
		l.texts = append(l.texts, fmt.Appendf(nil, `{"event_id":"e%d","customer_id":"c1","type":"view","ts":1700000000000,"sku":"sku-%d","price":12.30}`, i, i*7%5000))
	}
	return l
}

func (l *manyLoad) step(p *Program) {
	var ev schemas.Event
	c := l.next("view", &ev)
	if err := l.decoder.Decode(l.texts[l.n%len(l.texts)], schemas.Origin{Timestamp: schemas.NoTime}, &l.event); err != nil {
		panic(err)
	}
	l.event.ID, l.event.Customer, l.event.Time = ev.ID, ev.Customer, ev.Time
	p.Step(l.names[c], l.docs[c], Input{Event: &l.event}, &l.out)
	l.out.Reset()
}
