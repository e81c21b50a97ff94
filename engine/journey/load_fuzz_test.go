package journey

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"wend/schemas/workspacetest"
	"wend/schemas/yamlfile"
)

func sample(t testing.TB) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir("testdata/sample", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel("testdata/sample", path)
		files[filepath.ToSlash(name)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// sound fails when a problem does not say what is wrong at a place that the file has.
func sound(t *testing.T, files map[string]string, dir string, ws *Workspace, ps yamlfile.Problems) {
	t.Helper()
	for i, p := range ps {
		if p.Line < 1 || p.Col < 1 || p.File == "" || p.Message == "" || !utf8.ValidString(p.Message) {
			t.Errorf("problem without a place: %q", p)
		}
		if i > 0 && ps[i-1] == p {
			t.Errorf("reported twice: %s", p)
		}
		name, _ := filepath.Rel(dir, p.File)
		text, ok := files[filepath.ToSlash(name)]
		if !ok || !utf8.ValidString(text) || strings.Contains(text, "\r") {
			continue
		}
		lines := strings.Split(strings.TrimPrefix(text, "\ufeff"), "\n")
		if p.Line > len(lines) || p.Col > utf8.RuneCountInString(lines[p.Line-1])+1 {
			t.Errorf("the file has no such place: %s", p)
		}
	}
	for _, j := range ws.Journeys {
		if j.Enter == nil || j.Broken && !ps.Failed() {
			t.Errorf("journey %+v", j)
		}
		if !j.Broken && (j.Name.Value == "" || len(j.Enter.On) == 0 && j.Enter.Becomes == nil && j.Enter.Inactive == nil && j.Enter.Date == nil && j.Enter.Schedule == nil || len(j.Steps) == 0) {
			t.Errorf("a journey passes that is none: %+v", j)
		}
		checkSteps(t, j.Steps)
	}
}

func checkSteps(t *testing.T, steps []*Step) {
	for _, s := range steps {
		n := 0
		for _, is := range []bool{s.Wait != nil, s.Await != nil, s.Branch != nil, s.Split != nil, s.Choose != nil, s.Repeat != nil,
			s.Send != nil, s.Set != nil, s.Tag != nil, s.Untag != nil, s.Emit != nil, s.Exit != nil} {
			if is {
				n++
			}
		}
		if n != 1 || s.Place == "" || s.Line < 1 {
			t.Errorf("step does %d things: %+v", n, s)
		}
		for _, list := range s.lists() {
			checkSteps(t, list)
		}
	}
}

// TestLoadCorrupted spoils every line of the sample, one at a time, in each way.
func TestLoadCorrupted(t *testing.T) {
	ways := map[string]func(line string) string{
		"deleted":   func(string) string { return "\x00" },
		"cut":       func(s string) string { return s[:len(s)/2] },
		"cut more":  func(s string) string { return s[:len(s)*4/5] },
		"indented":  func(s string) string { return "  " + s },
		"indented1": func(s string) string { return " " + s },
		"outdented": func(s string) string { return strings.TrimPrefix(s, "  ") },
		"tabbed":    func(s string) string { return "\t" + s },
		"unquoted":  func(s string) string { return strings.ReplaceAll(s, `"`, "") },
		"doubled":   func(s string) string { return s + "\n" + s },
		"unbraced":  func(s string) string { return strings.NewReplacer("}", "", "]", "").Replace(s) },
		"uncolon":   func(s string) string { return strings.ReplaceAll(s, ": ", " ") },
		"banged":    func(s string) string { return strings.ReplaceAll(s, ": ", ": !") },
	}
	for name, text := range sample(t) {
		if !isYAML(name) {
			continue
		}
		lines := strings.Split(text, "\n")
		dir := t.TempDir()
		for way, spoil := range ways {
			failed := 0
			for i := range lines {
				if testing.Short() && i%5 > 0 {
					continue
				}
				spoiled := append([]string{}, lines...)
				spoiled[i] = spoil(lines[i])
				files := map[string]string{name: strings.ReplaceAll(strings.Join(spoiled, "\n"), "\x00\n", "")}
				if !strings.HasPrefix(name, "journeys/") {
					files["journeys/cart-recovery.yaml"] = "journey: cart-recovery\nenter: {on: x}\nsteps: [{wait: 1m}]\n"
				}
				for name, text := range files {
					workspacetest.Write(t, filepath.Join(dir, name), text)
				}
				ws, ps := Load(dir)
				sound(t, files, dir, ws, ps)
				if ps.Failed() {
					failed++
				}
				if t.Failed() {
					t.Fatalf("%s, line %d %s: %q", name, i+1, way, spoiled[i])
				}
			}
			if failed == 0 && way == "banged" {
				t.Errorf("%s: nothing is wrong in any line %s", name, way)
			}
		}
	}
}

func FuzzLoad(f *testing.F) {
	files := sample(f)
	f.Add(files["journeys/cart-recovery.yaml"], files["profile.yaml"], files["tests/cart.yaml"], "")
	f.Add(files["journeys/browsing.yml"], "", "", "channels: {sms: {caps: [{max: 1, per: 24h}]}}")
	f.Add("journey: a\nenter: {on: x, if: !y}\n---\njourney: b\nenter: {on: \"x}\n---\njourney: c\nsteps: 3\n", "", "", "")
	f.Add("a: &a [*a, {<<: *a}]\n", "{if: f(a, b) > 3}", "- !x\n? y", "\ufeffa: |2\n   x\n")
	f.Fuzz(func(t *testing.T, journeys, profile, tests, policies string) {
		files := map[string]string{"journeys/a.yaml": journeys, "profile.yaml": profile, "tests/a.yaml": tests, "policies.yaml": policies}
		dir := workspace(t, files)
		ws, ps := Load(dir)
		sound(t, files, dir, ws, ps)
	})
}
