package journey

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"wend/engine/journey/domain"
	"wend/schemas/yamlfile"
)

// EventSchema is what events/TYPE.json says of the events of a type, as far as a checker can use it.
type EventSchema struct {
	File  string
	Shape *domain.Shape // nil: anything
}

// maxSchemaDepth bounds schemas within schemas; what is deeper may be anything.
const maxSchemaDepth = 32

// parseSchema reads a JSON Schema. What it does not know, such as patterns and conditions on several fields at once, only
// makes events fewer, so it is passed over: the shape holds every event that the schema allows.
func parseSchema(file string, text []byte, ps *yamlfile.Problems) *EventSchema {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var root any
	if err := d.Decode(&root); err != nil {
		at := d.InputOffset()
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			at = max(0, syntax.Offset-1)
		}
		ps.Warnf(placeIn(file, text, at), "this is no JSON (%v): a file events/TYPE.json holds the JSON Schema of the events of that type", err)
		return nil
	}
	if at := d.InputOffset(); len(bytes.TrimSpace(text[at:])) > 0 {
		ps.Warnf(placeIn(file, text, at), "something stands behind the end of the JSON Schema")
		return nil
	}
	switch root.(type) {
	case map[string]any, bool:
	default:
		ps.Warnf(placeIn(file, text, 0), "a JSON Schema is an object, or true or false")
		return nil
	}
	r := &schemaReader{root: root}
	return &EventSchema{File: file, Shape: r.shape(root, 0)}
}

// placeIn is where an offset in bytes stands.
func placeIn(file string, text []byte, offset int64) yamlfile.Pos {
	before := text[:min(max(offset, 0), int64(len(text)))]
	line := before[bytes.LastIndexByte(before, '\n')+1:]
	return yamlfile.Pos{File: file, Line: 1 + bytes.Count(before, []byte("\n")), Col: 1 + len([]rune(string(line)))}
}

// schemaReader turns a schema into a shape. A shape of a value says nothing of whether the value is there; that of a field
// does.
type schemaReader struct {
	root any
	work int
}

// maxSchemaWork bounds the schemas that are looked at for one event type, as references can make many of few.
const maxSchemaWork = 10_000

func (r *schemaReader) shape(v any, depth int) *domain.Shape {
	r.work++
	s, isMap := v.(map[string]any)
	switch {
	case v == false:
		return &domain.Shape{}
	case !isMap || depth > maxSchemaDepth || r.work > maxSchemaWork:
		return nil
	}
	if ref, ok := s["$ref"]; ok { // in older drafts nothing beside it counts
		text, _ := ref.(string)
		return r.shape(r.resolve(text), depth+1)
	}
	out := &domain.Shape{Self: r.values(s)}
	r.fields(s, out, depth)
	for _, part := range members(s["allOf"]) {
		out = meet(out, r.shape(part, depth+1), 0)
	}
	for _, name := range [...]string{"anyOf", "oneOf"} {
		parts := members(s[name])
		if len(parts) == 0 {
			continue
		}
		any_ := r.shape(parts[0], depth+1)
		for _, part := range parts[1:] {
			any_ = join(any_, r.shape(part, depth+1), 0)
		}
		out = meet(out, any_, 0)
	}
	return out
}

func members(v any) []any {
	l, _ := v.([]any)
	return l
}

// resolve follows a reference within the file; true, which is anything, where it leads elsewhere.
func (r *schemaReader) resolve(ref string) any {
	rest, ok := strings.CutPrefix(ref, "#")
	if !ok || rest != "" && rest[0] != '/' {
		return true
	}
	at := r.root
	for _, name := range strings.Split(rest, "/")[min(1, len(rest)):] {
		m, ok := at.(map[string]any)
		if !ok {
			return true
		}
		if at, ok = m[strings.NewReplacer("~1", "/", "~0", "~").Replace(name)]; !ok {
			return true
		}
	}
	return at
}

// present is any value that is there.
func present() domain.Set { return domain.Anything().Only(^domain.Absent) }

// values is what a schema says of a value by itself.
func (r *schemaReader) values(s map[string]any) domain.Set {
	out := present()
	types := members(s["type"])
	if one, ok := s["type"].(string); ok {
		types = []any{one}
	}
	if len(types) > 0 {
		some := domain.Set{}
		for _, t := range types {
			some = some.Union(typeSet(t))
		}
		out = out.Intersect(some)
	}
	if s["nullable"] == true { // OpenAPI's way
		out = out.With(domain.Null)
	}
	constants := members(s["enum"])
	if one, ok := s["const"]; ok {
		out = out.Intersect(constant(one))
	}
	if constants != nil {
		some := domain.Set{}
		for _, c := range constants {
			some = some.Union(constant(c))
		}
		out = out.Intersect(some)
	}
	out.Nums = out.Nums.Intersect(limitsOf(s))
	if n, ok := float(s["minLength"]); ok && n >= 1 {
		out.Texts = out.Texts.Intersect(domain.Texts{Except: true, List: []string{""}})
	}
	return out.Only(^domain.Kinds(0))
}

func typeSet(t any) domain.Set {
	switch t {
	case "null":
		return domain.Of(domain.Null)
	case "boolean":
		return domain.Of(domain.Bool)
	case "number":
		return domain.Of(domain.Number)
	case "integer": // 1.0 is one
		n := domain.Of(domain.Number)
		n.Whole = true
		return n
	case "string":
		return domain.Of(domain.Text)
	case "array":
		return domain.Of(domain.List)
	case "object":
		return domain.Of(domain.Map)
	}
	return present()
}

func constant(v any) domain.Set {
	n, ok := v.(json.Number)
	if !ok {
		return domain.Constant(v)
	}
	if i, err := n.Int64(); err == nil {
		return domain.Numbers(domain.Number, domain.Whole64(i))
	}
	if f, err := n.Float64(); err == nil {
		return domain.Numbers(domain.Number, domain.Point(f))
	}
	return domain.Of(domain.Number)
}

func float(v any) (float64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	f, err := n.Float64()
	return f, err == nil
}

// limitsOf are the bounds of a number, also as draft 4 has them: with true beside the bound that is left out.
func limitsOf(s map[string]any) domain.Ranges {
	out := domain.Everywhere()
	for _, b := range [...]struct {
		name, open string
		lower      bool
	}{{"minimum", "exclusiveMinimum", true}, {"maximum", "exclusiveMaximum", false}} {
		cut := func(x float64, open bool) {
			r := domain.Everywhere()
			if b.lower {
				r[0].Lo, r[0].LoOpen = x, open
			} else {
				r[0].Hi, r[0].HiOpen = x, open
			}
			out = out.Intersect(r)
		}
		if x, ok := float(s[b.name]); ok {
			cut(x, s[b.open] == true)
		}
		if x, ok := float(s[b.open]); ok {
			cut(x, true)
		}
	}
	return out
}

// fields is what a schema says of the fields of an object.
func (r *schemaReader) fields(s map[string]any, out *domain.Shape, depth int) {
	var required []string
	for _, name := range members(s["required"]) {
		if text, ok := name.(string); ok {
			required = append(required, text)
		}
	}
	properties, _ := s["properties"].(map[string]any)
	out.Fields = make(map[string]*domain.Shape, len(properties))
	_, patterns := s["patternProperties"]
	if rest, ok := s["additionalProperties"]; ok && !patterns {
		out.Rest = optional(r.shape(rest, depth+1))
	}
	for name, v := range properties {
		f := r.shape(v, depth+1)
		if !slices.Contains(required, name) {
			f = optional(f)
		} else if f == nil {
			f = &domain.Shape{Self: present()}
		}
		out.Fields[name] = f
	}
	for _, name := range required {
		if out.Fields[name] == nil {
			out.Fields[name] = meet(out.Rest, &domain.Shape{Self: present()}, 0)
		}
	}
}

// optional is a field that need not be there.
func optional(s *domain.Shape) *domain.Shape {
	if s == nil {
		return nil
	}
	out := *s
	out.Self = out.Self.With(domain.Absent)
	return &out
}

// meet is what both shapes allow.
func meet(a, b *domain.Shape, depth int) *domain.Shape {
	switch {
	case a == nil:
		return b
	case b == nil || depth > maxSchemaDepth:
		return a
	}
	return both(a, b, domain.Set.Intersect, func(x, y *domain.Shape) *domain.Shape { return meet(x, y, depth+1) })
}

// join is what either shape allows.
func join(a, b *domain.Shape, depth int) *domain.Shape {
	if a == nil || b == nil || depth > maxSchemaDepth {
		return nil
	}
	return both(a, b, domain.Set.Union, func(x, y *domain.Shape) *domain.Shape { return join(x, y, depth+1) })
}

func both(a, b *domain.Shape, values func(x, y domain.Set) domain.Set, of func(x, y *domain.Shape) *domain.Shape) *domain.Shape {
	out := &domain.Shape{Self: values(a.Self, b.Self), Fields: map[string]*domain.Shape{}, Rest: of(a.Rest, b.Rest)}
	for _, fields := range [...]map[string]*domain.Shape{a.Fields, b.Fields} {
		for name := range fields {
			if _, done := out.Fields[name]; !done {
				out.Fields[name] = of(a.Field(name), b.Field(name))
			}
		}
	}
	return out
}
