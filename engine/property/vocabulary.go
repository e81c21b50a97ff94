package property

import (
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strconv"

	"wend/engine/journey"
)

// vocabulary is what timelines are made of: the event types that a workspace listens to, the fields that its expressions
// read, and values beside those that they compare with. So a short search comes to where conditions turn.
type vocabulary struct {
	types      []string
	fields     []string // of events
	values     []any    // of fields
	gaps       []int64  // ms
	attributes []journey.Attribute
}

var (
	eventFields = regexp.MustCompile(`\b(?:event|enter)\.\??([a-z_][a-zA-Z0-9_]*)`)
	numbers     = regexp.MustCompile(`\b\d+(?:\.\d+)?\b`)
	pastTypes   = regexp.MustCompile(`\b(?:count|sum|last|seen)\(\s*["']([^"']+)["']`)
	quoted      = regexp.MustCompile(`'([^'\\]*)'|"([^"\\]*)"`)
)

const (
	maxEvents = 14
	maxValues = 64
)

func newVocabulary(ws *journey.Workspace, prop *journey.Property) *vocabulary {
	c := &collector{types: map[string]bool{}, fields: map[string]bool{}, numbers: map[float64]bool{}, texts: map[string]bool{}, gaps: map[int64]bool{}}
	for _, gap := range []int64{0, 1_000, 60_000, 3_600_000, 8 * 3_600_000, 24 * 3_600_000, 7 * 24 * 3_600_000} {
		c.gaps[gap] = true
	}
	if prop.Never.After != "" {
		c.types[prop.Never.After] = true
	}
	if w := prop.Never.Window; w > 0 {
		c.gap(w)
	}
	c.walk(reflect.ValueOf(ws.Journeys), "")
	c.walk(reflect.ValueOf(ws.Profile), "")
	v := &vocabulary{attributes: ws.Profile.Attributes}
	for name := range c.types {
		v.types = append(v.types, name)
	}
	for name := range c.fields {
		v.fields = append(v.fields, name)
	}
	for gap := range c.gaps {
		v.gaps = append(v.gaps, gap)
	}
	slices.Sort(v.types)
	slices.Sort(v.fields)
	slices.Sort(v.gaps)
	v.values = c.values()
	return v
}

// collector gathers words from a workspace's tree. It walks the tree by reflection, so that it knows every construct of
// the language without naming it: a Text holds an expression or a name, an int64 is a duration or a number.
type collector struct {
	types, fields, texts map[string]bool
	numbers              map[float64]bool
	gaps                 map[int64]bool
}

func (c *collector) walk(v reflect.Value, name string) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			c.walk(v.Elem(), name)
		}
	case reflect.Slice:
		if list, ok := v.Interface().([]journey.Text); ok && (name == "On" || name == "Of") {
			for _, t := range list {
				c.types[t.Value] = true
			}
			return
		}
		for i := range v.Len() {
			c.walk(v.Index(i), name)
		}
	case reflect.Struct:
		if t, ok := v.Interface().(journey.Text); ok {
			c.text(t.Value, name)
			return
		}
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				c.walk(v.Field(i), f.Name)
			}
		}
	case reflect.Int64:
		c.gap(v.Int())
	}
}

// gap adds a duration, and the moments around it.
func (c *collector) gap(ms int64) {
	const longest = 100 * 24 * 3_600_000
	if ms >= 1_000 && ms <= longest {
		c.gaps[ms-1], c.gaps[ms], c.gaps[ms+1] = true, true, true
	}
}

func (c *collector) text(t, name string) {
	for _, m := range eventFields.FindAllStringSubmatch(t, -1) {
		c.fields[m[1]] = true
	}
	for _, m := range pastTypes.FindAllStringSubmatch(t, -1) {
		c.types[m[1]] = true
	}
	if name == "Of" {
		c.fields["action_id"] = true // of a trigger: the send that an event is feedback on
	}
	for _, m := range quoted.FindAllStringSubmatch(t, -1) {
		c.texts[m[1]+m[2]] = true
	}
	for _, m := range numbers.FindAllString(t, -1) {
		if x, err := strconv.ParseFloat(m, 64); err == nil {
			c.numbers[x-1], c.numbers[x], c.numbers[x+1] = true, true, true
		}
	}
}

// values for fields: few that mean nothing, so that two events often agree, and those of the expressions.
func (c *collector) values() []any {
	values := []any{"k1", "k2", true, false, int64(1)}
	var texts []string
	for t := range c.texts {
		texts = append(texts, t)
	}
	slices.Sort(texts)
	for _, t := range texts {
		values = append(values, t)
	}
	var sorted []float64
	for x := range c.numbers {
		sorted = append(sorted, x)
	}
	slices.Sort(sorted)
	for _, x := range sorted {
		if x == float64(int64(x)) {
			values = append(values, int64(x))
		} else {
			values = append(values, x)
		}
	}
	return values[:min(len(values), maxValues)]
}

// timeline draws a life.
func (v *vocabulary) timeline(chance *rand.Rand) Timeline {
	var t Timeline
	if len(v.types) == 0 {
		return t
	}
	for _, a := range v.attributes {
		if chance.IntN(3) == 0 {
			if x := v.attribute(chance, a.Type.Value); x != nil {
				t.Profile = t.Profile.Set(a.Name.Value, x)
			}
		}
	}
	if chance.IntN(3) == 0 {
		t.Profile = t.Profile.Set("timezone", []string{"Asia/Shanghai", "America/New_York"}[chance.IntN(2)])
	}
	if chance.IntN(2) == 0 {
		consent := map[string]any{}
		for _, channel := range []string{"push", "sms", "email"} {
			consent[channel] = chance.IntN(4) > 0
		}
		t.Profile = t.Profile.Set("consent", consent)
	}
	// A few types a life, so that one of them can come often.
	types := make([]string, 1+chance.IntN(4))
	for i := range types {
		types[i] = v.types[chance.IntN(len(v.types))]
	}
	for range 1 + chance.IntN(maxEvents) {
		e := Event{Gap: v.gaps[chance.IntN(len(v.gaps))], Type: types[chance.IntN(len(types))]}
		for _, f := range v.fields {
			if chance.IntN(8) == 0 {
				continue
			}
			if f == "action_id" {
				e.Fields = e.Fields.Set(f, lastSend)
				continue
			}
			e.Fields = e.Fields.Set(f, v.values[chance.IntN(len(v.values))])
		}
		t.Events = append(t.Events, e)
	}
	return t
}

// attribute draws a value of a declared type; nil where none is known.
func (v *vocabulary) attribute(chance *rand.Rand, kind string) any {
	switch kind {
	case "date":
		return "1990-03-02"
	case "timestamp":
		return "2026-03-01T00:00:00Z"
	case "list":
		return []any{"k1"}
	case "map":
		return nil
	}
	fits := func(x any) bool {
		switch x.(type) {
		case string:
			return kind == "string"
		case bool:
			return kind == "bool"
		case int64:
			return kind == "int" || kind == "double"
		case float64:
			return kind == "double"
		}
		return false
	}
	for range 32 {
		if x := v.values[chance.IntN(len(v.values))]; fits(x) {
			if n, ok := x.(int64); ok && kind == "double" {
				return float64(n)
			}
			return x
		}
	}
	return nil
}
