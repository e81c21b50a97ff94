package journey

// reach warns about steps that nothing leads to, and finds for every await which awaits with `since: enter` may still
// come after it: only for those a waiting enrollment remembers early matches.
func (c *compiler) reach() {
	for _, p := range c.plans {
		reached := p.flooded()
		if p.src.Broken || p.pinned() {
			p.later() // a step that could not be read may be what leads to another
			continue
		}
		if g := p.src.Goal; g != nil {
			p.unreached(g.Do, reached)
		}
		for _, x := range p.src.Exits {
			p.unreached(x.Do, reached)
		}
		p.unreached(p.src.Steps, reached)
		p.checkRepeats()
		p.later()
	}
}

// flooded is what can be reached at all, as far as constant conditions tell.
func (p *planner) flooded() []bool {
	reached := make([]bool, len(p.plan.nodes))
	p.flood(p.plan.start, reached, nil)
	if g := p.plan.goal; g != nil {
		p.flood(g.do, reached, nil)
	}
	for i := range p.plan.exits {
		p.flood(p.plan.exits[i].do, reached, nil)
	}
	return reached
}

// flood marks what can be reached from a node. Where stops is given, nodes for which it holds lead no further, unless
// they are passed over. The stack keeps a long journey from deep recursion.
func (p *planner) flood(from int32, reached []bool, stops func(*node) bool) {
	stack := []int32{from}
	for len(stack) > 0 {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if at == end || reached[at] {
			continue
		}
		reached[at] = true
		n := &p.plan.nodes[at]
		switch {
		case stops == nil || !stops(n) || p.never[p.stepOf(at)]:
			stack = append(stack, p.successors(at)...)
		case n.cond != nil && !p.sure[p.stepOf(at)]:
			stack = append(stack, n.next)
		}
	}
}

// successors are the nodes that may follow, as far as constant conditions tell.
func (p *planner) successors(at int32) []int32 {
	n := &p.plan.nodes[at]
	step := p.stepOf(at) // nil of opAgain
	if p.never[step] {
		return []int32{n.next}
	}
	var to []int32
	if n.cond != nil && !p.sure[step] {
		to = append(to, n.next)
	}
	switch n.op {
	case opAwait:
		if step.Await.Until != nil && !p.never[step.Await] {
			to = append(to, n.await.do)
		}
		for i, t := range step.Await.Events {
			if !p.never[t] && !t.Reset {
				to = append(to, n.await.events[i].do)
			}
		}
		if !step.Await.Forever {
			to = append(to, n.await.timeout)
		}
	case opBranch:
		for i, a := range step.Branch {
			if p.never[a] {
				continue
			}
			to = append(to, n.arms[i].do)
			if a.If == nil || p.sure[a] {
				return to
			}
		}
		to = append(to, n.next)
	case opSplit:
		for i := range n.arms {
			to = append(to, n.arms[i].do)
		}
	case opChoose:
		for i, c := range step.Choose {
			if !p.never[c] {
				to = append(to, n.arms[i].do)
			}
		}
		to = append(to, n.next) // a score may fail
	case opRepeat:
		to = append(to, n.repeat.body)
	case opAgain:
		to = append(to, n.repeat.body, n.next)
	case opExit:
	default:
		to = append(to, n.next)
	}
	return to
}

func (p *planner) stepOf(at int32) *Step {
	if p.steps == nil {
		p.steps = make([]*Step, len(p.plan.nodes))
		for s, n := range p.nodes {
			p.steps[n] = s
		}
	}
	return p.steps[at]
}

// unreached warns about the first unreached step of each list: the rest follows from it.
func (p *planner) unreached(steps []*Step, reached []bool) {
	for _, s := range steps {
		n, ok := p.nodes[s]
		if !ok {
			return
		}
		if !reached[n] {
			p.warnUnreached(s.Pos, s.Place)
			return
		}
		for _, list := range s.lists() {
			p.unreached(list, reached)
		}
	}
}

func (p *planner) later() {
	var since []int32
	for i := range p.plan.nodes {
		for k := range p.plan.nodes[i].await.events {
			if p.plan.nodes[i].await.events[k].since {
				since = append(since, int32(i))
				break
			}
		}
	}
	if len(since) == 0 {
		return
	}
	for i := range p.plan.nodes {
		n := &p.plan.nodes[i]
		if n.op != opAwait && n.op != opWait {
			continue
		}
		reached := make([]bool, len(p.plan.nodes))
		for _, next := range p.successors(int32(i)) {
			p.flood(next, reached, nil)
		}
		for _, s := range since {
			if reached[s] {
				n.later = append(n.later, s)
			}
		}
	}
}
