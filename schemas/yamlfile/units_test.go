package yamlfile

import (
	"testing"

	"pgregory.net/rapid"
)

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]int64{
		"0s": 0, "1ms": 1, "30m": 1_800_000, "1h30m": 5_400_000, "7d": 604_800_000, "2w": 1_209_600_000,
		"90d": 7_776_000_000, "1d12h": 129_600_000, "500ms": 500, "1m500ms": 60_500, "9223372036854ms": MaxDuration,
	} {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("%s is %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "5", "m", "-5m", "+5m", "1.5h", "1 h", " 1h", "1h ", "1y", "1M", "1H", "1h30", "1hm", "٣m", "1µs",
		"9223372036855ms", "9223372036854ms1ms", "99999999999999999999s", "15251w", "1e3s", "1h\x00",
	} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("%q is taken as %d ms", text, got)
		}
	}
}

// What FormatDuration writes reads as the same.
func TestDurationRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ms := rapid.Int64Range(0, MaxDuration).Draw(t, "ms")
		if got, err := ParseDuration(FormatDuration(ms)); err != nil || got != ms {
			t.Fatalf("%d is written %s and read as %d, %v", ms, FormatDuration(ms), got, err)
		}
	})
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"0B": 0, "64MiB": 64 << 20, "1KiB": 1024, "1kB": 1000, "2GB": 2_000_000_000, "8388607TiB": 8388607 << 40,
	} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("%s is %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "64", "MiB", "-1B", "1.5GiB", "1 MiB", "1mib", "8388608TiB", "99999999999999999999B"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("%q is taken as %d bytes", text, got)
		}
	}
}

func FuzzParseDuration(f *testing.F) {
	f.Add("1h30m")
	f.Add("9223372036854ms")
	f.Fuzz(func(t *testing.T, text string) {
		if ms, err := ParseDuration(text); err == nil && (ms < 0 || ms > MaxDuration) {
			t.Errorf("%q is %d", text, ms)
		}
		if n, err := ParseSize(text); err == nil && n < 0 {
			t.Errorf("%q is %d", text, n)
		}
	})
}
