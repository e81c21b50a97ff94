package journey

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var rewriteCheck = flag.Bool("rewrite-check", false, "write what Check says into testdata/check")

// TestCheckFindings checks the workspaces of testdata/check. Their last file, want, holds a line for each problem.
func TestCheckFindings(t *testing.T) {
	paths, err := filepath.Glob("testdata/check/*.txtar")
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
			p, more, found := Check(ws)
			if (p == nil) != more.Failed() {
				t.Errorf("program %v, problems %v", p, more)
			}
			if p == nil {
				t.Fatal(more)
			}
			for _, f := range found.Findings {
				if f.Severity.String() != "warning" || f.File == "" || f.Line < 1 {
					t.Errorf("finding %+v", f)
				}
			}
			got := strings.ReplaceAll(lines(dir, append(problems, more...)), dir+string(filepath.Separator), "")
			if *rewriteCheck {
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

// TestCheckSamples: nothing is found in the samples, nor in the workspaces that Compile finds good.
func TestCheckSamples(t *testing.T) {
	found, err := filepath.Glob("../../examples/*/journeys")
	if err != nil || len(found) < 5 {
		t.Fatal(found, err)
	}
	for _, dir := range append(found, "testdata/cart/journeys") {
		ws, problems := Load(filepath.Dir(dir))
		_, more, _ := Check(ws)
		if problems = append(problems, more...); len(problems) > 0 {
			t.Errorf("%s: %v", dir, problems)
		}
	}
}
