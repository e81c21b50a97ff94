// Package cron reads calendar times in the five fields of cron, and finds the next one in a time zone: minute, hour, day
// of the month, month, day of the week. Where both days are given, either is enough.
//
// It is written here and not taken from a library because what the language promises of changes of the clocks (package
// localtime) decides what comes next, and because libraries disagree on the two days.
package cron

import (
	"math/bits"
	"sort"
	"time"

	"wend/engine/journey/localtime"
)

// Expr is a calendar time that comes again and again. It is a value: two that are written differently and mean the same
// are equal.
type Expr struct {
	minutes  uint64 // a bit each
	hours    uint32
	days     uint32 // of the month, from bit 1; 0: not given
	months   uint16 // from bit 1
	weekdays uint8  // from Sunday; 0: not given
}

const (
	minuteLength = 60_000 // ms
	hourLength   = 60 * minuteLength
	// searched is how many days Next looks at: between two 29 February lie up to 8 years.
	searched = 9 * 366
)

// On says whether some time of the day is one of e's.
func (e Expr) On(day localtime.Day) bool {
	_, month, n := day.Date()
	if e.months&(1<<month) == 0 {
		return false
	}
	switch {
	case e.days != 0 && e.weekdays != 0:
		return e.days&(1<<n) != 0 || e.weekdays&(1<<day.Weekday()) != 0
	case e.days != 0:
		return e.days&(1<<n) != 0
	case e.weekdays != 0:
		return e.weekdays&(1<<day.Weekday()) != 0
	}
	return true
}

// Comes says whether there is any such time: there is none on a 30 February.
func (e Expr) Comes() bool {
	if e.days == 0 || e.weekdays != 0 {
		return true
	}
	for month := time.January; month <= time.December; month++ {
		_, _, last := localtime.DayOn(2028, month+1, 0).Date() // of a leap year
		if e.months&(1<<month) != 0 && e.days&(1<<(last+1)-1) != 0 {
			return true
		}
	}
	return false
}

// Next is the first instant, at from or after it, at which clocks of the zone come to a time of e; localtime.Never where
// none does. Times that a change of the clocks brings to one instant are one.
func (e Expr) Next(from int64, zone *time.Location) int64 {
	// A gap may have put a time of yesterday off until now.
	day := localtime.DayOf(from, zone) - 1
	for end := day + searched; day < end; day++ {
		if !e.On(day) {
			continue
		}
		if at, ok := e.on(day, from, zone); ok {
			return at
		}
	}
	return localtime.Never
}

// on finds the first instant of a day that is one of e's, at from or after it. A later time of a day never comes before
// an earlier one, so that halving finds it: what a clock shows when is dear to ask.
func (e Expr) on(day localtime.Day, from int64, zone *time.Location) (int64, bool) {
	first, last := bits.TrailingZeros64(e.minutes), bits.Len64(e.minutes)-1
	if at := day.At(clock(bits.TrailingZeros32(e.hours), first), zone); at >= from {
		return at, true
	}
	var memory [60]int
	hours := set(uint64(e.hours), memory[:0])
	i := sort.Search(len(hours), func(i int) bool { return day.At(clock(hours[i], last), zone) >= from })
	if i == len(hours) {
		return 0, false
	}
	hour := hours[i]
	minutes := set(e.minutes, memory[:0])
	i = sort.Search(len(minutes)-1, func(i int) bool { return day.At(clock(hour, minutes[i]), zone) >= from })
	return day.At(clock(hour, minutes[i]), zone), true
}

// set appends the numbers of the bits.
func set(all uint64, into []int) []int {
	for ; all != 0; all &= all - 1 {
		into = append(into, bits.TrailingZeros64(all))
	}
	return into
}

func clock(hour, minute int) localtime.Clock {
	return localtime.Clock(hour*hourLength + minute*minuteLength)
}
