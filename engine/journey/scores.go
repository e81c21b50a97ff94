package journey

import (
	"slices"

	"wend/engine/journey/expr"
	"wend/schemas"
)

// score is a compiled score. A customer of whom nothing counted has 0.
type score struct {
	name   string
	whole  bool
	min    float64
	hasMin bool
	after  int64 // ms; 0: no idle
	idle   float64
	watch  watchers
}

// scoreAdd is what an event type adds to a score.
type scoreAdd struct {
	score  *score
	place  string
	cond   *expr.Condition
	points float64
}

// maxScore is where a score stops, up and down: beyond it whole numbers would not be exact.
const maxScore = 1 << 53

func findScore(list []schemas.ScoreState, name string) (int, bool) {
	for i := range list {
		if list[i].Name >= name {
			return i, list[i].Name == name
		}
	}
	return len(list), false
}

// addScore does the last part of point 3 with one rule.
func (s *stepper) addScore(a *scoreAdd) {
	if ok, _ := s.holds(a.cond, nil, nil, a.place); !ok {
		return
	}
	at, found := findScore(s.doc.Scores, a.score.name)
	if !found {
		s.doc.Scores = slices.Insert(s.doc.Scores, at, schemas.ScoreState{Name: a.score.name, Due: schemas.Never})
	}
	x := &s.doc.Scores[at]
	armed := a.score.armed(x)
	was := x.Value
	x.Value = max(-maxScore, min(x.Value+a.points, maxScore))
	if a.score.hasMin {
		x.Value = max(x.Value, a.score.min)
	}
	if a.score.after > 0 {
		// An older event never moves the timer back. One that stopped begins anew with the event that lifts the score.
		if due := later(s.ev.Time, a.score.after); !armed || due > x.Due {
			x.Due = due
		}
	}
	if x.Value != was || !found {
		s.scored(a.score, x)
	}
}

// armed says whether idle takes from the score next at its Due.
func (c *score) armed(x *schemas.ScoreState) bool {
	return c.after > 0 && x.Due != schemas.Never && x.Value > c.min
}

// scored is a change of a score.
func (s *stepper) scored(c *score, x *schemas.ScoreState) {
	s.touched(c.watch)
	if s.out.Tracing {
		v := any(x.Value)
		if c.whole {
			v = int64(x.Value)
		}
		s.trace(Decision{Kind: DecidedScore, Detail: c.name + " = " + string(schemas.AppendJSON(nil, v))})
	}
}

// scoreTimer finds the score that loses points first. at is its place in the document; those of one instant go by name.
func scoreTimer(p *Program, doc owner, first timer) timer {
	if !p.idles {
		return first
	}
	for i := range doc.Scores {
		x := &doc.Scores[i]
		if x.Due > first.due {
			continue
		}
		c := p.scoreNamed(x.Name)
		if c == nil || !c.armed(x) {
			continue
		}
		if t := (timer{due: x.Due, rank: profileRank, at: i}); t.before(&first) {
			first = t
		}
	}
	return first
}

func (p *Program) scoreNamed(name string) *score {
	for i := range p.scores {
		if p.scores[i].name == name {
			return &p.scores[i]
		}
	}
	return nil
}

// fireScore takes from a score what its idle says, and arms the timer again while there is something to take.
func (s *stepper) fireScore(t timer) {
	x := &s.doc.Scores[t.at]
	c := s.p.scoreNamed(x.Name)
	x.Value = max(c.min, x.Value+c.idle)
	x.Due = later(x.Due, c.after)
	s.scored(c, x)
}

// Score implements expr.State.
func (s *stepper) Score(i int) float64 {
	if at, found := findScore(s.doc.Scores, s.p.scores[i].name); found {
		return s.doc.Scores[at].Value
	}
	return 0
}
