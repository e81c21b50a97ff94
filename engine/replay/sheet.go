package replay

import (
	"cmp"
	"io"
	"slices"
	"strings"
)

// sheet is lines of text, to be written in another order.
type sheet struct {
	text  []byte
	lines []line
}

// line is what a line is sorted by, and where it stands.
type line struct {
	at       int64
	customer string // of one customer lines stay in the order in which they were written
	from, to int    // in text
	sheet    int    // once several come together
	behind   int    // 0, or decided behind the log's end for the customer who first came in that line of the log
}

// room makes room for a line ahead of it, twice as much each time: append itself grows what is large by a quarter, and would copy
// all of it again and again.
func (s *sheet) room() {
	if cap(s.text)-len(s.text) < 1<<10 {
		s.text = slices.Grow(s.text, max(len(s.text), 1<<12))
	}
	if len(s.lines) == cap(s.lines) {
		s.lines = slices.Grow(s.lines, max(len(s.lines), 16))
	}
}

// end ends a line, whose text was appended to text.
func (s *sheet) end(at int64, customer string, behind int) {
	from := 0
	if n := len(s.lines); n > 0 {
		from = s.lines[n-1].to
	}
	s.lines = append(s.lines, line{at: at, customer: customer, from: from, to: len(s.text), behind: behind})
}

// cut takes away what was decided behind the log's end for customers who came later than one.
func (s *sheet) cut(first int) {
	s.lines = slices.DeleteFunc(s.lines, func(l line) bool { return l.behind > first })
}

// writeSheets writes the lines of all parts' sheets by time, customer, order.
func writeSheets(w io.Writer, parts []*simulation, of func(*simulation) *sheet) error {
	n := 0
	for _, p := range parts {
		n += len(of(p).lines)
	}
	all := make([]line, 0, n)
	for i, p := range parts {
		for _, l := range of(p).lines {
			l.sheet = i
			all = append(all, l)
		}
	}
	slices.SortFunc(all, func(a, b line) int {
		// A customer's lines are all on one sheet.
		if a.at != b.at {
			return cmp.Compare(a.at, b.at)
		}
		return cmp.Or(strings.Compare(a.customer, b.customer), cmp.Compare(a.from, b.from))
	})
	for i := range all {
		l := &all[i]
		if _, err := w.Write(of(parts[l.sheet]).text[l.from:l.to]); err != nil {
			return err
		}
	}
	return nil
}
