package expr

import (
	"testing"
	"unicode/utf8"
)

func seeds(f *testing.F) {
	for _, s := range []string{
		"event.price >= 20", "profile.ltv + 1 > event.x / 2", "!(event.a.b[0] == 'x')", "event.items.all(i, i.price > 1)",
		"sent['cart-reminder'].at < now - duration('1d')", "time(event.ts) < now", "event.?x.orValue(0) == 0", "event.a ? 1 : 2.5",
		"{'a': [1, 2.5]}.a[0] % 2 == 1", "event.x.matches('^a.*$')", "'äöü' + event.name == r'\\'", "[[1]].map(a, [a, a]).map(a, [a, a])",
		"{{ event.x }}", "a {{ '}}' }} b {{ {'a': 1} }}", "math.greatest(1, event.x)", "((((1))))", "event.x = 1", "\"", "event[event.k]",
	} {
		f.Add(s)
	}
}

// Any text compiles or gives an error that lies within it; what compiles runs and says either a value or why not.
func FuzzCondition(f *testing.F) {
	seeds(f)
	env, v := testEnv(f), testVars(f)
	f.Fuzz(func(t *testing.T, src string) {
		c, err := env.Condition(src, testScope())
		if err != nil {
			if err.Offset < 0 || err.Offset > len(src) || err.Message == "" {
				t.Fatalf("%q: error at %d: %q", src, err.Offset, err.Message)
			}
			return
		}
		holds, why := c.Eval(v)
		if holds && why != (Why{}) {
			t.Fatalf("%q holds, and yet %+v", src, why)
		}
		if value, ok := c.Constant(); ok && (value != holds || why != (Why{})) {
			t.Fatalf("%q is always %v, and yet %v %+v", src, value, holds, why)
		}
	})
}

func FuzzTemplate(f *testing.F) {
	seeds(f)
	env, v := testEnv(f), testVars(f)
	f.Fuzz(func(t *testing.T, src string) {
		tm, err := env.Template(src, testScope())
		if err != nil {
			if err.Offset < 0 || err.Offset > len(src) || err.Message == "" {
				t.Fatalf("%q: error at %d: %q", src, err.Offset, err.Message)
			}
			return
		}
		value, ok, why := tm.Eval(v)
		if !ok && why == (Why{}) || tm.IsConstant() && value != src {
			t.Fatalf("%q: %v %v %+v", src, value, ok, why)
		}
		if s, isText := value.(string); isText && utf8.ValidString(src) && !utf8.ValidString(s) {
			t.Fatalf("%q gives broken text %q", src, s)
		}
	})
}
