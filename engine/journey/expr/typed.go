package expr

import (
	"math"
	"time"

	"cel.dev/cel-go/common/types"
)

// Expressions of which a value of one kind is wanted: a point in time, a number.

// Moment is a compiled expression that is a point in time. It is immutable.
type Moment struct{ c *compiled }

// Moment compiles an expression that is a point in time: a timestamp, or what time(x) makes one of (milliseconds,
// RFC 3339, a date). The error's offset is in bytes of src.
func (e *Env) Moment(src string, sc Scope) (*Moment, *Error) {
	c, err := e.compile(src, sc)
	if err != nil {
		return nil, err
	}
	switch c.result.Kind() {
	case types.TimestampKind, types.IntKind, types.DoubleKind, types.StringKind, types.DynKind, types.AnyKind, types.TypeParamKind:
	default:
		return nil, &Error{Offset: c.at, Message: "here a point in time is wanted, not " + typeWords(c.result)}
	}
	if c.constant != nil {
		if v, failed := timeValue(c.constant, &zone{loc: time.UTC}).(*types.Err); failed {
			return nil, &Error{Offset: c.at, Message: v.Error()}
		}
	}
	return &Moment{c}, nil
}

// Eval returns the instant in milliseconds since 1970, a part of one cut off. ok is false where there is none, and why
// says so. Safe for concurrent use; v is not kept.
func (x *Moment) Eval(v *Vars) (ms int64, ok bool, why Why) {
	a := newActivation(v)
	defer a.release()
	out, why := x.c.run(a)
	if why != (Why{}) {
		return 0, false, why
	}
	in := v.Zone
	if in == nil {
		in = time.UTC
	}
	switch t := timeValue(out, &zone{loc: in}).(type) {
	case types.Timestamp:
		return t.UnixMilli(), true, Why{}
	case *types.Err:
		return 0, false, Why{Failed: t.Error()}
	}
	return 0, false, Why{Failed: kindOf(out) + " is not a time"}
}

// Reads is what the expression may read. The caller must not change it.
func (x *Moment) Reads() Reads { return x.c.reads }

// Number is a compiled expression that is a number. It is immutable.
type Number struct{ c *compiled }

// Number compiles an expression that is a number. The error's offset is in bytes of src.
func (e *Env) Number(src string, sc Scope) (*Number, *Error) {
	c, err := e.compile(src, sc)
	if err != nil {
		return nil, err
	}
	switch c.result.Kind() {
	case types.IntKind, types.DoubleKind, types.DynKind, types.AnyKind, types.TypeParamKind:
		return &Number{c}, nil
	}
	return nil, &Error{Offset: c.at, Message: "here a number is wanted, not " + typeWords(c.result)}
}

// Eval returns the number, an int64 or a finite float64. ok is false where there is none, and why says so. Safe for
// concurrent use; v is not kept.
func (x *Number) Eval(v *Vars) (number any, ok bool, why Why) {
	a := newActivation(v)
	defer a.release()
	out, why := x.c.run(a)
	if why != (Why{}) {
		return nil, false, why
	}
	switch n := out.(type) {
	case types.Int:
		return int64(n), true, Why{}
	case types.Double:
		if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
			return nil, false, Why{Failed: "the number is not finite"}
		}
		return float64(n), true, Why{}
	}
	return nil, false, Why{Failed: kindOf(out) + " is not a number"}
}

// Reads is what the expression may read. The caller must not change it.
func (x *Number) Reads() Reads { return x.c.reads }

// Less tells whether the number a (of Number.Eval) is below b: exactly, also a whole and a fractional one.
func Less(a, b any) bool {
	order, ok := compareNumbers(a, b)
	return ok && order < 0
}
