package oracle

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var tryMutants = flag.Bool("oracle.mutants", false, "break the engine in each of the ways of mutants_test.go, and see TestOracle fail")

// mutant is a small change of what the engine means: in a file of engine/journey, a text that stands there once.
type mutant struct{ name, file, old, new string }

// TestMutants builds the engine with one mutant at a time (the tree is not touched: `go test -overlay`) and expects TestOracle
// to differ. It prints the table: go test ./engine/journey/oracle -run TestMutants -oracle.mutants -v
func TestMutants(t *testing.T) {
	if !*tryMutants {
		t.Skip("it builds the engine once for each mutant: say -oracle.mutants")
	}
	caught := 0
	for _, m := range mutants() {
		t.Run(m.name, func(t *testing.T) {
			path, err := filepath.Abs(filepath.Join("..", m.file))
			if err != nil {
				t.Fatal(err)
			}
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(source), m.old); n != 1 {
				t.Fatalf("%s holds %q %d times, not once: write the mutant anew", m.file, m.old, n)
			}
			dir := t.TempDir()
			changed, overlay := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json")
			if err := os.WriteFile(changed, []byte(strings.Replace(string(source), m.old, m.new, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			replace, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(overlay, replace, 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command("go", "test", "-overlay", overlay, "-vet=off", "-count=1", "-run", "^TestOracle$", ".", "-oracle.cases=5000", "-oracle.shrink=false").CombinedOutput()
			found := regexp.MustCompile(`seed (\d+) differs: line \d+\n +engine (.*)\n +oracle (.*)`).FindStringSubmatch(string(out))
			switch {
			case err == nil:
				t.Errorf("not caught in 5000 cases")
			case found == nil:
				t.Errorf("it fails otherwise than by a difference:\n%.2000s", out)
			default:
				caught++
				t.Logf("caught by case %s: engine %.90s, oracle %.90s", found[1], found[2], found[3])
			}
		})
	}
	t.Logf("%d of %d mutants caught", caught, len(mutants()))
}

func mutants() []mutant {
	return []mutant{
		{"a timer due at an event's instant fires first", "step.go", "limit--", "limit += 0"},
		{"a chain of nine emitted events", "step.go", "const maxChain = 8", "const maxChain = 9"},
		{"a goal counts from the exit", "enrollment.go", "expires = later(en.Entered, j.goal.within)", "expires = later(s.doc.Time, j.goal.within)"},
		{"the 99th reset is the last", "enrollment.go", "const maxResets = 100", "const maxResets = 99"},
		{"an early event counts for two awaits", "enrollment.go", " || x.Cause.EventID == id", ""},
		{"the goal is the older enrollment's", "enrollment.go", "js.Running[i].Number > js.Ended[k].Number", "js.Running[i].Number < js.Ended[k].Number"},
		{"26 enrollments at once", "enter.go", "maxRunning = 25 ", "maxRunning = 26 "},
		{"too soon a moment too long", "enter.go", "js.Entered[i].At < j.after", "js.Entered[i].At <= j.after"},
		{"a counted window without its last moment", "counting.go", "<= uint64(within)", "< uint64(within)"},
		{"a null in a map stays", "profile.go", "delete(m, k)", "m[k] = nil"},

		{"a cap counts what is exactly as old as it", "policy.go", "uint64(now)-uint64(oldest) < uint64(c.per)", "uint64(now)-uint64(oldest) <= uint64(c.per)"},
		{"quiet hours hold at their end", "policy.go", "return q.From <= c && c < q.To", "return q.From <= c && c <= q.To"},
		{"a send expires a moment too late", "deferred.go", "later(d.Reached, e) <= s.doc.Time", "later(d.Reached, e) < s.doc.Time"},
		{"what an exit sends itself is dropped too", "deferred.go", "Kept: s.leaving", "Kept: false"},
		{"an ended enrollment's deferred sends stay", "deferred.go", "if leaves {", "if false && leaves {"},
		{"caps count what is transactional", "send.go", "if !a.Transactional {", "if a.Channel != \"\" {"},

		{"of equal choices the last", "choose.go", "expr.Less(most, score)", "!expr.Less(score, most)"},
		{"a wait for a local time begins now", "wait.go", "localtime.Next(due, *w.at", "localtime.Next(s.doc.Time, *w.at"},

		{"a window holds what is exactly as old as it", "windows.go", "age(now, t) < uint64(w.within)", "age(now, t) <= uint64(w.within)"},
		{"a late event in hand is in no window", "windows.go", "!young(s.ev.Time) && s.ev.Time < from", "false"},
		{"a late event moves idle back", "scores.go", "!armed || due > x.Due", "true"},
		{"idle goes below min", "scores.go", "max(c.min, x.Value+c.idle)", "x.Value+c.idle"},
		{"a condition that turned false is not forgotten", "looks.go", "s.doc.Looks[at] ^= 1", "s.doc.Looks[at] |= 1"},
		{"the unknown customer fulfils nothing", "looks.go", "; holds {\n\t\t\tvalue |= 1", "; false && holds {\n\t\t\tvalue |= 1"},

		{"29 February is 1 March", "moment_date.go", "day--", "day += 0"},
		{"a date fires once more in another zone", "moment_date.go", "!slices.Contains(fired, int64(day))", "true"},
		{"an older event ends a silence", "moment.go", "x.Spec == m.spec && at <= x.Of", "x.Spec == m.spec && at < 0"},
		{"a schedule begins behind the first event", "moment_schedule.go", "due, of := s.nextOf(m, from)", "due, of := s.nextOf(m, from+1)"},
	}
}
