package schemas_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/tools/txtar"

	"wend/engine"
	"wend/engine/journey"
	"wend/schemas"
	"wend/schemas/workspacetest"
	"wend/schemas/yamlfile"
)

// compiled are the schemas by kind.
func compiled(t *testing.T) map[string]*jsonschema.Schema {
	t.Helper()
	out := map[string]*jsonschema.Schema{}
	for _, kind := range schemas.FileKinds() {
		text, err := schemas.FileSchema(kind.Name)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(kind.Name, err)
		}
		c := jsonschema.NewCompiler()
		if err := c.AddResource(kind.Name, doc); err != nil {
			t.Fatal(err)
		}
		if out[kind.Name], err = c.Compile(kind.Name); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// kindOf is the kind of a file of a workspace, "" for none.
func kindOf(name string) string {
	for _, k := range schemas.FileKinds() {
		for _, glob := range k.Files {
			if ok, _ := filepath.Match(glob, name); ok {
				return k.Name
			}
		}
	}
	return ""
}

// documents reads a YAML file as the loader does.
func documents(t *testing.T, name string) ([]*yamlfile.Node, bool) {
	t.Helper()
	var problems yamlfile.Problems
	docs, ok := yamlfile.ReadFile(name, &problems)
	return docs, ok && !problems.Failed()
}

// samples are workspaces that load: directories of the project, and those in its pages and its tests.
func samples(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	add := func(name, dir string) {
		ws, problems := journey.Load(dir)
		_, more := journey.Compile(ws)
		if !problems.Failed() && !more.Failed() {
			out[name] = dir
		}
	}
	for _, pattern := range []string{"../examples/*/journeys", "../engine/journey/testdata/*/journeys", "../engine/journey/graph/testdata/journeys"} {
		dirs, err := filepath.Glob(pattern)
		if err != nil || len(dirs) == 0 {
			t.Fatal(pattern, err)
		}
		for _, dir := range dirs {
			add(dir, filepath.Dir(dir))
		}
	}
	archives, _ := filepath.Glob("../cmd/wend/testdata/script/*.txtar")
	more, _ := filepath.Glob("../engine/journey/testdata/*/*.txtar")
	for _, name := range append(archives, more...) {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		for _, f := range a.Files {
			workspacetest.Write(t, filepath.Join(dir, f.Name), string(f.Data))
		}
		roots, _ := filepath.Glob(filepath.Join(dir, "*", "journeys"))
		if _, err := os.Stat(filepath.Join(dir, "journeys")); err == nil {
			roots = append(roots, filepath.Join(dir, "journeys"))
		}
		for _, root := range roots {
			add(name+" "+filepath.Base(filepath.Dir(root)), filepath.Dir(root))
		}
	}
	for _, page := range []string{"../docs/language.md", "../docs/tools.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		for _, m := range regexp.MustCompile("<!-- file: (.+) -->\n```yaml\n((?s:.*?))```").FindAllStringSubmatch(string(text), -1) {
			workspacetest.Write(t, filepath.Join(dir, m[1]), m[2])
		}
		roots, _ := filepath.Glob(filepath.Join(dir, "*", "journeys"))
		for _, root := range append(roots, filepath.Join(dir, "journeys")) {
			if _, err := os.Stat(root); err == nil {
				add(page+" "+filepath.Base(filepath.Dir(root)), filepath.Dir(root))
			}
		}
	}
	return out
}

// files lists the files of a workspace that have a schema.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pattern := range []string{"*", "*/*"} {
		names, _ := filepath.Glob(filepath.Join(dir, pattern))
		for _, name := range names {
			rel, _ := filepath.Rel(dir, name)
			if kind := kindOf(filepath.ToSlash(rel)); kind != "" {
				out[name] = kind
			}
		}
	}
	return out
}

// TestSamplesValidate: what the loader takes, the schemas take.
func TestSamplesValidate(t *testing.T) {
	all := compiled(t)
	seen := map[string]int{}
	for name, dir := range samples(t) {
		for file, kind := range files(t, dir) {
			docs, ok := documents(t, file)
			if !ok {
				continue // only wend.yaml, which journey.Load does not read
			}
			for _, doc := range docs {
				if doc.Kind == yamlfile.Null {
					continue
				}
				seen[kind]++
				if err := all[kind].Validate(doc.Value()); err != nil {
					t.Errorf("%s: %s %s: %v", name, filepath.Base(file), doc.Pos, err)
				}
			}
		}
	}
	for _, kind := range []string{"journey", "profile", "tests", "wend"} {
		if seen[kind] == 0 {
			t.Errorf("no sample of %s", kind)
		}
	}
}

// TestUnknownKeys: a key that nobody knows, wherever it stands beside those of the language, is an error.
func TestUnknownKeys(t *testing.T) {
	all := compiled(t)
	tried := 0
	for name, dir := range samples(t) {
		for file, kind := range files(t, dir) {
			docs, _ := documents(t, file)
			for _, doc := range docs {
				root, ok := doc.Value().(map[string]any)
				if !ok {
					continue
				}
				mappings(root, "", func(at string) {
					tried++
					if err := all[kind].Validate(root); err == nil {
						t.Errorf("%s: %s: the schema takes a key zzz under %q", name, filepath.Base(file), at)
					}
				})
			}
		}
	}
	if tried < 100 {
		t.Errorf("only %d mappings were tried", tried)
	}
}

// mappings puts a key zzz into every mapping whose keys are the language's, one after the other, and calls look.
func mappings(v any, at string, look func(at string)) {
	// The keys, or those of what they hold, are the author's own.
	own := []string{"with", "set", "profile", "attributes", "segments", "moves", "traits"}
	holders := []string{"scores", "channels", "delivery"}
	switch v := v.(type) {
	case map[string]any:
		_, event := v["type"]
		if !slices.Contains(holders, at) && !(at == "events" && event) {
			v["zzz"] = int64(1)
			look(at)
			delete(v, "zzz")
		}
		for name, x := range v {
			if !slices.Contains(own, name) {
				mappings(x, name, look)
			}
		}
	case []any:
		for _, x := range v {
			mappings(x, at, look)
		}
	}
}

// TestBroken: what is wrong in a way that a schema can tell.
func TestBroken(t *testing.T) {
	all := compiled(t)
	const j = "journey: j\nenter: {on: a}\n"
	for _, test := range []struct{ kind, text string }{
		{"journey", "journey: J\nenter: {on: a}\nsteps: []"},
		{"journey", "journey: j\nsteps: []"},
		{"journey", "journey: j\nenter: {}\nsteps: []"},
		{"journey", "journey: j\nenter: {on: a, becomes: x}\nsteps: []"},
		{"journey", "journey: j\nenter: {on: a, times: 1, within: 10m}\nsteps: []"},
		{"journey", "journey: j\nenter: {on: a, times: 3}\nsteps: []"},
		{"journey", "journey: j\nenter: {on: a, within: 3d}\nsteps: []"},
		{"journey", "journey: j\nenter: {becomes: x, key: event.y}\nsteps: []"},
		{"journey", "journey: j\nrollout: 20\nenter: {on: a}\nsteps: []"},
		{"journey", "journey: j\nenter: {on: a, again: sometimes}\nsteps: []"},
		{"journey", "journey: j\nenter: {date: {of: birthday}}\nsteps: []"},
		{"journey", "journey: j\nenter: {schedule: {spread: 30m}}\nsteps: []"},
		{"journey", j + "steps: {wait: 30m}"},
		{"journey", j + "steps: [{wait: 30}]"},
		{"journey", j + "steps: [{wait: 30 minutes}]"},
		{"journey", j + "steps: [{wait: 30m, send: push, template: t}]"},
		{"journey", j + "steps: [{send: push}]"},
		{"journey", j + "steps: [{template: t}]"},
		{"journey", j + "steps: [{wait: 30m, with: {}}]"},
		{"journey", j + "steps: [{await: {events: [{on: a}]}}]"},
		{"journey", j + "steps: [{await: {within: 1d}}]"},
		{"journey", j + "steps: [{await: {within: 1d, events: [{if: x}]}}]"},
		{"journey", j + "steps: [{branch: [{if: x}]}]"},
		{"journey", j + "steps: [{split: {name: s, arms: [{name: a}]}}]"},
		{"journey", j + "steps: [{repeat: {times: 0, do: []}}]"},
		{"journey", j + "steps: [{wait: {for: 7d, at: \"9:00\"}}]"},
		{"journey", j + "steps: [{wait: {for: 7d, on: [monday]}}]"},
		{"journey", j + "steps: [{tag: vip}]"},
		{"journey", j + "steps: []\non_update: stay"},
		{"journey", j + "steps: []\ngoal: {on: b, key: event.x}"},
		{"profile", "attributes: {name: text}"},
		{"profile", "attributes: {Name: string}"},
		{"profile", "update: [{on: a}]"},
		{"profile", "scores: {lead: {add: [{on: a}]}}"},
		{"profile", "scores: {lead: {add: [{on: a, points: 1}], idle: {after: 1d, points: -1}}}"},
		{"profile", "segments: {hot: 60}"},
		{"policies", "channels: {sms: {quiet: {from: \"22:00\", to: \"08:00\", then: wait}}}"},
		{"policies", "channels: {sms: {quiet: {from: \"22:00\", then: defer}}}"},
		{"policies", "channels: {sms: {caps: [{max: 1}]}}"},
		{"policies", "channels: {sms: {caps: [{max: 1, per: week}]}}"},
		{"policies", "all: {consent: true}"},
		{"tests", "test: t\njourney: j\nstart: 2026-03-01T10:00:00Z"},
		{"tests", "test: t\njourney: j\nstart: yesterday\nexpect: []"},
		{"tests", "test: t\njourney: j\nstart: 2026-03-01T10:00:00Z\nevents: [{type: a}]\nexpect: []"},
		{"tests", "test: t\njourney: j\nstart: 2026-03-01T10:00:00Z\nexpect: [{at: 0m}]"},
		{"tests", "test: t\njourney: j\nstart: 2026-03-01T10:00:00Z\nexpect: [{send: push, goal: true}]"},
		{"tests", "property: p"},
		{"tests", "property: p\nnever: sometimes"},
		{"tests", "property: p\nnever: more than two push in 24h"},
		{"wend", "kafka: {brokers: {a: 1}}"},
		{"wend", "on_gap: wait"},
		{"wend", "sources: {}"},
	} {
		name := filepath.Join(t.TempDir(), "x.yaml")
		workspacetest.Write(t, name, test.text)
		docs, ok := documents(t, name)
		if !ok || len(docs) != 1 {
			t.Fatal(test.text)
		}
		if err := all[test.kind].Validate(docs[0].Value()); err == nil {
			t.Errorf("the schema of %s takes\n%s", test.kind, test.text)
		}
	}
}

// TestConfigKeys: wend.yaml's schema has the keys that the engine knows, and no others.
func TestConfigKeys(t *testing.T) {
	text, err := schemas.FileSchema("wend")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	var walk func(node any, at string)
	walk = func(node any, at string) {
		m, _ := node.(map[string]any)
		if list, ok := m["anyOf"].([]any); ok && at == "kafka.tls" {
			got = append(got, at)
			m, _ = list[0].(map[string]any)
		}
		properties, nested := m["properties"].(map[string]any)
		if at == "delivery" {
			properties, nested = m["additionalProperties"].(map[string]any)["properties"].(map[string]any)
		}
		if !nested {
			got = append(got, at)
			return
		}
		for name, x := range properties {
			walk(x, strings.TrimPrefix(at+"."+name, "."))
		}
	}
	walk(doc, "")
	var want []string
	for _, k := range engine.ConfigKeys() {
		want = append(want, k.Path)
	}
	for _, k := range engine.DeliveryKeys("x") {
		want = append(want, strings.Replace(k.Path, "delivery.x.", "delivery.", 1))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the schema has\n%v\nthe engine\n%v", got, want)
	}
}
