package engine

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"wend/schemas"
	"wend/schemas/yamlfile"
)

// Setting is a value from outside the file.
type Setting struct {
	Path  string // of the key
	Value string
	Place string // where it stands, for messages: --kafka-brokers, WEND_KAFKA_BROKERS
}

// ConfigFile is the name of the configuration's file in a workspace.
const ConfigFile = "wend.yaml"

// LoadConfig makes the configuration of the workspace in dir: the file's values over the defaults, over them the
// variables of environ ("NAME=value", as os.Environ gives them), over them the flags. It gives every problem at once,
// each at its place in the file, or at the flag's or the variable's name. A Config with a failed problem is of no use.
func LoadConfig(dir string, environ []string, flags []Setting) (Config, yamlfile.Problems) {
	l := loading{config: DefaultConfig(), at: map[string]yamlfile.Pos{}}
	l.begin(dir, environ)
	values, inFile := l.file()
	values = append(values, l.variables(environ)...)
	values = append(values, l.flags(flags)...)

	// A value that another one overrides is looked over all the same, on a Config that nobody uses: what stands in the
	// file should be right. Only a variable that it names may be missing.
	last := map[string]int{}
	for i, v := range values {
		last[v.key.Path] = i
	}
	scratch := DefaultConfig()
	for i, v := range values {
		into, used := &l.config, last[v.key.Path] == i
		if !used {
			into = &scratch
		}
		if v.missing != "" {
			if used {
				l.problems.Errorf(v.pos, "%s: the environment has no %s: set it, or write the value here", v.key.Path, v.missing)
			}
			continue
		}
		if err := v.key.set(into, v.value); err != nil {
			l.problems.Errorf(v.pos, "%s: %v", v.key.Path, err)
			l.wrong = append(l.wrong, v.key.Path)
			continue
		}
		if used {
			l.at[v.key.Path] = v.pos
		}
	}
	l.finish(inFile)
	if l.torn {
		l.problems.Sort()
		return l.config, l.problems
	}
	for _, e := range l.config.Validate() {
		if !slices.Contains(l.wrong, e.Path) {
			l.problems.Errorf(l.place(e.Path), "%s: %s", e.Path, e.Message)
		}
	}
	l.problems.Sort()
	return l.config, l.problems
}

// CheckConfig looks over the workspace's wend.yaml alone: the keys and values that are there. What is missing, here or
// in the environment, is no problem: `wend check` is for places that run nothing.
func CheckConfig(dir string) (Config, yamlfile.Problems) { return OfflineConfig(dir, nil, nil) }

// OfflineConfig is LoadConfig for those who read a log and meet no cluster: over the file stand the variables and the flags,
// and what is missing, here or in the environment, is no problem.
func OfflineConfig(dir string, environ []string, flags []Setting) (Config, yamlfile.Problems) {
	l := loading{config: DefaultConfig(), at: map[string]yamlfile.Pos{}}
	l.begin(dir, environ)
	values, _ := l.file()
	values = append(values, l.variables(environ)...)
	values = append(values, l.flags(flags)...)
	var elsewhere []string // keys whose values only the place that runs it knows
	for _, v := range values {
		if v.missing != "" {
			elsewhere = append(elsewhere, v.key.Path)
			continue
		}
		if err := v.key.set(&l.config, v.value); err != nil {
			l.problems.Errorf(v.pos, "%s: %v", v.key.Path, err)
			continue
		}
		l.at[v.key.Path] = v.pos
	}
	l.finish(true)
	for _, e := range l.config.Validate() {
		unknown := slices.ContainsFunc(elsewhere, func(path string) bool {
			return path == e.Path || strings.HasPrefix(path, e.Path+".")
		})
		if pos, ok := l.at[e.Path]; ok && !unknown {
			l.problems.Errorf(pos, "%s: %s", e.Path, e.Message)
		}
	}
	l.problems.Sort()
	return l.config, l.problems
}

// loading is one LoadConfig under way.
type loading struct {
	config   Config
	name     string            // of the file, from where the user stands
	dir      string            // of the workspace, absolute
	here     string            // the working directory
	environ  map[string]string // what ${NAME} reads
	problems yamlfile.Problems
	at       map[string]yamlfile.Pos // of each key that has a value, and of the mappings around it
	wrong    []string                // keys with a problem already
	torn     bool                    // the file could not be read to its end: what is missing may be there
}

// given is a value for a key from some place.
type given struct {
	key     ConfigKey
	value   value
	pos     yamlfile.Pos
	missing string // a variable that it names and the environment has not
}

func (l *loading) begin(dir string, environ []string) {
	l.here, _ = os.Getwd()
	l.name = configName(dir)
	l.dir = value{dir, l.here}.path()
	l.environ = make(map[string]string, len(environ))
	for _, e := range environ {
		name, v, _ := strings.Cut(e, "=")
		l.environ[name] = v
	}
}

// finish fills in what depends on other values.
func (l *loading) finish(inFile bool) {
	c := &l.config
	c.Dir = l.dir
	if def, ok := schemas.DefaultFormat(c.Source.Format.Name); ok {
		for _, f := range []struct {
			path string
			to   *string
			def  string
		}{
			{"source.fields.id", &c.Source.Format.ID, def.ID}, {"source.fields.customer", &c.Source.Format.Customer, def.Customer},
			{"source.fields.type", &c.Source.Format.Type, def.Type}, {"source.fields.time", &c.Source.Format.Time, def.Time},
		} {
			if _, given := l.at[f.path]; !given {
				*f.to = f.def
			}
		}
	}
	c.Journal = strings.ReplaceAll(c.Journal, "{app}", c.App)
	c.DeadLetter = strings.ReplaceAll(c.DeadLetter, "{app}", c.App)
	if !filepath.IsAbs(c.DataDir) && c.DataDir != "" {
		c.DataDir = filepath.Join(l.dir, c.DataDir)
	}
	if !isTopicName(c.App) { // the names made of it are wrong for that reason only
		l.wrong = append(l.wrong, "journal.topic", "dead_letter.topic")
	}
	if c.App == "" && !inFile {
		l.problems.Errorf(yamlfile.Pos{File: l.name}, "there is no such file: -C names the directory of a workspace")
		l.wrong = append(l.wrong, "app")
	}
}

// place is where a problem of the key is shown: at its value, at what stands around it, or at the file's beginning.
func (l *loading) place(path string) yamlfile.Pos {
	for p := path; p != ""; {
		if pos, ok := l.at[p]; ok {
			return pos
		}
		i := strings.LastIndexByte(p, '.')
		p = p[:max(i, 0)]
	}
	// A group of keys may have no place of its own where a flag gave one of them.
	for p, pos := range l.at {
		if strings.HasPrefix(p, path+".") {
			return pos
		}
	}
	return yamlfile.Pos{File: l.name, Line: 1, Col: 1}
}

// variables are the WEND_… variables that name a key. Others are not ours to judge.
func (l *loading) variables(environ []string) []given {
	var out []given
	for _, k := range ConfigKeys() {
		v, ok := l.environ[k.Variable()]
		if ok {
			out = append(out, given{key: k, value: value{v, l.here}, pos: yamlfile.Pos{File: k.Variable()}})
		}
	}
	for _, e := range environ {
		name, v, _ := strings.Cut(e, "=")
		rest, ok := strings.CutPrefix(name, "WEND_DELIVERY_")
		if !ok {
			continue
		}
		channel, last, ok := cutLast(rest, "_")
		if !ok {
			continue
		}
		channel = l.channelOf(channel)
		for _, k := range DeliveryKeys(channel) {
			if strings.HasSuffix(k.Path, "."+strings.ToLower(last)) {
				out = append(out, given{key: k, value: value{v, l.here}, pos: yamlfile.Pos{File: name}})
			}
		}
	}
	return out
}

// channelOf finds the channel of the file that a variable's IN_APP means; without one it is in_app.
func (l *loading) channelOf(upper string) string {
	for p := range l.at {
		name, ok := strings.CutPrefix(p, "delivery.")
		if ok && !strings.Contains(name, ".") && strings.ToUpper(strings.ReplaceAll(name, "-", "_")) == upper {
			return name
		}
	}
	return strings.ToLower(upper)
}

func (l *loading) flags(flags []Setting) []given {
	var out []given
	for _, f := range flags {
		at := yamlfile.Pos{File: f.Place}
		k, ok := l.key(f.Path)
		if !ok {
			l.problems.Errorf(at, "there is no key %s", f.Path)
			continue
		}
		out = append(out, given{key: k, value: value{f.Value, l.here}, pos: at})
	}
	return out
}

// key finds a key by its path, also those under delivery.
func (l *loading) key(path string) (ConfigKey, bool) {
	keys := ConfigKeys()
	if rest, ok := strings.CutPrefix(path, "delivery."); ok {
		channel, _, ok := cutLast(rest, ".")
		if !ok {
			return ConfigKey{}, false
		}
		keys = DeliveryKeys(channel)
	}
	for _, k := range keys {
		if k.Path == path {
			return k, true
		}
	}
	return ConfigKey{}, false
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
