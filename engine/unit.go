package engine

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/schemas"
	"wend/statestore"
)

const (
	ackUnit    = time.Second      // acknowledgements that no unit carries get one of their own after this
	idleHead   = 50 * time.Minute // an owner with nothing to say says it this often (rule 3), so that it never gets
	staleOwner = time.Hour        // this old: then it claims anew before it appends
)

// recordBytes is what a journal record takes beside its customer and its value, about.
const recordBytes = 64

// retiredBytes bounds what a unit spends on tombstones of the outbox: a look may acknowledge all of it at once.
const retiredBytes = 16 << 10

// unit is what is committed together: the effect of a run of inputs. One is open and grows; one may be in flight.
type unit struct {
	bulk
	number   uint64
	actions  []*actionBatch
	records  []retired          // what the view is to hold of the actions, once acknowledged
	timers   []statestore.Timer // to be in the index
	fired    statestore.Cursor  // timers up to here were looked at
	anyFired bool
	moved    bool   // the source position, or anything else that only the head tells
	closed   bool   // takes nothing more
	indexed  uint64 // not 0: with this unit the view's timer index is that of the program of this name (tail.indexed)
	bytes    int    // of documents and actions

	retired  []retired // outbox records that this unit's head says are acknowledged
	head     []byte
	end      int64 // journal offset behind it, once acknowledged
	appended int64 // broker's time of that
	next     int64 // source offset, for the listener
	count    int   // journal records
	sealed   time.Time
	tries    int

	events, duplicates, deadLetters, fires, leftOut int
	lateness                                        time.Duration
}

// bulk is what is large of a unit. Its memory is used again by other units.
type bulk struct {
	documents []changed
	arena     []byte // holds the documents' bytes
}

// changed is a customer's document as the unit leaves it.
type changed struct {
	entry *entry
	key   []byte // of the journal's record; beside bytes, so that encoding the unit touches no entry
	bytes []byte
	ids   idRecord // without a key: those that are apart are as they were
	gone  bool     // forgotten
}

// idRecord is the journal's record of the ids that are apart; without bytes a tombstone.
type idRecord struct{ key, bytes []byte }

// actionBatch collects the unit's actions for one lane. Its memory is used again once they are on their topic.
type actionBatch struct {
	lane    *lane
	builder batch.Builder
	stamps  []int64
	bytes   []byte // once sealed; builder's memory
	first   int64
	holders int  // of bytes: the publisher and the shard
	settled bool // the view has it, or need not
}

// retired is an outbox record, mostly one whose actions are on their topic.
type retired struct {
	lane   *lane
	record int64        // its first sequence
	origin *actionBatch // what it was made of, if that is still the same; nil: a former owner's
}

// unsettled gives what the record was made of while the view does not have it and may still need it.
func (r retired) unsettled() *actionBatch {
	if ab := r.origin; ab != nil && ab.lane == r.lane && ab.first == r.record && !ab.settled {
		return ab
	}
	return nil
}

// owes says whether the view, settled with the unit, must be told of actions.
func (u *unit) owes() bool {
	return slices.ContainsFunc(u.records, func(r retired) bool { return r.unsettled() != nil })
}

func (u *unit) any() bool {
	return u.moved || len(u.documents) > 0 || len(u.actions) > 0 || u.anyFired
}

func (u *unit) has(e *entry) bool { return e.unit == u.number }

// reset makes the unit empty and gives it a number. Its memory is used again.
func (u *unit) reset(number uint64) {
	clear(u.documents)
	clear(u.actions)
	clear(u.retired)
	clear(u.records)
	*u = unit{number: number, bulk: bulk{u.documents[:0], u.arena[:0]}, actions: u.actions[:0], records: u.records[:0], timers: u.timers[:0], retired: u.retired[:0], head: u.head[:0]}
}

// change takes a customer's new document, whose bytes are in the unit's memory.
func (u *unit) change(e *entry, key, doc []byte) {
	if u.has(e) {
		u.documents[e.slot].key, u.documents[e.slot].bytes = key, doc
		return
	}
	e.unit, e.slot = u.number, int32(len(u.documents))
	u.documents = append(u.documents, changed{entry: e, key: key, bytes: doc})
}

// full says that the open unit takes no more: it is at its bounds, or the outbox is.
func (s *shard) full() bool {
	if s.draining || s.moving || s.open.closed || s.open.events >= s.limits.events || s.open.bytes >= s.limits.soft || s.pub.owedBytes >= s.limits.outbox {
		return true
	}
	for _, ab := range s.open.actions {
		if ab.builder.Size() >= s.limits.action/2 {
			return true
		}
	}
	return false
}

// decided takes the effects of one input on one customer into the open unit, or says why they cannot be (then nothing
// was taken). stamp is the timestamp of the record that caused them, 0 for a timer.
func (s *shard) decided(e *entry, document *schemas.Document, stamp int64) (reason string, err error) {
	u := s.open
	mark := len(u.arena)
	var ids idRecord
	if document.Recent.Crowded(s.limits.ids) {
		u.arena = append(append(u.arena, keyIDs...), e.customer...)
		keyEnd := len(u.arena)
		u.arena = document.Recent.Split(u.arena)
		ids = idRecord{u.arena[mark:keyEnd:keyEnd], u.arena[keyEnd:len(u.arena):len(u.arena)]}
	}
	start := len(u.arena)
	u.arena = append(append(u.arena, keyDocument...), e.customer...)
	keyEnd := len(u.arena)
	u.arena = document.Append(u.arena)
	key, doc := u.arena[start:keyEnd:keyEnd], u.arena[keyEnd:len(u.arena):len(u.arena)]
	if len(doc) > s.limits.document {
		u.arena = u.arena[:mark]
		return fmt.Sprintf("the customer's document would grow to %d bytes; at most %d are allowed", len(doc), s.limits.document), nil
	}
	effect := start - mark + len(doc) + len(e.customer) + recordBytes
	var small [4]int
	sizes := small[:0]
	if len(s.effects.Actions) > 0 {
		s.scratch = s.scratch[:0]
		for i := range s.effects.Actions {
			from := len(s.scratch)
			s.scratch = s.effects.Actions[i].AppendJSON(s.scratch)
			sizes = append(sizes, len(s.scratch)-from)
			n := len(s.scratch) - from + 2*len(s.effects.Actions[i].ID) + 256
			if n > s.limits.action {
				u.arena = u.arena[:mark]
				return fmt.Sprintf("the action %q would have %d bytes; its topic takes %d", s.effects.Actions[i].ID, n, s.limits.action), nil
			}
			effect += n
		}
	}
	if effect > s.limits.effect {
		u.arena = u.arena[:mark]
		return fmt.Sprintf("its whole effect has %d bytes; a journal batch takes %d of one event", effect, s.limits.effect), nil
	}
	u.bytes += effect
	u.change(e, key, doc)
	if ids.key != nil {
		u.documents[e.slot].ids = ids
		s.cache.apart(e, ids.bytes, u.number)
	}
	if due := s.program.NextDueBefore(e.customer, document, e.indexed); due < e.indexed {
		e.indexed = due
		u.timers = append(u.timers, statestore.Timer{Due: due, Customer: e.customer})
	}
	s.cache.keep(e, doc) // the document's texts may be part of what was there: it is void now
	json := s.scratch
	for i := range s.effects.Actions {
		a := &s.effects.Actions[i]
		l, err := s.routes.lane(s.pub, a.Channel, a.Customer)
		if err != nil {
			return "", err
		}
		s.owe(l, []byte(a.Customer), json[:sizes[i]], stamp,
			batch.RecordHeader{Key: "action_id", Value: []byte(a.ID)},
			batch.RecordHeader{Key: "journey", Value: []byte(a.Journey)},
			batch.RecordHeader{Key: "channel", Value: []byte(a.Channel)})
		json = json[sizes[i]:]
	}
	u.leftOut += int(s.effects.Counters.LeftOut)
	return "", nil
}

// owe adds a record to the unit's batch for the lane.
func (s *shard) owe(l *lane, key, value []byte, stamp int64, headers ...batch.RecordHeader) {
	var ab *actionBatch
	for _, x := range s.open.actions {
		if x.lane == l {
			ab = x
		}
	}
	if ab == nil {
		ab = s.pub.actionBatch()
		ab.lane, ab.first, ab.holders, ab.settled = l, l.next, 2, false
		ab.builder.Reset(batch.Header{ProducerID: s.pub.producerID, ProducerEpoch: s.pub.epoch, BaseSequence: batch.WireSequence(l.next), Timestamp: s.now.UnixMilli()})
		s.open.actions = append(s.open.actions, ab)
		s.pub.locate(l)
	}
	ab.builder.Append(key, value, headers...)
	ab.stamps = append(ab.stamps, stamp)
}

// reasonBytes bounds the reason that goes with a dead letter.
const reasonBytes = 2 << 10

// deadLetter sends a record aside, as it came, through the same outbox as actions; the source goes on.
func (s *shard) deadLetter(rec *batch.Record, reason string) error {
	if len(reason) > reasonBytes { // it may name what is wrong, however long that is
		reason = strings.ToValidUTF8(reason[:reasonBytes], "") + "…"
	}
	s.listener.DeadLetter(s.id, s.source.Topic, s.source.Partition, rec.Offset, reason)
	s.open.deadLetters++
	l := s.routes.deadLetterLane(s.pub, s.id)
	headers := []batch.RecordHeader{
		{Key: "reason", Value: []byte(reason)},
		{Key: "topic", Value: []byte(s.source.Topic)},
		{Key: "partition", Value: strconv.AppendInt(nil, int64(s.source.Partition), 10)},
		{Key: "offset", Value: strconv.AppendInt(nil, rec.Offset, 10)},
	}
	key, value := rec.Key, rec.Value
	room := min(s.limits.effect, s.limits.action) - len(reason) - 512
	if len(key) > room/2 {
		headers = append(headers, batch.RecordHeader{Key: "key_truncated", Value: strconv.AppendInt(nil, int64(len(key)), 10)})
		key = key[:room/2]
	}
	if room -= len(key); len(value) > room {
		headers = append(headers, batch.RecordHeader{Key: "truncated", Value: strconv.AppendInt(nil, int64(len(value)), 10)})
		value = value[:room]
	}
	s.open.bytes += len(value) + len(key) + len(reason) + 256
	s.owe(l, key, value, 0, headers...)
	return nil
}

// seal makes a journal batch of the open unit and sends it, if there is something to say and nothing in flight.
func (s *shard) seal() {
	if s.flying != nil {
		return
	}
	ackDue := !s.ackSince.IsZero() && (s.phase == phaseStopping || s.now.Sub(s.ackSince) >= ackUnit)
	if !s.open.any() && !ackDue && s.now.Sub(s.lastAck) < idleHead && !s.timers.probing() {
		return
	}
	u := s.open
	for _, ab := range u.actions {
		if ab.lane.lookFrom < 0 { // its end offset is on its way: it belongs into this head
			s.pub.locate(ab.lane)
			return
		}
	}
	s.flying, s.open = u, s.freshUnit(u.number+1)
	s.ackSince = time.Time{}

	for _, ab := range u.actions {
		ab.bytes = ab.builder.Finish()
		ab.lane.next += int64(len(ab.stamps))
	}
	room := retiredBytes
	for _, l := range s.pub.lanes {
		n := 0
		for ; n < len(l.retired) && room > 0; n++ {
			u.retired = append(u.retired, l.retired[n])
			room -= len(l.Topic) + 48
		}
		if l.retired = slices.Delete(l.retired, 0, n); len(l.retired) > 0 {
			s.ackSince = s.now // the rest has a unit of its own soon; until then its records are leftovers
		}
	}
	s.head.Unit = u.number
	s.head.Clock = s.timers.clock
	s.head.ClusterID, s.head.SourceID, s.head.JournalID = s.clusterID, s.sourceID, s.journalID
	s.head.Control, s.head.Erased = s.orders.obeyed, s.erased()
	s.head.Sources = append(s.head.Sources[:0], schemas.SourcePosition{Topic: s.source.Topic, Offset: s.position, LeaderEpoch: s.leader})
	s.arming.put(&s.head)
	s.head.Outbox = s.head.Outbox[:0]
	for _, l := range s.pub.lanes {
		if l.lookFrom >= 0 {
			s.head.Outbox = append(s.head.Outbox, s.pub.outboxPosition(l))
		}
	}
	s.pub.sealing(u.number)
	u.head = s.head.Append(u.head[:0])
	s.write(u)
	u.next, u.sealed = s.position, s.now
	s.send()
}

// freshUnit gives an empty unit.
func (s *shard) freshUnit(number uint64) *unit {
	var u *unit
	if n := len(s.spare); n > 0 {
		u, s.spare = s.spare[n-1], s.spare[:n-1]
	} else {
		u = new(unit)
	}
	if n := len(s.bulks); n > 0 {
		u.bulk, s.bulks = s.bulks[n-1], s.bulks[:n-1]
	}
	u.reset(number)
	return u
}

// write encodes the unit into the journal builder.
func (s *shard) write(u *unit) {
	b := &s.builder
	b.Reset(batch.Header{ProducerID: s.claim.producerID, ProducerEpoch: s.claim.epoch, BaseSequence: batch.WireSequence(s.sequence), Timestamp: s.now.UnixMilli()})
	b.Append(keyHead, u.head)
	for i := range u.documents {
		b.Append(u.documents[i].key, u.documents[i].bytes)
		if ids := &u.documents[i].ids; ids.key != nil {
			b.Append(ids.key, ids.bytes)
		}
	}
	key := s.scratch[:0]
	for _, ab := range u.actions {
		key = appendOwedKey(key[:0], ab.lane.TopicPartition, ab.first)
		b.Append(key, ab.bytes)
	}
	for _, r := range u.retired {
		key = appendOwedKey(key[:0], r.lane.TopicPartition, r.record)
		b.Append(key, nil)
	}
	s.scratch = key
	u.count = b.Count()
	s.sealed = b.Finish()
}

// send gives the flying unit to the journal, the same bytes on every try.
func (s *shard) send() {
	if elapsed(s.lastAck, s.now) > staleOwner {
		s.drop("nothing of ours was journaled for over an hour; claims anew")
		return
	}
	u, life := s.flying, s.life
	if u.tries++; withoutJournalFirst && u.tries == 1 {
		s.payFor(u)
	}
	s.env.append(s.sealed, func(r connectors.Produced) {
		if s.life == life && s.flying == u {
			s.appended(r)
		}
	})
}

// appended hears the journal's answer.
func (s *shard) appended(r connectors.Produced) {
	u := s.flying
	switch v := verdict(r); v {
	case taken:
		if r.BaseOffset != s.journalEnd {
			s.drop(fmt.Sprintf("a unit was acknowledged at offset %d of the journal instead of %d: somebody else writes there", r.BaseOffset, s.journalEnd))
			return
		}
		s.acknowledged(u, r)
	case fencedOff, outOfOrder:
		s.drop(fmt.Sprintf("the journal refused a unit (%v): another member has claimed the shard", answerError(r)))
	case tooLarge:
		s.fail(fmt.Errorf("engine: shard %d: %s refuses a unit of %d bytes (%w): its max.message.bytes was lowered below %d; raise it again", s.id, s.journal.Topic, len(s.sealed), r.Code, len(s.sealed)))
	default:
		if v == refused {
			s.listener.Refused(s.id, s.journal, r.Code, r.Message)
		}
		s.listener.Retry(s.id, s.journal, "append", answerError(r), u.tries)
		s.appendWait = s.now.Add(backoff(u.tries))
	}
}

// acknowledged lets a unit out: its actions to the publisher, its documents to the view. The next unit is sent before
// the view is written, so that the journal never waits for the disk.
func (s *shard) acknowledged(u *unit, r connectors.Produced) {
	s.journalEnd += int64(u.count)
	s.sequence += int64(u.count)
	s.lastAck, s.pub.proved = u.sealed, u.sealed
	s.journaled = u.next
	s.timers.confirmed(u.sealed, r.AppendTime)
	size := len(s.sealed)
	if u.tries > 1 { // an earlier try's bytes may still be in a socket's hands
		s.builder = batch.Builder{}
	}
	s.listener.Unit(s.id, UnitInfo{Number: u.number, Events: u.events, Duplicates: u.duplicates, DeadLetter: u.deadLetters, Documents: len(u.documents),
		Actions: countActions(u), Timers: u.fires, Lateness: u.lateness, LeftOut: u.leftOut, Bytes: size, Took: s.now.Sub(u.sealed), Next: u.next, End: s.end, Owed: s.pub.owedBytes})
	s.pub.journaled(u.number)
	if !withoutJournalFirst {
		s.payFor(u)
	}
	s.flying = nil
	first := s.phase == phaseFirst
	if !first {
		s.seal()
	}
	if s.phase == phaseIdle || s.phase == phaseFailed { // sealing found that it may not
		return
	}
	appended := r.AppendTime
	if appended < 0 { // a topic that is not stamped, or a broker that does not tell
		appended = s.now.UnixMilli()
	}
	if err := s.keep(u, appended); err != nil {
		s.fail(err)
		return
	}
	if first {
		s.run()
	}
}

// payFor has the publisher send a unit's actions.
func (s *shard) payFor(u *unit) {
	for _, ab := range u.actions {
		s.pub.pay(ab.lane, owed{first: ab.first, count: len(ab.stamps), record: ab.first, last: true, bytes: ab.bytes, stamps: ab.stamps, memory: ab, origin: ab})
	}
}

func countActions(u *unit) (n int) {
	for _, ab := range u.actions {
		n += len(ab.stamps)
	}
	return n
}
