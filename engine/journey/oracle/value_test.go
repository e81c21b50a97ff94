package oracle

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

// Values: nil, bool, int64, float64, string, []any, map[string]any, and of expressions also these two.
type (
	instant int64 // ms
	length  int64 // ms
)

// readJSON reads a line of a log; a number without fraction and exponent is whole.
func readJSON(line string) map[string]any {
	d := json.NewDecoder(strings.NewReader(line))
	d.UseNumber()
	var m map[string]any
	if d.Decode(&m) != nil {
		return nil
	}
	return plain(m).(map[string]any)
}

func plain(v any) any {
	switch x := v.(type) {
	case json.Number:
		if !strings.ContainsAny(string(x), ".eE") {
			n, _ := strconv.ParseInt(string(x), 10, 64)
			return n
		}
		f, _ := x.Float64()
		return f
	case []any:
		for i := range x {
			x[i] = plain(x[i])
		}
	case map[string]any:
		for k := range x {
			x[k] = plain(x[k])
		}
	}
	return v
}

func asJSON(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return strings.TrimSpace(b.String())
}

func rfc3339(at int64, zone *time.Location) string {
	return time.UnixMilli(at).In(zone).Format("2006-01-02T15:04:05.999999999Z07:00")
}

// inText is a value as it stands in a longer text.
func inText(v any, zone *time.Location) string {
	switch x := v.(type) {
	case nil:
		return ""
	case string:
		return x
	case instant:
		return rfc3339(int64(x), zone)
	case float64:
		if x == math.Trunc(x) && math.Abs(x) < 1e15 {
			return strconv.FormatInt(int64(x), 10)
		}
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	return asJSON(v)
}

// merged lays a map over another, maps inside too; null removes a key.
func merged(old, over map[string]any) map[string]any {
	m := map[string]any{}
	for k, v := range old {
		m[k] = v
	}
	for k, v := range over {
		if v == nil {
			delete(m, k)
		} else if x, ok := v.(map[string]any); ok {
			was, _ := m[k].(map[string]any)
			m[k] = merged(was, x)
		} else {
			m[k] = v
		}
	}
	return m
}

// fitting gives a value the type of an attribute.
func fitting(kind string, v any) (any, bool) {
	switch x := v.(type) {
	case string:
		switch kind {
		case "string":
			return v, true
		case "date":
			_, err := time.Parse("2006-01-02", x)
			return v, err == nil
		case "timestamp":
			_, err := time.Parse(time.RFC3339, x)
			return v, err == nil
		}
	case int64:
		if kind == "double" {
			return float64(x), true
		}
		return v, kind == "int" || kind == "timestamp"
	case float64:
		return v, kind == "double"
	case bool:
		return v, kind == "bool"
	case []any:
		return v, kind == "list"
	case map[string]any:
		return v, kind == "map"
	}
	return nil, false
}

func zero(kind string) any {
	switch kind {
	case "int":
		return int64(0)
	case "double":
		return float64(0)
	case "bool":
		return false
	case "list":
		return []any{}
	case "map":
		return map[string]any{}
	case "timestamp":
		return instant(0)
	}
	return ""
}
