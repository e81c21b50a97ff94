package expr

import (
	"fmt"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/ext"
)

// Bounds of what is taken as an expression. Together they bound the work of compiling one; maxCost bounds a run.
const (
	maxSource    = 8 << 10 // bytes
	maxNesting   = 100     // levels of the parser
	maxExprNodes = 3000
	maxRegexp    = 2000    // instructions of a compiled pattern
	maxCost      = 1 << 20 // of CEL's units, roughly a step of the interpreter each
)

// Env makes expressions over one set of declared attributes. It is safe for concurrent use.
type Env struct {
	cel       *cel.Env
	provider  *provider
	functions map[string]bool
	windows   *windowSet
	plain     bool
}

// NewEnv returns an environment in which the profile has these attributes, besides tags, consent and timezone, and
// which knows these scores and segments. The error is about an attribute that is declared twice, whose name is none, or
// that contradicts one of those three.
func NewEnv(names Names) (*Env, error) {
	base, err := baseEnv()
	if err != nil {
		return nil, err
	}
	p, err := newProvider(base.CELTypeProvider(), names)
	if err != nil {
		return nil, err
	}
	windows := &windowSet{at: map[Window]int{}}
	c, err := base.Extend(cel.CustomTypeProvider(p), windowMacros(windows))
	if err != nil {
		return nil, fmt.Errorf("expressions: %w", err)
	}
	e := &Env{cel: c, provider: p, functions: map[string]bool{}, windows: windows, plain: names.Plain}
	for name := range c.Functions() {
		e.functions[name] = true
	}
	return e, nil
}

// baseEnv is what all environments have in common: everything but what the profile declares and the windows that are
// looked at. To make it takes many times as long as to extend it, which adds no function, so that the functions' table
// too is made once.
var baseEnv = sync.OnceValues(func() (*cel.Env, error) {
	subset := env.NewLibrarySubset()
	for _, name := range []string{
		operators.Add, operators.Subtract, operators.Multiply, operators.Divide, operators.Modulo, operators.Less,
		operators.LessEquals, operators.Greater, operators.GreaterEquals, operators.Equals, operators.NotEquals,
		operators.In, operators.OldIn, operators.Conditional, "uint", "bytes",
	} {
		subset.AddExcludedFunctions(env.NewFunction(name))
	}
	for name, id := range zonedOverloads() {
		subset.AddExcludedFunctions(env.NewFunction(name, &env.Overload{ID: id}))
	}
	event := cel.MapType(cel.StringType, cel.DynType)
	opts := []cel.EnvOption{
		cel.StdLib(cel.StdLibSubset(subset)),
		cel.OptionalTypes(),
		// Of the macros only CEL's own: optMap and the like make values of unbounded size out of short texts.
		cel.ClearMacros(),
		cel.Macros(cel.StandardMacros...),
		ext.Math(),
		cel.Variable("event", event),
		cel.Variable("enter", event),
		cel.Variable("profile", profileType),
		cel.Variable("sent", cel.MapType(cel.StringType, sentType)),
		cel.Variable("now", cel.TimestampType),
		cel.Variable("score", scoreType),
		cel.Variable("segment", segmentType),
		cel.Variable(zoneVar, zoneType),
		cel.Variable(stateVar, stateType),
		cel.ParserRecursionLimit(maxNesting),
		cel.ParserExpressionSizeLimit(maxSource),
		cel.ExpressionNodeLimit(maxExprNodes),
		cel.RegexProgramSizeLimit(maxRegexp),
	}
	opts = append(opts, operatorOptions()...)
	opts = append(opts, timeOptions()...)
	opts = append(opts, textOptions()...)
	opts = append(opts, windowFunctions()...)
	base, err := cel.NewCustomEnv(opts...)
	if err != nil {
		return nil, fmt.Errorf("expressions: %w", err)
	}
	return base, nil
})
