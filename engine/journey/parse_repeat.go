package journey

import "wend/schemas/yamlfile"

// maxRepeats is how many rounds a repeat has at most.
const maxRepeats = 1_000

func (p *parser) repeat(n *yamlfile.Node, at string) *Repeat {
	m, ok := n.AsMap(p.ps, "repeat")
	if !ok {
		p.lostSend = true
		return nil
	}
	r := &Repeat{}
	if v := m.Need("times"); v != nil {
		times, _ := v.AsInt(p.ps, "a number of rounds", 1, maxRepeats)
		r.Times = int(times)
	}
	if v := m.Get("until"); v != nil {
		r.Until = p.condition(v)
	}
	if v := m.Need("do"); v != nil {
		r.Do = p.steps(v, at+".do", p.noWait)
	}
	m.Done()
	return r
}
