package examples

import (
	"path/filepath"
	"strings"
	"testing"

	"wend/engine/journey"
	"wend/engine/property"
)

// TestWorkspaces: every sample loads without a warning, its tests pass and reach every step but the arms of splits, which
// the one customer of tests cannot all draw, and its properties hold and are put to the test.
func TestWorkspaces(t *testing.T) {
	found, err := filepath.Glob("*/journeys")
	if err != nil || len(found) < 5 {
		t.Fatal(found, err)
	}
	for _, dir := range found {
		dir = filepath.Dir(dir)
		t.Run(dir, func(t *testing.T) {
			ws, problems := journey.Load(dir)
			_, more := journey.Compile(ws)
			if problems = append(problems, more...); len(problems) > 0 {
				t.Fatal(problems)
			}
			results, _ := journey.RunTests(ws)
			for _, r := range results.Tests {
				if !r.Passed {
					t.Errorf("%s: %s", r.Name, strings.Join(r.Failures, "; "))
				}
			}
			for _, c := range results.Coverage {
				for _, m := range c.Missed {
					if !strings.Contains(m.Place, ".split.arms[") {
						t.Errorf("no test reaches %s %s", m.Pos, m.Place)
					}
				}
			}
			properties, err := property.Run(ws)
			if err != nil {
				t.Fatal(err)
			}
			for i := range properties {
				switch p := &properties[i]; {
				case p.Found != nil:
					t.Errorf("%s: %s\n%s", p.Property.Name, p.Found.Why, p.Found)
				case p.Sends == 0:
					t.Errorf("%s was not put to the test", p.Property.Name)
				}
			}
		})
	}
}
