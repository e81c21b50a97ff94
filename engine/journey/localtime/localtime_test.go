package localtime_test

import (
	"archive/zip"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"wend/engine/journey/expr"
	. "wend/engine/journey/localtime"
)

const (
	minute = 60_000
	day    = 24 * 60 * minute
)

// zones are all that the product knows, one for each table of changes.
func zones(t *testing.T) map[string]*time.Location {
	t.Helper()
	r, err := zip.OpenReader("../expr/zoneinfo.zip")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	all, seen := map[string]*time.Location{}, map[uint32]bool{}
	for _, f := range r.File {
		if f.FileInfo().IsDir() || seen[f.CRC32] {
			continue
		}
		seen[f.CRC32] = true
		z, ok := expr.LoadZone(f.Name)
		if !ok {
			t.Fatalf("no zone %s", f.Name)
		}
		all[f.Name] = z
	}
	if len(all) < 300 {
		t.Fatalf("only %d zones", len(all))
	}
	return all
}

// changes are instants from 1973 (since when all clocks are whole minutes away from UTC) to 2050 at which the zone's
// clocks were set: some of those by an hour, some odd ones, and all by more than three hours.
func changes(z *time.Location, rnd *rand.Rand) (some []int64) {
	var odd, usual []int64
	offset := func(ms int64) int {
		_, seconds := time.UnixMilli(ms).In(z).Zone()
		return seconds
	}
	for at := int64(3 * 365 * day); at < 80*365*day; at += 7 * day {
		a, b := offset(at), offset(at+7*day)
		if a == b {
			continue
		}
		lo, hi := at, at+7*day
		for hi-lo > minute {
			if mid := (lo + hi) / 2 / minute * minute; offset(mid) == a {
				lo = mid
			} else {
				hi = mid
			}
		}
		switch by := max(a-b, b-a); {
		case by == 3600:
			usual = append(usual, hi)
		case by <= 3*3600:
			odd = append(odd, hi)
		default:
			some = append(some, hi)
		}
	}
	rnd.Shuffle(len(usual), func(i, k int) { usual[i], usual[k] = usual[k], usual[i] })
	rnd.Shuffle(len(odd), func(i, k int) { odd[i], odd[k] = odd[k], odd[i] })
	return slices.Concat(some, odd[:min(len(odd), 2)], usual[:min(len(usual), 2)])
}

// shows is what clocks show, minute by minute: the naive oracle's only source.
type shows struct {
	year, day, hour, minute int
	month                   time.Month
}

func reading(t time.Time) shows {
	y, m, d := t.Date()
	return shows{y, d, t.Hour(), t.Minute(), m}
}

// TestAgainstAScan: around changes of the clocks in every zone, each minute of the calendar is where a clock that is
// watched minute by minute shows it first, or jumps over it.
func TestAgainstAScan(t *testing.T) {
	if testing.Short() {
		t.Skip("reads the clock of every zone for days")
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	skipped, repeated := 0, 0
	all := zones(t)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		z := all[name]
		for _, change := range append(changes(z, rnd), rnd.Int64N(60*365)*day) {
			from := change - 30*60*minute
			first := map[shows]int64{}
			var last time.Time
			for at := from; at < change+30*60*minute; at += minute {
				now := time.UnixMilli(at).In(z)
				r := reading(now)
				// What the clocks jump over, in their own reading, counted up without any zone.
				if !last.IsZero() {
					jumped := time.Date(last.Year(), last.Month(), last.Day(), last.Hour(), last.Minute()+1, 0, 0, time.UTC)
					until := time.Date(r.year, r.month, r.day, r.hour, r.minute, 0, 0, time.UTC)
					for ; jumped.Before(until); jumped = jumped.Add(time.Minute) {
						if _, ok := first[reading(jumped)]; !ok {
							first[reading(jumped)] = at
							skipped++
						}
					}
				}
				if _, ok := first[r]; ok {
					repeated++
				} else {
					first[r] = at
				}
				last = now
			}
			for r, want := range first {
				if want < from+27*60*minute { // what it repeats may have been before the scan
					continue
				}
				d, c := DayOn(r.year, r.month, r.day), Clock((r.hour*60+r.minute)*minute)
				if got := d.At(c, z); got != want {
					t.Fatalf("%s: %v is %v, want %v", name, r, time.UnixMilli(got).In(z), time.UnixMilli(want).In(z))
				}
			}
		}
	}
	if skipped < 10_000 || repeated < 10_000 {
		t.Errorf("%d minutes were skipped and %d repeated: the test saw too few", skipped, repeated)
	}
}

// TestNextAgainstAScan: the next such time, and the next such day, are those that a scan by minutes comes to first.
func TestNextAgainstAScan(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	all := zones(t)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		z := all[name]
		for _, change := range changes(z, rnd) {
			from := change - rnd.Int64N(3*24*60)*minute
			days := Weekdays(rnd.IntN(int(EveryDay))) + 1
			c := ClockOf(change+(rnd.Int64N(240)-120)*minute, z)
			if rnd.IntN(4) == 0 {
				c = 0
			}
			// A scan knows what a time is that is skipped or repeated by TestAgainstAScan, and by nothing else.
			want := int64(math.MaxInt64)
			for d := DayOf(from, z) - 3; d < DayOf(from, z)+16; d++ {
				if at := d.At(c, z); days.Has(d.Weekday()) && at >= from && at < want {
					want = at
				}
			}
			if got := Next(from, c, days, z); got != want {
				t.Fatalf("%s: the next %v on %07b from %v is %v, want %v", name, c, days, time.UnixMilli(from).In(z), time.UnixMilli(got).In(z), time.UnixMilli(want).In(z))
			}
			at := from
			for !days.Has(time.UnixMilli(at).In(z).Weekday()) {
				at += minute
			}
			if got := NextDay(from, days, z); got != at {
				t.Fatalf("%s: the next of %07b from %v is %v, want %v", name, days, time.UnixMilli(from).In(z), time.UnixMilli(got).In(z), time.UnixMilli(at).In(z))
			}
		}
	}
}

func TestAt(t *testing.T) {
	for _, c := range []struct{ name, zone, local, want string }{
		{"an ordinary day", "Asia/Shanghai", "2026-03-01T00:00:00Z", "2026-02-28T16:00:00Z"},
		{"skipped: the first instant after the gap", "Europe/Berlin", "2026-03-29T02:30:00Z", "2026-03-29T01:00:00Z"},
		{"repeated: the first of the two", "Europe/Berlin", "2026-10-25T02:30:00Z", "2026-10-25T00:30:00Z"},
		{"skipped in New York", "America/New_York", "2026-03-08T02:30:00Z", "2026-03-08T07:00:00Z"},
		{"repeated in New York", "America/New_York", "2026-11-01T01:30:00Z", "2026-11-01T05:30:00Z"},
		{"skipped by half an hour", "Australia/Lord_Howe", "2026-10-04T02:15:00Z", "2026-10-03T15:30:00Z"},
		{"a midnight that is skipped", "America/Santiago", "2026-09-06T00:00:00Z", "2026-09-06T04:00:00Z"},
		{"a day that is skipped", "Pacific/Apia", "2011-12-30T00:00:00Z", "2011-12-30T10:00:00Z"},
		{"just before the gap", "Europe/Berlin", "2026-03-29T01:59:00Z", "2026-03-29T00:59:00Z"},
		{"just behind the repetition", "Europe/Berlin", "2026-10-25T03:00:00Z", "2026-10-25T02:00:00Z"},
		{"the last day of a leap year", "Europe/Berlin", "2028-12-31T09:00:00Z", "2028-12-31T08:00:00Z"},
		{"the first day after one", "America/New_York", "2029-01-01T00:00:00Z", "2029-01-01T05:00:00Z"},
		{"long ago, by the sun", "Europe/Berlin", "1850-01-01T12:00:00Z", "1850-01-01T11:06:32Z"},
	} {
		local, _ := time.Parse(time.RFC3339, c.local)
		z, _ := expr.LoadZone(c.zone)
		at := DayOf(local.UnixMilli(), time.UTC).At(ClockOf(local.UnixMilli(), time.UTC), z)
		if got := time.UnixMilli(at).UTC().Format(time.RFC3339); got != c.want {
			t.Errorf("%s: %s in %s is %s, want %s", c.name, c.local, c.zone, got, c.want)
		}
	}
}

func TestDays(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 1_000 {
		d := Day(rnd.Int64N(4_000_000) - 1_000_000)
		y, m, n := d.Date()
		if DayOn(y, m, n) != d || d.Weekday() != time.Date(y, m, n, 0, 0, 0, 0, time.UTC).Weekday() {
			t.Fatalf("%d is %d-%d-%d, which is %d, a %v", d, y, m, n, DayOn(y, m, n), d.Weekday())
		}
		if got := DayOf(d.At(0, time.UTC), time.UTC); got != d {
			t.Fatalf("%d begins on %d", d, got)
		}
	}
	if DayOn(1970, 1, 1) != 0 || DayOn(1969, 12, 31) != -1 || DayOn(2027, 2, 30) != DayOn(2027, 3, 2) {
		t.Error("a date is another day")
	}
}

func TestClock(t *testing.T) {
	for text, want := range map[string]Clock{"00:00": 0, "09:00": 9 * 60 * minute, "23:59": (24*60 - 1) * minute} {
		if c, ok := ParseClock(text); !ok || c != want || c.String() != text {
			t.Errorf("%s is %d (%s), %v", text, c, c, ok)
		}
	}
	for _, text := range []string{"", "9:00", "24:00", "12:60", "09:00:00", "09.00", "-1:00", "0a:00", "09:0\u0660"} {
		if c, ok := ParseClock(text); ok {
			t.Errorf("%q is %v", text, c)
		}
	}
}

// TestFarAway: nothing overflows, whatever the time.
func TestFarAway(t *testing.T) {
	for name, z := range zones(t) {
		for _, from := range []int64{math.MinInt64, -1 << 60, -1 << 53, 1 << 53, 1 << 60, math.MaxInt64} {
			ClockOf(from, z)
			for _, at := range []int64{Next(from, 1, 1, z), NextDay(from, 1, z)} {
				if at < from || at < math.MaxInt64 && at > max(from, -1<<53)+9*day {
					t.Errorf("%s: from %d it is %d", name, from, at)
				}
			}
		}
	}
	if Next(0, 0, 0, time.UTC) != Never || NextDay(0, 0, time.UTC) != Never {
		t.Error("on no day there is a next time")
	}
}

func BenchmarkNext(b *testing.B) {
	z, _ := expr.LoadZone("Europe/Berlin")
	for i := range b.N {
		Next(1_790_000_000_000+int64(i)*minute, 9*60*minute, 1<<time.Monday, z)
	}
}
