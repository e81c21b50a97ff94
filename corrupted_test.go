package wend_test

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"wend/engine"
	"wend/engine/journey"
	"wend/schemas/workspacetest"
	"wend/schemas/yamlfile"
)

var corruptAll = flag.Bool("corrupt.all", false, "TestCorruptedSamples: every way of spoiling every line, not one in 211 (seven minutes of a processor)")

// TestCorruptedSamples spoils every line of every file of every sample workspace of the project, those in its pages too,
// one at a time and in each way. What is left either loads, and then its tests can run, or has problems each of which
// says where; nothing panics or hangs.
func TestCorruptedSamples(t *testing.T) {
	every := 211
	if *corruptAll {
		every = 1
	}
	workspaces := sampleWorkspaces(t)
	if len(workspaces) < 8 {
		t.Fatalf("only %d sample workspaces were found", len(workspaces))
	}
	cases, loaded, problems, wrongs := 0, 0, 0, 0
	for _, dir := range workspaces {
		for _, name := range yamlFiles(t, dir) {
			text := read(t, filepath.Join(dir, name))
			n := len(name) // each file begins elsewhere, so that few cases are of many ways
			spoil(text, func(what, spoiled string) {
				if n++; n%every != 0 {
					return
				}
				cases++
				if err := os.WriteFile(filepath.Join(dir, name), []byte(spoiled), 0o600); err != nil {
					t.Fatal(err)
				}
				ps, wrong := judgeSpoiled(dir)
				if wrong == "" {
					wrong = placeless(dir, ps)
				}
				if wrong != "" {
					t.Errorf("%s, %s: %s\n%s", filepath.Join(filepath.Base(dir), name), what, wrong, spoiled)
					if wrongs++; wrongs == 10 {
						t.FailNow()
					}
				}
				if problems += len(ps); !ps.Failed() {
					loaded++
				}
			})
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("%d workspaces, %d cases: %d load, the others have together %d problems and warnings", len(workspaces), cases, loaded, problems)
	if loaded == 0 || loaded == cases {
		t.Error("nothing was put to the test")
	}
}

// spoil yields a text with one line spoiled, in each way.
func spoil(text string, yield func(what, spoiled string)) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	words := regexp.MustCompile(`[A-Za-z0-9_.-]+`)
	for i, line := range lines {
		with := func(what string, put ...string) {
			yield(fmt.Sprintf("line %d %s", i+1, what), strings.Join(slices.Concat(lines[:i], put, lines[i+1:]), "\n")+"\n")
		}
		with("deleted")
		with("duplicated", line, line)
		with("indented", "  "+line)
		with("indented by one", " "+line)
		with("indented by a tab", "\t"+line)
		if out, ok := strings.CutPrefix(line, "  "); ok {
			with("outdented", out)
		}
		cut := len(line) / 2
		for cut < len(line) && !utf8.RuneStart(line[cut]) {
			cut++
		}
		with("truncated", line[:cut])
		yield(fmt.Sprintf("truncated in line %d", i+1), strings.Join(append(slices.Clone(lines[:i]), line[:cut]), "\n"))
		with("without quotes", strings.NewReplacer(`"`, "", "'", "").Replace(line))
		for k, at := range words.FindAllStringIndex(line, -1) {
			for _, other := range []string{"nonsense", "-1", "{}", ""} {
				with(fmt.Sprintf("with %q for word %d", other, k+1), line[:at[0]]+other+line[at[1]:])
			}
		}
		for k := range line {
			if strings.IndexByte(":,{}[]", line[k]) >= 0 {
				with(fmt.Sprintf("with a semicolon for the sign at %d", k+1), line[:k]+";"+line[k+1:])
				with(fmt.Sprintf("without the sign at %d", k+1), line[:k]+line[k+1:])
			}
		}
	}
}

// judgeSpoiled loads and compiles a workspace, and runs its tests where it loads.
func judgeSpoiled(dir string) (ps yamlfile.Problems, wrong string) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if r := recover(); r != nil {
				wrong = fmt.Sprintf("it panics: %v\n%s", r, debug.Stack())
			}
		}()
		ws, problems := journey.Load(dir)
		program, more := journey.Compile(ws)
		_, config := engine.CheckConfig(dir)
		ps = slices.Concat(problems, more, config)
		if failed := problems.Failed() || more.Failed(); !failed && program == nil {
			wrong = "neither a program nor a problem"
		} else if !failed {
			_, _ = journey.RunTests(ws)
		}
	}()
	select {
	case <-done:
		return ps, wrong
	case <-time.After(2 * time.Minute):
		return nil, "it hangs"
	}
}

// placeless says which problem has no place, or one that its file has not.
func placeless(dir string, ps yamlfile.Problems) string {
	for _, p := range ps {
		if p.Line < 1 || p.Col < 1 || p.File == "" || p.Message == "" || !strings.HasPrefix(p.File, dir) {
			return fmt.Sprintf("a problem without a place: %q", p)
		}
		if info, err := os.Stat(p.File); err != nil || info.IsDir() {
			continue // that a file is missing
		}
		text, err := os.ReadFile(p.File)
		if err != nil {
			return err.Error()
		}
		lines := strings.Split(string(text), "\n")
		if p.Line > len(lines) || p.Col > utf8.RuneCountInString(lines[p.Line-1])+1 {
			return fmt.Sprintf("the file has no such place: %s", p)
		}
	}
	return ""
}

// sampleWorkspaces copies every workspace of the tree and of its pages, and gives their directories.
func sampleWorkspaces(t *testing.T) []string {
	root := t.TempDir()
	put := func(name, text string) { workspacetest.Write(t, filepath.Join(root, name), text) }
	blocks := regexp.MustCompile("<!-- file: (.+) -->\n```yaml\n((?s:.*?))```")
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != ".":
			return filepath.SkipDir
		case isYAML(path):
			put(path, read(t, path))
		case strings.HasSuffix(path, ".md"):
			for _, f := range blocks.FindAllStringSubmatch(read(t, path), -1) {
				put(filepath.Join(path, f[1]), f[2])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "journeys" {
			found = append(found, filepath.Dir(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func isYAML(name string) bool {
	return strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
}

// yamlFiles are those of a workspace, from its directory.
func yamlFiles(t *testing.T, dir string) []string {
	var names []string
	for _, pattern := range []string{"*.yaml", "journeys/*", "tests/*"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			if name, err := filepath.Rel(dir, path); err == nil && isYAML(name) {
				names = append(names, name)
			}
		}
	}
	return names
}
