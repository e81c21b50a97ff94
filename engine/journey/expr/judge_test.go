package expr

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"wend/engine/journey/domain"
	"wend/schemas"
)

func testCondition(t testing.TB, env *Env, src string) *Condition {
	t.Helper()
	c, err := env.Condition(src, testScope())
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	return c
}

// TestJudge: what is proved of a condition, along conditions that held before it (with a leading - those that did not).
func TestJudge(t *testing.T) {
	env := testEnv(t)
	segments := []*Condition{testCondition(t, env, "score.lead >= 60"), testCondition(t, env, "profile.ltv < 10 && !segment.hot")}
	scores := []domain.Set{domain.Numbers(domain.Int, domain.AtLeast(0)), domain.Of(domain.Double)}
	price := &domain.Shape{Self: domain.Numbers(domain.Number, domain.AtLeast(0))}
	kind := &domain.Shape{Self: domain.TextsOf(domain.OneOf("a", "b"))}
	gone := &domain.Shape{Self: domain.Of(domain.Absent)}
	shape := &domain.Shape{Self: domain.Of(domain.Map), Fields: map[string]*domain.Shape{"cost": price, "kind": kind}, Rest: gone}
	for _, c := range []struct {
		before, src string
		want        string // never, always or nothing
		parts       string
		facts       string
	}{
		{"", "event.x > 5 && event.x < 3", "never", "event.x > 5 | event.x < 3", ""},
		{"", "event.y == 1 && event.x > 5 && has(event.z) && event.x < 3", "never", "event.x > 5 | event.x < 3", ""},
		{"", "event.x > 5 || event.x < 3", "", "", ""},
		{"", "event.x == 'a' && event.x == 'b'", "never", "event.x == 'a' | event.x == 'b'", ""},
		{"", "event.x in ['a', 'b'] && event.x in ['c', 'd']", "never", "event.x in ['a', 'b'] | event.x in ['c', 'd']", ""},
		{"", "event.x in ['a', 'b'] && event.x != 'a' && event.x != 'b'", "never", "event.x in ['a', 'b'] | event.x != 'a' | event.x != 'b'", ""},
		{"", "profile.purchases > 2 && profile.purchases < 3", "never", "profile.purchases > 2 | profile.purchases < 3", ""},
		{"", "profile.ltv > 2 && profile.ltv < 3", "", "", ""},
		{"", "profile.purchases > 2 || profile.purchases <= 2", "always", "", ""},
		{"", "event.x > 2 || event.x <= 2", "", "", ""},
		{"", "count('browse', '10m') >= 0", "always", "", ""},
		{"", "count('browse', '10m') < 0", "never", "count('browse', '10m') < 0", ""},
		{"", "now.getHours('UTC') > 30", "", "", ""},
		{"", "now.getDayOfWeek() == 7", "never", "now.getDayOfWeek() == 7", ""},
		{"", "score.lead < 0", "never", "score.lead < 0", "score.lead is at least 0"},
		{"", "score.lead >= 0", "always", "", "score.lead is at least 0"},
		{"", "score.heat < 0", "", "", ""},
		{"", "segment.hot && segment.cold", "never", "segment.hot | segment.cold", ""},
		{"", "segment.hot && score.lead < 50", "never", "segment.hot | score.lead < 50", ""},
		{"", "event.a == enter.b && enter.b != event.a", "never", "event.a == enter.b | enter.b != event.a", ""},
		{"", "event.a > enter.b && !(enter.b < event.a)", "never", "event.a > enter.b | !(enter.b < event.a)", ""},
		{"", "has(event.x) && !has(event.x)", "never", "has(event.x) | !has(event.x)", ""},
		{"", "event.x == 1 && !has(event.x)", "never", "event.x == 1 | !has(event.x)", ""},
		{"", "event.a.b > 1 && event.a['b'] < 1", "never", "event.a.b > 1 | event.a['b'] < 1", ""},
		{"", "event.a + event.b > 3 && event.a + event.b < 3", "never", "event.a + event.b > 3 | event.a + event.b < 3", ""},
		{"", "event.?x.orValue(0) > 3 && event.x < 3", "", "", ""}, // not looked into
		{"", "profile.tier == null", "never", "profile.tier == null", ""},
		{"", "profile.vip ? profile.purchases > 3 : false", "", "", ""},
		{"", "profile.vip && (profile.vip ? profile.purchases > 3 : true) && profile.purchases < 3", "never",
			"profile.vip | profile.vip ? profile.purchases > 3 : true | profile.purchases < 3", ""},
		{"", "now < time('2026-01-01T00:00:00Z') && now > time('2027-01-01T00:00:00Z')", "never",
			"now < time('2026-01-01T00:00:00Z') | now > time('2027-01-01T00:00:00Z')", ""},
		{"", "now < time('2026-01-01') && now > time('2026-01-02')", "", "", ""}, // in another zone
		{"", "profile.last_seen - now > duration('1h') && profile.last_seen - now < duration('30m')", "never",
			"profile.last_seen - now > duration('1h') | profile.last_seen - now < duration('30m')", ""},
		{"", "event.x.contains('a') && !event.x.contains('a')", "never", "event.x.contains('a') | !event.x.contains('a')", ""},
		{"", "event.items.exists(i, i > 1) && !event.items.exists(i, i > 1)", "", "", ""}, // not looked into
		{"event.x >= 20", "event.x < 20", "never", "event.x < 20", "event.x is at least 20 (0)"},
		{"event.x >= 20", "event.x >= 10", "always", "", "event.x is at least 20 (0)"},
		{"event.x >= 20; event.y == 1", "event.x < 20", "never", "event.x < 20", "event.x is at least 20 (0)"},
		{"event.x >= 20; event.x <= 30; event.x != 25", "event.x == 25", "never", "event.x == 25", "event.x is at least 20 and below 25 or above 25 and at most 30 (0 1 2)"},
		{"-event.x >= 20", "event.x < 20", "", "", ""}, // it may not be there
		{"-event.x >= 20", "event.x >= 20", "never", "event.x >= 20", ""},
		{"-profile.purchases >= 20", "profile.purchases < 20", "always", "", "profile.purchases is at most 19 (0)"},
		{"event.x > enter.y; enter.y > 10", "event.x < 9", "", "", ""}, // each condition is looked at once, in its place
		{"enter.y > 10; event.x > enter.y", "event.x < 9", "never", "event.x < 9", "event.x is above 10 (0 1)"},
		{"profile.tier in ['gold', 'silver']; profile.tier != 'gold'", "profile.tier == 'silver'", "always", "", `profile.tier is "silver" (0 1)`},
		{"event.x == true", "!event.x", "never", "!event.x", "event.x is true (0)"},
		{"schema", "event.cost < 0", "never", "event.cost < 0", "event.cost is at least 0"},
		{"schema", "event.cost >= 0", "always", "", "event.cost is at least 0"},
		{"schema", "event.kind == 'c'", "never", "event.kind == 'c'", `event.kind is "a" or "b"`},
		{"schema", "event.kind == 'a'", "", "", ""},
		{"schema; event.kind != 'a'", "event.kind == 'b'", "always", "", `event.kind is "b" (1)`},
		{"schema", "event.other == 1", "never", "event.other == 1", "event.other is not there"},
		{"schema", "!has(event.other)", "always", "", "event.other is not there"},
		{"schema", "event.?cost.orValue(-1) < 0", "never", "event.?cost.orValue(-1) < 0", ""},
	} {
		j := NewJudge(segments, scores)
		k := At(Event{}, Event{})
		if c.before != "" {
			for i, src := range strings.Split(c.before, "; ") {
				if src == "schema" {
					k = At(Event{Shapes: []*domain.Shape{shape}}, Event{})
					continue
				}
				not, is := strings.CutPrefix(src, "-")
				k = j.Assume(k, testCondition(t, env, not), !is, i)
			}
		}
		v := j.Judge(k, testCondition(t, env, c.src))
		got := map[bool]string{true: "never"}[v.Never] + map[bool]string{true: "always"}[v.Always]
		var facts []string
		for _, f := range v.Facts {
			text := f.Name + " " + f.Words
			if len(f.From) > 0 {
				text += " " + strings.NewReplacer("[", "(", "]", ")").Replace(fmt.Sprint(f.From))
			}
			facts = append(facts, text)
		}
		if got != c.want || strings.Join(v.Parts, " | ") != c.parts || strings.Join(facts, "; ") != c.facts {
			t.Errorf("%s: %s\n got %q %q %q\nwant %q %q %q", c.before, c.src, got, strings.Join(v.Parts, " | "), strings.Join(facts, "; "), c.want, c.parts, c.facts)
		}
	}
}

// drawCondition draws a condition over a few names, so that two of them often speak of the same.
func drawCondition(t *rapid.T, depth int) string {
	pick := func(label string, from ...string) string { return rapid.SampledFrom(from).Draw(t, label) }
	if depth > 0 {
		a := func() string { return drawCondition(t, depth-1) }
		switch pick("shape", "and", "or", "not", "choice", "leaf", "leaf", "leaf") {
		case "and":
			return "(" + a() + " && " + a() + ")"
		case "or":
			return "(" + a() + " || " + a() + ")"
		case "not":
			return "!(" + a() + ")"
		case "choice":
			return "(" + a() + " ? " + a() + " : " + a() + ")"
		}
	}
	names := []string{"event.x", "event.y", "enter.x", "profile.purchases", "profile.ltv", "profile.tier", "profile.vip", "score.lead", "event.m.k", "event.m['k']",
		"count('a', '1d')", "event.?x.orValue(1)", "event.x + event.y", "event.x - 1", "-event.y", "event.x * 2", "event.x / event.y", "event.x % 2", "now", "time(event.x)",
		"profile.last_seen", "now - duration('1h')", "now - profile.last_seen", "last('a')"}
	values := []string{"0", "1", "2", "2.5", "-1", "'a'", "'gold'", "true", "false", "null", "1.0", "time('2026-03-01T00:00:00Z')", "duration('1h')", "time('2026-03-01')", "time(1772331000000)"}
	left := pick("left", names...)
	var right string
	if rapid.Bool().Draw(t, "other") {
		right = pick("right", append(slices.Clone(names), values...)...)
	} else {
		right = pick("value", values...)
	}
	switch op := pick("op", "==", "!=", "<", "<=", ">", ">=", "in", "has", "itself", "segment", "method", "seen"); op {
	case "in":
		return left + " in [" + right + ", " + pick("second", values...) + "]"
	case "has":
		return "has(" + pick("field", "event.x", "event.m.k", "event.y.z", "profile.tier", "enter.x") + ")"
	case "itself":
		return pick("flag", "event.x", "profile.vip", "segment.hot", "segment.cold")
	case "segment":
		return pick("member", "segment.hot", "segment.cold") + " == " + pick("is", "true", "false")
	case "method":
		return pick("call", "event.x.contains('a')", "now.getDayOfWeek() > 3", "size(event.x) > 1", "event.x.size() == 0", "now.getMonth() < 4")
	case "seen":
		return "seen('a')"
	default:
		return left + " " + op + " " + right
	}
}

func drawField(t *rapid.T, label string) (any, bool) {
	v := rapid.SampledFrom([]any{int64(0), int64(1), int64(2), int64(3), 2.5, 1.0, -1.0, "a", "gold", "", true, false, nil, "gone", int64(1 << 53), []any{"a"},
		map[string]any{"k": int64(1)}, map[string]any{}, map[string]any{"k": "a", "z": 2.5}, int64(1_772_331_000_000), "2026-03-01"}).Draw(t, label)
	return v, v != "gone"
}

// TestJudgeLaw: whatever the values are, a condition that is proved never to hold does not, one that always holds does, and
// what is assumed along the way of those values is never said to be impossible. Where two ways meet both stay possible.
func TestJudgeLaw(t *testing.T) {
	env := testEnv(t)
	segments := []*Condition{testCondition(t, env, "score.lead >= 2"), testCondition(t, env, "profile.ltv < 2 && !segment.hot || profile.vip")}
	compiled, zone := map[string]*Condition{}, testZone(t, "Asia/Shanghai")
	never, always := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		event, enter := body{}, body{}
		for name, of := range map[string]body{"x": event, "y": event, "m": event, "ex": enter} {
			if v, ok := drawField(t, name); ok {
				of[name[len(name)-1:]] = v
			}
		}
		lead := float64(rapid.IntRange(0, 3).Draw(t, "lead"))
		profile := schemas.Fields{}.Set("purchases", rapid.Int64Range(-1, 3).Draw(t, "purchases")).Set("ltv", rapid.SampledFrom([]float64{0, 1, 2.5}).Draw(t, "ltv")).
			Set("vip", rapid.Bool().Draw(t, "vip")).Set("last_seen", "2026-02-28T00:00:00Z")
		if rapid.Bool().Draw(t, "tiered") {
			profile = profile.Set("tier", rapid.SampledFrom([]string{"a", "gold"}).Draw(t, "tier"))
		}
		st := &testState{score: []float64{lead, 0}, count: rapid.Int64Range(0, 3).Draw(t, "count"), seen: rapid.Bool().Draw(t, "seen")}
		if rapid.Bool().Draw(t, "was") {
			st.last = testNow - 1000
		}
		v := &Vars{Event: event, Enter: enter, Profile: profile, State: st, Now: testNow, Zone: zone}
		hot, _ := segments[0].Eval(v)
		st.segment = []bool{hot, false}
		cold, _ := segments[1].Eval(v)
		st.segment[1] = cold

		j := NewJudge(segments, []domain.Set{domain.Numbers(domain.Int, domain.AtLeast(0)), domain.Of(domain.Double)})
		k := At(Event{}, Event{})
		if rapid.Bool().Draw(t, "schema") {
			shape := &domain.Shape{Self: domain.Of(domain.Map), Fields: map[string]*domain.Shape{}}
			for _, name := range []string{"x", "y"} {
				set := domain.Of(domain.Absent)
				if value, ok := event[name]; ok {
					set = domain.Constant(value)
				}
				other, _ := drawField(t, "like "+name)
				shape.Fields[name] = &domain.Shape{Self: set.Union(domain.Constant(other))}
			}
			k = At(Event{Shapes: []*domain.Shape{shape}}, Event{})
		}
		var before []string
		for i := range rapid.IntRange(1, 4).Draw(t, "conditions") {
			src := drawCondition(t, 2)
			c := compiled[src]
			if c == nil {
				var err *Error
				if c, err = env.Condition(src, testScope()); err != nil {
					return // of two types that do not go together
				}
				compiled[src] = c
			}
			holds, _ := c.Eval(v)
			verdict := j.Judge(k, c)
			if verdict.Never && holds || verdict.Always && !holds {
				t.Fatalf("after %q: %s is %v, and the verdict is %+v; event %v enter %v profile %v", before, src, holds, verdict, event, enter, profile)
			}
			if verdict.Never {
				never++
			}
			if verdict.Always {
				always++
			}
			before = append(before, fmt.Sprintf("%s is %v", src, holds))
			other := j.Assume(k, c, !holds, i)
			if k = j.Assume(k, c, holds, i); k == nil {
				t.Fatalf("it is said not to be possible: %q; event %v enter %v profile %v", before, event, enter, profile)
			}
			if rapid.Bool().Draw(t, "meet") {
				k = Join(other, k)
			}
		}
	})
	if never+always < 5 && !testing.Short() {
		t.Errorf("%d conditions never held and %d always: the law was not put to the test", never, always)
	}
}

// TestJudgeBounded: what is too much work proves nothing, and comes back.
func TestJudgeBounded(t *testing.T) {
	env := testEnv(t)
	deep := "event.x > 1"
	for range 40 {
		deep = "(" + deep + " ? event.y > 1 : event.z > 1)"
	}
	wide := "event.x > 1" + strings.Repeat(" && event.x > 1", 250)
	choices := "event.x > 1"
	for i := range 12 {
		choices = fmt.Sprintf("(%s ? event.a%d > 1 : event.b%d > 1)", choices, i, i)
	}
	for _, src := range []string{deep, wide, choices, wide + " && event.x < 0"} {
		j := NewJudge(nil, nil)
		c := testCondition(t, env, src)
		k := At(Event{}, Event{})
		for range 4 {
			j.Judge(k, c)
			k = j.Assume(k, c, true, 0)
		}
	}
}
