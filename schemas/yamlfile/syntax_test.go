package yamlfile

import (
	"fmt"
	"strings"
	"testing"
)

// TestTraps gives what YAML takes for something else, or can't read at all, with the place and the words that say so.
func TestTraps(t *testing.T) {
	for _, c := range []struct{ text, at, says string }{
		{"if: !event.x\n", "f:1:5", "put the expression in quotes"},
		{"if: ! event.x\n", "f:1:5", "put the expression in quotes"},
		{"if: &a ! event.x\n", "f:1:5", "put the expression in quotes"},
		{"a: 1\nif: !event.x && event.y\n", "f:2:5", "put the expression in quotes"},
		{"a:\n  - {if: !(event.x), do: 1}\n", "f:2:10", "put the expression in quotes"},
		{"if: !event.a || x\n", "f:1:5", "put the expression in quotes"},
		{"a: {if: count(\"b\", \"10m\") > 3}\n", "f:1:9", "put the expression in quotes"},
		{"a: {if: f(a, b) > 3, do: 1}\n", "f:1:9", "put the expression in quotes"},
		{"a: {if: f(a, b, c), do: 1}\n", "f:1:9", "put the expression in quotes"},
		{"é: {if: f(é, ü)}\n", "f:1:9", "put the expression in quotes"},
		{"a: {if: event.x in [1, 2], do: 1}\n", "f:1:9", "put the expression in quotes"},
		{"a: [f(a, b), c]\n", "f:1:5", "put the expression in quotes"},
		{"with: {sku: {{ enter.sku }}}\n", "f:1:13", "put the expression in quotes"},
		{"with:\n  sku: {{ enter.sku }} more\n", "f:2:8", "put the expression in quotes"},
		{"if: \"a\" == event.x\n", "f:1:5", "put the expression in quotes"},
		{"if: event.x == \"a: b\"\n", "f:1:5", "in quotes"},
		{"if: event.x == \"a #b\"\n", "f:1:5", "put the expression in quotes"},
		{"a: b: c\n", "f:1:4", "in quotes"},
		{"a: 1\n b: 2\n", "f:2:3", "check the indentation"},
		{"abc\ndef: 1\n", "f:2:4", "check the indentation"},
		{"a:\n  b: 1\n c: 2\n", "f:3:2", "a key with `: ` is expected"},
		{"a:\n  - 1\n  b: 2\n", "f:3:3", "a `- ` is expected"},
		{"a:\n\t- b\n", "f:2:1", "use spaces"},
		{"a: @x\n", "f:1:4", "put it in quotes"},
		{"a: %x\n", "f:1:4", "put it in quotes"},
		{"a: - b\n", "f:1:4", "on a line of its own"},
		{"a: *x\n", "f:1:4", "no anchor &x"},
		{"a: [1, 2\nb: 3\n", "f:2:4", "closing bracket"},
		{"a: 1\nb: \"x\nc: 3\n", "f:2:4", "has no end"},
		{"a: 1\na: 2\n", "f:2:1", "the first is at 1:1"},
		{"a: !!str 3\n", "f:1:4", "in quotes"},
		{"a: &a [*a]\n", "f:1:8", "inside the value that it names"},
		{"a: !b c && d\n---\nok: 1\n", "f:1:4", "put the expression in quotes"},
	} {
		_, ps := parse(c.text)
		if len(ps) != 1 || ps[0].Pos.String() != c.at || !strings.Contains(ps[0].Message, c.says) {
			t.Errorf("%q: %v, want %s … %s", c.text, ps, c.at, c.says)
		}
	}
}

// What looks like a trap and is none.
func TestNoTraps(t *testing.T) {
	for _, text := range []string{
		"if: 'count(\"browse\", \"10m\") > 3'\n", "a: {if: \"f(a, b)\"}\n", "if: event.a != event.b\n", "b: |\n  {{ x }}\n  !y: z\n",
		"a: {b: don't, c: d}\n", "a: {b, c}\n", "a: [x (y), z]\n", "a: {b: x (y), c}\n", "a: b:c\n", "a: f(x, y) # note\n", "- {a: 1}\n- - b\n",
	} {
		if _, ps := parse(text); len(ps) > 0 {
			t.Errorf("%q: %v", text, ps)
		}
	}
}

// The documents behind a broken one are read, at their own places.
func TestDocumentsBehindAnError(t *testing.T) {
	var ps Problems
	docs, ok := Parse("f", []byte("a: 1\n---\nb: [\n---\nc: é\n---\nd: 'x\n--- {e: !f }\n"), &ps)
	if ok || len(docs) != 3 || docs[1].Line != 5 || docs[1].Value().(map[string]any)["c"] != "é" || docs[2].Line != 8 {
		t.Errorf("%v %v", docs, ps)
	}
	if len(ps) != 3 || ps[2].Line != 8 || ps[2].Col != 9 || ps[0].Line != 4 {
		t.Errorf("%v", ps)
	}
}

// TestTrapsAreNotTheEnd: a text that YAML refuses hides nothing else of its document, and columns behind it stay.
func TestTrapsAreNotTheEnd(t *testing.T) {
	text := `a: {if: !event.done, on: x}
b: {if: event.a in ["é", "y"], on: y, on: z}
c: [{if: !size(event.l) > 1}, {if: event.b in ["}", 1] && "x" == event.c, ok: true}]
d: 1
d: 2
---
e: {f: !g, h: {i: 1, i: 2}}
`
	var ps Problems
	docs, ok := Parse("f.yaml", []byte(text), &ps)
	ps.Sort()
	var got []string
	for _, p := range ps {
		got = append(got, fmt.Sprintf("%d:%d %.18s", p.Line, p.Col, p.Message))
	}
	want := []string{
		"1:9 YAML takes a leadi", "2:9 YAML ends this tex", "2:39 the key \"on\" stand", "3:10 YAML takes a leadi", "3:36 YAML ends this tex",
		"5:1 the key \"d\" stands", "7:8 YAML takes a leadi", "7:22 the key \"i\" stands",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(docs) != 2 || !ok {
		t.Fatalf("%d documents, %v", len(docs), ok)
	}
	if e := docs[0].Lookup("a").Value.Lookup("if"); e == nil || e.Value.Kind != Bad {
		t.Errorf("a trapped text is %+v", e)
	}
	if e := docs[0].Lookup("c").Value.Items[1].Lookup("ok"); e == nil || e.Value.Kind != Bool || e.Value.Col != 79 {
		t.Errorf("behind a trapped text is %+v", e)
	}
}

// TestQuestionMarks: in YAML 1.2 a `?` inside a text is a character like others, also in {…} and […].
func TestQuestionMarks(t *testing.T) {
	text := "a: {if: event.?x.orValue(0) > 1, c?: [d?, \"?e?\", f?g], h: '?'}\ni?: j? # ?\n? k\n: l?\nm: n?\n"
	var ps Problems
	docs, ok := Parse("f.yaml", []byte(text), &ps)
	if !ok || len(ps) > 0 {
		t.Fatal(ps)
	}
	if got, want := fmt.Sprint(docs[0].Value()), "map[a:map[c?:[d? ?e? f?g] h:? if:event.?x.orValue(0) > 1] i?:j? k:l? m:n?]"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if at := docs[0].Lookup("a").Value.Lookup("h").KeyPos; at.Col != 56 {
		t.Errorf("behind question marks is %v", at)
	}
	Parse("f.yaml", []byte("a: {b: c?d, e: f? g, h: !i?j, k: l}\nm: 1\nm: 2\n"), &ps)
	ps.Sort()
	if len(ps) != 2 || ps[0].Line != 1 || ps[0].Col != 25 || ps[1].Line != 3 {
		t.Error(ps)
	}
}
