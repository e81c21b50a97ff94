package oracle

import (
	"slices"
	"strings"
	"time"
)

// What only counts that a corner of the language came into play: local times that a change of the clocks skips or repeats,
// what a transactional send passes by, and which journey took another's place under a cap.

// changeOfClocks counts where a local time, as ms of a day, is one that the clocks of a zone skip or show twice.
func (o *oracle) changeOfClocks(what string, at, of int64, zone *time.Location) {
	shown := shows(at, zone)
	switch {
	case shown-midnight(shown) != of:
		o.fired[what+": at a local time that clocks skip"]++
	case shows(at+30*minute, zone) == shown || shows(at+60*minute, zone) == shown:
		o.fired[what+": at a local time that clocks repeat"]++
	}
}

// dated counts what is special about a date that fires.
func (o *oracle) dated(t *trigger, date time.Time, at int64, zone *time.Location) {
	o.changeOfClocks("date", at, clock(t.at), zone)
	if t.offset != 0 {
		o.fired["date: with an offset"]++
	}
	if t.yearly {
		o.fired["date: every year"]++
	}
	if local := time.UnixMilli(shows(at, zone)).UTC().AddDate(0, 0, -t.offset); date.Month() == time.February && date.Day() == 29 && local.Day() == 28 {
		o.fired["date: 29 February on the 28th"]++
	}
}

// scheduled counts what is special about a schedule that fires. The end of a gap stands for what the clocks skip.
func (o *oracle) scheduled(t *trigger, at int64, zone *time.Location) {
	shown := shows(at, zone)
	switch {
	case shown-shows(at-1, zone) > 1 && !inClock(t, shown):
		o.fired["schedule: at a local time that clocks skip"]++
	case shows(at+30*minute, zone) == shown || shows(at+60*minute, zone) == shown:
		o.fired["schedule: at a local time that clocks repeat"]++
	}
	if t.spread > 0 {
		o.fired["schedule: spread"]++
	}
	if len(t.ats) > 0 {
		o.fired["schedule: at local times"]++
	}
	if f := strings.Fields(t.cron); len(f) == 5 && f[2] != "*" && f[4] != "*" {
		o.fired["schedule: either day"]++
	}
}

// inClock says whether a schedule asks for the time of day that clocks show.
func inClock(t *trigger, shown int64) bool {
	if t.cron == "" {
		return slices.ContainsFunc(t.ats, func(at string) bool { return clock(at[len(at)-5:]) == shown-midnight(shown) })
	}
	f, m := strings.Fields(t.cron), int((shown-midnight(shown))/minute)
	return inField(f[1], m/60, 0, 23) && inField(f[0], m%60, 0, 59)
}

// passes counts what would have stopped a transactional send.
func (o *oracle) passes(c *customer, ch *channel, d *deferred, zone *time.Location) {
	if ch.from != "" && isQuiet(ch, c.time, zone) {
		o.fired["transactional: in quiet hours"]++
	}
	if slices.ContainsFunc(ch.caps, func(rule capRule) bool { return o.full(c, rule, d.st.send.channel, zone) }) ||
		slices.ContainsFunc(o.ws.all, func(rule capRule) bool { return o.full(c, rule, "", zone) }) {
		o.fired["transactional: over a full cap"]++
	}
}

// competed counts where another journey's send, not the enrollment's own, filled a cap.
func (o *oracle) competed(c *customer, j *journey, channel string) {
	for i := len(c.sends) - 1; i >= 0; i-- {
		if x := c.sends[i]; channel == "" || x.channel == channel {
			if x.journey != j.name {
				o.fired["cap: filled by another journey"]++
			}
			return
		}
	}
}
