package expr

import (
	"math"
	"reflect"
	"testing"
)

// testState answers each window with what the tests below say of its kind.
type testState struct {
	score   []float64
	segment []bool
	count   int64
	sum     Sum
	last    int64
	seen    bool
	asked   []int // windows
}

func (s *testState) Score(i int) float64 { return s.score[i] }
func (s *testState) Segment(i int) bool  { return s.segment[i] }
func (s *testState) Count(w int) int64   { s.asked = append(s.asked, w); return s.count }
func (s *testState) Sum(w int) Sum       { s.asked = append(s.asked, w); return s.sum }
func (s *testState) Last(w int) (int64, bool) {
	s.asked = append(s.asked, w)
	return s.last, s.last != 0
}
func (s *testState) Seen(w int) bool { s.asked = append(s.asked, w); return s.seen }

func TestState(t *testing.T) {
	env, v := testEnv(t), testVars(t)
	st := &testState{score: []float64{61, 0.5}, segment: []bool{true, false}, count: 3, sum: Sum{Whole: 40}, last: testNow - 60_000, seen: true}
	v.State = st
	for _, c := range []struct {
		src   string
		holds bool
		why   Why
	}{
		{"score.lead >= 60 && score.lead == 61 && score.lead % 2 == 1 && score.heat < 1", true, Why{}},
		{"segment.hot && !segment.cold && has(segment.cold) && has(score.lead)", true, Why{}},
		{`count("browse", "10m") >= 3 && count("browse", "enter") + 1 == 4`, true, Why{}},
		{`sum("purchase", "price", "30d") > 39.5 && sum("purchase", "price", "30d") + 0.5 == 40.5`, true, Why{}},
		{`seen("purchase") && seen("reply", "enter")`, true, Why{}},
		{`last("purchase") == now - duration("1m")`, true, Why{}},
		{`last("never") < now`, true, Why{}},
	} {
		cond, err := env.Condition(c.src, testScope())
		if err != nil {
			t.Errorf("%s: %v", c.src, err)
			continue
		}
		if _, constant := cond.Constant(); constant {
			t.Errorf("%s is thought to be constant", c.src)
		}
		if holds, why := cond.Eval(v); holds != c.holds || why != c.why {
			t.Errorf("%s: %v %+v", c.src, holds, why)
		}
	}
	st.last = 0
	for src, want := range map[string]Why{
		`last("purchase") < now`:    {Missing: `last("purchase")`},
		`!(last("purchase") < now)`: {Missing: `last("purchase")`},
	} {
		cond, err := env.Condition(src, testScope())
		if err != nil {
			t.Fatal(err)
		}
		if holds, why := cond.Eval(v); holds || why != want {
			t.Errorf("%s: %v %+v", src, holds, why)
		}
	}
	v.State = nil
	for _, src := range []string{"score.lead > 0", "segment.hot", `count("a", "1m") > 0`, `seen("a")`} {
		cond, err := env.Condition(src, testScope())
		if err != nil {
			t.Fatal(err)
		}
		if holds, why := cond.Eval(v); holds || why.Failed == "" {
			t.Errorf("%s without a state: %v %+v", src, holds, why)
		}
	}
}

// TestWindows: one window has one number in every expression, and an expression says which it reads.
func TestWindows(t *testing.T) {
	env := testEnv(t)
	reads := func(src string) Reads {
		x, err := env.Expression(src, testScope())
		if err != nil {
			t.Fatalf("%s: %v", src, err)
		}
		return x.Reads()
	}
	a := reads(`count("a", "1m") + count("a", "60s") + sum("a", "x", "1m") + score.heat`)
	b := reads(`seen("b", "enter") || count("a", "1m") > 1 || segment.cold || segment.hot || time("2026-01-01") < now`)
	if !reflect.DeepEqual(a.Windows, []int{0, 1}) || !reflect.DeepEqual(b.Windows, []int{0, 2}) {
		t.Errorf("windows %v and %v", a.Windows, b.Windows)
	}
	if !reflect.DeepEqual(a.Scores, []int{1}) || !reflect.DeepEqual(b.Segments, []int{0, 1}) || !reflect.DeepEqual(b.Profile, []string{"timezone"}) {
		t.Errorf("reads %+v and %+v", a, b)
	}
	want := []Window{
		{Kind: WindowCount, Type: "a", Within: 60_000}, {Kind: WindowSum, Type: "a", Field: "x", Within: 60_000},
		{Kind: WindowSeen, Type: "b", Enter: true},
	}
	if got := env.Windows(); !reflect.DeepEqual(got, want) {
		t.Errorf("windows %+v", got)
	}
	for i, s := range []string{`count("a", "1m")`, `sum("a", "x", "1m")`, `seen("b", "enter")`} {
		if got := want[i].String(); got != s {
			t.Errorf("%s is written %s", s, got)
		}
	}
}

func TestSum(t *testing.T) {
	for _, c := range []struct {
		values []any
		want   any
	}{
		{nil, int64(0)},
		{[]any{int64(1), int64(2), "x", nil, true}, int64(3)},
		{[]any{int64(1), 0.5}, 1.5},
		{[]any{2.0}, 2.0},
		{[]any{int64(math.MaxInt64), int64(1)}, "the whole number does not fit 64 bits"},
		{[]any{int64(math.MinInt64), int64(-1)}, "the whole number does not fit 64 bits"},
		{[]any{int64(math.MaxInt64), int64(math.MinInt64)}, int64(-1)},
	} {
		var s Sum
		for _, v := range c.values {
			s.AddValue(v)
		}
		got, err := native(s.value(), nil)
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%v: %v", c.values, got)
		}
	}
}
