//go:build unix

package stand

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/valyala/fastjson"
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

func TestSlowest(t *testing.T) {
	action := func(ts, decided int) []byte {
		return fmt.Appendf(nil, `{"action_id":"j/c/1/s/1","cause":{"event_id":"e1","type":"browse","ts":%d},"decided_at":%d}`, ts, decided)
	}
	delay := func(action []byte, appended int64) int64 {
		id, late := causeOf(new(fastjson.Parser), action, appended)
		if id != "e1" {
			t.Errorf("the cause of %s is %q", action, id)
		}
		return late
	}
	w := &Watcher{appended: [][]int64{{900, 1500, 2600, 4000}, {}}, delays: [][]int64{
		{delay(action(0, 0), 900), delay(action(1460, 1460), 1500), delay(action(1600, 2590), 2600), delay(action(3000, 3000), 4000)}, nil}}
	got := w.Slowest(time.UnixMilli(1000), time.UnixMilli(4000))
	if want := []time.Duration{40 * time.Millisecond, 0}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
