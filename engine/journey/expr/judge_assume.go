package expr

import (
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"wend/engine/journey/domain"
)

// assumption narrows what is known by what an expression came to.
type assumption struct {
	j     *Judge
	c     *compiled
	from  int             // the condition, in proofs
	proof map[string]Fact // nil: not wanted; facts that narrowed something
	used  []int           // where the facts that the comparison in hand looked at came from
	deep  int             // segments within segments
}

// assume narrows k, which is the caller's own, to where x comes to one of the outcomes wanted. It returns nil where that
// cannot be.
func (a *assumption) assume(k *Known, x ast.Expr, want domain.Kinds) *Known {
	if a.j.left--; a.j.left < 0 || want&domain.Outcome == domain.Outcome {
		return k
	}
	if x.Kind() == ast.CallKind {
		call := x.AsCall()
		args := call.Args()
		switch call.FunctionName() {
		case operators.LogicalAnd, operators.LogicalOr, operators.Conditional:
			if !a.whole(k, x, want) {
				return nil
			}
		}
		switch call.FunctionName() {
		case operators.LogicalAnd:
			return a.junction(k, args, want, domain.True, domain.False)
		case operators.LogicalOr:
			return a.junction(k, args, want, domain.False, domain.True)
		case operators.LogicalNot:
			return a.assume(k, args[0], turn(want))
		case operators.Conditional:
			return a.choice(k, args, want)
		}
	}
	a.used = nil
	if k = a.compare(k, x, want); k == nil {
		return nil
	}
	if i, ok := a.segment(x); ok && a.deep < maxSegments && a.j.segments[i] != nil {
		holds := domain.Kinds(0)
		if want&domain.True != 0 {
			holds = domain.True
		}
		if want&domain.False != 0 {
			holds |= domain.False | domain.Error
		}
		of := &assumption{j: a.j, c: a.j.segments[i].c, from: a.from, proof: a.proof, deep: a.deep + 1}
		if k = of.assume(k, a.j.segments[i].root(), holds); k == nil {
			return nil
		}
	}
	if x.Kind() == ast.SelectKind && x.AsSelect().IsTestOnly() {
		if k = a.presence(k, x, want); k == nil {
			return nil
		}
	}
	if want&domain.Error != 0 {
		want |= ^domain.Outcome // what is neither true nor false fails
	}
	return a.fits(k, x, domain.Of(want))
}

// presence narrows a field by whether it is there.
func (a *assumption) presence(k *Known, x ast.Expr, want domain.Kinds) *Known {
	id, ok := a.key(k, x)
	if root := variableOf(x.AsSelect().Operand()); !ok || len(k.facts) >= maxFacts || root == "profile" || root == "score" || root == "segment" {
		return k
	}
	set := a.plain(k, x, a.field(k, x, x.AsSelect().Operand(), x.AsSelect().FieldName()))
	switch want {
	case domain.True:
		set = set.Only(^domain.Error)
	case domain.False:
		set = set.Only(domain.Absent)
	default:
		return k
	}
	if set.Empty() {
		return nil
	}
	text := hasOf(id.text)
	k.facts[text] = fact{set, id.reads, a.origins()}
	return k
}

// origins are those of a fact that the assumption makes: its own, and those of the facts that it was made from.
func (a *assumption) origins() []int {
	if a.from == own {
		return unite(a.used, nil)
	}
	return unite(a.used, []int{a.from})
}

// whole notes what a junction of conditions comes to, of which not all may show in its sides, and says whether it can.
func (a *assumption) whole(k *Known, x ast.Expr, want domain.Kinds) bool {
	id, ok := a.key(k, x)
	if !ok || len(k.facts) >= maxFacts {
		return true
	}
	a.used = nil
	if f, found := k.facts[id.text]; found {
		if f.set.Kinds&want == 0 {
			a.prove(id.text, f.set, f.from)
			return false
		}
		want, a.used = want&f.set.Kinds, f.from
	}
	k.facts[id.text] = fact{domain.Of(want), id.reads, a.origins()}
	return true
}

// maxSegments is how deep segments that use one another are looked into.
const maxSegments = 8

func turn(want domain.Kinds) domain.Kinds {
	out := want &^ domain.Bool
	if want&domain.True != 0 {
		out |= domain.False
	}
	if want&domain.False != 0 {
		out |= domain.True
	}
	return out
}

// junction is && where neutral is True and decisive is False, and || the other way round: one side that is decisive is
// enough for the whole to be, whatever the other comes to.
func (a *assumption) junction(k *Known, args []ast.Expr, want, neutral, decisive domain.Kinds) *Known {
	if want&decisive == 0 {
		// No side is decisive. Where the whole is neutral all are; where it is an error, one is at least.
		each := want | neutral
		for _, x := range args {
			if k = a.assume(k, x, each); k == nil {
				return nil
			}
		}
		if want&neutral != 0 {
			return k
		}
	}
	if want&neutral != 0 {
		return k // with decisive and without error nothing follows for a side
	}
	var out *Known
	for _, x := range args {
		out = Join(out, a.assume(k.clone(), x, want))
	}
	return out
}

func (a *assumption) choice(k *Known, args []ast.Expr, want domain.Kinds) *Known {
	var out *Known
	for i, outcome := range [...]domain.Kinds{domain.True, domain.False} {
		if way := a.assume(k.clone(), args[0], outcome); way != nil {
			out = Join(out, a.assume(way, args[i+1], want))
		}
	}
	if want&domain.Error != 0 {
		out = Join(out, a.assume(k.clone(), args[0], domain.Error))
	}
	return out
}

// compare narrows the two sides of a comparison.
func (a *assumption) compare(k *Known, x ast.Expr, want domain.Kinds) *Known {
	if x.Kind() != ast.CallKind || len(x.AsCall().Args()) != 2 {
		return k
	}
	l, r := x.AsCall().Args()[0], x.AsCall().Args()[1]
	op, is := domain.Equal, want
	switch x.AsCall().FunctionName() {
	case operators.Equals:
	case operators.NotEquals:
		is = turn(want)
	case operators.Less:
		op = domain.Less
	case operators.LessEquals:
		op = domain.LessEqual
	case operators.Greater:
		op = domain.Greater
	case operators.GreaterEquals:
		op = domain.GreaterEqual
	case operators.In:
		return a.member(k, l, r, want)
	default:
		return k
	}
	left, right := a.value(k, l), a.value(k, r)
	if k = a.fits(k, l, domain.Filter(op, left, right, is)); k == nil {
		return nil
	}
	return a.fits(k, r, domain.Filter(op.Turned(), right, left, is))
}

// member narrows what is looked for in a list that is written out.
func (a *assumption) member(k *Known, l, r ast.Expr, want domain.Kinds) *Known {
	if r.Kind() != ast.ListKind {
		return k
	}
	left := a.value(k, l)
	found, rest := domain.Set{}, left
	for _, e := range r.AsList().Elements() {
		one := a.value(k, e)
		if one.Kinds&domain.Error != 0 {
			return k
		}
		found = found.Union(domain.Filter(domain.Equal, left, one, domain.True))
		rest = domain.Filter(domain.Equal, rest, one, domain.False|domain.Error)
	}
	out := domain.Set{}
	if want&domain.True != 0 {
		out = found
	}
	if want&domain.False != 0 {
		out = out.Union(rest.Only(^domain.Error))
	}
	if want&domain.Error != 0 {
		out = out.Union(left.Only(domain.Error))
	}
	return a.fits(k, l, out)
}

// fits narrows k to where x has one of the values.
func (a *assumption) fits(k *Known, x ast.Expr, values domain.Set) *Known {
	now := a.value(k, x)
	set := now.Intersect(values)
	if set.Empty() {
		return nil
	}
	id, ok := a.key(k, x)
	if !ok || len(k.facts) >= maxFacts || now.Within(values) {
		return k
	}
	if id.turned {
		set = domain.Of(turn(set.Kinds))
	}
	k.facts[id.text] = fact{set, id.reads, a.origins()}
	return k
}

// key names an expression in facts; not ok where it is none whose value is worth remembering.
func (a *assumption) key(k *Known, x ast.Expr) (key, bool) {
	id := a.c.keyOf(a.j, x)
	if id.text == "" {
		return id, false
	}
	if k.same && id.reads.event {
		id.text = asEnter(id.text)
		id.reads.event, id.reads.enter = false, true
	}
	return id, true
}

// segment says whether x is segment.NAME, and which.
func (a *assumption) segment(x ast.Expr) (int, bool) {
	if x.Kind() != ast.SelectKind || x.AsSelect().IsTestOnly() || variableOf(x.AsSelect().Operand()) != "segment" {
		return 0, false
	}
	i, ok := a.c.explainer.env.provider.places[x.AsSelect().FieldName()]
	return i, ok && i < len(a.j.segments)
}

func variableOf(x ast.Expr) string {
	if x.Kind() == ast.IdentKind {
		return x.AsIdent()
	}
	return ""
}

// constantOf is a literal's value in one of schemas' kinds.
func constantOf(x ast.Expr) (any, bool) {
	switch v := x.AsLiteral().(type) {
	case types.Null:
		return nil, true
	case types.Bool:
		return bool(v), true
	case types.Int:
		return int64(v), true
	case types.Double:
		return float64(v), true
	case types.String:
		return string(v), true
	}
	return nil, false
}
