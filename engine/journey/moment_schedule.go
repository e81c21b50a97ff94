package journey

import (
	"math"
	"sort"

	"wend/schemas"
)

// `schedule`: calendar times in the journey's zone.

// armSchedule arms the trigger for the first of its times at or behind a moment, for whoever has had an event by then.
func (s *stepper) armSchedule(m *moment, from int64) {
	if s.doc.Recent.Len() == 0 {
		return
	}
	due, of := s.nextOf(m, from)
	x := s.setTimer(m)
	x.Due, x.Of = due, of
}

// nextOf is when the trigger fires for the customer, by the first of its times at or behind from, and that time.
func (s *stepper) nextOf(m *moment, from int64) (due, of int64) {
	if of = m.nextTime(from); of == schemas.Never || s.endless(m) {
		return schemas.Never, 0
	}
	return later(of, m.delay(s.customer)), of
}

// nextTime is the first of the schedule's times at or behind from, before it is spread.
func (m *moment) nextTime(from int64) int64 {
	if m.times != nil {
		return m.times.Next(from, m.plan.zone)
	}
	// In the order of local times their moments never go back.
	at := func(i int) int64 { return m.listed[i].Day.At(m.listed[i].At, m.plan.zone) }
	i := sort.Search(len(m.listed), func(i int) bool { return at(i) >= from })
	if i == len(m.listed) {
		return schemas.Never
	}
	return at(i)
}

// delay is the customer's share of `spread`: the same each time, and less than the whole.
func (m *moment) delay(customer string) int64 {
	if m.spread <= 0 {
		return 0
	}
	return int64(draw(m.plan.name, spreadDraw+m.base, customer) % uint64(min(m.spread, math.MaxInt64)))
}
