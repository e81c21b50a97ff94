package journey

import (
	"slices"
	"strconv"

	"wend/engine/journey/expr"
	"wend/schemas"
)

// Repeats. The body of a repeat leads to a node of its own, opAgain, which looks whether another round follows. How
// many rounds were begun stands in the enrollment for as long as it is inside. A round usually takes time, but its waits
// may pass at once (`since: enter`, a time of day that it is already): so that nested repeats cannot run for ever, the
// rounds of one event or timer are bounded together with the events that it emits.

// repeatNode is a repeat, as it stands in its own node and in the one behind its body.
type repeatNode struct {
	step  int32 // the repeat's own node
	body  int32
	times uint64
	until *expr.Condition // nil: only times counts
	place string          // of until
}

// repeat lays out the body of a repeat that stands at at.
func (p *planner) repeat(s *Step, at, next int32) repeatNode {
	r := repeatNode{step: at, times: uint64(s.Repeat.Times), place: s.Place + ".repeat.until"}
	if s.Repeat.Until != nil {
		r.until = p.condition(s.Repeat.Until, p.inside(), s.Repeat, true)
	}
	again := int32(len(p.plan.nodes))
	p.plan.nodes = append(p.plan.nodes, node{})
	p.loops = append(p.loops, again)
	outer := p.rounds
	p.rounds = min(outer*s.Repeat.Times, maxEarly)
	r.body = p.list(s.Repeat.Do, again)
	p.rounds = outer
	p.plan.nodes[again] = node{op: opAgain, id: p.ids[s], place: s.Place, pos: s.Pos, next: next, repeat: r}
	return r
}

// checkRepeats finds the repeats through whose bodies a way leads without a wait or await.
func (p *planner) checkRepeats() {
	for _, again := range p.loops {
		body := p.plan.nodes[again].repeat.body
		passes := func(stops func(*node) bool) bool {
			reached := make([]bool, len(p.plan.nodes))
			p.flood(body, reached, stops)
			return reached[again]
		}
		at := p.plan.nodes[again].pos
		switch {
		case passes(func(n *node) bool { return n.op == opWait || n.op == opAwait }):
			p.c.problems.Errorf(at, "a way through this repeat has no wait and no await: give each round one")
		case passes(func(n *node) bool { return n.op == opWait && n.wait.takesTime() || n.op == opAwait }):
			p.c.problems.Warnf(at, "rounds of this repeat may pass at once, one after another: a wait in it that is due when it is reached takes no time; `for` beside it says how long a round takes at least, like {for: 1h, at: \"09:00\"}")
		}
	}
}

// begin enters a repeat: its first round.
func (s *stepper) begin(en *schemas.Enrollment, n *node) int32 {
	setRounds(en, n.id, 1)
	return n.repeat.body
}

// again goes on behind the last step of a repeat's body: with the next round, or behind the repeat.
func (s *stepper) again(j *plan, en *schemas.Enrollment, n *node) int32 {
	r := &n.repeat
	begun := rounds(en, n.id)
	way, detail := int32(-1), ""
	holds := false
	if r.until != nil {
		holds, _ = s.holds(r.until, j, en, r.place)
	}
	switch {
	case holds:
		way, detail = 0, "until holds"
	case begun >= r.times:
		way, detail = 1, "times is used up"
	case s.emitted >= maxRound:
		s.out.Counters.Cut++
		s.traceStep(DecidedCut, j, en, r.step, n, 0, "more than 10000 rounds passed at once")
	default:
		s.emitted++
		setRounds(en, n.id, begun+1)
		if s.out.Tracing {
			s.traceStep(DecidedRound, j, en, r.step, n, 0, strconv.FormatUint(begun+1, 10)+" of "+strconv.FormatUint(r.times, 10))
		}
		return r.body
	}
	if way >= 0 {
		s.traceStep(DecidedArm, j, en, r.step, n, way, detail)
	}
	en.Rounds = slices.DeleteFunc(en.Rounds, func(v schemas.Visit) bool { return v.Step == n.id })
	return n.next
}

// rounds is how many rounds of a repeat were begun: one at least, for where it is asked the enrollment is inside, even
// if its document comes from a version without the repeat.
func rounds(en *schemas.Enrollment, step string) uint64 {
	for i := range en.Rounds {
		if en.Rounds[i].Step == step {
			return max(en.Rounds[i].Count, 1)
		}
	}
	return 1
}

func setRounds(en *schemas.Enrollment, step string, count uint64) {
	for i := range en.Rounds {
		if en.Rounds[i].Step == step {
			en.Rounds[i].Count = count
			return
		}
	}
	en.Rounds = append(en.Rounds, schemas.Visit{Step: step, Count: count})
}
