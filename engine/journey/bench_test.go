package journey

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"wend/schemas"
)

// The cart workload: three journeys, 80 % browse, 15 % add_to_cart, 5 % purchase.

func cartProgram(tb testing.TB) *Program {
	tb.Helper()
	ws, problems := Load("testdata/cart")
	if problems.Failed() {
		tb.Fatal(problems)
	}
	p, problems := Compile(ws)
	if p == nil {
		tb.Fatal(problems)
	}
	return p
}

// noBody is an event without fields of its own: decoding is not Step's.
type noBody struct{}

func (noBody) Field(string) (any, bool) { return nil, false }
func (noBody) Map() map[string]any      { return nil }

type cartLoad struct {
	names []string
	docs  []*schemas.Document
	ids   []string
	body  schemas.Body
	rand  *rand.Rand
	now   int64
	n     int
}

func newCartLoad(customers int) *cartLoad {
	l := &cartLoad{body: noBody{}, rand: rand.New(rand.NewPCG(1, 2)), now: 1_700_000_000_000}
	for i := range customers {
		l.names = append(l.names, "c"+strconv.Itoa(i))
		l.docs = append(l.docs, schemas.NewDocument())
	}
	for i := range 1 << 16 {
		l.ids = append(l.ids, fmt.Sprintf("e%d", i))
	}
	return l
}

// next makes an event; the gap of a customer's events is that of 100,000 customers with an event each millisecond.
func (l *cartLoad) next(kind string, ev *schemas.Event) int {
	l.n++
	l.now += int64(100_000 / len(l.names))
	c := l.rand.IntN(len(l.names))
	*ev = schemas.Event{ID: l.ids[l.n%len(l.ids)], Customer: l.names[c], Type: kind, Time: l.now, Body: l.body}
	return c
}

func benchmarkCart(b *testing.B, kinds func(*rand.Rand) string) {
	p := cartProgram(b)
	l := newCartLoad(1000)
	var out Effects
	var ev schemas.Event
	step := func(kind string) {
		c := l.next(kind, &ev)
		p.Step(l.names[c], l.docs[c], Input{Event: &ev}, &out)
		out.Reset()
	}
	for range 100_000 {
		step(cartKind(l.rand))
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		step(kinds(l.rand))
	}
}

func cartKind(r *rand.Rand) string {
	switch x := r.IntN(100); {
	case x < 80:
		return "browse"
	case x < 95:
		return "add_to_cart"
	}
	return "purchase"
}

func BenchmarkStep(b *testing.B) {
	for _, kind := range []string{"browse", "add_to_cart", "purchase", "unwanted"} {
		b.Run(kind, func(b *testing.B) { benchmarkCart(b, func(*rand.Rand) string { return kind }) })
	}
	b.Run("mix", func(b *testing.B) { benchmarkCart(b, cartKind) })
}

// TestStepAllocations holds the way of an event to a budget of allocations, averaged over the warm workload: the
// action's id and its cause's id (one in three browses, every purchase), the attribute's new value, a timer's action.
func TestStepAllocations(t *testing.T) {
	if testing.Short() {
		t.Skip("warms up for seconds under the race detector, which has nothing to see in a count")
	}
	p := cartProgram(t)
	for _, c := range []struct {
		kind   string
		budget float64
	}{
		{"browse", 1}, {"add_to_cart", 3}, {"purchase", 4}, {"unwanted", 0},
	} {
		l := newCartLoad(100)
		var out Effects
		var ev schemas.Event
		for range 50_000 {
			i := l.next(cartKind(l.rand), &ev)
			p.Step(l.names[i], l.docs[i], Input{Event: &ev}, &out)
			out.Reset()
		}
		got := testing.AllocsPerRun(2000, func() {
			i := l.next(c.kind, &ev)
			p.Step(l.names[i], l.docs[i], Input{Event: &ev}, &out)
			out.Reset()
		})
		if got > c.budget {
			t.Errorf("%s: %v allocations each, the budget is %v", c.kind, got, c.budget)
		}
	}
}
