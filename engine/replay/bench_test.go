//go:build unix

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
