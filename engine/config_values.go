package engine

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"wend/schemas/yamlfile"
)

// parseDuration reads 10s, 1h30m, 500ms.
func parseDuration(s string) (time.Duration, error) {
	ms, err := yamlfile.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%q: %w", s, err)
	}
	return time.Duration(ms) * time.Millisecond, nil
}

// parseSize reads 256MiB or 10GB.
func parseSize(s string) (int64, error) {
	n, err := yamlfile.ParseSize(s)
	if err != nil {
		return 0, fmt.Errorf("%q: %w", s, err)
	}
	return n, nil
}

// FormatSize writes a number of bytes with the largest binary unit that keeps it whole.
func FormatSize(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for n != 0 && n%1024 == 0 && i < len(units)-1 {
		n, i = n/1024, i+1
	}
	return strconv.FormatInt(n, 10) + units[i]
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
	host, port, err := "", s, error(nil)
	if strings.Contains(s, ":") {
		host, port, err = net.SplitHostPort(s)
	}
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
