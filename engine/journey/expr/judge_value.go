package expr

import (
	"math"
	"time"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"

	"wend/engine/journey/domain"
)

// value is what x may come to where k is known.
func (a *assumption) value(k *Known, x ast.Expr) domain.Set {
	if a.j.left--; a.j.left < 0 {
		return domain.Everything()
	}
	set := a.shape(k, x)
	id, ok := a.key(k, x)
	if !ok {
		return set
	}
	f, found := k.facts[id.text]
	if id.turned {
		f.set = domain.Of(turn(f.set.Kinds))
	}
	if found && !set.Within(f.set) {
		set = set.Intersect(f.set)
		a.used = unite(a.used, f.from)
		a.prove(id.text, set, f.from)
	}
	return set
}

// prove notes a fact that narrowed what an expression may be.
func (a *assumption) prove(text string, set domain.Set, from []int) {
	if a.proof == nil || len(from) == 0 {
		return
	}
	if words := set.Words(); words != "" {
		a.proof[text] = Fact{Name: shown(text), Words: words, From: from}
	}
}

// declared notes what is known of an expression by its declaration.
func (a *assumption) declared(k *Known, x ast.Expr, set domain.Set) domain.Set {
	if a.proof == nil {
		return set
	}
	if id, ok := a.key(k, x); ok {
		if x.Kind() == ast.SelectKind && x.AsSelect().IsTestOnly() {
			id.text = hasOf(id.text)
		}
		if words := set.Words(); words != "" {
			a.proof[id.text] = Fact{Name: shown(id.text), Words: words}
		}
	}
	return set
}

// shape is what x may come to by what it is made of.
func (a *assumption) shape(k *Known, x ast.Expr) domain.Set {
	switch x.Kind() {
	case ast.LiteralKind:
		if v, ok := constantOf(x); ok {
			return domain.Constant(v)
		}
	case ast.IdentKind:
		switch x.AsIdent() {
		case "now":
			return domain.Of(domain.Time)
		case "event", "enter":
			return domain.Of(domain.Map)
		}
		return domain.Everything()
	case ast.SelectKind:
		s := x.AsSelect()
		if s.IsTestOnly() {
			return a.has(k, x)
		}
		return a.field(k, x, s.Operand(), s.FieldName())
	case ast.CallKind:
		return a.call(k, x)
	}
	return a.typed(x)
}

// typed is what the checker knows of a value.
func (a *assumption) typed(x ast.Expr) domain.Set {
	kinds := domain.Error
	switch t := a.c.explainer.checked.NativeRep().GetType(x.ID()); t.Kind() {
	case types.BoolKind:
		kinds |= domain.Bool
	case types.IntKind:
		kinds |= domain.Int
	case types.DoubleKind:
		kinds |= domain.Double | domain.NaN
	case types.StringKind:
		kinds |= domain.Text
	case types.TimestampKind:
		kinds |= domain.Time
	case types.DurationKind:
		kinds |= domain.Duration
	case types.ListKind:
		kinds |= domain.List
	case types.MapKind:
		kinds |= domain.Map
	case types.NullTypeKind:
		kinds |= domain.Null
	default:
		return domain.Everything()
	}
	return domain.Of(kinds)
}

// field is what operand.name may come to.
func (a *assumption) field(k *Known, x, operand ast.Expr, name string) domain.Set {
	switch variableOf(operand) {
	case "event", "enter":
		if set, ok := a.ofEvent(k, x); ok {
			return set
		}
		return domain.Anything()
	case "profile":
		return attributeSet(a.typed(x))
	case "score":
		if i, ok := a.c.explainer.env.provider.scores[name]; ok && i < len(a.j.scores) {
			return a.declared(k, x, a.j.scores[i])
		}
		return domain.Of(domain.Number)
	case "segment":
		return domain.Of(domain.Bool)
	}
	of := a.value(k, operand)
	out := domain.Of(of.Kinds & domain.Error)
	if of.Kinds&domain.Map != 0 {
		if set, ok := a.ofEvent(k, x); ok {
			out = out.Union(set)
		} else {
			out = out.Union(domain.Anything())
		}
	}
	if of.Kinds&^(domain.Map|domain.Error) != 0 {
		out = out.Union(domain.Everything()) // an optional value, a send, or a failure
	}
	return out
}

// attributeSet is what an attribute may be: one that is not there reads as the zero of its type.
func attributeSet(typed domain.Set) domain.Set {
	return typed.Only(^(domain.Error | domain.NaN))
}

// ofEvent is what a path below one of the events may be by the schemas of its types.
func (a *assumption) ofEvent(k *Known, x ast.Expr) (domain.Set, bool) {
	root, names, ok := pathOf(x, nil)
	if !ok || root != "event" && root != "enter" {
		return domain.Set{}, false
	}
	e := &k.event
	if root == "enter" {
		e = &k.enter
	}
	if len(names) == 1 {
		switch names[0] {
		case "type":
			if len(e.Types) > 0 {
				return a.declared(k, x, domain.TextsOf(domain.OneOf(e.Types...))), true
			}
			return domain.Of(domain.Text | domain.Absent), true
		case "ts":
			return domain.Of(domain.Int | domain.Absent), true
		case "event_id", "customer_id":
			return domain.Of(domain.Text | domain.Absent), true
		}
	}
	if len(e.Shapes) == 0 {
		return domain.Set{}, false
	}
	out := domain.Set{}
	for _, s := range e.Shapes {
		for _, name := range names {
			s = s.Field(name)
		}
		out = out.Union(s.Values())
	}
	return a.declared(k, x, out), true
}

// pathOf is a chain of fields below a variable, from the variable on.
func pathOf(x ast.Expr, below []string) (root string, names []string, ok bool) {
	switch x.Kind() {
	case ast.IdentKind:
		return x.AsIdent(), below, true
	case ast.SelectKind:
		return pathOf(x.AsSelect().Operand(), append([]string{x.AsSelect().FieldName()}, below...))
	case ast.CallKind:
		call := x.AsCall()
		if call.FunctionName() == operators.Index && len(call.Args()) == 2 {
			if name := literalText(call.Args()[1]); name != "" {
				return pathOf(call.Args()[0], append([]string{name}, below...))
			}
		}
	}
	return "", nil, false
}

// has is what has(a.b) may come to.
func (a *assumption) has(k *Known, x ast.Expr) domain.Set {
	s := x.AsSelect()
	switch variableOf(s.Operand()) {
	case "profile":
		return domain.Of(domain.Bool)
	case "event", "enter":
		return presence(a.plain(k, x, a.field(k, x, s.Operand(), s.FieldName())))
	}
	of := a.value(k, s.Operand())
	if of.Kinds&^domain.Map != 0 {
		return domain.Of(domain.Bool | domain.Error)
	}
	return presence(a.plain(k, x, a.field(k, x, s.Operand(), s.FieldName())))
}

// plain narrows what a field may be by the fact of the field itself, where x only asks whether it is there.
func (a *assumption) plain(k *Known, x ast.Expr, set domain.Set) domain.Set {
	id, ok := a.key(k, x)
	if !ok {
		return set
	}
	text := hasOf(id.text)
	if f, found := k.facts[text]; found && !set.Within(f.set) {
		set = set.Intersect(f.set)
		a.used = unite(a.used, f.from)
		a.prove(text, set, f.from)
	}
	return set
}

func presence(field domain.Set) domain.Set {
	out := domain.Of(field.Kinds & domain.Failed)
	if field.Kinds&domain.Absent != 0 {
		out = out.With(domain.False)
	}
	if field.Kinds&^domain.Error != 0 {
		out = out.With(domain.True)
	}
	return out
}

func (a *assumption) call(k *Known, x ast.Expr) domain.Set {
	call := x.AsCall()
	name, args := call.FunctionName(), call.Args()
	if call.IsMemberFunction() {
		return a.method(k, x, name)
	}
	if len(args) == 1 {
		return a.unary(k, x, name, args[0])
	}
	if len(args) == 3 && name == operators.Conditional {
		return a.chosen(k, args)
	}
	if len(args) == 2 {
		return a.binary(k, x, name, args)
	}
	return a.typed(x)
}

func (a *assumption) unary(k *Known, x ast.Expr, name string, arg ast.Expr) domain.Set {
	switch name {
	case operators.LogicalNot:
		v := a.value(k, arg)
		out := domain.Of(turn(v.Kinds & (domain.Bool | domain.Error)))
		if v.Kinds&^domain.Outcome != 0 {
			out = out.With(domain.Failed)
		}
		return out
	case operators.Negate:
		return domain.Negative(a.value(k, arg))
	case overloads.TypeConvertDuration:
		if d, err := parseDuration(literalText(arg)); err == nil {
			return domain.SpansOf(domain.Point(float64(d.Milliseconds())))
		}
	case overloads.Size:
		return domain.Numbers(domain.Int, domain.AtLeast(0)).With(domain.Error)
	case "@index":
		return a.value(k, arg).With(domain.Failed)
	}
	return a.typed(x)
}

func (a *assumption) chosen(k *Known, args []ast.Expr) domain.Set {
	c := a.value(k, args[0])
	out := domain.Of(c.Kinds & domain.Error)
	if c.Kinds&^domain.Outcome != 0 {
		out = out.With(domain.Failed)
	}
	if c.Kinds&domain.True != 0 {
		out = out.Union(a.value(k, args[1]))
	}
	if c.Kinds&domain.False != 0 {
		out = out.Union(a.value(k, args[2]))
	}
	return out
}

// comparisons by the names of CEL.
func comparison(name string) (op domain.Op, ok bool) {
	switch name {
	case operators.Equals, operators.NotEquals:
		return domain.Equal, true
	case operators.Less:
		return domain.Less, true
	case operators.LessEquals:
		return domain.LessEqual, true
	case operators.Greater:
		return domain.Greater, true
	case operators.GreaterEquals:
		return domain.GreaterEqual, true
	}
	return domain.Equal, false
}

func (a *assumption) binary(k *Known, x ast.Expr, name string, args []ast.Expr) domain.Set {
	switch name {
	case operators.LogicalAnd:
		return a.both(k, args, domain.True, domain.False)
	case operators.LogicalOr:
		return a.both(k, args, domain.False, domain.True)
	case "@time":
		return a.instant(k, args[0])
	case "@count":
		return domain.Numbers(domain.Int, domain.AtLeast(0))
	case "@seen":
		return domain.Of(domain.Bool)
	case "@last":
		return domain.Of(domain.Time | domain.Absent)
	case "@sum":
		return domain.Of(domain.Number | domain.NaN | domain.Failed)
	case operators.Index:
		if field := literalText(args[1]); field != "" {
			return a.field(k, x, args[0], field)
		}
		return domain.Everything()
	case operators.In, operators.Modulo, operators.OptIndex, operators.OptSelect:
		return a.typed(x)
	}
	op, compares := comparison(name)
	if !compares && name != operators.Add && name != operators.Subtract && name != operators.Multiply && name != operators.Divide {
		return a.typed(x)
	}
	l, r := a.value(k, args[0]), a.value(k, args[1])
	switch name {
	case operators.Add:
		return domain.Add(l, r)
	case operators.Subtract:
		return domain.Subtract(l, r)
	case operators.Multiply:
		return domain.Multiply(l, r)
	case operators.Divide:
		return domain.Divide(l, r)
	}
	return outcomes(op, l, r, name == operators.NotEquals)
}

// outcomes are those that a comparison may have.
func outcomes(op domain.Op, l, r domain.Set, turned bool) domain.Set {
	out := domain.Kinds(0)
	for _, o := range [...]domain.Kinds{domain.True, domain.False, domain.Error} {
		if !domain.Filter(op, l, r, o).Empty() || o == domain.Error && r.Kinds&domain.Error != 0 {
			out |= o
		}
	}
	if turned {
		out = turn(out)
	}
	return domain.Of(out)
}

// both is && or ||.
func (a *assumption) both(k *Known, args []ast.Expr, neutral, decisive domain.Kinds) domain.Set {
	all, any_ := neutral, domain.Kinds(0)
	for _, x := range args {
		v := a.value(k, x)
		outcome := v.Kinds & domain.Outcome
		if v.Kinds&^domain.Outcome != 0 {
			outcome |= domain.Failed
		}
		if outcome&neutral == 0 {
			all = 0
		}
		any_ |= outcome & (decisive | domain.Error)
	}
	return domain.Of(all | any_)
}

// instant is time(x).
func (a *assumption) instant(k *Known, x ast.Expr) domain.Set {
	if text := literalText(x); text != "" {
		at, err := parseTime(text, nil)
		if err != nil {
			return domain.Of(domain.Time | domain.Failed)
		}
		ms := float64(at.UnixMilli())
		if _, date := time.Parse(time.DateOnly, text); date == nil {
			const anywhere = 36 * hour // no zone is further from UTC
			return domain.TimesOf(domain.Between(ms-anywhere, ms+anywhere))
		}
		if at.Nanosecond()%int(time.Millisecond) != 0 {
			return domain.TimesOf(domain.Between(ms, ms+1))
		}
		return domain.TimesOf(domain.Point(ms))
	}
	v := a.value(k, x)
	out := domain.Of(v.Kinds & domain.Error)
	if v.Kinds&domain.Time != 0 {
		out = out.Union(domain.TimesOf(v.Times))
	}
	if v.Kinds&domain.Number != 0 {
		h := v.Nums.Hull()
		out = out.Union(domain.TimesOf(domain.Between(math.Floor(h.Lo), h.Hi))).With(domain.Failed)
	}
	if v.Kinds&domain.Text != 0 {
		out = out.With(domain.Time | domain.Failed)
	}
	if v.Kinds&^(domain.Time|domain.Number|domain.Text|domain.Error) != 0 {
		out = out.With(domain.Failed)
	}
	return out
}

// method is target.name(...).
func (a *assumption) method(k *Known, x ast.Expr, name string) domain.Set {
	switch name {
	case "orValue":
		if set, ok := a.orValue(k, x); ok {
			return set
		}
	case overloads.Size:
		return domain.Numbers(domain.Int, domain.AtLeast(0)).With(domain.Error)
	}
	if r, ok := calendar(name); ok {
		return domain.Numbers(domain.Int, r).With(domain.Error)
	}
	return a.typed(x)
}

// calendar is the numbers that a part of a timestamp may be.
func calendar(name string) (domain.Ranges, bool) {
	most := map[string]float64{
		overloads.TimeGetMonth: 11, overloads.TimeGetDayOfYear: 365, overloads.TimeGetDayOfMonth: 30, overloads.TimeGetDate: 31,
		overloads.TimeGetDayOfWeek: 6,
	}
	if m, ok := most[name]; ok {
		return domain.Between(0, m), true
	}
	return nil, false
}

// orValue is event.?x.orValue(y): the field where it is there, else the other.
func (a *assumption) orValue(k *Known, x ast.Expr) (domain.Set, bool) {
	call := x.AsCall()
	target := call.Target()
	if target.Kind() != ast.CallKind || len(call.Args()) != 1 {
		return domain.Set{}, false
	}
	opt := target.AsCall()
	if opt.FunctionName() != operators.OptSelect || len(opt.Args()) != 2 {
		return domain.Set{}, false
	}
	root, name := variableOf(opt.Args()[0]), literalText(opt.Args()[1])
	if name == "" || root != "event" && root != "enter" {
		return domain.Set{}, false
	}
	e := &k.event
	if root == "enter" {
		e = &k.enter
	}
	field := domain.Anything()
	if len(e.Shapes) > 0 {
		field = domain.Set{}
		for _, s := range e.Shapes {
			field = field.Union(s.Field(name).Values())
		}
	}
	byte_ := map[string]string{"event": eventByte, "enter": enterByte}[root]
	if k.same {
		byte_ = enterByte
	}
	if f, found := k.facts[byte_+"."+name]; found {
		field = field.Intersect(f.set)
		a.used = unite(a.used, f.from)
		a.prove(byte_+"."+name, field, f.from)
	}
	out := field.Only(^domain.Absent)
	if field.Kinds&domain.Absent != 0 {
		out = out.Union(a.value(k, call.Args()[0]))
	}
	return out, true
}
