package engine

import (
	"fmt"
	"slices"
	"time"

	"wend/connectors"
	"wend/schemas"
)

// orders is what a shard has of APP.control.
//
// Commands are inputs like events, and a shard obeys them in their order, each once: the head of the unit that obeys says
// so (Head.Control), as it says how far the source was handled. What a deploy or a pause writes is obeyed by changing over
// to what it makes together with all before it (release_shard.go). What a unit with commands does, nothing else is in it, and
// nothing is taken up before it is in the view: so a customer who comes back is a new one, whose traces no erasing meets.
//
// To erase takes longer than to forget: the view's files are written anew, and actions decided before are published, for
// they are decided, until no outbox record holds them. When that is over too, Head.Erased says it; `wend forget` waits for
// that. A successor finds Erased below Control, hears those commands again, and finishes without forgetting again.
type orders struct {
	running *running  // what holds below heard
	waiting []command // heard, not obeyed
	heard   int64     // everything below is obeyed or waits; -1: nothing was heard yet
	obeyed  int64     // next offset, as the open unit has it
	debts   []debt    // in order of upTo
	gone    []string  // customers whose traces are to leave the view's files
	short   shortage  // APP.control ends before obeyed
	tries   int       // in a row that found it so
	heedAt  time.Time // when to ask anew; zero: not at all
}

// debt is what must be over before everything below an offset of APP.control is erased.
type debt struct {
	upTo  int64
	files bool // the view's were written anew
	lanes []mark
}

// mark is a place in a lane: what lies below was decided before.
type mark struct {
	lane *lane
	next int64
}

// ordersAtOnce bounds the commands of a unit.
const ordersAtOnce = 1000

// heed begins to listen.
func (s *shard) heed() {
	o := &s.orders
	o.obeyed, o.heard, o.running = s.head.Control, -1, s.running
	life := s.life
	s.env.controlFrom(s.head.Erased, func(c commands) {
		if s.life == life && s.phase == phaseRunning {
			s.told(c)
		}
	})
}

// heedAgain asks for the commands anew when it is time, and says when it will be.
func (s *shard) heedAgain() (wake time.Time) {
	o := &s.orders
	if !o.heedAt.IsZero() && !s.now.Before(o.heedAt) {
		o.heedAt = time.Time{}
		s.heed()
	}
	return o.heedAt
}

// told hears commands.
func (s *shard) told(c commands) {
	o := &s.orders
	if c.next < o.obeyed {
		s.behindControl(c.next)
		return
	}
	if c.running != nil {
		if err := s.behindHead(c.running); err != nil {
			s.fail(err)
			return
		}
		o.running = c.running
	}
	o.short, o.tries, o.heedAt = shortage{}, 0, time.Time{}
	if o.heard < 0 && s.head.Erased < o.obeyed {
		s.finishErasing(c.list)
	}
	for _, x := range c.list {
		if x.offset >= max(o.heard, o.obeyed) {
			o.waiting = append(o.waiting, x)
		}
	}
	if o.heard = max(o.heard, c.next); s.current() {
		s.changeOver()
	}
}

// behindControl waits for the process to read what the head says was obeyed; a topic that ends before that was cut.
func (s *shard) behindControl(read int64) {
	o, tp, life := &s.orders, controlTopic(s.app), s.life
	s.env.offset(tp, connectors.Latest, func(end int64, err error) {
		switch {
		case s.life != life || s.phase != phaseRunning || o.heard >= 0:
			return
		case err != nil:
		case end >= o.obeyed:
			o.short = shortage{}
			err = fmt.Errorf("engine: shard %d: the journal speaks of commands up to offset %d, of which this process has read those up to %d: nothing is decided before it knows them", s.id, o.obeyed, read)
		default:
			err = fmt.Errorf("engine: shard %d: the topic %s ends at offset %d, but commands up to %d were obeyed: it was cut or made again; "+
				"if nothing of it is missed, start under another app name", s.id, tp.Topic, end, o.obeyed)
			if o.short.found(s.now) {
				s.fail(err)
				return
			}
		}
		o.tries++
		o.heedAt = s.now.Add(backoff(o.tries))
		s.listener.Retry(s.id, tp, "read the commands", err, o.tries)
	})
}

// finishErasing takes over what a former owner had obeyed but not finished.
func (s *shard) finishErasing(list []command) {
	o := &s.orders
	for i := range list {
		if list[i].offset >= o.obeyed {
			break
		}
		if customer, ok := list[i].forgets(); ok && s.has(customer) {
			o.gone = append(o.gone, customer)
		}
	}
	o.debts = append(o.debts, debt{upTo: o.obeyed, files: len(o.gone) == 0, lanes: s.marks()})
	s.open.moved = true
}

// has says whether the customer belongs on this shard.
func (s *shard) has(customer string) bool {
	return s.partitioner == nil || s.partitioner([]byte(customer)) == s.source.Partition
}

// marks are where the lanes stand that owe anything.
func (s *shard) marks() (marks []mark) {
	for _, l := range s.pub.lanes {
		if l.acked < l.next || len(l.retired) > 0 {
			marks = append(marks, mark{l, l.next})
		}
	}
	return marks
}

// ordered says whether there is a command to obey.
func (s *shard) ordered() bool { return s.orders.heard > s.orders.obeyed }

// obey does what commands say, in a unit of their own.
func (s *shard) obey() error {
	o := &s.orders
	if !s.ordered() {
		return nil
	}
	if s.open.any() || s.draining {
		s.open.closed = true // what is decided already goes first
		return nil
	}
	erased := false
	n := min(len(o.waiting), ordersAtOnce)
	for i := range o.waiting[:n] {
		x := &o.waiting[i]
		switch kind := schemas.ControlKind(x.key); kind {
		case schemas.ControlForget:
			if x.value == nil {
				continue
			}
			f, err := schemas.DecodeForget(x.value)
			if err != nil {
				return s.newer(x, err)
			}
			did, err := s.forget(f.Customer)
			if err != nil {
				return err
			}
			erased = erased || did
		case schemas.ControlTick:
		default:
			return s.newer(x, fmt.Errorf("%q is no kind of command that this version knows", kind))
		}
		s.listener.Obeyed(s.id, x.key, x.offset)
	}
	o.obeyed = o.heard
	if n < len(o.waiting) {
		o.obeyed = o.waiting[n].offset
	}
	o.waiting = slices.Delete(o.waiting, 0, n)
	if s.current() {
		s.changeOver()
	}
	d := debt{upTo: o.obeyed, files: !erased}
	if erased {
		d.lanes = s.marks()
	}
	o.debts = append(o.debts, d)
	s.open.moved, s.open.closed, s.draining = true, true, true
	return nil
}

// newer stops the shard: to pass over a command would be to disobey it.
func (s *shard) newer(x *command, err error) error {
	return fmt.Errorf("engine: shard %d: command %s of %s: %w: it needs a newer wend; start one here, or take the command away with a tombstone under its key",
		s.id, x, controlTopic(s.app).Topic, err)
}

// forget takes a customer out of the shard's state; false: there was none of that id.
func (s *shard) forget(customer string) (bool, error) {
	if !s.has(customer) {
		return false, nil
	}
	e := s.cache.get(customer)
	if e == nil {
		raw, ok, err := s.view.Get(customer, s.scratch[:0])
		if err != nil {
			return false, fmt.Errorf("engine: shard %d: load customer: %w", s.id, err)
		}
		if !ok {
			return false, nil
		}
		s.scratch = raw
		e = &entry{customer: customer}
		s.cache.add(e)
	} else if len(e.raw) == 0 {
		return false, nil
	}
	u := s.open
	clear(e.raw[:cap(e.raw)])
	clear(e.ids[:cap(e.ids)])
	e.raw, e.ids, e.parted, e.indexed = nil, nil, 0, schemas.Never
	e.unit, e.slot, e.stepped = u.number, int32(len(u.documents)), nil
	u.documents = append(u.documents, changed{entry: e, key: append(slices.Clone(keyDocument), customer...), gone: true,
		ids: idRecord{key: append(slices.Clone(keyIDs), customer...)}}) // whether there are some or not
	u.bytes += len(customer) + 64
	return true, nil
}

// erase takes what was deleted of the customers who are gone out of the view's files, in which it would stay. One who has
// come back meanwhile keeps what is new.
func (s *shard) erase() error {
	o := &s.orders
	if len(o.gone) == 0 {
		return nil
	}
	err := s.view.Erase(o.gone...)
	s.viewBatch.Close()
	if e := s.view.Close(); err == nil {
		err = e
	}
	s.view = nil
	if err == nil {
		err = s.views.scrub(s.dir)
	}
	if err == nil {
		s.view, err = s.views.open(s.dir)
	}
	if err != nil {
		return fmt.Errorf("engine: shard %d: erase customers from the view: %w; delete %s to have it made again from the journal", s.id, err, s.dir)
	}
	s.viewBatch = s.view.newBatch()
	s.timers.known = false
	clear(o.gone)
	o.gone = o.gone[:0]
	for i := range o.debts {
		o.debts[i].files = true
	}
	if s.open != nil && len(o.debts) > 0 {
		s.open.moved = true // a head is to say it
	}
	return nil
}

// erased gives the offset of APP.control below which nothing is left. The unit that is being sealed carries the
// tombstones of its outbox records.
func (s *shard) erased() int64 {
	o := &s.orders
	n := 0
	for n < len(o.debts) && o.debts[n].paid() {
		n++
	}
	if n == 0 {
		return s.head.Erased
	}
	upTo := o.debts[n-1].upTo
	o.debts = slices.Delete(o.debts, 0, n)
	return upTo
}

func (d *debt) paid() bool {
	if !d.files {
		return false
	}
	for _, m := range d.lanes {
		if m.lane.acked < m.next || slices.ContainsFunc(m.lane.retired, func(r retired) bool { return r.record < m.next }) {
			return false
		}
	}
	return true
}

// forget drops what the scan remembers of a customer whose entries leave the index, all of them: nothing is newer.
func (t *timers) forget(customer string) {
	t.late = slices.DeleteFunc(t.late, func(d lateTimer) bool { return d.Customer == customer })
	clear(t.buf[:cap(t.buf)])
	t.known = false
}

// discard removes the view of a shard that is not ours, if it may hold the customer: whoever claims it here next reads the
// journal instead.
func (s *shard) discard(customer string) {
	if s.phase != phaseIdle || !s.has(customer) {
		return
	}
	err := s.close()
	if err == nil {
		err = s.views.destroy(s.dir)
	}
	if err != nil {
		s.listener.Retry(s.id, connectors.TopicPartition{Topic: s.journal.Topic, Partition: s.id}, "discard the view", err, 1)
	}
}
