package journey

import (
	"time"

	"wend/engine/journey/localtime"
	"wend/schemas/yamlfile"
)

// wait reads a duration, or `{for, since, at, on}`, or `{until, past}`.
func (p *parser) wait(n *yamlfile.Node) *Wait {
	if n.Kind != yamlfile.Map {
		ms, ok := n.AsDuration(p.ps, 0)
		if !ok {
			return nil
		}
		return &Wait{For: ms}
	}
	m, _ := n.AsMap(p.ps, "wait")
	errors := countErrors(*p.ps)
	w := &Wait{}
	if until := m.Get("until"); until != nil {
		w.Until = p.expression(until, "a point in time like event.appointment")
		if v := m.Get("past"); v != nil {
			_, w.PastExit = v.AsOneOf(p.ps, "exit")
		}
		m.Refuse(`%q can't stand beside "until", which says when`, "for", "since", "at", "on")
	} else {
		m.Refuse(`%q stands only beside "until"`, "past")
		p.waitFor(m, w)
	}
	m.Done()
	if countErrors(*p.ps) > errors {
		return nil
	}
	return w
}

func (p *parser) waitFor(m *yamlfile.MapReader, w *Wait) {
	length, at, on := m.Get("for"), m.Get("at"), m.Get("on")
	if v := m.Get("since"); v != nil {
		_, w.SinceEnter = v.AsOneOf(p.ps, "enter")
	}
	if length != nil {
		w.For, _ = length.AsDuration(p.ps, 0)
	}
	if at != nil {
		c := p.clock(at)
		w.At = &c
	}
	if on != nil {
		w.On = p.weekdays(on)
	}
	if length == nil && at == nil && on == nil {
		p.ps.Errorf(m.Node.Pos, `wait needs the key "for", "at", "on" or "until"`)
	}
}

// weekdayNames are the days of the week as an author writes them; their places are the numbers of package time.
var weekdayNames = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// weekdays reads a day of the week, or a list of them.
func (p *parser) weekdays(n *yamlfile.Node) (days localtime.Weekdays) {
	items := []*yamlfile.Node{n}
	if n.Kind == yamlfile.List {
		items, _ = n.AsList(p.ps, "a list of days like [mon, tue]")
	}
	for _, item := range items {
		name, _ := item.AsOneOf(p.ps, weekdayNames...)
		for d, known := range weekdayNames {
			if name == known {
				days = days.With(time.Weekday(d))
			}
		}
	}
	return days
}
