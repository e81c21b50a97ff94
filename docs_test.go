package wend_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"

	"wend/engine"
	"wend/engine/journey"
	"wend/schemas/workspacetest"
)

// read gives a file of the project.
func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// block gives what stands in the fenced block behind a comment.
func block(t *testing.T, text, comment string) string {
	t.Helper()
	m := regexp.MustCompile("<!-- " + comment + " -->\n```[a-z]*\n((?s:.*?))```").FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("there is no block behind <!-- %s -->", comment)
	}
	return m[1]
}

// build makes the binary and gives its directory.
func build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "wend"), "./cmd/wend").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// TestReadmeFirstJourney runs what the README tells to type, and compares.
func TestReadmeFirstJourney(t *testing.T) {
	readme := read(t, "README.md")
	script := strings.ReplaceAll(block(t, readme, "first journey"), "go run ./cmd/wend", filepath.Join(build(t), "wend"))
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", script)
	cmd.Dir = t.TempDir()
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	if got, want := string(out), block(t, readme, "its output"); got != want {
		t.Errorf("it prints\n%s\nthe README says\n%s", got, want)
	}
}

// TestLanguageExamples: the examples of the reference are one workspace, which is good, and whose tests pass.
func TestLanguageExamples(t *testing.T) {
	dir := t.TempDir()
	files := regexp.MustCompile("<!-- file: (.+) -->\n```yaml\n((?s:.*?))```").FindAllStringSubmatch(read(t, "docs/language.md"), -1)
	if len(files) < 3 {
		t.Fatalf("only %d examples were found", len(files))
	}
	for _, f := range files {
		workspacetest.Write(t, filepath.Join(dir, f[1]), f[2])
	}
	ws, problems := journey.Load(dir)
	_, more := journey.Compile(ws)
	if problems = append(problems, more...); len(problems) > 0 {
		t.Fatal(problems)
	}
	results, _ := journey.RunTests(ws)
	if len(results.Tests) == 0 || !results.Passed() {
		t.Errorf("results %+v", results.Tests)
	}
}

// TestDocsNameEveryKey: the tables are made of what the program knows. WEND_WRITE_DOCS=1 writes them.
func TestDocsNameEveryKey(t *testing.T) {
	const file = "docs/configuration.md"
	text := read(t, file)
	rows := func(keys []engine.ConfigKey, cut string, defaults bool) string {
		var b strings.Builder
		for _, k := range keys {
			help := strings.ReplaceAll(k.Help, "|", `\|`)
			if defaults {
				d := ""
				if k.Default != "" {
					d = "`" + k.Default + "`"
				}
				fmt.Fprintf(&b, "| `%s` | %s | %s |\n", k.Path, d, help)
			} else {
				fmt.Fprintf(&b, "| `%s` | %s |\n", strings.TrimPrefix(k.Path, cut), help)
			}
		}
		return b.String()
	}
	want := text
	for comment, table := range map[string]string{
		"keys":          "| key | default | is |\n|---|---|---|\n" + rows(engine.ConfigKeys(), "", true),
		"delivery keys": "| key | is |\n|---|---|\n" + rows(engine.DeliveryKeys("x"), "delivery.x.", false),
	} {
		begin, end := "<!-- "+comment+" -->\n", "<!-- end of "+comment+" -->"
		i, j := strings.Index(want, begin), strings.Index(want, end)
		if i < 0 || j < i {
			t.Fatalf("%s has no table of %s", file, comment)
		}
		want = want[:i+len(begin)] + table + want[j:]
	}
	if os.Getenv("WEND_WRITE_DOCS") != "" {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if text != want {
		t.Errorf("%s is not what the program knows: run WEND_WRITE_DOCS=1 go test . -run TestDocsNameEveryKey", file)
	}
}

// TestComposeFile: it loads, and what it tells the engine is what the engine understands.
func TestComposeFile(t *testing.T) {
	options, err := cli.NewProjectOptions([]string{"docker-compose.yml"}, cli.WithResolvedPaths(false), cli.WithConsistency(true))
	if err != nil {
		t.Fatal(err)
	}
	p, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	variables := map[string]bool{}
	for _, k := range engine.ConfigKeys() {
		variables[k.Variable()] = true
	}
	for _, name := range []string{"engine", "worker"} {
		s, err := p.GetService(name)
		if err != nil {
			t.Fatal(err)
		}
		var environ []string
		for k, v := range s.Environment {
			if v == nil || !variables[k] {
				t.Errorf("%s: %s is no variable of the engine with a value", name, k)
				continue
			}
			environ = append(environ, k+"="+*v)
		}
		cfg, problems := engine.LoadConfig("examples/shop", environ, nil)
		if problems.Failed() || len(cfg.Kafka.Brokers) != 1 || cfg.Kafka.Brokers[0] != "kafka:9093" {
			t.Errorf("%s: %v, brokers %v", name, problems, cfg.Kafka.Brokers)
		}
		if s.Build == nil || len(s.Command) < 3 || s.Command[1] != "-C" || s.Command[2] != "/workspace" {
			t.Errorf("%s: build %v, command %v", name, s.Build, s.Command)
		}
	}
	kafka, err := p.GetService("kafka")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(kafka.Image, "apache/kafka:4.") || !strings.Contains(*kafka.Environment["KAFKA_ADVERTISED_LISTENERS"], "INSIDE://kafka:9093") {
		t.Errorf("kafka: %s, %v", kafka.Image, kafka.Environment)
	}
}

// TestLinksInDocs: each relative link leads somewhere.
func TestLinksInDocs(t *testing.T) {
	files, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range append(files, "README.md") {
		for _, m := range regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(read(t, f), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(f), m[1])); err != nil {
				t.Errorf("%s: %v", f, err)
			}
		}
	}
}
