package journey

import "wend/schemas"

// maxCrowded bounds how much is looked at of a journey, in nodes times sends; a larger one gets no warning.
const maxCrowded = 1 << 20

// crowded warns of journeys in which one enrollment can make more sends in the time of a cap than it lets through:
// the rest would be stopped though the customer got nothing else.
func (c *compiler) crowded() {
	all := &c.p.policies.all
	for _, p := range c.plans {
		if p.src.Broken || p.pinned() {
			continue
		}
		for _, name := range c.channels {
			of := c.p.policies.channels[name]
			p.crowd(&of.caps, func(s *sendNode) bool { return s.policy == of })
		}
		p.crowd(all, func(*sendNode) bool { return true })
	}
}

// crowd compares the sends that count against the limits, of those that of is true for.
func (p *planner) crowd(l *limits, of func(*sendNode) bool) {
	if len(l.list) == 0 {
		return
	}
	counts := func(n *node) bool { return n.op == opSend && !n.send.transactional && of(n.send) }
	sends := 0
	for i := range p.plan.nodes {
		if counts(&p.plan.nodes[i]) {
			sends++
		}
	}
	if sends*len(p.plan.nodes) > maxCrowded {
		return
	}
	f := follows{p: p, counts: counts, after: make([][]int64, len(p.plan.nodes)), seen: make([]bool, len(p.plan.nodes))}
	// most[k] is the shortest time in which k+1 sends can follow one another.
	most := make([]int64, sends)
	for k := range most {
		most[k] = schemas.Never
	}
	for i := range p.plan.nodes {
		if !counts(&p.plan.nodes[i]) {
			continue
		}
		for k, ms := range f.from(int32(i)) {
			most[k] = min(most[k], ms)
		}
	}
	for _, c := range l.list {
		per, within := c.per, "within "+c.text
		if per == 0 {
			per, within = 24*60*60*1000, "in a day"
		}
		n := 0
		for n < len(most) && most[n] < per {
			n++
		}
		if n > c.max {
			p.c.problems.Warnf(p.src.Name.Pos, "one enrollment can make %d sends %s that %s counts, which lets %d leave: more are stopped", n, within, c.name, c.max)
		}
	}
}

// follows finds how soon sends can follow one another in an enrollment.
type follows struct {
	p      *planner
	counts func(*node) bool
	after  [][]int64 // by node, see from
	seen   []bool
}

// from returns the shortest times from reaching a node to the first send that counts, the second, and so on, as many as
// can follow. Rounds of a repeat but the first are left out.
func (f *follows) from(at int32) []int64 {
	if at == end || f.seen[at] {
		if at == end {
			return nil
		}
		return f.after[at]
	}
	f.seen[at] = true
	n := &f.p.plan.nodes[at]
	step := f.p.stepOf(at)
	var times []int64
	lead := func(to int32, wait int64) {
		for k, ms := range f.from(to) {
			if ms = later(ms, wait); k == len(times) {
				times = append(times, ms)
			} else {
				times[k] = min(times[k], ms)
			}
		}
	}
	switch {
	case f.p.never[step]:
		lead(n.next, 0)
	case f.counts(n):
		lead(n.next, 0)
		times = append([]int64{0}, times...)
	case n.op == opWait:
		lead(n.next, max(0, n.wait.length))
		if n.cond != nil && !f.p.sure[step] {
			lead(n.next, 0)
		}
		f.leaving(lead)
	case n.op == opAwait:
		all := f.p.successors(at)
		for i, to := range all {
			wait := int64(0)
			if i == len(all)-1 && !n.await.forever() { // the timeout
				wait = n.await.within
			}
			lead(to, wait)
		}
		f.leaving(lead)
	default:
		for _, to := range f.p.successors(at) {
			lead(to, 0)
		}
	}
	f.after[at] = times
	return times
}

// leaving leads from where an enrollment waits to what its goal and its exits do.
func (f *follows) leaving(lead func(to int32, wait int64)) {
	if g := f.p.plan.goal; g != nil {
		lead(g.do, 0)
	}
	for i := range f.p.plan.exits {
		lead(f.p.plan.exits[i].do, 0)
	}
}
