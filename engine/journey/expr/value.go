package expr

import (
	"errors"
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"wend/schemas"
)

// Values cross a border here: CEL has timestamps, durations and optional values, schemas has not.

// maxDepth of a value that an expression builds. Data is as deep as its decoder lets it be; this only stops nesting
// that would overflow the stack.
const maxDepth = 256

// notThere is the answer of an optional value that holds nothing.
type notThere struct{}

func (notThere) Error() string { return "the optional value is empty" }

// errTooLarge is the answer to a value of more than maxNodes parts.
var errTooLarge = errors.New("the value is too large")

// native turns a CEL value into one of schemas' kinds. A timestamp becomes RFC 3339 text in the zone, a duration text
// in the units of the language. Lists and maps that come from an event or a profile as they are share its memory.
func native(v ref.Val, zone *time.Location) (any, error) {
	budget := maxNodes
	return nativeWithin(v, zone, 0, &budget)
}

func nativeWithin(v ref.Val, zone *time.Location, depth int, budget *int) (any, error) {
	if *budget--; *budget < 0 {
		return nil, errTooLarge
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("the value is nested deeper than %d", maxDepth)
	}
	switch v := v.(type) {
	case types.Null:
		return nil, nil
	case types.Bool:
		return bool(v), nil
	case types.Int:
		return int64(v), nil
	case types.Uint:
		if uint64(v) > math.MaxInt64 {
			return float64(v), nil
		}
		return int64(v), nil
	case types.Double:
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil, fmt.Errorf("the number is not finite")
		}
		return float64(v), nil
	case types.String:
		return string(v), nil
	case types.Timestamp:
		return formatTime(v.Time, zone), nil
	case types.Duration:
		return formatDuration(v.Duration), nil
	case *types.Optional:
		if !v.HasValue() {
			return nil, notThere{}
		}
		return nativeWithin(v.GetValue(), zone, depth+1, budget)
	case *types.Err:
		return nil, v
	case *fields:
		if v.src == nil {
			return map[string]any{}, nil
		}
		return v.src.Map(), nil
	case *profile, *sentAll, *sentOne, *state:
		return nil, fmt.Errorf("%s is not a value by itself", kindOf(v))
	case traits.Lister:
		if l, ok := v.Value().([]any); ok {
			return l, nil
		}
		n, _ := v.Size().(types.Int)
		out := make([]any, 0, int(n))
		for it := v.Iterator(); it.HasNext() == types.True; {
			x, err := nativeWithin(it.Next(), zone, depth+1, budget)
			if err != nil {
				return nil, err
			}
			out = append(out, x)
		}
		return out, nil
	case traits.Mapper:
		if m, ok := v.Value().(map[string]any); ok {
			return m, nil
		}
		out := map[string]any{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			k := it.Next()
			x, err := nativeWithin(v.Get(k), zone, depth+1, budget)
			if err != nil {
				return nil, err
			}
			out[mapKey(k)] = x
		}
		return out, nil
	}
	return nil, fmt.Errorf("%s is not a value that can be kept", kindOf(v))
}

// mapKey writes a key as JSON has them: as text.
func mapKey(k ref.Val) string {
	switch k := k.(type) {
	case types.String:
		return string(k)
	case types.Bool:
		return strconv.FormatBool(bool(k))
	case types.Int:
		return strconv.FormatInt(int64(k), 10)
	}
	return fmt.Sprint(k.Value())
}

// kindOf names the kind of a value for a reader.
func kindOf(v ref.Val) string {
	switch v.(type) {
	case types.Null:
		return "null"
	case types.Bool:
		return "a boolean"
	case types.Int, types.Uint:
		return "a whole number"
	case types.Double:
		return "a fractional number"
	case types.String:
		return "text"
	case types.Bytes:
		return "bytes"
	case types.Timestamp:
		return "a timestamp"
	case types.Duration:
		return "a duration"
	case *types.Optional:
		return "an optional value"
	case *fields:
		return "an event"
	case *profile:
		return "the profile"
	case *sentAll, *sentOne:
		return "what was sent"
	case *state:
		return "what is known of the customer"
	case traits.Lister:
		return "a list"
	case traits.Mapper:
		return "a map"
	case *types.Type:
		return "a type"
	}
	return "a value"
}

// FormatTime writes milliseconds since 1970 as RFC 3339 in the zone (nil: UTC), with a fraction only where there is one.
func FormatTime(ms int64, zone *time.Location) string {
	return formatTime(time.UnixMilli(ms), zone)
}

func formatTime(t time.Time, zone *time.Location) string {
	if zone == nil {
		zone = time.UTC
	}
	return t.In(zone).Format(time.RFC3339Nano)
}

// formatDuration writes a duration in the units of the language, to the millisecond: 1d2h, 1h30m, 250ms, 0s.
func formatDuration(d time.Duration) string {
	ms := d.Milliseconds()
	if ms == 0 {
		return "0s"
	}
	var b strings.Builder
	n := uint64(ms)
	if ms < 0 {
		b.WriteByte('-')
		n = -n
	}
	for _, u := range [...]struct {
		ms   uint64
		name string
	}{{day, "d"}, {hour, "h"}, {minute, "m"}, {second, "s"}, {1, "ms"}} {
		if n >= u.ms {
			b.WriteString(strconv.FormatUint(n/u.ms, 10))
			b.WriteString(u.name)
			n %= u.ms
		}
	}
	return b.String()
}

// appendText writes a value into a longer text: numbers shortest, booleans as true and false, lists and maps as JSON
// with their keys in order. null is nothing.
func appendText(dst []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return dst
	case string:
		return append(dst, v...)
	case bool:
		return strconv.AppendBool(dst, v)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case float64:
		return appendNumber(dst, v)
	}
	return schemas.AppendJSON(dst, v)
}

// appendNumber writes the shortest decimal that reads back as the same number, with an exponent only where JavaScript
// writes one and as it does (1e+21, 1e-7). There is no -0 for readers.
func appendNumber(dst []byte, f float64) []byte {
	if f == 0 {
		return append(dst, '0')
	}
	return schemas.AppendJSON(dst, f)
}

// sortedNumbers of a map.
func sortedNumbers(m map[int]bool) []int {
	var keys []int
	for k := range m {
		keys = append(keys, k)
	}
	sort.Ints(keys)
	return keys
}

// sortedKeys of a map.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
