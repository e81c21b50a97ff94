package yamlfile

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// MaxDuration is the longest duration, in ms: what a time.Duration holds, about 292 years. So a duration added to
// any time of an event stays far from an overflow.
const MaxDuration = math.MaxInt64 / int64(time.Millisecond)

// The longest first, so that the shortest text wins in FormatDuration.
var durationUnits = [...]struct {
	name string
	ms   int64
}{
	{"w", 7 * 24 * 3600 * 1000},
	{"d", 24 * 3600 * 1000},
	{"h", 3600 * 1000},
	{"m", 60 * 1000},
	{"s", 1000},
	{"ms", 1},
}

var (
	errDuration     = errors.New("a duration is whole numbers with units, ms s m h d w, like 30m or 1h30m")
	errDurationLong = errors.New("the duration is longer than 292 years")
	errSize         = errors.New("a size is a whole number with a unit, B KiB MiB GiB TiB (or KB MB GB TB), like 64MiB")
	errSizeBig      = errors.New("the size does not fit 63 bits")
)

// ParseDuration reads whole numbers with units, `ms s m h d w`, also combined (`1h30m`), and returns milliseconds
// between 0 and MaxDuration. A day is 24 hours. No sign, no fraction, no space.
func ParseDuration(text string) (ms int64, err error) {
	if text == "" {
		return 0, errDuration
	}
	for rest := text; rest != ""; {
		digits := leadingDigits(rest)
		if digits == 0 {
			return 0, errDuration
		}
		n, long := strconv.ParseInt(rest[:digits], 10, 64)
		rest = rest[digits:]
		letters := 0
		for letters < len(rest) && (rest[letters] < '0' || rest[letters] > '9') {
			letters++
		}
		unit := int64(0)
		for _, u := range durationUnits {
			if u.name == rest[:letters] {
				unit = u.ms
			}
		}
		if unit == 0 {
			return 0, errDuration
		}
		if long != nil || n > (MaxDuration-ms)/unit {
			return 0, errDurationLong
		}
		ms += n * unit
		rest = rest[letters:]
	}
	return ms, nil
}

// FormatDuration writes milliseconds as ParseDuration reads them: 5400000 is 1h30m.
func FormatDuration(ms int64) string {
	if ms <= 0 {
		return "0s"
	}
	var b strings.Builder
	for _, u := range durationUnits {
		if n := ms / u.ms; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, u.name)
			ms -= n * u.ms
		}
	}
	return b.String()
}

// ParseSize reads a whole number of bytes with a unit: B, KiB, MiB, GiB, TiB, and the decimal KB, MB, GB, TB.
func ParseSize(text string) (bytes int64, err error) {
	digits := leadingDigits(text)
	if digits == 0 {
		return 0, errSize
	}
	var unit int64
	switch text[digits:] {
	case "B":
		unit = 1
	case "KiB":
		unit = 1 << 10
	case "MiB":
		unit = 1 << 20
	case "GiB":
		unit = 1 << 30
	case "TiB":
		unit = 1 << 40
	case "KB", "kB":
		unit = 1e3
	case "MB":
		unit = 1e6
	case "GB":
		unit = 1e9
	case "TB":
		unit = 1e12
	default:
		return 0, errSize
	}
	n, err := strconv.ParseInt(text[:digits], 10, 64)
	if err != nil || n > math.MaxInt64/unit {
		return 0, errSizeBig
	}
	return n * unit, nil
}

func leadingDigits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}
