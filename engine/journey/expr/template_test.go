package expr

import (
	"reflect"
	"strings"
	"testing"
)

func TestTemplates(t *testing.T) {
	env, v := testEnv(t), testVars(t)
	for _, c := range []struct {
		name, src string
		want      any
		ok        bool
		why       Why
	}{
		{"constant text", "hello", "hello", true, Why{}},
		{"empty text", "", "", true, Why{}},
		{"text with lone braces", "a } b {x} }}", "a } b {x} }}", true, Why{}},
		{"one expression keeps its type", "{{ event.price }}", int64(30), true, Why{}},
		{"one expression keeps a list", "{{event.tags}}", []any{"a", "b"}, true, Why{}},
		{"one expression keeps null", "{{ event.none }}", nil, true, Why{}},
		{"a timestamp that keeps its type", "{{ now }}", "2026-03-01T10:10:00+08:00", true, Why{}},
		{"a date that keeps its type", "{{ profile.birthday }}", "1990-05-20", true, Why{}},
		{"a space makes it a longer text", " {{ event.price }}", " 30", true, Why{}},
		{"numbers shortest", "{{ event.price }} {{ event.thirty }} {{ event.cost }} {{ event.half }}", "30 30 19.99 0.5", true, Why{}},
		{"times in the zone", "at {{ time(event.ts) }}", "at 2026-03-01T08:00:00+08:00", true, Why{}},
		{"lists and maps as JSON", "{{ event.tags }} {{ event.map }}", `["a","b"] {"deep":{"x":"y"},"k":1,"n":null}`, true, Why{}},
		{"booleans", "{{ event.vip }}/{{ event.off }}", "true/false", true, Why{}},
		{"null in a longer text is nothing", "x{{ event.none }}y", "xy", true, Why{}},
		{"missing alone", "{{ event.nope }}", nil, false, Why{Missing: "event.nope"}},
		{"failed alone", "{{ event.price / 0 }}", nil, false, Why{Failed: "division by zero"}},
		{"missing in a longer text", "Hi {{ event.nope }}, {{ event.name }}", "Hi , Li", true, Why{Missing: "event.nope"}},
		{"failed in a longer text", "{{ event.price / 0 }}!", "!", true, Why{Failed: "division by zero"}},
		{"two expressions", "{{ event.name }}{{ event.price }}", "Li30", true, Why{}},
		{"braces in a text", `{{ '}}' }}`, "}}", true, Why{}},
		{"braces in a double quoted text", `{{ "a}}\"}}b" }}!`, `a}}"}}b!`, true, Why{}},
		{"braces in a raw text", `{{ r'\' + '}}' }}`, `\}}`, true, Why{}},
		{"braces in a long text", `{{ '''it's }} ''' }}`, `it's }} `, true, Why{}},
		{"maps in maps", `{{ {'a': {'b': 1}} }}`, map[string]any{"a": map[string]any{"b": int64(1)}}, true, Why{}},
		{"maps in maps without a space", `{{{'a': {'b': 1}}}}`, map[string]any{"a": map[string]any{"b": int64(1)}}, true, Why{}},
		{"a comment", "{{ event.price // }}", int64(30), true, Why{}},
		{"not ASCII", "早 {{ event.name }} ✓", "早 Li ✓", true, Why{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			tm, err := env.Template(c.src, testScope())
			if err != nil {
				t.Fatalf("%d: %s", err.Offset, err.Message)
			}
			got, ok, why := tm.Eval(v)
			if !reflect.DeepEqual(got, c.want) || ok != c.ok || why != c.why {
				t.Errorf("%s\n got %#v %v %+v\nwant %#v %v %+v", c.src, got, ok, why, c.want, c.ok, c.why)
			}
			if tm.IsConstant() == strings.Contains(c.src, "{{") {
				t.Errorf("%s: constant: %v", c.src, tm.IsConstant())
			}
		})
	}
}

func TestTemplateErrors(t *testing.T) {
	env := testEnv(t)
	for _, c := range []struct{ src, at, says string }{
		{"Hi {{ event.name", "{{", "no closing }}"},
		{"Hi {{ '}}", "{{", "no closing }}"},
		{"Hi {{ }}", "{{", "no expression"},
		{"早 {{ event.name }} {{ evnt.x }}", "evnt", "did you mean event?"},
		{"a {{ event.x + }}", "", "ends too early"},
	} {
		_, err := env.Template(c.src, testScope())
		if err == nil {
			t.Errorf("%s: no error", c.src)
			continue
		}
		if !strings.Contains(err.Message, c.says) || c.at != "" && err.Offset != strings.Index(c.src, c.at) {
			t.Errorf("%s: %d: %s", c.src, err.Offset, err.Message)
		}
	}
}

func TestTemplateReads(t *testing.T) {
	tm, err := testEnv(t).Template(`{{ event.b }} {{ event.a + event.b }} {{ profile.tier }}{{ enter }}
		{{ score.heat }} {{ score.lead }} {{ segment.hot }} {{ count("a", "enter") }} {{ seen("b") }} {{ count("a", "enter") }}`, testScope())
	if err != nil {
		t.Fatal(err)
	}
	want := Reads{
		Event: []string{"a", "b"}, EnterAll: true, Profile: []string{"tier"},
		Scores: []int{0, 1}, Segments: []int{0}, Windows: []int{0, 1},
	}
	if got := tm.Reads(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
