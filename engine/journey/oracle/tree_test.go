package oracle

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"testing"

	"wend/schemas/yamlfile"
)

// A case is a workspace and a log, as trees of plain values: what the generator wrote, what shrinking takes apart, and what
// both interpreters read. Texts are YAML; a tree prints as YAML in flow style, with numbers of the kind they had.
type scenario struct {
	journeys []map[string]any
	profile  map[string]any
	policies map[string]any
	log      []string
	changes  []*change // deploys, pauses and resumptions, in their order
	until    int64     // ms, or forever: until no timer is left
}

const forever = int64(1) << 62

// readYAML makes plain values of YAML, a document each.
func readYAML(t *testing.T, text string) []map[string]any {
	t.Helper()
	var problems yamlfile.Problems
	docs, _ := yamlfile.Parse("case.yaml", []byte(text), &problems)
	if problems.Failed() {
		t.Fatalf("the generator writes what is no YAML: %v\n%s", problems, text)
	}
	var all []map[string]any
	for _, d := range docs {
		m, ok := d.Value().(map[string]any)
		if !ok {
			t.Fatalf("the generator writes what is no map:\n%s", text)
		}
		all = append(all, m)
	}
	return all
}

// printYAML prints a document with its own keys on lines of their own.
func printYAML(doc map[string]any) string {
	var b strings.Builder
	for _, k := range keysOf(doc) {
		fmt.Fprintf(&b, "%s: %s\n", k, flow(doc[k]))
	}
	return b.String()
}

func flow(v any) string {
	switch x := v.(type) {
	case nil:
		return "null"
	case string:
		return strconv.Quote(x)
	case float64:
		text := strconv.FormatFloat(x, 'f', -1, 64)
		if !strings.Contains(text, ".") {
			text += ".0"
		}
		return text
	case []any:
		var parts []string
		for _, e := range x {
			parts = append(parts, flow(e))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		var parts []string
		for _, k := range keysOf(x) {
			name := k
			if strings.Contains(k, "[") { // the place of a step
				name = strconv.Quote(k)
			}
			parts = append(parts, name+": "+flow(x[k]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return fmt.Sprint(v)
}

func keysOf[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func (s *scenario) journeysYAML() string {
	var parts []string
	for _, j := range s.journeys {
		parts = append(parts, printYAML(j))
	}
	return strings.Join(parts, "---\n")
}

// String is the case as a person would run it again.
func (s *scenario) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "--- journeys/case.yaml\n%s", s.journeysYAML())
	if len(s.profile) > 0 {
		fmt.Fprintf(&b, "--- profile.yaml\n%s", printYAML(s.profile))
	}
	if len(s.policies) > 0 {
		fmt.Fprintf(&b, "--- policies.yaml\n%s", printYAML(s.policies))
	}
	fmt.Fprintf(&b, "--- events.jsonl\n%s\n", strings.Join(s.log, "\n"))
	for _, x := range s.changes {
		b.WriteString(x.String())
	}
	if s.until == forever {
		b.WriteString("--- without --until\n")
	} else {
		fmt.Fprintf(&b, "--- until %d\n", s.until)
	}
	return b.String()
}

// The readers of a tree take what is there and give the zero of what is not.

func mapOf(v any) map[string]any { m, _ := v.(map[string]any); return m }
func listOf(v any) []any         { l, _ := v.([]any); return l }
func textOf(v any) string        { s, _ := v.(string); return s }

func conditionOf(v any) string {
	if b, ok := v.(bool); ok {
		return strconv.FormatBool(b)
	}
	return textOf(v)
}

func textsOf(v any) []string {
	if s, ok := v.(string); ok {
		return []string{s}
	}
	var all []string
	for _, x := range listOf(v) {
		all = append(all, textOf(x))
	}
	return all
}

func numberIn(v any) float64 {
	switch x := v.(type) {
	case int64:
		return float64(x)
	case float64:
		return x
	}
	return 0
}

// span is a duration in ms.
func span(text string) int64 {
	units := map[string]int64{"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
	rest, negative := strings.CutPrefix(text, "-")
	var sum int64
	for rest != "" {
		i := 0
		for i < len(rest) && rest[i] >= '0' && rest[i] <= '9' {
			i++
		}
		n, err := strconv.ParseInt(rest[:i], 10, 64)
		if err != nil {
			panic("the oracle can't read the duration " + text)
		}
		k := i
		for k < len(rest) && rest[k] >= 'a' && rest[k] <= 'z' {
			k++
		}
		unit, ok := units[rest[i:k]]
		if !ok {
			panic("the oracle can't read the duration " + text)
		}
		sum += n * unit
		rest = rest[k:]
	}
	if negative {
		return -sum
	}
	return sum
}

func share(v any, absent float64) float64 {
	text, ok := v.(string)
	if !ok {
		return absent
	}
	f, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	if err != nil {
		panic("the oracle can't read the share " + text)
	}
	return f / 100
}
