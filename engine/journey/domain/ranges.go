package domain

import "math"

// Range is an interval. A bound that is open does not belong to it.
type Range struct {
	Lo, Hi         float64
	LoOpen, HiOpen bool
}

// Ranges are intervals in order, none of which touches another.
type Ranges []Range

// maxRanges bounds a set of intervals; where more would be needed it is widened.
const maxRanges = 32

// exact is where whole numbers end to be exact as float64.
const exact = 1 << 53

// Everywhere is all numbers.
func Everywhere() Ranges { return Ranges{{Lo: math.Inf(-1), Hi: math.Inf(1)}} }

// Point is one number.
func Point(x float64) Ranges { return Ranges{{Lo: x, Hi: x}} }

// AtLeast is x and all above.
func AtLeast(x float64) Ranges { return Ranges{{Lo: x, Hi: math.Inf(1)}} }

// Between is lo to hi, both included.
func Between(lo, hi float64) Ranges { return Ranges{{Lo: lo, Hi: hi}} }

// Whole64 is a whole number: a point where float64 has it, else the two beside it and what lies between.
func Whole64(n int64) Ranges {
	f := float64(n)
	if n > -exact && n < exact {
		return Point(f)
	}
	return Between(math.Nextafter(f, math.Inf(-1)), math.Nextafter(f, math.Inf(1)))
}

func (r Range) empty() bool {
	return math.IsNaN(r.Lo) || math.IsNaN(r.Hi) || r.Lo > r.Hi || r.Lo == r.Hi && (r.LoOpen || r.HiOpen)
}

func (r Range) intersect(o Range) Range {
	switch {
	case o.Lo > r.Lo:
		r.Lo, r.LoOpen = o.Lo, o.LoOpen
	case o.Lo == r.Lo:
		r.LoOpen = r.LoOpen || o.LoOpen
	}
	switch {
	case o.Hi < r.Hi:
		r.Hi, r.HiOpen = o.Hi, o.HiOpen
	case o.Hi == r.Hi:
		r.HiOpen = r.HiOpen || o.HiOpen
	}
	return r
}

// meets says whether the union of r and o, which begins no earlier, is one interval.
func (r Range) meets(o Range) bool { return o.Lo < r.Hi || o.Lo == r.Hi && !(o.LoOpen && r.HiOpen) }

// Intersect is what is in both.
func (r Ranges) Intersect(o Ranges) Ranges {
	var out Ranges
	for _, a := range r {
		for _, b := range o {
			if c := a.intersect(b); !c.empty() {
				out = append(out, c)
			}
		}
	}
	return out.tidy()
}

// Union is what is in either.
func (r Ranges) Union(o Ranges) Ranges {
	out := make(Ranges, 0, len(r)+len(o))
	for len(r) > 0 || len(o) > 0 {
		from := &r
		if len(r) == 0 || len(o) > 0 && (o[0].Lo < r[0].Lo || o[0].Lo == r[0].Lo && !o[0].LoOpen) {
			from = &o
		}
		out = append(out, (*from)[0])
		*from = (*from)[1:]
	}
	return out.tidy()
}

// tidy joins what touches, of intervals in order, and widens what is too many: the last become one.
func (r Ranges) tidy() Ranges {
	var out Ranges
	for _, x := range r {
		last := len(out) - 1
		if x.empty() {
			continue
		}
		if last < 0 || !out[last].meets(x) && last < maxRanges-1 {
			out = append(out, x)
			continue
		}
		switch y := &out[last]; {
		case x.Hi > y.Hi:
			y.Hi, y.HiOpen = x.Hi, x.HiOpen
		case x.Hi == y.Hi:
			y.HiOpen = y.HiOpen && x.HiOpen
		}
	}
	return out
}

// Without leaves a point out.
func (r Ranges) Without(x float64) Ranges {
	return r.Intersect(Ranges{{Lo: math.Inf(-1), Hi: x, HiOpen: true}, {Lo: x, Hi: math.Inf(1), LoOpen: true}})
}

// whole closes the intervals to the whole numbers in them.
func (r Ranges) whole() Ranges {
	var out Ranges
	for _, x := range r {
		if lo := math.Ceil(x.Lo); math.Abs(lo) < exact {
			if lo == x.Lo && x.LoOpen {
				lo++
			}
			x.Lo, x.LoOpen = lo, false
		}
		if hi := math.Floor(x.Hi); math.Abs(hi) < exact {
			if hi == x.Hi && x.HiOpen {
				hi--
			}
			x.Hi, x.HiOpen = hi, false
		}
		out = append(out, x)
	}
	return out.tidy()
}

// single returns the number if it is the only one.
func (r Ranges) single() (float64, bool) {
	if len(r) == 1 && r[0].Lo == r[0].Hi {
		return r[0].Lo, true
	}
	return 0, false
}

func (r Ranges) everywhere() bool {
	return len(r) == 1 && math.IsInf(r[0].Lo, -1) && math.IsInf(r[0].Hi, 1)
}

// Hull is one interval around all.
func (r Ranges) Hull() Range {
	if len(r) == 0 {
		return Range{Lo: math.Inf(1), Hi: math.Inf(-1)}
	}
	last := r[len(r)-1]
	return Range{Lo: r[0].Lo, LoOpen: r[0].LoOpen, Hi: last.Hi, HiOpen: last.HiOpen}
}

// outward is an interval that holds lo to hi although both were rounded.
func outward(lo, hi float64) Ranges {
	if math.IsNaN(lo) || math.IsNaN(hi) {
		return Everywhere()
	}
	if lo != math.Trunc(lo) || math.Abs(lo) >= exact {
		lo = math.Nextafter(lo, math.Inf(-1))
	}
	if hi != math.Trunc(hi) || math.Abs(hi) >= exact {
		hi = math.Nextafter(hi, math.Inf(1))
	}
	return Between(lo, hi)
}
