package journey

import "wend/engine/journey/expr"

// index lists, for each type, the journeys that want it, in their order.
func (c *compiler) index() {
	byID := make([]*typeIndex, len(c.p.types))
	for _, t := range c.p.types {
		byID[t.id] = t
	}
	for _, head := range c.p.plans {
		wants := map[int32]*touch{}
		want := func(ids []int32) []*touch {
			var l []*touch
			for _, id := range ids {
				if id < 0 { // a moment's, which is no event's
					continue
				}
				if wants[id] == nil {
					wants[id] = &touch{plan: head}
				}
				l = append(l, wants[id])
			}
			return l
		}
		for _, t := range want(head.enter.types) {
			t.enter = true
		}
		for _, j := range head.all() {
			c.inside(j, want)
		}
		for id, t := range wants {
			byID[id].wants.touches = append(byID[id].wants.touches, *t)
		}
	}
	for _, t := range byID {
		t.wants.finish()
	}
}

// inside tells types that enrollments of a plan want them.
func (c *compiler) inside(j *plan, want func([]int32) []*touch) {
	if j.goal != nil {
		for _, t := range want(j.goal.types) {
			t.goal, t.inside = true, true
		}
	}
	for i := range j.exits {
		for _, t := range want(j.exits[i].types) {
			t.inside = true
		}
	}
	for i := range j.nodes {
		for k := range j.nodes[i].await.events {
			for _, t := range want(j.nodes[i].await.events[k].types) {
				t.inside = true
			}
		}
	}
}

// finish makes what finds the touches that matter to an event.
func (x *interests) finish() {
	conditions := make([]*expr.Condition, len(x.touches))
	x.opens, x.states = make([]uint64, (len(x.touches)+63)/64), map[string]int32{}
	last := map[uint32]int32{}
	for i := range x.touches {
		t := &x.touches[i]
		x.ahead = append(x.ahead, int32(len(x.trails)))
		if t.inside {
			x.inside = append(x.inside, int32(i))
			x.states[t.plan.name] = int32(i)
		}
		if !t.enter {
			continue
		}
		conditions[i] = t.plan.enter.cond
		x.opens[i/64] |= 1 << (i % 64)
		n := int32(len(x.trails))
		apart := int32(0)
		if n > 0 {
			apart = x.apart[n-1]
		}
		if at, twice := last[t.plan.trail]; twice {
			apart = max(apart, at+1)
		}
		last[t.plan.trail] = n
		x.trails, x.apart = append(x.trails, t.plan.trail), append(x.apart, apart)
	}
	x.ahead = append(x.ahead, int32(len(x.trails)))
	x.sieve = expr.NewSieve(conditions)
}
