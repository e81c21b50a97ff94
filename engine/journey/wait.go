package journey

import (
	"wend/engine/journey/expr"
	"wend/engine/journey/localtime"
	"wend/schemas"
)

// waitNode says until when a wait lasts. When it is reached that is fixed.
type waitNode struct {
	length     int64 // ms
	sinceEnter bool
	at         *localtime.Clock
	on         localtime.Weekdays // 0: any
	until      *expr.Moment       // then the rest but pastExit is absent
	pastExit   bool
}

func (p *planner) wait(w *Wait) waitNode {
	n := waitNode{length: w.For, sinceEnter: w.SinceEnter, at: w.At, on: w.On, pastExit: w.PastExit}
	if w.Until != nil {
		x, err := p.c.env.Moment(w.Until.Value, p.inside())
		if err != nil {
			p.c.wrong(w.Until, err)
			return n
		}
		p.note(x.Reads(), w.Until.Value)
		n.until = x
	}
	return n
}

// takesTime says whether the wait never passes at once.
func (w *waitNode) takesTime() bool { return w.length > 0 && !w.sinceEnter }

// due is when the time of a wait that is reached now is up. What is at or before now passes at once.
func (s *stepper) due(j *plan, en *schemas.Enrollment, n *node) int64 {
	return s.dueFrom(j, en, n, s.doc.Time)
}

// dueFrom is due for one that was reached at another time.
func (s *stepper) dueFrom(j *plan, en *schemas.Enrollment, n *node, from int64) int64 {
	w := &n.wait
	if w.until != nil {
		vars := s.bind(j, en)
		vars.Now = from
		ms, ok, why := w.until.Eval(vars)
		if !ok {
			s.leftOut(j, en, n.id, "until", why)
			return schemas.NoTime
		}
		return ms
	}
	if w.sinceEnter {
		from = en.Entered
	}
	due := later(from, w.length)
	switch {
	case w.at != nil:
		days := w.on
		if days == 0 {
			days = localtime.EveryDay
		}
		return localtime.Next(due, *w.at, days, s.zoneOf(j))
	case w.on != 0:
		return localtime.NextDay(due, w.on, s.zoneOf(j))
	}
	return due
}
