package oracle

import (
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the machine may have none
)

// Local times, by walking over minutes until a clock of the zone shows what is wanted. Answers are kept, because the walk
// is slow.
type almanac struct {
	zones    map[string]*time.Location
	instants map[string]int64
	days     map[string][]int64
}

func newAlmanac() *almanac {
	return &almanac{zones: map[string]*time.Location{}, instants: map[string]int64{}, days: map[string][]int64{}}
}

func (a *almanac) zone(name string) *time.Location {
	z, seen := a.zones[name]
	if !seen && name != "" {
		if found, err := time.LoadLocation(name); err == nil {
			z = found
		}
		a.zones[name] = z
	}
	return z
}

const (
	minute = 60_000
	day    = 86_400_000
)

// shows is what clocks of the zone show at an instant, written as if it were UTC.
func shows(at int64, zone *time.Location) int64 {
	t := time.UnixMilli(at)
	_, offset := t.In(zone).Zone()
	return at + int64(offset)*1000
}

func midnight(shown int64) int64 {
	if r := shown % day; r < 0 {
		return shown - r - day
	} else {
		return shown - r
	}
}

// instant is the first at which clocks of the zone show `local` or later: the first after a gap that skips it, and the
// first of two that show it.
func (a *almanac) instant(local int64, zone *time.Location) int64 {
	key := zone.String() + strconv.FormatInt(local, 10)
	if at, ok := a.instants[key]; ok {
		return at
	}
	at := local - 15*3_600_000
	for shows(at, zone) < local {
		at += minute
	}
	a.instants[key] = at
	return at
}

// clock reads "09:00" as ms of a day.
func clock(text string) int64 {
	h, m, _ := strings.Cut(text, ":")
	x, err := strconv.Atoi(h)
	y, other := strconv.Atoi(m)
	if err != nil || other != nil {
		panic("the oracle can't read the time of day " + text)
	}
	return int64(x*60+y) * minute
}

func weekday(local int64) string {
	return strings.ToLower(time.UnixMilli(local).UTC().Weekday().String()[:3])
}

// waitUntil is the first local time of a wait at or after `from`.
func (a *almanac) waitUntil(from int64, at string, on []string, zone *time.Location) int64 {
	today := midnight(shows(from, zone))
	if at == "" && slices.Contains(on, weekday(today)) {
		return from
	}
	of := int64(0)
	if at != "" {
		of = clock(at)
	}
	for date := today - day; ; date += day {
		if len(on) > 0 && !slices.Contains(on, weekday(date)) || at == "" && date <= today {
			continue
		}
		if due := a.instant(date+of, zone); due >= from {
			return due
		}
	}
}

func isQuiet(c *channel, at int64, zone *time.Location) bool {
	shown := shows(at, zone)
	of := shown - midnight(shown)
	from, to := clock(c.from), clock(c.to)
	if from < to {
		return from <= of && of < to
	}
	return of >= from || of < to
}

func nextMinute(at int64) int64 { return at - at%minute + minute }

func quietEnd(c *channel, at int64, zone *time.Location) int64 {
	for at = nextMinute(at); isQuiet(c, at, zone); at += minute {
	}
	return at
}

func quietStart(c *channel, at int64, zone *time.Location) int64 {
	before := isQuiet(c, at, zone)
	for at = nextMinute(at); ; at += minute {
		now := isQuiet(c, at, zone)
		if now && !before {
			return at
		}
		before = now
	}
}

// anniversary is the instant of a date trigger for the date's day in a year, or the date itself.
func (a *almanac) anniversary(t *trigger, date time.Time, year int, zone *time.Location) int64 {
	month, d := date.Month(), date.Day()
	if month == time.February && d == 29 && time.Date(year, 2, 29, 0, 0, 0, 0, time.UTC).Day() != 29 {
		d = 28
	}
	local := time.Date(year, month, d, 0, 0, 0, 0, time.UTC).UnixMilli() + int64(t.offset)*day + clock(t.at)
	return a.instant(local, zone)
}

// inField says whether a field of cron has a value.
func inField(field string, value, low, high int) bool {
	for part := range strings.SplitSeq(field, ",") {
		part, every, stepped := strings.Cut(part, "/")
		by := 1
		if stepped {
			by, _ = strconv.Atoi(every)
		}
		from, to := low, high
		if part != "*" {
			x, y, ranged := strings.Cut(part, "-")
			from, _ = strconv.Atoi(x)
			to = from
			if ranged {
				to, _ = strconv.Atoi(y)
			} else if stepped {
				to = high
			}
		}
		for v := from; v <= to; v += by {
			if v == value {
				return true
			}
		}
	}
	return false
}

// calendar gives the instants of a schedule on one local day, ascending.
func (a *almanac) calendar(t *trigger, date int64, zone *time.Location) []int64 {
	key := t.cron + strings.Join(t.ats, " ") + zone.String() + strconv.FormatInt(date, 10)
	if all, ok := a.days[key]; ok {
		return all
	}
	var all []int64
	for _, at := range t.ats {
		local, err := time.Parse("2006-01-02T15:04", at)
		if err != nil {
			panic("the oracle can't read the local time " + at)
		}
		if ms := local.UnixMilli(); midnight(ms) == date {
			all = append(all, a.instant(ms, zone))
		}
	}
	if t.cron != "" {
		f := strings.Fields(t.cron)
		d := time.UnixMilli(date).UTC()
		ofMonth, ofWeek := inField(f[2], d.Day(), 1, 31), inField(f[4], int(d.Weekday()), 0, 7) || d.Weekday() == 0 && inField(f[4], 7, 0, 7)
		on := ofMonth && ofWeek
		if f[2] != "*" && f[4] != "*" {
			on = ofMonth || ofWeek
		}
		if on && inField(f[3], int(d.Month()), 1, 12) {
			for m := range 24 * 60 {
				if inField(f[1], m/60, 0, 23) && inField(f[0], m%60, 0, 59) {
					all = append(all, a.instant(date+int64(m)*minute, zone))
				}
			}
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	a.days[key] = all
	return all
}

// nextOf is the first instant of a schedule behind `after`, or forever when none comes within some years.
func (a *almanac) nextOf(t *trigger, after int64, zone *time.Location) int64 {
	first := midnight(shows(after, zone)) - day
	for date := first; date <= first+800*day; date += day {
		for _, at := range a.calendar(t, date, zone) {
			if at > after {
				return at
			}
		}
	}
	return forever
}
