package journey

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var rewriteCompile = flag.Bool("rewrite-compile", false, "write what Compile says into testdata/compile")

// TestCompileProblems compiles the workspaces of testdata/compile. Their last file, want, holds a line for each problem.
func TestCompileProblems(t *testing.T) {
	paths, err := filepath.Glob("testdata/compile/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatal("no cases", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			last := len(archive.Files) - 1
			files := map[string]string{}
			for _, f := range archive.Files[:last] {
				files[f.Name] = string(f.Data)
			}
			dir := workspace(t, files)
			ws, problems := Load(dir)
			p, more := Compile(ws)
			if (p == nil) != more.Failed() {
				t.Errorf("program %v, problems %v", p, more)
			}
			got := lines(dir, append(problems, more...))
			if *rewriteCompile {
				archive.Files[last].Data = []byte(got)
				if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if want := string(archive.Files[last].Data); got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

func TestProgramNames(t *testing.T) {
	p := compileText(t, `
journey: a
enter: {on: x}
steps: [{send: sms, template: t}]
---
journey: c
priority: 1
enter: {on: x}
steps: [{send: push, template: t}, {send: push, template: u}]
---
journey: b
enter: {on: x}
goal: {on: y, do: [{send: email, template: t}]}
steps: [{wait: 1h}]
`, "")
	if got := p.Journeys(); !slices.Equal(got, []string{"c", "a", "b"}) {
		t.Errorf("journeys %v", got)
	}
	if got := p.Channels(); !slices.Equal(got, []string{"email", "push", "sms"}) {
		t.Errorf("channels %v", got)
	}
}
