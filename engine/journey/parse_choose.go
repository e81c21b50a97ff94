package journey

import (
	"strconv"

	"wend/schemas/yamlfile"
)

// choose reads the ways of a choose.
func (p *parser) choose(n *yamlfile.Node, at string) (all []*Choice) {
	items, _ := n.AsList(p.ps, "a list of choices, each `- {name: a, score: EXPR, do: [...]}`")
	first := make(map[string]yamlfile.Pos)
	for i, item := range items {
		m, ok := item.AsMap(p.ps, "a choice")
		if !ok {
			continue
		}
		c := &Choice{Pos: item.Pos}
		if v := m.Get("name"); v != nil {
			if t, ok := p.label(v, "a name"); ok {
				if at, twice := first[t.Value]; twice {
					p.ps.Errorf(t.Pos, "another choice here has the name %s already, at %d:%d", yamlfile.Quote(t.Value), at.Line, at.Col)
				}
				first[t.Value] = t.Pos
				c.Name = &t
			}
		}
		if v := m.Get("if"); v != nil {
			c.If = p.condition(v)
		}
		if v := m.Need("score"); v != nil {
			c.Score = p.choiceScore(v)
		}
		if v := m.Need("do"); v != nil {
			c.Do = p.steps(v, place(at, i)+".do", p.noWait)
		}
		m.Done()
		all = append(all, c)
	}
	return all
}

// choiceScore reads a bare expression. A number is one too.
func (p *parser) choiceScore(n *yamlfile.Node) *Text {
	switch n.Kind {
	case yamlfile.Int:
		return &Text{n.TextPos, strconv.FormatInt(n.Int, 10), n}
	case yamlfile.Float:
		return &Text{n.TextPos, strconv.FormatFloat(n.Float, 'f', -1, 64), n}
	}
	return p.expression(n, "a number like 10, or an expression that gives one like profile.ltv")
}
