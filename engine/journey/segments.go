package journey

import "wend/engine/journey/expr"

// segment is a compiled segment: a condition over the profile, scores, other segments and windows, with a name.
type segment struct {
	name  string
	place string
	cond  *expr.Condition
}

// Segment implements expr.State. What a segment is does not change while one expression is evaluated, and segments that
// use one another would otherwise be evaluated again and again.
func (s *stepper) Segment(i int) bool {
	if len(s.members) < len(s.p.segments) {
		s.members = make([]membership, len(s.p.segments))
	}
	m := &s.members[i]
	if m.moment == s.moments {
		return m.in
	}
	seg := &s.p.segments[i]
	outer := s.vars
	s.vars = expr.Vars{Profile: outer.Profile, State: s, Now: outer.Now, Zone: s.zoneOf(nil)}
	in, why := seg.cond.Eval(&s.vars)
	if s.out.Explaining {
		e := seg.cond.Explain(&s.vars)
		s.trace(Decision{Kind: DecidedJudged, Step: seg.place, Judged: &e, Detail: e.String()})
	}
	s.vars = outer
	s.failed(why, nil, nil, seg.place)
	m.in, m.moment = in, s.moments
	return in
}

// membership is whether the customer was in a segment when it was last asked.
type membership struct {
	in     bool
	moment uint64
}
