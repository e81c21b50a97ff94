//go:build unix

package stand

import (
	"slices"
	"testing"
	"time"
)

func TestSilences(t *testing.T) {
	at := func(ms int64) time.Time { return time.UnixMilli(ms) }
	w := &Watcher{appended: [][]int64{{900, 1500, 2600, 2700, 9000}, {}, {1000, 2000, 3000, 4000}}}
	got := w.Silences(at(1000), at(4000), time.Second+time.Millisecond)
	want := []Silence{{0, at(1500), 1100 * time.Millisecond}, {0, at(2700), 1300 * time.Millisecond}, {1, at(1000), 3 * time.Second}}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
