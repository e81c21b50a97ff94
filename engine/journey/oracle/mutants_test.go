package oracle

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var tryMutants = flag.Bool("oracle.mutants", false, "break the engine in each of the ways of mutants_*_test.go, and see the oracle differ")

// forceMutant puts one of the mutants in force, none with -1. It is nil where the engine is built without them.
var forceMutant func(n int)

// mutantPage is where the tables are of what was seen: they say with which case each mutant was, which is the first tried.
const mutantPage = "../../../docs/oracle.md"

// mutantKind are mutants that the cases of one test are to see.
type mutantKind struct {
	mark, test string // of the table; that makes the cases
	first      int    // the number of its first mutant
	mutants    []mutant
	generate   func(t *testing.T, seed uint64, may map[string]bool) *scenario
	released   bool // its cases have deploys
}

func mutantKinds() []mutantKind {
	of, versions := mutants(), mutantsOfVersions()
	return []mutantKind{
		{"mutants", "TestOracle", 0, of, generate, false},
		{"mutants of versions", "TestOracleOfVersions", len(of), versions, generateVersions, true},
	}
}

// TestMutants builds the engine once with all mutants, of which none or one is in force, and runs itself there: it expects a
// difference in some case under each, and none in that case without. The case that the page says is tried first, and where
// that does not show it those of testdata, and then as many others as the flags say. WEND_WRITE_DOCS=1 writes what was seen
// into the page:
//
//	go test ./engine/journey/oracle -run TestMutants -oracle.mutants -oracle.cases=5000 -v -timeout 2h
func TestMutants(t *testing.T) {
	page := readMutantPage(t)
	switch {
	case forceMutant != nil:
		for _, k := range mutantKinds() {
			k.try(t, page)
		}
	case *tryMutants:
		_, which, _ := strings.Cut(flag.Lookup("test.run").Value.String(), "/")
		c := exec.Command(buildMutants(t, append(mutants(), mutantsOfVersions()...)), "-test.v", "-test.timeout=2h", "-test.run=^TestMutants$/"+which,
			fmt.Sprintf("-oracle.seed=%d", *firstCase), fmt.Sprintf("-oracle.cases=%d", *cases))
		c.Stdout, c.Stderr = os.Stdout, os.Stderr
		if err := c.Run(); err != nil {
			t.Error(err)
		}
	default:
		all := append(mutants(), mutantsOfVersions()...)
		mutatedFiles(t, all)
		for _, m := range all {
			if page.rows[m.name] == "" {
				t.Errorf("%s has no row of a mutant: %s. Run this with WEND_WRITE_DOCS=1 and -oracle.mutants", mutantPage, m.name)
			}
		}
	}
}

// try tries the mutants of one kind.
func (k *mutantKind) try(t *testing.T, page *mutantTables) {
	b := &bench{dir: t.TempDir(), almanac: newAlmanac()}
	may := map[string]bool{}
	for name := range constructs(t) {
		may[name] = true
	}
	type right struct {
		s  *scenario
		by []line
	}
	kept := map[string]*scenario{} // by their names
	for _, file := range keptFiles(t) {
		if s := readKept(t, file); (len(s.changes) > 0) == k.released {
			kept[keptName(file)] = s
		}
	}
	compared := map[string]*right{} // those that were compared without a mutant
	see := func(t *testing.T, n int, name string) string {
		c := compared[name]
		if c == nil {
			forceMutant(-1)
			c = &right{s: kept[name]}
			if seed, err := strconv.ParseUint(name, 10, 64); err == nil {
				c.s = k.generate(t, seed, may)
			}
			if c.s == nil {
				return "" // the page names a case that is kept no more
			}
			v := b.judge(c.s)
			if v.refused != "" || v.differs != "" {
				t.Errorf("without a mutant case %s differs too: %s%s", name, v.refused, v.differs)
			} else if !v.none {
				c.by = v.compared.lines
			}
			compared[name] = c
		}
		if c.by == nil {
			return ""
		}
		forceMutant(n)
		defer forceMutant(-1)
		s := *c.s
		run, wrong := b.prepare(&s)
		if run == nil {
			return "loads: " + wrong.refused + " | loads"
		}
		lines, err := run()
		if err != nil {
			return ""
		}
		if i := differAt(lines, c.by); i >= 0 {
			return inShort(lineAt(lines, c.by, i))
		}
		return ""
	}
	for i, m := range k.mutants {
		t.Run(m.name, func(t *testing.T) {
			by, seen := page.cases[m.name], ""
			if by != "" {
				seen = see(t, k.first+i, by)
			}
			for _, name := range keysOf(kept) {
				if seen == "" {
					by, seen = name, see(t, k.first+i, name)
				}
			}
			for n := *firstCase; seen == "" && n < *firstCase+uint64(*cases); n++ {
				by = strconv.FormatUint(n, 10)
				seen = see(t, k.first+i, by)
			}
			if seen == "" {
				t.Fatalf("not seen in %d cases of %s", *cases, k.test)
			}
			t.Logf("seen in case %s of %s: %s", by, k.test, seen)
			row := fmt.Sprintf("| %s | %s | %s | %s |\n", m.name, m.file, by, seen)
			switch {
			case os.Getenv("WEND_WRITE_DOCS") != "":
				page.rows[m.name] = row
				page.write(t)
			case page.rows[m.name] != row:
				t.Errorf("%s says otherwise: run this with WEND_WRITE_DOCS=1", mutantPage)
			}
		})
	}
}

// mutantTables are the tables of the page.
type mutantTables struct {
	text        string
	rows, cases map[string]string // by the mutant's name
}

var mutantRow = regexp.MustCompile(`(?m)^\| (.+?) \| \w+\.go \| ([\w-]+) \| .*\n`)

func readMutantPage(t *testing.T) *mutantTables {
	text, err := os.ReadFile(mutantPage)
	if err != nil {
		t.Fatal(err)
	}
	p := &mutantTables{string(text), map[string]string{}, map[string]string{}}
	for _, m := range mutantRow.FindAllStringSubmatch(p.text, -1) {
		p.rows[m[1]], p.cases[m[1]] = m[0], m[2]
	}
	return p
}

func (p *mutantTables) write(t *testing.T) {
	for _, k := range mutantKinds() {
		table := "| what was changed | in | case | the engine then | the oracle |\n|---|---|---|---|---|\n"
		for _, m := range k.mutants {
			table += p.rows[m.name]
		}
		begin, end := "<!-- "+k.mark+" -->\n", "<!-- end of "+k.mark+" -->"
		i, j := strings.Index(p.text, begin), strings.Index(p.text, end)
		if i < 0 || j < i {
			t.Fatalf("%s has no table of %s", mutantPage, k.mark)
		}
		p.text = p.text[:i+len(begin)] + table + p.text[j:]
	}
	if err := os.WriteFile(mutantPage, []byte(p.text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// inShort puts two lines that differ in the two columns of a table.
func inShort(have, want string) string {
	a, b := readJSON(have), readJSON(want)
	x, y := "", ""
	if a != nil && b != nil && a["action_id"] == b["action_id"] {
		x, y = apart("", a, b)
	}
	x, y = inCell(have, a, x), inCell(want, b, y)
	if x == y {
		x, y = inCell(textOf(a["action_id"]), nil, ""), inCell(textOf(b["action_id"]), nil, "")
	}
	return x + " | " + y
}

func inCell(line string, action map[string]any, more string) string {
	if id := strings.Split(textOf(action["action_id"]), "/"); len(id) > 4 {
		line = fmt.Sprintf("%s#%s sends %s", id[0], id[len(id)-3], id[len(id)-2])
	}
	return strings.ReplaceAll(line+more, "|", `\\|`)
}

// apart gives the first field in which two values differ, with either value.
func apart(path string, a, b any) (x, y string) {
	m, n := mapOf(a), mapOf(b)
	if m == nil || n == nil {
		show := func(v any) string {
			if text := flow(v); v != nil && len(text) < 40 {
				return ", " + path + " " + text
			}
			return ", another " + path
		}
		return show(a), show(b)
	}
	both := maps.Clone(m)
	maps.Copy(both, n)
	for _, k := range keysOf(both) {
		if flow(m[k]) != flow(n[k]) {
			return apart(strings.TrimPrefix(path+"."+k, "."), m[k], n[k])
		}
	}
	return "", ""
}
