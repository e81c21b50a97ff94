package expr

import (
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"

	"wend/engine/journey/domain"
)

// Verdict is what a condition comes to where it stands, whatever happens.
type Verdict struct {
	Never  bool // it never holds
	Always bool // it always holds

	Parts []string // of a condition that never holds: as few parts of it, as its author wrote them, as cannot hold together
	Facts []Fact   // that the proof needs, in order of name
}

// Fact is what is known of an expression where a condition stands.
type Fact struct {
	Name  string // event.price
	Words string // is at least 20
	From  []int  // the conditions that say so, as Assume named them; none: its declaration does
}

// Judge says what the condition can come to where k is known. It says nothing of a place where nobody comes.
func (j *Judge) Judge(k *Known, c *Condition) Verdict {
	if k == nil || c == nil {
		return Verdict{}
	}
	proof := map[string]Fact{}
	if j.assumed(k, c.c, c.root(), domain.False|domain.Error, own, proof) == nil {
		return Verdict{Always: true, Facts: sortedFacts(proof)}
	}
	if j.assumed(k, c.c, c.root(), domain.True, own, nil) != nil {
		return Verdict{}
	}
	parts := conjuncts(c.root(), nil)
	if len(parts) > maxParts {
		parts = []ast.Expr{c.root()}
	}
	for i := 0; i < len(parts) && len(parts) > 1; {
		fewer := slices.Delete(slices.Clone(parts), i, i+1)
		if j.together(k, c.c, fewer, nil) {
			i++
		} else {
			parts = fewer
		}
	}
	proof = map[string]Fact{}
	j.together(k, c.c, parts, proof)
	v := Verdict{Never: true, Facts: sortedFacts(proof)}
	if len(parts) > 1 { // they exclude one another by themselves or by what held before
		v.Facts = slices.DeleteFunc(v.Facts, func(f Fact) bool { return len(f.From) == 0 })
	}
	for _, p := range parts {
		v.Parts = append(v.Parts, c.c.explainer.src.whole(p))
	}
	return v
}

// maxParts is of how many parts those are looked for that cannot hold together.
const maxParts = 24

// own is the name in proofs of what the condition that is judged says itself.
const own = -1

// together says whether all parts may hold at once.
func (j *Judge) together(k *Known, c *compiled, parts []ast.Expr, proof map[string]Fact) bool {
	for _, p := range parts {
		if k = j.assumed(k, c, p, domain.True, own, proof); k == nil {
			return false
		}
	}
	return true
}

// conjuncts are the parts of which all must hold.
func conjuncts(x ast.Expr, to []ast.Expr) []ast.Expr {
	if x.Kind() == ast.CallKind && x.AsCall().FunctionName() == operators.LogicalAnd {
		for _, arg := range x.AsCall().Args() {
			to = conjuncts(arg, to)
		}
		return to
	}
	return append(to, x)
}

func sortedFacts(proof map[string]Fact) []Fact {
	var out []Fact
	for _, name := range sortedKeys(proof) {
		out = append(out, proof[name])
	}
	return out
}

func (c *Condition) root() ast.Expr { return c.c.explainer.checked.NativeRep().Expr() }

// Source is the condition as its author wrote it.
func (c *Condition) Source() string { return c.c.explainer.src.src }

func (j *Judge) assumed(k *Known, c *compiled, x ast.Expr, want domain.Kinds, from int, proof map[string]Fact) *Known {
	j.left = maxJudged
	a := &assumption{j: j, c: c, from: from, proof: proof}
	return a.assume(k.clone(), x, want)
}
