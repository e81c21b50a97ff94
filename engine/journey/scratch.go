package journey

import (
	"unsafe"

	"wend/schemas"
)

// scratch is where Steps put texts and lists that they leave behind, in actions and documents, if these are of no use
// after Reset: then it is used again. See Effects.Reusing.
type scratch struct {
	texts   []byte
	counts  pieces[schemas.Count]
	times   pieces[int64]
	visits  pieces[schemas.Visit]
	sent    pieces[schemas.Sent]
	running pieces[schemas.Enrollment]
}

// mostScratch bounds what is kept, in bytes of texts and in elements of lists: one giant input must not stay for ever.
const mostScratch = 4096

// again makes all of it free.
func (m *scratch) again() {
	if m.texts = m.texts[:0]; cap(m.texts) > mostScratch {
		m.texts = nil
	}
	m.counts.used, m.times.used, m.visits.used, m.sent.used, m.running.used = 0, 0, 0, 0, 0
}

// text copies text out of an event's memory, or the document's.
func (s *stepper) text(t string) string {
	if !s.out.Reusing || t == "" {
		return cloneString(t)
	}
	from := len(s.scratch.texts)
	s.scratch.texts = append(s.scratch.texts, t...)
	return s.scratch.textFrom(from)
}

// actionID is schemas.ActionID for an enrollment that reaches a step.
func (s *stepper) actionID(j *plan, en *schemas.Enrollment, step string, visit uint64) string {
	if !s.out.Reusing {
		return schemas.ActionID(j.name, s.customer, en.Key, j.keyed, en.Number, step, visit)
	}
	from := len(s.scratch.texts)
	s.scratch.texts = schemas.AppendActionID(s.scratch.texts, j.name, s.customer, en.Key, j.keyed, en.Number, step, visit)
	return s.scratch.textFrom(from)
}

// textFrom gives the newest of the texts, which is not empty. Where they move to larger memory, older ones stay as they
// are where they were.
func (m *scratch) textFrom(at int) string { return unsafe.String(&m.texts[at], len(m.texts)-at) }

// pieces gives out lists, as a DocumentReader does.
type pieces[T any] struct {
	buf  []T
	used int
}

func (p *pieces[T]) take(n int) []T {
	if n > mostScratch {
		return make([]T, n)
	}
	if p.used+n > len(p.buf) { // what was given out of the old piece stays as it is
		p.buf, p.used = make([]T, min(max(16, 2*len(p.buf), n), mostScratch)), 0
	}
	list := p.buf[p.used : p.used+n : p.used+n]
	p.used += n
	clear(list)
	return list
}

// grown gives a list of the document with room for one more.
func grown[T any](s *stepper, p *pieces[T], list []T) []T {
	if !s.out.Reusing || len(list) < cap(list) {
		return list
	}
	more := p.take(len(list) + max(1, len(list)/2))
	return more[:copy(more, list)]
}

// moved gives a copy of a list in memory that lasts as long as the document, unless it may stay where it is.
func moved[T any](s *stepper, p *pieces[T], list []T) []T {
	if !s.out.Reusing || len(list) == 0 {
		return list
	}
	own := p.take(len(list))
	copy(own, list)
	return own
}
