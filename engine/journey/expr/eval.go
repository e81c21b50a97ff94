package expr

import (
	"errors"
	"time"

	"cel.dev/cel-go/common/types"
)

// Why says what kept an evaluation from a value. The zero Why: it was evaluated cleanly.
type Why struct {
	Missing string // the path of what is not there, as the expression names it: event.cart_id
	Failed  string // any other failure, such as "division by zero"
}

// Condition is a compiled expression that is true or false. It is immutable.
type Condition struct {
	c     *compiled
	terms *terms // nil: the interpreter says it all
}

// Condition compiles an expression that must be true or false. The error's offset is in bytes of src.
func (e *Env) Condition(src string, sc Scope) (*Condition, *Error) {
	c, err := e.compile(src, sc)
	if err != nil {
		return nil, err
	}
	switch c.result.Kind() {
	case types.BoolKind, types.DynKind, types.AnyKind, types.TypeParamKind:
		if e.plain {
			return &Condition{c: c}, nil
		}
		return &Condition{c, termsOf(c)}, nil
	case types.OpaqueKind:
		return nil, &Error{Offset: c.at, Message: "a condition is true or false, not an optional value; say what counts when it is not there with .orValue(false)"}
	}
	return nil, &Error{Offset: c.at, Message: "a condition is true or false, not " + typeWords(c.result)}
}

// Eval tells whether the condition holds. Where it reads a field that is not there, or fails, it does not, and why says
// so. Safe for concurrent use; v is not kept.
func (c *Condition) Eval(v *Vars) (holds bool, why Why) {
	if c.terms != nil {
		if holds, why, ok := c.terms.judge(v.Event); ok {
			return holds, why
		}
	}
	a := newActivation(v)
	defer a.release()
	out, why := c.c.run(a)
	if why != (Why{}) {
		return false, why
	}
	b, ok := out.(types.Bool)
	if !ok {
		return false, Why{Failed: "a condition is true or false, not " + kindOf(out)}
	}
	return bool(b), Why{}
}

// Reads is what the condition may read. The caller must not change it.
func (c *Condition) Reads() Reads { return c.c.reads }

// Constant returns the value, a bool, of a condition that is the same whatever the event and the profile are.
func (c *Condition) Constant() (value any, ok bool) {
	b, ok := c.c.constant.(types.Bool)
	return bool(b), ok
}

// Expression is a compiled expression of any type. It is immutable.
type Expression struct{ c *compiled }

// Expression compiles an expression. The error's offset is in bytes of src.
func (e *Env) Expression(src string, sc Scope) (*Expression, *Error) {
	c, err := e.compile(src, sc)
	if err != nil {
		return nil, err
	}
	switch c.result.Kind() {
	case types.BytesKind, types.TypeKind, types.StructKind, types.UintKind:
		return nil, &Error{Offset: c.at, Message: typeWords(c.result) + " is not a value that can be kept"}
	}
	return &Expression{c}, nil
}

// Eval returns the value, in one of schemas' kinds: a timestamp as RFC 3339 text in the customer's zone, a duration as
// text. ok is false where there is none, and why says so. A list or map may share the memory of v. Safe for concurrent
// use; v is not kept.
func (x *Expression) Eval(v *Vars) (value any, ok bool, why Why) { return x.c.value(v) }

// Reads is what the expression may read. The caller must not change it.
func (x *Expression) Reads() Reads { return x.c.reads }

// Constant returns the value of an expression that is the same whatever the event and the profile are.
func (x *Expression) Constant() (value any, ok bool) { return x.c.constantValue() }

func (c *compiled) value(v *Vars) (value any, ok bool, why Why) {
	a := newActivation(v)
	defer a.release()
	out, why := c.run(a)
	if why != (Why{}) {
		return nil, false, why
	}
	value, err := native(out, v.Zone)
	switch {
	case err == nil:
		return value, true, Why{}
	case errors.Is(err, notThere{}):
		return nil, false, Why{Missing: c.first()}
	}
	return nil, false, Why{Failed: evalMessage(err.Error())}
}

// first names something that the expression reads, for an optional value that is empty: nothing says which one it was.
func (c *compiled) first() string {
	switch r := c.reads; {
	case len(r.Event) > 0:
		return "event." + r.Event[0]
	case len(r.Enter) > 0:
		return "enter." + r.Enter[0]
	case len(r.Profile) > 0:
		return "profile." + r.Profile[0]
	}
	return "the optional value"
}

// constantValue leaves out timestamps: their text depends on the customer's zone.
func (c *compiled) constantValue() (any, bool) {
	if c.constant == nil || c.result.Kind() == types.TimestampKind {
		return nil, false
	}
	utc, err := native(c.constant, time.UTC)
	if err != nil {
		return nil, false
	}
	return utc, true
}
