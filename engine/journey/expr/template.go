package expr

import (
	"cmp"
	"slices"
	"strings"
)

// Template is a text in which {{ expressions }} stand. It is immutable.
type Template struct {
	src   string
	parts []part // none: the text is constant
	reads Reads
}

// part is either text or an expression.
type part struct {
	text string
	x    *Expression
}

// maxTemplate bounds the text of a template, in bytes.
const maxTemplate = 256 << 10

// Template compiles a text with {{ }} parts. Without one it is the text. The error's offset is in bytes of src.
func (e *Env) Template(src string, sc Scope) (*Template, *Error) {
	t := &Template{src: src}
	if !strings.Contains(src, "{{") {
		return t, nil
	}
	if len(src) > maxTemplate {
		return nil, &Error{Message: "the text is too long"}
	}
	for at := 0; at < len(src); {
		open := strings.Index(src[at:], "{{")
		if open < 0 {
			t.parts = append(t.parts, part{text: src[at:]})
			break
		}
		if open > 0 {
			t.parts = append(t.parts, part{text: src[at : at+open]})
		}
		from := at + open + 2
		n, ok := closing(src[from:])
		if !ok {
			return nil, &Error{Offset: at + open, Message: "{{ has no closing }}"}
		}
		x, err := e.Expression(src[from:from+n], sc)
		if err != nil {
			if strings.TrimSpace(src[from:from+n]) == "" {
				return nil, &Error{Offset: at + open, Message: "there is no expression between {{ and }}"}
			}
			err.Offset += from
			return nil, err
		}
		t.parts = append(t.parts, part{x: x})
		t.reads = merge(t.reads, x.c.reads)
		at = from + n + 2
	}
	return t, nil
}

// closing finds the }} that ends an expression: one that stands neither in a text nor in a comment, and closes no brace
// of the expression itself.
func closing(s string) (int, bool) {
	depth := 0
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '"' || c == '\'':
			i += literal(s, i)
			continue
		case c == '/' && strings.HasPrefix(s[i:], "//"):
			end := strings.IndexAny(s[i:], "\r\n")
			if close := strings.Index(s[i:], "}}"); close >= 0 && (end < 0 || close < end) {
				end = close
			}
			if end < 0 {
				return 0, false
			}
			i += end
			continue
		case c == '{':
			depth++
		case c == '}' && depth > 0:
			depth--
		case c == '}' && strings.HasPrefix(s[i:], "}}"):
			return i, true
		}
		i++
	}
	return 0, false
}

// literal is the length of the text literal of CEL that begins at s[i]: in one or three quotes, raw behind an r.
func literal(s string, i int) int {
	quote := s[i : i+1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(s[i:], triple) {
		quote = triple
	}
	raw := raw(s[:i])
	for j := i + len(quote); j < len(s); {
		switch {
		case s[j] == '\\' && !raw:
			j += 2
		case strings.HasPrefix(s[j:], quote):
			return j + len(quote) - i
		default:
			j++
		}
	}
	return len(s) - i
}

// raw tells whether what precedes a quote makes the literal a raw one: r, R, or either with b.
func raw(before string) bool {
	word := before
	for i := len(before); i > 0; i-- {
		if c := before[i-1]; !(c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z') {
			word = before[i:]
			break
		}
	}
	switch strings.ToLower(word) {
	case "r", "br", "rb":
		return true
	}
	return false
}

// IsConstant tells whether the text holds no expression.
func (t *Template) IsConstant() bool { return len(t.parts) == 0 }

// Constant returns the value of a template that is the same whatever the event and the profile are.
func (t *Template) Constant() (value any, ok bool) {
	switch {
	case len(t.parts) == 0:
		return t.src, true
	case len(t.parts) == 1:
		return t.parts[0].x.Constant()
	}
	return nil, false
}

// Reads is what the template may read. The caller must not change it.
func (t *Template) Reads() Reads { return t.reads }

// Eval returns the value. A template that is one expression and nothing else has that expression's value, whatever its
// kind, or none. In a longer text an expression without a value is left empty, ok is true, and why names the first.
func (t *Template) Eval(v *Vars) (value any, ok bool, why Why) {
	switch len(t.parts) {
	case 0:
		return t.src, true, Why{}
	case 1:
		if t.parts[0].x != nil {
			return t.parts[0].x.Eval(v)
		}
	}
	buf := make([]byte, 0, len(t.src)+32)
	for _, p := range t.parts {
		if p.x == nil {
			buf = append(buf, p.text...)
			continue
		}
		value, ok, w := p.x.Eval(v)
		if ok {
			buf = appendText(buf, value)
		} else if why == (Why{}) {
			why = w
		}
	}
	return string(buf), true, why
}

// merge unites what two expressions read.
func merge(a, b Reads) Reads {
	return Reads{
		Event: union(a.Event, b.Event), EventAll: a.EventAll || b.EventAll,
		Enter: union(a.Enter, b.Enter), EnterAll: a.EnterAll || b.EnterAll,
		Profile: union(a.Profile, b.Profile), Scores: union(a.Scores, b.Scores),
		Segments: union(a.Segments, b.Segments), Windows: union(a.Windows, b.Windows),
	}
}

// union of two lists in order, in order.
func union[T cmp.Ordered](a, b []T) []T {
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}
