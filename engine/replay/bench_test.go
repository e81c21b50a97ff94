package replay

import (
	"bytes"
	"io"
	"syscall"
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

// BenchmarkSimulate is what wend simulate does with a million events of 100,000 customers. events/cpu-s counts processor time
// of the whole process, which neither the number of processors changes nor who else works on them.
func BenchmarkSimulate(b *testing.B) {
	const events = 1_000_000
	p, log := cart(b, events, workload.Customers)
	b.ReportAllocs()
	b.ResetTimer()
	from := cpuTime(b)
	for range b.N {
		s, err := Simulate(p, bytes.NewReader(log), journey.SimulateOptions{Until: schemas.NoTime}, func(int, string) {})
		if err == nil {
			err = s.WriteActions(io.Discard)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(events*float64(b.N)/(cpuTime(b)-from).Seconds(), "events/cpu-s")
	b.ReportMetric(events*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// cpuTime is the processor time that this process has had.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
