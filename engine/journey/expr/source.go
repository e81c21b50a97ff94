package expr

import (
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/common/ast"
)

// source places nodes in the text of an expression. CEL counts in characters; errors here count in bytes.
type source struct {
	src  string
	info *ast.SourceInfo
}

// bytes turns an offset in characters into one in bytes.
func (s *source) bytes(chars int) int {
	for i := range s.src {
		if chars <= 0 {
			return i
		}
		chars--
	}
	return len(s.src)
}

// at turns CEL's line (from 1) and column (from 0, in characters) into an offset.
func (s *source) at(line, column int) int {
	offset := 0
	for ; line > 1; line-- {
		i := strings.IndexByte(s.src[offset:], '\n')
		if i < 0 {
			break
		}
		offset += i + 1
	}
	for ; column > 0 && offset < len(s.src); column-- {
		_, n := utf8.DecodeRuneInString(s.src[offset:])
		offset += n
	}
	return offset
}

// span of a node and all below it, in characters.
func (s *source) span(x ast.Expr) (from, to int, ok bool) {
	ast.PreOrderVisit(x, ast.NewExprVisitor(func(e ast.Expr) {
		r, found := s.info.GetOffsetRange(e.ID())
		if !found {
			return
		}
		start := int(r.Start)
		if e.Kind() == ast.CallKind {
			// The range of f(x) begins at the bracket.
			switch name := strings.TrimPrefix(e.AsCall().FunctionName(), "@"); {
			case name == "index":
				return
			case !e.AsCall().IsMemberFunction() && start >= len(name) && s.chars(start-len(name), start) == name:
				start -= len(name)
			}
		}
		if !ok || start < from {
			from = start
		}
		if !ok || int(r.Stop) > to {
			to = int(r.Stop)
		}
		ok = true
	}))
	return from, to, ok
}

// chars is the text between two offsets in characters.
func (s *source) chars(from, to int) string { return s.src[s.bytes(from):s.bytes(to)] }

// start is the offset at which what the node says begins.
func (s *source) start(x ast.Expr) int {
	from, _, ok := s.span(x)
	if !ok {
		return 0
	}
	return s.bytes(from)
}

// text is what the author wrote for the node, shortened.
func (s *source) text(x ast.Expr) string {
	from, to, ok := s.span(x)
	if !ok || to < from {
		return "…"
	}
	t := s.chars(from, to)
	if t == "" || len(t) > 40 {
		return "…"
	}
	return t
}

// whole is all that the author wrote for a node: its range may begin behind the name of a function, and end ahead of a
// field's name or a closing bracket.
func (s *source) whole(x ast.Expr) string {
	from, to, ok := s.span(x)
	if !ok || to < from {
		return s.src
	}
	begin, stop := s.bytes(from), s.bytes(to)
	word := func(c byte) bool {
		return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	}
	if begin < stop && s.src[begin] == '(' {
		for begin > 0 && word(s.src[begin-1]) {
			begin--
		}
	}
	depth, quote := 0, byte(0)
	for i := begin; i < len(s.src); i++ {
		c := s.src[i]
		switch {
		case quote != 0:
			switch c {
			case '\\':
				i++
			case quote:
				quote = 0
			}
			continue
		case i >= stop && depth == 0 && c != '.' && !word(c):
			return strings.TrimSpace(s.src[begin:i])
		}
		switch c {
		case '"', '\'':
			quote = c
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			if depth--; depth < 0 {
				return strings.TrimSpace(s.src[begin:i])
			}
		}
	}
	return strings.TrimSpace(s.src[begin:])
}
