package yamlfile

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// The library says no more of a syntax error than a line, often that of the mapping around it. But it reads no
// further than it must: given a byte at a time, what it has taken tells where it stopped, to a few characters. What
// the author did to cause it is then looked for in front of that place.

// split takes a library's error apart: "yaml: line 3: what is wrong". Without a line it is of the first.
func split(err error) (line int, message string) {
	message = strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(message, "line "); ok {
		if digits, after, ok := strings.Cut(rest, ": "); ok {
			if n, err := strconv.Atoi(digits); err == nil {
				return n, after
			}
		}
	}
	return 1, message
}

// unknownAnchor returns the name of an alias without its anchor, when the error is of one.
func unknownAnchor(message string) (string, bool) {
	rest, ok := strings.CutPrefix(message, "unknown anchor '")
	name, _ := strings.CutSuffix(rest, "' referenced")
	return name, ok
}

func openBracket(message string) bool {
	return strings.Contains(message, "expected ',' or") || strings.HasPrefix(message, "did not find expected node content")
}

// locate gives the place of a syntax error and says it in the words of an author. trapped is the offset of the text that
// caused it, where one did and it ends on its line, else -1.
func (s *source) locate(err error) (at Pos, message string, trapped int) {
	line, said := split(err)
	slow := &byteReader{data: standIn(s.data)}
	decode(slow) //nolint:errcheck // the same error again
	head := slow.data[:min(slow.taken, len(slow.data))]
	taken := len(head)
	if len(slow.data) > len(s.data) {
		taken -= bytes.Count(head, []byte(standsIn)) * (len(standsIn) - len(questionMark))
	}
	stopped := s.stopped(said, taken)

	pos := s.pos(stopped)
	if t := s.lastTrap(taken); t != nil {
		if p := s.pos(t.at); p.Line >= pos.Line-1 || t.endless || p.Line == line {
			if t.endless {
				return p, t.message, -1
			}
			return p, t.message, t.at
		}
	}
	return pos, s.explain(said, stopped), -1
}

// byteReader gives a byte at a time and counts them.
type byteReader struct {
	data  []byte
	taken int
}

func (r *byteReader) Read(p []byte) (int, error) {
	if r.taken >= len(r.data) {
		r.taken = len(r.data) + 1
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	p[0] = r.data[r.taken]
	r.taken++
	return 1, nil
}

// stopped finds the offset that an error is about, a few characters before what was taken.
func (s *source) stopped(message string, taken int) int {
	const ahead = 4 // characters that the scanner looks ahead
	head := s.data[:taken]
	from := taken
	for i := 0; i < ahead && from > 0; i++ {
		from--
		for from > 0 && s.data[from]&0xc0 == 0x80 {
			from--
		}
	}
	last := func(set string) int {
		if i := bytes.IndexAny(s.data[from:taken], set); i >= 0 {
			return from + i
		}
		return max(bytes.LastIndexAny(head, set), 0)
	}
	if name, ok := unknownAnchor(message); ok {
		return max(bytes.LastIndex(head, []byte("*"+name)), 0)
	}
	switch {
	case strings.HasPrefix(message, "mapping values are not allowed"):
		return last(":")
	case strings.HasPrefix(message, "block sequence entries are not allowed"):
		return last("-")
	case strings.HasPrefix(message, "found character that cannot start any token"):
		return last("\t@`%|>")
	}
	at := taken - 1
	for at > 0 && isSpace(s.data[at]) {
		at--
	}
	line := s.pos(at).Line
	start := s.lines[line-1]
	// A bracket that its document leaves open is found by the --- of the next, behind which a key is taken as well.
	if line > 1 && strings.HasPrefix(s.line(line-1), "---") && openBracket(message) && !bytes.ContainsAny(s.data[start:at], "[{") {
		return s.lines[line-2]
	}
	if strings.HasPrefix(message, "did not find expected key") || strings.HasPrefix(message, "did not find expected '-'") {
		for start < at && isSpace(s.data[start]) {
			start++
		}
		return start
	}
	for at > start && !isSpace(s.data[at-1]) {
		at--
	}
	return max(at, 0)
}

// explain says what an author can do about an error that no trap explains.
func (s *source) explain(message string, at int) string {
	if name, ok := unknownAnchor(message); ok {
		return fmt.Sprintf("no anchor &%s stands before this alias: put a text that begins with * in quotes", name)
	}
	switch {
	case strings.HasPrefix(message, "mapping values are not allowed"):
		return "a second `: ` on the line of a key, or a line that is indented too far: put a text that holds `: ` in quotes, or check the indentation"
	case strings.HasPrefix(message, "block sequence entries are not allowed"):
		return "a list can't begin here: begin it on a line of its own, indented under its key"
	case strings.HasPrefix(message, "found character that cannot start any token"):
		if at < len(s.data) && s.data[at] == '\t' {
			return "a tab can't indent: use spaces"
		}
		return "a text can't begin with this character: put it in quotes"
	case strings.HasPrefix(message, "did not find expected key"):
		return "this line does not fit those above it: a key with `: ` is expected at their indentation"
	case strings.HasPrefix(message, "did not find expected '-'"):
		return "this line does not fit the list above it: a `- ` is expected at its indentation"
	case openBracket(message):
		return "expected a comma or the closing bracket: check that every { and [ is closed, and put texts with commas or brackets in quotes"
	case strings.HasPrefix(message, "could not find expected ':'"):
		return "expected `: ` and a value behind the key"
	case strings.Contains(message, "exceeded max depth"):
		return fmt.Sprintf("more than %d levels are too many", maxDepth)
	}
	return "YAML can't be read here: " + message
}

// trap is something that YAML takes for other than what its author meant.
type trap struct {
	at      int
	message string
	endless bool // a quote without its end: the error comes far behind it
}

// lastTrap reads the text up to an offset the way a person does, scalar by scalar, and returns the last trap in it. It
// is asked only about text that YAML refuses, so it may guess.
func (s *source) lastTrap(end int) *trap {
	var found *trap
	depth, value := 0, false // brackets; behind a `: ` rather than at a key
	start := true            // a scalar may begin here
	data := string(s.data)
	for i := 0; i < end; {
		ch := data[i]
		rest := data[i:]
		switch {
		case ch == '\n' || ch == '\r':
			start = true
			value = value && depth > 0
			i++
		case ch == ' ' || ch == '\t':
			i++
		case ch == '#' && (i == 0 || isSpace(data[i-1])):
			i += lineEnd(rest)
		case ch == '}' || ch == ']':
			depth = max(depth-1, 0)
			start, value = false, false
			i++
		case ch == ',' && depth > 0:
			start, value = true, false
			i++
		case ch == ':' && (len(rest) == 1 || isSpace(rest[1])):
			start, value = true, true
			i++
		case !start:
			i++
		case ch == '-' && (len(rest) == 1 || isSpace(rest[1])) && depth == 0:
			i++
		case ch == '{' || ch == '[':
			if strings.HasPrefix(rest, "{{") {
				found = &trap{at: i, message: braceMap}
			}
			depth++
			value = false
			i++
		case ch == '"' || ch == '\'':
			n := quoted(rest)
			if n < 0 {
				return &trap{at: i, message: "the quoted text that begins here has no end", endless: true}
			}
			after := strings.TrimLeft(rest[n:lineEndFrom(rest, n)], " \t")
			cut := found != nil && found.message == commaCut && s.pos(found.at).Line == s.pos(i).Line
			if after != "" && !strings.ContainsRune(",]}:#", rune(after[0])) && !cut {
				found = &trap{at: i, message: "YAML ends the text at its second quote: " + quoteIt + " as a whole, with ' around it where it holds \""}
			}
			start = false
			i += n
		case ch == '!':
			found = &trap{at: i, message: bangTrap}
			start = false
			i++
		case ch == '&':
			for i < end && !isSpace(data[i]) {
				i++
			}
		case (ch == '|' || ch == '>') && depth == 0:
			i += s.blockEnd(i)
			start = true
		default:
			n := plain(rest, depth > 0)
			text := strings.TrimRight(rest[:n], " \t")
			next := byte(0)
			if n < len(rest) {
				next = rest[n]
			}
			switch {
			case depth > 0 && (next == '[' || next == '{' || next == ',' && unclosed(text) > 0):
				found = &trap{at: i, message: commaCut}
			case value && next == ':':
				found = &trap{at: i, message: "YAML takes the `: ` in this text for a key's: put the text, or the expression, in quotes"}
			}
			start = false
			i += max(n, 1)
		}
	}
	return found
}

func lineEnd(text string) int { return lineEndFrom(text, 0) }

func lineEndFrom(text string, from int) int {
	if i := strings.IndexAny(text[from:], "\r\n"); i >= 0 {
		return from + i
	}
	return len(text)
}

// plain is how long the plain scalar at the beginning of the text is.
func plain(text string, flow bool) int {
	for i := 0; i < len(text); i++ {
		switch ch := text[i]; {
		case ch == '\n', ch == '\r':
			return i
		case ch == ':' && (i+1 == len(text) || isSpace(text[i+1]) || flow && strings.IndexByte(",[]{}", text[i+1]) >= 0):
			return i
		case ch == '#' && i > 0 && isSpace(text[i-1]):
			return i
		case flow && strings.IndexByte(",[]{}", ch) >= 0:
			return i
		}
	}
	return len(text)
}

// quoted is how long the quoted scalar at the beginning of the text is, or -1.
func quoted(text string) int {
	q := text[0]
	for i := 1; i < len(text); i++ {
		switch {
		case q == '"' && text[i] == '\\':
			i++
		case text[i] != q:
		case q == '\'' && i+1 < len(text) && text[i+1] == q:
			i++
		default:
			return i + 1
		}
	}
	return -1
}

// blockEnd is how long the block scalar is whose header stands at the offset: to the first line that is not indented
// deeper than the header's.
func (s *source) blockEnd(at int) int {
	line := s.pos(at).Line
	indent := func(text string) int { return len(text) - len(strings.TrimLeft(text, " ")) }
	own := indent(s.line(line))
	for line++; line <= len(s.lines); line++ {
		if text := s.line(line); strings.TrimSpace(text) != "" && indent(text) <= own {
			return s.lines[line-1] - at
		}
	}
	return len(s.data) - at
}
