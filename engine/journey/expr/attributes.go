package expr

import (
	"fmt"
	"regexp"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"wend/schemas"
)

// The names of the types that only this package makes values of.
const (
	profileTypeName = "wend.profile"
	sentTypeName    = "wend.sent"
)

var (
	profileType = types.NewObjectType(profileTypeName)
	sentType    = types.NewObjectType(sentTypeName)
	zoneType    = types.NewOpaqueType("wend.zone")
)

// builtin are the attributes that are there undeclared.
func builtin() map[string]Type {
	return map[string]Type{"tags": List, "consent": Map, "timezone": String}
}

// provider tells the checker and the planner which fields the profile and a send have. It is a CEL type provider.
type provider struct {
	types.Provider
	profile map[string]*types.FieldType
	names   []string // of profile, in order
	sent    map[string]*types.FieldType
	score   map[string]*types.FieldType
	segment map[string]*types.FieldType
	scores  map[string]int // place in Names
	places  map[string]int // of segments
}

func newProvider(base types.Provider, names Names) (*provider, error) {
	declared := builtin()
	seen := map[string]bool{}
	for _, a := range names.Attributes {
		if !namePattern().MatchString(a.Name) {
			return nil, fmt.Errorf("attribute %q: a name is a lower case letter, then lower case letters, digits and _", a.Name)
		}
		if seen[a.Name] {
			return nil, fmt.Errorf("attribute %s is declared twice", a.Name)
		}
		if t, ok := declared[a.Name]; ok && t != a.Type {
			return nil, fmt.Errorf("attribute %s is there undeclared and has another type", a.Name)
		}
		seen[a.Name] = true
		declared[a.Name] = a.Type
	}
	p := &provider{
		Provider: base, profile: map[string]*types.FieldType{}, sent: sentFields(),
		score: scoreFields(names.Scores), segment: segmentFields(names.Segments), scores: map[string]int{}, places: map[string]int{},
	}
	for i, s := range names.Scores {
		p.scores[s.Name] = i
	}
	for i, name := range names.Segments {
		p.places[name] = i
	}
	for name, t := range declared {
		f, err := attributeField(name, t)
		if err != nil {
			return nil, err
		}
		p.profile[name] = f
	}
	p.names = sortedKeys(p.profile)
	return p, nil
}

func namePattern() *regexp.Regexp { return regexp.MustCompile(`^[a-z][a-z0-9_]*$`) }

func (p *provider) of(structType string) map[string]*types.FieldType {
	switch structType {
	case profileTypeName:
		return p.profile
	case sentTypeName:
		return p.sent
	case scoreTypeName:
		return p.score
	case segmentTypeName:
		return p.segment
	}
	return nil
}

func (p *provider) FindStructType(name string) (*types.Type, bool) {
	switch name {
	case profileTypeName:
		return types.NewTypeTypeWithParam(profileType), true
	case sentTypeName:
		return types.NewTypeTypeWithParam(sentType), true
	case scoreTypeName:
		return types.NewTypeTypeWithParam(scoreType), true
	case segmentTypeName:
		return types.NewTypeTypeWithParam(segmentType), true
	}
	return p.Provider.FindStructType(name)
}

func (p *provider) FindStructFieldNames(name string) ([]string, bool) {
	if f := p.of(name); f != nil {
		return sortedKeys(f), true
	}
	return p.Provider.FindStructFieldNames(name)
}

func (p *provider) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	if f := p.of(name); f != nil {
		t, ok := f[field]
		return t, ok
	}
	return p.Provider.FindStructFieldType(name, field)
}

func (p *provider) NewValue(name string, fields map[string]ref.Val) ref.Val {
	if p.of(name) != nil {
		return types.NewErr("%s cannot be made", name)
	}
	return p.Provider.NewValue(name, fields)
}

// attributeField reads an attribute: its value, or the zero of its type where there is none or the one that is stored
// is of another type (which happens when the declaration has changed since).
func attributeField(name string, t Type) (*types.FieldType, error) {
	f := &types.FieldType{}
	var zero any
	switch t {
	case String, Date: // the zero of a date is the empty text: no date at all
		f.Type, zero = types.StringType, ""
	case Int:
		f.Type, zero = types.IntType, int64(0)
	case Double:
		f.Type, zero = types.DoubleType, float64(0)
	case Bool:
		f.Type, zero = types.BoolType, false
	case Timestamp: // 1970-01-01T00:00:00Z, as in CEL
		f.Type, zero = types.TimestampType, types.Timestamp{Time: time.UnixMilli(0).UTC()}
	case List:
		f.Type, zero = types.NewListType(types.DynType), []any{}
	case Map:
		f.Type, zero = types.NewMapType(types.StringType, types.DynType), map[string]any{}
	default:
		return nil, fmt.Errorf("attribute %s has no known type", name)
	}
	f.IsSet = func(target any) bool {
		_, ok := readAttribute(target, name, t)
		return ok
	}
	f.GetFrom = func(target any) (any, error) {
		if v, ok := readAttribute(target, name, t); ok {
			return v, nil
		}
		return zero, nil
	}
	return f, nil
}

func readAttribute(target any, name string, t Type) (any, bool) {
	p, ok := target.(*profile)
	if !ok {
		return nil, false
	}
	v, ok := p.fields.Field(name)
	if !ok {
		return nil, false
	}
	return attributeValue(v, t)
}

// attributeValue gives a stored value the type of its attribute, where it fits.
func attributeValue(v any, t Type) (any, bool) {
	switch x := v.(type) {
	case string:
		switch t {
		case String, Date:
			return v, true
		case Timestamp:
			at, err := time.Parse(time.RFC3339, x)
			if err != nil || !inRange(at) {
				return nil, false
			}
			return types.Timestamp{Time: at.UTC()}, true
		}
	case int64:
		switch t {
		case Int:
			return v, true
		case Double:
			return float64(x), true
		case Timestamp:
			at := time.UnixMilli(x).UTC()
			return types.Timestamp{Time: at}, inRange(at)
		}
	case float64:
		return v, t == Double
	case bool:
		return v, t == Bool
	case []any:
		return v, t == List
	case map[string]any:
		return v, t == Map
	}
	return nil, false
}

// inRange tells whether CEL has that instant: years 1 to 9999.
func inRange(t time.Time) bool { return t.Year() >= 1 && t.Year() <= 9999 }

// sentFields reads an action that left.
func sentFields() map[string]*types.FieldType {
	field := func(t *types.Type, get func(s *schemas.Sent) any) *types.FieldType {
		return &types.FieldType{
			Type:  t,
			IsSet: func(any) bool { return true },
			GetFrom: func(target any) (any, error) {
				s, ok := target.(*sentOne)
				if !ok {
					return nil, fmt.Errorf("this is not a send")
				}
				return get(&s.sent), nil
			},
		}
	}
	return map[string]*types.FieldType{
		"action_id": field(types.StringType, func(s *schemas.Sent) any { return s.ActionID }),
		"at": field(types.TimestampType, func(s *schemas.Sent) any {
			return types.Timestamp{Time: time.UnixMilli(s.At).UTC()}
		}),
	}
}
