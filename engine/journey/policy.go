package journey

import (
	"slices"
	"time"

	"wend/engine/journey/localtime"
	"wend/schemas"
)

// What stops a send, as the trace and tests call it; caps have names of their own, cap:sms/24h.
const (
	stoppedConsent = "consent"
	stoppedQuiet   = "quiet_hours"
	stoppedExpired = "expired" // deferred for longer than it may be late
	stoppedExited  = "exited"  // deferred, and then the enrollment left by a trigger, or would have
)

// stops leads a send past consent, quiet hours and caps, as things are now. It names the first that stops it, "" for
// none; where quiet hours put it off instead, until is their end, else 0. c is nil for a channel that is not listed.
func (s *stepper) stops(c *channelPolicy, transactional bool, j *plan, en *schemas.Enrollment, step string) (by string, until int64) {
	if c != nil {
		if ok, _ := s.holds(c.consent, j, en, step); !ok {
			return stoppedConsent, 0
		}
	}
	if transactional {
		return "", 0
	}
	zone := s.zoneOf(nil)
	if c != nil && c.quiet != nil {
		s.weighQuiet(j, en, step, c, zone)
	}
	if c != nil && c.quiet != nil && c.quiet.at(s.doc.Time, zone) {
		if !c.quiet.Defer {
			return stoppedQuiet, 0
		}
		if until := c.quiet.turn(s.doc.Time, zone); until != schemas.Never {
			return stoppedQuiet, until
		}
	}
	if c != nil {
		if by := s.capped(c.name, &c.caps, zone, j, en, step); by != "" {
			return by, 0
		}
	}
	return s.capped(allChannels, &s.p.policies.all, zone, j, en, step), 0
}

// expiresAt is the moment from which on an action is no longer wanted, in ms since 1970: reached plus expire, without
// it the next start of the channel's quiet hours; 0: there is none.
func (s *stepper) expiresAt(c *channelPolicy, reached, expire int64) int64 {
	if expire = c.expiry(expire); expire > 0 {
		return later(reached, expire)
	}
	if c == nil || c.quiet == nil {
		return 0
	}
	zone := s.zoneOf(nil)
	at := s.doc.Time
	if c.quiet.at(at, zone) { // what is transactional leaves in them too
		at = c.quiet.turn(at, zone)
	}
	if at = c.quiet.turn(at, zone); at == schemas.Never {
		return 0
	}
	return at
}

// expiry is the `expire` of a send, its own or else its channel's, in ms; 0: none.
func (c *channelPolicy) expiry(own int64) int64 {
	if own == 0 && c != nil {
		return c.expire
	}
	return own
}

// at says whether the hours are quiet at an instant.
func (q *Quiet) at(ms int64, zone *time.Location) bool {
	c := localtime.ClockOf(ms, zone)
	if q.From < q.To {
		return q.From <= c && c < q.To
	}
	return c >= q.From || c < q.To
}

// turn is the first instant after ms at which the hours are quiet where they are not at ms, or the reverse. It goes by
// what clocks show: hours that a change of the clocks repeats are as quiet the second time. schemas.Never beyond what
// calendars reach.
func (q *Quiet) turn(ms int64, zone *time.Location) int64 {
	const day, farthest = 24 * 60 * 60 * 1000, 1 << 53
	was := q.at(ms, zone)
	target := q.From
	if was {
		target = q.To
	}
	for at := ms; -farthest < at && at < farthest; {
		next := at + (int64(target-localtime.ClockOf(at, zone))+day)%day
		if next == at {
			next += day
		}
		// Until clocks are changed they show target in due course; a change may show it, or what lies behind it, earlier.
		_, change := localtime.Period(at, zone)
		if next < change {
			return next
		}
		if at = change; q.at(at, zone) != was {
			return at
		}
	}
	return schemas.Never
}

// allChannels is the Tally of all channels together.
const allChannels = ""

// capped names the first of the caps that lets no more through, or is "". A cap counts what left in the last `per`, and
// what is exactly that old no longer. The send that is asked about is that of a step of en.
func (s *stepper) capped(channel string, l *limits, zone *time.Location, j *plan, en *schemas.Enrollment, step string) string {
	if len(l.list) == 0 {
		return ""
	}
	var times []int64
	if i, ok := findTally(s.doc, channel); ok {
		times = s.doc.Tallies[i].Times
	}
	now := s.doc.Time
	for i := range l.list {
		c := &l.list[i]
		// Times are in order: it is full when the send that is max back still counts.
		full := c.max == 0 || c.max <= len(times) && c.counts(times[len(times)-c.max], now, zone)
		s.weighCap(j, en, step, c, times, zone, full)
		if full {
			return c.name
		}
	}
	return ""
}

// counts says whether a send that left at a moment still counts now.
func (c *limit) counts(left, now int64, zone *time.Location) bool {
	if c.per == 0 {
		return left >= localtime.DayOf(now, zone).At(0, zone)
	}
	return uint64(now)-uint64(left) < uint64(c.per)
}

// count notes for the caps that a send of the channel leaves now.
func (s *stepper) count(c *channelPolicy) {
	p := &s.p.policies
	if len(s.doc.Tallies) > 0 { // caps that policies.yaml no longer has
		s.doc.Tallies = slices.DeleteFunc(s.doc.Tallies, func(t schemas.Tally) bool {
			if t.Channel == allChannels {
				return p.all.most == 0
			}
			of := p.channels[t.Channel]
			return of == nil || of.caps.most == 0
		})
	}
	if c != nil {
		s.tally(c.name, &c.caps)
	}
	s.tally(allChannels, &p.all)
}

// tally adds now to a channel's moments, and drops those that no cap will ask for.
func (s *stepper) tally(channel string, l *limits) {
	if l.most == 0 {
		return
	}
	i, ok := findTally(s.doc, channel)
	if !ok {
		s.doc.Tallies = slices.Insert(s.doc.Tallies, i, schemas.Tally{Channel: channel})
	}
	t := &s.doc.Tallies[i]
	drop := max(0, len(t.Times)+1-l.most)
	for drop < len(t.Times) && uint64(s.doc.Time)-uint64(t.Times[drop]) >= uint64(l.window) {
		drop++
	}
	t.Times = append(t.Times[:copy(t.Times, t.Times[drop:])], s.doc.Time)
}

// findTally returns where the channel's moments are in the document, or where they would be.
func findTally(doc *schemas.Document, channel string) (int, bool) {
	for i := range doc.Tallies {
		if doc.Tallies[i].Channel >= channel {
			return i, doc.Tallies[i].Channel == channel
		}
	}
	return len(doc.Tallies), false
}
