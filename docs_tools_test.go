package wend_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"wend/schemas/workspacetest"
)

// TestToolsDoc runs the commands of docs/tools.md in order, from the root of the project, and compares what they print. What
// a block behind <!-- file: NAME --> holds is written into a directory first, where NAME is found as $DIR/NAME.
// WEND_WRITE_DOCS=1 writes what came into the page.
func TestToolsDoc(t *testing.T) {
	const page = "docs/tools.md"
	text := read(t, page)
	dir := t.TempDir()
	for _, m := range regexp.MustCompile("<!-- file: (.+) -->\n```[a-z]*\n((?s:.*?))```").FindAllStringSubmatch(text, -1) {
		workspacetest.Write(t, filepath.Join(dir, m[1]), m[2])
	}
	path := build(t) + string(os.PathListSeparator) + os.Getenv("PATH")
	runConsoles(t, page, text, func(command string) string {
		cmd := exec.Command("bash", "-euo", "pipefail", "-c", command)
		cmd.Env = append(os.Environ(), "PATH="+path, "DIR="+dir)
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) { // 1 is an answer too
			t.Errorf("%s%v\n%s", command, err, out)
		}
		return strings.ReplaceAll(string(out), dir+"/", "")
	})
}

// runConsoles has run each command of a page's consoles behind <!-- run -->, and compares what they give with what stands below
// them. With WEND_WRITE_DOCS set what came is written into the page instead.
func runConsoles(t *testing.T, page, text string, run func(command string) string) {
	t.Helper()
	blocks := regexp.MustCompile("(<!-- run -->\n```console\n)((?s:.*?))(```)")
	ran := 0
	got := blocks.ReplaceAllStringFunc(text, func(block string) string {
		m := blocks.FindStringSubmatch(block)
		var b strings.Builder
		b.WriteString(m[1])
		for line := range strings.Lines(m[2]) {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				ran++
				b.WriteString(line + run(command))
			}
		}
		return b.String() + m[3]
	})
	if ran == 0 {
		t.Fatal("no command was found")
	}
	if os.Getenv("WEND_WRITE_DOCS") != "" {
		if err := os.WriteFile(page, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if got != text {
		t.Errorf("%s is not what comes: run WEND_WRITE_DOCS=1 go test . -run %s\n%s", page, t.Name(), got)
	}
}
