package oracle

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var tryMutants = flag.Bool("oracle.mutants", false, "break the engine in each of the ways of mutants_test.go, and see TestOracle fail")

// mutant is a small change of what the engine means: in a file of engine/journey, a text that stands there once. In the new
// text NOW says whether this mutant is the one in force, ONE is 1 then and else 0, and mutatedTo(NOW, x, y) is x then and else y.
type mutant struct{ name, file, old, new string }

// mutantSource is what the changed files go by.
const mutantSource = `package journey

import "os"

var mutantInForce = os.Getenv("WEND_MUTANT")

func mutated(name string) bool { return mutantInForce == name }

func mutatedBy(name string) int64 {
	if mutated(name) {
		return 1
	}
	return 0
}

func mutatedTo[T any](now bool, x, y T) T {
	if now {
		return x
	}
	return y
}
`

// TestMutants builds the engine once with all mutants, of which none or one is in force (the tree is not touched: `go test
// -overlay`), and expects a difference under each and none without: of TestOracle's cases, or of TestOracleOfVersions' where the
// mutant is of what deploys and pauses do; of which those who escape 400 cases meet the written cases of engine/journey. It
// prints the table that docs/oracle.md has:
//
//	go test ./engine/journey/oracle -run TestMutants -oracle.mutants -v -timeout 1h
func TestMutants(t *testing.T) {
	if !*tryMutants {
		t.Skip("it builds the engine again and runs it under each mutant: say -oracle.mutants")
	}
	all := append(mutants(), mutantsOfVersions()...)
	overlay := writeMutants(t, all)
	oracle, written := buildMutants(t, overlay, "."), buildMutants(t, overlay, "..")
	run := func(m, test string, first, cases int) (string, error) {
		c := exec.Command(oracle, "-test.run", "^"+test+"$", fmt.Sprintf("-oracle.seed=%d", first), fmt.Sprintf("-oracle.cases=%d", cases), "-oracle.shrink=false", "-test.timeout=1h")
		c.Env = append(os.Environ(), "WEND_MUTANT="+m)
		out, err := c.CombinedOutput()
		return string(out), err
	}
	runWritten := func(m string) (string, error) {
		c := exec.Command(written, "-test.run", "^(TestReleases|TestVersionsPage|TestPinnedLaw|TestLazyLaw)$")
		c.Dir, c.Env = "..", append(os.Environ(), "WEND_MUTANT="+m)
		out, err := c.CombinedOutput()
		return string(out), err
	}
	for _, test := range []string{"TestOracle", "TestOracleOfVersions"} {
		if out, err := run("", test, 1, 100); err != nil {
			t.Fatalf("without a mutant it fails too:\n%.3000s", out)
		}
	}
	if out, err := runWritten(""); err != nil {
		t.Fatalf("without a mutant it fails too:\n%.3000s", out)
	}
	caught := 0
	var table strings.Builder
	for i, m := range all {
		t.Run(m.name, func(t *testing.T) {
			test, by := "TestOracle", ""
			if i >= len(mutants()) {
				test = "TestOracleOfVersions"
			}
			out, err := run(fmt.Sprint(i), test, 1, 400)
			switch first := regexp.MustCompile(`seed (\d+) differs`).FindStringSubmatch(out); {
			case first != nil:
				by = fmt.Sprintf("`%s`, case %s", test, first[1])
			case err != nil:
				t.Errorf("it fails otherwise than by a difference:\n%.2000s", out)
				return
			case test == "TestOracle":
				out, _ = run(fmt.Sprint(i), test, 401, 4600)
				if first := regexp.MustCompile(`seed (\d+) differs`).FindStringSubmatch(out); first != nil {
					by = fmt.Sprintf("`%s`, case %s", test, first[1])
				}
			default:
				out, _ = runWritten(fmt.Sprint(i))
				if failed := regexp.MustCompile(`--- FAIL: (\S+)`).FindAllStringSubmatch(out, -1); failed != nil {
					by = "`" + strings.ReplaceAll(failed[min(1, len(failed)-1)][1], "_", " ") + "`"
				}
			}
			if by == "" {
				t.Errorf("not caught")
				return
			}
			caught++
			t.Logf("caught by %s", by)
			fmt.Fprintf(&table, "| %s | %s | %s |\n", m.name, m.file, by)
		})
	}
	t.Logf("%d of %d mutants caught\n%s", caught, len(all), table.String())
}

// writeMutants writes the changed files, and gives the overlay that puts them in the place of the engine's.
func writeMutants(t *testing.T, all []mutant) (overlay string) {
	t.Helper()
	dir := t.TempDir()
	here, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	changed := map[string]string{}
	for i, m := range all {
		text, seen := changed[m.file]
		if !seen {
			source, err := os.ReadFile(filepath.Join(here, m.file))
			if err != nil {
				t.Fatal(err)
			}
			text = string(source)
		}
		if n := strings.Count(text, m.old); n != 1 {
			t.Fatalf("%s: %s holds %q %d times, not once: write the mutant anew", m.name, m.file, m.old, n)
		}
		now := strings.NewReplacer("NOW", fmt.Sprintf("mutated(%q)", fmt.Sprint(i)), "ONE", fmt.Sprintf("mutatedBy(%q)", fmt.Sprint(i))).Replace(m.new)
		changed[m.file] = strings.Replace(text, m.old, now, 1)
	}
	replace := map[string]string{filepath.Join(here, "mutant.go"): write("mutant.go", mutantSource)}
	for name, text := range changed {
		replace[filepath.Join(here, name)] = write(name, text)
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	return write("overlay.json", string(list))
}

// buildMutants builds the tests of a package over the changed files.
func buildMutants(t *testing.T, overlay, pkg string) (binary string) {
	t.Helper()
	binary = filepath.Join(t.TempDir(), "mutants.test")
	if out, err := exec.Command("go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", binary, pkg).CombinedOutput(); err != nil {
		t.Fatalf("the mutants do not build:\n%s", out)
	}
	return binary
}

func mutants() []mutant {
	return []mutant{
		{"a timer due at an event's instant fires first", "step.go", "limit--", "limit -= 1 - ONE"},
		{"a chain of nine emitted events", "run.go", "s.depth+1 > maxChain", "s.depth+1 > maxChain+int(ONE)"},
		{"a goal counts from the exit", "enrollment.go", "expires = later(en.Entered, j.goal.within)", "expires = later(en.Entered+ONE*(s.doc.Time-en.Entered), j.goal.within)"},
		{"the 99th reset is the last", "enrollment.go", "en.Resets < maxResets", "en.Resets < maxResets-int(ONE)"},
		{"an early event counts for two awaits", "enrollment.go", "|| x.Cause.EventID == id", "|| !NOW && x.Cause.EventID == id"},
		{"the goal is the older enrollment's", "enrollment.go", "js.Running[i].Number > js.Ended[k].Number", "NOW != (js.Running[i].Number > js.Ended[k].Number)"},
		{"26 enrollments at once", "enter.go", "len(js.Running) >= maxRunning", "len(js.Running) >= maxRunning+int(ONE)"},
		{"too soon a moment too long", "enter.go", "js.Entered[i].At < j.after", "js.Entered[i].At < j.after+ONE"},
		{"a counted window without its last moment", "counting.go", "<= uint64(within)", "<= uint64(within-ONE)"},
		{"a null in a map stays", "profile.go", "delete(m, k)", "if delete(m, k); NOW {\n\t\t\t\tm[k] = nil\n\t\t\t}"},

		{"a cap counts what is exactly as old as it", "policy.go", "uint64(now)-uint64(left) < uint64(c.per)", "uint64(now)-uint64(left) < uint64(c.per+ONE)"},
		{"quiet hours do not hold at their beginning", "policy.go", "return q.From <= c && c < q.To", "return q.From <= c && c < q.To && !(NOW && c == q.From)"},
		{"a send expires a moment too late", "deferred.go", "later(d.Reached, e) <= s.doc.Time", "later(d.Reached, e) <= s.doc.Time-ONE"},
		{"what an exit sends itself is dropped too", "deferred.go", "Kept: s.leaving", "Kept: s.leaving && !NOW"},
		{"an ended enrollment's deferred sends stay", "deferred.go", "if leaves {", "if leaves && !NOW {"},
		{"caps count what is transactional", "send.go", "if !a.Transactional {", "if !a.Transactional || NOW {"},

		{"of equal choices the last", "choose.go", "expr.Less(most, score)", "expr.Less(most, score) || NOW && !expr.Less(score, most)"},
		{"a wait for a local time begins now", "wait.go", "localtime.Next(due, *w.at", "localtime.Next(due-ONE*(due-s.doc.Time), *w.at"},

		{"a window holds what is exactly as old as it", "windows.go", "return age(now, t) < uint64(w.within)", "return age(now, t) < uint64(w.within+ONE)"},
		{"a late event in hand is in no window", "windows.go", "!young(s.ev.Time) && s.ev.Time < from", "!young(s.ev.Time) && s.ev.Time < from && !NOW"},
		{"a late event moves idle back", "scores.go", "!armed || due > x.Due", "!armed || due > x.Due || NOW"},
		{"idle goes below min", "scores.go", "max(c.min, x.Value+c.idle)", "max(c.min-1000*float64(ONE), x.Value+c.idle)"},
		{"the unknown customer fulfils nothing", "looks.go", "; holds {\n\t\t\tvalue |= 1", "; holds && !NOW {\n\t\t\tvalue |= 1"},
		{"a condition that turns false stays true", "looks.go", "s.doc.Looks[at] ^= 1", "s.doc.Looks[at] ^= 1\n\tif NOW {\n\t\ts.doc.Looks[at] |= 1\n\t}"},

		{"29 February is 1 March", "moment_date.go", "day--", "day -= localtime.Day(1 - ONE)"},
		{"a date fires once more in another zone", "moment_date.go", "!slices.Contains(fired, int64(day))", "(NOW && at > from || !slices.Contains(fired, int64(day)))"},
		{"an older event ends a silence", "moment.go", "x.Spec == m.spec && at <= x.Of", "x.Spec == m.spec && at <= x.Of && !NOW"},
		{"a schedule begins behind the first event", "moment_schedule.go", "due, of := s.nextOf(m, from)", "due, of := s.nextOf(m, from+ONE)"},

		{"a wait for a day goes by the journey's zone", "wait.go", "w.on, s.zoneOf(j))", "w.on, mutatedTo(NOW, j.zone, s.zoneOf(j)))"},
		{"a wait for a local time goes by the journey's zone", "wait.go", "days, s.zoneOf(j))", "days, mutatedTo(NOW, j.zone, s.zoneOf(j)))"},
		{"what is transactional needs no consent", "policy.go", "s.holds(c.consent, j, en, step); !ok {", "s.holds(c.consent, j, en, step); !ok && !(NOW && transactional) {"},
		{"a cap's day is that of UTC", "policy.go", "localtime.DayOf(now, zone).At(0, zone)", "localtime.DayOf(now, mutatedTo(NOW, time.UTC, zone)).At(0, mutatedTo(NOW, time.UTC, zone))"},
		{"a deferred action expires later", "policy.go", "return later(reached, expire)", "return later(mutatedTo(NOW, s.doc.Time, reached), expire)"},
		{"the holdout counts for caps", "send.go", "kind = DecidedWithheld", "if NOW {\n\t\t\ts.count(c)\n\t\t}\n\t\tkind = DecidedWithheld"},
		{"a deferred send passes no caps", "deferred.go", "s.stops(c, false, j, en, d.Step)", "s.stops(c, NOW, j, en, d.Step)"},
		{"a repeat has a round more", "repeat.go", "begun >= r.times", "begun >= r.times+uint64(ONE)"},
		{"a schedule is not spread", "moment_schedule.go", "later(of, m.delay(s.customer))", "later(of, (1-ONE)*m.delay(s.customer))"},
		{"nobody looks at what a step changed", "profile.go", "if len(s.p.watched) > 0 {", "if len(s.p.watched) > 0 && !(NOW && j != nil) {"},
		{"nobody looks when an event leaves a window", "looks.go", "nextLeave(s.doc, l, s.doc.Time) <= to", "nextLeave(s.doc, l, s.doc.Time) <= to && !NOW"},
	}
}
