package engine

import (
	"fmt"
	"slices"
	"time"

	"wend/engine/journey"
	"wend/schemas"
	"wend/statestore"
)

// timers fires what is due in the shard's index, as far as the shard's clock has come.
//
// The clock is the latest wall-clock moment at which the shard had handled all of its partition. It stands still while
// the shard is behind, so a reminder never overtakes the purchase that cancels it.
//
// The naive way is to believe "caught up" while the newest fetch answer is young: whatever came to the partition since
// that answer, or lies in an answer that nobody has taken yet, is overtaken then, by as much as the process is slow. But
// each fetch answer says where the source ended at a moment after it was asked for (told). Once the shard has handled
// everything below that end, it had handled all that was there when it asked, and the clock may go to that moment. When
// a timer is due and no answer brings the clock there, because a poll waits for records that do not come, the source is
// asked where it ends (check). An owner that was suspended asks like any other.
//
// The index holds at least one entry at or before each customer's earliest due time, and the document is the truth:
// cancelling writes nothing, and firing looks again. Entries reach the index with their unit, so an insert may come to
// lie below the cursor of a scan that has gone on meanwhile: then the cursor goes back. And units that scanned over its
// place before it was there will still remove their range: whatever is inserted where a scan has been is kept in late,
// and put in again behind each such removal until the unit that looked at it is in the view itself. (Looked at is not
// enough: that unit may never be acknowledged, and then the entry must still be there.)
type timers struct {
	shard  *shard
	clock  int64 // ms; what is due at or before it may fire
	cursor statestore.Cursor
	far    statestore.Cursor // the farthest that the cursor has been
	late   []lateTimer       // inserted at or before far; the view has no unit yet that looked at them
	next   statestore.Timer  // the first entry behind the cursor, when known
	known  bool
	none   bool // known: there is no entry behind the cursor
	buf    []statestore.Timer

	asking  bool      // where the source ends
	asked   int64     // clock to which the answer leads, when position reaches end
	end     int64     // of the source when it was asked; -1: no answer waits
	askNext time.Time // not sooner
	fails   int       // in a row

	seen   time.Time     // of the last look at the wall clock
	skew   time.Duration // by how much the wall clock is not believed
	probe  bool          // the journal's time is asked for
	probed time.Time     // since then: units sealed before do not tell
}

// lateTimer is an entry that came into the index where a scan had been already.
type lateTimer struct {
	statestore.Timer
	looked uint64 // the unit that looked at it; 0: none yet
}

// open makes ready for a shard whose head says clock.
func (t *timers) open(clock int64) {
	c := &t.shard.claim
	*t = timers{shard: t.shard, clock: clock, end: -1, buf: t.buf}
	t.measure(c.sent, c.heard, c.stamped)
}

// wall is the wall clock in ms, as far as it is believed. A forward step is not believed until the time that the
// journal's broker stamps on a unit confirms it.
func (t *timers) wall() int64 {
	now := t.shard.now
	const noticed = 2 * time.Second
	switch step := now.Round(0).Sub(t.seen.Round(0)) - now.Sub(t.seen); {
	case withoutClock:
	case step > noticed:
		t.skew += step
		t.probe, t.probed = true, now
		t.shard.listener.ClockStep(t.shard.id, step)
	case step < -noticed && t.skew > 0: // it may be right again: who goes on to mistrust it fires late by the whole step
		t.skew = max(0, t.skew+step)
		t.probe, t.probed = true, now
	}
	t.seen = now
	return now.Add(-t.skew).UnixMilli()
}

// probing says whether a unit is wanted for its timestamp alone.
func (t *timers) probing() bool { return t.probe }

// confirmed hears the broker's time of appending a unit that was sealed at a time of ours; -1 where it does not tell.
func (t *timers) confirmed(sealed time.Time, appended int64) {
	if !t.probe || sealed.Before(t.probed) {
		return
	}
	t.probe = false
	t.measure(sealed, t.shard.now, appended)
}

// measure compares the wall clock with the time that the broker stamped on what was sent before and heard of after. The
// clock is ahead by something between the two differences: the larger one counts, so that nothing fires early, and where
// they lie far apart the next unit is to say it better. All of it is said of the clock as it stood at heard: it may have
// been set since it was sent, and the step from then to now would count twice.
func (t *timers) measure(sent, heard time.Time, stamped int64) {
	t.skew, t.seen = 0, heard
	if stamped <= 0 || withoutClock {
		return
	}
	most := heard.Sub(time.UnixMilli(stamped))
	least := most - heard.Sub(sent)
	slow := elapsed(sent, heard) > time.Second
	if least > clockTrust || slow && most > clockTrust {
		t.skew = most
		if slow {
			t.probe, t.probed = true, heard
		}
	}
}

// clockTrust is by how much a machine's clock may be ahead of the brokers' and yet be believed.
const clockTrust = 5 * time.Second

// advance moves the clock to when the source was asked, once all that was there then is handled.
func (t *timers) advance() {
	if t.end >= 0 && t.shard.position >= t.end {
		t.clock, t.end = max(t.clock, t.asked), -1
	}
}

// told hears where the source ended, and of a moment before its leader said so.
func (t *timers) told(asked time.Time, end int64) {
	if t.end >= 0 || withoutAsk { // an earlier end is reached sooner
		return
	}
	now := t.shard.now
	moment := t.wall() - 1 - (elapsed(asked, now) + time.Millisecond - 1).Milliseconds()
	if moment <= t.clock {
		return
	}
	t.asked, t.end = moment, end
	t.askNext = now.Add(askInterval) // the next answer may be on its way
	t.advance()
}

// askInterval is the least time between two questions where the source ends. What becomes due meanwhile waits: at 20 ms that
// was most of a timer's lateness where some twenty a second are due in a shard.
const askInterval = 5 * time.Millisecond

// ask has the source say where it ends, on the way to moving the clock to a moment that is just over.
func (t *timers) ask(moment int64) {
	s, life := t.shard, t.shard.life
	if t.asking || t.end >= 0 || s.now.Before(t.askNext) {
		return
	}
	if withoutAsk {
		t.clock = max(t.clock, moment)
		return
	}
	t.asking = true
	t.askNext = s.now.Add(askInterval)
	s.env.check(func(end int64, err error) {
		if s.life != life || s.phase != phaseRunning {
			return
		}
		t.asking = false
		if err != nil {
			t.fails++
			t.askNext = s.now.Add(backoff(t.fails))
			s.listener.Retry(s.id, s.source, "check", err, t.fails)
			return
		}
		t.fails, t.asked, t.end = 0, moment, end
		t.advance()
	})
}

// first gives the earliest due time, of the index or on its way there.
func (t *timers) first() (due int64, ok bool) {
	s := t.shard
	if !t.known {
		next, any, err := s.view.NextTimer(t.cursor)
		if err != nil {
			s.fail(err)
			return 0, false
		}
		t.next, t.none, t.known = next, !any, true
	}
	due = min(s.heldDue, s.unsettledDue)
	if !t.none {
		due = min(due, t.next.Due)
	}
	return due, due != schemas.Never
}

// timerRetry is after how many ms timers whose effect could not be journaled are tried again.
const timerRetry = 3_600_000

// firePortion is how many customers' timers fire between two looks at events.
const firePortion = 256

// fire lets what is due happen, a portion; true: there is more.
func (t *timers) fire() bool {
	s := t.shard
	wall := t.wall()
	t.advance()
	first, ok := t.first()
	if !ok || first >= wall || s.full() { // the present millisecond is not over: an event of it would come first
		return false
	}
	limit := min(firePortion, t.room())
	if limit <= 0 {
		return false
	}
	if first > t.clock {
		t.ask(wall - 1)
		return false
	}
	if len(s.unsettled) > 0 { // the index lacks their timers
		s.draining = true
		return false
	}
	if s.heldDue <= t.clock && !s.drained() { // here too
		return false
	}
	due, err := s.view.Timers(t.cursor, t.clock, limit, t.buf[:0])
	if err != nil {
		s.fail(err)
		return false
	}
	t.buf = due
	t.known = false
	for _, d := range due {
		if s.full() {
			return false
		}
		if err := t.look(d); err != nil {
			s.fail(err)
			return false
		}
		t.cursor = d
		if after(d, t.far) {
			t.far = d
		}
		s.open.fired, s.open.anyFired = d, true
		s.open.fires++
	}
	return len(due) == limit
}

// room is how many customers' timers may still fire in the open unit. Millions that are due at once fire in small units
// between the events, whose actions would otherwise queue behind theirs: in the unit, and on the way to the topic, so that
// none fire while the actions of a unit or so are on that way.
func (t *timers) room() int {
	s := t.shard
	if s.pub.crowded(s.limits.onTheWay) {
		return 0
	}
	return s.limits.fires - s.open.fires
}

// look fires what is due for the customer of an index entry, if anything is.
func (t *timers) look(d statestore.Timer) error {
	s := t.shard
	for i := range t.late {
		if t.late[i].Timer == d {
			t.late[i].looked = s.open.number
		}
	}
	e, doc, err := s.load(d.Customer)
	if err != nil {
		return err
	}
	due, err := s.nextDue(e.customer, doc)
	if err != nil {
		return err
	}
	if due <= t.clock {
		s.open.lateness = max(s.open.lateness, time.Duration(s.now.UnixMilli()-due)*time.Millisecond)
		if err := s.step(e, doc, journey.Input{Until: t.clock, Since: s.arming.since}); err != nil {
			return err
		}
		e.indexed, e.stepped = schemas.Never, nil // this entry goes
		reason, err := s.decided(e, doc, 0)
		if err != nil {
			return err
		}
		if reason != "" { // it cannot be dead-lettered: there is no record. The customer's timers wait.
			again := statestore.Timer{Due: t.clock + timerRetry, Customer: e.customer}
			s.open.timers = append(s.open.timers, again)
			s.listener.DeadLetter(s.id, s.source.Topic, s.source.Partition, -1, fmt.Sprintf("timers of customer %q: %s", e.customer, reason))
		}
		return nil
	}
	if due != schemas.Never {
		e.indexed = due
		s.open.timers = append(s.open.timers, statestore.Timer{Due: due, Customer: e.customer})
	} else {
		e.indexed = schemas.Never
	}
	return nil
}

// applying puts the unit's part of the index into b and takes account of what that does to the scan.
func (t *timers) applying(u *unit, b viewBatch) {
	if u.anyFired {
		b.RemoveTimersThrough(u.fired)
		for _, d := range t.late {
			if d.looked != u.number && !after(d.Timer, u.fired) {
				b.PutTimer(d.Due, d.Customer)
			}
		}
	}
	t.late = slices.DeleteFunc(t.late, func(d lateTimer) bool { return d.looked != 0 && d.looked <= u.number })
	for _, d := range u.timers {
		t.insert(d, b)
	}
}

func (t *timers) insert(d statestore.Timer, b viewBatch) {
	b.PutTimer(d.Due, d.Customer)
	if !after(d, t.far) {
		t.late = append(t.late, lateTimer{Timer: d})
	}
	if !after(d, t.cursor) && !withoutCursor {
		t.cursor = statestore.Cursor{Due: d.Due} // before every customer of that time
		t.known = false
		return
	}
	if t.known && (t.none || after(t.next, d)) {
		t.next, t.none = d, false
	}
}

// after says whether a comes behind b in the index.
func after(a, b statestore.Cursor) bool {
	return a.Due > b.Due || a.Due == b.Due && a.Customer > b.Customer
}

// wake is when there is something to do here; zero: only an answer or an event can bring that.
func (t *timers) wake() time.Time {
	s := t.shard
	first, ok := t.first()
	if !ok || s.full() || t.asking || t.end >= 0 {
		return time.Time{}
	}
	if t.room() <= 0 { // until an answer makes some
		return s.now.Add(slowAnswer)
	}
	if first <= t.clock {
		return s.now
	}
	in := time.Duration(first+1-s.now.UnixMilli())*time.Millisecond + t.skew
	if in > time.Hour || in < -time.Hour { // far away, or the clock is not believed: look again then
		in = min(max(in, 0), time.Hour)
	}
	at := s.now.Add(max(in, time.Millisecond))
	if at.Before(t.askNext) {
		return t.askNext
	}
	return at
}
