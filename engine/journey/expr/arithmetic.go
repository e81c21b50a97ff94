package expr

import (
	"math"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// CEL keeps whole and fractional numbers apart; the language does not. So the operators are declared anew, here for
// the checker as well as for the runtime.

// operatorOptions declares the operators that the language changes.
func operatorOptions() []cel.EnvOption {
	var (
		a, b  = cel.TypeParamType("A"), cel.TypeParamType("B")
		i, d  = cel.IntType, cel.DoubleType
		s, bo = cel.StringType, cel.BoolType
		ts    = cel.TimestampType
		du    = cel.DurationType
		opts  []cel.EnvOption
	)
	type sig struct {
		id          string
		left, right *cel.Type
		result      *cel.Type
	}
	binary := func(op, name string, do func(x, y ref.Val) ref.Val, sigs ...sig) {
		f := make([]cel.FunctionOpt, 0, len(sigs)+1)
		for _, g := range sigs {
			f = append(f, cel.Overload(name+"_"+g.id, []*cel.Type{g.left, g.right}, g.result))
		}
		opts = append(opts, cel.Function(op, append(f, cel.SingletonBinaryBinding(do))...))
	}
	// A product or a sum is whole when both are.
	mixed := []sig{{"int", i, i, i}, {"double", d, d, d}, {"int_double", i, d, d}, {"double_int", d, i, d}}

	binary(operators.Add, "wend_add", add, append([]sig{
		{"string", s, s, s}, {"list", cel.ListType(a), cel.ListType(b), cel.ListType(cel.DynType)},
		{"timestamp_duration", ts, du, ts}, {"duration_timestamp", du, ts, ts}, {"duration", du, du, du},
	}, mixed...)...)
	binary(operators.Subtract, "wend_subtract", subtract, append([]sig{
		{"timestamp", ts, ts, du}, {"timestamp_duration", ts, du, ts}, {"duration", du, du, du},
	}, mixed...)...)
	binary(operators.Multiply, "wend_multiply", multiply, mixed...)
	binary(operators.Divide, "wend_divide", divide,
		sig{"int", i, i, d}, sig{"double", d, d, d}, sig{"int_double", i, d, d}, sig{"double_int", d, i, d})
	binary(operators.Modulo, "wend_modulo", modulo, sig{"int", i, i, i})

	for op, o := range map[string]struct {
		name string
		is   func(order int) bool
	}{
		operators.Less:          {"wend_less", func(c int) bool { return c < 0 }},
		operators.LessEquals:    {"wend_less_equals", func(c int) bool { return c <= 0 }},
		operators.Greater:       {"wend_greater", func(c int) bool { return c > 0 }},
		operators.GreaterEquals: {"wend_greater_equals", func(c int) bool { return c >= 0 }},
	} {
		is := o.is
		binary(op, o.name, func(x, y ref.Val) ref.Val {
			c, ok, failed := order(x, y)
			if failed != nil {
				return failed
			}
			return types.Bool(ok && is(c))
		}, sig{"int", i, i, bo}, sig{"double", d, d, bo}, sig{"int_double", i, d, bo}, sig{"double_int", d, i, bo},
			sig{"string", s, s, bo}, sig{"bool", bo, bo, bo}, sig{"timestamp", ts, ts, bo}, sig{"duration", du, du, bo})
	}

	// Whether two types can be equal at all is judged after the check (see kinds): the checker cannot say "the same type,
	// but for numbers".
	binary(operators.Equals, "wend_equals", equals, sig{"any", a, b, bo})
	binary(operators.NotEquals, "wend_not_equals", differs, sig{"any", a, b, bo})
	binary(operators.In, "wend_in", member,
		sig{"list", a, cel.ListType(b), bo}, sig{"map", a, cel.MapType(b, cel.TypeParamType("C")), bo})

	// `c ? 1 : 2.5` is a number. The interpreter has its own way of choosing; only the types are declared.
	choose := []cel.FunctionOpt{}
	for _, t := range []struct {
		id          string
		yes, no, is *cel.Type
	}{
		{"int", i, i, i}, {"double", d, d, d}, {"int_double", i, d, d}, {"double_int", d, i, d}, {"string", s, s, s},
		{"bool", bo, bo, bo}, {"timestamp", ts, ts, ts}, {"duration", du, du, du}, {"null", cel.NullType, cel.NullType, cel.NullType},
		{"list", cel.ListType(a), cel.ListType(b), cel.ListType(cel.DynType)},
		{"map", cel.MapType(a, b), cel.MapType(a, b), cel.MapType(a, b)},
		{"optional", cel.OptionalType(a), cel.OptionalType(a), cel.OptionalType(a)},
	} {
		choose = append(choose, cel.Overload("wend_choose_"+t.id, []*cel.Type{bo, t.yes, t.no}, t.is))
	}
	opts = append(opts, cel.Function(operators.Conditional, append(choose,
		cel.SingletonFunctionBinding(func(...ref.Val) ref.Val { return types.NewErr("not a choice") }))...))
	return opts
}

func equals(x, y ref.Val) ref.Val {
	same, failed := equal(x, y)
	if failed != nil {
		return failed
	}
	return types.Bool(same)
}

func differs(x, y ref.Val) ref.Val {
	same, failed := equal(x, y)
	if failed != nil {
		return failed
	}
	return types.Bool(!same)
}

// number checks a fractional result: what leaves the range is a failure, not an infinity.
func number(f float64) ref.Val {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return types.NewErr("the number is too large")
	}
	return types.Double(f)
}

// floats returns two numbers as fractional ones.
func floats(x, y ref.Val) (float64, float64, bool) {
	f, ok := float(x)
	if !ok {
		return 0, 0, false
	}
	g, ok := float(y)
	return f, g, ok
}

func float(x ref.Val) (float64, bool) {
	switch x := x.(type) {
	case types.Int:
		return float64(x), true
	case types.Double:
		return float64(x), true
	}
	return 0, false
}

func ints(x, y ref.Val) (int64, int64, bool) {
	i, ok := x.(types.Int)
	if !ok {
		return 0, 0, false
	}
	j, ok := y.(types.Int)
	return int64(i), int64(j), ok
}

func overflow() ref.Val { return types.NewErr("the whole number does not fit 64 bits") }

func mismatch(do string, x, y ref.Val) ref.Val {
	return types.NewErr("%s %s and %s is not possible", do, kindOf(x), kindOf(y))
}

func add(x, y ref.Val) ref.Val {
	if i, j, ok := ints(x, y); ok {
		if sum := i + j; (sum > i) == (j > 0) {
			return types.Int(sum)
		}
		return overflow()
	}
	if f, g, ok := floats(x, y); ok {
		return number(f + g)
	}
	switch l := x.(type) {
	case types.String:
		if r, ok := y.(types.String); ok {
			if len(l)+len(r) > maxText {
				return types.NewErr("the text is too long")
			}
			return l + r
		}
	case types.Timestamp:
		if r, ok := y.(types.Duration); ok {
			return l.Add(r)
		}
	case types.Duration:
		switch y.(type) {
		case types.Duration, types.Timestamp:
			return l.Add(y)
		}
	case traits.Lister:
		if r, ok := y.(traits.Lister); ok {
			m, _ := l.Size().(types.Int)
			n, _ := r.Size().(types.Int)
			if m+n > maxNodes {
				return types.NewErr("the list is too long")
			}
			return l.Add(y)
		}
	}
	return mismatch("adding", x, y)
}

func subtract(x, y ref.Val) ref.Val {
	if i, j, ok := ints(x, y); ok {
		if diff := i - j; (diff < i) == (j > 0) {
			return types.Int(diff)
		}
		return overflow()
	}
	if f, g, ok := floats(x, y); ok {
		return number(f - g)
	}
	switch l := x.(type) {
	case types.Timestamp:
		switch y.(type) {
		case types.Duration, types.Timestamp:
			return l.Subtract(y)
		}
	case types.Duration:
		if _, ok := y.(types.Duration); ok {
			return l.Subtract(y)
		}
	}
	return mismatch("subtracting", x, y)
}

func multiply(x, y ref.Val) ref.Val {
	if i, j, ok := ints(x, y); ok {
		if i == 0 || j == 0 {
			return types.Int(0)
		}
		p := i * j
		if p/j != i || (i == -1 && j == math.MinInt64) || (j == -1 && i == math.MinInt64) {
			return overflow()
		}
		return types.Int(p)
	}
	if f, g, ok := floats(x, y); ok {
		return number(f * g)
	}
	return mismatch("multiplying", x, y)
}

// divide always gives a fractional number.
func divide(x, y ref.Val) ref.Val {
	f, g, ok := floats(x, y)
	if !ok {
		return mismatch("dividing", x, y)
	}
	if g == 0 {
		return types.NewErr("division by zero")
	}
	return number(f / g)
}

func modulo(x, y ref.Val) ref.Val {
	i, j, ok := ints(x, y)
	if !ok {
		return types.NewErr("%% wants whole numbers, not %s and %s", kindOf(x), kindOf(y))
	}
	switch j {
	case 0:
		return types.NewErr("division by zero")
	case -1: // MinInt64 % -1 is 0, though the quotient does not fit
		return types.Int(0)
	}
	return types.Int(i % j)
}
