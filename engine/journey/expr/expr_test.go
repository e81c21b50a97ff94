package expr

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"wend/schemas"
)

// body is an event in a test.
type body map[string]any

func (b body) Field(name string) (any, bool) { v, ok := b[name]; return v, ok }
func (b body) Map() map[string]any           { return b }

func testEnv(t testing.TB) *Env {
	t.Helper()
	env, err := NewEnv(Names{Attributes: []Attribute{
		{"email", String}, {"first_name", String}, {"birthday", Date}, {"tier", String}, {"ltv", Double}, {"purchases", Int},
		{"vip", Bool}, {"last_seen", Timestamp}, {"items", List}, {"prefs", Map}, {"absent_text", String}, {"absent_int", Int},
		{"absent_double", Double}, {"absent_bool", Bool}, {"absent_date", Date}, {"absent_time", Timestamp},
		{"absent_list", List}, {"absent_map", Map},
	}, Scores: []Score{{"lead", true}, {"heat", false}}, Segments: []string{"hot", "cold"}})
	if err != nil {
		t.Fatal(err)
	}
	return env
}

func testScope() Scope {
	return Scope{Event: true, Enter: true, Profile: true, Sent: true, Now: true, Sends: []string{"hello", "cart-reminder", "never-left"}}
}

func testZone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, ok := LoadZone(name)
	if !ok {
		t.Fatalf("no zone %s", name)
	}
	return z
}

const testNow = 1_772_331_000_000 // 2026-03-01T02:10:00Z

func testVars(t testing.TB) *Vars {
	return &Vars{
		Event: body{
			"price": int64(30), "cost": 19.99, "name": "Li", "vip": true, "off": false, "none": nil, "zero": int64(0), "fzero": 0.0,
			"ts": int64(1_772_323_200_000), "when": "2026-03-01T10:00:00+08:00", "thirty": 30.0, "one": int64(1), "half": 0.5,
			"big": int64(9223372036854775807), "small": int64(-9223372036854775808), "huge": 1e308,
			"odd": int64(9007199254740993), "even": 9007199254740992.0,
			"items": []any{map[string]any{"sku": "s1", "price": int64(5)}, map[string]any{"sku": "s2", "price": 7.5}},
			"tags":  []any{"a", "b"}, "nums": []any{int64(1), 2.0, 2.5}, "map": map[string]any{"k": int64(1), "n": nil, "deep": map[string]any{"x": "y"}},
			"two": int64(2), "date": "2026-03-01",
		},
		Enter: body{"cart_id": "k1", "price": 20.5, "type": "add_to_cart"},
		Profile: schemas.Fields{}.Set("first_name", "Li").Set("tier", "gold").Set("ltv", 100.5).Set("purchases", int64(3)).
			Set("vip", true).Set("birthday", "1990-05-20").Set("last_seen", "2026-02-28T00:00:00Z").Set("items", []any{int64(1), "x"}).
			Set("prefs", map[string]any{"color": "red"}).Set("tags", []any{"new", "cn"}).Set("consent", map[string]any{"sms": true, "email": false}).
			Set("timezone", "Asia/Shanghai"),
		Sent: []schemas.Sent{{ID: "hello", ActionID: "j/c/1/hello/1", At: testNow - 1000}, {ID: "cart-reminder", ActionID: "j/c/1/cart-reminder/1", At: testNow - 60_000}},
		Now:  testNow,
		Zone: testZone(t, "Asia/Shanghai"),
	}
}

func TestConditions(t *testing.T) {
	env, v := testEnv(t), testVars(t)
	const yes, no = true, false
	for _, c := range []struct {
		name, src string
		holds     bool
		why       Why
	}{
		{"whole and fractional compare", "event.price == 30.0 && 30 == event.thirty && event.price < 30.5 && event.cost > 19", yes, Why{}},
		{"typed attributes compare with either", "profile.purchases == 3.0 && profile.ltv > 100 && profile.purchases < profile.ltv && profile.purchases != 3.5", yes, Why{}},
		{"in takes either", "event.price in [30.0, 1] && 2 in event.nums && profile.purchases in [1.5, 3.0] && 1.0 in event.nums", yes, Why{}},
		{"lists compare element by element, numbers by worth", "event.nums == [1.0, 2, 2.5] && [1, [2.0]] == [1.0, [2]]", yes, Why{}},
		{"maps compare by worth", `event.map.deep == {"x": "y"} && {"a": 1} == {"a": 1.0}`, yes, Why{}},
		{"comparison is exact above 2^53", "event.odd == event.even", no, Why{}},
		{"order is exact above 2^53", "event.odd > event.even && event.even < event.odd && !(event.even in [event.odd])", yes, Why{}},
		{"they calculate together", "event.price + event.half == 30.5 && profile.ltv + profile.purchases == 103.5 && 2 * 1.5 == 3 && 3 - 0.5 == 2.5", yes, Why{}},
		{"division is fractional", "7 / 2 == 3.5 && event.price / 4 == 7.5 && profile.purchases / 2 == 1.5", yes, Why{}},
		{"modulo", "event.price % 7 == 2 && -7 % 3 == -1", yes, Why{}},
		{"modulo wants whole values", "event.thirty % 7 == 2", no, Why{Failed: "% wants whole numbers, not a fractional number and a whole number"}},
		{"index wants whole values", "event.tags[event.fzero] == 'a'", no, Why{Failed: "an index is a whole number, not a fractional one"}},
		{"dynamic index", "event.tags[event.zero] == 'a' && event.tags[event.zero + 1] == 'b' && event.map['k'] == 1", yes, Why{}},
		{"division by zero", "event.price / event.zero > 1", no, Why{Failed: "division by zero"}},
		{"fractional division by zero", "event.cost / event.fzero > 1", no, Why{Failed: "division by zero"}},
		{"modulo by zero", "event.price % event.zero == 1", no, Why{Failed: "division by zero"}},
		{"overflow of a sum", "event.big + 1 > 0", no, Why{Failed: "the whole number does not fit 64 bits"}},
		{"overflow of a difference", "event.small - 1 < 0", no, Why{Failed: "the whole number does not fit 64 bits"}},
		{"overflow of a product", "event.big * 2 > 0", no, Why{Failed: "the whole number does not fit 64 bits"}},
		{"overflow of a negation", "-event.small > 0", no, Why{Failed: "the whole number does not fit 64 bits"}},
		{"overflow of a fractional number", "event.huge * 10 > 0", no, Why{Failed: "the number is too large"}},
		{"text and number are unequal", "event.name == 30 || event.price == '30' || event.name == event.price || event.price in ['30']", no, Why{}},
		{"text and number differ", "event.name != 30 && event.price != '30' && event.vip != 1 && event.none != 0 && event.tags != 'a'", yes, Why{}},
		{"text and number have no order", "event.name < 30", no, Why{Failed: "text and a whole number have no order"}},
		{"null is there", "event.none == null && has(event.none) && event.price != null && null == event.none && event.map.n == null", yes, Why{}},
		{"null has no order", "event.none > 1", no, Why{Failed: "null and a whole number have no order"}},
		{"attribute and null", "profile.tier != null", yes, Why{}},

		{"missing field", "event.nope == 1", no, Why{Missing: "event.nope"}},
		{"missing under not", "!(event.nope == 1)", no, Why{Missing: "event.nope"}},
		{"missing differs from nothing", "event.nope != 1", no, Why{Missing: "event.nope"}},
		{"missing in enter", "enter.nope == 1", no, Why{Missing: "enter.nope"}},
		{"missing in a map", "event.map.nope == 1", no, Why{Missing: "event.map.nope"}},
		{"missing on the way", "event.nope.x.y == 1", no, Why{Missing: "event.nope"}},
		{"missing in a profile map", "profile.prefs.size == 1", no, Why{Missing: "profile.prefs.size"}},
		{"missing consent", "profile.consent.push", no, Why{Missing: "profile.consent.push"}},
		{"field of null", "event.none.x == 1", no, Why{Missing: "event.none.x"}},
		{"field of a number", "event.price.x == 1", no, Why{Missing: "event.price.x"}},
		{"element that is not there", "event.tags[2] == 'a'", no, Why{Missing: "event.tags[2]"}},
		{"field by index", `event["nope"] == 1`, no, Why{Missing: `event["nope"]`}},
		{"or with a true side is true", "event.nope == 1 || event.price == 30", yes, Why{}},
		{"or with a true side is true, in the other order", "event.price == 30 || event.nope == 1", yes, Why{}},
		{"or without a true side depends", "event.nope == 1 || event.price == 31", no, Why{Missing: "event.nope"}},
		{"and with a false side is false", "!(event.nope == 1 && event.price == 31)", yes, Why{}},
		{"and with a false side is false, in the other order", "!(event.price == 31 && event.nope == 1)", yes, Why{}},
		{"and without a false side depends", "event.nope == 1 && event.price == 30", no, Why{Missing: "event.nope"}},
		{"or absorbs failures", "event.price / 0 > 1 || event.vip", yes, Why{}},
		{"and absorbs failures", "!(event.price / 0 > 1 && event.off)", yes, Why{}},
		{"all absorbs", "event.items.exists(i, i.nope == 1 || i.sku == 's2')", yes, Why{}},
		{"has", "has(event.price) && !has(event.nope) && !has(event.map.nope) && has(event.map.k)", yes, Why{}},
		{"has of an absent attribute", "has(profile.tier) && !has(profile.absent_text) && !has(profile.absent_map)", yes, Why{}},
		{"absent attributes read as zero", "profile.absent_text == '' && profile.absent_int == 0 && profile.absent_double == 0 && !profile.absent_bool && profile.absent_date == '' && profile.absent_list == [] && profile.absent_map == {}", yes, Why{}},
		{"absent timestamp is 1970", "profile.absent_time == time(0)", yes, Why{}},
		{"optional field", "event.?nope.orValue(0) == 0 && event.?price.orValue(0) == 30 && event.?map.?nope.orValue('x') == 'x' && event.?map.k.orValue(2) == 1", yes, Why{}},
		{"optional has", "event.?price.hasValue() && !event.?nope.hasValue()", yes, Why{}},
		{"optional attribute", "profile.?tier.orValue('') == 'gold' && profile.?absent_text.orValue('x') == 'x'", yes, Why{}},
		{"tags, consent and timezone are undeclared", "'new' in profile.tags && profile.consent.sms && profile.timezone == 'Asia/Shanghai'", yes, Why{}},
		{"consent that is false", "profile.consent.email", no, Why{}},
		{"enter", "enter.cart_id == 'k1' && enter.price < event.price", yes, Why{}},
		{"a condition that is no boolean", "event.price", no, Why{Failed: "a condition is true or false, not a whole number"}},
		{"not of a number", "!event.price", no, Why{Failed: "the kinds of the values do not fit"}},

		{"sent", `sent.hello.at < now && sent["cart-reminder"].action_id == "j/c/1/cart-reminder/1"`, yes, Why{}},
		{"sent at", `now - sent.hello.at == duration("1s") && sent.hello.at == time(1772330999000)`, yes, Why{}},
		{"sent that has not left", `sent["never-left"].at < now`, no, Why{Missing: `sent["never-left"]`}},
		{"has of sent", `has(sent.hello) && !("never-left" in ["x"])`, yes, Why{}},
		{"optional send", `sent[?"never-left"].hasValue()`, no, Why{}},
		{"duration", `duration("7d") == duration("168h") && duration("1h30m") == duration("90m") && duration("1w") == duration("7d") && duration("500ms") < duration("1s")`, yes, Why{}},
		{"time from milliseconds", "time(event.ts) == time('2026-03-01T00:00:00Z') && time(0) < now", yes, Why{}},
		{"time from RFC 3339", "time(event.when) == time('2026-03-01T02:00:00Z')", yes, Why{}},
		{"time from a date is 00:00 of the customer's zone", "time('2026-03-01') == time('2026-02-28T16:00:00Z') && time(event.date) == time('2026-03-01')", yes, Why{}},
		{"time of a date attribute", "time(profile.birthday) == time('1990-05-19T15:00:00Z')", yes, Why{}}, // summer time then
		{"time of no time", "time(event.name) < now", no, Why{Failed: `"Li" is not a time: write RFC 3339, such as 2027-02-05T09:00:00Z, or a date, such as 2027-02-05`}},
		{"timestamps calculate", `now + duration("1h") > now && now - duration("1d") < now && now - time(event.ts) == duration("2h10m")`, yes, Why{}},
		{"timestamp attribute", `profile.last_seen < now && now - profile.last_seen > duration("1d")`, yes, Why{}},
		{"clock parts", `now.getHours("Asia/Shanghai") == 10 && now.getHours() == 2 && now.getDayOfWeek(profile.timezone) == 0 && now.getFullYear("+08:00") == 2026`, yes, Why{}},
		{"unknown zone", `now.getHours(event.name) == 10`, no, Why{Failed: `"Li" is not a time zone`}},
		{"text functions", `event.name.startsWith("L") && event.name.endsWith("i") && event.name.contains("i") && event.name.matches("^L.$") && size(event.name) == 2 && event.name.size() == 2`, yes, Why{}},
		{"more text functions", `" aB ".trim().lowerAscii() == "ab" && "ab".upperAscii() == "AB" && "a-b".split("-") == ["a", "b"] && ["a", "b"].join("+") == "a+b" && "abc".substring(1) == "bc" && "abc".substring(0, 1) == "a" && "äbc".indexOf("b") == 1 && "aa".replace("a", "b") == "bb" && "abc".charAt(1) == "b" && "aba".lastIndexOf("a") == 2`, yes, Why{}},
		{"macros", "event.items.all(i, i.price > 4) && event.items.exists(i, i.sku == 's1') && event.items.exists_one(i, i.sku == 's1') && event.items.map(i, i.price) == [5, 7.5] && size(event.items.filter(i, i.price > 6)) == 1", yes, Why{}},
		{"choice", "(event.vip ? 1 : 2.5) == 1.0 && (event.vip ? profile.ltv : 0) > 100 && (event.off ? 'a' : event.name) == 'Li'", yes, Why{}},
		{"math", "math.greatest(event.price, 1.5) == 30 && math.least(1, 2.5) == 1 && math.abs(-3) == 3", yes, Why{}},
		{"conversions", `int("42") == 42 && double(event.price) == 30.0 && string(event.price) == "30" && int(2.9) == 2`, yes, Why{}},
		{"text and lists add", `event.name + "!" == "Li!" && size(event.tags + ["c"]) == 3 && [1] + [2.5] == [1.0, 2.5]`, yes, Why{}},
		{"text and number do not add", `event.name + 1 == "Li1"`, no, Why{Failed: "adding text and a whole number is not possible"}},
		{"whole event", "event == event && 'price' in event && size(enter) == 3 && event.exists(k, k == 'cost')", yes, Why{}},
		{"macro variables hide nothing of the language", "event.tags.all(x, x != event.name)", yes, Why{}},
		{"multi line", "event.price > 1 &&\n  event.vip", yes, Why{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cond, err := env.Condition(c.src, testScope())
			if err != nil {
				t.Fatalf("%s: %d: %s", c.src, err.Offset, err.Message)
			}
			holds, why := cond.Eval(v)
			if holds != c.holds || why != c.why {
				t.Errorf("%s\n got %v %+v\nwant %v %+v", c.src, holds, why, c.holds, c.why)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	env := testEnv(t)
	enter := Scope{Event: true, Profile: true, Now: true}
	becomes := Scope{Profile: true}
	for _, c := range []struct {
		name, src string
		scope     Scope
		at        string // the error stands where this begins
		says      string
	}{
		{"nothing", " ", testScope(), "", "missing"},
		{"unknown name", "evnt.price > 1", testScope(), "evnt", "unknown name evnt; did you mean event?"},
		{"unknown name behind others", "event.price > 1 && foo", testScope(), "foo", "unknown name foo"},
		{"unknown attribute", "1 < profile.ltw", testScope(), "profile", "unknown attribute profile.ltw; did you mean ltv?"},
		{"unknown attribute in has", "has(profile.nope)", testScope(), "profile", "unknown attribute profile.nope"},
		{"unknown attribute in ?", "profile.?nope.orValue(1) == 1", testScope(), "profile", "unknown attribute profile.nope"},
		{"unknown send", "sent.hallo.at < now", testScope(), "sent", "no send of this journey has the id hallo; did you mean hello?"},
		{"send with a hyphen", "sent.cart-reminder.at < now", testScope(), "sent", `write sent["cart-reminder"]`},
		{"send that is computed", "sent[event.x].at < now", testScope(), "event", "must be written out"},
		{"unknown field of a send", "sent.hello.when < now", testScope(), "sent", "when"},
		{"unknown function", "foo(1)", testScope(), "foo", "unknown function foo"},
		{"enter in an enter condition", "enter.x == 1", enter, "enter", "may be used in `goal`, in `exit` and in steps"},
		{"sent in an enter condition", "event.x == 1 && has(sent.hello)", enter, "sent", "may be used in `goal`, in `exit` and in steps"},
		{"event in becomes", "event.x == 1", becomes, "event", "may be used"},
		{"now in becomes", "now > time(0)", becomes, "now", "not in `becomes`"},
		{"unknown score", "score.leed > 1", testScope(), "score", "no score is called leed; did you mean lead? (profile.yaml declares them under scores)"},
		{"score by itself", "score == 1", testScope(), "score", "score is not a value by itself"},
		{"score by index", `score["lead"] > 1`, testScope(), "score", "write score.lead"},
		{"unknown segment", "!segment.hat", testScope(), "segment", "no segment is called hat; did you mean hot?"},
		{"segment that is computed", "segment[event.x]", testScope(), "segment", "must be written out"},
		{"segment compared with a number", "segment.hot == 1", testScope(), "segment", "never equal"},
		{"window that is computed", `count(event.type, "10m") > 3`, testScope(), "count", `constant texts: write count("browse", "10m")`},
		{"window without a unit", `count("browse", "10") > 3`, testScope(), `"10"`, `"10" is not a window`},
		{"window of nothing", `1 < count("browse", "0s")`, testScope(), `"0s"`, "a duration above 0"},
		{"count without a window", `count("browse") > 3`, testScope(), "count", `count() takes constant texts: write count("browse", "10m")`},
		{"last with a window", `last("a", "1m") < now`, testScope(), "last", `write last("purchase")`},
		{"sum without a field", `sum("purchase", "30d") > 3`, testScope(), "sum", `sum("purchase", "price", "30d")`},
		{"count by itself", "count > 1", testScope(), "count", "count is a function: write"},
		{"window of an enrollment in what opens one", `count("a", "enter") > 1`, enter, "count", "known only in"},
		{"last against a number", `last("purchase") > 3`, testScope(), "last", "> does not go with a timestamp and a whole number"},
		{"condition of text", "profile.tier", testScope(), "profile", "a condition is true or false, not text"},
		{"condition of a number", "event.x == 1 ? 1 : 2", testScope(), "event", "not a whole number"},
		{"condition that is optional", "event.?vip", testScope(), "event", ".orValue(false)"},
		{"text and number are ordered", "event.a && profile.tier > 5", testScope(), "profile", "> does not go with text and a whole number"},
		{"text and number are compared", "profile.tier == 5", testScope(), "profile", "never equal"},
		{"text among numbers", "profile.tier in [1, 2]", testScope(), "profile", "never equal"},
		{"date and timestamp", "profile.birthday < now", testScope(), "profile", "time(x) makes a timestamp"},
		{"and of a number", "profile.ltv && true", testScope(), "profile", "expected a boolean, not a fractional number"},
		{"modulo of a fraction", "profile.ltv % 2 == 0", testScope(), "profile", "% wants whole numbers"},
		{"index that is fractional", "event.tags[1.0] == 1", testScope(), "1.0", "an index is a whole number"},
		{"duration", `now - duration("7x") > time(0)`, testScope(), `"7x"`, "is not a duration"},
		{"time", `time("yesterday") < now`, testScope(), `"yesterday"`, "is not a time"},
		{"pattern", `event.x.matches("(")`, testScope(), `"("`, "the pattern is wrong"},
		{"single =", "event.x = 1", testScope(), "= 1", "write == to compare"},
		{"and in words", "event.x and event.y", testScope(), "and", "write && for and"},
		{"unfinished", "event.x >", testScope(), "", "ends too early"},
		{"unclosed text", "event.x == 'a", testScope(), "'a", "no closing quote"},
		{"always fails", "1 / 0 > 2", testScope(), "1", "division by zero"},
		{"whole profile", "profile == profile", testScope(), "profile", "not a value by itself"},
		{"macro variable of a taken name", "event.xs.all(event, event > 1)", testScope(), "event", "another name"},
		{"characters are not bytes", "event.x == 'äöü' && profile.nope", testScope(), "profile", "unknown attribute"},
		{"too deep", strings.Repeat("(", 300) + "1" + strings.Repeat(")", 300) + " == 1", testScope(), "", "nested too deeply"},
		{"too many terms", "event.x" + strings.Repeat(" + 1", 1500) + " == 1", testScope(), "", "nested too deeply"},
		{"too large a pattern", "event.x.matches('" + strings.Repeat("(a*)*", 500) + "')", testScope(), "'(a", "the pattern is too large"},
		{"too long", "event.x == '" + strings.Repeat("a", 10_000) + "'", testScope(), "", "longer than"},
		{"too much work", "event.a.all(a, event.a.all(b, event.a.all(c, event.a.all(d, a+b+c+d > 0))))", testScope(), "event", "too much work"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := env.Condition(c.src, c.scope)
			if err == nil {
				t.Fatalf("%s: no error", c.src)
			}
			if !strings.Contains(err.Message, c.says) {
				t.Errorf("%s\n got %s\nwant %s", c.src, err.Message, c.says)
			}
			if c.at != "" && err.Offset != strings.Index(c.src, c.at) {
				t.Errorf("%s: %s: at %d, want %d", c.src, err.Message, err.Offset, strings.Index(c.src, c.at))
			}
		})
	}
}

func TestExpressionValues(t *testing.T) {
	env, v := testEnv(t), testVars(t)
	for _, c := range []struct {
		src  string
		want any
	}{
		{"event.price", int64(30)}, {"event.cost", 19.99}, {"event.name", "Li"}, {"event.none", nil}, {"event.vip", true},
		{"event.map", map[string]any{"k": int64(1), "n": nil, "deep": map[string]any{"x": "y"}}},
		{"event.tags", []any{"a", "b"}}, {"event.items[0].sku", "s1"},
		{"event.price / 3", 10.0}, {"event.price * 2", int64(60)}, {"[1, 2.5, 'a', null, now]", []any{int64(1), 2.5, "a", nil, "2026-03-01T10:10:00+08:00"}},
		{"{'a': [1], 'b': {'c': true}}", map[string]any{"a": []any{int64(1)}, "b": map[string]any{"c": true}}},
		{"now", "2026-03-01T10:10:00+08:00"}, {"profile.birthday", "1990-05-20"}, {"profile.last_seen", "2026-02-28T08:00:00+08:00"},
		{"sent.hello.at", "2026-03-01T10:09:59+08:00"}, {"duration('25h')", "1d1h"}, {"event.items.map(i, i.sku)", []any{"s1", "s2"}},
		{"event.?price", int64(30)}, {"profile.tags + ['x']", []any{"new", "cn", "x"}}, {"profile.visits_plus", nil},
		{"enter", map[string]any{"cart_id": "k1", "price": 20.5, "type": "add_to_cart"}},
	} {
		if c.src == "profile.visits_plus" {
			continue
		}
		x, err := env.Expression(c.src, testScope())
		if err != nil {
			t.Errorf("%s: %s", c.src, err.Message)
			continue
		}
		got, ok, why := x.Eval(v)
		if !ok || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %#v %v %+v, want %#v", c.src, got, ok, why, c.want)
		}
	}
	for src, want := range map[string]Why{
		"event.nope":                   {Missing: "event.nope"},
		"event.?nope":                  {Missing: "event.nope"},
		"event.price / 0":              {Failed: "division by zero"},
		"event.nope + event.price":     {Missing: "event.nope"},
		"[event.nope]":                 {Missing: "event.nope"},
		"event.vip ? event.nope : 1":   {Missing: "event.nope"},
		"sent['never-left'].action_id": {Missing: "sent[\"never-left\"]"},
	} {
		x, err := env.Expression(src, testScope())
		if err != nil {
			t.Errorf("%s: %s", src, err.Message)
			continue
		}
		if got, ok, why := x.Eval(v); ok || got != nil || why != want {
			t.Errorf("%s: got %#v %v %+v, want %+v", src, got, ok, why, want)
		}
	}
}

func TestReads(t *testing.T) {
	env := testEnv(t)
	for src, want := range map[string]Reads{
		"event.a.b == enter.c":                              {Event: []string{"a"}, Enter: []string{"c"}, Profile: []string{}},
		"has(event.b) && event['a'] == event.?c.orValue(1)": {Event: []string{"a", "b", "c"}, Enter: []string{}, Profile: []string{}},
		"event[event.k] == 1":                               {Event: []string{"k"}, EventAll: true, Enter: []string{}, Profile: []string{}},
		"enter == event":                                    {Event: []string{}, EventAll: true, Enter: []string{}, EnterAll: true, Profile: []string{}},
		"profile.tier == 'a' && profile.ltv > 1":            {Event: []string{}, Enter: []string{}, Profile: []string{"ltv", "tier"}},
		"event.xs.all(x, x.y == event.z)":                   {Event: []string{"xs", "z"}, Enter: []string{}, Profile: []string{}},
	} {
		c, err := env.Condition(src, testScope())
		if err != nil {
			t.Errorf("%s: %s", src, err.Message)
			continue
		}
		if got := c.Reads(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", src, got, want)
		}
	}
}

func TestConstantConditions(t *testing.T) {
	env := testEnv(t)
	for src, want := range map[string]any{
		"true": true, "1 == 2": false, "event.x == 1 || true": true, "false && profile.ltv > 1": false, "[1, 2].all(x, x > 0)": true,
		"event.x == 1": nil, "event.x == event.x": nil, "profile.ltv >= 0 || now > time(0)": nil, "time('2020-01-01') < now": nil,
	} {
		c, err := env.Condition(src, testScope())
		if err != nil {
			t.Errorf("%s: %s", src, err.Message)
			continue
		}
		got, ok := c.Constant()
		if !ok {
			got = nil
		}
		if got != want {
			t.Errorf("%s: got %v, want %v", src, got, want)
		}
	}
}
