package journey

import (
	"sort"

	"wend/schemas/yamlfile"
)

// parseProfile reads profile.yaml.
func parseProfile(n *yamlfile.Node, ps *yamlfile.Problems) *Profile {
	p := &parser{ps: ps}
	out := &Profile{}
	m, ok := n.AsMap(ps, "a profile")
	if !ok {
		out.Broken = true
		return out
	}
	if v := m.Get("attributes"); v != nil {
		p.attributes(v, out)
	}
	if v := m.Get("update"); v != nil {
		for _, item := range list(v, ps, "a list of updates, each `- {on: TYPE, set: ...}`") {
			if u := p.update(item); u != nil {
				out.Updates = append(out.Updates, u)
			}
		}
	}
	if v := m.Get("scores"); v != nil {
		p.scores(v, out)
	}
	if v := m.Get("segments"); v != nil {
		p.segments(v, out)
	}
	m.Done()
	return out
}

// named reads a map whose keys are names of one kind, an entry after the other. Where read says that one is none, or its
// name is none, expressions that use the name find it lost rather than unknown.
func (p *parser) named(n *yamlfile.Node, out *Profile, kind, want string, read func(*yamlfile.Entry) bool) {
	if n.Kind != yamlfile.Map {
		n.Wrong(p.ps, want)
		out.Broken = true
		return
	}
	for i := range n.Entries {
		e := &n.Entries[i]
		if !isName(e.Key) {
			p.ps.Errorf(e.KeyPos, "%s's name is made of a-z, 0-9 and _ and begins with a letter, found %s", kind, yamlfile.Quote(e.Key))
		} else if read(e) {
			continue
		}
		out.Lost = append(out.Lost, e.Key)
	}
}

func (p *parser) attributes(n *yamlfile.Node, out *Profile) {
	p.named(n, out, "an attribute", "attributes and their types, {name: type}", func(e *yamlfile.Entry) bool {
		kind, ok := e.Value.AsOneOf(p.ps, "string", "int", "double", "bool", "date", "timestamp", "list", "map")
		if !ok {
			return false
		}
		if own, reserved := undeclared(e.Key); reserved {
			if kind != own {
				p.ps.Errorf(e.Value.Pos, "%s is there undeclared and is a %s", e.Key, own)
			}
			return true
		}
		out.Attributes = append(out.Attributes, Attribute{
			Name: Text{Pos: e.KeyPos, Value: e.Key},
			Type: Text{e.Value.TextPos, kind, e.Value},
		})
		return true
	})
	sort.Slice(out.Attributes, func(i, j int) bool { return out.Attributes[i].Name.Value < out.Attributes[j].Name.Value })
}

// undeclared gives the type of an attribute that every profile has.
func undeclared(name string) (kind string, ok bool) {
	switch name {
	case "tags":
		return "list", true
	case "consent":
		return "map", true
	case "timezone":
		return "string", true
	}
	return "", false
}

func (p *parser) update(n *yamlfile.Node) *Update {
	m, ok := n.AsMap(p.ps, "an update")
	if !ok {
		return nil
	}
	u := &Update{Pos: n.Pos}
	if v := m.Need("on"); v != nil {
		u.On = p.types(v)
	}
	if v := m.Get("if"); v != nil {
		u.If = p.condition(v)
	}
	if v := m.Need("set"); v != nil {
		if v.Kind == yamlfile.Map {
			u.Set = p.assigns(v, "attributes and their values, {name: value}", true)
		} else {
			u.SetAll = p.expression(v, "attributes and their values, {name: value}, or an expression that gives a map, like event.traits")
		}
	}
	m.Done()
	return u
}
