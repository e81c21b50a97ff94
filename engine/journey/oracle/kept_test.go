package oracle

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestKept compares the cases that once differed, made small. A file of testdata says in its first lines what it is about;
// the rest is as TestOracle prints a case.
func TestKept(t *testing.T) {
	files, err := filepath.Glob("testdata/*.case")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases: ", err)
	}
	b := &bench{dir: t.TempDir(), almanac: newAlmanac()}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".case"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			v := b.judge(readScenario(t, string(text)))
			if wrong := v.refused + v.differs; v.none || wrong != "" {
				t.Errorf("it is a case: %v\n%s", !v.none, wrong)
			}
		})
	}
}

// readScenario reads what scenario.String prints.
func readScenario(t *testing.T, text string) *scenario {
	s := &scenario{until: forever}
	_, text, _ = strings.Cut(text, "--- journeys")
	for part := range strings.SplitSeq("journeys"+text, "\n--- ") {
		name, body, _ := strings.Cut(part, "\n")
		switch word, rest, _ := strings.Cut(name, " "); word {
		case "journeys/case.yaml":
			s.journeys = readYAML(t, body)
		case "profile.yaml":
			s.profile = readYAML(t, body)[0]
		case "policies.yaml":
			s.policies = readYAML(t, body)[0]
		case "events.jsonl":
			s.log = strings.Split(strings.TrimSuffix(body, "\n"), "\n")
		case "change":
			s.changes = append(s.changes, readChange(t, rest, body))
		case "policies":
			if s.changes[len(s.changes)-1].policies = (map[string]any{}); body != "" {
				s.changes[len(s.changes)-1].policies = readYAML(t, body)[0]
			}
		case "without":
		case "until":
			at, err := strconv.ParseInt(rest, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			s.until = at
		default:
			t.Fatalf("a part %q", name)
		}
	}
	return s
}
