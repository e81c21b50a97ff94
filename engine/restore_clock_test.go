package engine

import (
	"testing"
	"time"
)

// A restore is as old as it took, wherever the clock stands: else a clock that is off by half the retention would have
// every view thrown away as soon as it is whole.
func TestRestoreUnderAWrongClock(t *testing.T) {
	const brokers = 1_700_000_000_000
	for _, off := range []time.Duration{0, -13 * time.Hour, 13 * time.Hour} {
		at := func(d time.Duration) time.Time { return simTime(brokers+(off+d).Milliseconds(), time.Hour+d) }
		s := newShard(shardConfig{deleteRetention: 24 * time.Hour}, nil, Listener{}.filled())
		c := &s.claim
		c.shard, s.now = s, at(0)
		c.fresh, c.tail.begun = s.now, s.now.UnixMilli()
		c.tail.appended = brokers + 60_000
		s.now = at(time.Minute)
		if c.stale() {
			t.Errorf("a clock off by %v: a restore of a minute is thrown away", off)
		}
		s.now = at(12*time.Hour + time.Minute)
		if !c.stale() {
			t.Errorf("a clock off by %v: a restore of half a day is kept", off)
		}
		c.complete()
		if c.stale() {
			t.Errorf("a clock off by %v: a whole view is thrown away", off)
		}
	}
}
