package journey

import (
	"fmt"

	"wend/engine/journey/expr"
	"wend/schemas"
)

// choices compiles the ways of a choose.
func (p *planner) choices(s *Step, next int32) (arms []arm) {
	for i, c := range s.Choose {
		x := arm{place: fmt.Sprintf("%s.choose[%d]", s.Place, i), pos: c.Pos}
		if c.Name != nil {
			x.name = c.Name.Value
		}
		if c.If != nil {
			x.cond = p.condition(c.If, p.inside(), c, true)
		}
		if c.Score != nil {
			score, err := p.c.env.Number(c.Score.Value, p.inside())
			if err != nil {
				p.c.wrong(c.Score, err)
			} else {
				p.note(score.Reads(), c.Score.Value)
				x.score = score
			}
		}
		x.do = p.list(c.Do, next)
		arms = append(arms, x)
	}
	return arms
}

// choose takes the eligible way with the highest score, of several the first. Where no one is eligible the journey
// goes on behind it.
func (s *stepper) choose(j *plan, en *schemas.Enrollment, at int32, n *node) int32 {
	best, most := -1, any(nil)
	for i := range n.arms {
		a := &n.arms[i]
		if ok, _ := s.holds(a.cond, j, en, a.place); !ok {
			continue
		}
		score, ok := s.score(a, j, en)
		if ok && (best < 0 || expr.Less(most, score)) {
			best, most = i, score
		}
	}
	if best < 0 {
		return n.next
	}
	detail := n.arms[best].name
	if detail == "" {
		detail = n.arms[best].place
	}
	s.traceStep(DecidedArm, j, en, at, n, int32(best), detail)
	return n.arms[best].do
}

// score evaluates the score of a way. Where it fails the way is not eligible; that is counted and traced as with a
// condition.
func (s *stepper) score(a *arm, j *plan, en *schemas.Enrollment) (number any, ok bool) {
	if a.score == nil { // its file has a problem
		return nil, false
	}
	number, ok, why := a.score.Eval(s.bind(j, en))
	if !ok {
		s.failed(why, j, en, a.place)
	}
	return number, ok
}
