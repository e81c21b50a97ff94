package journey

import (
	"errors"
	"slices"
	"strings"
	"time"

	"wend/engine/journey/cron"
	"wend/engine/journey/localtime"
	"wend/schemas/yamlfile"
)

// Triggers that wait for a moment: inactive, date and schedule.

const dayLength = 24 * 60 * 60 * 1000 // ms

// moment reads what a trigger waits for in place of an event, and reports whether there is such a thing. A trigger is of
// one kind.
func (p *parser) moment(m *yamlfile.MapReader, t *Trigger) bool {
	first := ""
	for _, kind := range [...]string{"on", "becomes", "inactive", "date", "schedule"} {
		v := m.Get(kind)
		switch {
		case v == nil:
			continue
		case first != "":
			p.ps.Errorf(m.KeyPos(kind), "a trigger is of one kind, and this one has %q already: take away one of the two", first)
			continue
		}
		switch first = kind; kind {
		case "inactive":
			t.Inactive = p.inactive(v)
		case "date":
			t.Date = p.date(v)
		case "schedule":
			t.Schedule = p.schedule(v)
		}
	}
	return first != "" && first != "on" && first != "becomes"
}

func (p *parser) inactive(n *yamlfile.Node) *Inactive {
	m, ok := n.AsMap(p.ps, "inactive")
	if !ok {
		return nil
	}
	in := &Inactive{}
	if v := m.Need("for"); v != nil {
		in.For, _ = v.AsDuration(p.ps, 1)
	}
	if v := m.Get("of"); v != nil {
		in.Of = p.types(v)
	}
	m.Done()
	return in
}

func (p *parser) date(n *yamlfile.Node) *Date {
	m, ok := n.AsMap(p.ps, "date")
	if !ok {
		return nil
	}
	d := &Date{}
	if v := m.Need("of"); v != nil {
		const want = "a date of the profile, like profile.birthday"
		if t, ok := p.text(v, want); ok {
			name, found := strings.CutPrefix(t.Value, "profile.")
			if !found || !isName(name) {
				p.ps.Errorf(t.Pos, "expected %s, found %s", want, yamlfile.Quote(t.Value))
			} else {
				d.Of, d.Name = t, name
			}
		}
	}
	if v := m.Get("every"); v != nil {
		_, d.Yearly = v.AsOneOf(p.ps, "year")
	}
	if v := m.Get("offset"); v != nil {
		d.Offset = p.days(v)
	}
	if v := m.Get("at"); v != nil {
		d.At = p.clock(v)
	}
	m.Done()
	return d
}

// days reads a number of calendar days, also backwards.
func (p *parser) days(n *yamlfile.Node) int64 {
	const want = "whole calendar days, like -3d or 2w"
	text, negative := strings.CutPrefix(n.Text, "-")
	if !negative {
		text, _ = strings.CutPrefix(text, "+")
	}
	ms, err := yamlfile.ParseDuration(text)
	if n.Kind != yamlfile.String || err != nil || ms%dayLength != 0 || strings.ContainsAny(text, "hms") {
		n.Wrong(p.ps, want)
		return 0
	}
	const most = 3660
	days := ms / dayLength
	if days > most {
		p.ps.Errorf(n.Pos, "expected at most %d days, found %s", most, n.Text)
		return 0
	}
	if negative {
		return -days
	}
	return days
}

// clock reads a time of day.
func (p *parser) clock(n *yamlfile.Node) localtime.Clock {
	const want = `a time of day, like "09:00"`
	text, ok := n.AsText(p.ps, want)
	if !ok {
		return 0
	}
	c, ok := localtime.ParseClock(text)
	if !ok {
		n.Wrong(p.ps, want)
	}
	return c
}

func (p *parser) schedule(n *yamlfile.Node) *Schedule {
	m, ok := n.AsMap(p.ps, "schedule")
	if !ok {
		return nil
	}
	s := &Schedule{}
	line, at := m.Get("cron"), m.Get("at")
	switch {
	case line != nil && at != nil:
		p.ps.Errorf(m.KeyPos("at"), `"at" stands in place of "cron": take away one of the two`)
	case line != nil:
		p.cron(line, s)
	case at != nil:
		const want = `a list of local times, like ["2027-02-05T09:00"]`
		items, _ := at.AsList(p.ps, want)
		for _, item := range items {
			if t, ok := p.localTime(item); ok {
				s.Listed = append(s.Listed, t)
			}
		}
		slices.SortFunc(s.Listed, func(a, b LocalTime) int {
			if a.Day != b.Day {
				return int(a.Day - b.Day)
			}
			return int(a.At - b.At)
		})
	default:
		p.ps.Errorf(n.Pos, `a schedule needs "cron", like cron: "0 9 8 * *", or "at", a list of local times`)
	}
	if v := m.Get("spread"); v != nil {
		s.Spread, _ = v.AsDuration(p.ps, 0)
	}
	m.Done()
	return s
}

func (p *parser) cron(n *yamlfile.Node, s *Schedule) {
	t, ok := p.text(n, `the five fields of cron, like "0 9 8 * *"`)
	if !ok {
		return
	}
	var err error
	var bad *cron.Error
	switch s.Times, err = cron.Parse(t.Value); {
	case errors.As(err, &bad):
		p.ps.Errorf(t.At(bad.Offset), "%s", bad.Message)
	case !s.Times.Comes():
		p.ps.Errorf(t.Pos, "this day never comes: no such month has it")
	}
	s.Cron = &t
}

func (p *parser) localTime(n *yamlfile.Node) (LocalTime, bool) {
	const want = "a local time without a zone, like 2027-02-05T09:00"
	text, ok := n.AsText(p.ps, want)
	if !ok {
		return LocalTime{}, false
	}
	at, err := time.Parse("2006-01-02T15:04", text)
	if err != nil || len(text) != len("2006-01-02T15:04") {
		n.Wrong(p.ps, want)
		return LocalTime{}, false
	}
	return LocalTime{localtime.DayOf(at.UnixMilli(), time.UTC), localtime.ClockOf(at.UnixMilli(), time.UTC)}, true
}
