package expr

import (
	"math"
	"math/big"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// drawNumber draws numbers of both kinds, often near the edges.
func drawNumber(t *rapid.T, label string) any {
	return rapid.OneOf(
		rapid.Map(rapid.Int64(), func(i int64) any { return i }),
		rapid.Map(rapid.Int64Range(-3, 3), func(i int64) any { return i }),
		rapid.Map(rapid.Int64Range(1<<53-3, 1<<53+3), func(i int64) any { return i }),
		rapid.Map(rapid.Int64Range(1<<53-3, 1<<53+3), func(i int64) any { return float64(i) }),
		rapid.Map(rapid.Int64Range(-6, 6), func(i int64) any { return float64(i) / 2 }),
		rapid.Map(rapid.Float64(), func(f float64) any { return f }),
		rapid.SampledFrom([]any{int64(math.MaxInt64), int64(math.MinInt64), float64(1 << 63), float64(-1 << 63), math.MaxFloat64, math.SmallestNonzeroFloat64}),
	).Filter(func(v any) bool { f, ok := v.(float64); return !ok || !math.IsNaN(f) && !math.IsInf(f, 0) }).Draw(t, label)
}

// drawPair draws two numbers, often one and its nearest of the other kind: there rounding shows.
func drawPair(t *rapid.T) (a, b any) {
	a, b = drawNumber(t, "a"), drawNumber(t, "b")
	if i, ok := a.(int64); ok && rapid.Bool().Draw(t, "near") {
		b = float64(i)
	}
	if rapid.Bool().Draw(t, "swap") {
		a, b = b, a
	}
	return a, b
}

func exact(v any) *big.Rat {
	switch v := v.(type) {
	case int64:
		return new(big.Rat).SetInt64(v)
	case float64:
		return new(big.Rat).SetFloat64(v)
	}
	return nil
}

// Comparison is that of the numbers' exact worth, whatever their kinds; also in lists and maps.
func TestComparisonLaw(t *testing.T) {
	env := testEnv(t)
	ops := map[string]func(int) bool{
		"a == b": func(c int) bool { return c == 0 }, "a != b": func(c int) bool { return c != 0 },
		"a < b": func(c int) bool { return c < 0 }, "a <= b": func(c int) bool { return c <= 0 },
		"a > b": func(c int) bool { return c > 0 }, "a >= b": func(c int) bool { return c >= 0 },
		"a in [b]": func(c int) bool { return c == 0 }, "[a] == [b]": func(c int) bool { return c == 0 },
		"{'x': [a]} != {'x': [b]}": func(c int) bool { return c != 0 }, "!(a < b)": func(c int) bool { return c >= 0 },
	}
	conds := map[string]*Condition{}
	for op := range ops {
		conds[op] = compileAB(t, env, op)
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawPair(t)
		v := &Vars{Event: body{"a": a, "b": b}}
		want := exact(a).Cmp(exact(b))
		for op, is := range ops {
			if got, why := conds[op].Eval(v); got != is(want) || why != (Why{}) {
				t.Fatalf("%s with %v (%T) and %v (%T): got %v %+v", op, a, a, b, b, got, why)
			}
		}
	})
}

// compileAB writes event.a for a and event.b for b, outside of words.
func compileAB(t *testing.T, env *Env, op string) *Condition {
	t.Helper()
	c, err := env.Condition(expandAB(op), testScope())
	if err != nil {
		t.Fatalf("%s: %s", op, err.Message)
	}
	return c
}

func expandAB(op string) string {
	out := ""
	for _, r := range op {
		if r == 'a' || r == 'b' {
			out += "event."
		}
		out += string(r)
	}
	return out
}

// Whole numbers calculate exactly or fail; once a fractional one takes part the result is float64's, or fails; a
// quotient is always fractional.
func TestArithmeticLaw(t *testing.T) {
	env := testEnv(t)
	xs := map[string]*Expression{}
	for _, op := range []string{"a + b", "a - b", "a * b", "a / b", "a % b"} {
		x, err := env.Expression(expandAB(op), testScope())
		if err != nil {
			t.Fatal(err)
		}
		xs[op] = x
	}
	float := func(v any) float64 {
		if i, ok := v.(int64); ok {
			return float64(i)
		}
		return v.(float64)
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawPair(t)
		i, aWhole := a.(int64)
		j, bWhole := b.(int64)
		for op, x := range xs {
			var want any // nil: a failure
			f, g := float(a), float(b)
			switch o := op[2]; {
			case o == '/':
				if g != 0 {
					want = f / g
				}
			case o == '%':
				if aWhole && bWhole && j != 0 {
					want = new(big.Int).Rem(big.NewInt(i), big.NewInt(j)).Int64()
				}
			case aWhole && bWhole:
				z, p, q := new(big.Int), big.NewInt(i), big.NewInt(j)
				switch o {
				case '+':
					z.Add(p, q)
				case '-':
					z.Sub(p, q)
				case '*':
					z.Mul(p, q)
				}
				if z.IsInt64() {
					want = z.Int64()
				}
			case o == '+':
				want = f + g
			case o == '-':
				want = f - g
			case o == '*':
				want = f * g
			}
			if w, ok := want.(float64); ok && math.IsInf(w, 0) {
				want = nil
			}
			got, ok, why := x.Eval(&Vars{Event: body{"a": a, "b": b}})
			if ok != (want != nil) || ok && got != want || ok == (why.Failed != "") {
				t.Fatalf("%s with %v (%T) and %v (%T): got %v %+v, want %v", op, a, a, b, b, got, why, want)
			}
		}
	})
}

// A condition that depends on a field that is not there is false, and so is its negation; what does not depend on it is
// not changed by it. The oracle is Kleene's three-valued logic.
func TestMissingLaw(t *testing.T) {
	env := testEnv(t)
	type tri = int // -1 false, 0 unknown, 1 true
	var draw func(t *rapid.T, depth int) (string, tri)
	draw = func(t *rapid.T, depth int) (string, tri) {
		kind := rapid.IntRange(0, 7).Draw(t, "kind")
		if depth == 0 {
			kind %= 4
		}
		switch kind {
		case 0:
			return "event.yes", 1
		case 1:
			return "event.no", -1
		case 2:
			return "event.nope", 0
		case 3:
			return "(event.nope == 1)", 0
		case 4:
			x, v := draw(t, depth-1)
			return "!(" + x + ")", -v
		}
		x, v := draw(t, depth-1)
		y, w := draw(t, depth-1)
		if kind < 6 {
			return "(" + x + " && " + y + ")", min(v, w)
		}
		return "(" + x + " || " + y + ")", max(v, w)
	}
	v := &Vars{Event: body{"yes": true, "no": false}}
	rapid.Check(t, func(t *rapid.T) {
		src, want := draw(t, 3)
		for _, c := range []struct {
			src  string
			want tri
		}{{src, want}, {"!(" + src + ")", -want}} {
			cond, err := env.Condition(c.src, testScope())
			if err != nil {
				t.Fatalf("%s: %s", c.src, err.Message)
			}
			got, why := cond.Eval(v)
			if got != (c.want == 1) || (why.Missing == "event.nope") != (c.want == 0) || why.Failed != "" {
				t.Fatalf("%s: got %v %+v, want %d", c.src, got, why, c.want)
			}
			if value, ok := cond.Constant(); ok {
				t.Fatalf("%s: constant %v", c.src, value)
			}
		}
	})
}

// Conditions and templates keep nothing of an evaluation and may be shared by goroutines.
func TestOneConditionServesMany(t *testing.T) {
	env, v := testEnv(t), testVars(t)
	cond, err := env.Condition("event.items.all(i, i.price > 4) && profile.ltv + event.price > 100 && now > time('2026-01-01')", testScope())
	if err != nil {
		t.Fatal(err)
	}
	tm, err := env.Template("{{ event.name }} {{ sent.hello.at }} {{ event.tags }}", testScope())
	if err != nil {
		t.Fatal(err)
	}
	other := &Vars{Event: body{"items": []any{}, "price": int64(-1000), "name": "Bo"}}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 500 {
				if ok, why := cond.Eval(v); !ok {
					t.Error(why)
				}
				if ok, _ := cond.Eval(other); ok {
					t.Error("the other holds")
				}
				if got, _, _ := tm.Eval(v); got != `Li 2026-03-01T10:09:59+08:00 ["a","b"]` {
					t.Error(got)
				}
				if got, _, _ := tm.Eval(other); got != `Bo  ` {
					t.Error(got)
				}
			}
		})
	}
	wg.Wait()
}
