package engine

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"wend/schemas/yamlfile"
)

// file reads the workspace's wend.yaml. found is false when there is none: then everything comes from elsewhere.
func (l *loading) file() (values []given, found bool) {
	if _, err := os.Stat(l.name); errors.Is(err, fs.ErrNotExist) {
		return nil, false
	}
	docs, ok := yamlfile.ReadFile(l.name, &l.problems)
	if !ok {
		l.torn = true
		return nil, true
	}
	if len(docs) == 0 {
		return nil, true
	}
	for _, d := range docs[1:] {
		l.problems.Errorf(d.Pos, "%s holds one document", ConfigFile)
	}
	l.mapping(docs[0], "", ConfigFile, ConfigKeys(), &values)
	return values, true
}

// mapping reads the keys that begin with prefix ("kafka."), each nested as its dots say.
func (l *loading) mapping(n *yamlfile.Node, prefix, what string, keys []ConfigKey, values *[]given) {
	m, ok := n.AsMap(&l.problems, what)
	if !ok {
		return
	}
	var group string
	for _, k := range keys {
		rest, ok := strings.CutPrefix(k.Path, prefix)
		if !ok {
			continue
		}
		name, _, nested := strings.Cut(rest, ".")
		if name == group {
			continue // read with the group's first
		}
		group = name
		path := prefix + name
		v := m.Get(name)
		switch {
		case v == nil:
			continue
		case nested, path == "kafka.tls" && v.Kind == yamlfile.Map: // kafka.tls is a key of its own too: on
			if !nested {
				*values = append(*values, given{key: k, value: value{"on", l.dir}, pos: v.Pos})
			}
			l.at[path] = m.KeyPos(name)
			l.mapping(v, path+".", path, keys, values)
		default:
			l.scalar(v, k, values)
		}
	}
	if prefix == "" {
		if v := m.Get("delivery"); v != nil {
			l.delivery(v, values)
		}
	}
	m.Done()
}

// delivery reads the channels, whose names are the user's.
func (l *loading) delivery(n *yamlfile.Node, values *[]given) {
	m, ok := n.AsMap(&l.problems, "delivery")
	if !ok {
		return
	}
	for _, e := range n.Entries {
		path := "delivery." + e.Key
		v := m.Get(e.Key)
		if strings.Contains(e.Key, ".") {
			l.problems.Errorf(e.KeyPos, "%s: a channel's name has no dot", path)
			continue
		}
		l.at[path] = e.KeyPos
		l.config.channel(e.Key)
		l.mapping(v, path+".", path, DeliveryKeys(e.Key), values)
	}
}

// scalar reads the value of one key.
func (l *loading) scalar(n *yamlfile.Node, k ConfigKey, values *[]given) {
	g := given{key: k, pos: n.Pos, value: value{base: l.dir}}
	read := false
	defer func() {
		if !read {
			l.wrong = append(l.wrong, k.Path)
		}
	}()
	var texts []string
	switch {
	case n.Kind == yamlfile.Bad:
		return
	case n.Kind == yamlfile.List && k.list:
		for _, item := range n.Items {
			s, ok := item.AsText(&l.problems, "an entry of "+k.Path)
			if !ok {
				return
			}
			texts = append(texts, s)
		}
	case n.Kind == yamlfile.String:
		texts = []string{n.Text}
	case k.number && (n.Kind == yamlfile.Int || n.Kind == yamlfile.Float):
		texts = []string{n.Text} // the key's own reader says what is right
	case k.secret && n.Kind != yamlfile.List && n.Kind != yamlfile.Map:
		l.problems.Errorf(n.Pos, "expected a text for %s: put it in quotes, or write \"${NAME}\" for a variable of the environment", k.Path)
		return
	case n.Kind == yamlfile.Int, n.Kind == yamlfile.Float, n.Kind == yamlfile.Bool:
		n.AsText(&l.problems, "a text for "+k.Path)
		return
	default:
		want := "a value for " + k.Path
		if k.list {
			want = "a list for " + k.Path
		}
		n.Wrong(&l.problems, want)
		return
	}
	for i := range texts {
		texts[i] = l.expand(texts[i], &g)
	}
	g.value.text = strings.Join(texts, ",")
	*values = append(*values, g)
	read = true
}

// expand puts the environment's values in the place of each ${NAME}.
func (l *loading) expand(s string, g *given) string {
	return variable().ReplaceAllStringFunc(s, func(ref string) string {
		name := ref[2 : len(ref)-1]
		v, ok := l.environ[name]
		if !ok && g.missing == "" {
			g.missing = name
		}
		return v
	})
}

func variable() *regexp.Regexp { return regexp.MustCompile(`\$\{[A-Za-z_][A-Za-z0-9_]*\}`) }

// configName is the file's name as its problems show it: from where the user stands.
func configName(dir string) string { return filepath.Join(dir, ConfigFile) }
