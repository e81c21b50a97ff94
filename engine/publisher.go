package engine

import (
	"fmt"
	"slices"
	"time"

	"wend/connectors"
	"wend/connectors/batch"
)

// publisher brings a shard's outbox to the action topics, each action once (protocol rules 5 to 11).
//
// The naive way, to send each batch and send it again when no answer comes, repeats actions whenever the broker has
// forgotten more than it promises: after a restart it remembers only a producer's last batch, after a day of silence
// nothing. So whoever is unsure looks at the topic first. What makes looking exact is that a batch has the same
// producer id and sequence whoever sends it: a stalled former owner can only write what we owe.
//
// Per action partition (a lane): one batch in flight, in order; a doubtful answer leads to a look, a look to an
// acknowledgement or the next try. Lanes know nothing of each other. All methods run on the shard's goroutine.
type publisher struct {
	env        *env
	listener   *Listener
	shard      int32
	producerID int64
	epoch      int16
	lanes      []*lane      // in order of (Topic, Partition)
	owedBytes  int          // in all queues
	progress   func()       // something was acknowledged
	onLoss     string       // LossStop, LossResend or LossDrop
	name       string       // begins the transactional ids
	largest    int          // bytes of a batch that action topics take
	renewing   func()       // a lane has a producer id that the journal must learn of
	reader     batch.Reader // of looks
	cutter     batch.Reader // of our own batches
	now        time.Time    // of the pass at work
	relocating bool         // a lane's end offset is on its way
	proved     time.Time    // a moment at which the shard was surely ours: its last acknowledged append is no older
	ended      bool
	idle       []*actionBatch // to be used again
}

// actionBatch gives an empty batch.
func (p *publisher) actionBatch() *actionBatch {
	n := len(p.idle)
	if n == 0 {
		return new(actionBatch)
	}
	ab := p.idle[n-1]
	p.idle = p.idle[:n-1]
	ab.stamps = ab.stamps[:0]
	return ab
}

// release says that one of the two who held the batch's memory no longer does. Whoever does not say so leaves it to the
// collector.
func (p *publisher) release(ab *actionBatch) {
	if ab.holders--; ab.holders == 0 {
		p.idle = append(p.idle, ab)
	}
}

// lane is the way to one action partition.
type lane struct {
	connectors.TopicPartition
	producer connectors.Producer // who its batches are from; mostly the publisher's own
	next     int64               // sequence behind the last action of a sealed unit
	acked    int64               // sequences below are on the topic
	lookFrom int64               // offset from which a look reads; -1 while it is not known yet
	located  time.Time           // when lookFrom was near the topic's end
	asked    bool                // its end offset was asked for
	queue    []owed              // journaled, not known to be on the topic; oldest first
	state    laneState
	sending  int64     // sequence behind what was last sent
	sent     time.Time // when that was
	merger   *batch.Builder
	alone    bool      // the topic takes less than it did: batches are not merged
	tries    int       // in a row without progress
	retryAt  time.Time // in laneWaiting
	lookNext bool      // the next try begins with a look
	refusals int       // OUT_OF_ORDER and the like in a row, each with nothing missing
	refused  time.Time // when the first of them came
	end      int64     // while looking: where the topic ends
	short    shortage  // the topic ends before lookFrom
	looked   time.Time // when the last look began
	retired  []retired // outbox records that are acknowledged, not yet journaled as such

	elsewhere bool // what a former owner left in queue is of customers whose next actions go to another partition

	renewed bool   // in laneRenewing: there is a new producer
	renewal uint64 // and the unit whose head tells of it, 0 before that is sealed
}

type laneState uint8

const (
	laneIdle laneState = iota
	laneSending
	laneLooking
	laneWaiting  // until retryAt
	laneRenewing // the broker broke its promise (rule 9), what is owed goes on under another producer: loss.go
	laneStopped  // the same, until somebody acts
)

// owed is a batch of actions that its unit's acknowledgement made due.
type owed struct {
	first  int64 // sequence of the first action
	count  int
	record int64 // first sequence of the outbox record that it is part of
	last   bool  // of that record's parts
	bytes  []byte
	sent   bool         // bytes may still be on their way
	stamps []int64      // record timestamps of the events that caused the actions, 0 for a timer's
	memory *actionBatch // whose bytes and stamps are, while nobody else can hold them
	origin *actionBatch // that was sealed into the record; nil: inherited
}

func (p *publisher) lane(topic string, partition int32) *lane {
	i, ok := slices.BinarySearchFunc(p.lanes, connectors.TopicPartition{Topic: topic, Partition: partition}, func(l *lane, tp connectors.TopicPartition) int {
		switch {
		case l.Topic < tp.Topic, l.Topic == tp.Topic && l.Partition < tp.Partition:
			return -1
		case l.TopicPartition == tp:
			return 0
		}
		return 1
	})
	if !ok {
		l := &lane{TopicPartition: connectors.TopicPartition{Topic: topic, Partition: partition}, producer: connectors.Producer{ID: p.producerID, Epoch: p.epoch}, lookFrom: -1}
		p.lanes = slices.Insert(p.lanes, i, l)
	}
	return p.lanes[i]
}

// locate asks for the lane's end offset, which must be journaled before the lane's first use.
func (p *publisher) locate(l *lane) {
	if l.lookFrom >= 0 || l.asked {
		return
	}
	l.asked = true
	p.env.offset(l.TopicPartition, connectors.Latest, func(end int64, err error) {
		l.asked = false
		if p.ended {
			return
		}
		if err != nil {
			p.wait(l, false, "end offset", err)
			return
		}
		l.tries = 0
		if l.state == laneWaiting {
			l.state = laneIdle
		}
		l.lookFrom, l.located = end, p.now
	})
}

// A lane that is not used for long would have its next look read all that others wrote to the topic since.
const staleLookFrom = time.Minute

// relocate moves the look-from offset of one lane to its topic's end, if nothing that a look could search lies before it.
// It says when to call it again; zero: an answer is on its way.
func (p *publisher) relocate() (wake time.Time) {
	if p.relocating {
		return time.Time{}
	}
	var oldest *lane
	for _, l := range p.lanes {
		if l.paid() && l.lookFrom >= 0 && (oldest == nil || l.located.Before(oldest.located)) {
			oldest = l
		}
	}
	if oldest == nil {
		return time.Time{}
	}
	if due := oldest.located.Add(staleLookFrom); p.now.Before(due) {
		return due
	}
	l := oldest
	p.relocating, l.located = true, p.now
	p.env.offset(l.TopicPartition, connectors.Latest, func(end int64, err error) {
		p.relocating = false
		if err == nil && !p.ended && l.paid() { // what may come to be sent later lies behind that end
			l.lookFrom = max(l.lookFrom, end)
		}
	})
	return time.Time{}
}

// paid says that nothing is owed, nor about to be.
func (l *lane) paid() bool { return l.state == laneIdle && len(l.queue) == 0 && l.next == l.acked }

// pay takes over a batch whose unit was acknowledged.
func (p *publisher) pay(l *lane, o owed) {
	l.queue = append(l.queue, o)
	p.owedBytes += len(o.bytes)
	p.pump(l)
}

// slowAnswer is from when on an action topic is slow. What is owed there keeps nobody waiting but those to whom it is owed.
const slowAnswer = time.Second

// crowded says whether an action would queue behind so many bytes, on the ways to topics that take any. It looks no further
// than it must: a shard asks in each pass, also while very many batches are owed.
func (p *publisher) crowded(most int) bool {
	bytes := 0
	for _, l := range p.lanes {
		if l.state == laneSending && p.now.Sub(l.sent) < slowAnswer {
			for i := 0; i < len(l.queue) && bytes < most; i++ {
				bytes += len(l.queue[i].bytes)
			}
		}
	}
	return bytes >= most
}

// pump sends the lane's next batch if none is on its way.
func (p *publisher) pump(l *lane) {
	if p.ended || l.state != laneIdle {
		return
	}
	if len(l.queue) == 0 {
		return
	}
	// Who slept for so long may be long succeeded, and the broker forgets what the successor published after a day.
	if l.lookNext || elapsed(p.proved, p.now) > staleOwner {
		p.look(l)
		return
	}
	p.transmit(l)
}

// transmit sends what the lane has, in one batch.
func (p *publisher) transmit(l *lane) {
	raw, err := p.next(l)
	if err == nil {
		err = batch.Restamp(raw, p.now.UnixMilli(), l.producer.ID, l.producer.Epoch)
	}
	if err != nil { // the journal holds what no batch is
		p.stop(l, err)
		return
	}
	l.state, l.sent = laneSending, p.now
	p.env.publish(l.TopicPartition, raw, func(r connectors.Produced) { p.published(l, r) })
}

// next gives the bytes to send next: one batch or several merged, when a topic is slower than the journal.
func (p *publisher) next(l *lane) ([]byte, error) {
	o := &l.queue[0]
	if n := p.together(l); n > 1 {
		return p.merge(l, n)
	}
	l.sending = o.first + int64(o.count)
	if o.sent { // the last try's bytes may still be in a socket's hands
		o.bytes, o.memory = slices.Clone(o.bytes), nil
	}
	o.sent = true
	return o.bytes, nil
}

// together is how many of the lane's batches go out in one. Another try takes what the first one took: a leader knows a
// batch again by its first and last sequence, and may have appended one that no look can see yet.
func (p *publisher) together(l *lane) int {
	n, size := 0, 0
	tried := l.queue[0].first < l.sending
	for ; n < len(l.queue) && (n == 0 || !l.alone); n++ {
		size += len(l.queue[n].bytes)
		if n > 0 && (size > p.largest || tried && l.queue[n].first >= l.sending) {
			break
		}
	}
	return n
}

// merge makes one batch of the lane's first n.
func (p *publisher) merge(l *lane, n int) ([]byte, error) {
	if l.merger == nil {
		l.merger = new(batch.Builder)
	}
	l.merger.Reset(batch.Header{BaseSequence: batch.WireSequence(l.queue[0].first)})
	for i := range l.queue[:n] {
		o := &l.queue[i]
		p.cutter.Reset(o.bytes, 0, nil)
		if err := p.copy(l.merger, o.count); err != nil {
			return nil, err
		}
		l.sending = o.first + int64(o.count)
	}
	return l.merger.Finish(), nil
}

// copy puts the cutter's next n records into b.
func (p *publisher) copy(b *batch.Builder, n int) error {
	for range n {
		r, err := p.cutter.Next()
		if err != nil {
			return fmt.Errorf("engine: take an action batch apart: %w", err)
		}
		b.AppendRecord(r)
	}
	return nil
}

func (p *publisher) published(l *lane, r connectors.Produced) {
	if p.ended {
		return
	}
	l.state = laneIdle
	o := &l.queue[0]
	v := verdict(r)
	if v != taken { // its bytes may still be in a socket's hands, whoever acknowledges it in the end
		o.memory, l.merger = nil, nil
	}
	switch v {
	case taken:
		p.acknowledge(l, l.sending, r.BaseOffset+l.sending-o.first)
		p.pump(l)
	case doubtful:
		p.wait(l, true, "publish", answerError(r))
	case notTaken:
		p.wait(l, false, "publish", answerError(r))
	case outOfOrder, fencedOff:
		if l.refusals++; l.refusals == 1 {
			l.refused = p.now
		}
		p.listener.RefusedSequence(p.shard, l.TopicPartition, r.Code)
		if withoutAgain {
			p.stop(l, answerError(r))
			return
		}
		if l.refusals == 1 || p.now.Sub(l.refused) >= lossPatience {
			p.look(l)
			return
		}
		p.wait(l, true, "publish", answerError(r))
	case tooLarge:
		if l.sending > o.first+int64(o.count) {
			l.alone = true
			p.pump(l)
			return
		}
		if o.count == 1 {
			p.tooLarge(l, fmt.Errorf("one action is larger than the topic now allows (%w); raise max.message.bytes of %s", r.Code, l.Topic))
			return
		}
		if err := p.split(l); err != nil {
			p.stop(l, err)
			return
		}
		p.pump(l)
	case refused:
		p.listener.Refused(p.shard, l.TopicPartition, r.Code, r.Message)
		p.wait(l, true, "publish", answerError(r)) // a leader whose partition is taken away says so of what it has written
	}
}

// acknowledge notes that everything below `upTo` is on the topic, whose record of upTo-1 lies before lookFrom.
func (p *publisher) acknowledge(l *lane, upTo, lookFrom int64) {
	if upTo <= l.acked {
		return
	}
	l.acked, l.tries, l.refusals = upTo, 0, 0
	l.lookFrom, l.located = max(l.lookFrom, lookFrom), p.now
	n := 0
	for n < len(l.queue) && l.queue[n].first+int64(l.queue[n].count) <= upTo {
		o := &l.queue[n]
		if o.last {
			l.retired = append(l.retired, retired{l, o.record, o.origin})
		}
		p.owedBytes -= len(o.bytes)
		p.listener.Published(p.shard, l.TopicPartition, o.count, o.stamps, p.now)
		if o.memory != nil {
			p.release(o.memory)
		}
		n++
	}
	l.queue = slices.Delete(l.queue, 0, n)
	if len(l.queue) > 0 && l.queue[0].first < upTo { // a former owner had split it
		parts, err := p.cut(l.queue[0], int(upTo-l.queue[0].first))
		if err != nil {
			p.stop(l, err)
			return
		}
		p.owedBytes += len(parts[1].bytes) - len(l.queue[0].bytes)
		l.queue[0] = parts[1]
	}
	p.progress()
}

// wait tries again later.
func (p *publisher) wait(l *lane, look bool, doing string, err error) {
	if p.ended {
		return
	}
	l.tries++
	l.state, l.lookNext = laneWaiting, l.lookNext || look
	d := backoff(l.tries)
	l.retryAt = p.now.Add(d)
	p.listener.Retry(p.shard, l.TopicPartition, doing, err, l.tries)
}

// stop ends a lane loudly. The shard goes on; what is owed here stays owed.
func (p *publisher) stop(l *lane, err error) {
	l.state = laneStopped
	p.listener.Lost(p.shard, l.TopicPartition, l.next-l.acked, err)
}

// cut makes two batches of one, the first with n actions, under the same sequences.
func (p *publisher) cut(o owed, n int) (parts [2]owed, err error) {
	p.cutter.Reset(o.bytes, 0, nil)
	parts = [2]owed{
		{first: o.first, count: n, record: o.record, origin: o.origin},
		{first: o.first + int64(n), count: o.count - n, record: o.record, last: o.last, origin: o.origin},
	}
	if len(o.stamps) == o.count {
		parts[0].stamps, parts[1].stamps = o.stamps[:n], o.stamps[n:]
	}
	var b batch.Builder
	for i := range parts {
		part := &parts[i]
		b.Reset(batch.Header{ProducerID: p.producerID, ProducerEpoch: p.epoch, BaseSequence: batch.WireSequence(part.first), Timestamp: p.now.UnixMilli()})
		if err := p.copy(&b, part.count); err != nil {
			return parts, err
		}
		b.Finish()
		part.bytes = b.Take()
	}
	return parts, nil
}

// split has the lane's first batch sent in two.
func (p *publisher) split(l *lane) error {
	o := l.queue[0]
	parts, err := p.cut(o, o.count/2)
	if err != nil {
		return err
	}
	p.owedBytes += len(parts[0].bytes) + len(parts[1].bytes) - len(o.bytes)
	l.queue = slices.Replace(l.queue, 0, 1, parts[0], parts[1])
	return nil
}

// work goes on with lanes whose waiting is over, and says when the next one's will be (zero: none waits).
func (p *publisher) work(now time.Time) (wake time.Time) {
	p.now = now
	for _, l := range p.lanes {
		if l.state != laneWaiting && (l.state != laneRenewing || l.retryAt.IsZero()) {
			continue
		}
		if now.Before(l.retryAt) {
			if wake.IsZero() || l.retryAt.Before(wake) {
				wake = l.retryAt
			}
			continue
		}
		if l.state == laneRenewing {
			p.renew(l)
			continue
		}
		l.state = laneIdle
		if l.lookFrom < 0 {
			p.locate(l)
			continue
		}
		p.pump(l)
	}
	return earlier(wake, p.relocate())
}

// paid says whether nothing is owed (a stopped lane cannot pay and does not count).
func (p *publisher) paid() bool {
	for _, l := range p.lanes {
		if l.state != laneStopped && len(l.queue) > 0 {
			return false
		}
	}
	return true
}

// end makes the publisher deaf: nothing is sent and no answer heard any more.
func (p *publisher) end() { p.ended = true }

// unwrap finds the 64-bit sequence whose lower 31 bits are wire, nearest to `near`.
func unwrap(wire int32, near int64) int64 {
	const mod = 1 << 31
	v := near - near%mod + int64(wire)
	switch {
	case v < near-mod/2:
		v += mod
	case v > near+mod/2 && v >= mod:
		v -= mod
	}
	return v
}
