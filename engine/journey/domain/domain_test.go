package domain

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func (r Ranges) holds(x float64) bool {
	return slices.ContainsFunc(r, func(o Range) bool {
		return (o.Lo < x || o.Lo == x && !o.LoOpen) && (x < o.Hi || x == o.Hi && !o.HiOpen)
	})
}

// holds says whether a value, of those that Constant takes, is in the set.
func (s Set) holds(v any) bool { return !s.Intersect(Constant(v)).Empty() }

func drawRanges(t *rapid.T, label string) Ranges {
	var out Ranges
	for range rapid.IntRange(0, 4).Draw(t, label) {
		lo := float64(rapid.IntRange(-4, 8).Draw(t, "lo")) / 2
		r := Range{Lo: lo, Hi: lo + float64(rapid.IntRange(0, 4).Draw(t, "length"))/2, LoOpen: rapid.Bool().Draw(t, "open"), HiOpen: rapid.Bool().Draw(t, "open")}
		out = out.Union(Ranges{r})
	}
	return out
}

// TestRangesLaw: the operations are those of sets, number by number, and their intervals lie apart and in order.
func TestRangesLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawRanges(t, "a"), drawRanges(t, "b")
		p := float64(rapid.IntRange(-4, 12).Draw(t, "point")) / 2
		both, either, without, whole := a.Intersect(b), a.Union(b), a.Without(p), a.whole()
		for i := -24; i <= 48; i++ {
			x := float64(i) / 4
			if both.holds(x) != (a.holds(x) && b.holds(x)) || either.holds(x) != (a.holds(x) || b.holds(x)) || without.holds(x) != (a.holds(x) && x != p) {
				t.Fatalf("%v in %v and %v: both %v, either %v, without %v %v", x, a, b, both, either, p, without)
			}
			if i%4 == 0 && whole.holds(x) != a.holds(x) {
				t.Fatalf("%v in the whole numbers of %v: %v", x, a, whole)
			}
		}
		for _, r := range []Ranges{both, either, without} {
			for i := range r {
				if r[i].empty() || i > 0 && r[i-1].meets(r[i]) {
					t.Fatalf("%v of %v and %v", r, a, b)
				}
			}
		}
	})
}

func drawTexts(t *rapid.T, label string) Texts {
	s := OneOf(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 0, 4).Draw(t, label)...)
	s.Except = rapid.Bool().Draw(t, "except")
	return s
}

// TestTextsLaw: the operations are those of sets, text by text.
func TestTextsLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawTexts(t, "a"), drawTexts(t, "b")
		for _, s := range []string{"a", "b", "c", "d", "e"} {
			if a.Intersect(b).has(s) != (a.has(s) && b.has(s)) || a.Union(b).has(s) != (a.has(s) || b.has(s)) || a.without("b").has(s) != (a.has(s) && s != "b") {
				t.Fatalf("%q of %+v and %+v", s, a, b)
			}
		}
	})
}

// TestTooMany: a set of more parts than are kept holds all that it should, and perhaps more.
func TestTooMany(t *testing.T) {
	var r Ranges
	var list []string
	for i := range 3 * maxTexts {
		r = r.Union(Point(float64(2 * i)))
		list = append(list, string(rune('a'+i)))
	}
	texts := OneOf(list...)
	for i := range list {
		if !r.holds(float64(2*i)) || !texts.has(list[i]) {
			t.Errorf("%d is lost", i)
		}
	}
	if len(r) > maxRanges || len(texts.List) > maxTexts {
		t.Errorf("%d ranges, %d texts", len(r), len(texts.List))
	}
}

// TestSets: kinds of which nothing is left are gone, and values of all kinds are where they belong.
func TestSets(t *testing.T) {
	values := []any{nil, true, false, int64(3), 3.5, "a", []any{}, map[string]any{}}
	for i, v := range values {
		s := Constant(v)
		for k, w := range values {
			if s.holds(w) != (i == k) {
				t.Errorf("%v in the set of %v", w, v)
			}
		}
		if !Anything().holds(v) || !s.Within(Anything()) || s.Union(Of(Absent)).Only(^Absent).Empty() {
			t.Errorf("%v", v)
		}
	}
	if s := Numbers(Int, Ranges{{Lo: 2, LoOpen: true, Hi: 3, HiOpen: true}}); !s.Empty() {
		t.Errorf("whole numbers between 2 and 3: %+v", s)
	}
	for _, c := range []struct {
		set  Set
		want string
	}{
		{Numbers(Number, AtLeast(20)), "is at least 20"}, {Numbers(Double, Everywhere().Without(5)), "is not 5"},
		{TextsOf(OneOf("b", "a")), `is "a" or "b"`}, {TextsOf(Texts{Except: true, List: []string{"a"}}), `is not "a"`},
		{Of(Absent), "is not there"}, {Of(True | Absent), "is true"}, {Anything(), ""}, {Of(Null).Union(Constant("a")), `is null or "a"`},
		{TimesOf(AtLeast(0)), "is at least 1970-01-01T00:00:00Z"}, {SpansOf(Point(3_600_000)), "is 1h0m0s"},
	} {
		if got := c.set.Words(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
