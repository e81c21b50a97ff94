package journey

import "wend/schemas"

// send decides an action, unless a policy stops it or puts it off. In the holdout it is withheld, whatever policies say
// of it, and everything else is as if it had left.
func (s *stepper) send(j *plan, en *schemas.Enrollment, n *node) {
	id := s.actionID(j, en, n.id, s.visit(en, n.id))
	var until int64
	if !en.Holdout {
		var by string
		by, until = s.stops(n.send.policy, n.send.transactional, j, en, n.id)
		if by != "" && until == 0 {
			s.stop(j, en, n.id, by, n.send.channel, n.send.template)
			return
		}
	}
	a := schemas.Action{
		ID: id, Journey: j.name, Version: en.Version, Step: n.id, Customer: s.customerIn(id, j.name),
		Channel: n.send.channel, Template: n.send.template, Variant: en.Variant, Cause: s.causeFor(en),
		DecidedAt: s.doc.Time, Transactional: n.send.transactional, Params: s.params(n.send.with, j, en, n.id),
	}
	if until != 0 {
		s.putOff(j, en, &a, n.send.expire, until)
		return
	}
	a.ExpiresAt = s.expiresAt(n.send.policy, s.doc.Time, n.send.expire)
	s.leaves(j, en, n.send.policy, &a)
}

// leaves lets an action go, or withholds it.
func (s *stepper) leaves(j *plan, en *schemas.Enrollment, c *channelPolicy, a *schemas.Action) {
	if j.keepSent[a.Step] {
		noteSent(en, schemas.Sent{ID: a.Step, ActionID: a.ID, At: s.doc.Time})
	}
	kind := DecidedSent
	if en.Holdout {
		kind = DecidedWithheld
		s.out.Counters.Withheld++
		s.note(j, trailWithheld, trailDetail(a.Step, ""))
	} else {
		s.out.Counters.Sent++
		s.out.Actions = append(s.out.Actions, *a)
		if !a.Transactional {
			s.count(c)
		}
	}
	if s.out.Tracing {
		d := s.about(kind, j, en, a.Step)
		d.Cause, d.Detail = a.Cause, a.Channel+" "+a.Template
		d.Action = new(schemas.Action)
		*d.Action = *a
		s.trace(d)
	}
}

// stop says that a send does not leave.
func (s *stepper) stop(j *plan, en *schemas.Enrollment, step, by, channel, template string) {
	s.out.Counters.Stopped++
	s.note(j, trailStopped, trailDetail(step, by))
	if s.out.Tracing {
		d := s.about(DecidedStopped, j, en, step)
		d.Reason, d.Detail = by, channel+" "+template
		s.trace(d)
	}
}

// customerIn is the customer id as a part of the action id where it stands there unescaped, so that it need not be
// copied once more.
func (s *stepper) customerIn(actionID, journey string) string {
	from, to := len(journey)+1, len(journey)+1+len(s.customer)
	if to < len(actionID) && actionID[from:to] == s.customer {
		return actionID[from:to]
	}
	return s.text(s.customer)
}

func noteSent(en *schemas.Enrollment, sent schemas.Sent) {
	for i := range en.Sent {
		if en.Sent[i].ID == sent.ID {
			sent.Before = keepBefore(&en.Sent[i])
			en.Sent[i] = sent
			return
		}
	}
	en.Sent = append(en.Sent, sent)
}
