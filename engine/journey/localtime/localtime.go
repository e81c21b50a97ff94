// Package localtime is the arithmetic of calendars and clocks in a time zone: which instant a local time is, and when
// one comes next. It follows the zone at the date in question. Of the language's two rules for changes of the clocks, a
// time that is skipped is the first instant after the gap, and one that is repeated is the first of the two; together
// they say one thing: a local time is the first instant at which clocks show it, or later.
//
// Instants are milliseconds since 1970, as everywhere in Wend, and so are the results; where the arithmetic
// ends, at 2^53 ms (the year 287396) on either side, nothing comes next.
package localtime

import (
	"fmt"
	"math"
	"time"
)

const (
	dayLength = 24 * 60 * 60 * 1000 // ms
	// farthest bounds what is calculated with, so that nothing overflows.
	farthest = 1 << 53
	// Never is what Next and NextDay give when nothing comes any more: a due time that no clock reaches.
	Never = math.MaxInt64
)

// Clock is a time of day as clocks show it: ms since their 00:00, at least 0 and below 24 h.
type Clock int64

// ParseClock reads HH:MM, from 00:00 to 23:59.
func ParseClock(text string) (Clock, bool) {
	if len(text) != len("00:00") || text[2] != ':' {
		return 0, false
	}
	for _, i := range [...]int{0, 1, 3, 4} {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
	}
	h, m := int64(text[0]-'0')*10+int64(text[1]-'0'), int64(text[3]-'0')*10+int64(text[4]-'0')
	return Clock((h*60 + m) * 60_000), h < 24 && m < 60
}

// String is the time of day as ParseClock reads it; what is below a minute is left out.
func (c Clock) String() string { return fmt.Sprintf("%02d:%02d", c/3_600_000, c/60_000%60) }

// ClockOf is what clocks of the zone show at an instant.
func ClockOf(ms int64, zone *time.Location) Clock {
	local := shown(ms, zone)
	return Clock(local - floorDiv(local, dayLength)*dayLength)
}

// Weekdays is a set of days of the week.
type Weekdays uint8

// EveryDay is all seven.
const EveryDay Weekdays = 1<<7 - 1

// With is the set with one day more.
func (w Weekdays) With(d time.Weekday) Weekdays { return w | 1<<d }

// Has says whether the day is in the set.
func (w Weekdays) Has(d time.Weekday) bool { return w&(1<<d) != 0 }

// Day is a day of the calendar, counted from 1970-01-01.
type Day int64

// DayOf is the day that calendars of the zone show at an instant.
func DayOf(ms int64, zone *time.Location) Day { return Day(floorDiv(shown(ms, zone), dayLength)) }

// DayOn is the day of a date. One that is not there, such as 30 February, is so many days behind the month before it.
func DayOn(year int, month time.Month, day int) Day {
	return Day(floorDiv(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix(), dayLength/1000))
}

// Date is the day's date.
func (d Day) Date() (year int, month time.Month, day int) {
	return time.Unix(int64(d)*(dayLength/1000), 0).UTC().Date()
}

// Weekday is the day's day of the week.
func (d Day) Weekday() time.Weekday {
	return time.Weekday((int64(d)%7 + 7 + int64(time.Thursday)) % 7) // 1970-01-01 was a Thursday
}

// At is the instant at which clocks of the zone show c on this day: the first instant after the gap for a time that a
// change of the clocks skips, the first of the two for one that it repeats.
func (d Day) At(c Clock, zone *time.Location) int64 {
	local := int64(d)*dayLength + int64(c)
	// A day before, clocks show less than local: no zone is a whole day away from UTC. From there on the first period
	// between two changes in which local, or more than it, is shown.
	for at := local - dayLength; ; {
		offset, end := Period(at, zone)
		if at = max(at, local-offset); at < end {
			return at
		}
		at = end
	}
}

// Next is the first instant, at from or after it, at which it is c on one of the days. With no days there is none.
func Next(from int64, c Clock, days Weekdays, zone *time.Location) int64 {
	from = max(from, -farthest)
	if from > farthest || days&EveryDay == 0 {
		return Never
	}
	// A gap may have put yesterday's time off until now, and each calendar has a week's day within 8 days; where a
	// change of the clocks repeats it, or a calendar leaves a day out, a week later.
	for d := DayOf(from, zone) - 1; ; d++ {
		if !days.Has(d.Weekday()) {
			continue
		}
		if at := d.At(c, zone); at >= from {
			return at
		}
	}
}

// NextDay is the first instant, at from or after it, that lies on one of the days: from itself on such a day, else the
// beginning of the next. With no days there is none.
func NextDay(from int64, days Weekdays, zone *time.Location) int64 {
	from = max(from, -farthest)
	if from > farthest || days&EveryDay == 0 {
		return Never
	}
	for at := from; ; {
		offset, end := Period(at, zone)
		d := Day(floorDiv(at+offset, dayLength))
		if days.Has(d.Weekday()) {
			return at
		}
		at = min(int64(d+1)*dayLength-offset, end)
	}
}

// shown is what clocks and calendars of the zone show, as an instant at which those of UTC show the same.
func shown(ms int64, zone *time.Location) int64 {
	ms = min(max(ms, -2*farthest), 2*farthest)
	_, offset := time.UnixMilli(ms).In(zone).Zone()
	return ms + int64(offset)*1000
}

// Period is how far the zone is ahead of UTC at an instant, in ms, and until when it is so at least: an instant after
// ms, at which the offset need not change, or Never.
func Period(ms int64, zone *time.Location) (offset, end int64) {
	t := time.UnixMilli(ms).In(zone)
	_, seconds := t.Zone()
	offset = int64(seconds) * 1000
	_, until := t.ZoneBounds()
	if until.IsZero() {
		return offset, Never
	}
	if end = until.UnixMilli(); end <= ms {
		// Where a zone goes on by a rule, package time ends periods with each year, and forgets that leap years have a
		// day more: on their last day it gives an end that is past. That day (of UTC) has the offset throughout.
		end = (floorDiv(ms, dayLength) + 1) * dayLength
	}
	return offset, end
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
