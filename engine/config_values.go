package engine

import (
	"fmt"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// parseDuration reads 10s, 1h30m, 500ms: units ms s m h d (24 h) w, each number whole.
func parseDuration(s string) (time.Duration, error) {
	ms, err := parseUnits(s)
	if err != nil {
		return 0, err
	}
	return time.Duration(ms) * time.Millisecond, nil
}

func parseUnits(s string) (ms int64, err error) {
	bad := fmt.Errorf("%q is no duration: write a whole number and a unit (ms s m h d w), such as 10s or 1h30m", s)
	rest := s
	if rest == "" {
		return 0, bad
	}
	for rest != "" {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		n, err := strconv.ParseInt(rest[:digits], 10, 64)
		if err != nil {
			return 0, bad
		}
		rest = rest[digits:]
		letters := len(rest) - len(strings.TrimLeft(rest, "mshdw"))
		var unit int64
		switch rest[:letters] {
		case "ms":
			unit = 1
		case "s":
			unit = 1000
		case "m":
			unit = 60 * 1000
		case "h":
			unit = 3600 * 1000
		case "d":
			unit = 24 * 3600 * 1000
		case "w":
			unit = 7 * 24 * 3600 * 1000
		default:
			return 0, bad
		}
		rest = rest[letters:]
		if n > (math.MaxInt64/int64(time.Millisecond)-ms)/unit {
			return 0, fmt.Errorf("%q is too long", s)
		}
		ms += n * unit
	}
	return ms, nil
}

// sizes are in order of what FormatSize prefers.
func sizes() []struct {
	unit  string
	bytes int64
} {
	return []struct {
		unit  string
		bytes int64
	}{
		{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
		{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"kB", 1e3}, {"B", 1},
	}
}

// parseSize reads 256MiB or 10GB.
func parseSize(s string) (int64, error) {
	for _, u := range sizes() {
		digits, ok := strings.CutSuffix(s, u.unit)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSpace(digits), 10, 63)
		if err != nil {
			break
		}
		if int64(n) > math.MaxInt64/u.bytes {
			return 0, fmt.Errorf("%q is too large", s)
		}
		return int64(n) * u.bytes, nil
	}
	return 0, fmt.Errorf("%q is no size: write a whole number and a unit (B KB MB GB KiB MiB GiB), such as 256MiB", s)
}

// FormatSize writes a number of bytes with the largest binary unit that keeps it whole.
func FormatSize(n int64) string {
	for _, u := range sizes()[:4] {
		if n != 0 && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.unit
		}
	}
	return strconv.FormatInt(n, 10) + "B"
}

// parseRate reads 500/s, 30/m or 1000/h, as a number a second.
func parseRate(s string) (float64, error) {
	digits, unit, _ := strings.Cut(s, "/")
	n, err := strconv.ParseUint(digits, 10, 32)
	per := map[string]float64{"s": 1, "m": 60, "h": 3600}[unit]
	if err != nil || n == 0 || per == 0 {
		return 0, fmt.Errorf("%q is no rate: write a whole number from 1 and a time (s m h), such as 500/s", s)
	}
	return float64(n) / per, nil
}

func parseWhole(s string, least, most int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("%q is no whole number from %d to %d", s, least, most)
	}
	return n, nil
}

// parseListen reads HOST:PORT, :PORT or PORT, the last two on loopback, and off.
func parseListen(s string) (string, error) {
	if s == "off" || s == "" {
		return "", nil
	}
	if !strings.Contains(s, ":") {
		s = ":" + s
	}
	host, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return "", fmt.Errorf("%q is no address: write HOST:PORT, such as 127.0.0.1:8080, or off", s)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}

func oneOf(s string, of ...string) error {
	if slices.Contains(of, s) {
		return nil
	}
	last := len(of) - 1
	return fmt.Errorf("%q is not known: write %s or %s", s, strings.Join(of[:last], ", "), of[last])
}
