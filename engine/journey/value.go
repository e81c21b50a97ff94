package journey

import (
	"wend/engine/journey/expr"
	"wend/schemas"
)

// value is a compiled YAML value under with, set or emit: static, a template, or a list or map that holds one.
type value struct {
	static   any
	template *expr.Template
	list     []*value
	fields   []assign
	kind     ValueKind
	constant bool
}

// eval returns the value, which shares no memory with the event, and whether it is there. Inside lists and maps what
// fails is left out and the rest stays.
func (v *value) eval(s *stepper, j *plan, en *schemas.Enrollment, step, name string) (any, bool) {
	if v.constant {
		return v.static, true
	}
	switch v.kind {
	case TextValue:
		x, ok, why := v.template.Eval(s.bind(j, en))
		if !ok || why != (expr.Why{}) {
			s.leftOut(j, en, step, name, why)
		}
		if !ok {
			return nil, false
		}
		return schemas.CloneValue(x), true
	case ListValue:
		list := make([]any, 0, len(v.list))
		for _, x := range v.list {
			if got, ok := x.eval(s, j, en, step, name); ok {
				list = append(list, got)
			}
		}
		return list, true
	case MapValue:
		m := make(map[string]any, len(v.fields))
		for i := range v.fields {
			f := &v.fields[i]
			if f.value == nil {
				m[f.name] = nil
				continue
			}
			if got, ok := f.value.eval(s, j, en, step, name+"."+f.name); ok {
				m[f.name] = got
			}
		}
		return m, true
	}
	return v.static, true
}
