package journey

import (
	"sort"
	"time"

	"wend/engine/journey/expr"
	"wend/schemas"
)

// update does point 3 with one update of profile.yaml.
func (s *stepper) update(u *update) {
	if ok, _ := s.holds(u.cond, nil, nil, u.place); !ok {
		return
	}
	if u.all == nil {
		s.assign(u.set, nil, nil, u.place)
		return
	}
	v, ok, why := u.all.Eval(s.bind(nil, nil))
	if !ok {
		s.leftOut(nil, nil, u.place, "set", why)
		return
	}
	m, isMap := v.(map[string]any)
	if !isMap {
		s.leftOut(nil, nil, u.place, "set", expr.Why{Failed: "it is " + describe(v) + ", not a map"})
		return
	}
	names := s.names[:0]
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		s.setAttribute(nil, nil, u.place, name, schemas.CloneValue(m[name]))
	}
	clear(names)
	s.names = names[:0]
}

// assign changes the profile as one `set` says. All its values see the profile as it was before.
func (s *stepper) assign(set []assign, j *plan, en *schemas.Enrollment, step string) {
	if len(set) == 1 { // the usual case needs no memory
		if v, ok := s.evaluate(&set[0], j, en, step); ok {
			s.setAttribute(j, en, step, set[0].name, v)
		}
		return
	}
	type result struct {
		name  string
		value any
	}
	results := make([]result, 0, len(set))
	for i := range set {
		if v, ok := s.evaluate(&set[i], j, en, step); ok {
			results = append(results, result{set[i].name, v})
		}
	}
	for _, r := range results {
		s.setAttribute(j, en, step, r.name, r.value)
	}
}

// evaluate gives the value of an assignment, and whether there is one.
func (s *stepper) evaluate(a *assign, j *plan, en *schemas.Enrollment, step string) (any, bool) {
	if a.value == nil {
		return nil, true
	}
	if a.static {
		return a.value.static, true
	}
	return a.value.eval(s, j, en, step, a.name)
}

// setAttribute gives an attribute a value: null removes it, a map is merged into the one that is there, and what is
// not declared or of another type is left out. The value becomes the profile's own.
func (s *stepper) setAttribute(j *plan, en *schemas.Enrollment, step, name string, v any) {
	t, ok := s.p.profile[name]
	if !ok {
		s.leftOut(j, en, step, name, expr.Why{Failed: "no attribute of that name is declared"})
		return
	}
	if v == nil {
		s.doc.Profile = s.doc.Profile.Delete(name)
		s.changed(j, en, step, name)
		return
	}
	fitted, ok := fit(t, v)
	if !ok {
		s.leftOut(j, en, step, name, expr.Why{Failed: describe(v) + " does not fit, the attribute is a " + typeName(t)})
		return
	}
	old, there := s.doc.Profile.Field(name)
	if m, isMap := fitted.(map[string]any); isMap {
		was, _ := old.(map[string]any)
		fitted = merge(was, m)
	}
	if !there {
		name = cloneString(name)
	}
	s.doc.Profile = s.doc.Profile.Set(name, fitted)
	s.changed(j, en, step, name)
}

func (s *stepper) changed(j *plan, en *schemas.Enrollment, step, name string) {
	if len(s.p.watched) > 0 {
		s.touched(s.p.watched[name])
	}
	s.dated = s.dated || s.p.dates[name]
	if !s.out.Tracing {
		return
	}
	d := Decision{Kind: DecidedProfile, Step: step}
	if j != nil {
		d = s.about(DecidedProfile, j, en, step)
	}
	d.Detail = cloneString(name)
	if v, ok := s.doc.Profile.Field(name); ok {
		d.Detail += " = " + string(schemas.AppendJSON(nil, v))
	} else {
		d.Detail += " removed"
	}
	s.trace(d)
}

// merge lays a map over another, key by key, maps inside too; null removes a key. Neither is changed: values of a
// document may be shared with an enrollment or an action.
func merge(old, over map[string]any) map[string]any {
	m := make(map[string]any, len(old)+len(over))
	for k, v := range old {
		m[k] = v
	}
	for k, v := range over {
		switch x := v.(type) {
		case nil:
			delete(m, k)
		case map[string]any:
			was, _ := m[k].(map[string]any)
			m[k] = merge(was, x)
		default:
			m[k] = v
		}
	}
	return m
}

// fit gives a value the type of an attribute, where it fits: a whole value fits a double, not the reverse. A timestamp
// is RFC 3339 or whole milliseconds, a date is text.
func fit(t expr.Type, v any) (any, bool) {
	switch x := v.(type) {
	case string:
		switch t {
		case expr.String:
			return v, true
		case expr.Date:
			_, err := time.Parse("2006-01-02", x)
			return v, err == nil
		case expr.Timestamp:
			_, err := time.Parse(time.RFC3339, x)
			return v, err == nil
		}
	case int64:
		switch t {
		case expr.Int, expr.Timestamp:
			return v, true
		case expr.Double:
			return float64(x), true
		}
	case float64:
		return v, t == expr.Double
	case bool:
		return v, t == expr.Bool
	case []any:
		return v, t == expr.List
	case map[string]any:
		return v, t == expr.Map
	}
	return nil, false
}

func typeName(t expr.Type) string {
	for name, x := range map[string]expr.Type{
		"text": expr.String, "whole number": expr.Int, "number": expr.Double, "bool": expr.Bool,
		"date (text YYYY-MM-DD)": expr.Date, "timestamp": expr.Timestamp, "list": expr.List, "map": expr.Map,
	} {
		if x == t {
			return name
		}
	}
	return "value"
}

func describe(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case []any:
		return "a list"
	case map[string]any:
		return "a map"
	}
	return string(schemas.AppendJSON(nil, v))
}

// leftOut counts and traces a value that is not there.
func (s *stepper) leftOut(j *plan, en *schemas.Enrollment, step, name string, why expr.Why) {
	s.out.Counters.LeftOut++
	if !s.out.Tracing {
		return
	}
	d := Decision{Kind: DecidedLeftOut, Step: step}
	if j != nil {
		d = s.about(DecidedLeftOut, j, en, step)
	}
	d.Detail = cloneString(name) + ": " + whyText(why)
	s.trace(d)
}

// tag adds and removes tags, which are a list in the profile without repeats of what is added.
func (s *stepper) tag(tags []string, remove bool, j *plan, en *schemas.Enrollment, step string) {
	v, _ := s.doc.Profile.Field("tags")
	old, _ := v.([]any)
	list := make([]any, 0, len(old)+len(tags)) // a new one: the old may be shared
	for _, x := range old {
		if name, isText := x.(string); !remove || !isText || !contains(tags, name) {
			list = append(list, x)
		}
	}
	if !remove {
		for _, t := range tags {
			if !hasTag(list, t) {
				list = append(list, t)
			}
		}
	}
	if len(list) == len(old) {
		return
	}
	if len(list) == 0 {
		s.doc.Profile = s.doc.Profile.Delete("tags")
	} else {
		s.doc.Profile = s.doc.Profile.Set("tags", list)
	}
	s.changed(j, en, step, "tags")
}

func hasTag(list []any, tag string) bool {
	for _, x := range list {
		if x == any(tag) { // text compares with text; what cannot be compared is no text
			return true
		}
	}
	return false
}
