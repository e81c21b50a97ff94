package oracle

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestKept compares the cases that once differed, made small, and those that were written to show a mutant which random ones
// seldom do. A file of testdata says in its first lines what it is about; the rest is as TestOracle prints a case.
func TestKept(t *testing.T) {
	b := &bench{dir: t.TempDir(), almanac: newAlmanac()}
	for _, file := range keptFiles(t) {
		t.Run(keptName(file), func(t *testing.T) {
			v := b.judge(readKept(t, file))
			if wrong := v.refused + v.differs; v.none || wrong != "" {
				t.Errorf("it is a case: %v\n%s", !v.none, wrong)
			}
		})
	}
}

func keptFiles(t *testing.T) []string {
	files, err := filepath.Glob("testdata/*.case")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases: ", err)
	}
	return files
}

func keptName(file string) string { return strings.TrimSuffix(filepath.Base(file), ".case") }

func readKept(t *testing.T, file string) *scenario {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return readScenario(t, string(text))
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
