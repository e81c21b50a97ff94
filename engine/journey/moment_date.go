package journey

import (
	"slices"
	"time"

	"wend/engine/journey/localtime"
	"wend/schemas"
)

// `date`: a date of the profile, in the customer's zone.

const (
	// firedAgain is for how many days a date that has fired may come again: a change of the customer's zone puts the same
	// date off by no more.
	firedAgain = 3
	// mostFired bounds how many such dates are remembered.
	mostFired = 16
)

// armDate arms the trigger for the first of its dates at or behind a time that has not fired yet; where there is none, or
// no date, it is disarmed.
func (s *stepper) armDate(m *moment, from int64) {
	at, k, found := s.timerOf(m)
	day, due := localtime.Day(0), int64(schemas.Never)
	if date, ok := s.dateOf(m); ok && !s.endless(m) {
		var fired []int64
		if found {
			fired = s.doc.Journeys.At(at).Timers[k].Fired
		}
		day, due = m.nextDate(date, from, s.zoneOf(m.plan), fired)
	}
	if due == schemas.Never {
		if !found {
			return
		}
		if x := &s.doc.Journeys.At(at).Timers[k]; len(x.Fired) > 0 {
			x.Spec, x.Due, x.Of = m.spec, schemas.Never, 0
			return
		}
		s.doc.Journeys.At(at).Timers = slices.Delete(s.doc.Journeys.At(at).Timers, k, k+1)
		s.tidy(at, true)
		return
	}
	x := s.setTimer(m)
	x.Due, x.Of = due, int64(day)
}

// dateOf reads the date from the profile.
func (s *stepper) dateOf(m *moment) (time.Time, bool) {
	v, ok := s.doc.Profile.Field(m.attribute)
	if !ok {
		return time.Time{}, false
	}
	text, _ := v.(string)
	date, err := time.Parse(time.DateOnly, text)
	return date, err == nil
}

// nextDate is the first day with the date (without offset), and the moment that belongs to it, at or behind a time. A date
// that recurs does so from its own year on; 29 February is 28 February in other years.
func (m *moment) nextDate(date time.Time, from int64, zone *time.Location, fired []int64) (localtime.Day, int64) {
	year, month, n := date.Date()
	last := year
	if m.yearly {
		now, _, _ := (localtime.DayOf(from, zone) - m.offset).Date()
		year, last = max(year, min(now, lastYear)-1), lastYear
	}
	for ; year <= last; year++ {
		day := localtime.DayOn(year, month, n)
		if month == time.February && n == 29 && !leap(year) {
			day--
		}
		at := (day + m.offset).At(m.clock, zone)
		if at >= from && !slices.Contains(fired, int64(day)) {
			return day, at
		}
	}
	return 0, schemas.Never
}

// lastYear ends what recurs by the year: RFC 3339 has no later one.
const lastYear = 9999

func leap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

// noteFired remembers that the date has fired, and forgets those that cannot come again. The newest always stays: a
// journey may change its offset.
func (s *stepper) noteFired(m *moment, x *schemas.TriggerTimer) {
	now := int64(localtime.DayOf(s.doc.Time, time.UTC))
	x.Fired = slices.DeleteFunc(x.Fired, func(day int64) bool { return day == x.Of || day+int64(m.offset) < now-firedAgain })
	if len(x.Fired) >= mostFired {
		x.Fired = slices.Delete(x.Fired, 0, len(x.Fired)-mostFired+1)
	}
	x.Fired = append(x.Fired, x.Of)
}

// redate follows changes of the profile, once what made them is through: arming moves the states of journeys, which
// whoever is at work in one points to.
func (s *stepper) redate() {
	if !s.dated {
		return
	}
	s.dated = false
	for _, m := range s.p.moments {
		if m.kind == dateMoment && (!m.inside || s.wanted(m)) {
			s.armDate(m, max(s.doc.Time, s.sinceOf(m)))
		}
	}
}
