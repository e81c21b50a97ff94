package cron_test

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	. "wend/engine/journey/cron"
	"wend/engine/journey/localtime"
)

const minute = 60_000

// zone is one of the product's.
func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	r, err := zip.OpenReader("../expr/zoneinfo.zip")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f, err := r.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	z, err := time.LoadLocationFromTZData(name, data)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// reading is a second reading of the five fields: which numbers fit each, tried one by one straight from the text.
type reading [5][60]bool

func read(text string) (r reading) {
	for i, f := range strings.Fields(text) {
		for _, item := range strings.Split(f, ",") {
			span, step, stepped := strings.Cut(item, "/")
			every := 1
			if stepped {
				every, _ = strconv.Atoi(step)
			}
			low, high := 0, 59
			if i == 2 || i == 3 {
				low = 1
			}
			if span != "*" {
				a, b, ranged := strings.Cut(span, "-")
				low, _ = strconv.Atoi(a)
				if ranged {
					high, _ = strconv.Atoi(b)
				} else if !stepped {
					high = low
				}
			}
			for n := range 60 {
				r[i][n] = r[i][n] || n >= low && n <= high && (n-low)%every == 0
			}
		}
	}
	return r
}

// fits says whether what clocks show is a time of the expression.
func (r *reading) fits(text string, local time.Time) bool {
	day, weekday := r[2][local.Day()], r[4][local.Weekday()] || local.Weekday() == time.Sunday && r[4][7]
	if !r[0][local.Minute()] || !r[1][local.Hour()] || !r[3][local.Month()] {
		return false
	}
	f := strings.Fields(text)
	switch {
	case f[2] != "*" && f[4] != "*":
		day = day || weekday
	case f[4] != "*":
		day = weekday
	}
	return day
}

// minutes are the readings that a clock of the zone comes to from one instant to another, watched minute by minute: shown
// for the first time, or jumped over.
type minutes []struct {
	at   int64
	read time.Time // without a zone
}

func watch(from, to int64, z *time.Location) (all minutes) {
	var latest time.Time
	for at := from - 48*60*minute; at < to; at += minute { // what is repeated was shown not long before
		t := time.UnixMilli(at).In(z)
		r := time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), 0, 0, time.UTC)
		if latest.IsZero() {
			latest = r
		}
		for latest.Before(r) {
			latest = latest.Add(time.Minute)
			if at >= from {
				all = append(all, struct {
					at   int64
					read time.Time
				}{at, latest})
			}
		}
	}
	return all
}

// scan gives the instants at which a clock comes to a time of the expression.
func (m minutes) scan(text string) (all []int64) {
	set := read(text)
	for _, x := range m {
		if set.fits(text, x.read) && (len(all) == 0 || all[len(all)-1] != x.at) {
			all = append(all, x.at)
		}
	}
	return all
}

func random(rnd *rand.Rand) string {
	item := func(low, high int) string {
		a, b := low+rnd.IntN(high-low+1), low+rnd.IntN(high-low+1)
		if a > b {
			a, b = b, a
		}
		switch rnd.IntN(6) {
		case 0:
			return fmt.Sprintf("*/%d", 1+rnd.IntN(high))
		case 1:
			return fmt.Sprintf("%d-%d", a, b)
		case 2:
			return fmt.Sprintf("%d-%d/%d", a, b, 1+rnd.IntN(high))
		case 3:
			return fmt.Sprintf("%d/%d", a, 1+rnd.IntN(high))
		}
		return strconv.Itoa(a)
	}
	fields := []string{"", "", "", "", ""}
	for i, r := range [][2]int{{0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 7}} {
		fields[i] = item(r[0], r[1])
		for rnd.IntN(3) == 0 {
			fields[i] += "," + item(r[0], r[1])
		}
		// Mostly no bounds to the month and the days, or nothing comes in the days that are scanned.
		if rnd.IntN(3) == 0 || i == 3 && rnd.IntN(5) > 0 || i == 2 && rnd.IntN(2) > 0 {
			fields[i] = "*"
		}
	}
	return strings.Join(fields, " ")
}

// TestAgainstAScan: what comes next is what a clock that is watched comes to next, around changes of the clocks too.
func TestAgainstAScan(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	starts := map[string][]string{
		"UTC":                 {"2026-02-26", "2028-02-27"},
		"Europe/Berlin":       {"2026-03-27", "2026-10-23"},
		"America/New_York":    {"2026-03-06", "2026-10-30"},
		"Australia/Lord_Howe": {"2026-10-02", "2026-04-03"},
		"America/Santiago":    {"2026-09-04", "2026-04-02"},
		"Pacific/Apia":        {"2011-12-28", "2011-09-22"},
		"Asia/Kolkata":        {"2026-12-30"},
		"Asia/Shanghai":       {"2026-08-30", "1986-05-02"},
		"Africa/Casablanca":   {"2026-02-13", "2026-03-20"},
		"Antarctica/Troll":    {"2026-03-27", "2026-10-23"},
	}
	came := 0
	for name, days := range starts {
		z := zone(t, name)
		for _, start := range days {
			day, err := time.Parse(time.DateOnly, start)
			if err != nil {
				t.Fatal(err)
			}
			from := day.UnixMilli()
			to := from + 5*24*60*minute
			clock := watch(from, to, z)
			for range 40 {
				text := random(rnd)
				e, err := Parse(text)
				if err != nil {
					t.Fatalf("%q: %v", text, err)
				}
				want := clock.scan(text)
				var got []int64
				for at := e.Next(from, z); at < to; at = e.Next(at+1, z) {
					got = append(got, at)
				}
				if !slices.Equal(got, want) {
					t.Fatalf("%s in %s from %s:\n got %s\nwant %s", text, name, start, times(got, z), times(want, z))
				}
				came += len(want)
			}
		}
	}
	if came < 10_000 {
		t.Errorf("only %d times came in all: the test saw too few", came)
	}
}

func times(all []int64, z *time.Location) string {
	var b strings.Builder
	for i, at := range all {
		if i == 20 {
			b.WriteString(" …")
			break
		}
		b.WriteString(" " + time.UnixMilli(at).In(z).Format("01-02T15:04Z07:00"))
	}
	return b.String()
}

func TestNext(t *testing.T) {
	for _, c := range []struct{ text, zone, from, want string }{
		{"0 9 8 * *", "Asia/Shanghai", "2026-03-01T00:00:00+08:00", "2026-03-08T09:00:00+08:00"},
		{"0 9 8 * *", "Asia/Shanghai", "2026-03-08T09:00:00+08:00", "2026-03-08T09:00:00+08:00"},
		{"0 9 8 * *", "Asia/Shanghai", "2026-03-08T09:00:00.001+08:00", "2026-04-08T09:00:00+08:00"},
		{"0 0 29 2 *", "UTC", "2024-03-01T00:00:00Z", "2028-02-29T00:00:00Z"},
		{"0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z"}, // 2100 has none
		{"0 0 13 * 5", "UTC", "2026-03-01T00:00:00Z", "2026-03-06T00:00:00Z"}, // either day
		{"0 0 */2 * 1", "UTC", "2026-03-01T00:00:01Z", "2026-03-02T00:00:00Z"},
		{"30 2 * * *", "Europe/Berlin", "2026-03-29T00:00:00+01:00", "2026-03-29T03:00:00+02:00"},
		{"30 2 * * *", "Europe/Berlin", "2026-10-25T00:00:00+02:00", "2026-10-25T02:30:00+02:00"},
		{"30 2 * * *", "Europe/Berlin", "2026-10-25T02:30:00.001+02:00", "2026-10-26T02:30:00+01:00"},
		{"0 12 30 12 *", "Pacific/Apia", "2011-12-29T00:00:00-10:00", "2011-12-31T00:00:00+14:00"}, // a day that is not there
		{"0 9 * jan-MAR sat-sun", "UTC", "2026-03-29T09:00:01Z", "2027-01-02T09:00:00Z"},
		{"0 9 * * 7", "UTC", "2026-03-02T00:00:00Z", "2026-03-08T09:00:00Z"},
	} {
		e, err := Parse(c.text)
		if err != nil {
			t.Fatal(err)
		}
		from, _ := time.Parse(time.RFC3339, c.from)
		want, _ := time.Parse(time.RFC3339, c.want)
		if got := e.Next(from.UnixMilli(), zone(t, c.zone)); got != want.UnixMilli() || !e.Comes() {
			t.Errorf("%s after %s in %s is %v, want %s", c.text, c.from, c.zone, time.UnixMilli(got).UTC(), c.want)
		}
	}
}

func TestNever(t *testing.T) {
	for _, text := range []string{"0 0 30 2 *", "0 0 31 2,4,6,9,11 *"} {
		e, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if at := e.Next(0, time.UTC); at != localtime.Never || e.Comes() {
			t.Errorf("%s comes at %v", text, time.UnixMilli(at).UTC())
		}
	}
	e, _ := Parse("* * * * *")
	for _, from := range []int64{1 << 62, -1 << 62} {
		if at := e.Next(from, time.UTC); at < from {
			t.Errorf("from %d the next is %d", from, at)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":              "0 only 0 fields of them: expected five fields",
		"0 9 8 *":       "0 only 4 fields",
		"0":             "0 only one field",
		"0 0 9 8 * *":   "10 a sixth field",
		"60 * * * *":    `0 expected a minute from 0 to 59, found "60"`,
		"0 24 * * *":    `2 expected an hour from 0 to 23, found "24"`,
		"0 9 0 * *":     `4 expected a day of the month from 1 to 31, found "0"`,
		"0 9 * 13 *":    `6 expected a month from 1 to 12 or jan to dec, found "13"`,
		"0 9 * * fry":   `8 expected a day of the week from 0 to 7 or sun to sat, found "fry"`,
		"0 9 * * 1,8":   `10 expected a day of the week`,
		"0 22-2 * * *":  "2 a range goes upwards: write 22-23,0-2",
		"0 9-x * * *":   `4 expected an hour`,
		"*/0 * * * *":   `2 expected a step from 1 to 59, found "0"`,
		"*/ * * * *":    `2 expected a step`,
		"0 */+2 * * *":  `4 expected a step`,
		"0 9 ? * *":     `4 expected a day of the month`,
		"0 9 L * *":     `4 expected a day of the month`,
		", * * * *":     `0 expected a minute`,
		"1,,2 * * * *":  `2 expected a minute`,
		"@daily":        "0 expected five fields",
		"+1 * * * *":    `0 expected a minute`,
		"0 9 * * * # x": "10 a sixth field",
	} {
		_, err := Parse(text)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%q is read", text)
			continue
		}
		if got := fmt.Sprintf("%d %s", e.Offset, e.Message); !strings.HasPrefix(got, want) {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"0 9 8 * *", "*/5 1-4,22/2 * jan sat-sun", "0 0 31 2 *", "* * * * *"} {
		f.Add(text, int64(1_790_000_000_000))
	}
	f.Fuzz(func(t *testing.T, text string, from int64) {
		e, err := Parse(text)
		if err != nil {
			return
		}
		at := e.Next(from, time.UTC)
		if at < from || e.Comes() != (at < localtime.Never) && from > -1<<50 && from < 1<<50 {
			t.Fatalf("from %d on, %q comes at %d (comes: %v)", from, text, at, e.Comes())
		}
	})
}

func BenchmarkNext(b *testing.B) {
	z := zone(b, "Europe/Berlin")
	e, err := Parse("0 9 8 * *")
	if err != nil {
		b.Fatal(err)
	}
	for i := range b.N {
		e.Next(1_790_000_000_000+int64(i)*minute, z)
	}
}
