package yamlfile

import (
	"strings"
	"unicode/utf8"
)

// piece is a part of a scalar's text that stands in the file as it is: the next one begins behind a folded line break or
// an escape.
type piece struct {
	offset int // in the text
	at     Pos
}

// pieces follows a text through the file from offset begin on. quote is what it stands in, or 0. It gives nil where the
// file writes the text in another way than with folded lines, doubled quotes, and backslashes before what they stand for:
// then only the beginning has a known place.
func (s *source) pieces(text string, begin int, quote byte) []piece {
	var out []piece
	next := true // the next byte begins a piece
	for i, at := 0, begin; i < len(text); {
		if rest := s.data[min(at, len(s.data)):]; isSpace(text[i]) && breaks(rest) {
			i = len(text) - len(strings.TrimLeft(text[i:], " \t\n"))
			at += blank(rest)
			next = true
			continue
		}
		if at >= len(s.data) {
			return nil
		}
		from, escaped := at, false
		switch c := s.data[at]; {
		case quote == '\'' && c == '\'', quote == '"' && c == '\\':
			escaped = true
			at++
		}
		if at >= len(s.data) || s.data[at] != text[i] || escaped && text[i] >= utf8.RuneSelf || escaped && strings.IndexByte(`'"\/`, text[i]) < 0 {
			return nil
		}
		if next || escaped {
			out = append(out, piece{i, s.pos(from)})
		}
		next = escaped
		i++
		at++
	}
	return out
}

// blank is how many bytes of white space b begins with.
func blank(b []byte) int {
	n := 0
	for n < len(b) && isSpace(b[n]) {
		n++
	}
	return n
}

// breaks tells whether nothing but white space stands before the end of b's first line.
func breaks(b []byte) bool {
	space := b[:blank(b)]
	return len(space) == len(b) || strings.ContainsAny(string(space), "\r\n")
}
