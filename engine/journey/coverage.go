package journey

import (
	"fmt"
	"sort"

	"wend/schemas/yamlfile"
)

// Coverage is what the tests of one journey reached of its steps and its branches: the arms of branch and split, the
// events and the timeout of await.
type Coverage struct {
	Journey      string
	All, Reached int
	Missed       []Missed // what no test reached, in the order of the file
}

// Missed is a step or branch that no test reached.
type Missed struct {
	Pos   yamlfile.Pos
	Place string // steps[2].branch[1]
}

type coverage struct {
	plan  *plan
	nodes []bool
	arms  [][]bool
}

func newCoverage(j *plan) *coverage {
	c := &coverage{plan: j, nodes: make([]bool, len(j.nodes)), arms: make([][]bool, len(j.nodes))}
	for i := range j.nodes {
		n := &j.nodes[i]
		count := len(n.arms)
		if n.op == opAwait {
			count = n.await.ways()
			if !n.await.forever() {
				count++ // the timeout
			}
		}
		c.arms[i] = make([]bool, count)
	}
	return c
}

func (c *coverage) mark(d *Decision) {
	if d.plan != c.plan {
		return
	}
	switch d.Kind {
	case DecidedReached:
		c.nodes[d.node] = true
	case DecidedArm, DecidedMoved, DecidedTimer:
		if arms := c.arms[d.node]; int(d.arm) < len(arms) {
			arms[d.arm] = true
		}
	}
}

func (c *coverage) result() Coverage {
	out := Coverage{Journey: c.plan.name}
	add := func(reached bool, pos yamlfile.Pos, place string) {
		out.All++
		if reached {
			out.Reached++
		} else {
			out.Missed = append(out.Missed, Missed{pos, place})
		}
	}
	for i := range c.plan.nodes {
		n := &c.plan.nodes[i]
		add(c.nodes[i], n.pos, n.place)
		for k, reached := range c.arms[i] {
			switch {
			case n.op != opAwait:
				add(reached, n.arms[k].pos, n.arms[k].place)
			case k < n.await.ways() && n.await.until != nil:
				add(reached, n.pos, n.place+".await.do")
			case k < n.await.ways():
				add(reached, n.await.events[k].pos, fmt.Sprintf("%s.await.events[%d]", n.place, k))
			default:
				add(reached, n.pos, n.place+".await.timeout")
			}
		}
	}
	sort.SliceStable(out.Missed, func(i, k int) bool {
		a, b := out.Missed[i].Pos, out.Missed[k].Pos
		if a.Line != b.Line {
			return a.Line < b.Line
		}
		return a.Col < b.Col
	})
	return out
}
