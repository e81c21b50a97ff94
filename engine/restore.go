package engine

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/schemas"
)

// Restoring brings a view up to where the journal ends (protocol rule 2): for a claimant, and for a standby, which never
// stops doing it (standby.go).

// RestoreInfo tells how far a view has come.
type RestoreInfo struct {
	From, Position, End int64         // journal offsets: where reading began, where it is, where it goes
	Documents           int64         // read so far
	Took                time.Duration // so far
}

// Part is how much of what there was to read is read, from 0 to 1.
func (r RestoreInfo) Part() float64 {
	if r.End <= r.From {
		return 1
	}
	return float64(r.Position-r.From) / float64(r.End-r.From)
}

// stale says that the view may hold what is gone (tail.stale). Of reading that this claim itself began, the time that it
// has taken tells: by a clock that is off from the brokers' by half the retention or more, every restore would be too old
// as soon as it is through, and the next one too.
func (c *claim) stale() bool {
	s := c.shard
	if !c.fresh.IsZero() {
		return elapsed(c.fresh, s.now) > s.deleteRetention/2
	}
	return c.tail.stale(s.now, s.deleteRetention)
}

// complete notes that the view has all that the journal has.
func (c *claim) complete() {
	c.tail.complete()
	c.fresh = time.Time{}
}

// readTo brings the view up to a journal offset, then goes on. While a piece is brought into the view the next one is on
// its way.
func (c *claim) readTo(end int64, then func()) {
	if c.tail.position >= end {
		then()
		return
	}
	c.readFrom(c.tail.position, end, then)
}

func (c *claim) readFrom(from, end int64, then func()) {
	s := c.shard
	s.env.read(s.journal, from, alive(c, func(f connectors.Fetched, err error) {
		again := func() { c.readTo(end, then) }
		switch {
		case err != nil:
			c.later("read the journal", err, again)
		case f.Code == connectors.OffsetOutOfRange:
			c.skipGone(again)
		case f.Code != connectors.OK:
			c.later("read the journal", f.Problem(), again)
		default:
			next, _ := behind(f.Batches)
			if next <= from {
				c.later("read the journal", errors.New("no whole batch in the answer"), again)
				return
			}
			if next < end {
				c.readFrom(next, end, then)
			}
			err := c.absorb(f.Batches)
			f.Release()
			if err != nil {
				s.fail(err)
				return
			}
			c.tries = 0
			s.listener.Restoring(s.id, RestoreInfo{From: c.from, Position: c.tail.position, End: end, Documents: c.documents, Took: s.now.Sub(c.began)})
			if next >= end {
				then()
			}
		}
	}))
}

// skipGone goes on where the journal begins, if what comes next was removed. (The answer that says "out of range" does
// not say where the log starts.)
func (c *claim) skipGone(then func()) {
	s := c.shard
	s.env.offset(s.journal, connectors.Earliest, alive(c, func(start int64, err error) {
		switch {
		case err != nil:
			c.later("journal's beginning", err, then)
		case start <= c.tail.position:
			c.later("read the journal", connectors.OffsetOutOfRange, then)
		default:
			if c.tail.position > 0 { // what lies between is gone: the view would have a hole
				if err := c.wipe(); err != nil {
					s.fail(err)
					return
				}
			}
			c.tail.position = start
			then()
		}
	}))
}

// absorb applies a piece of the journal to the view.
func (c *claim) absorb(raw []byte) error {
	s := c.shard
	b := s.viewBatch
	b.Reset()
	c.reader.Reset(raw, c.tail.position, nil)
	head := false
	for {
		rec, err := c.reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("engine: read %s/%d: %w", s.journal.Topic, s.journal.Partition, err)
		}
		info := c.reader.Info()
		c.restored++
		head = head || string(rec.Key) == string(keyHead)
		if err := c.take(rec, info, b); err != nil {
			return fmt.Errorf("engine: %s/%d at offset %d: %w", s.journal.Topic, s.journal.Partition, rec.Offset, err)
		}
		c.tail.appended = max(c.tail.appended, info.MaxTimestamp)
	}
	if head { // of all heads the newest counts
		if _, err := schemas.DecodeHead(c.tail.head); err != nil {
			return fmt.Errorf("engine: %s/%d before offset %d: %w", s.journal.Topic, s.journal.Partition, c.reader.NextOffset(), err)
		}
	}
	c.tail.position = max(c.tail.position, c.reader.NextOffset())
	if c.tail.indexed != s.running.name {
		c.tail.indexed = 0
	}
	if len(s.orders.gone) > 0 { // a crash before they have left the files has this piece read again
		if err := b.Apply(); err != nil {
			return fmt.Errorf("engine: write the view of shard %d: %w", s.id, err)
		}
		if err := s.erase(); err != nil {
			return err
		}
		b = s.viewBatch
		b.Reset()
	}
	s.scratch = c.tail.put(b, s.scratch)
	if err := b.Apply(); err != nil {
		return fmt.Errorf("engine: write the view of shard %d: %w", s.id, err)
	}
	return nil
}

func (c *claim) take(rec *batch.Record, info batch.Info, b viewBatch) error {
	key := string(rec.Key)
	if isClaim(key) {
		return c.takeClaim(rec, info)
	}
	if info.ProducerID == c.tail.producerID {
		c.tail.epoch = max(c.tail.epoch, info.ProducerEpoch)
	}
	switch {
	case key == string(keyHead):
		c.tail.head = append(c.tail.head[:0], rec.Value...)
		if info.ProducerID != c.tail.producerID { // only owners write heads; compaction may have left a stray claim alone
			c.tail.producerID, c.tail.epoch = info.ProducerID, info.ProducerEpoch
		}
	case strings.HasPrefix(key, string(keyDocument)):
		c.documents++
		return c.takeDocument(key[len(keyDocument):], rec.Value, b)
	case strings.HasPrefix(key, string(keyIDs)):
		if customer := key[len(keyIDs):]; rec.Value == nil {
			b.DeleteIDs(customer)
		} else {
			b.PutIDs(customer, rec.Value)
		}
	case strings.HasPrefix(key, string(keyOwed)):
		if rec.Value == nil {
			b.DeleteOwed(key)
		} else {
			b.PutOwed(key, rec.Value)
		}
	default:
		return fmt.Errorf("unknown key %q: is this topic a journal of Wend?", key)
	}
	return nil
}

// takeDocument keeps what the timer index promises: an entry at or before each customer's earliest due time.
func (c *claim) takeDocument(customer string, raw []byte, b viewBatch) error {
	s := c.shard
	if customer == "" { // an event without a customer is none, so nobody writes this
		return errors.New("a document without a customer: is this topic a journal of Wend?")
	}
	if raw == nil {
		b.DeleteDocument(customer)
		s.orders.gone = append(s.orders.gone, customer)
		return nil
	}
	doc, err := s.documents.Read(raw)
	if err != nil {
		return fmt.Errorf("customer %q: %w", customer, err)
	}
	b.PutDocument(customer, raw)
	due := s.program.NextDue(customer, doc)
	if err := doc.Journeys.Err(); err != nil {
		return fmt.Errorf("customer %q: %w", customer, err)
	}
	if due == schemas.Never {
		return nil
	}
	if s.phase == phaseStandby && c.caughtUp {
		indexed, err := c.indexed(customer)
		if err != nil || indexed <= due {
			return err
		}
	}
	b.PutTimer(due, customer)
	return nil
}

func (c *claim) takeClaim(rec *batch.Record, info batch.Info) error {
	got, err := schemas.DecodeClaim(rec.Value)
	if err != nil {
		return err
	}
	if rec.Offset == c.offset {
		c.ours = got.Nonce == c.nonce
		c.lower = info.ProducerID != c.tail.producerID || c.tail.epoch < info.ProducerEpoch
	}
	first := got.First
	if first < 0 {
		first = rec.Offset
	}
	switch t := &c.tail; {
	case info.ProducerID == t.producerID:
		t.epoch, t.first = max(t.epoch, info.ProducerEpoch), min(t.first, first)
	case t.producerID == 0, c.follows(info.ProducerID), len(t.head) == 0 && first < t.first:
		// The first id, the next one after the former's epochs ended, or one that was first although what said so is gone.
		t.producerID, t.epoch, t.first = info.ProducerID, info.ProducerEpoch, first
	}
	return nil
}

// follows says whether the head names this id as the journal's next.
func (c *claim) follows(id int64) bool {
	head, err := schemas.DecodeHead(c.tail.head)
	return err == nil && head.FreshProducerID == id
}
