package journey

import (
	"errors"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"wend/schemas/yamlfile"
)

// Load reads a workspace directory: journeys/*.yaml, profile.yaml, policies.yaml and tests/*.yaml (or .yml), as far as
// they are there; never wend.yaml. All that is wrong in them comes back at once, ordered by place, with the files named
// as dir names them. The workspace is never nil: after problems it holds what could be read, so that Compile can add
// its own; only without an error from either may the program be used.
func Load(dir string) (*Workspace, yamlfile.Problems) { return load(dir, disk{}) }

func load(dir string, from store) (*Workspace, yamlfile.Problems) {
	l := &loader{dir: dir, from: from, ws: &Workspace{Dir: dir, Profile: &Profile{}}}
	if from.open(dir, &l.ps) {
		l.load()
	}
	l.ps.Sort()
	return l.ws, compact(l.ps)
}

// store is where the files of a workspace are.
type store interface {
	// open says whether dir is a directory; what is wrong otherwise is added to ps.
	open(dir string, ps *yamlfile.Problems) bool
	// there says whether a file or directory is there.
	there(path string) bool
	// list gives the names of the files of a directory, by name. An error that is no fs.ErrNotExist is one of reading.
	list(dir string) ([]string, error)
	// read is yamlfile.ReadFile.
	read(path string, ps *yamlfile.Problems) (docs []*yamlfile.Node, ok bool)
	// text is os.ReadFile.
	text(path string) ([]byte, error)
}

// disk is the file system.
type disk struct{}

func (disk) open(dir string, ps *yamlfile.Problems) bool {
	info, err := os.Stat(dir)
	switch here := (yamlfile.Pos{File: dir, Line: 1, Col: 1}); {
	case errors.Is(err, os.ErrNotExist):
		ps.Errorf(here, "no such directory: a workspace is a directory that holds journeys/NAME.yaml")
	case err != nil:
		ps.Errorf(here, "can't be read: %v", bare(err))
	case !info.IsDir():
		ps.Errorf(here, "this is a file: a workspace is a directory that holds journeys/NAME.yaml")
	default:
		return true
	}
	return false
}

func (disk) there(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, os.ErrNotExist)
}

func (disk) list(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	var names []string
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, err
}

func (disk) read(path string, ps *yamlfile.Problems) ([]*yamlfile.Node, bool) {
	return yamlfile.ReadFile(path, ps)
}

func (disk) text(path string) ([]byte, error) { return os.ReadFile(path) }

type loader struct {
	dir   string
	from  store
	ws    *Workspace
	ps    yamlfile.Problems
	blind bool // a file of journeys could not be read to its end: more may be there than is known
}

func (l *loader) load() {
	l.journeys()
	before := countErrors(l.ps)
	doc := l.single("profile")
	torn := countErrors(l.ps) > before
	if doc != nil {
		l.ws.Profile = parseProfile(doc, &l.ps)
	}
	l.ws.Profile.Broken = l.ws.Profile.Broken || torn
	l.policies()
	l.tests()
	l.events()
}

// events reads events/TYPE.json.
func (l *loader) events() {
	folder := filepath.Join(l.dir, "events")
	names, err := l.from.list(folder)
	if err != nil {
		return // not a folder of schemas
	}
	for _, name := range names {
		kind, isSchema := strings.CutSuffix(name, ".json")
		if !isSchema || kind == "" || strings.HasPrefix(kind, ".") {
			continue
		}
		file := filepath.Join(folder, name)
		text, err := l.from.text(file)
		if err != nil {
			l.ws.unschemed.Warnf(yamlfile.Pos{File: file, Line: 1, Col: 1}, "can't be read: %v", bare(err))
			continue
		}
		if s := parseSchema(file, text, &l.ws.unschemed); s != nil {
			if l.ws.Events == nil {
				l.ws.Events = map[string]*EventSchema{}
			}
			l.ws.Events[kind] = s
		}
	}
}

func (l *loader) policies() {
	before := countErrors(l.ps)
	doc := l.single("policies")
	torn := countErrors(l.ps) > before
	switch {
	case doc != nil:
		l.ws.Policies = parsePolicies(doc, &l.ps)
	case torn:
		l.ws.Policies = &Policies{}
	default:
		return
	}
	l.ws.Policies.Broken = l.ws.Policies.Broken || torn
}

func (l *loader) journeys() {
	folder := filepath.Join(l.dir, "journeys")
	here := yamlfile.Pos{File: folder, Line: 1, Col: 1}
	files, ok := l.files(folder)
	if !ok {
		l.blind = true
		return
	}
	if len(files) == 0 {
		l.ps.Errorf(here, "no journeys here: write the first to %s", filepath.Join(folder, "NAME.yaml"))
		return
	}
	first := make(map[string]yamlfile.Pos)
	found := false
	for _, file := range files {
		errors := countErrors(l.ps)
		docs, ok := l.from.read(file, &l.ps)
		spoiled := countErrors(l.ps) > errors
		l.blind = l.blind || !ok
		found = found || !ok
		for _, doc := range docs {
			if doc.Kind == yamlfile.Null {
				continue // nothing stands behind a last ---
			}
			found = true
			j := parseJourney(doc, &l.ps)
			if j == nil || j.Name.Value == "" {
				l.blind = true
			}
			if j == nil {
				continue
			}
			j.Broken, j.LostSend = j.Broken || spoiled, j.LostSend || spoiled
			if at, twice := first[j.Name.Value]; twice && j.Name.Value != "" {
				l.ps.Errorf(j.Name.Pos, "another journey is called %s already, at %s: give this one a name of its own", j.Name.Value, at)
				j.Broken = true
			} else {
				first[j.Name.Value] = j.Name.Pos
			}
			l.ws.Journeys = append(l.ws.Journeys, j)
		}
	}
	if !found {
		l.ps.Errorf(yamlfile.Pos{File: files[0], Line: 1, Col: 1}, "the files of %s hold no journey: write one, `journey: NAME`", folder)
	}
	sort.SliceStable(l.ws.Journeys, func(i, j int) bool { return l.ws.Journeys[i].Name.Value < l.ws.Journeys[j].Name.Value })
}

func (l *loader) tests() {
	folder := filepath.Join(l.dir, "tests")
	if !l.from.there(folder) {
		return
	}
	files, _ := l.files(folder)
	var names []string
	for _, j := range l.ws.Journeys {
		names = append(names, j.Name.Value)
	}
	for _, file := range files {
		docs, _ := l.from.read(file, &l.ps)
		for _, doc := range docs {
			if doc.Kind == yamlfile.Null {
				continue
			}
			if doc.Lookup("property") != nil {
				l.property(doc, names)
				continue
			}
			t := parseTest(doc, &l.ps)
			if t == nil {
				continue
			}
			l.ws.Tests = append(l.ws.Tests, t)
			if i := sort.SearchStrings(names, t.Journey.Value); (i == len(names) || names[i] != t.Journey.Value) && t.Journey.Value != "" && !l.blind {
				l.ps.Errorf(t.Journey.Pos, "no journey is called %s%s", yamlfile.Quote(t.Journey.Value), yamlfile.DidYouMean(t.Journey.Value, names))
			}
		}
	}
}

// files lists the YAML files of a folder, by name, without those that editors hide.
func (l *loader) files(folder string) (files []string, ok bool) {
	names, err := l.from.list(folder)
	here := yamlfile.Pos{File: folder, Line: 1, Col: 1}
	switch {
	case errors.Is(err, os.ErrNotExist):
		l.ps.Errorf(here, "no such directory: a workspace has its journeys in journeys/NAME.yaml")
		return nil, false
	case err != nil:
		l.ps.Errorf(here, "can't be read: %v", bare(err))
		return nil, false
	}
	for _, n := range names {
		if !strings.HasPrefix(n, ".") && isYAML(n) {
			files = append(files, filepath.Join(folder, n))
		}
	}
	return files, true
}

func isYAML(name string) bool {
	return strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
}

// single reads the one document of a file beside journeys/; nil when it is not there or empty.
func (l *loader) single(name string) *yamlfile.Node {
	var found string
	for _, ext := range []string{".yaml", ".yml"} {
		path := filepath.Join(l.dir, name+ext)
		if !l.from.there(path) {
			continue
		}
		if found != "" {
			l.ps.Errorf(yamlfile.Pos{File: path, Line: 1, Col: 1}, "%s is there as well: keep one of the two", found)
			continue
		}
		found = path
	}
	if found == "" {
		return nil
	}
	docs, ok := l.from.read(found, &l.ps)
	var one *yamlfile.Node
	for _, doc := range docs {
		switch {
		case doc.Kind == yamlfile.Null:
		case one == nil:
			one = doc
		default:
			l.ps.Errorf(doc.Pos, "a second document: this file has one")
		}
	}
	if !ok {
		return nil
	}
	return one
}

func bare(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// compact takes out what is reported twice, as a value is that an alias names in two places.
func compact(ps yamlfile.Problems) yamlfile.Problems {
	seen := make(map[yamlfile.Problem]bool, len(ps))
	kept := ps[:0]
	for _, p := range ps {
		if !seen[p] {
			seen[p] = true
			kept = append(kept, p)
		}
	}
	return kept
}
