package replay

import (
	"bytes"
	"io"
	"testing"
	"time"

	"wend/bench/workload"
	"wend/engine/journey"
	"wend/schemas"
)

// cart is the cart workload: its journeys, and a log of its events, one each 10 ms.
func cart(tb testing.TB, events, customers int) (*journey.Program, []byte) {
	tb.Helper()
	dir := tb.TempDir()
	w := workload.Workspace{App: "cart", Brokers: "127.0.0.1:9092", Source: "events", Actions: "actions", DataDir: "./data", HTTP: "127.0.0.1:8080", Await: 30 * time.Minute}
	if err := w.Write(dir); err != nil {
		tb.Fatal(err)
	}
	ws, problems := journey.Load(dir)
	p, more := journey.Compile(ws)
	if p == nil || problems.Failed() {
		tb.Fatal(problems, more)
	}
	var log []byte
	for i := range events {
		log = append(workload.AppendJSON(log, i, workload.At(1, i, customers), 1_772_000_000_000+int64(i)*10), '\n')
	}
	return p, log
}

// TestSimulateAllocations holds a simulation to a budget of allocations: what a document grows by in a customer's first ten events,
// the ids of an action and of its cause. Reading a line, dealing it out and reading it again take none of their own, nor
// does writing down an action.
func TestSimulateAllocations(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector has nothing to see in a count")
	}
	const events, budget = 100_000, 3.5
	p, log := cart(t, events, events/10)
	got := testing.AllocsPerRun(2, func() {
		s, err := Simulate(p, bytes.NewReader(log), journey.SimulateOptions{Until: schemas.NoTime}, func(int, string) {})
		if err == nil {
			err = s.WriteActions(io.Discard)
		}
		if err != nil {
			t.Fatal(err)
		}
	}) / events
	if got > budget {
		t.Errorf("%.2f allocations an event, the budget is %v", got, budget)
	}
}
