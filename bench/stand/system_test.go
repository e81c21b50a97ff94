//go:build unix

package stand

import (
	"maps"
	"os"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const rest = " S 17 4242 4242 0 -1 4194560 9000 0 1 0 1234 66 5000 7000 20 0 12 0 99 1000000 2000 18446744073709551615"
	for _, name := range []string{"wend", "two words", ") S 1 (", ""} {
		u, err := parseStat([]byte("4242 (" + name + ")" + rest))
		if want := (Usage{Parent: 17, CPU: 13 * time.Second}); err != nil || u != want {
			t.Errorf("%q: %+v %v, want %+v", name, u, err, want)
		}
	}
	for _, bad := range []string{"", "4242 (wend)", "4242 (wend) S x 3 4 5 6 7 8 9 10 11 12 13", "4242 (wend) S 1 3 4 5 6 7 8 9 10 11 x 13"} {
		if u, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q: %+v", bad, u)
		}
	}
}

func TestParseSize(t *testing.T) {
	const text = "Name:\twend\nVmPeak:\t  900 kB\nVmHWM:\t   5 kB\nVmRSS:\t   4 kB\nVmBad:\t x kB\n"
	for key, want := range map[string]int64{"VmHWM": 5 << 10, "VmRSS": 4 << 10, "VmBad": 0, "VmNone": 0} {
		if got := parseSize(text, key); got != want {
			t.Errorf("%s: %d, want %d", key, got, want)
		}
	}
}

// A process that computes has used processor time, and of its children's it knows nothing.
func TestProcessUsage(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("the system does not tell")
	}
	before, err := ProcessUsage(os.Getpid())
	if err != nil || before.Parent != os.Getppid() {
		t.Fatalf("%+v %v", before, err)
	}
	for n := uint64(0); ; n++ {
		if n%1_000_000 != 0 {
			continue
		}
		now, err := ProcessUsage(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if now.CPU > before.CPU {
			break
		}
	}
	if _, err := ProcessUsage(1 << 30); err == nil {
		t.Error("a process that is none used something")
	}
}

func TestParseMetrics(t *testing.T) {
	got, err := parseMetrics("# HELP wend_events_total Records\n# TYPE wend_events_total counter\nwend_events_total 2.000004e+06\n" +
		"wend_lag_records{shard=\"0\"} 3\nwend_lag_records{shard=\"1\"} 4\nodd{text=\"a b{c} 5\"} 6\n\n")
	want := Metrics{"wend_events_total": 2_000_004, "wend_lag_records": 7, "odd": 6}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%v %v, want %v", got, err, want)
	}
	if got, err := parseMetrics("<html>\n"); err == nil {
		t.Error(got)
	}
}
