package journey

import (
	"fmt"
	"sort"

	"wend/schemas/yamlfile"
)

// Coverage is what the tests of one journey reached of its steps and its branches: the arms of branch, split and choose,
// the events and the timeout of await, the two ends of a repeat that has `until`, the way out of a wait with `past`.
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
		c.arms[i] = make([]bool, len(branches(&j.nodes[i])))
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
	case DecidedTimer:
		if c.plan.nodes[d.node].op != opAwait {
			return // the only way on from a wait
		}
		fallthrough
	case DecidedArm, DecidedMoved:
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
		if n.op == opAgain {
			continue
		}
		add(c.nodes[i], n.pos, n.place)
		for k, b := range branches(n) {
			add(c.arms[i][k], b.Pos, b.Place)
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

// branches are the ways on from a node that tests should reach each, by Decision.arm.
func branches(n *node) (all []Missed) {
	switch n.op {
	case opAwait:
		if n.await.until != nil {
			all = append(all, Missed{n.pos, n.place + ".await.do"})
		}
		for i := range n.await.events {
			all = append(all, Missed{n.await.events[i].pos, fmt.Sprintf("%s.await.events[%d]", n.place, i)})
		}
		if !n.await.forever() {
			all = append(all, Missed{n.pos, n.place + ".await.timeout"})
		}
	case opWait:
		if n.wait.pastExit {
			all = append(all, Missed{n.pos, n.place + ".wait.past"})
		}
	case opRepeat:
		if n.repeat.until != nil {
			all = append(all, Missed{n.pos, n.place + ".repeat.until"}, Missed{n.pos, n.place + ".repeat.times"})
		}
	default:
		for i := range n.arms {
			all = append(all, Missed{n.arms[i].pos, n.arms[i].place})
		}
	}
	return all
}
