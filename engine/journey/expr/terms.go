package expr

import (
	"cmp"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// Most conditions say something of single fields of the event: event.price >= 20 && event.sku == "s1". Such a condition is
// judged without the interpreter where what it says is plain, and left to it otherwise: then nothing of what it answers
// has to be said twice. As && is false with a false side whatever the other side is, one plain term that is false is
// enough, beside terms of any kind.

// relation is what a term says of a field.
type relation uint8

const (
	isEqual relation = iota
	isNot
	isLess
	isAtMost
	isMore
	isAtLeast
	isOneOf // of several texts
	isThere
	isTrue // the field by itself
	isFalse
)

// relationOf is what an operator between a field and a literal says, or between a literal and a field.
func relationOf(operator string, turned bool) (relation, bool) {
	switch operator {
	case operators.Equals:
		return isEqual, true
	case operators.NotEquals:
		return isNot, true
	case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		less := operator == operators.Less || operator == operators.LessEquals
		or := operator == operators.LessEquals || operator == operators.GreaterEquals
		switch {
		case less != turned && or:
			return isAtMost, true
		case less != turned:
			return isLess, true
		case or:
			return isAtLeast, true
		}
		return isMore, true
	}
	return 0, false
}

// ordered says whether values must have an order, and not only be the same or not.
func (r relation) ordered() bool { return r >= isLess && r <= isAtLeast }

// fits says whether a value that stands so to the literal is one that the relation asks for.
func (r relation) fits(order int) bool {
	switch r {
	case isEqual, isOneOf:
		return order == 0
	case isNot:
		return order != 0
	case isLess:
		return order < 0
	case isAtMost:
		return order <= 0
	case isMore:
		return order > 0
	case isAtLeast:
		return order >= 0
	}
	return true
}

// term is one side of a conjunction that compares a field of the event with literals.
type term struct {
	field  string
	path   string // as its author wrote the field
	is     relation
	values []any // in schemas' kinds: one, or texts, or none where nothing is compared
}

// terms are what of a condition can be judged without the interpreter.
type terms struct {
	list  []term
	whole bool // there is nothing else in the condition
}

// outcome of a term.
type outcome uint8

const (
	no outcome = iota
	yes
	unclear // a failure, or what only the interpreter says
	lacking // the field is not there
)

// termsOf takes a condition apart; nil where there is no term in it.
func termsOf(c *compiled) *terms {
	t := &terms{whole: true}
	t.add(c, c.explainer.checked.NativeRep().Expr())
	if len(t.list) == 0 {
		return nil
	}
	return t
}

// add takes x apart, and reports whether what stands behind it counts too. Behind a loop it does not: that may be more
// work than is allowed, which ends the evaluation whatever else is false. Nor behind a segment, whose own condition is
// judged then, and counted where it fails.
func (t *terms) add(c *compiled, x ast.Expr) bool {
	if x.Kind() == ast.CallKind && x.AsCall().FunctionName() == operators.LogicalAnd {
		for _, side := range x.AsCall().Args() {
			if !t.add(c, side) {
				return false
			}
		}
		return true
	}
	if one, ok := termOf(c, x); ok {
		t.list = append(t.list, one)
		return true
	}
	t.whole = false
	tells := false
	ast.PreOrderVisit(x, ast.NewExprVisitor(func(e ast.Expr) {
		tells = tells || e.Kind() == ast.ComprehensionKind || variableOf(e) == "segment"
	}))
	return !tells
}

func termOf(c *compiled, x ast.Expr) (term, bool) {
	if x.Kind() == ast.SelectKind && x.AsSelect().IsTestOnly() && variableOf(x.AsSelect().Operand()) == "event" {
		return term{field: x.AsSelect().FieldName(), is: isThere}, true
	}
	if one, ok := fieldOf(c, x); ok {
		one.is = isTrue
		return one, true
	}
	if x.Kind() != ast.CallKind || x.AsCall().IsMemberFunction() {
		return term{}, false
	}
	if x.AsCall().FunctionName() == operators.LogicalNot {
		one, ok := fieldOf(c, x.AsCall().Args()[0])
		one.is = isFalse
		return one, ok
	}
	if len(x.AsCall().Args()) != 2 {
		return term{}, false
	}
	name, left, right := x.AsCall().FunctionName(), x.AsCall().Args()[0], x.AsCall().Args()[1]
	if name == operators.In {
		one, ok := fieldOf(c, left)
		one.is, one.values = isOneOf, textsOf(right)
		return one, ok && len(one.values) > 0
	}
	one, ok := fieldOf(c, left)
	turned := !ok
	if turned {
		one, ok = fieldOf(c, right)
		right = left
	}
	is, known := relationOf(name, turned)
	if !known || !ok || right.Kind() != ast.LiteralKind {
		return term{}, false
	}
	v, ok := constantOf(right)
	one.is, one.values = is, []any{v}
	switch v.(type) {
	case int64, float64, string:
		return one, ok
	}
	return one, ok && !is.ordered() // false < true is asked for too seldom
}

// fieldOf begins a term about a field of the event.
func fieldOf(c *compiled, x ast.Expr) (term, bool) {
	name, operand := "", x
	switch {
	case x.Kind() == ast.SelectKind && !x.AsSelect().IsTestOnly():
		name, operand = x.AsSelect().FieldName(), x.AsSelect().Operand()
	case x.Kind() == ast.CallKind && x.AsCall().FunctionName() == operators.Index:
		key := x.AsCall().Args()[1]
		text, ok := types.String(""), key.Kind() == ast.LiteralKind
		if ok {
			text, ok = key.AsLiteral().(types.String)
		}
		if !ok {
			return term{}, false
		}
		name, operand = string(text), x.AsCall().Args()[0]
	}
	return term{field: name, path: c.paths[x.ID()].String()}, variableOf(operand) == "event" && operand != x
}

// textsOf are the elements of a list of literal texts; nil where it is none.
func textsOf(x ast.Expr) []any {
	if x.Kind() != ast.ListKind || len(x.AsList().OptionalIndices()) > 0 {
		return nil
	}
	var all []any
	for _, e := range x.AsList().Elements() {
		if e.Kind() != ast.LiteralKind {
			return nil
		}
		text, ok := e.AsLiteral().(types.String)
		if !ok {
			return nil
		}
		all = append(all, string(text))
	}
	return all
}

// judge says what the condition comes to by its terms alone; ok is false where that is for the interpreter to say.
func (t *terms) judge(src Source) (holds bool, why Why, ok bool) {
	if src == nil {
		return false, Why{}, false
	}
	whole, missing := t.whole, ""
	for i := range t.list {
		one := &t.list[i]
		v, there := src.Field(one.field)
		switch one.of(v, there) {
		case no:
			return false, Why{}, true
		case unclear:
			whole = false
		case lacking:
			if missing == "" {
				missing = one.path // of several failures the first is the one that is told
			}
		}
	}
	return missing == "", Why{Missing: missing}, whole
}

// of is what the term comes to for a value of its field.
func (t *term) of(v any, there bool) outcome {
	switch {
	case t.is == isThere:
		return outcomeOf(there)
	case !there:
		return lacking
	case t.is == isTrue || t.is == isFalse:
		if b, ok := v.(bool); ok {
			return outcomeOf(b == (t.is == isTrue))
		}
		return unclear
	case t.is == isOneOf:
		text, ok := v.(string)
		if ok {
			for _, x := range t.values {
				if x == text {
					return yes
				}
			}
			return no
		}
		return t.unlike(v)
	}
	switch x := t.values[0].(type) {
	case string:
		if y, ok := v.(string); ok {
			return outcomeOf(t.is.fits(cmp.Compare(y, x)))
		}
	case int64, float64:
		switch v.(type) {
		case int64, float64:
			if order, ok := compareNumbers(v, x); ok {
				return outcomeOf(t.is.fits(order))
			}
			return outcomeOf(t.is == isNot) // not a number
		}
	default:
		switch v.(type) {
		case nil, bool:
			return outcomeOf((v == x) == (t.is == isEqual))
		}
	}
	return t.unlike(v)
}

// unlike is what the term comes to for a value of another kind than its literals: they are not the same, and have no order.
func (t *term) unlike(v any) outcome {
	switch v.(type) {
	case nil, bool, int64, float64, string, []any, map[string]any:
		if !t.is.ordered() {
			return outcomeOf(t.is == isNot)
		}
	}
	return unclear
}

func outcomeOf(holds bool) outcome {
	if holds {
		return yes
	}
	return no
}

// compareNumbers orders two numbers, an int64 or a float64 each, without rounding; ok is false where one is not a number.
func compareNumbers(a, b any) (order int, ok bool) {
	switch x := a.(type) {
	case int64:
		switch y := b.(type) {
		case int64:
			return cmp.Compare(x, y), true
		case float64:
			return compareIntDouble(x, y)
		}
	case float64:
		switch y := b.(type) {
		case int64:
			order, ok = compareIntDouble(y, x)
			return -order, ok
		case float64:
			return cmp.Compare(x, y), x == x && y == y
		}
	}
	return 0, false
}
