// Package wend_test holds what is true of the whole tree: who may import whom, and that what the project says to users works.
package wend_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// source is a Go file of ours.
type source struct {
	name    string // from the root, with slashes
	pkg     string // directory
	test    bool
	file    *ast.File
	imports []string
}

func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	fset := token.NewFileSet()
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && p != "."):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(p, ".go"):
			return nil
		}
		f, err := parser.ParseFile(fset, p, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		s := source{name: filepath.ToSlash(p), test: strings.HasSuffix(p, "_test.go"), file: f}
		s.pkg = path.Dir(s.name)
		s.test = s.test || s.pkg == "connectors/conformance" || s.pkg == "schemas/workspacetest" // what tests call
		for _, i := range f.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			s.imports = append(s.imports, name)
		}
		out = append(out, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func within(pkg, tree string) bool { return pkg == tree || strings.HasPrefix(pkg, tree+"/") }

// TestOwnImports: imports read downwards, and only cmd and bench wire. Tests may use what is above them.
func TestOwnImports(t *testing.T) {
	may := map[string][]string{
		"schemas":                  {},
		"schemas/yamlfile":         {},
		"statestore":               {},
		"engine/journey":           {"schemas", "schemas/yamlfile", "engine/journey/expr", "engine/journey/domain", "engine/journey/localtime", "engine/journey/cron"},
		"engine/journey/expr":      {"schemas", "engine/journey/localtime", "engine/journey/domain"},
		"engine/journey/domain":    {},
		"engine/journey/localtime": {},
		"engine/journey/cron":      {"engine/journey/localtime"},
		"engine/journey/graph":     {"engine/journey", "schemas/yamlfile"},
		"engine/replay":            {"engine/journey", "schemas"},
		"engine/diff":              {"engine/journey", "engine/replay", "schemas"},
		"engine/property":          {"engine/journey", "schemas", "schemas/yamlfile"},
		"engine/check":             {"engine/journey", "engine/property", "schemas/yamlfile"},
		"engine":                   {"engine/journey", "statestore", "connectors", "connectors/batch", "schemas", "schemas/yamlfile"},
		"connectors":               {},
		"connectors/batch":         {"connectors"},
		"connectors/kafka":         {"connectors", "connectors/batch"},
		"connectors/broker":        {},
		"connectors/delivery":      {"connectors", "connectors/batch", "schemas"},
		"examples":                 {},
	}
	for _, s := range sources(t) {
		if s.test || within(s.pkg, "cmd") || within(s.pkg, "bench") {
			continue
		}
		allowed, known := may[s.pkg]
		if !known {
			t.Errorf("%s: package %s has no rule: say here what it may import", s.name, s.pkg)
			continue
		}
		for _, i := range s.imports {
			if ours, ok := strings.CutPrefix(i, "wend/"); ok && !slices.Contains(allowed, ours) {
				t.Errorf("%s imports %s", s.name, i)
			}
		}
	}
}

// TestLibraryImports: each library that must stay behind one package does.
func TestLibraryImports(t *testing.T) {
	for _, rule := range []struct {
		library string
		tests   bool // also in tests
		in      []string
	}{
		{"github.com/segmentio/kafka-go", false, []string{"connectors/kafka", "bench"}},
		{"github.com/twmb/franz-go", false, []string{"connectors/broker", "bench"}},
		{"github.com/cockroachdb/pebble", false, []string{"statestore", "connectors/delivery", "connectors/broker", "cmd/wend", "bench"}},
		{"cel.dev", true, []string{"engine/journey/expr"}},
		{"go.yaml.in/yaml", false, []string{"schemas/yamlfile"}},
		{"github.com/vmihailenco/msgpack", false, []string{"schemas", "engine"}},
		{"github.com/spf13/cobra", true, []string{"cmd", "bench"}},
		{"go.uber.org/zap", true, []string{"cmd", "bench"}},
		{"github.com/prometheus", false, []string{"engine", "bench"}},
	} {
		for _, s := range sources(t) {
			if s.test && !rule.tests {
				continue
			}
			if slices.ContainsFunc(rule.in, func(p string) bool { return within(s.pkg, p) }) {
				continue
			}
			for _, i := range s.imports {
				if within(i, rule.library) {
					t.Errorf("%s imports %s, which belongs to %s", s.name, i, strings.Join(rule.in, ", "))
				}
			}
		}
	}
}

// TestPureCore: what decides gets everything as values. It has no clock, randomness, input or output, goroutine, context
// or logger, so that the same values give the same result on every machine. Reading a workspace's files is the one
// exception, and stands in one file.
func TestPureCore(t *testing.T) {
	allowed := []string{
		"bytes", "cmp", "encoding/binary", "encoding/json", "errors", "fmt", "hash/fnv", "hash/maphash", "iter", "maps", "math", "math/big", "math/bits",
		"reflect", "regexp", "slices", "sort", "strconv", "strings", "time", "unicode", "unicode/utf8", "unsafe",
		"sync", "sync/atomic", // what many shards read at once may be made once
	}
	exceptions := map[string][]string{
		"engine/journey/load.go":        {"os", "io/fs", "path/filepath"},
		"engine/journey/load_files.go":  {"io/fs"},                      // an error, no file
		"engine/journey/simulatelog.go": {"io", "bufio"},                // the log is handed in
		"engine/journey/explain.go":     {"io"},                         // to ReadLog
		"engine/journey/expr/zone.go":   {"archive/zip", "embed", "io"}, // the time zones are in the binary
	}
	libraries := []string{"cel.dev", "google.golang.org/protobuf", "wend/schemas", "wend/engine/journey"}
	clock := []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "LoadLocation", "Local"}
	for _, s := range sources(t) {
		if s.test || !within(s.pkg, "engine/journey") {
			continue
		}
		for _, i := range s.imports {
			if strings.Contains(i, ".") || strings.HasPrefix(i, "wend/") {
				if !slices.ContainsFunc(libraries, func(l string) bool { return within(i, l) }) {
					t.Errorf("%s imports %s", s.name, i)
				}
			} else if !slices.Contains(allowed, i) && !slices.Contains(exceptions[s.name], i) {
				t.Errorf("%s imports %s", s.name, i)
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s starts a goroutine", s.name)
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clock, n.Sel.Name) {
					t.Errorf("%s uses time.%s", s.name, n.Sel.Name)
				}
			}
			return true
		})
	}
}

// TestNoPanicNoInit: no panic leaves a package, and nothing happens before main.
func TestNoPanicNoInit(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || within(s.pkg, "bench") {
			continue
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s has an init", s.name)
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if f, ok := call.Fun.(*ast.Ident); ok && f.Name == "panic" {
					t.Errorf("%s panics", s.name)
				}
			}
			return true
		})
	}
}
