package journey

import "wend/schemas"

// Triggers that count: `times: N, within: W`.
//
// A counter keeps the event times that are not used up, ascending. The event in hand completes N of them when, with it
// in its place, some N neighbours span at most W; before it came no N did, so these hold it, and the earliest of them
// are used up. An event stands at its own time, also when it is late.
//
// In order, N-1 times not older than W are all that can matter. A late event can still complete older ones, so a
// counter keeps more than that, within bounds: times not more than countLate older than the window that ends with the
// event in hand, and of these the newest max(countKept, 2N). A late event beyond both may find its companions forgotten,
// but late ones that come together, as after an outage, find each other however late they are.
const (
	countLate = 24 * 60 * 60 * 1000 // ms
	countKept = 64
	// countKeys is how many keys a counter of `enter` is kept for; the one whose newest event is oldest goes first.
	countKeys = 1_000
)

// counted adds the event in hand to a counter, and reports whether it completes the trigger.
func (s *stepper) counted(counts *[]schemas.Count, t *trigger, key string) bool {
	at := s.counter(counts, t, key)
	c := &(*counts)[at]
	c.Times = insertTime(grown(s, &s.scratch.times, c.Times), s.ev.Time)
	if i := complete(c.Times, t.times, t.within); i >= 0 {
		c.Times = append(c.Times[:i], c.Times[i+t.times:]...)
		if len(c.Times) == 0 {
			dropCount(counts, at)
		}
		return true
	}
	drop := max(0, len(c.Times)-max(countKept, 2*t.times))
	for drop < len(c.Times) && c.Times[drop] < s.ev.Time-t.within-countLate {
		drop++
	}
	if drop > 0 {
		c.Times = c.Times[:copy(c.Times, c.Times[drop:])]
		if len(c.Times) == 0 {
			dropCount(counts, at)
		}
	}
	return false
}

// counter returns the index of the trigger's counter for the key, which it makes where there is none.
func (s *stepper) counter(counts *[]schemas.Count, t *trigger, key string) int {
	list := *counts
	for i := range list {
		if list[i].Key == key && list[i].Trigger == t.place {
			return i
		}
	}
	// A new key pays for the room that others no longer need.
	oldest, keys := -1, 0
	for i := 0; i < len(list); {
		c := &list[i]
		if n := len(c.Times); n == 0 || c.Trigger == t.place && c.Times[n-1] < s.ev.Time-t.within-countLate {
			dropCount(&list, i)
			continue
		}
		if c.Trigger == t.place {
			keys++
			if oldest < 0 || c.Times[len(c.Times)-1] < list[oldest].Times[len(list[oldest].Times)-1] {
				oldest = i
			}
		}
		i++
	}
	if keys >= countKeys {
		dropCount(&list, oldest)
	}
	if n := len(list); n < cap(list) {
		list = list[:n+1]
		list[n] = schemas.Count{Trigger: t.place, Key: key, Times: list[n].Times[:0]} // the memory of one that is gone
	} else {
		list = append(grown(s, &s.scratch.counts, list), schemas.Count{Trigger: t.place, Key: key})
	}
	if key != "" {
		list[len(list)-1].Key = s.text(key)
	}
	*counts = list
	return len(list) - 1
}

// dropCount takes a counter away; its memory stays behind the end of the list for the next.
func dropCount(counts *[]schemas.Count, i int) {
	list := *counts
	times := list[i].Times
	copy(list[i:], list[i+1:])
	list[len(list)-1] = schemas.Count{Times: times[:0]}
	*counts = list[:len(list)-1]
}

func insertTime(times []int64, t int64) []int64 {
	i := len(times)
	for i > 0 && times[i-1] > t {
		i--
	}
	times = append(times, 0)
	copy(times[i+1:], times[i:])
	times[i] = t
	return times
}

// complete returns where the earliest n neighbours begin that span at most within, or -1.
func complete(times []int64, n int, within int64) int {
	for i := 0; i+n <= len(times); i++ {
		if uint64(times[i+n-1])-uint64(times[i]) <= uint64(within) {
			return i
		}
	}
	return -1
}
