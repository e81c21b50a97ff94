package domain

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Words says what is known of a value in the set, as what stands behind its name: `is at least 20`, `is "gold" or "silver"`.
// It is empty where there is nothing to say.
func (s Set) Words() string {
	values := s.Kinds &^ Error
	if values == 0 {
		if s.Kinds&Absent != 0 {
			return "is not there"
		}
		return ""
	}
	var parts []string
	add := func(p []string) bool {
		parts = append(parts, p...)
		return len(p) > 0
	}
	for _, k := range [...]struct {
		kind Kinds
		word string
	}{{Null, "null"}, {True, "true"}, {False, "false"}} {
		if values&k.kind != 0 {
			parts = append(parts, k.word)
		}
	}
	if values&Number != 0 && !add(rangeWords(s.Nums, number)) {
		return ""
	}
	if values&Text != 0 && !add(s.Texts.words()) {
		return ""
	}
	if values&Time != 0 && !add(rangeWords(s.Times, instant)) {
		return ""
	}
	if values&Duration != 0 && !add(rangeWords(s.Spans, span)) {
		return ""
	}
	if values&(List|Map|Other|NaN) != 0 || len(parts) > 6 || len(parts) == 0 {
		return ""
	}
	return "is " + either(parts)
}

func either(parts []string) string {
	if len(parts) == 1 {
		return parts[0]
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " or " + parts[len(parts)-1]
}

func (t Texts) words() []string {
	out := make([]string, len(t.List))
	for i, s := range t.List {
		out[i] = strconv.Quote(s)
	}
	if t.Except && len(out) > 0 {
		return []string{"not " + either(out)}
	}
	return out
}

func rangeWords(r Ranges, show func(float64) string) []string {
	if r.everywhere() {
		return nil
	}
	// Everything but a few points.
	if n := len(r); n > 1 && math.IsInf(r[0].Lo, -1) && math.IsInf(r[n-1].Hi, 1) {
		var holes []string
		for i := 1; i < n; i++ {
			if r[i-1].Hi != r[i].Lo {
				holes = nil
				break
			}
			holes = append(holes, show(r[i].Lo))
		}
		if holes != nil {
			return []string{"not " + either(holes)}
		}
	}
	var out []string
	for _, x := range r {
		lo, hi := "at least ", "at most "
		if x.LoOpen {
			lo = "above "
		}
		if x.HiOpen {
			hi = "below "
		}
		switch {
		case x.Lo == x.Hi:
			out = append(out, show(x.Lo))
		case math.IsInf(x.Lo, -1):
			out = append(out, hi+show(x.Hi))
		case math.IsInf(x.Hi, 1):
			out = append(out, lo+show(x.Lo))
		default:
			out = append(out, lo+show(x.Lo)+" and "+hi+show(x.Hi))
		}
	}
	return out
}

func number(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

func instant(ms float64) string {
	if math.Abs(ms) > exact {
		return number(ms)
	}
	return time.UnixMilli(int64(ms)).UTC().Format(time.RFC3339)
}

func span(ms float64) string {
	if math.Abs(ms) > math.MaxInt64/float64(time.Millisecond) {
		return number(ms) + "ms"
	}
	return (time.Duration(ms) * time.Millisecond).String()
}
