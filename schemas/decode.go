package schemas

import (
	"errors"
	"fmt"
)

// The least bytes that an entry of each kind can take: what bounds how many the decoder makes room for.
const (
	leastState      = 3 // map header, key, empty text
	leastSealed     = 5 // array header, empty text, bytes of a map
	leastEnrollment = 5 // map header of 3, key, number
	leastEntry      = 1 // an empty array
)

// DecodeDocument reads what Append wrote, of this release or another of the same format. The document shares no memory
// with b. Bytes that are no document are an error, which says where; nothing is then returned.
func DecodeDocument(b []byte) (*Document, error) {
	d := NewDocument()
	if err := d.read(b, &reader{b: b, pos: 1, mem: new(memory)}); err != nil {
		return nil, err
	}
	if err := d.Journeys.openAll(); err != nil {
		return nil, err
	}
	return d, nil
}

// read fills an empty document from b, of which r stands behind the format.
func (d *Document) read(b []byte, r *reader) error {
	if len(b) == 0 {
		return errors.New("read document: it has no bytes")
	}
	if b[0] < documentFormat1 || b[0] > documentFormatApart {
		return fmt.Errorf("read document: it is of format %d, and this release reads formats up to %d: another release of Wend wrote it",
			b[0], documentFormatApart)
	}
	for range r.mapping(2) {
		switch r.uint() {
		case keyDocTime:
			d.Time = r.int()
		case keyDocRecent:
			if err := d.Recent.set(r.bin(), r.mem.recent); err != nil && r.err == nil {
				r.fail(err.Error())
			}
		case keyDocApart:
			n := r.uint()
			if n >= recentLimit && r.err == nil {
				r.fail("too many event ids apart")
			}
			d.Recent.before = int(min(n, recentLimit))
		case keyDocTrail:
			if err := d.Trail.set(r.bin(), r.mem.trail); err != nil && r.err == nil {
				r.fail(err.Error())
			}
		case keyDocProfile:
			d.Profile = r.fields()
		case keyDocJourneys:
			d.Journeys = r.states1()
		case keyDocStates:
			d.Journeys = r.states()
		case keyDocTallies:
			d.Tallies = r.tallies()
		case keyDocSeries:
			d.Series = r.series()
		case keyDocScores:
			d.Scores = r.scores()
		case keyDocLooks:
			d.Looks = r.looks()
		case keyDocKnown:
			d.Known = r.uint()
		case keyDocArmed:
			d.Armed = r.uint()
		default:
			r.skip(0)
		}
		if r.err != nil {
			break
		}
	}
	if r.err == nil && r.pos < len(b) {
		r.fail("bytes behind the document")
	}
	if r.err != nil {
		return fmt.Errorf("read document: %w", r.err)
	}
	return nil
}

// states1 reads the states of a document of format 1.
func (r *reader) states1() States {
	list := r.mem.journeys.takeRoom(r.array(leastState), 1)
	for i := range list {
		r.state(&list[i])
		if i > 0 && list[i-1].Journey >= list[i].Journey {
			r.fail("journeys out of order")
		}
		if r.err != nil {
			return States{}
		}
	}
	return States{list: list}
}

func (r *reader) state(s *JourneyState) {
	for range r.mapping(2) {
		switch r.uint() {
		case keyStateJourney:
			s.Journey = r.string()
		case keyStateEntries:
			s.Entries = r.uint()
		case keyStateEntered:
			s.Entered = r.mem.entered.take(r.array(leastEntry))
			for i := range s.Entered {
				n := r.array(1)
				s.Entered[i].At = r.intOf(n, 0)
				s.Entered[i].Key = r.stringOf(n, 1)
				r.rest(n, 2)
			}
		case keyStateCounts:
			s.Counts = r.counts()
		case keyStateRunning:
			s.Running = r.enrollments()
		case keyStateEnded:
			s.Ended = r.enrollments()
		case keyStateTimers:
			s.Timers = r.triggerTimers()
		default:
			r.skip(0)
		}
		if r.err != nil {
			return
		}
	}
}

func (r *reader) triggerTimers() []TriggerTimer {
	all := r.mem.timers.take(r.array(leastEntry))
	for i := range all {
		t := &all[i]
		n := r.array(1)
		t.Trigger = r.stringOf(n, 0)
		if n > 1 {
			t.Spec = uint32(r.uint())
		}
		t.Due, t.Of = r.intOf(n, 2), r.intOf(n, 3)
		if n > 4 {
			if m := r.array(1); m > 0 {
				t.Fired = r.mem.times.take(m)
				for j := range t.Fired {
					t.Fired[j] = r.int()
				}
			}
		}
		r.rest(n, 5)
		if r.err != nil {
			return nil
		}
	}
	return all
}

func (r *reader) enrollments() []Enrollment {
	all := r.mem.enrollments.take(r.array(leastEnrollment))
	for i := range all {
		if r.enrollment(&all[i]); r.err != nil {
			return nil
		}
	}
	return all
}

func (r *reader) enrollment(e *Enrollment) {
	e.Due = Never
	for range r.mapping(2) {
		switch r.uint() {
		case keyNumber:
			e.Number = r.uint()
		case keyVersion:
			e.Version = r.uint()
		case keyKey:
			e.Key = r.string()
		case keyEntered:
			e.Entered = r.int()
		case keyHoldout:
			e.Holdout = r.bool()
		case keyEnter:
			e.Enter = r.fields()
		case keyEnterCause:
			e.EnterCause = r.cause()
		case keyEvent:
			e.Event = r.fields()
		case keyCause:
			e.Cause = r.cause()
		case keyStep:
			e.Step = r.string()
		case keyArrived:
			e.Arrived = r.int()
		case keyDue:
			e.Due = r.int()
		case keyResets:
			e.Resets = int(r.int())
		case keyArmed:
			e.Armed = r.uint()
		case keyEarly:
			e.Early = r.early()
		case keyHeld:
			e.Held = r.early()
		case keyMoved:
			e.Moved = r.mem.texts.take(r.array(1))
			for i := range e.Moved {
				e.Moved[i] = r.string()
			}
		case keyVisits:
			e.Visits = r.visits()
		case keyRounds:
			e.Rounds = r.visits()
		case keySent:
			e.Sent = r.mem.sent.take(r.array(leastEntry))
			for i := range e.Sent {
				n := r.array(1)
				e.Sent[i].ID = r.stringOf(n, 0)
				e.Sent[i].ActionID = r.stringOf(n, 1)
				e.Sent[i].At = r.intOf(n, 2)
				if n > 3 {
					e.Sent[i].Before = r.times()
				}
				r.rest(n, 4)
			}
		case keyVariant:
			e.Variant = r.variants()
		case keyCounts:
			e.Counts = r.counts()
		case keyExpires:
			e.Expires = r.int()
		case keyDeferred:
			e.Deferred = r.deferred()
		case keySince:
			e.Since = r.since()
		default:
			r.skip(0)
		}
		if r.err != nil {
			return
		}
	}
}

func (r *reader) early() []Early {
	all := r.mem.early.take(r.array(leastEntry))
	for i := range all {
		n := r.array(1)
		all[i].Step = r.stringOf(n, 0)
		all[i].Index = int(r.intOf(n, 1))
		if n > 2 {
			all[i].Cause = r.cause()
		}
		if n > 3 {
			all[i].Event = r.fields()
		}
		r.rest(n, 4)
	}
	return all
}

func (r *reader) visits() []Visit {
	all := r.mem.visits.take(r.array(leastEntry))
	for i := range all {
		n := r.array(1)
		all[i].Step = r.stringOf(n, 0)
		if n > 1 {
			all[i].Count = r.uint()
		}
		r.rest(n, 2)
	}
	return all
}

func (r *reader) cause() (c Cause) {
	n := r.array(1)
	c.Time = r.intOf(n, 0)
	c.Type = r.stringOf(n, 1)
	c.EventID = r.stringOf(n, 2)
	r.rest(n, 3)
	return c
}

func (r *reader) counts() []Count {
	all := r.mem.counts.takeRoom(r.array(leastEntry), 1)
	for i := range all {
		x := &all[i]
		n := r.array(1)
		x.Trigger = r.stringOf(n, 0)
		x.Key = r.stringOf(n, 1)
		if n > 2 {
			x.Times = r.times()
		}
		r.rest(n, 3)
		if r.err != nil {
			return nil
		}
	}
	return all
}

func (r *reader) times() []int64 {
	n := r.array(1)
	if n == 0 {
		return nil
	}
	times := r.mem.times.takeRoom(n, 1)
	last := int64(0)
	for i := range times {
		last += r.int()
		times[i] = last
	}
	return times
}

func (r *reader) tallies() []Tally {
	all := r.mem.tallies.take(r.array(leastEntry))
	for i := range all {
		n := r.array(1)
		all[i].Channel = r.stringOf(n, 0)
		if n > 1 {
			all[i].Times = r.times()
		}
		r.rest(n, 2)
		if i > 0 && all[i-1].Channel >= all[i].Channel {
			r.fail("channels out of order")
		}
		if r.err != nil {
			return nil
		}
	}
	return all
}

func (r *reader) variants() []Variant {
	n := r.array(leastEntry)
	if n == 0 {
		return nil
	}
	all := r.mem.variants.take(n)
	for i := range all {
		n := r.array(1)
		all[i].Split = r.stringOf(n, 0)
		all[i].Arm = r.stringOf(n, 1)
		r.rest(n, 2)
	}
	return all
}

func (r *reader) deferred() []Deferred {
	all := r.mem.deferred.take(r.array(leastEntry))
	for i := range all {
		x := &all[i]
		n := r.array(1)
		x.Step = r.stringOf(n, 0)
		x.ActionID = r.stringOf(n, 1)
		x.Channel = r.stringOf(n, 2)
		x.Template = r.stringOf(n, 3)
		if n > 4 {
			x.Params = r.fields()
		}
		if n > 5 {
			x.Variant = r.variants()
		}
		if n > 6 {
			x.Cause = r.cause()
		}
		x.Reached = r.intOf(n, 7)
		x.Armed = r.intOf(n, 8)
		x.Due = r.intOf(n, 9)
		x.Expire = r.intOf(n, 10)
		if n > 11 {
			x.Kept = r.bool()
		}
		r.rest(n, 12)
		if r.err != nil {
			return nil
		}
	}
	return all
}

func (r *reader) fields() Fields {
	n := r.mapping(2)
	if n == 0 {
		return nil
	}
	f := Fields(r.mem.fields.take(n))
	for i := range f {
		f[i].Name = r.string()
		f[i].Value = r.value(0)
		// Look-ups go by halves: fields out of order would be there and not be found.
		if i > 0 && f[i-1].Name >= f[i].Name {
			r.fail("fields out of order")
		}
		if r.err != nil {
			return nil
		}
	}
	return f
}

// intOf and stringOf read element i of an array of n, zero where it is too short; rest passes over elements from i on.
func (r *reader) intOf(n, i int) int64 {
	if i < n {
		return r.int()
	}
	return 0
}

func (r *reader) stringOf(n, i int) string {
	if i < n {
		return r.string()
	}
	return ""
}

func (r *reader) rest(n, i int) {
	for ; i < n; i++ {
		r.skip(0)
	}
}
