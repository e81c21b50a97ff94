package journey

import (
	"fmt"
	"time"

	"wend/engine/journey/expr"
	"wend/engine/journey/localtime"
	"wend/schemas"
	"wend/schemas/yamlfile"
)

// What an explanation says of policies: each that a send was asked, with the values that decided. Consent is a condition and
// explained as one.

// weighed traces how a send stood with a policy.
func (s *stepper) weighed(j *plan, en *schemas.Enrollment, step, text string) {
	d := s.about(DecidedJudged, j, en, step)
	d.Detail = text
	s.trace(d)
}

// weighQuiet traces whether the hours are quiet.
func (s *stepper) weighQuiet(j *plan, en *schemas.Enrollment, step string, c *channelPolicy, zone *time.Location) {
	if s.out.Explaining {
		s.weighed(j, en, step, fmt.Sprintf("quiet hours of %s, %s to %s, %s: it is %s in %s", c.name, c.quiet.From, c.quiet.To,
			told(c.quiet.at(s.doc.Time, zone), "hold", "do not hold"), localtime.ClockOf(s.doc.Time, zone), zone))
	}
}

// weighCap traces how many sends a cap counts; times are when those left that it may count.
func (s *stepper) weighCap(j *plan, en *schemas.Enrollment, step string, c *limit, times []int64, zone *time.Location, full bool) {
	if !s.out.Explaining {
		return
	}
	from, counted := len(times), "none"
	for from > 0 && c.counts(times[from-1], s.doc.Time, zone) {
		from--
	}
	if from < len(times) {
		counted = fmt.Sprintf("%d, the first of %s", len(times)-from, expr.FormatTime(times[from], zone))
	}
	s.weighed(j, en, step, fmt.Sprintf("%s %s: of %d at most it counts %s", c.name, told(full, "is full", "is not full"), c.max, counted))
}

// weighExpiry traces whether a deferred send has waited too long.
func (s *stepper) weighExpiry(j *plan, en *schemas.Enrollment, d *schemas.Deferred, expire int64) {
	if s.out.Explaining && expire > 0 {
		s.weighed(j, en, d.Step, fmt.Sprintf("expire: %s %s: its step was reached at %s", yamlfile.FormatDuration(expire),
			told(later(d.Reached, expire) <= s.doc.Time, "is over", "is not over"), expr.FormatTime(d.Reached, s.zoneOf(nil))))
	}
}

func told(is bool, so, otherwise string) string {
	if is {
		return so
	}
	return otherwise
}
