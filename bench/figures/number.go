package figures

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// Median of values, of which there is at least one: the middle one, or the mean of the middle two.
func Median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// Number gives three digits, or all of those before the point in groups of three.
func Number(v float64) string {
	if math.Abs(v) >= 999.5 {
		digits := strconv.FormatFloat(math.Abs(v), 'f', 0, 64)
		for at := len(digits) - 3; at > 0; at -= 3 {
			digits = digits[:at] + "," + digits[at:]
		}
		if v < 0 {
			return "-" + digits
		}
		return digits
	}
	text := strconv.FormatFloat(v, 'g', 3, 64)
	if strings.Contains(text, "e") {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return text
}
