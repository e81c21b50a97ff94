package journey

import (
	"slices"
	"strings"

	"wend/schemas/yamlfile"
)

// actions are the keys of which a step has one.
func actions() []string {
	return []string{"wait", "await", "branch", "split", "choose", "repeat", "send", "set", "tag", "untag", "emit", "exit"}
}

// besides gives the actions beside which a key stands; none: the key is not a companion of actions.
func besides(key string) []string {
	switch key {
	case "template", "expire", "transactional":
		return []string{"send"}
	case "with":
		return []string{"send", "emit"}
	}
	return nil
}

// steps reads a list of steps, which may be empty. noWait names what may not wait, where the list may not.
func (p *parser) steps(n *yamlfile.Node, at, noWait string) (all []*Step) {
	if n.Kind != yamlfile.List {
		n.Wrong(p.ps, "a list of steps")
		return nil
	}
	outer := p.noWait
	p.noWait = noWait
	defer func() { p.noWait = outer }()
	for i, item := range n.Items {
		if s := p.step(item, place(at, i)); s != nil {
			all = append(all, s)
		}
	}
	return all
}

// step reads one step; nil when it does nothing that can be known.
func (p *parser) step(n *yamlfile.Node, at string) *Step {
	m, ok := n.AsMap(p.ps, "a step")
	if !ok {
		p.lostSend = true
		return nil
	}
	s := &Step{Pos: n.Pos, Place: at}
	action := ""
	for i := range n.Entries {
		e := &n.Entries[i]
		if !slices.Contains(actions(), e.Key) {
			continue
		}
		if action == "" {
			action = e.Key
		} else {
			p.ps.Errorf(e.KeyPos, "a step does one thing, and this one is %s: begin another with `- %s:`", action, e.Key)
		}
	}
	for _, k := range actions() {
		m.Get(k)
	}
	for _, k := range []string{"template", "with", "expire", "transactional"} {
		if with := besides(k); slices.Contains(with, action) {
			m.Get(k)
		} else {
			m.Refuse("%q stands only beside "+strings.Join(with, " and "), k)
		}
	}
	if v := m.Get("id"); v != nil {
		s.OwnID = p.ownID(v)
	}
	if v := m.Get("if"); v != nil {
		s.If = p.condition(v)
	}
	m.Done()
	if action == "" {
		p.lostSend = true
		if !misspelt(n) {
			p.ps.Errorf(n.Pos, "a step needs what it does: one of %s", strings.Join(actions(), ", "))
		}
		return nil
	}
	if s.OwnID != nil && action != "send" {
		p.claim(*s.OwnID)
	}
	if !p.action(s, m, action) {
		return nil
	}
	return s
}

// misspelt says whether one of a step's keys looks like an action, which was reported with the key.
func misspelt(n *yamlfile.Node) bool {
	return slices.ContainsFunc(n.Entries, func(e yamlfile.Entry) bool { return yamlfile.DidYouMean(e.Key, actions()) != "" })
}

func (p *parser) ownID(n *yamlfile.Node) *Text {
	t, ok := p.text(n, "an id")
	if !ok {
		return nil
	}
	if strings.ContainsAny(t.Value, "[]") {
		p.ps.Errorf(t.Pos, "an id can't hold [ and ], with which the places of steps are written")
		return nil
	}
	return &t
}

// claim makes sure that no two steps of the journey have the same id.
func (p *parser) claim(id Text) {
	if first, twice := p.ids[id.Value]; twice {
		p.ps.Errorf(id.Pos, "another step has the id %s already, at %d:%d: give this one an `id` of its own", yamlfile.Quote(id.Value), first.Line, first.Col)
		return
	}
	p.ids[id.Value] = id.Pos
}

// action reads what a step does; false when it can't be read.
func (p *parser) action(s *Step, m *yamlfile.MapReader, action string) bool {
	v := m.Node.Lookup(action).Value
	switch action {
	case "wait":
		p.refuseWait(m, action)
		s.Wait = p.wait(v)
		return s.Wait != nil
	case "await":
		p.refuseWait(m, action)
		s.Await = p.await(v, s.Place+".await")
		return s.Await != nil
	case "branch":
		s.Branch = p.branch(v, s.Place+".branch")
		return s.Branch != nil
	case "split":
		s.Split = p.split(v, s.Place+".split")
		return s.Split != nil
	case "choose":
		s.Choose = p.choose(v, s.Place+".choose")
		return s.Choose != nil
	case "repeat":
		p.refuseWait(m, action)
		s.Repeat = p.repeat(v, s.Place+".repeat")
		return s.Repeat != nil
	case "send":
		s.Send = p.send(v, m, s)
		return s.Send != nil
	case "set":
		s.Set = p.assigns(v, "attributes and their values, {name: value}", true)
		return s.Set != nil
	case "tag":
		s.Tag = p.texts(v, "a list of tags like [vip]", "a tag")
		return s.Tag != nil
	case "untag":
		s.Untag = p.texts(v, "a list of tags like [vip]", "a tag")
		return s.Untag != nil
	case "emit":
		t, ok := p.text(v, "an event type")
		s.Emit = &Emit{Type: t, With: p.with(m)}
		return ok
	case "exit":
		t, ok := p.text(v, "a reason")
		s.Exit = &t
		return ok
	}
	return false
}

func (p *parser) refuseWait(m *yamlfile.MapReader, action string) {
	if p.noWait != "" {
		p.ps.Errorf(m.KeyPos(action), "%s do not wait: %q can't stand here", p.noWait, action)
	}
}

func (p *parser) with(m *yamlfile.MapReader) []Assign {
	if v := m.Get("with"); v != nil && (v.Kind != yamlfile.Map || len(v.Entries) > 0) {
		return p.assigns(v, "parameters and their values, {name: value}", false)
	}
	return nil
}

func (p *parser) await(n *yamlfile.Node, at string) *Await {
	m, ok := n.AsMap(p.ps, "await")
	if !ok {
		return nil
	}
	a := &Await{}
	within, forever := m.Get("within"), m.Get("forever")
	switch {
	case within != nil && forever != nil:
		p.ps.Errorf(m.KeyPos("forever"), `await has "within" or "forever", not both`)
	case forever != nil:
		if v, ok := forever.AsBool(p.ps, "forever"); ok && !v {
			p.ps.Errorf(forever.Pos, `"forever" is true, or else give "within" like within: 24h`)
		}
		a.Forever = true
	case within == nil:
		p.ps.Errorf(n.Pos, "await needs a deadline, like within: 24h, or within: forever")
	case within.Kind == yamlfile.String && within.Text == "forever":
		a.Forever = true
	default:
		a.Within, _ = within.AsDuration(p.ps, 0)
	}
	events := m.Get("events")
	if v := m.Get("until"); v != nil {
		a.Until = p.condition(v)
		if v := m.Get("do"); v != nil {
			a.Do = p.steps(v, at+".do", p.noWait)
		}
		if events != nil {
			p.ps.Errorf(m.KeyPos("until"), `await has "events" or "until", not both`)
		}
	} else {
		m.Refuse("%q stands in each of the events of an await", "do")
	}
	switch {
	case events != nil:
		items, _ := events.AsList(p.ps, "a list of events, each `- on: TYPE`")
		for i, item := range items {
			if t := p.trigger(item, inAwait, place(at+".events", i)); t != nil {
				a.Events = append(a.Events, t)
			}
		}
	case m.Node.Lookup("until") == nil:
		m.Need("events")
	}
	if v := m.Get("timeout"); v != nil {
		a.Timeout = p.steps(v, at+".timeout", p.noWait)
	}
	m.Done()
	return a
}

func (p *parser) branch(n *yamlfile.Node, at string) (arms []*Arm) {
	items, _ := n.AsList(p.ps, "a list of arms, each `- {if: EXPR, do: [...]}`")
	for i, item := range items {
		m, ok := item.AsMap(p.ps, "an arm of branch")
		if !ok {
			continue
		}
		a := &Arm{Pos: item.Pos}
		if v := m.Get("if"); v != nil {
			a.If = p.condition(v)
		} else if i < len(items)-1 {
			p.ps.Errorf(item.Pos, `only the last arm of a branch may have no "if": those behind this one could not be reached`)
		}
		if v := m.Need("do"); v != nil {
			a.Do = p.steps(v, place(at, i)+".do", p.noWait)
		}
		m.Done()
		arms = append(arms, a)
	}
	return arms
}

func (p *parser) split(n *yamlfile.Node, at string) *Split {
	m, ok := n.AsMap(p.ps, "split")
	if !ok {
		return nil
	}
	s := &Split{}
	if v := m.Need("name"); v != nil {
		s.Name, _ = p.label(v, "a name")
	}
	first := make(map[string]yamlfile.Pos)
	if v := m.Need("arms"); v != nil {
		items, _ := v.AsList(p.ps, "a list of arms, each `- {name: a, weight: 50, do: [...]}`")
		for i, item := range items {
			am, ok := item.AsMap(p.ps, "an arm of split")
			if !ok {
				continue
			}
			var a SplitArm
			if v := am.Need("name"); v != nil {
				if a.Name, ok = p.label(v, "a name"); ok {
					if at, twice := first[a.Name.Value]; twice {
						p.ps.Errorf(a.Name.Pos, "another arm of this split has the name %s already, at %d:%d", yamlfile.Quote(a.Name.Value), at.Line, at.Col)
					}
					first[a.Name.Value] = a.Name.Pos
				}
			}
			if v := am.Need("weight"); v != nil {
				if a.Weight, ok = v.AsFloat(p.ps, "a weight, a number above 0"); ok && (a.Weight <= 0 || a.Weight > maxWeight) {
					p.ps.Errorf(v.Pos, "a weight is above 0 and at most %d, found %s", int64(maxWeight), v.Text)
				}
			}
			if v := am.Get("do"); v != nil {
				a.Do = p.steps(v, place(at+".arms", i)+".do", p.noWait)
			}
			am.Done()
			s.Arms = append(s.Arms, a)
		}
	}
	m.Done()
	return s
}

// maxWeight keeps sums of weights finite and their shares exact enough for 10,000 buckets.
const maxWeight = 1e9

func (p *parser) send(n *yamlfile.Node, m *yamlfile.MapReader, step *Step) *Send {
	s := &Send{}
	good := true
	if t, ok := p.label(n, "a channel's name"); ok {
		s.Channel = t
	} else {
		good = false
	}
	if v := m.Get("template"); v != nil {
		t, ok := p.text(v, "a template's name")
		if ok && strings.Contains(t.Value, "{{") {
			p.ps.Errorf(t.Pos, "a template's name is fixed: {{ }} stands in the values of with, set and emit")
			ok = false
		}
		s.Template = t
		good = good && ok
	} else {
		p.ps.Errorf(m.KeyPos("send"), `send needs the key "template" beside it`)
		good = false
	}
	s.With = p.with(m)
	if v := m.Get("expire"); v != nil {
		s.Expire, _ = v.AsDuration(p.ps, 1)
	}
	if v := m.Get("transactional"); v != nil {
		s.Transactional, _ = v.AsBool(p.ps, "transactional")
	}
	id := step.OwnID
	if id == nil && s.Template.Value != "" && m.Node.Lookup("id") == nil {
		id = &s.Template
	}
	if id == nil {
		p.lostSend = true
	} else {
		p.claim(*id)
		p.sends = append(p.sends, id.Value)
	}
	if !good {
		return nil
	}
	return s
}
