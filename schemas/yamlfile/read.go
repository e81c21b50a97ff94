package yamlfile

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The As… methods give a node's value when it has the kind that the reader of a schema wants, or else add a problem
// at its place and return false. `want` says in words what was expected: "a journey's name".

// Wrong adds "expected WANT, found …" at the node, unless something is reported of it already.
func (n *Node) Wrong(ps *Problems, want string) {
	if n.Kind != Bad {
		ps.Errorf(n.Pos, "expected %s, found %s", want, n.describe())
	}
}

func (n *Node) describe() string {
	switch n.Kind {
	case Null:
		return "nothing"
	case Bool:
		return "the value " + n.Text
	case Int, Float:
		return "the number " + clip(n.Text)
	case String:
		if n.Text == "" {
			return "an empty text"
		}
		return Quote(n.Text)
	case List:
		if len(n.Items) == 0 {
			return "an empty list"
		}
		return "a list"
	case Map:
		if len(n.Entries) == 0 {
			return "an empty mapping"
		}
		return "a mapping"
	}
	return "something unreadable"
}

// AsText returns a text that is not empty. A number or true/false is refused: in quotes it is a text.
func (n *Node) AsText(ps *Problems, want string) (string, bool) {
	switch n.Kind {
	case String:
		if strings.TrimSpace(n.Text) != "" {
			return n.Text, true
		}
	case Bool, Int, Float:
		ps.Errorf(n.Pos, "expected %s, found %s: put it in quotes if it is meant as text", want, n.describe())
		return "", false
	}
	n.Wrong(ps, want)
	return "", false
}

// AsInt returns a whole number between low and high.
func (n *Node) AsInt(ps *Problems, want string, low, high int64) (int64, bool) {
	if n.Kind != Int {
		n.Wrong(ps, want)
		return 0, false
	}
	if n.Int < low || n.Int > high {
		ps.Errorf(n.Pos, "expected %s between %d and %d, found %d", want, low, high, n.Int)
		return 0, false
	}
	return n.Int, true
}

// AsFloat returns a number, whole or fractional.
func (n *Node) AsFloat(ps *Problems, want string) (float64, bool) {
	if n.Kind != Int && n.Kind != Float {
		n.Wrong(ps, want)
		return 0, false
	}
	return n.Float, true
}

// AsBool returns true or false. `yes` and `on` are texts in YAML 1.2.
func (n *Node) AsBool(ps *Problems, want string) (value, ok bool) {
	if n.Kind != Bool {
		n.Wrong(ps, "true or false for "+want)
		return false, false
	}
	return n.Bool, true
}

// AsDuration returns milliseconds, at least `least`.
func (n *Node) AsDuration(ps *Problems, least int64) (int64, bool) {
	const want = "a duration like 30m"
	switch n.Kind {
	case String:
	case Int, Float:
		ps.Errorf(n.Pos, "expected %s, found the number %s without a unit (ms s m h d w)", want, clip(n.Text))
		return 0, false
	default:
		n.Wrong(ps, want)
		return 0, false
	}
	ms, err := ParseDuration(n.Text)
	switch {
	case err != nil:
		ps.Errorf(n.Pos, "expected %s, found %s: %v", want, n.describe(), err)
		return 0, false
	case ms < least:
		ps.Errorf(n.Pos, "expected a duration of at least %s, found %s", FormatDuration(least), n.Text)
		return 0, false
	}
	return ms, true
}

// AsSize returns bytes.
func (n *Node) AsSize(ps *Problems) (int64, bool) {
	const want = "a size like 64MiB"
	switch n.Kind {
	case String:
	case Int, Float:
		ps.Errorf(n.Pos, "expected %s, found the number %s without a unit (B KiB MiB GiB)", want, clip(n.Text))
		return 0, false
	default:
		n.Wrong(ps, want)
		return 0, false
	}
	bytes, err := ParseSize(n.Text)
	if err != nil {
		ps.Errorf(n.Pos, "expected %s, found %s: %v", want, n.describe(), err)
		return 0, false
	}
	return bytes, true
}

// AsOneOf returns a text that is one of the options.
func (n *Node) AsOneOf(ps *Problems, options ...string) (string, bool) {
	if n.Kind == String {
		for _, o := range options {
			if n.Text == o {
				return o, true
			}
		}
	}
	if n.Kind != Bad {
		want := strings.Join(options, " or ")
		if len(options) > 2 {
			want = "one of " + strings.Join(options, ", ")
		}
		ps.Errorf(n.Pos, "expected %s, found %s%s", want, n.describe(), DidYouMean(n.Text, options))
	}
	return "", false
}

// AsList returns the items of a list that is not empty.
func (n *Node) AsList(ps *Problems, want string) ([]*Node, bool) {
	if n.Kind != List || len(n.Items) == 0 {
		n.Wrong(ps, want)
		return nil, false
	}
	return n.Items, true
}

// AsMap returns a reader of the mapping's keys, whose Done must be called when all were asked for. The mapping may be
// empty. What it is of, "a journey", is for the reader's problems too.
func (n *Node) AsMap(ps *Problems, of string) (*MapReader, bool) {
	if n.Kind != Map {
		n.Wrong(ps, "the keys of "+of)
		return nil, false
	}
	return &MapReader{Node: n, ps: ps, what: of}, true
}

// MapReader hands out a mapping's values by key and remembers which keys were asked for.
type MapReader struct {
	Node  *Node
	ps    *Problems
	what  string
	asked []string // those that Refuse knows behind a mark
}

const refused = "\x00"

// Get returns the value of an optional key, nil when it is not there. A key that is there without a value gives a node
// of kind Null.
func (m *MapReader) Get(key string) *Node {
	m.asked = append(m.asked, key)
	if e := m.Node.Lookup(key); e != nil {
		return e.Value
	}
	return nil
}

// Need is Get for a required key: a problem and nil when it is not there.
func (m *MapReader) Need(key string) *Node {
	n := m.Get(key)
	if n == nil {
		m.ps.Errorf(m.Node.Pos, "%s needs the key %q", m.what, key)
	}
	return n
}

// KeyPos returns the place of a key, or that of the mapping when the key is not there.
func (m *MapReader) KeyPos(key string) Pos {
	if e := m.Node.Lookup(key); e != nil {
		return e.KeyPos
	}
	return m.Node.Pos
}

// Refuse reports each of the keys that is there, at its place; format's one %q is the key. It says whether any was.
// The keys are not among those that Done suggests.
func (m *MapReader) Refuse(format string, keys ...string) bool {
	found := false
	for _, k := range keys {
		if e := m.Node.Lookup(k); e != nil {
			m.ps.Errorf(e.KeyPos, format, k)
			found = true
		}
		m.asked = append(m.asked, refused+k)
	}
	return found
}

// Done reports every key that was never asked for.
func (m *MapReader) Done() {
	var known []string
	seen := make(map[string]bool, len(m.asked))
	for _, k := range m.asked {
		name, no := strings.CutPrefix(k, refused)
		if !no && !seen[name] {
			known = append(known, name)
		}
		seen[name] = true
	}
	for _, e := range m.Node.Entries {
		if seen[e.Key] {
			continue
		}
		hint := DidYouMean(e.Key, known)
		switch {
		case e.alone:
			hint = ": if it belongs to what stands before the comma, put the expression in quotes"
		case hint == "" && len(known) > 0:
			hint = ": " + m.what + " has the keys " + strings.Join(known, ", ")
		}
		m.ps.Errorf(e.KeyPos, "unknown key %s%s", Quote(e.Key), hint)
	}
}

// DidYouMean is `: did you mean "X"?` when an option is near to what was written, else nothing.
func DidYouMean(text string, options []string) string {
	best, least := "", 3
	if n := utf8.RuneCountInString(text); n <= 3 {
		least = n
	}
	if len(text) > 100 {
		return ""
	}
	for _, o := range options {
		if d := distance(strings.ToLower(text), strings.ToLower(o)); d < least {
			best, least = o, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(": did you mean %q?", best)
}

// distance is the number of letters to put in, take out, replace, or swap with a neighbour (optimal string alignment:
// Boytsov, Indexing methods for approximate dictionary searching, 2011).
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	rows := make([][]int, len(s)+1)
	for i := range rows {
		rows[i] = make([]int, len(t)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(s); i++ {
		for j := 1; j <= len(t); j++ {
			cost := 1
			if s[i-1] == t[j-1] {
				cost = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(s)][len(t)]
}

// Quote is a text as problems show it: in quotes, on one line, cut when long.
func Quote(text string) string { return strconv.Quote(clip(text)) }

func clip(text string) string {
	const most = 60
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most]) + "…"
}
