package expr

import (
	"testing"
	"time"
)

func TestParseDuration(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"30m": 30 * time.Minute, "1h30m": 90 * time.Minute, "1w2d": 9 * 24 * time.Hour, "1500ms": 1500 * time.Millisecond,
		"1s5ms": 1005 * time.Millisecond, "-2h": -2 * time.Hour, "0s": 0,
	} {
		got, err := parseDuration(s)
		if err != nil || got != want {
			t.Errorf("%s: %v %v, want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "-", "5", "h", "1x", "1.5h", " 1h", "1h ", "1 h", "1us", "99999999999999999999w", "200000w", "+1h"} {
		if d, err := parseDuration(s); err == nil {
			t.Errorf("%q is %v", s, d)
		}
	}
}

func TestDurationsAsText(t *testing.T) {
	for _, s := range []string{"1d2h", "1h30m", "250ms", "0s", "9d", "-1m30s", "1d1h1m1s1ms"} {
		d, err := parseDuration(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := formatDuration(d); got != s {
			t.Errorf("%s is written %s", s, got)
		}
	}
}

func TestDatesAsTimes(t *testing.T) {
	for _, c := range []struct{ name, zone, date, want string }{
		{"an ordinary day", "Asia/Shanghai", "2026-03-01", "2026-02-28T16:00:00Z"},
		{"a midnight that is skipped", "America/Santiago", "2026-09-06", "2026-09-06T04:00:00Z"},
		{"a midnight that is repeated", "America/Havana", "2026-11-01", "2026-11-01T04:00:00Z"},
		{"a day that is skipped", "Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"},
	} {
		got, err := parseTime(c.date, testZone(t, c.zone))
		if err != nil || got.UTC().Format(time.RFC3339) != c.want {
			t.Errorf("%s: %s in %s is %v (%v), want %s", c.name, c.date, c.zone, got.UTC(), err, c.want)
		}
	}
}

func TestLoadZone(t *testing.T) {
	for _, name := range []string{"Asia/Shanghai", "UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"} {
		z, ok := LoadZone(name)
		again, _ := LoadZone(name)
		if !ok || z.String() != name || z != again {
			t.Errorf("%s: %v %v", name, z, ok)
		}
	}
	for _, name := range []string{"", "Local", "Asia/Nowhere", "asia/shanghai", "Asia", "Asia/", "../UTC", "/etc/passwd"} {
		if z, ok := LoadZone(name); ok {
			t.Errorf("%q is %v", name, z)
		}
	}
}

func TestFormatTime(t *testing.T) {
	for _, c := range []struct {
		ms   int64
		zone *time.Location
		want string
	}{
		{0, nil, "1970-01-01T00:00:00Z"}, {1500, time.UTC, "1970-01-01T00:00:01.5Z"},
		{testNow, testZone(t, "Asia/Shanghai"), "2026-03-01T10:10:00+08:00"}, {-1, nil, "1969-12-31T23:59:59.999Z"},
	} {
		if got := FormatTime(c.ms, c.zone); got != c.want {
			t.Errorf("%d: %s, want %s", c.ms, got, c.want)
		}
	}
}
