package journey

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"wend/schemas"
)

// manyKind is a way in which journeys tell apart events of one type.
type manyKind struct {
	name   string
	of     func(i int) string // the condition of journey i
	goal   bool               // the same type leads out of each again, and customers stay inside
	things int                // how many there are to view
	budget float64            // allocations of an event: its values as they are read
}

var manyKinds = []manyKind{
	{"sku", func(i int) string { return `event.sku == "sku-` + strconv.Itoa(i) + `"` }, false, 5000, 1},
	{"sku and price", func(i int) string { return `event.sku == "sku-` + strconv.Itoa(i) + `" && event.price > 20` }, false, 5000, 2},
	{"price", func(i int) string { return `event.price > ` + strconv.Itoa(1000+i) }, false, 5000, 1},
	{"inside", func(i int) string { return `event.sku == "sku-` + strconv.Itoa(i) + `"` }, true, 10, 2},
	{"missing", func(i int) string { return `event.color == "color-` + strconv.Itoa(i) + `"` }, false, 5000, 0},
}

// program is n journeys that want one event type.
func (k *manyKind) program(tb testing.TB, n int) *Program {
	tb.Helper()
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "---\njourney: j%03d\nenter:\n  on: view\n  if: %s\n  again: after_exit\nexit: [{on: buy}]\n", i, k.of(i))
		if k.goal {
			text.WriteString("goal: {on: view, if: event.price > 20}\nsteps: [{wait: 365d}]\n")
		} else {
			fmt.Fprintf(&text, "steps:\n  - wait: 1h\n  - {send: push, template: t%d}\n", i)
		}
	}
	return compileText(tb, strings.TrimPrefix(text.String(), "---\n"), "")
}

// BenchmarkStepMany is an event that many journeys of one type are offered and at most one takes.
func BenchmarkStepMany(b *testing.B) {
	for _, k := range manyKinds {
		for _, n := range []int{3, 10, 100} {
			b.Run(fmt.Sprintf("%s/%d", k.name, n), func(b *testing.B) {
				p := k.program(b, n)
				l := newManyLoad(b, &k, 1000)
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

// TestStepManyAllocations holds an event that many journeys are offered to the allocations that it has with few: none is for
// a journey.
func TestStepManyAllocations(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector has nothing to see in a count")
	}
	for _, k := range manyKinds {
		for _, n := range []int{3, 100} {
			p := k.program(t, n)
			l := newManyLoad(t, &k, 100)
			for range 5000 {
				l.step(p)
			}
			if got := testing.AllocsPerRun(2000, func() { l.step(p) }); got > k.budget {
				t.Errorf("%s, %d journeys: %v allocations each, the budget is %v", k.name, n, got, k.budget)
			}
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

func newManyLoad(tb testing.TB, k *manyKind, customers int) *manyLoad {
	tb.Helper()
	d, err := schemas.NewDecoder(schemas.Format{})
	if err != nil {
		tb.Fatal(err)
	}
	l := &manyLoad{cartLoad: newCartLoad(customers), decoder: d}
	for i := range 1 << 12 {
		l.texts = append(l.texts, fmt.Appendf(nil, `{"event_id":"e%d","customer_id":"c1","type":"view","ts":1700000000000,"sku":"sku-%d","price":12.30}`, i, i*7%k.things))
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
