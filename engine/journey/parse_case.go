package journey

import (
	"time"

	"wend/schemas/yamlfile"
)

// parseTest reads one document of tests/*.yaml; nil when it is no mapping.
func parseTest(n *yamlfile.Node, ps *yamlfile.Problems) *Test {
	p := &parser{ps: ps}
	m, ok := n.AsMap(ps, "a test")
	if !ok {
		return nil
	}
	t := &Test{Pos: n.Pos}
	if v := m.Need("test"); v != nil {
		t.Name, _ = v.AsText(ps, "what the test shows, in words")
	}
	if v := m.Need("journey"); v != nil {
		t.Journey, _ = p.text(v, "a journey's name")
	}
	if v := m.Get("profile"); v != nil {
		if v.Kind != yamlfile.Map {
			v.Wrong(ps, "attributes and their values, {name: value}")
		}
		for i := range v.Entries {
			e := &v.Entries[i]
			t.Profile = append(t.Profile, Assign{Name: Text{Pos: e.KeyPos, Value: e.Key}, Value: p.value(e.Value)})
		}
	}
	if v := m.Need("start"); v != nil {
		t.Start = p.start(v)
	}
	if v := m.Get("events"); v != nil {
		for _, item := range list(v, ps, "a list of events, each `- {at: 0m, type: TYPE}`") {
			if e, ok := p.testEvent(item); ok {
				t.Events = append(t.Events, e)
			}
		}
	}
	if v := m.Need("expect"); v != nil {
		for _, item := range list(v, ps, "a list of what is expected, each `- {at: 30m, send: CHANNEL}`; [] for nothing") {
			if e, ok := p.expect(item); ok {
				t.Expect = append(t.Expect, e)
			}
		}
	}
	m.Done()
	return t
}

// list reads a list that may be empty.
func list(n *yamlfile.Node, ps *yamlfile.Problems, want string) []*yamlfile.Node {
	if n.Kind != yamlfile.List {
		n.Wrong(ps, want)
	}
	return n.Items
}

func (p *parser) start(n *yamlfile.Node) int64 {
	const want = "a time like 2026-03-01T10:00:00+08:00"
	s, ok := n.AsText(p.ps, want)
	if !ok {
		return 0
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		n.Wrong(p.ps, want)
	}
	return at.UnixMilli()
}

func (p *parser) testEvent(n *yamlfile.Node) (TestEvent, bool) {
	e := TestEvent{Pos: n.Pos}
	m, ok := n.AsMap(p.ps, "an event")
	if !ok {
		return e, false
	}
	if v := m.Need("at"); v != nil {
		e.At, _ = v.AsDuration(p.ps, 0)
	}
	if v := m.Need("type"); v != nil {
		e.Type, _ = v.AsText(p.ps, "an event type")
	}
	if v := m.Get("event_id"); v != nil {
		if v.Kind == yamlfile.Int { // its digits, as in an event
			e.ID = v.Text
		} else {
			e.ID, _ = v.AsText(p.ps, "an event id")
		}
	}
	for i := range n.Entries {
		f := &n.Entries[i]
		switch f.Key {
		case "at", "type", "event_id":
		case "customer_id", "ts":
			p.ps.Warnf(f.KeyPos, "%q is not looked at: a test has one customer, and `at` says when", f.Key)
		default:
			if e.Fields == nil {
				e.Fields = make(map[string]any)
			}
			e.Fields[f.Key] = f.Value.Value()
		}
	}
	return e, true
}

func (p *parser) expect(n *yamlfile.Node) (Expect, bool) {
	e := Expect{Pos: n.Pos}
	m, ok := n.AsMap(p.ps, "a line of expect")
	if !ok {
		return e, false
	}
	if v := m.Get("at"); v != nil {
		e.At, e.HasAt = v.AsDuration(p.ps, 0)
	}
	first := ""
	for _, k := range []string{"send", "goal", "exit", "stopped", "refused"} {
		v := m.Get(k)
		if v == nil {
			continue
		}
		if first != "" {
			p.ps.Errorf(m.KeyPos(k), "a line of expect says one thing, and this one says %s: put %s on a line of its own", first, k)
			continue
		}
		first = k
		switch k {
		case "send":
			e.Send, ok = v.AsText(p.ps, "a channel")
		case "goal":
			if e.Goal, ok = v.AsBool(p.ps, "goal"); ok && !e.Goal {
				p.ps.Errorf(v.Pos, "goal is true: what is not listed is not expected")
			}
		case "exit":
			e.Exit, ok = v.AsText(p.ps, "a reason")
		case "stopped":
			var t Text
			if t, ok = p.text(v, "a policy"); ok {
				e.Stopped = &t
			}
		case "refused":
			e.Refused, ok = v.AsText(p.ps, "a reason")
		}
	}
	if first == "" {
		p.ps.Errorf(n.Pos, "a line of expect needs what is expected: one of send, goal, exit, stopped, refused")
		ok = false
	}
	template, with := m.Get("template"), m.Get("with")
	if first != "" && first != "send" {
		m.Refuse("%q stands only beside send", "template", "with")
	}
	if template != nil {
		e.Template, _ = template.AsText(p.ps, "a template's name")
	}
	if with != nil {
		if with.Kind != yamlfile.Map {
			with.Wrong(p.ps, "parameters and their values, {name: value}")
		} else {
			e.With, _ = with.Value().(map[string]any)
		}
	}
	m.Done()
	return e, ok
}
