package schemas

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ParseJSON reads one JSON value: numbers without fraction and exponent that fit 64 bits as int64, others as float64.
// It is as strict as the event decoder. The value shares no memory with b. The error is a *DecodeError.
func ParseJSON(b []byte) (any, error) {
	s := scanner{text: string(b), depth: eventDepth}
	i := s.space(0)
	end := s.check(i, 0)
	if end != failed {
		if end = s.space(end); end < len(s.text) {
			s.fail(end, "expected nothing behind the value")
		}
	}
	if s.err != nil {
		return nil, s.err
	}
	v, _ := s.read(i)
	return v, nil
}

// AppendJSON adds the value as JSON and returns dst: keys of maps in order, numbers in their shortest form as
// encoding/json writes them, <, > and & as they are, what is not UTF-8 as U+FFFD. An infinity or NaN, for which JSON
// has no word, is null, and so is what is no value.
func AppendJSON(dst []byte, v any) []byte {
	switch v := v.(type) {
	case bool:
		return strconv.AppendBool(dst, v)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case float64:
		return appendFloat(dst, v)
	case string:
		return appendQuoted(dst, v)
	case []any:
		dst = append(dst, '[')
		for i, x := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendJSON(dst, x)
		}
		return append(dst, ']')
	case map[string]any:
		dst = append(dst, '{')
		var few [8]string
		for i, k := range sortedKeys(few[:0], v) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendQuoted(dst, k), ':')
			dst = AppendJSON(dst, v[k])
		}
		return append(dst, '}')
	}
	return append(dst, "null"...)
}

// appendFloat writes the shortest digits that read back as f, with an exponent only below 1e-6 and from 1e21 on: what
// encoding/json and ECMAScript do.
func appendFloat(dst []byte, f float64) []byte {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return append(dst, "null"...)
	}
	if abs := math.Abs(f); abs == 0 || abs >= 1e-6 && abs < 1e21 {
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	if n := len(dst); n >= 4 && dst[n-4] == 'e' && dst[n-3] == '-' && dst[n-2] == '0' { // e-09 is written e-9
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}

func appendQuoted(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	if allOrdinary(s) {
		return append(append(dst, s...), '"')
	}
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			switch {
			case r == utf8.RuneError && n == 1:
				dst = append(append(dst, s[from:i]...), `\ufffd`...)
			case r == '\u2028' || r == '\u2029': // JSON takes them, JavaScript before 2019 did not
				dst = append(append(dst, s[from:i]...), `\u202`...)
				dst = append(dst, hex[r&0xf])
			default:
				i += n
				continue
			}
			i += n
			from = i
			continue
		}
		dst = append(dst, s[from:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
		}
		i++
		from = i
	}
	return append(append(dst, s[from:]...), '"')
}

// CloneValue returns a copy of the value that shares no memory with it, for what is kept of an event.
func CloneValue(v any) any {
	switch v := v.(type) {
	case string:
		return strings.Clone(v)
	case []any:
		list := make([]any, len(v))
		for i, x := range v {
			list[i] = CloneValue(x)
		}
		return list
	case map[string]any:
		m := make(map[string]any, len(v))
		for k, x := range v {
			m[strings.Clone(k)] = CloneValue(x)
		}
		return m
	}
	return v
}

// Equal reports whether two values are equal in the sense of the language: whole and fractional numbers by what they
// are (3 equals 3.0), lists and maps part by part, and values of two kinds never. NaN equals nothing.
func Equal(a, b any) bool {
	switch a := a.(type) {
	case nil:
		return b == nil
	case bool:
		b, ok := b.(bool)
		return ok && a == b
	case string:
		b, ok := b.(string)
		return ok && a == b
	case int64:
		switch b := b.(type) {
		case int64:
			return a == b
		case float64:
			return equalNumbers(a, b)
		}
	case float64:
		switch b := b.(type) {
		case int64:
			return equalNumbers(b, a)
		case float64:
			return a == b
		}
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !Equal(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k, x := range a {
			y, ok := b[k]
			if !ok || !Equal(x, y) {
				return false
			}
		}
		return true
	}
	return false
}

// equalNumbers compares without rounding: 2^53+1 as a float64 would be 2^53. Beyond the range of int64, where the
// conversion means nothing, no whole number is equal.
func equalNumbers(n int64, f float64) bool {
	return f >= -(1<<63) && f < 1<<63 && f == math.Trunc(f) && int64(f) == n
}
