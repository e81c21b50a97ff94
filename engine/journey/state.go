package journey

import "wend/engine/journey/expr"

// The stepper is what expressions ask for scores, segments and windows (expr.State).
var _ expr.State = (*stepper)(nil)

// Count implements expr.State.
func (s *stepper) Count(i int) int64 {
	w := &s.p.windows[i]
	if w.enter {
		return s.sinceEntry(w, "").Whole
	}
	n, _ := s.lookBack(w)
	return n
}

// Sum implements expr.State.
func (s *stepper) Sum(i int) expr.Sum {
	w := &s.p.windows[i]
	if w.enter {
		return sumOf(s.sinceEntry(w, w.field))
	}
	_, sum := s.lookBack(w)
	return sum
}

// Last implements expr.State.
func (s *stepper) Last(i int) (int64, bool) {
	at, found := findSeries(s.doc.Series, s.p.windows[i].typ.name)
	if !found {
		return 0, false
	}
	return s.doc.Series[at].Last, true
}

// Seen implements expr.State.
func (s *stepper) Seen(i int) bool {
	w := &s.p.windows[i]
	switch {
	case w.enter:
		return s.sinceEntry(w, "").Whole > 0
	case w.within > 0:
		n, _ := s.lookBack(w)
		return n > 0
	}
	_, found := findSeries(s.doc.Series, w.typ.name)
	return found
}
