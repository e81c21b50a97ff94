package yamlfile

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func parse(text string) (docs []*Node, ps Problems) {
	docs, _ = Parse("f", []byte(text), &ps)
	return docs, ps
}

// TestScalars holds plain scalars to YAML 1.2's core schema.
func TestScalars(t *testing.T) {
	for text, want := range map[string]any{
		"on": "on", "off": "off", "yes": "yes", "no": "no", "y": "y", "On": "On", "09:00": "09:00", "1:30": "1:30",
		"2026-03-01": "2026-03-01", "2026-03-01T10:00:00+08:00": "2026-03-01T10:00:00+08:00", "20%": "20%", "30m": "30m",
		"null": nil, "Null": nil, "NULL": nil, "~": nil, "": nil, "nUll": "nUll",
		"true": true, "True": true, "TRUE": true, "false": false, "tRue": "tRue",
		"0": int64(0), "-0": int64(0), "+12": int64(12), "0777": int64(777), "0o17": int64(15), "0x1F": int64(31), "-0x1": "-0x1",
		"0b11": "0b11", "1_000": "1_000", "0o8": "0o8", "0x": "0x", "9223372036854775807": int64(9223372036854775807),
		"9223372036854775808": 9223372036854775808.0, "1.5": 1.5, "-.5": -.5, "1.": 1.0, "1e3": 1000.0, "1.5E-2": 0.015, "1e": "1e",
		".": ".", "-": nil, "+": "+", "1.2.3": "1.2.3", "e3": "e3", ".e3": ".e3", "1e3.5": "1e3.5", "--1": "--1", "+-1": "+-1",
		`"1"`: "1", `'true'`: "true", `""`: "", `"a\u00e9\n"`: "aé\n",
	} {
		if text == "-" {
			continue // a list's item
		}
		docs, ps := parse("k: " + text + "\n")
		if len(ps) > 0 {
			t.Errorf("%s: %v", text, ps)
			continue
		}
		if got := docs[0].Entries[0].Value.Value(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %#v, want %#v", text, got, want)
		}
	}
	for _, text := range []string{".inf", "-.INF", ".NaN", "1e999", "0xFFFFFFFFFFFFFFFFF"} {
		if _, ps := parse("k: " + text); len(ps) != 1 || ps[0].Col != 4 {
			t.Errorf("%s: %v", text, ps)
		}
	}
}

func TestPlaces(t *testing.T) {
	text := strings.Join([]string{
		"é: {k: 'it''s', ä: \"x\"}",  // 1
		"plain: event.a",             // 2
		"anchored: &a \"q\"",         // 3
		"list: [1, &b two]",          // 4
		"literal: |-",                // 5
		"    one",                    // 6
		"    two",                    // 7
		"shifted: |2",                // 8
		"     x",                     // 9
		"folded: >-",                 // 10
		"  one",                      // 11
		"  two",                      // 12
		"over: event.a &&",           // 13
		"  é == profil",              // 14
		"quoted: \"say \\\"é\\\" to", // 15
		"   her\"",                   // 16
		"apart: >",                   // 17
		"  one",                      // 18
		"",                           // 19
		"    two",                    // 20
		"odd: \"a\\x41 b\"",          // 21
		"empty:",                     // 22
	}, "\n")
	docs, ps := parse(text)
	if len(ps) > 0 {
		t.Fatal(ps)
	}
	m := docs[0]
	at := func(n *Node) string { return fmt.Sprintf("%d:%d", n.Line, n.Col) }
	in := func(p Pos) string { return fmt.Sprintf("%d:%d", p.Line, p.Col) }
	get := func(key string) *Node { return m.Lookup(key).Value }
	inner := get("é")
	for _, c := range []struct{ what, got, want string }{
		{"mapping", at(inner), "1:4"},
		{"key", in(inner.Entries[1].KeyPos), "1:17"},
		{"quote", at(inner.Entries[1].Value), "1:20"},
		{"behind the quote", in(inner.Entries[1].Value.TextPos), "1:21"},
		{"behind an escape", in(inner.Entries[0].Value.At(3)), "1:13"},
		{"at an escape", in(inner.Entries[0].Value.At(2)), "1:11"},
		{"before an escape", in(inner.Entries[0].Value.At(1)), "1:10"},
		{"in a plain text", in(get("plain").At(6)), "2:14"},
		{"past its end", in(get("plain").At(100)), "2:15"},
		{"node with an anchor", at(get("anchored")), "3:11"},
		{"its text", in(get("anchored").TextPos), "3:15"},
		{"item", at(get("list").Items[0]), "4:8"},
		{"item's text", in(get("list").Items[1].TextPos), "4:14"},
		{"literal", in(get("literal").TextPos), "6:5"},
		{"in its second line", in(get("literal").At(5)), "7:6"},
		{"shifted", in(get("shifted").TextPos), "9:3"},
		{"folded", in(get("folded").TextPos), "11:3"},
		{"in its second line", in(get("folded").At(5)), "12:4"},
		{"in the second line of a plain text", in(get("over").At(len("event.a && é == "))), "14:8"},
		{"its end", in(get("over").At(100)), "14:14"},
		{"in quotes, behind escapes", in(get("quoted").At(len("say \"é\" t"))), "15:21"},
		{"in their second line", in(get("quoted").At(len("say \"é\" to h"))), "16:5"},
		{"behind an empty line", in(get("apart").At(strings.Index(get("apart").Text, "two"))), "20:5"},
		{"behind an escape that is another character", in(get("odd").At(4)), "21:7"},
		{"nothing", at(get("empty")), "22:7"},
	} {
		if c.got != c.want {
			t.Errorf("%s is at %s, want %s", c.what, c.got, c.want)
		}
	}
	if s := get("shifted").Text; s != "   x\n" {
		t.Errorf("shifted is %q", s)
	}
}

func TestBytes(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"not UTF-8", "a: é\nb: \xff", "f:2:4: error: the byte 0xff is not UTF-8"},
		{"UTF-16", "\xff\xfea\x00:\x00", "f:1:1: error: the byte 0xff is not UTF-8"},
		{"NUL", "a: \x00", "f:1:4: error: the character U+0000"},
		{"line separator", "a: x\u2028y", "f:1:5: error: the character U+2028"},
		{"large", strings.Repeat("#", MaxSize+1), "f:1:1: error: the file is larger"},
		{"mark", "\ufeffa: !x", "f:1:4: error: YAML takes a leading !"},
		{"carriage returns", "a: 1\r\nb: 2\rc: !x\r\n", "f:3:4: error: YAML takes a leading !"},
	} {
		if _, ps := parse(c.text); len(ps) != 1 || !strings.HasPrefix(ps[0].String(), c.want) {
			t.Errorf("%s: %v", c.name, ps)
		}
	}
}

func TestMerge(t *testing.T) {
	docs, ps := parse("x-a: &a {k: 1, l: 2, x-z: 1}\nx-b: &b {l: 3, m: 4}\nin: {l: 0, <<: [*b, *a], n: 5}\nquoted: {\"<<\": 1}\n")
	if len(ps) > 0 {
		t.Fatal(ps)
	}
	want := map[string]any{
		"in":     map[string]any{"l": int64(0), "n": int64(5), "m": int64(4), "k": int64(1)},
		"quoted": map[string]any{"<<": int64(1)},
	}
	if got := docs[0].Value(); !reflect.DeepEqual(got, want) {
		t.Errorf("%#v", got)
	}
}

// TestBombs reads small files that stand for a great deal. The test's own time limit is what fails it.
func TestBombs(t *testing.T) {
	var aliases, merges strings.Builder
	aliases.WriteString("a0: &a0 [1, 1]\n")
	for i := 1; i < 60; i++ {
		fmt.Fprintf(&aliases, "a%d: &a%d [*a%d, *a%d]\n", i, i, i-1, i-1)
	}
	merges.WriteString("b: &b\n")
	for i := range 20_000 {
		fmt.Fprintf(&merges, "  k%d: 1\n", i)
	}
	for i := range 20_000 {
		fmt.Fprintf(&merges, "m%d: {<<: *b}\n", i)
	}
	chain := "a0: &a0 [1]\n"
	for i := 1; i < 200; i++ {
		chain += fmt.Sprintf("a%d: &a%d [*a%d]\n", i, i, i-1)
	}
	for name, text := range map[string]string{
		"aliases":    aliases.String(),
		"merges":     merges.String(),
		"chain":      chain,
		"brackets":   strings.Repeat("[", MaxSize),
		"braces":     strings.Repeat("{", MaxSize),
		"in braces":  strings.Repeat("{a: ", 90) + strings.Repeat("{a: ", 9000),
		"dashes":     strings.Repeat("- ", MaxSize/2),
		"questions":  strings.Repeat("? ", MaxSize/2),
		"a cycle":    "a: &a {b: *a, c: [*a]}",
		"tags":       strings.Repeat("- !a b\n", 20_000),
		"open quote": "a: \"" + strings.Repeat("x\n", MaxSize/4),
		"documents":  strings.Repeat("--- {\n", 50_000),
	} {
		if len(text) > MaxSize {
			t.Fatalf("%s: the size alone would refuse it", name)
		}
		if _, ps := parse(text); !ps.Failed() {
			t.Errorf("%s: nothing is wrong with it", name)
		}
	}
}

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Join(dir, "gone.yaml")} {
		var ps Problems
		if docs, ok := ReadFile(path, &ps); ok || docs != nil || len(ps) != 1 || ps[0].File != path || ps[0].Line != 1 || ps[0].Col != 1 {
			t.Errorf("%s: %v", path, ps)
		}
	}
	path := filepath.Join(dir, "there.yaml")
	if err := os.WriteFile(path, []byte("a: 1\n---\nb: 2\n---\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var ps Problems
	if docs, ok := ReadFile(path, &ps); !ok || len(docs) != 3 || docs[2].Kind != Null || len(ps) > 0 {
		t.Errorf("%v %v", docs, ps)
	}
}

func TestMapReader(t *testing.T) {
	docs, _ := parse("one: 1\ntow: 2\nthree: 3\nx-four: 4\nfive: 5\n")
	var ps Problems
	m, _ := docs[0].AsMap(&ps, "a thing")
	m.Get("one")
	m.Get("two")
	m.Need("six")
	m.Refuse("%q is for later", "three", "seven")
	m.Done()
	ps.Sort()
	var got []string
	for _, p := range ps {
		got = append(got, p.String())
	}
	want := []string{
		`f:1:1: error: a thing needs the key "six"`,
		`f:2:1: error: unknown key "tow": did you mean "two"?`,
		`f:3:1: error: "three" is for later`,
		`f:5:1: error: unknown key "five": a thing has the keys one, two, six`,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"a: &a {k: [1, 'x', \"y\"]}\nb: *a\n", "if: !x && y\n", "{if: f(a, b) > 3, c: [d, {{ e }}]}", "a: |2-\n    x\n  y\n",
		"a: >+\n\n x\n\n\ty\n---\n? z\n: [\n", "\ufeffa:\r\n  - b\r- c: \"d", "<<: [&a {x-b: 1}, *a]\n", "é: {ä: ü(ö, ß), ", "%YAML 1.2\n--- !t\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var ps Problems
		docs, ok := Parse("f", data, &ps)
		if !ok && !ps.Failed() {
			t.Error("a failure without a problem")
		}
		s := newSource("f", data)
		for _, p := range ps {
			if p.Line < 1 || p.Col < 1 || p.Message == "" || p.Line > len(s.lines) {
				t.Errorf("no place: %q", p)
			}
			if text := s.line(p.Line); utf8.ValidString(text) && p.Col > utf8.RuneCountInString(text)+2 {
				t.Errorf("no such column: %q", p)
			}
		}
		for _, d := range docs {
			walk(t, d, 0)
		}
	})
}

func walk(t *testing.T, n *Node, level int) {
	if n.Line < 1 || n.Col < 1 || level > maxDepth {
		t.Fatalf("node without a place: %+v", n)
	}
	if n.Kind == String && n.TextPos.Line < 1 {
		t.Fatalf("text without a place: %+v", n)
	}
	n.At(len(n.Text))
	for _, x := range n.Items {
		walk(t, x, level+1)
	}
	for _, e := range n.Entries {
		if strings.HasPrefix(e.Key, "x-") || e.KeyPos.Line < 1 {
			t.Fatalf("entry %+v", e)
		}
		walk(t, e.Value, level+1)
	}
}
