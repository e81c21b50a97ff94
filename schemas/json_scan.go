package schemas

import (
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner walks over JSON text and holds it to RFC 8259: its check methods take nothing for granted, its read methods
// only what has been checked.
//
// The naive way is a lenient parser with a validator before it (fastjson with its Validate: two passes, and still
// invalid UTF-8, unbounded depth, the first of duplicate keys, and a tree of every value for the three that a program
// reads). One strict pass that notes where the members of the outermost object stand takes a third of the time
// (BenchmarkEventDecode, BenchmarkEventFastjson), and values are read when they are asked for.
//
// What it refuses beyond the grammar: text that is not UTF-8, a number too large for a float64, and nesting deeper
// than depth. What RFC 8259 leaves open: of members with one name the last counts, and half of a surrogate pair
// (\ud83d alone) is read as U+FFFD.
type scanner struct {
	text  string
	depth int          // deepest nesting that is taken
	err   *DecodeError // what the check methods found

	escapes bool // the string checked last has some
}

// eventDepth is how deep lists and objects of an event may lie in one another.
const eventDepth = 64

// span is the place of a checked value.
type span struct {
	at, end int  // where it begins, and the place behind it
	escapes bool // of a string: it has some
}

// place is where the value begins, -1 of none.
func (v *span) place() int {
	if v == nil {
		return -1
	}
	return v.at
}

// member is a name of an object with the place of its value.
type member struct {
	name string
	span
	read int // one more than its place among the values of a body that have been read, or 0
}

// failed is what check methods return in place of the end.
const failed = -1

func (s *scanner) fail(at int, what string) int {
	found := "the end"
	if at < len(s.text) {
		c, n := utf8.DecodeRuneInString(s.text[at:])
		found = strconv.QuoteRune(c)
		if c == utf8.RuneError && n == 1 {
			found = fmt.Sprintf("byte 0x%02x", s.text[at])
		}
	}
	s.err = &DecodeError{fmt.Sprintf("not valid JSON at byte %d: %s, found %s", at, what, found)}
	return failed
}

// space returns the place of the first byte from i on that is not white space. Between machines there is none, so it is
// small enough to stand where it is called.
func (s *scanner) space(i int) int {
	if i < len(s.text) && s.text[i] > ' ' {
		return i
	}
	return s.spaces(i)
}

func (s *scanner) spaces(i int) int {
	for i < len(s.text) {
		switch s.text[i] {
		case ' ', '\t', '\n', '\r':
			i++
		default:
			return i
		}
	}
	return i
}

// check checks the value that begins at i and returns the place behind it.
func (s *scanner) check(i, depth int) int {
	if i >= len(s.text) {
		return s.fail(i, "expected a value")
	}
	switch c := s.text[i]; c {
	case '"':
		return s.checkString(i)
	case '{':
		return s.checkObject(i, depth+1)
	case '[':
		return s.checkArray(i, depth+1)
	case 't':
		return s.checkWord(i, "true")
	case 'f':
		return s.checkWord(i, "false")
	case 'n':
		return s.checkWord(i, "null")
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return s.checkNumber(i)
	}
	return s.fail(i, "expected a value")
}

func (s *scanner) checkWord(i int, word string) int {
	if !strings.HasPrefix(s.text[i:], word) {
		return s.fail(i, "expected a value")
	}
	return i + len(word)
}

func (s *scanner) tooDeep() int {
	s.err = &DecodeError{fmt.Sprintf("lists and objects lie more than %d deep in one another", s.depth)}
	return failed
}

// checkObject checks the object that begins at i.
func (s *scanner) checkObject(i, depth int) int {
	if depth > s.depth {
		return s.tooDeep()
	}
	for i++; ; {
		name, at := s.checkName(i)
		if name.at == 0 {
			return at
		}
		if i = s.check(at, depth); i == failed {
			return failed
		}
	}
}

// checkMembers checks the object that begins at i, and returns the place behind it, or failed, and what is in it.
func (s *scanner) checkMembers(i, depth int) (end int, list []member) {
	for i++; ; {
		name, at := s.checkName(i)
		if name.at == 0 {
			return at, list
		}
		m := member{name: s.string(&name), span: span{at: at}}
		if i = s.check(at, depth); i == failed {
			return failed, nil
		}
		m.end, m.escapes = i, s.escapes
		list = append(list, m)
	}
}

// checkName goes on in an object, from behind its brace or behind one of its values: to the next name, and to where the
// value that belongs to it begins. Where there is no name (its place is 0 then) at is the place behind the object, or
// failed.
func (s *scanner) checkName(i int) (name span, at int) {
	first := s.text[i-1] == '{' // no value ends so
	i = s.space(i)
	switch {
	case i < len(s.text) && s.text[i] == '}':
		return span{}, i + 1
	case first:
	case i < len(s.text) && s.text[i] == ',':
		i = s.space(i + 1)
	default:
		return span{}, s.fail(i, "expected ',' or '}'")
	}
	if i >= len(s.text) || s.text[i] != '"' {
		return span{}, s.fail(i, "expected a name in double quotes")
	}
	name.at = i
	if name.end = s.checkString(i); name.end == failed {
		return span{}, failed
	}
	name.escapes = s.escapes
	if i = s.space(name.end); i >= len(s.text) || s.text[i] != ':' {
		return span{}, s.fail(i, "expected ':' behind a name")
	}
	return name, s.space(i + 1)
}

func (s *scanner) checkArray(i, depth int) int {
	if depth > s.depth {
		return s.tooDeep()
	}
	i = s.space(i + 1)
	if i < len(s.text) && s.text[i] == ']' {
		return i + 1
	}
	for {
		if i = s.check(i, depth); i == failed {
			return failed
		}
		i = s.space(i)
		switch {
		case i < len(s.text) && s.text[i] == ',':
			i = s.space(i + 1)
		case i < len(s.text) && s.text[i] == ']':
			return i + 1
		default:
			return s.fail(i, "expected ',' or ']'")
		}
	}
}

// ordinary are the bytes of a string that stand for themselves and need no look at what follows.
var ordinary = func() (is [256]bool) {
	for c := 0x20; c < utf8.RuneSelf; c++ {
		is[c] = c != '"' && c != '\\'
	}
	return is
}()

// checkString checks the string whose opening quote is at i.
func (s *scanner) checkString(i int) int {
	text := s.text
	s.escapes = false
	for i++; i+8 <= len(text); i += 8 {
		if found := special(word(text, i)); found != 0 {
			if i += bits.TrailingZeros64(found) / 8; text[i] == '"' {
				return i + 1
			}
			break
		}
	}
	return s.checkStringFrom(i)
}

// checkStringFrom checks the rest of a string, byte by byte.
func (s *scanner) checkStringFrom(i int) int {
	text := s.text
	for ; i < len(text); i++ {
		c := text[i]
		if ordinary[c] {
			continue
		}
		switch {
		case c == '"':
			return i + 1
		case c == '\\':
			s.escapes = true
			if i++; i >= len(text) {
				return s.fail(i, "expected an escape")
			}
			switch text[i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				for range 4 {
					if i++; i >= len(text) || !isHex(text[i]) {
						return s.fail(i, "expected four hexadecimal digits behind \\u")
					}
				}
			default:
				return s.fail(i, "expected one of \"\\/bfnrtu behind a backslash")
			}
		case c < 0x20:
			return s.fail(i, "expected control characters of a string to be escaped")
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRuneInString(text[i:])
			if r == utf8.RuneError && n == 1 {
				return s.fail(i, "expected UTF-8")
			}
			i += n - 1
		}
	}
	return s.fail(i, "expected the '\"' that ends a string")
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// digits returns the place of the first byte from i on that is no digit.
func (s *scanner) digits(i int) int {
	for i+8 <= len(s.text) {
		if found := notDigits(word(s.text, i)); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
		i += 8
	}
	for i < len(s.text) && s.text[i] >= '0' && s.text[i] <= '9' {
		i++
	}
	return i
}

func (s *scanner) checkNumber(i int) int {
	from := i
	if s.text[i] == '-' {
		i++
	}
	whole := i
	if i = s.digits(i); i == whole {
		return s.fail(i, "expected a digit")
	}
	if s.text[whole] == '0' && i > whole+1 {
		return s.fail(whole, "expected a number without leading zeros")
	}
	// Only an exponent, or more than 308 digits, can lead beyond what a float64 holds.
	large := i-whole > 308
	if i < len(s.text) && s.text[i] == '.' {
		point := i + 1
		if i = s.digits(point); i == point {
			return s.fail(i, "expected a digit behind the point")
		}
	}
	if i < len(s.text) && (s.text[i] == 'e' || s.text[i] == 'E') {
		large = true
		i++
		if i < len(s.text) && (s.text[i] == '+' || s.text[i] == '-') {
			i++
		}
		exponent := i
		if i = s.digits(exponent); i == exponent {
			return s.fail(i, "expected a digit of the exponent")
		}
	}
	if large {
		if _, err := strconv.ParseFloat(s.text[from:i], 64); err != nil {
			s.err = &DecodeError{fmt.Sprintf("the number %q at byte %d is larger than 64 bits can hold", clip(s.text[from:i]), from)}
			return failed
		}
	}
	return i
}

// read gives the checked value that begins at i, and the place behind it. Texts may be parts of s.text.
func (s *scanner) read(i int) (any, int) {
	switch s.text[i] {
	case '"':
		return s.readString(i)
	case '{':
		m := map[string]any{}
		i = s.space(i + 1)
		for s.text[i] != '}' {
			var name string
			name, i = s.readString(i)
			i = s.space(s.space(i) + 1)
			m[name], i = s.read(i)
			if i = s.space(i); s.text[i] == ',' {
				i = s.space(i + 1)
			}
		}
		return m, i + 1
	case '[':
		list := []any{}
		i = s.space(i + 1)
		for s.text[i] != ']' {
			var x any
			x, i = s.read(i)
			list = append(list, x)
			if i = s.space(i); s.text[i] == ',' {
				i = s.space(i + 1)
			}
		}
		return list, i + 1
	case 't':
		return true, i + 4
	case 'f':
		return false, i + 5
	case 'n':
		return nil, i + 4
	}
	text := s.number(i)
	return number(text), i + len(text)
}

// string gives the text of a string.
func (s *scanner) string(v *span) string {
	text := s.text[v.at+1 : v.end-1]
	if v.escapes {
		return unquote(text)
	}
	return text
}

func (s *scanner) readString(i int) (string, int) {
	end := s.checkString(i)
	return s.string(&span{i, end, s.escapes}), end
}

// number returns the text of the checked number that begins at i.
func (s *scanner) number(i int) string {
	end := i
	for end < len(s.text) {
		switch c := s.text[end]; {
		case c >= '0' && c <= '9', c == '-', c == '+', c == '.', c == 'e', c == 'E':
			end++
		default:
			return s.text[i:end]
		}
	}
	return s.text[i:]
}

// number gives the value of a checked number: an int64 where it has neither fraction nor exponent and fits, else a
// float64.
func number(text string) any {
	if whole(text) {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil { // checked, so it cannot be; a value that is none must not get about
		return math.MaxFloat64
	}
	return f
}

// whole reports whether a checked number has neither fraction nor exponent.
func whole(text string) bool { return !strings.ContainsAny(text, ".eE") }

// unquote takes the escapes of a checked string away. Without any it is the same memory.
func unquote(text string) string {
	i := strings.IndexByte(text, '\\')
	if i < 0 {
		return text
	}
	b := append(make([]byte, 0, len(text)), text[:i]...)
	for i < len(text) {
		c := text[i]
		if c != '\\' {
			b = append(b, c)
			i++
			continue
		}
		c = text[i+1]
		i += 2
		switch c {
		case 'b':
			b = append(b, '\b')
		case 'f':
			b = append(b, '\f')
		case 'n':
			b = append(b, '\n')
		case 'r':
			b = append(b, '\r')
		case 't':
			b = append(b, '\t')
		case 'u':
			r := hex4(text[i:])
			i += 4
			if utf16.IsSurrogate(r) {
				pair := rune(utf8.RuneError)
				if len(text)-i >= 6 && text[i] == '\\' && text[i+1] == 'u' {
					pair = utf16.DecodeRune(r, hex4(text[i+2:]))
				}
				if r = pair; r != utf8.RuneError {
					i += 6
				}
			}
			b = utf8.AppendRune(b, r)
		default:
			b = append(b, c)
		}
	}
	return string(b)
}

// hex4 reads four checked hexadecimal digits.
func hex4(text string) rune {
	var r rune
	for i := range 4 {
		c := rune(text[i])
		switch {
		case c <= '9':
			c -= '0'
		case c <= 'F':
			c -= 'A' - 10
		default:
			c -= 'a' - 10
		}
		r = r<<4 | c
	}
	return r
}

// clip shortens what stood in the input for a message.
func clip(text string) string {
	if len(text) <= 40 {
		return text
	}
	return strings.ToValidUTF8(text[:40], "") + "…"
}
