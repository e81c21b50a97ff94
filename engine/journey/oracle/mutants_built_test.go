package oracle

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mutant is a small change of what the engine means: in a file of engine/journey, a text that stands there once. In the new
// text NOW says whether this mutant is the one in force, ONE is 1 then and else 0, and mutatedTo(NOW, x, y) is x then and else y.
type mutant struct{ name, file, old, new string }

// mutantSource is what the changed files go by, and mutantHook is how the tests here put a mutant in force.
const (
	mutantSource = `package journey

var mutantInForce = -1

func ForceMutant(n int) { mutantInForce = n }

func mutated(n int) bool { return mutantInForce == n }

func mutatedBy(n int) int64 {
	if mutated(n) {
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
	mutantHook = `package oracle

import engine "wend/engine/journey"

func init() { forceMutant = engine.ForceMutant }
`
)

// mutatedFiles gives the engine's files as they are with all mutants in them, of which none is in force; the i-th is number i.
func mutatedFiles(t *testing.T, all []mutant) map[string]string {
	t.Helper()
	changed := map[string]string{}
	for i, m := range all {
		text, seen := changed[m.file]
		if !seen {
			source, err := os.ReadFile(filepath.Join("..", m.file))
			if err != nil {
				t.Fatal(err)
			}
			text = string(source)
		}
		if n := strings.Count(text, m.old); n != 1 {
			t.Fatalf("%s: %s holds %q %d times, not once: write the mutant anew", m.name, m.file, m.old, n)
		}
		now := strings.NewReplacer("NOW", fmt.Sprintf("mutated(%d)", i), "ONE", fmt.Sprintf("mutatedBy(%d)", i)).Replace(m.new)
		changed[m.file] = strings.Replace(text, m.old, now, 1)
	}
	return changed
}

// buildMutants builds the tests of this package over the changed engine. The tree is not touched: `go test -overlay`.
func buildMutants(t *testing.T, all []mutant) (binary string) {
	t.Helper()
	dir := t.TempDir()
	here, err := filepath.Abs(".")
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
	replace := map[string]string{
		filepath.Join(here, "..", "mutant.go"):     write("mutant.go", mutantSource),
		filepath.Join(here, "mutant_hook_test.go"): write("mutant_hook_test.go", mutantHook),
	}
	for name, text := range mutatedFiles(t, all) {
		replace[filepath.Join(here, "..", name)] = write(name, text)
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	binary = filepath.Join(dir, "mutants.test")
	if out, err := exec.Command("go", "test", "-c", "-vet=off", "-overlay", write("overlay.json", string(list)), "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("the mutants do not build:\n%s", out)
	}
	return binary
}
