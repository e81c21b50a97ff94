package journey

import (
	"math"

	"wend/schemas/yamlfile"
)

// maxPoints bounds the numbers of a score, so that no number of events takes it to where whole numbers are no longer
// exact.
const maxPoints = 1e9

const wantPoints = "a number of points from -1000000000 to 1000000000"

// scores reads the scores of profile.yaml.
func (p *parser) scores(n *yamlfile.Node, out *Profile) {
	p.named(n, out, "a score", "scores by name, {lead: {add: [...]}}", func(e *yamlfile.Entry) bool {
		s := p.score(e.Value)
		if s == nil {
			return false
		}
		s.Name = Text{Pos: e.KeyPos, Value: e.Key}
		out.Scores = append(out.Scores, s)
		return true
	})
}

func (p *parser) score(n *yamlfile.Node) *Score {
	m, ok := n.AsMap(p.ps, "a score")
	if !ok {
		return nil
	}
	s := &Score{}
	if v := m.Need("add"); v != nil {
		items, _ := v.AsList(p.ps, "a list of what adds to it, each `- {on: TYPE, points: 10}`")
		for _, item := range items {
			if a := p.scoreAdd(item); a != nil {
				s.Add = append(s.Add, a)
			}
		}
	}
	if v := m.Get("min"); v != nil {
		s.Min, s.HasMin = p.points(v), true
	}
	if v := m.Get("idle"); v != nil {
		s.Idle = p.idle(v)
		if !s.HasMin {
			p.ps.Errorf(m.KeyPos("idle"), `"idle" needs "min", where it stops, like min: 0`)
		}
	}
	m.Done()
	return s
}

func (p *parser) scoreAdd(n *yamlfile.Node) *ScoreAdd {
	m, ok := n.AsMap(p.ps, "what adds to a score")
	if !ok {
		return nil
	}
	a := &ScoreAdd{Pos: n.Pos}
	if v := m.Need("on"); v != nil {
		a.On = p.types(v)
	}
	if v := m.Get("if"); v != nil {
		a.If = p.condition(v)
	}
	if v := m.Need("points"); v != nil {
		a.Points = p.points(v)
	}
	m.Done()
	return a
}

func (p *parser) idle(n *yamlfile.Node) *Idle {
	m, ok := n.AsMap(p.ps, "idle")
	if !ok {
		return nil
	}
	out := &Idle{}
	if v := m.Need("after"); v != nil {
		out.After, _ = v.AsDuration(p.ps, 1)
	}
	if v := m.Need("points"); v != nil {
		if out.Points = p.points(v); out.Points >= 0 {
			p.ps.Errorf(v.Pos, "idle takes points away: write a number below 0, like points: -10")
		}
	}
	m.Done()
	return out
}

func (p *parser) points(n *yamlfile.Node) float64 {
	f, ok := n.AsFloat(p.ps, wantPoints)
	if ok && !(math.Abs(f) <= maxPoints) {
		p.ps.Errorf(n.Pos, "expected %s, found %s", wantPoints, n.Text)
		return 0
	}
	return f
}

// segments reads the segments of profile.yaml.
func (p *parser) segments(n *yamlfile.Node, out *Profile) {
	p.named(n, out, "a segment", "segments by name, {hot_lead: score.lead >= 60}", func(e *yamlfile.Entry) bool {
		cond := p.condition(e.Value)
		if cond == nil {
			return false
		}
		out.Segments = append(out.Segments, &Segment{Name: Text{Pos: e.KeyPos, Value: e.Key}, If: cond})
		return true
	})
}
