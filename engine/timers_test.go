package engine

import (
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"wend/schemas"
	"wend/statestore"
)

// An entry that came into the index where a scan had been must outlive the removals of all units before the one that
// looked at it: that one may never be acknowledged, and what is not in the index then never fires.
func TestTimersOutliveScansThatMissedThem(t *testing.T) {
	view, err := pebbleViews{FS: vfs.NewMem()}.open("view")
	if err != nil {
		t.Fatal(err)
	}
	defer view.Close()
	s := newShard(shardConfig{}, nil, Listener{}.filled())
	s.view, s.now = view, time.UnixMilli(1000)
	s.timers.open(schemas.NoTime)
	at := func(due int64, customer string) statestore.Timer {
		return statestore.Timer{Due: due, Customer: customer}
	}
	apply := func(u *unit) {
		t.Helper()
		b := view.newBatch()
		defer b.Close()
		s.timers.applying(u, b)
		if err := b.Apply(); err != nil {
			t.Fatal(err)
		}
	}
	index := func(want ...statestore.Timer) {
		t.Helper()
		got, err := view.Timers(statestore.Cursor{}, 1<<40, 100, nil)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("the index has %v, want %v (%v)", got, want, err)
		}
	}
	scan := func(u *unit, to statestore.Timer) { // as fire and look do, the customers apart
		for i := range s.timers.late {
			if !after(s.timers.late[i].Timer, to) && after(s.timers.late[i].Timer, s.timers.cursor) {
				s.timers.late[i].looked = u.number
			}
		}
		s.timers.cursor = to
		if after(to, s.timers.far) {
			s.timers.far = to
		}
		u.fired, u.anyFired = to, true
	}

	first, second, third := &unit{number: 1}, &unit{number: 2}, &unit{number: 3}
	scan(second, at(100, "z")) // while the first is in flight
	first.timers = []statestore.Timer{at(50, "a"), at(80, "b"), at(200, "c")}
	apply(first)
	index(at(50, "a"), at(80, "b"), at(200, "c"))
	if next, ok, err := view.NextTimer(s.timers.cursor); err != nil || !ok || next != at(50, "a") {
		t.Errorf("the scan goes on at %v", next)
	}
	scan(third, at(50, "a"))
	apply(second)
	index(at(50, "a"), at(80, "b"), at(200, "c")) // the third may never be acknowledged
	apply(third)
	index(at(80, "b"), at(200, "c"))
	fourth := &unit{number: 4}
	scan(fourth, at(200, "c"))
	apply(fourth)
	index()
	if len(s.timers.late) > 0 {
		t.Errorf("still kept: %v", s.timers.late)
	}
}

// The clock never goes where the brokers' has not been.
func TestTimersMeasureTheClock(t *testing.T) {
	at := func(ms int64, run time.Duration) time.Time { return simTime(1_700_000_000_000+ms, run) }
	s := newShard(shardConfig{}, nil, Listener{}.filled())
	s.claim.sent, s.claim.heard, s.claim.stamped = at(0, 0), at(10, 10*time.Millisecond), 1_700_000_000_005
	s.now = at(20, 20*time.Millisecond)
	s.timers.open(schemas.NoTime)
	believed := func(want int64) {
		t.Helper()
		if got := s.timers.wall() - 1_700_000_000_000; got != want {
			t.Errorf("the wall clock is believed to be at %d, want %d", got, want)
		}
	}
	believed(20)
	s.now = at(3_600_030, 30*time.Millisecond) // set forward by an hour
	believed(30)
	if !s.timers.probing() {
		t.Error("nobody asks")
	}
	s.timers.confirmed(at(25, 25*time.Millisecond), 1_700_000_000_028) // sealed before: does not tell
	believed(30)
	s.now = at(3_600_060, 60*time.Millisecond)
	s.timers.confirmed(at(3_600_040, 40*time.Millisecond), 1_700_000_000_050)
	believed(50) // at most: as if the broker had stamped just now
	s.now = at(3_600_070, 70*time.Millisecond)
	believed(60)

	s.now = at(-3_599_915, 85*time.Millisecond) // set back by two
	believed(-3_599_915)
	s.now = at(3_600_090, 90*time.Millisecond) // set forward by two
	believed(-3_599_910)
	s.timers.confirmed(at(3_600_090, 90*time.Millisecond), 1_700_000_000_090)
	believed(90)
	s.now = at(100, 100*time.Millisecond) // right again
	believed(100)
	if !s.timers.probing() {
		t.Error("nobody asks")
	}
	s.timers.confirmed(s.now, 1_700_000_000_100)

	s.now = at(3_700_000, 110*time.Millisecond) // asleep, and rightly later: the broker says so
	believed(110)
	s.now = at(3_700_010, 120*time.Millisecond)
	s.timers.confirmed(at(3_700_001, 111*time.Millisecond), 1_700_003_700_005)
	believed(3_700_010)

	s.now = at(3_600_000, 130*time.Millisecond) // set back: the shard's clock stands still by itself
	believed(3_600_000)
}

// While the actions of fires are on their way to a topic, no more fire: an event's action would queue behind theirs. A topic
// that does not answer, or is being looked at, holds up nobody.
func TestFiresWaitForTheWayToBeFree(t *testing.T) {
	now := time.UnixMilli(1_800_000_000_000)
	l := &lane{state: laneSending, sent: now, queue: []owed{{bytes: make([]byte, 60)}, {bytes: make([]byte, 60)}}}
	s := &shard{shardConfig: shardConfig{limits: limits{fires: 10, onTheWay: 100}}, open: &unit{fires: 3}, pub: &publisher{lanes: []*lane{l, {}}}}
	s.timers.shard = s
	for _, c := range []struct {
		what  string
		state laneState
		since time.Duration
		queue int
		want  int
	}{
		{"two batches on the way", laneSending, 0, 2, 0},
		{"they still are", laneSending, slowAnswer - 1, 2, 0},
		{"one batch on the way", laneSending, 0, 1, 7},
		{"a topic that is slow", laneSending, slowAnswer, 2, 7},
		{"a topic that refused", laneWaiting, 0, 2, 7},
		{"a topic that is looked at", laneLooking, 0, 2, 7},
		{"nothing on the way", laneIdle, 0, 0, 7},
	} {
		queue := l.queue
		s.enter(now.Add(c.since))
		l.state, l.queue = c.state, queue[:c.queue]
		if got := s.timers.room(); got != c.want {
			t.Errorf("%s: room for %d fires, want %d", c.what, got, c.want)
		}
		l.queue = queue
	}
}
