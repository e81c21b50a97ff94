package journey

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"wend/schemas"
)

// samples are the workspaces that come with the program and those of the tests.
func samples(t testing.TB) (all []map[string]string) {
	t.Helper()
	for _, dir := range []string{"testdata/cart", "testdata/sample", "../../examples/shop"} {
		files := map[string]string{}
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			raw, err := os.ReadFile(path)
			name, _ := filepath.Rel(dir, path)
			files[filepath.ToSlash(name)] = string(raw)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, files)
	}
	archives, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no archives", err)
	}
	for _, path := range archives {
		a, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files := map[string]string{}
		for _, f := range a.Files {
			files[f.Name] = string(f.Data)
		}
		all = append(all, files)
	}
	return all
}

// edit changes one line as four numbers say: what is done, to which line, how far in, and with which of the words.
func edit(text string, how [4]byte, words []string) string {
	lines := strings.Split(text, "\n")
	at := int(how[1]) % len(lines)
	line := lines[at]
	parts := strings.Fields(line)
	word := words[int(how[3])%len(words)]
	switch how[0] % 10 {
	case 0:
		lines = slices.Delete(lines, at, at+1)
	case 1:
		lines = slices.Insert(lines, at, line)
	case 2:
		lines[at] = "  " + line
	case 3:
		lines[at] = strings.TrimPrefix(line, "  ")
	case 4:
		lines[at], lines[(at+int(how[2]))%len(lines)] = lines[(at+int(how[2]))%len(lines)], line
	case 5:
		lines[at] = line[:int(how[2])%(len(line)+1)]
	case 6:
		cut := int(how[2]) % (len(line) + 1)
		lines[at] = line[:cut] + word + line[cut:]
	case 7, 8:
		if len(parts) > 0 {
			lines[at] = strings.Replace(line, parts[int(how[2])%len(parts)], word, 1)
		}
	case 9:
		lines = slices.Insert(lines, at, strings.Repeat(" ", int(how[2])%9)+word)
	}
	return strings.Join(lines, "\n")
}

// FuzzEdits edits workspaces as a hasty author does. Every problem has its place; what compiles runs, and its documents
// can be stored.
func FuzzEdits(f *testing.F) {
	all := samples(f)
	words := []string{"-", ":", "{", "}", "[", "]", "\"", "{{", "}}", "&a ", "*a", "0", "-1", "0s", "1ms", "99999h", "50%", "150%", "null", "~", "true",
		"within: 1ms", "times: 2", "again: always", "again: {after: 0s}", "exit: [{on: a}]", "holdout: 100%", "- wait: 1ms", "- {emit: a}", "- exit: {}", "key: event.a", "if: profile.a > event.b",
		"\"{{ event.a }}\"", "\"{{ profile.a + 1 }}\"", "timezone: Mars/Base", "at: \"25:00\""}
	types := []string{"a"}
	for _, files := range all {
		for _, text := range files {
			for _, w := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \n\t,{}[]\"", r) }) {
				if len(words) < 250 && len(w) > 2 && !slices.Contains(words, w) {
					words = append(words, w)
				}
			}
		}
	}
	for i := range all {
		f.Add(uint8(i), []byte{})
		for op := range byte(10) {
			f.Add(uint8(i), []byte{op, byte(3 + i), 2, op * 20, op + 1, 5, 1, 40})
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, edits []byte) {
		files := map[string]string{}
		var names []string
		for name, text := range all[int(which)%len(all)] {
			files[name] = text
			names = append(names, name)
		}
		slices.Sort(names)
		for n := 0; len(edits) >= 4 && n < 16; n++ {
			name := names[int(edits[1]>>4)%len(names)]
			files[name] = edit(files[name], [4]byte(edits), words)
			edits = edits[4:]
		}
		dir := workspace(t, files)
		ws, problems := Load(dir)
		sound(t, files, dir, ws, problems)
		p, more := Compile(ws)
		sound(t, files, dir, &Workspace{}, more)
		if p == nil && !problems.Failed() && !more.Failed() || p != nil && more.Failed() { // what Load told of is not told again
			t.Fatalf("program %v, problems %v, %v", p, problems, more)
		}
		if p == nil {
			return
		}
		known := types
		for name := range p.types {
			known = append(known, name)
		}
		slices.Sort(known)
		s := NewSimulation(p, SimulateOptions{Until: caseStart + 40*24*3600_000, Trace: true})
		for i := range 3 * len(known) {
			s.Offer(&schemas.Event{Topic: "events", Offset: int64(i), Customer: []string{"li", "mo"}[i%2], Type: known[i*7%len(known)], Time: caseStart + int64(i)*int64(i)*10_000,
				Body: schemas.Fields{{Name: "a", Value: int64(i)}, {Name: "b", Value: "text"}, {Name: "price", Value: 1.5}, {Name: "traits", Value: schemas.Fields{{Name: "a", Value: true}}}}})
		}
		if err := s.Finish(); err != nil {
			t.Fatal(err)
		}
		for _, c := range []string{"li", "mo"} {
			if _, err := schemas.DecodeDocument(s.Customer(c).Append(nil)); err != nil {
				t.Fatal(err)
			}
		}
		for _, a := range s.Actions() {
			if _, err := schemas.DecodeAction(a.AppendJSON(nil)); err != nil {
				t.Fatalf("%+v: %v", a, err)
			}
		}
	})
}
