package domain

// Kinds says which kinds of values may come.
type Kinds uint16

// Absent is a field that is not there, and Failed an evaluation that fails otherwise: neither is a value.
const (
	Absent Kinds = 1 << iota
	Failed
	Null
	False
	True
	Int
	Double
	NaN
	Text
	Time
	Duration
	List
	Map
	Other
)

const (
	Bool    = False | True
	Number  = Int | Double
	Error   = Absent | Failed
	JSON    = Null | Bool | Number | Text | List | Map
	Outcome = Bool | Error // of a condition
)

// Set is a set of values.
type Set struct {
	Kinds Kinds
	Nums  Ranges // of Int and Double
	Whole bool   // no number of it has a fraction
	Texts Texts  // of Text
	Times Ranges // of Time, ms since 1970
	Spans Ranges // of Duration, ms
}

// Of is every value of the kinds.
func Of(k Kinds) Set {
	s := Set{Kinds: k}
	if k&Number != 0 {
		s.Nums = Everywhere()
	}
	if k&Text != 0 {
		s.Texts = AllTexts()
	}
	if k&Time != 0 {
		s.Times = Everywhere()
	}
	if k&Duration != 0 {
		s.Spans = Everywhere()
	}
	return s
}

// Anything is what a field of which nothing is known may be, also that it is not there.
func Anything() Set { return Of(Absent | JSON | NaN | Other) }

// Everything is what an expression of which nothing is known may come to.
func Everything() Set { return Of(Absent | Failed | JSON | NaN | Time | Duration | Other) }

// Numbers are the numbers of the kinds (Int, Double or both) in the ranges.
func Numbers(k Kinds, r Ranges) Set { return Set{Kinds: k, Nums: r}.normal() }

// TextsOf is a set of texts.
func TextsOf(t Texts) Set { return Set{Kinds: Text, Texts: t}.normal() }

// TimesOf is a set of instants.
func TimesOf(r Ranges) Set { return Set{Kinds: Time, Times: r}.normal() }

// SpansOf is a set of durations.
func SpansOf(r Ranges) Set { return Set{Kinds: Duration, Spans: r}.normal() }

// Constant is one value of those that JSON has; a list or map is any.
func Constant(v any) Set {
	switch v := v.(type) {
	case nil:
		return Of(Null)
	case bool:
		if v {
			return Of(True)
		}
		return Of(False)
	case int64:
		return Numbers(Int, Whole64(v))
	case float64:
		if v != v {
			return Of(NaN)
		}
		return Numbers(Double, Point(v))
	case string:
		return TextsOf(OneOf(v))
	case []any:
		return Of(List)
	case map[string]any:
		return Of(Map)
	}
	return Everything()
}

// Empty says that nothing is in the set: what leads to it cannot be.
func (s Set) Empty() bool { return s.Kinds == 0 }

// normal drops kinds of which no value is left, and the parts that belong to no kind.
func (s Set) normal() Set {
	switch {
	case s.Kinds&Number == 0:
		s.Nums, s.Whole = nil, false
	case s.Whole || s.Kinds&Double == 0:
		s.Nums = s.Nums.whole()
	}
	if len(s.Nums) == 0 {
		s.Kinds &^= Number
	}
	if s.Kinds&Text == 0 {
		s.Texts = Texts{}
	} else if s.Texts.empty() {
		s.Kinds &^= Text
	}
	if s.Kinds&Time == 0 {
		s.Times = nil
	} else if len(s.Times) == 0 {
		s.Kinds &^= Time
	}
	if s.Kinds&Duration == 0 {
		s.Spans = nil
	} else if len(s.Spans) == 0 {
		s.Kinds &^= Duration
	}
	return s
}

// Only is what is of the kinds.
func (s Set) Only(k Kinds) Set {
	s.Kinds &= k
	return s.normal()
}

// With adds kinds that have no values of their own to tell apart, such as Absent, Failed, Null and List.
func (s Set) With(k Kinds) Set { return s.Union(Of(k)) }

// Intersect is what is in both.
func (s Set) Intersect(o Set) Set {
	return Set{
		Kinds: s.Kinds & o.Kinds, Nums: s.Nums.Intersect(o.Nums), Whole: s.Whole || o.Whole, Texts: s.Texts.Intersect(o.Texts),
		Times: s.Times.Intersect(o.Times), Spans: s.Spans.Intersect(o.Spans),
	}.normal()
}

// Union is what is in either.
func (s Set) Union(o Set) Set {
	whole := (s.Whole || s.Kinds&Double == 0) && (o.Whole || o.Kinds&Double == 0)
	return Set{
		Kinds: s.Kinds | o.Kinds, Nums: s.Nums.Union(o.Nums), Whole: whole, Texts: s.Texts.Union(o.Texts),
		Times: s.Times.Union(o.Times), Spans: s.Spans.Union(o.Spans),
	}.normal()
}

// Within says that every value of s is in o.
func (s Set) Within(o Set) bool { return s.Intersect(o).same(s) }

func (s Set) same(o Set) bool {
	equal := func(a, b Ranges) bool {
		if len(a) != len(b) {
			return false
		}
		for i := range a {
			if a[i] != b[i] {
				return false
			}
		}
		return true
	}
	if s.Kinds != o.Kinds || s.Texts.Except != o.Texts.Except || len(s.Texts.List) != len(o.Texts.List) {
		return false
	}
	for i := range s.Texts.List {
		if s.Texts.List[i] != o.Texts.List[i] {
			return false
		}
	}
	return equal(s.Nums, o.Nums) && equal(s.Times, o.Times) && equal(s.Spans, o.Spans)
}
