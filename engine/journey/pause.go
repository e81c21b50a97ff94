package journey

import "wend/schemas"

// A paused journey decides nothing of its own accord: its entries are refused, and what would lead enrollments on from their
// waits and awaits, or deferred sends past the quiet hours, is held until it is resumed. What the customer does goes on to
// count: goals and exits, with what they do, windows, and also the first event that fits an await, which leads on from it at
// the resumption, as if the deadline that came behind it had not; one that came behind the deadline is too late, as ever.
//
// Nothing is written down for it but that event (Enrollment.Held). A held timer is one that fires later than it is due, and
// how much later is a function of the journey's status: so a document need not be looked at when a journey is paused or
// resumed.

// paused says that a journey is, by any of its versions.
func (p *Program) paused(j *plan) bool { return p.status[j.rank].Paused }

// firing says when a timer of an enrollment fires, that is due at due and was armed at armed, and how much later that is
// than its due time; Never: it is held. j is the head.
func (p *Program) firing(j *plan, customer string, due, armed int64) (at, held int64) {
	status := &p.status[j.rank]
	switch {
	case due == schemas.Never || status.Paused:
		return schemas.Never, 0
	case status.Resumed == 0 || armed >= status.Resumed:
		return due, 0
	}
	at = status.Resumed
	if status.Spread > 0 {
		at = later(at, int64(draw(j.name, resumeDraw, customer)%uint64(status.Spread)))
	}
	if due >= at {
		return due, 0
	}
	return at, at - due
}

// over says whether an enrollment's await is decided, though it stands there still because it is held.
func (s *stepper) over(en *schemas.Enrollment) bool { return len(en.Held) > 0 || en.Due < s.doc.Time }

// hold keeps the event in hand, or what turned, that would lead an enrollment on from its await.
func (s *stepper) hold(j *plan, en *schemas.Enrollment, at int32, index int) {
	n := &j.nodes[at]
	h := schemas.Early{Step: n.id, Index: index}
	detail := "until holds"
	if s.inHand {
		h.Cause, h.Event = s.causeOf(), s.keepFields(&j.eventFields)
		detail = h.Cause.Type
	}
	en.Held, en.Due = append(en.Held[:0], h), s.doc.Time
	s.traceStep(DecidedHeld, j, en, at, n, int32(index), detail)
}

// unhold gives where the event leads that was held, and makes it `event` and `cause`.
func (s *stepper) unhold(j *plan, en *schemas.Enrollment, at int32) (to int32, ok bool) {
	if len(en.Held) == 0 {
		return end, false
	}
	h := en.Held[0]
	en.Held = nil
	n := &j.nodes[at]
	switch {
	case n.op != opAwait || h.Step != n.id || h.Index < 0 || h.Index >= n.await.ways():
		return end, false
	case n.await.until != nil:
		to = n.await.do
	default:
		en.Cause, en.Event = h.Cause, h.Event
		to = n.await.events[h.Index].do
	}
	s.traceStep(DecidedMoved, j, en, at, n, int32(h.Index), "it came while the journey was paused")
	return to, true
}
