package journey

import (
	"fmt"
	"hash/fnv"
	"strings"

	"wend/engine/journey/expr"
	"wend/engine/journey/localtime"
	"wend/schemas/yamlfile"
)

// placeGoal is the goal's place in documents.
const placeGoal = "goal"

// moment compiles what a trigger waits for in place of an event; nil: an event it is.
func (p *planner) moment(t *Trigger, place string) *moment {
	head := p.plan.head
	m := &moment{plan: p.plan, place: place, base: place, order: uint64(len(head.moments)), index: -1, inside: p.pinned()}
	what := ""
	switch {
	case t.Inactive != nil:
		m.kind, m.length = inactiveMoment, t.Inactive.For
		// The length is not part of what is waited for: another is counted from the same event.
		what = strings.Join(texts(t.Inactive.Of), ",")
	case t.Date != nil:
		d := t.Date
		m.kind, m.attribute, m.yearly = dateMoment, d.Name, d.Yearly
		m.offset, m.clock = localtime.Day(d.Offset), d.At
		what = fmt.Sprint(d.Name, d.Yearly, d.Offset, d.At, p.plan.zone)
		p.c.dateOf(d)
	case t.Schedule != nil:
		x := t.Schedule
		m.kind, m.listed, m.spread = scheduleMoment, x.Listed, x.Spread
		if x.Cron != nil {
			m.times = &x.Times
		}
		what = fmt.Sprint(x.Times, x.Listed, x.Spread, p.plan.zone)
	default:
		return nil
	}
	h := fnv.New32a()
	fmt.Fprint(h, m.kind, " ", what)
	m.spec = h.Sum32()
	if p.plan != head {
		for _, x := range head.moments {
			if x.same(m) {
				return x
			}
		}
		m.place = fmt.Sprintf("%s@%08x", place, m.spec^uint32(m.length))
	}
	p.c.p.moments = append(p.c.p.moments, m)
	// No event has such a type, so that nothing else wants it.
	m.typ = typeIndex{name: m.kind.String(), id: becomesType.id - int32(len(p.c.p.moments))}
	head.moments = append(head.moments, m)
	if t.Inactive != nil {
		for _, of := range t.Inactive.Of {
			p.c.typeID(of.Value)
			ends := p.c.p.types[of.Value]
			if n := len(ends.silences); n == 0 || ends.silences[n-1] != m {
				ends.silences = append(ends.silences, m)
			}
		}
		if len(t.Inactive.Of) == 0 {
			p.c.p.silences = append(p.c.p.silences, m)
		}
	}
	return m
}

// same says whether two versions of a journey wait for the same moment at the same place.
func (m *moment) same(o *moment) bool {
	return m.base == o.base && m.kind == o.kind && m.spec == o.spec && m.length == o.length
}

// dateOf checks that a date is one of the profile's.
func (c *compiler) dateOf(d *Date) {
	if d.Name == "" || c.lost(d.Name) { // reported by Load
		return
	}
	switch t, ok := c.p.profile[d.Name]; {
	case !ok:
		c.problems.Errorf(d.Of.Pos, "no attribute is called %s%s (profile.yaml declares them under attributes)", yamlfile.Quote(d.Name), yamlfile.DidYouMean(d.Name, c.attributeNames()))
	case t != expr.Date:
		c.problems.Errorf(d.Of.Pos, "the attribute %s is a %s: what comes on a date is a date (text YYYY-MM-DD)", d.Name, typeName(t))
	}
}

// moments gives the triggers that wait for a moment their order, and the set of them its name.
func (c *compiler) moments() {
	h := fnv.New64a()
	listed := 0
	for _, m := range c.p.moments {
		if m.kind != inactiveMoment && !m.inside {
			m.index = listed
			listed++
		}
		if m.kind == dateMoment {
			if c.p.dates == nil {
				c.p.dates = map[string]bool{"timezone": true}
			}
			c.p.dates[m.attribute] = true
		}
		fmt.Fprintf(h, "%s %s %08x %d\n", m.plan.name, m.place, m.spec, m.length)
	}
	if len(c.p.moments) > 0 {
		c.p.armed = max(1, h.Sum64())
	}
}
