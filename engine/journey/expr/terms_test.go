package expr

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// termsEnvs are an environment and the one that leaves everything to the interpreter.
func termsEnvs(t testing.TB) (quick, plain *Env) {
	t.Helper()
	quick, err := NewEnv(Names{Segments: []string{"hot"}})
	if err != nil {
		t.Fatal(err)
	}
	if plain, err = NewEnv(Names{Segments: []string{"hot"}, Plain: true}); err != nil {
		t.Fatal(err)
	}
	return quick, plain
}

func termsScope() Scope { return Scope{Event: true, Now: true} }

// someField draws the name of a field, as an author writes it.
func someField(t *rapid.T) string {
	return rapid.SampledFrom([]string{"event.a", "event.a", "event.b", "event.c", "event.d", `event["a"]`, `event["b"]`, "event.type"}).Draw(t, "field")
}

func someLiteral(t *rapid.T) string {
	return rapid.SampledFrom([]string{
		"0", "1", "2", "-1", "1.0", "1.5", "-0.0", "9007199254740993", "9007199254740992.0", "9223372036854775807", "-9223372036854775808", "1e308", "9.3e18",
		`"x"`, `"y"`, `""`, `"1"`, `"ä"`, "'x'", "true", "false", "null", "null", "null", "1u", "b'x'", "[1]", "{'k': 1}", "event.b", "now",
	}).Draw(t, "literal")
}

// someTerm draws a part of a conjunction: a comparison with a literal, or something else.
func someTerm(t *rapid.T) string {
	switch rapid.IntRange(0, 11).Draw(t, "term") {
	case 0:
		return "has(event." + rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "has") + ")"
	case 1, 2:
		var list []string
		for range rapid.IntRange(0, 3).Draw(t, "texts") {
			list = append(list, rapid.SampledFrom([]string{`"x"`, `"y"`, `""`, `"x"`, "1", "null"}).Draw(t, "text"))
		}
		return someField(t) + " in [" + strings.Join(list, ", ") + "]"
	case 3:
		return rapid.SampledFrom([]string{
			"event.a / event.b > 1", "event.a == event.b", "event.c.deep > 0", "event.a", "event.b", "!event.a", `!event["b"]`, "!!event.a", "!has(event.a)", "!(event.b == 1)", "event.?a.orValue(0) > 0", "event.a.size() > 1",
			"event.list.all(i, i > 0)", "event.list.exists(i, event.a == i)", "event.a == 1 || event.b == 2", "(event.a == 1 ? event.b == 1 : event.b == 2)", "event.a + 1 > 2",
		}).Draw(t, "other")
	case 4:
		return "(" + someTerm(t) + " && " + someTerm(t) + ")"
	}
	op := rapid.SampledFrom([]string{"==", "==", "!=", "<", "<=", ">", ">="}).Draw(t, "operator")
	if rapid.Bool().Draw(t, "left") {
		return someLiteral(t) + " " + op + " " + someField(t)
	}
	return someField(t) + " " + op + " " + someLiteral(t)
}

// someCondition draws one that compiles, with its plain one.
func someCondition(t *rapid.T, quick, plain *Env) (src string, c, want *Condition) {
	for {
		var sides []string
		for range rapid.IntRange(1, 4).Draw(t, "sides") {
			sides = append(sides, someTerm(t))
		}
		src = strings.Join(sides, " && ")
		c, err := quick.Condition(src, termsScope())
		if err == nil {
			want, err := plain.Condition(src, termsScope())
			if err != nil || want.terms != nil {
				t.Fatalf("%s: %v", src, err)
			}
			return src, c, want
		}
	}
}

// someBody draws an event, also with values that no decoder gives.
func someBody(t *rapid.T) body {
	b := body{"type": "x", "list": []any{int64(1), int64(0)}}
	for _, name := range []string{"a", "b", "c", "d"} {
		switch rapid.IntRange(0, 10).Draw(t, "kind of "+name) {
		case 0, 1:
		case 2, 10:
			b[name] = rapid.SampledFrom([]any{nil, nil, true, false, []any{}, []any{int64(1)}, map[string]any{"k": int64(1), "deep": int64(1)}}).Draw(t, name)
		case 3:
			b[name] = rapid.SampledFrom([]any{uint64(1), 1, uint8(1), float32(1), math.NaN(), math.Inf(1), math.Inf(-1), []byte("x"), struct{}{}}).Draw(t, name)
		case 4, 5:
			b[name] = drawNumber(t, name)
		case 6, 7:
			b[name] = rapid.SampledFrom([]any{int64(0), int64(1), int64(2), 1.0, 1.5, math.NaN(), int64(9007199254740993), 9007199254740992.0}).Draw(t, name)
		default:
			b[name] = rapid.SampledFrom([]any{"x", "y", "", "1", "ä"}).Draw(t, name)
		}
	}
	return b
}

// Whatever a condition says and an event holds, its terms say no more than the interpreter would.
func TestTermsLaw(t *testing.T) {
	quick, plain := termsEnvs(t)
	judged, all := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		src, c, want := someCondition(t, quick, plain)
		for range 8 {
			v := &Vars{Event: someBody(t), Now: testNow}
			if rapid.IntRange(0, 40).Draw(t, "no event") == 0 {
				v.Event = nil
			}
			holds, why := c.Eval(v)
			wantHolds, wantWhy := want.Eval(v)
			if holds != wantHolds || why != wantWhy {
				t.Fatalf("%s with %v: got %v %+v, want %v %+v", src, v.Event, holds, why, wantHolds, wantWhy)
			}
			if all++; c.terms != nil {
				if _, _, ok := c.terms.judge(v.Event); ok {
					judged++
				}
			}
		}
	})
	if judged*4 < all {
		t.Errorf("terms judged %d of %d: the law says little", judged, all)
	}
}

// The interpreter is asked only where it must be.
func TestTermsAreFound(t *testing.T) {
	env, _ := termsEnvs(t)
	for src, want := range map[string]string{
		`event.sku == "s"`:                                       "1 whole",
		`event.price >= 20 && "s" == event.sku`:                  "2 whole",
		`has(event.a) && event.a in ["x", "y"] && 1.5 < event.b`: "3 whole",
		`event["a"] != null && event.b == true`:                  "2 whole",
		`event.a == 1 && (event.b == 2 || event.c == 3)`:         "1",
		`event.a == 1 && event.l.all(i, i > 0) && event.b == 2`:  "1", // behind a loop, whose work may be too much
		`event.l.all(i, i > 0) && event.b == 2`:                  "",
		`event.b == 2 && segment.hot && event.c == 3`:            "1", // behind a segment, which may fail
		`event.a && !event.b && !(event["c"])`:                   "3 whole",
		`!has(event.a)`:                                          "",
		`event.a < true`:                                         "",
		`event.a in [1]`:                                         "", // the interpreter's sets of numbers are its own
		`event.a.b == 1`:                                         "",
		`now > time("2026-01-01")`:                               "",
	} {
		c, err := env.Condition(src, termsScope())
		if err != nil {
			t.Fatalf("%s: %s", src, err.Message)
		}
		got := ""
		if c.terms != nil {
			got = strconv.Itoa(len(c.terms.list))
			if c.terms.whole {
				got += " whole"
			}
		}
		if got != want {
			t.Errorf("%s: terms %q, want %q", src, got, want)
		}
	}
}

// A loop that is more work than is allowed fails the condition, whatever stands behind it.
func TestTermsBehindALoop(t *testing.T) {
	quick, plain := termsEnvs(t)
	long := make([]any, 1500)
	for i := range long {
		long[i] = int64(i)
	}
	v := &Vars{Event: body{"l": long, "a": int64(2)}}
	for _, src := range []string{`event.l.all(i, event.l.all(k, i + k >= 0)) && event.a == 1`, `event.a == 1 && event.l.all(i, event.l.all(k, i + k >= 0))`} {
		c, err := quick.Condition(src, termsScope())
		if err != nil {
			t.Fatal(err.Message)
		}
		want, _ := plain.Condition(src, termsScope())
		_, why := c.Eval(v)
		if _, wantWhy := want.Eval(v); why != wantWhy {
			t.Errorf("%s: %+v, want %+v", src, why, wantWhy)
		}
	}
}

// A term is judged without a piece of memory.
func TestTermsAllocateNothing(t *testing.T) {
	env, _ := termsEnvs(t)
	c, err := env.Condition(`event.sku == "s" && event.price >= 20 && event.color in ["red", "blue"]`, termsScope())
	if err != nil {
		t.Fatal(err.Message)
	}
	for _, b := range []body{{"sku": "s", "price": int64(30), "color": "blue"}, {"sku": "t"}, {"price": 3.5}, {}} {
		v := &Vars{Event: b}
		if n := testing.AllocsPerRun(100, func() { c.Eval(v) }); n > 0 {
			t.Errorf("%v: %v allocations", b, n)
		}
	}
}
