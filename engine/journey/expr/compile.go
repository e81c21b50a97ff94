package expr

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// compiled is an expression that can be run. It is immutable.
type compiled struct {
	program  cel.Program
	result   *types.Type
	at       int // where what it says begins
	reads    Reads
	paths    map[int64]path
	constant ref.Val // its value, if that does not depend on anything

	explainer explainer
}

// compile parses, checks and plans an expression. A panic of the library is an error of the expression: its parser and
// planner are recursive and take any text.
func (e *Env) compile(src string, sc Scope) (c *compiled, err *Error) {
	defer func() {
		if r := recover(); r != nil {
			c, err = nil, &Error{Message: fmt.Sprintf("the expression cannot be understood: %v", r)}
		}
	}()
	switch {
	case strings.TrimSpace(src) == "":
		return nil, &Error{Message: "an expression is missing"}
	case len(src) > maxSource:
		return nil, &Error{Message: fmt.Sprintf("the expression is longer than %d bytes", maxSource)}
	case !utf8.ValidString(src):
		return nil, &Error{Message: "the expression is not UTF-8"}
	}
	s := &source{src: src}
	parsed, issues := e.cel.Parse(src)
	if issues != nil && issues.Err() != nil {
		return nil, s.issue(issues, syntaxMessage)
	}
	s.info = parsed.NativeRep().SourceInfo()

	w := newWalker(e, sc, s)
	w.visit(parsed.NativeRep().Expr())
	if w.err != nil {
		return nil, w.err
	}
	checked, issues := e.cel.Check(parsed)
	if issues != nil && issues.Err() != nil {
		if fault := s.literals(parsed.NativeRep().Expr()); fault != nil {
			return nil, fault // more to the point than what the library says of the same place
		}
		return nil, s.issueAt(issues, parsed.NativeRep().Expr())
	}
	tree := checked.NativeRep()
	if fault := s.literals(tree.Expr()); fault != nil {
		return nil, fault
	}
	if fault := s.kinds(tree); fault != nil {
		return nil, fault
	}

	opts := []cel.ProgramOption{cel.CustomDecoratorV2(equality), cel.EvalOptions(cel.OptOptimize)}
	if w.loops {
		// Without a loop the work is bounded by the length of the text, and counting it would double it.
		estimate, fault := e.cel.EstimateCost(checked, sizes{})
		if fault != nil || estimate.Max > maxCost {
			return nil, &Error{Offset: s.start(tree.Expr()), Message: "the expression is too much work: loops inside loops over long lists"}
		}
		opts = append(opts, cel.CostLimit(maxCost))
	}
	program, fault := e.cel.Program(checked, opts...)
	if fault != nil {
		return nil, &Error{Offset: s.start(tree.Expr()), Message: fault.Error()}
	}
	c = &compiled{
		program: program, result: checked.OutputType(), at: s.start(tree.Expr()), reads: w.reads(), paths: w.paths,
		explainer: explainer{env: e, checked: checked, src: s},
	}
	out, _, fault := program.Eval(blank{types.WrapErr(errUnknown)})
	switch {
	case fault == nil:
		c.constant = out
	case !w.outside && !errors.Is(fault, errUnknown):
		// It reads nothing, so it will always fail.
		return nil, &Error{Offset: c.at, Message: evalMessage(fault.Error())}
	}
	return c, nil
}

// sizes says how long what an expression reads is thought to be when its cost is estimated.
type sizes struct{}

func (sizes) EstimateSize(cost.AstNode) *cost.SizeEstimate {
	return &cost.SizeEstimate{Min: 0, Max: 100}
}
func (sizes) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}

// issue takes the first problem.
func (s *source) issue(issues *cel.Issues, say func(string) string) *Error {
	list := issues.Errors()
	if len(list) == 0 {
		return &Error{Message: issues.Err().Error()}
	}
	first := list[0]
	offset := 0
	if l := first.Location; l != nil && l.Line() > 0 {
		offset = s.at(l.Line(), l.Column())
	}
	return &Error{Offset: offset, Message: say(first.Message)}
}

// issueAt takes the first problem and places it where the node at fault begins, not at its operator.
func (s *source) issueAt(issues *cel.Issues, root ast.Expr) *Error {
	e := s.issue(issues, checkMessage)
	if list := issues.Errors(); len(list) > 0 && list[0].ExprID != 0 {
		ast.PreOrderVisit(root, ast.NewExprVisitor(func(x ast.Expr) {
			if x.ID() == list[0].ExprID {
				e.Offset = s.start(x)
			}
		}))
	}
	return e
}

// literals judges the constants that functions take: a text that is no duration is an error when it is written.
func (s *source) literals(root ast.Expr) (fault *Error) {
	ast.PostOrderVisit(root, ast.NewExprVisitor(func(x ast.Expr) {
		if x.Kind() != ast.CallKind || fault != nil {
			return
		}
		c := x.AsCall()
		args := c.Args()
		if c.IsMemberFunction() && c.FunctionName() == overloads.Matches {
			args = append([]ast.Expr{c.Target()}, args...)
		}
		literal := func(i int) (string, bool) {
			if i >= len(args) || args[i].Kind() != ast.LiteralKind {
				return "", false
			}
			t, ok := args[i].AsLiteral().(types.String)
			return string(t), ok
		}
		fail := func(i int, err error) {
			if err != nil {
				fault = &Error{Offset: s.start(args[i]), Message: err.Error()}
			}
		}
		switch c.FunctionName() {
		case overloads.TypeConvertDuration:
			if t, ok := literal(0); ok && !c.IsMemberFunction() {
				_, err := parseDuration(t)
				fail(0, err)
			}
		case "@time":
			if t, ok := literal(0); ok {
				_, err := parseTime(t, nil)
				fail(0, err)
			}
		case overloads.Matches:
			if t, ok := literal(1); ok {
				if _, err := regexp.Compile(t); err != nil {
					fail(1, fmt.Errorf("the pattern is wrong: %w", err))
				}
			}
		}
	}))
	return fault
}

// kinds judges what the checker cannot: whether the two sides of ==, != and `in` can be equal at all.
func (s *source) kinds(tree *ast.AST) (fault *Error) {
	ast.PostOrderVisit(tree.Expr(), ast.NewExprVisitor(func(x ast.Expr) {
		if x.Kind() != ast.CallKind || fault != nil {
			return
		}
		c := x.AsCall()
		op := c.FunctionName()
		switch op {
		case operators.Equals, operators.NotEquals, operators.In:
		default:
			return
		}
		l, r := tree.GetType(c.Args()[0].ID()), tree.GetType(c.Args()[1].ID())
		if op == operators.In {
			switch r.Kind() {
			case types.ListKind, types.MapKind:
				r = r.Parameters()[0]
			default:
				return
			}
		}
		if comparable(l, r) {
			return
		}
		hint := ""
		switch {
		case l.Kind() == types.OpaqueKind || r.Kind() == types.OpaqueKind:
			hint = "; say what counts when it is not there with .orValue(...)"
		case l.Kind() == types.TimestampKind && r.Kind() == types.StringKind, l.Kind() == types.StringKind && r.Kind() == types.TimestampKind:
			hint = "; time(x) makes a timestamp of a text"
		}
		fault = &Error{Offset: s.start(x), Message: fmt.Sprintf("%s and %s are never equal%s", typeWords(l), typeWords(r), hint)}
	}))
	return fault
}

// comparable tells whether values of the two types can be equal.
func comparable(a, b *types.Type) bool {
	if open(a) || open(b) {
		return true
	}
	if number := func(t *types.Type) bool { return t.Kind() == types.IntKind || t.Kind() == types.DoubleKind }; number(a) && number(b) {
		return true
	}
	if a.Kind() != b.Kind() {
		return false
	}
	p, q := a.Parameters(), b.Parameters()
	switch a.Kind() {
	case types.ListKind, types.MapKind, types.OpaqueKind:
		if a.TypeName() != b.TypeName() || len(p) != len(q) {
			return false
		}
		for i := range p {
			if !comparable(p[i], q[i]) {
				return false
			}
		}
	case types.StructKind:
		return a.TypeName() == b.TypeName()
	}
	return true
}

// open tells whether a value of the type may turn out to be of any kind. null may be compared with everything.
func open(t *types.Type) bool {
	switch t.Kind() {
	case types.DynKind, types.AnyKind, types.NullTypeKind, types.TypeParamKind, types.ErrorKind, types.UnspecifiedKind:
		return true
	}
	return false
}

// run evaluates the expression. The value may refer to a, which must not be released before it was used.
func (c *compiled) run(a *activation) (ref.Val, Why) {
	out, _, err := c.program.Eval(a)
	if err != nil {
		return nil, c.why(err)
	}
	return out, Why{}
}

// why says what an error means: a field that is not there, or a failure.
func (c *compiled) why(err error) Why {
	var e *types.Err
	if !errors.As(err, &e) {
		return Why{Failed: evalMessage(err.Error())}
	}
	message := e.Error()
	key, missing := strings.CutPrefix(message, "no such key: ")
	if !missing {
		key, missing = strings.CutPrefix(message, "index out of bounds: ")
	}
	if !missing {
		return Why{Failed: evalMessage(message)}
	}
	if p, ok := c.paths[e.NodeID()]; ok {
		return Why{Missing: p.until(key)}
	}
	// A choice (a ? b : c) does not say which side it was: any path with that name, the same each time.
	found := ""
	for _, p := range c.paths {
		for i := range p {
			if i > 0 && p[i].key == key {
				if t := p[:i+1].String(); found == "" || len(t) < len(found) || len(t) == len(found) && t < found {
					found = t
				}
			}
		}
	}
	if found == "" {
		found = key
	}
	return Why{Missing: found}
}
