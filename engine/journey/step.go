package journey

import (
	"strconv"
	"time"

	"wend/engine/journey/expr"
	"wend/schemas"
)

// maxChain is how many emitted events may follow from one another; the next is cut.
const maxChain = 8

// maxRound is how many emitted events and rounds of repeats one event or timer may bring about. Chains are bounded in
// depth by the language, but journeys that answer one event with several can still make of one event what no commit
// could hold.
const maxRound = 10_000

// Step handles one input of a customer: it changes doc, which it must own for the time of the call, and appends what
// was decided to out. It is a function of its arguments: no clock, no chance, no other state. See the package comment
// for what the caller owes. It does not panic, whatever doc holds and in brings.
func (p *Program) Step(customer string, doc *schemas.Document, in Input, out *Effects) {
	s := &out.step
	s.p, s.out, s.doc, s.customer, s.since = p, out, doc, customer, in.Since
	out.Duplicate, out.More = false, false
	limit := in.Until
	if in.Event != nil {
		// What is due exactly then waits: at the same instant the event comes first.
		if limit = in.Event.Time; limit > schemas.NoTime {
			limit--
		}
	}
	if n := (len(p.looks) + 63) / 64; len(s.dirty) < n {
		s.dirty = make([]uint64, n)
	}
	behind := p.behind(doc)
	if behind {
		s.changeOver()
	}
	if doc.Armed != p.armed {
		s.arm()
	}
	if behind {
		s.changedOver()
		limit = max(limit, doc.Time) // what is due earlier than it was, and is past, comes before anything else
	}
	switch {
	case !s.fireDue(limit):
		out.More = true
	case in.Event != nil:
		s.event(in.Event)
		s.redate()
	}
	s.release()
}

// stepper is the state of one Step, and memory that the next uses again.
type stepper struct {
	p        *Program
	out      *Effects
	doc      *schemas.Document
	customer string
	since    []int64
	dated    bool // the profile changed where a date may be

	// The event in hand, if any: the input's or an emitted one.
	ev      *schemas.Event
	typ     *typeIndex
	cause   schemas.Cause // a copy of what names it, made when first needed
	known   bool          // cause is made
	depth   int           // emitted events on the way to it
	emitted int           // emitted events since the input or timer

	// What `event` and `enter` are for the enrollment in hand: the event itself while it moves (or opens) the
	// enrollment, or is offered to it; else what the enrollment kept.
	inHand   bool
	entering bool
	leaving  bool // the `do` of a goal or an exit runs

	// Looks at conditions.
	dirty   []uint64 // of Program.looks: those of which an input has changed
	stirred bool     // there is one
	turned  []int32  // those that have turned true, or hold, since the round before, in order
	news    []int32  // of these, those of the journey in hand
	holding []held
	members []membership // by segment
	moments uint64       // of members: one for each evaluation

	// Journeys that want the event, in the round in hand: a bit for each.
	matters []uint64 // they are to be looked at
	barred  []uint64 // the event does not open them
	refused refused

	queue    []schemas.Event // emitted, not handled yet
	scratch  scratch
	moment   schemas.Event // in hand where there is no event
	opened   schemas.Enrollment
	vars     expr.Vars
	bound    *schemas.Enrollment // whose expressions are evaluated
	offered  offered
	event_   kept
	enter_   kept
	zone     *time.Location // of zoneName
	zoneName string
	zoneTold bool // traced in this Step that the profile's is none
	names    []string
}

// release lets go of everything that is not the stepper's own.
func (s *stepper) release() {
	s.p, s.doc, s.customer, s.since, s.moment = nil, nil, "", nil, schemas.Event{}
	s.setEvent(nil, nil)
	s.offered = offered{}
	s.vars, s.bound = expr.Vars{}, nil
	s.event_, s.enter_ = kept{}, kept{}
	s.entering, s.zoneTold = false, false
}

func (s *stepper) setEvent(ev *schemas.Event, typ *typeIndex) {
	s.ev, s.typ = ev, typ
	s.known, s.cause = false, schemas.Cause{}
	s.offered.ev, s.offered.bare = ev, false
	s.inHand = ev != nil
}

// event does points 2 to 5 of "What happens to one event" with the input.
func (s *stepper) event(ev *schemas.Event) {
	doc := s.doc
	s.offered.ev, s.offered.bare = ev, false
	id := s.offered.eventID()
	if doc.Recent.Seen(id, doc.Time) {
		s.out.Duplicate = true
		s.out.Counters.Duplicates++
		if s.out.Tracing {
			s.trace(Decision{Kind: DecidedDuplicate, Cause: schemas.Cause{EventID: cloneString(id), Type: cloneString(ev.Type), Time: ev.Time}})
		}
		return
	}
	s.out.Changed = true
	s.out.Counters.Events++
	s.know()
	s.advance(ev.Time)
	first := doc.Recent.Len() == 0
	doc.Recent.Add(id, doc.Time)
	if first {
		for _, m := range s.p.moments {
			if m.kind == scheduleMoment && !m.inside {
				s.armSchedule(m, max(doc.Time, s.sinceOf(m)))
			}
		}
	}
	if len(s.p.silences) > 0 && !feedback(ev) {
		s.hear(s.p.silences, ev.Time)
	}
	s.emitted = 0
	s.handle(ev, 0)
}

// handle does points 3 to 5 with an event, the input's or an emitted one.
func (s *stepper) handle(ev *schemas.Event, depth int) {
	typ := s.p.types[ev.Type]
	if typ == nil {
		if !s.stirred {
			return
		}
		typ = &typeIndex{name: cloneString(ev.Type), id: -1} // nobody wants it, but time went on
	}
	s.setEvent(ev, typ)
	s.depth = depth
	first := len(s.queue)
	s.hear(typ.silences, ev.Time)
	s.record(typ)
	for _, u := range typ.updates {
		s.update(u)
	}
	for i := range typ.scores {
		s.addScore(&typ.scores[i])
	}
	s.look()
	if ev.Time < s.doc.Time {
		s.touched(typ.watch) // windows in which it was only while in hand
	}
	s.point4(&typ.wants)
	if len(s.queue) > first {
		s.drain(first, depth)
	}
}

// drain handles the emitted events from first on, each with its own before the next.
func (s *stepper) drain(first, depth int) {
	last := len(s.queue)
	for i := first; i < last; i++ {
		ev := s.queue[i]
		s.out.Counters.Emitted++
		s.handle(&ev, depth+1)
	}
	clear(s.queue[first:])
	s.queue = s.queue[:first]
	s.setEvent(nil, nil)
}

func removeEnrollment(list []schemas.Enrollment, i int) []schemas.Enrollment {
	copy(list[i:], list[i+1:])
	list[len(list)-1] = schemas.Enrollment{}
	return list[:len(list)-1]
}

// causeOf is the event in hand as a cause, with text of its own.
func (s *stepper) causeOf() schemas.Cause {
	if !s.known && s.ev != nil {
		s.cause = schemas.Cause{EventID: s.text(s.eventID()), Type: s.typ.name, Time: s.ev.Time}
		s.known = true
	}
	return s.cause
}

// eventID is the id of the event in hand: topic/partition/offset where the producer gave none.
func (s *stepper) eventID() string { return s.offered.eventID() }

// cloneString copies text out of an event's memory.
func cloneString(t string) string { return string(append([]byte(nil), t...)) }

// offered is the event in hand as expressions see it.
type offered struct {
	ev *schemas.Event
	id string         // made for an event without one, once:
	of *schemas.Event // this one

	bare bool // a moment, which has no more than a type and a time
}

func (o *offered) eventID() string {
	if o.ev.ID != "" || o.bare {
		return o.ev.ID
	}
	if o.of != o.ev {
		o.id, o.of = o.ev.EventID(), o.ev
	}
	return o.id
}

// Field gives the four fields that every event has under their own names, whatever the source calls them and in the
// form that Wend uses: ids as text, the time in milliseconds. So `event` reads the same while the event is in hand and
// when an enrollment has kept it.
func (o *offered) Field(name string) (any, bool) {
	if o.ev == nil {
		return nil, false
	}
	switch name {
	case "type":
		return o.ev.Type, true
	case "ts":
		return o.ev.Time, true
	case "event_id":
		return o.eventID(), !o.bare
	case "customer_id":
		return o.ev.Customer, !o.bare
	}
	if o.ev.Body == nil {
		return nil, false
	}
	return o.ev.Body.Field(name)
}

// Map gives all fields.
func (o *offered) Map() map[string]any {
	if o.ev == nil {
		return map[string]any{}
	}
	m := map[string]any{}
	if o.ev.Body != nil {
		for name, v := range o.ev.Body.Map() {
			m[name] = v
		}
	}
	m["type"], m["ts"] = o.ev.Type, o.ev.Time
	if !o.bare {
		m["event_id"], m["customer_id"] = o.eventID(), o.ev.Customer
	}
	return m
}

// kept is what an enrollment kept of an event.
type kept struct {
	cause    *schemas.Cause
	fields   schemas.Fields
	customer string
}

// Field gives a field as offered does.
func (k *kept) Field(name string) (any, bool) {
	if k.cause == nil {
		return nil, false
	}
	switch name {
	case "type":
		return k.cause.Type, true
	case "ts":
		return k.cause.Time, true
	case "event_id":
		return k.cause.EventID, k.cause.EventID != ""
	case "customer_id":
		return k.customer, k.cause.EventID != ""
	}
	return k.fields.Field(name)
}

// Map gives all fields.
func (k *kept) Map() map[string]any {
	m := k.fields.Map()
	if k.cause == nil {
		return m
	}
	m["type"], m["ts"] = k.cause.Type, k.cause.Time
	if k.cause.EventID != "" {
		m["event_id"], m["customer_id"] = k.cause.EventID, k.customer
	}
	return m
}

// keepFields copies the selected fields of the event in hand.
func (s *stepper) keepFields(k *keep) schemas.Fields {
	if s.ev == nil || s.ev.Body == nil {
		return nil
	}
	var kept schemas.Fields
	if k.all {
		m := s.ev.Body.Map()
		for name, v := range m {
			if !isCauseField(name) {
				kept = kept.Set(cloneString(name), schemas.CloneValue(v))
			}
		}
		return kept
	}
	for _, name := range k.names {
		if v, ok := s.ev.Body.Field(name); ok {
			if kept == nil {
				kept = make(schemas.Fields, 0, len(k.names))
			}
			kept = append(kept, schemas.Field{Name: name, Value: schemas.CloneValue(v)})
		}
	}
	return kept
}

// bind makes the variables of an evaluation for an enrollment of j; en is nil before there is one, j for an update of
// the profile.
func (s *stepper) bind(j *plan, en *schemas.Enrollment) *expr.Vars {
	v := &s.vars
	v.Profile, v.Now, v.Zone = s.doc.Profile, s.doc.Time, s.zoneOf(j)
	v.Event, v.Enter, v.Sent = nil, nil, nil
	v.State, s.bound = s, en
	s.moments++
	if s.inHand {
		v.Event = &s.offered
	}
	if en == nil {
		return v
	}
	v.Sent = en.Sent
	if !s.inHand {
		s.event_ = kept{&en.Cause, en.Event, s.customer}
		v.Event = &s.event_
	}
	if s.entering {
		v.Enter = &s.offered
	} else {
		s.enter_ = kept{&en.EnterCause, en.Enter, s.customer}
		v.Enter = &s.enter_
	}
	return v
}

// zoneOf is the customer's zone: the profile's, else the journey's, else that of policies.yaml, else UTC. Without a
// journey it is the one that caps and quiet hours go by.
func (s *stepper) zoneOf(j *plan) *time.Location {
	if v, ok := s.doc.Profile.Field("timezone"); ok {
		if name, _ := v.(string); name != "" {
			if name == s.zoneName {
				return s.zone
			}
			if zone, ok := expr.LoadZone(name); ok {
				s.zone, s.zoneName = zone, name
				return zone
			}
			if s.out.Tracing && !s.zoneTold {
				s.zoneTold = true
				s.trace(Decision{Kind: DecidedZone, Detail: strconv.Quote(name) + " is no time zone"})
			}
		}
	}
	if j != nil {
		return j.zone
	}
	return s.p.policies.zone
}

// holds evaluates a condition of an enrollment; none holds. A missing field is no failure and only traced.
func (s *stepper) holds(c *expr.Condition, j *plan, en *schemas.Enrollment, step string) (bool, expr.Why) {
	if c == nil {
		return true, expr.Why{}
	}
	ok, why := c.Eval(s.bind(j, en))
	if s.out.Explaining {
		s.judged(c, j, en, step)
	}
	s.failed(why, j, en, step)
	return ok, why
}

// failed counts and traces why a condition does not hold, or a score is none, where something kept it from a value.
func (s *stepper) failed(why expr.Why, j *plan, en *schemas.Enrollment, step string) {
	if why.Failed != "" {
		s.out.Counters.Failed++
	}
	if s.out.Tracing && why != (expr.Why{}) {
		d := Decision{Kind: DecidedFailed, Step: step}
		if j != nil {
			d = s.about(DecidedFailed, j, en, step)
		}
		d.Detail = whyText(why)
		s.trace(d)
	}
}

func whyText(w expr.Why) string {
	switch {
	case w.Failed != "":
		return w.Failed
	case w.Missing != "":
		return w.Missing + " is not there"
	}
	return ""
}

// about is a Decision on an enrollment of j, or on j alone.
func (s *stepper) about(kind DecisionKind, j *plan, en *schemas.Enrollment, step string) Decision {
	d := Decision{Kind: kind, Journey: j.name, Step: step, plan: j}
	if en != nil {
		d.Enrollment, d.Key = en.Number, en.Key
		d.Cause = en.Cause
	}
	if s.inHand {
		d.Cause = s.causeOf()
	}
	return d
}

func (s *stepper) trace(d Decision) {
	d.Time = s.doc.Time
	s.out.Decisions = append(s.out.Decisions, d)
}
