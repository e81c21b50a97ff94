//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const docs = "../../docs"

// TestShown: the pictures of the docs are drawn from the points that lie beside them, and the page has these figures. WEND_WRITE_DOCS=1
// writes them.
func TestShown(t *testing.T) {
	points, err := readPoints(filepath.Join(docs, "plots", pointsFile))
	if err != nil {
		t.Fatal(err)
	}
	pictures, err := draw(points)
	if err != nil {
		t.Fatal(err)
	}
	page := filepath.Join(docs, "scaling.md")
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- points -->\n", "<!-- end of points -->"
	text := string(b)
	i, j := strings.Index(text, begin), strings.Index(text, end)
	if i < 0 || j < i {
		t.Fatalf("%s has no table of points", page)
	}
	files := map[string]string{page: text[:i+len(begin)] + table(points) + text[j:]}
	for name, picture := range pictures {
		files[filepath.Join(docs, "plots", name)] = picture
		if !strings.Contains(text, "](plots/"+name+")") {
			t.Errorf("%s does not show %s", page, name)
		}
	}
	for path, want := range files {
		if os.Getenv("WEND_WRITE_DOCS") != "" {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		} else if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s is not what was measured (%v): run WEND_WRITE_DOCS=1 go test ./bench/scaling -run TestShown", path, err)
		}
	}
}
