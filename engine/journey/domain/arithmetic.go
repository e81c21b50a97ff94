package domain

import "math"

// Arithmetic goes by the hull of the numbers. What is no number fails; so may a result that leaves its range.

// Add is a + b.
func Add(a, b Set) Set {
	out := operate(a, b, Int|Double, func(x, y Range) Ranges { return outward(x.Lo+y.Lo, x.Hi+y.Hi) })
	both := func(k Kinds) bool { return a.Kinds&k != 0 && b.Kinds&k != 0 }
	if both(Text) {
		out = out.With(Text)
	}
	if both(List) {
		out = out.With(List)
	}
	if a.Kinds&Time != 0 && b.Kinds&Duration != 0 {
		out = out.Union(TimesOf(sum(a.Times, b.Spans))).With(Failed) // it may leave the years that there are
	}
	if a.Kinds&Duration != 0 && b.Kinds&Time != 0 {
		out = out.Union(TimesOf(sum(a.Spans, b.Times))).With(Failed) // it may leave the years that there are
	}
	if both(Duration) {
		out = out.Union(SpansOf(sum(a.Spans, b.Spans))).With(Failed)
	}
	return out
}

// Subtract is a - b.
func Subtract(a, b Set) Set {
	out := operate(a, b, Int|Double, func(x, y Range) Ranges { return outward(x.Lo-y.Hi, x.Hi-y.Lo) })
	if a.Kinds&Time != 0 && b.Kinds&Time != 0 {
		out = out.Union(SpansOf(sum(a.Times, b.Times.negative()))).With(Failed)
	}
	if a.Kinds&Time != 0 && b.Kinds&Duration != 0 {
		out = out.Union(TimesOf(sum(a.Times, b.Spans.negative()))).With(Failed) // it may leave the years that there are
	}
	if a.Kinds&Duration != 0 && b.Kinds&Duration != 0 {
		out = out.Union(SpansOf(sum(a.Spans, b.Spans.negative()))).With(Failed)
	}
	return out
}

// Multiply is a * b.
func Multiply(a, b Set) Set {
	return operate(a, b, Int|Double, func(x, y Range) Ranges {
		lo, hi := math.Inf(1), math.Inf(-1)
		for _, p := range [...]float64{x.Lo * y.Lo, x.Lo * y.Hi, x.Hi * y.Lo, x.Hi * y.Hi} {
			if math.IsNaN(p) { // nothing times what has no bound
				return Everywhere()
			}
			lo, hi = min(lo, p), max(hi, p)
		}
		return outward(lo, hi)
	})
}

// Divide is a / b, which is always fractional.
func Divide(a, b Set) Set {
	return operate(a, b, Double, func(x, y Range) Ranges {
		if y.Lo <= 0 && y.Hi >= 0 {
			return Everywhere()
		}
		lo, hi := math.Inf(1), math.Inf(-1)
		for _, q := range [...]float64{x.Lo / y.Lo, x.Lo / y.Hi, x.Hi / y.Lo, x.Hi / y.Hi} {
			if math.IsNaN(q) {
				return Everywhere()
			}
			lo, hi = min(lo, q), max(hi, q)
		}
		return outward(lo, hi)
	})
}

// Negative is -a.
func Negative(a Set) Set {
	out := Of(a.Kinds & Error)
	if a.Kinds&Number != 0 {
		out = out.Union(Numbers(a.Kinds&Number, a.Nums.negative()))
		if a.Nums.Hull().Lo < -exact {
			out = out.With(Failed) // the smallest whole number has no opposite
		}
	}
	if a.Kinds&Duration != 0 {
		out = out.Union(SpansOf(a.Spans.negative())).With(Failed)
	}
	if a.Kinds&^(Number|Duration|Error) != 0 {
		out = out.With(Failed | a.Kinds&NaN)
	}
	return out
}

func (r Ranges) negative() Ranges {
	out := make(Ranges, len(r))
	for i, x := range r {
		out[len(r)-1-i] = Range{Lo: -x.Hi, LoOpen: x.HiOpen, Hi: -x.Lo, HiOpen: x.LoOpen}
	}
	return out
}

func sum(a, b Ranges) Ranges {
	x, y := a.Hull(), b.Hull()
	return outward(x.Lo+y.Lo, x.Hi+y.Hi)
}

// operate does what an operation does to numbers. Two whole ones give a whole one, unless its results are Double alone.
func operate(a, b Set, results Kinds, do func(x, y Range) Ranges) Set {
	out := Of((a.Kinds | b.Kinds) & Error)
	if a.Kinds&^(Number|Error) != 0 || b.Kinds&^(Number|Error) != 0 {
		out = out.With(Failed)
	}
	if a.Kinds&Number == 0 || b.Kinds&Number == 0 {
		return out
	}
	kinds := Kinds(0)
	if a.Kinds&Int != 0 && b.Kinds&Int != 0 {
		kinds |= Int
	}
	if (a.Kinds|b.Kinds)&Double != 0 || results == Double {
		kinds |= Double
	}
	kinds &= results
	nums := do(a.Nums.Hull(), b.Nums.Hull())
	if h := nums.Hull(); math.Abs(h.Lo) >= exact || math.Abs(h.Hi) >= exact {
		out = out.With(Failed) // it may not fit
	}
	return out.Union(Numbers(kinds, nums))
}
