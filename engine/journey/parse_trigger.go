package journey

import (
	"wend/schemas/yamlfile"
)

// where a trigger stands decides which keys it takes.
type where uint8

const (
	inEnter where = iota
	inGoal
	inExit
	inAwait
)

func (w where) String() string {
	return [...]string{"enter", "goal", "an exit", "an event of await"}[w]
}

const wantType = "an event type, or a list of them"

func (p *parser) enter(n *yamlfile.Node) {
	e := p.journey.Enter
	m, ok := n.AsMap(p.ps, inEnter.String())
	if !ok {
		return
	}
	e.Pos = n.Pos
	if v := m.Get("key"); v != nil {
		e.Key = p.expression(v, "an expression like event.cart_id")
		if m.Node.Lookup("on") == nil {
			p.ps.Errorf(m.KeyPos("key"), `"key" stands only beside "on"`)
		}
	}
	if v := m.Get("again"); v != nil {
		p.again(v, e)
	}
	p.triggerKeys(m, inEnter, "enter", &e.Trigger)
	m.Done()
}

func (p *parser) again(n *yamlfile.Node, e *Enter) {
	if n.Kind == yamlfile.Map {
		m, _ := n.AsMap(p.ps, "again")
		if v := m.Need("after"); v != nil {
			e.Again = AgainInterval
			e.AgainAfter, _ = v.AsDuration(p.ps, 1)
		}
		m.Done()
		return
	}
	if n.Kind != yamlfile.String {
		n.Wrong(p.ps, "never, after_exit, always or {after: 7d}")
		return
	}
	switch s, _ := n.AsOneOf(p.ps, "never", "after_exit", "always", "{after: 7d}"); s {
	case "never":
		e.Again = AgainNever
	case "always":
		e.Again = AgainAlways
	case "{after: 7d}":
		p.ps.Errorf(n.Pos, "expected a mapping: take away the quotes")
	}
}

// trigger reads goal, an exit, or an event of an await; nil when it is no mapping.
func (p *parser) trigger(n *yamlfile.Node, w where, at string) *Trigger {
	m, ok := n.AsMap(p.ps, w.String())
	if !ok {
		return nil
	}
	t := &Trigger{Pos: n.Pos}
	p.triggerKeys(m, w, at, t)
	m.Done()
	return t
}

func (p *parser) triggerKeys(m *yamlfile.MapReader, w where, at string, t *Trigger) {
	on := m.Get("on")
	if on != nil {
		t.On = p.types(on)
	}
	if v := m.Get("if"); v != nil {
		t.If = p.condition(v)
	}
	switch w {
	case inAwait:
		m.Refuse("%q can't stand in an event of await, which has on, if, of, do, reset and since", "times", "within", "key", "reason", "becomes", "inactive", "date", "schedule")
		if on == nil {
			m.Need("on")
		}
		p.awaitKeys(m, at, t)
		return
	default:
		becomes, moment := p.becomes(m, t), p.moment(m, t)
		if !becomes && !moment && on == nil {
			m.Need("on")
		}
	}
	p.window(m, w, t)
	switch w {
	case inEnter:
		m.Refuse("%q can't stand in enter, before which nothing was sent and done", "of", "do", "reason")
	case inGoal:
		m.Refuse("%q stands only in enter", "key", "again")
		m.Refuse("%q stands only in an exit", "reason")
	case inExit:
		m.Refuse("%q stands only in enter", "key", "again")
		if v := m.Get("reason"); v != nil {
			if s, ok := p.text(v, "a reason"); ok {
				t.Reason = &s
			}
		}
	}
	if w != inEnter {
		p.of(m, t)
		if v := m.Get("do"); v != nil {
			t.Do = p.steps(v, at+".do", "the steps of "+w.String())
		}
	}
	m.Refuse("%q stands only in an event of await", "reset", "since")
}

// becomes reads a condition that stands in place of an event, and reports whether there is one.
func (p *parser) becomes(m *yamlfile.MapReader, t *Trigger) bool {
	v := m.Get("becomes")
	if v == nil {
		return false
	}
	t.Becomes = p.condition(v)
	if m.Node.Lookup("on") != nil {
		p.ps.Errorf(m.KeyPos("becomes"), `a trigger is of one kind, and this one has "on" already: take away one of the two`)
	}
	return true
}

func (p *parser) types(n *yamlfile.Node) []Text {
	if n.Kind == yamlfile.List {
		return p.texts(n, wantType, "an event type")
	}
	if t, ok := p.text(n, wantType); ok {
		return []Text{t}
	}
	return nil
}

// window reads times and within. Alone, within is the attribution window of a goal and means nothing elsewhere.
func (p *parser) window(m *yamlfile.MapReader, w where, t *Trigger) {
	times, within := m.Get("times"), m.Get("within")
	switch {
	case times != nil:
		n, _ := times.AsInt(p.ps, "a whole number", 2, 128)
		t.Times = int(n)
		if m.Node.Lookup("on") == nil {
			p.ps.Errorf(m.KeyPos("times"), `"times" stands only beside "on"`)
		}
		if within == nil {
			p.ps.Errorf(m.KeyPos("times"), `"times" needs "within", the window of the events, like within: 10m`)
			return
		}
		t.Within, _ = within.AsDuration(p.ps, 0)
	case within == nil:
	case w == inGoal:
		t.Within, _ = within.AsDuration(p.ps, 1)
	default:
		p.ps.Errorf(m.KeyPos("within"), `in %s "within" stands only beside "times"`, w)
	}
}

func (p *parser) of(m *yamlfile.MapReader, t *Trigger) {
	v := m.Get("of")
	if v == nil {
		return
	}
	if s, ok := p.text(v, "the id of a send"); ok {
		t.Of = &s
		p.ofs = append(p.ofs, s)
	}
	if m.Node.Lookup("on") == nil {
		p.ps.Errorf(m.KeyPos("of"), `"of" stands only beside "on"`)
	}
}

func (p *parser) awaitKeys(m *yamlfile.MapReader, at string, t *Trigger) {
	p.of(m, t)
	if v := m.Get("reset"); v != nil {
		t.Reset, _ = v.AsBool(p.ps, "reset")
	}
	if v := m.Get("since"); v != nil {
		_, t.Since = v.AsOneOf(p.ps, "enter")
	}
	if v := m.Get("do"); v != nil {
		t.Do = p.steps(v, at+".do", p.noWait)
		if t.Reset {
			p.ps.Errorf(m.KeyPos("do"), `beside reset: true "do" is never done: the event restarts the deadline instead of leaving`)
		}
	}
}
