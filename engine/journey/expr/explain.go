package expr

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"

	"wend/schemas"
)

// Explanation is an evaluation of a condition with what decided it.
type Explanation struct {
	Source   string    // the condition as its author wrote it
	Holds    bool      // as Eval gives it
	Why      Why       // as Eval gives it
	Because  string    // the part of Source that decided, where it is not the whole
	Operands []Operand // what that part read, in the order of the text, each once
}

// Operand is a value that an evaluation read: a field, or the result of a function over a customer's past.
type Operand struct {
	Text  string // as the author wrote it: event.price
	Value string // as JSON; "not there" for what is missing
}

const notThereText = "not there"

// String is the explanation in a line: event.price >= 20 does not hold: event.price = 9.5.
func (e *Explanation) String() string {
	var b strings.Builder
	b.WriteString(e.Source)
	switch {
	case e.Holds:
		b.WriteString(" holds")
	case e.Why.Failed != "":
		b.WriteString(" fails (" + e.Why.Failed + ")")
	default:
		b.WriteString(" does not hold")
	}
	if e.Because != "" {
		if e.Holds {
			b.WriteString(", because of " + e.Because)
		} else {
			b.WriteString(", because " + e.Because + " does not")
		}
	}
	for i, o := range e.Operands {
		if i == 0 {
			b.WriteString(": ")
		} else {
			b.WriteString(", ")
		}
		if o.Value == notThereText {
			b.WriteString(o.Text + " is " + notThereText)
		} else {
			b.WriteString(o.Text + " = " + o.Value)
		}
	}
	return b.String()
}

// explainer makes and holds the program that keeps each step's value. Most expressions are never explained, and it
// would slow down every evaluation, so it is made when it is first asked for.
type explainer struct {
	env     *Env
	checked *cel.Ast
	src     *source

	once    sync.Once
	program cel.Program // nil: it cannot be made
}

func (x *explainer) tracking() cel.Program {
	x.once.Do(func() {
		p, err := x.env.cel.Program(x.checked, cel.CustomDecoratorV2(equality), cel.EvalOptions(cel.OptTrackState), cel.CostLimit(maxCost))
		if err == nil {
			x.program = p
		}
	})
	return x.program
}

// Explain is Eval together with what decided. It costs many times as much. Safe for concurrent use; v is not kept.
func (c *Condition) Explain(v *Vars) Explanation {
	e := Explanation{Source: c.c.explainer.src.src}
	e.Holds, e.Why = c.Eval(v)
	p := c.c.explainer.tracking()
	if p == nil {
		return e
	}
	a := newActivation(v)
	defer a.release()
	_, details, _ := p.Eval(a) // its error is Why's
	if details == nil || details.State() == nil {
		return e
	}
	r := &reader{src: c.c.explainer.src, paths: c.c.paths, state: details.State(), zone: v.Zone}
	root := c.c.explainer.checked.NativeRep().Expr()
	part := r.decisive(root)
	if part != root {
		e.Because = r.text(part)
	}
	r.read(part)
	e.Operands = r.found
	return e
}

// reader walks an expression along what was evaluated of it.
type reader struct {
	src   *source
	paths map[int64]path
	state interpreter.EvalState
	zone  *time.Location
	found []Operand
}

// value is what a node came to; nil where it was not evaluated.
func (r *reader) value(x ast.Expr) ref.Val {
	v, _ := r.state.Value(x.ID())
	return v
}

// decisive is the smallest part that made the whole true or false: of a false conjunction the first side that is not
// true, of a true disjunction the first that is.
func (r *reader) decisive(x ast.Expr) ast.Expr {
	for x.Kind() == ast.CallKind {
		name := x.AsCall().FunctionName()
		if name != operators.LogicalAnd && name != operators.LogicalOr {
			return x
		}
		want := types.Bool(name == operators.LogicalOr)
		if b, ok := r.value(x).(types.Bool); ok && b != want {
			return x // all its sides count
		}
		// The first side that decides by itself; where there is none, the first that failed.
		var side, failed ast.Expr
		for _, arg := range x.AsCall().Args() {
			switch v := r.value(arg).(type) {
			case nil:
			case types.Bool:
				if side == nil && v == want {
					side = arg
				}
			default:
				if failed == nil {
					failed = arg
				}
			}
		}
		switch {
		case side != nil:
			x = side
		case failed != nil:
			x = failed
		default:
			return x
		}
	}
	return x
}

// read collects the operands below a node that was evaluated.
func (r *reader) read(x ast.Expr) {
	if p, ok := r.paths[x.ID()]; ok {
		r.operand(p.String(), r.value(x))
		return
	}
	switch x.Kind() {
	case ast.IdentKind:
		if x.AsIdent() == "now" {
			r.operand("now", r.value(x))
		}
	case ast.SelectKind:
		r.read(x.AsSelect().Operand())
	case ast.ListKind:
		for _, e := range x.AsList().Elements() {
			r.read(e)
		}
	case ast.MapKind:
		for _, e := range x.AsMap().Entries() {
			r.read(e.AsMapEntry().Value())
		}
	case ast.ComprehensionKind:
		r.read(x.AsComprehension().IterRange())
	case ast.CallKind:
		r.call(x)
	}
}

func (r *reader) call(x ast.Expr) {
	c := x.AsCall()
	args := c.Args()
	if c.IsMemberFunction() {
		args = append([]ast.Expr{c.Target()}, args...)
	}
	operator := false
	switch c.FunctionName() {
	case operators.LogicalAnd, operators.LogicalOr:
		for _, arg := range args {
			if r.value(arg) != nil { // a side that was not looked at decided nothing
				r.read(arg)
			}
		}
		return
	case operators.Conditional:
		r.read(args[0])
		if b, ok := r.value(args[0]).(types.Bool); ok {
			if b {
				r.read(args[1])
			} else {
				r.read(args[2])
			}
		}
		return
	default:
		_, operator = operators.FindReverse(c.FunctionName())
	}
	had := len(r.found)
	for _, arg := range args {
		r.read(arg)
	}
	if len(r.found) == had && !operator && r.value(x) != nil && !r.constant(x) {
		r.operand(r.text(x), r.value(x)) // a function of the customer's past, whose arguments are constants
	}
}

// constant says whether a call takes constants alone and so reads nothing: duration("7d").
func (r *reader) constant(x ast.Expr) bool {
	switch x.AsCall().FunctionName() {
	case "duration", "time", "@time":
		return true
	}
	return false
}

func (r *reader) operand(text string, v ref.Val) {
	for _, o := range r.found {
		if o.Text == text {
			return
		}
	}
	r.found = append(r.found, Operand{text, r.show(v)})
}

// longest value shown, in bytes.
const maxShown = 200

func (r *reader) show(v ref.Val) string {
	if v == nil || types.IsError(v) {
		return notThereText
	}
	zone := r.zone
	if zone == nil {
		zone = time.UTC
	}
	x, err := native(v, zone)
	if err != nil {
		return notThereText
	}
	text := string(schemas.AppendJSON(nil, x))
	if len(text) > maxShown {
		text = fmt.Sprintf("%s… (%d bytes)", strings.ToValidUTF8(text[:maxShown], ""), len(text))
	}
	return text
}

// text is what the author wrote for a node, with the brackets that belong to it.
func (r *reader) text(x ast.Expr) string {
	from, to, ok := r.src.span(x)
	if !ok || to < from {
		return r.src.src
	}
	begin, stop := r.src.bytes(from), r.src.bytes(to)
	open := strings.Count(r.src.src[begin:stop], "(") - strings.Count(r.src.src[begin:stop], ")")
	for i := stop; open > 0 && i < len(r.src.src); i++ {
		switch r.src.src[i] {
		case ')':
			open--
			stop = i + 1
		case ' ', '\n', '\t':
		default:
			open = 0
		}
	}
	return strings.TrimSpace(r.src.src[begin:stop])
}
