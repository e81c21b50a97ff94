package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A step moves the wall's reading alone.
func TestClockStep(t *testing.T) {
	a := time.Now()
	for _, by := range []time.Duration{0, time.Millisecond, -1500 * time.Millisecond, 4 * time.Hour, -4 * time.Hour, 400 * 24 * time.Hour} {
		b := step(a, by)
		if b.Sub(a) != 0 || b.Round(0).Sub(a.Round(0)) != by || b.UnixMilli() != a.Add(by).UnixMilli() {
			t.Errorf("%v: monotonic by %v, the wall by %v", by, b.Sub(a), b.Round(0).Sub(a.Round(0)))
		}
	}
}

func TestClockHook(t *testing.T) {
	path := filepath.Join(t.TempDir(), "offset")
	if _, err := clockHook(path); err == nil {
		t.Error("a file that is not there was taken")
	}
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("3600000\n")
	clock, err := clockHook(path)
	if err != nil {
		t.Fatal(err)
	}
	off := func() time.Duration { return clock().Round(0).Sub(time.Now().Round(0)).Round(time.Hour) }
	if off() != time.Hour {
		t.Errorf("an hour ahead is %v", off())
	}
	write("-7200000")
	for off() != -2*time.Hour {
		time.Sleep(clockRead)
	}
	write("soon") // being written, perhaps
	time.Sleep(2 * clockRead)
	if off() != -2*time.Hour {
		t.Errorf("a file that holds no number sets the clock to %v", off())
	}
}
