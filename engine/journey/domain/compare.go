package domain

import "math"

// Op is a comparison.
type Op uint8

const (
	Equal Op = iota
	Less
	LessEqual
	Greater
	GreaterEqual
)

// Turned is the comparison with its sides changed over.
func (op Op) Turned() Op {
	switch op {
	case Less:
		return Greater
	case LessEqual:
		return GreaterEqual
	case Greater:
		return Less
	case GreaterEqual:
		return LessEqual
	}
	return op
}

// opposite is the order that holds where op does not, of values that have one.
func (op Op) opposite() Op {
	switch op {
	case Less:
		return GreaterEqual
	case LessEqual:
		return Greater
	case Greater:
		return LessEqual
	}
	return Less
}

// classes are kinds whose values can be compared with one another.
var classes = [...]Kinds{Null, Bool, Number, NaN, Text, Time, Duration, List, Map, Other}

// Filter is the values of a for which `a op b` may come to one of the outcomes wanted (True, False, Error), where b is one
// of the values of b.
func Filter(op Op, a, b Set, want Kinds) Set {
	out := Set{}
	if want&Error != 0 {
		out = a.Only(Error)
	}
	if b.Empty() {
		return out
	}
	for _, class := range classes {
		part := a.Only(class)
		if part.Empty() {
			continue
		}
		if want&Error != 0 && b.Kinds&Error != 0 {
			out = out.Union(part)
			continue
		}
		same, rest := b.Only(class), b.Kinds&^(class|Error)
		if op == Equal {
			if want&False != 0 && rest != 0 {
				out = out.Union(part)
			} else if !same.Empty() {
				out = out.Union(equalPart(class, part, same, want))
			}
			continue
		}
		// A number and a NaN have an order of which nothing holds.
		if class == Number || class == NaN {
			if rest&(Number|NaN) != 0 || class == NaN && !same.Empty() {
				if want&False != 0 {
					out = out.Union(part)
				}
				rest &^= Number | NaN
			}
			if class == NaN {
				same = Set{}
			}
		}
		if want&Error != 0 && (rest != 0 || !ordered(class)) {
			out = out.Union(part)
			continue
		}
		if ordered(class) && !same.Empty() {
			if want&True != 0 {
				out = out.Union(orderPart(op, class, part, same))
			}
			if want&False != 0 {
				out = out.Union(orderPart(op.opposite(), class, part, same))
			}
		}
	}
	return out
}

func ordered(class Kinds) bool { return class&(Bool|Number|NaN|Text|Time|Duration) != 0 }

// equalPart is Filter of == within one class.
func equalPart(class Kinds, a, b Set, want Kinds) Set {
	out := Set{}
	if class == NaN { // equals nothing
		if want&False != 0 {
			return a
		}
		return out
	}
	if want&True != 0 {
		if class&(List|Map|Other) != 0 {
			return a
		}
		// A whole number and a fractional one may be equal.
		if class == Number {
			b.Kinds = Number
		}
		out = a.Intersect(b)
	}
	if want&False == 0 {
		return out
	}
	switch class {
	case Null:
	case Bool:
		if b.Kinds == True || b.Kinds == False {
			out = out.Union(a.Only(Bool &^ b.Kinds))
		} else {
			out = out.Union(a)
		}
	case Text:
		if s, ok := b.Texts.single(); ok {
			a.Texts = a.Texts.without(s)
		}
		out = out.Union(a.normal())
	case Number:
		if x, ok := b.Nums.single(); ok {
			a.Nums = a.Nums.Without(x)
		}
		out = out.Union(a.normal())
	case Time:
		if x, ok := b.Times.single(); ok {
			a.Times = a.Times.Without(x)
		}
		out = out.Union(a.normal())
	case Duration:
		if x, ok := b.Spans.single(); ok {
			a.Spans = a.Spans.Without(x)
		}
		out = out.Union(a.normal())
	default:
		out = out.Union(a)
	}
	return out
}

// orderPart is the values of a that may stand in the order to one of b.
func orderPart(op Op, class Kinds, a, b Set) Set {
	switch class {
	case Number:
		a.Nums = a.Nums.Intersect(bound(op, b.Nums.Hull()))
	case Time:
		a.Times = a.Times.Intersect(bound(op, b.Times.Hull()))
	case Duration:
		a.Spans = a.Spans.Intersect(bound(op, b.Spans.Hull()))
	}
	return a.normal()
}

// bound is the numbers that stand in the order to one of r.
func bound(op Op, r Range) Ranges {
	lowest, highest := math.Inf(-1), math.Inf(1)
	switch op {
	case Less:
		return Ranges{{Lo: lowest, Hi: r.Hi, HiOpen: true}}
	case LessEqual:
		return Ranges{{Lo: lowest, Hi: r.Hi, HiOpen: r.HiOpen}}
	case Greater:
		return Ranges{{Lo: r.Lo, LoOpen: true, Hi: highest}}
	}
	return Ranges{{Lo: r.Lo, LoOpen: r.LoOpen, Hi: highest}}
}
