// Package graph draws a journey as a flow chart: for people who read it, and for the console. It knows the tree of a
// journey, never a customer.
package graph

import (
	"wend/engine/journey"
)

// Kind is what a node stands for; drawings give each a look of its own.
type Kind uint8

const (
	Enter  Kind = iota
	Goal        // the goal, looked at whenever enrolled
	Leave       // an exit trigger, looked at whenever enrolled
	Wait        // wait, await
	Choice      // branch, split, choose
	Send        // an action
	Change      // set, tag, untag, emit
	Repeat      // the head of a loop
	End         // the enrollment ends
)

var kindNames = [...]string{"enter", "goal", "leave", "wait", "choice", "send", "change", "repeat", "done"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

// Node is a box of the chart.
type Node struct {
	Kind  Kind
	Step  string   // the step's id, as in actions and traces; "" where the box is no step
	Lines []string // what it says; the first is its heading
}

// Edge leads from one node to another, by index in Graph.Nodes.
type Edge struct {
	From, To int
	Label    string // "" where there is only one way
	Back     bool   // to where the flow was before: the next round, a deadline that starts anew
}

// Graph is the flow chart of one journey. It is immutable once Of has made it.
type Graph struct {
	Journey     string
	Description string
	Nodes       []Node
	Edges       []Edge

	chains []block // the way from the entry, then one for the goal and for each exit
}

// The chart keeps the shape of the text: lists of steps, of which some hold lists. So it can be laid out without
// crossing lines.
type (
	block []item
	item  struct {
		node int
		arms []arm // the ways out of a node that has several
		loop block // of a Repeat
		ends bool  // nothing follows the node itself
	}
	arm struct {
		label string
		body  block
		back  bool // leads back to its own node
	}
	// port is an end of a block that is still to be connected.
	port struct {
		from  int
		label string
	}
)

// Of draws a journey.
func Of(j *journey.Journey) *Graph {
	b := &builder{g: &Graph{Journey: j.Name.Value, Description: j.Description}}
	main := block{b.enter(j)}
	main = append(main, b.steps(j.Steps)...)
	if !main.ends() {
		main = append(main, b.end("completed"))
	}
	b.chain(main)
	if j.Goal != nil {
		b.chain(b.trigger(Goal, "goal", j.Goal, "the goal is reached"))
	}
	for _, x := range j.Exits {
		reason := "leaves"
		if x.Reason != nil {
			reason = "leaves: " + x.Reason.Value
		}
		b.chain(b.trigger(Leave, "exit", x, reason))
	}
	return b.g
}

// builder makes nodes while it walks the tree.
type builder struct{ g *Graph }

func (b *builder) node(n Node) int {
	b.g.Nodes = append(b.g.Nodes, n)
	return len(b.g.Nodes) - 1
}

func (b *builder) end(text string) item {
	return item{node: b.node(Node{Kind: End, Lines: []string{text}}), ends: true}
}

func (b *builder) chain(c block) {
	b.g.chains = append(b.g.chains, c)
	b.connect(c, nil)
}

// trigger is the chain of a goal or an exit: its condition, its steps, its end.
func (b *builder) trigger(k Kind, heading string, t *journey.Trigger, last string) block {
	c := block{{node: b.node(Node{Kind: k, Lines: append([]string{heading}, triggerLines(t)...)})}}
	c = append(c, b.steps(t.Do)...)
	if !c.ends() {
		c = append(c, b.end(last))
	}
	return c
}

// connect draws the edges of a block that in leads to, and returns what leads out of it.
func (b *builder) connect(list block, in []port) []port {
	for i := range list {
		it := &list[i]
		for _, p := range in {
			b.g.Edges = append(b.g.Edges, Edge{From: p.from, To: it.node, Label: p.label})
		}
		in = nil
		switch {
		case it.loop != nil:
			in = b.connect(it.loop, []port{{from: it.node}})
			for _, p := range in {
				b.g.Edges = append(b.g.Edges, Edge{From: p.from, To: it.node, Label: "again", Back: true})
			}
		case len(it.arms) > 0:
			for _, a := range it.arms {
				if a.back {
					b.g.Edges = append(b.g.Edges, Edge{From: it.node, To: it.node, Label: a.label, Back: true})
					continue
				}
				in = append(in, b.connect(a.body, []port{{it.node, a.label}})...)
			}
		case !it.ends:
			in = []port{{from: it.node}}
		}
	}
	return in
}

// ends says whether no way leads out of the block.
func (list block) ends() bool {
	if len(list) == 0 {
		return false
	}
	last := &list[len(list)-1]
	switch {
	case last.loop != nil:
		return last.loop.ends()
	case len(last.arms) > 0:
		for _, a := range last.arms {
			if !a.back && !a.body.ends() {
				return false
			}
		}
		return true
	}
	return last.ends
}
