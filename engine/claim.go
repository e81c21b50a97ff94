package engine

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/schemas"
)

// claim is how a shard becomes ours (protocol rules 1 and 2): read the journal to its end for the highest epoch, append
// a claim with a higher one and a fresh nonce, read back to that very record, and own only if it is ours.
//
// The naive way, to take the epoch that InitProducerID gives and write, fails twice: a transactional id expires after a
// week, and then two owners have different producer ids and nothing shuts either out; and two members that are given the
// same epoch are answered "duplicate", which looks like success to the second. Hence epochs from the journal, and the
// nonce read back.
type claim struct {
	shard      *shard
	began      time.Time
	producerID int64
	epoch      int16
	given      connectors.Producer // what InitProducerID answered
	nonce      [16]byte
	batch      []byte
	sent       time.Time // when batch was first sent: the claim is no older than that
	heard      time.Time // when it was acknowledged
	stamped    int64     // broker's time of it, ms; -1 where it does not tell
	offset     int64     // of our claim; -1 before it was acknowledged
	ours       bool      // found at offset
	lower      bool      // every earlier epoch is lower
	restored   int64     // journal records read
	tries      int
	retryAt    time.Time
	retry      func()
	searched   int64 // where the head's next producer id was looked for in vain; -1: it was not
	basis      int64 // broker's time up to which the view was whole when this began
	reader     batch.Reader
	tail       tail
}

// lastEpoch is the highest epoch that an owner may have: Kafka keeps 32767 for itself, and here it closes an id.
const (
	lastEpoch  = math.MaxInt16 - 1
	freshEpoch = lastEpoch - 1000 // from here on the head names the next id, so that no death at the very end is too early
	closeEpoch = math.MaxInt16
)

// tail is where the view stands: the part of the journal's end that must outlive a restart, kept in the view.
type tail struct {
	position   int64  // journal offset behind the last batch that the view has
	producerID int64  // of the journal, from its claims; 0: no claim seen
	epoch      int16  // the highest under that id
	appended   int64  // broker's time of the last batch, ms
	begun      int64  // wall clock when reading from the beginning began, ms; 0: the view has been whole since
	head       []byte // the newest
}

// tailRecord is tail as the view keeps it.
type tailRecord struct {
	_msgpack   struct{} `msgpack:",as_array"` //nolint:unused // tells the codec to write an array
	Position   int64
	ProducerID int64
	Epoch      int16
	Appended   int64
	Begun      int64
	Head       []byte
}

const metaTail = "tail"

func (t *tail) put(b viewBatch) {
	raw, err := msgpack.Marshal(&tailRecord{Position: t.position, ProducerID: t.producerID, Epoch: t.epoch, Appended: t.appended, Begun: t.begun, Head: t.head})
	if err != nil { // numbers and bytes always encode
		return
	}
	b.PutMeta(metaTail, raw)
}

func readTail(v view) (tail, error) {
	raw, ok, err := v.Meta(metaTail)
	if err != nil || !ok {
		return tail{}, err
	}
	var r tailRecord
	if err := msgpack.Unmarshal(raw, &r); err != nil {
		return tail{}, fmt.Errorf("engine: the view's position: %w", err)
	}
	return tail{r.Position, r.ProducerID, r.Epoch, r.Appended, r.Begun, r.Head}, nil
}

// begin claims the shard.
func (s *shard) begin(now time.Time) {
	if s.phase != phaseIdle {
		return
	}
	s.enter(now)
	s.life++
	s.phase = phaseClaiming
	s.claim = claim{shard: s, began: now, offset: -1, searched: -1}
	c := &s.claim
	if err := c.openView(); err != nil {
		s.fail(err)
		return
	}
	c.basis = c.tail.appended
	c.ask()
}

func (c *claim) openView() (err error) {
	s := c.shard
	if s.view == nil {
		if s.view, err = s.views.open(s.dir); err != nil {
			return fmt.Errorf("engine: open the view of shard %d: %w", s.id, err)
		}
		s.viewBatch = s.view.newBatch()
	}
	c.tail, err = readTail(s.view)
	if err == nil && c.tail.position == 0 {
		c.tail.begun = s.now.UnixMilli()
	}
	return err
}

// wipe throws the view away and begins again with nothing.
func (c *claim) wipe() error {
	s := c.shard
	s.viewBatch.Close()
	if err := s.view.Close(); err != nil {
		return fmt.Errorf("engine: close the view of shard %d: %w", s.id, err)
	}
	s.view = nil
	if err := s.views.destroy(s.dir); err != nil {
		return fmt.Errorf("engine: remove the view of shard %d: %w", s.id, err)
	}
	return c.openView()
}

// later tries a step again after a while.
func (c *claim) later(doing string, err error, step func()) {
	c.tries++
	c.shard.listener.Retry(c.shard.id, c.shard.journal, doing, err, c.tries)
	c.retryAt, c.retry = c.shard.now.Add(backoff(c.tries)), step
}

func (c *claim) work() (wake time.Time) {
	if c.retry == nil {
		return time.Time{}
	}
	if c.shard.now.Before(c.retryAt) {
		return c.retryAt
	}
	step := c.retry
	c.retry = nil
	step()
	return c.retryAtIfAny()
}

func (c *claim) retryAtIfAny() time.Time {
	if c.retry == nil {
		return time.Time{}
	}
	return c.retryAt
}

// alive wraps an answer so that it is heard only while this claim goes on.
func alive[A any](c *claim, f func(a A, err error)) func(A, error) {
	s, life := c.shard, c.shard.life
	return func(a A, err error) {
		if s.life == life && s.phase == phaseClaiming {
			f(a, err)
		}
	}
}

func (c *claim) transactionalID(suffix string) string {
	return fmt.Sprintf("%s/%d%s", c.shard.app, c.shard.id, suffix)
}

// ask for an epoch, then for the journal's end.
func (c *claim) ask() {
	c.shard.env.producer(c.transactionalID(""), alive(c, func(p connectors.Producer, err error) {
		if err != nil {
			c.later("producer id", err, c.ask)
			return
		}
		c.given = p
		c.survey()
	}))
}

func (c *claim) survey() {
	s := c.shard
	s.env.offset(s.journal, connectors.Latest, alive(c, func(end int64, err error) {
		switch {
		case err != nil:
			c.later("journal's end", err, c.survey)
		case end < c.tail.position:
			s.fail(fmt.Errorf("engine: %s/%d ends at offset %d, but the view in %s has read up to %d: the topic was cut or made again, or the directory belongs to another cluster; "+
				"if the journal is right, delete the directory", s.journal.Topic, s.journal.Partition, end, s.dir, c.tail.position))
		default:
			c.readTo(end, c.stake)
		}
	}))
}

// readTo brings the view up to a journal offset, then goes on.
func (c *claim) readTo(end int64, then func()) {
	s := c.shard
	if c.tail.position >= end {
		then()
		return
	}
	from := c.tail.position
	s.listener.Restoring(s.id, from, end)
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
			if err := c.absorb(f.Batches); err != nil {
				s.fail(err)
				return
			}
			if c.tail.position == from {
				c.later("read the journal", errors.New("no whole batch in the answer"), again)
				return
			}
			c.tries = 0
			again()
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
		if err := c.take(rec, info, b); err != nil {
			return fmt.Errorf("engine: %s/%d at offset %d: %w", s.journal.Topic, s.journal.Partition, rec.Offset, err)
		}
		c.tail.appended = max(c.tail.appended, info.MaxTimestamp)
	}
	c.tail.position = max(c.tail.position, c.reader.NextOffset())
	c.tail.put(b)
	if err := b.Apply(); err != nil {
		return fmt.Errorf("engine: write the view of shard %d: %w", s.id, err)
	}
	return nil
}

func (c *claim) take(rec *batch.Record, info batch.Info, b viewBatch) error {
	key := string(rec.Key)
	if key == string(keyClaim) {
		return c.takeClaim(rec, info)
	}
	if info.ProducerID == c.tail.producerID {
		c.tail.epoch = max(c.tail.epoch, info.ProducerEpoch)
	}
	switch {
	case key == string(keyHead):
		if _, err := schemas.DecodeHead(rec.Value); err != nil {
			return err
		}
		c.tail.head = slices.Clone(rec.Value)
		if info.ProducerID != c.tail.producerID { // only owners write heads; compaction may have left a stray claim alone
			c.tail.producerID, c.tail.epoch = info.ProducerID, info.ProducerEpoch
		}
	case strings.HasPrefix(key, string(keyDocument)):
		customer := key[len(keyDocument):]
		if rec.Value == nil {
			b.DeleteDocument(customer)
			return nil
		}
		doc, err := schemas.DecodeDocument(rec.Value)
		if err != nil {
			return fmt.Errorf("customer %q: %w", customer, err)
		}
		b.PutDocument(customer, rec.Value)
		if due := c.shard.program.NextDue(doc); due != schemas.Never {
			b.PutTimer(due, customer)
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

func (c *claim) takeClaim(rec *batch.Record, info batch.Info) error {
	got, err := schemas.DecodeClaim(rec.Value)
	if err != nil {
		return err
	}
	if rec.Offset == c.offset {
		c.ours = got.Nonce == c.nonce
		c.lower = info.ProducerID != c.tail.producerID || c.tail.epoch < info.ProducerEpoch
	}
	switch info.ProducerID {
	case c.tail.producerID:
		c.tail.epoch = max(c.tail.epoch, info.ProducerEpoch)
	default: // the first, or the next id after the former's epochs ended
		if c.tail.producerID != 0 && !c.follows(info.ProducerID) {
			return nil
		}
		c.tail.producerID, c.tail.epoch = info.ProducerID, info.ProducerEpoch
	}
	return nil
}

// follows says whether the head names this id as the journal's next.
func (c *claim) follows(id int64) bool {
	head, err := schemas.DecodeHead(c.tail.head)
	return err == nil && head.FreshProducerID == id
}

// stake appends the claim.
func (c *claim) stake() {
	s := c.shard
	c.producerID, c.epoch = c.tail.producerID, c.tail.epoch
	if withoutClaim {
		c.producerID, c.epoch, c.offset = batch.NoProducer, -1, c.tail.position-1
		c.sent, c.heard, c.stamped = s.now, s.now, -1
		s.own()
		return
	}
	var head *schemas.Head
	if len(c.tail.head) > 0 { // the view may have a head that a newer version wrote: who does not know it does not claim
		var err error
		if head, err = schemas.DecodeHead(c.tail.head); err != nil {
			s.fail(fmt.Errorf("engine: %s/%d: %w", s.journal.Topic, s.journal.Partition, err))
			return
		}
	}
	switch {
	case c.tail.producerID == 0:
		c.producerID, c.epoch = c.given.ID, c.given.Epoch
	case c.tail.epoch >= lastEpoch:
		if (head == nil || head.FreshProducerID == 0) && c.searched != c.tail.position {
			c.searched = c.tail.position // compaction may have taken the head that was here, for a newer one farther on
			c.survey()
			return
		}
		if head == nil || head.FreshProducerID == 0 {
			s.fail(fmt.Errorf("engine: shard %d: producer id %d of %s has no epochs left and the head names no next one", s.id, c.tail.producerID, s.journal.Topic))
			return
		}
		c.close(head.FreshProducerID)
		return
	default:
		c.epoch++
		if c.given.ID == c.producerID && c.given.Epoch <= lastEpoch {
			c.epoch = max(c.epoch, c.given.Epoch)
		}
	}
	c.appendClaim(c.producerID, c.epoch, func(offset int64) {
		c.offset = offset
		c.verify(offset)
	})
}

// close shuts the old id for everybody, then claims under the next one.
func (c *claim) close(fresh int64) {
	c.appendClaim(c.producerID, closeEpoch, func(offset int64) {
		c.readTo(offset+1, func() {
			c.producerID, c.epoch = fresh, 0
			c.appendClaim(fresh, 0, func(offset int64) {
				c.offset = offset
				c.verify(offset)
			})
		})
	})
}

func (c *claim) appendClaim(producerID int64, epoch int16, then func(offset int64)) {
	s := c.shard
	if _, err := rand.Read(c.nonce[:]); err != nil {
		s.fail(fmt.Errorf("engine: no randomness for a claim: %w", err))
		return
	}
	value, err := (&schemas.Claim{Owner: s.owner, Nonce: c.nonce, Epoch: epoch}).Append(nil)
	if err != nil {
		s.fail(err)
		return
	}
	var b batch.Builder
	b.Reset(batch.Header{ProducerID: producerID, ProducerEpoch: epoch, Timestamp: s.now.UnixMilli()})
	b.Append(keyClaim, value)
	c.batch, c.sent = b.Finish(), s.now
	c.sendClaim(then)
}

func (c *claim) sendClaim(then func(offset int64)) {
	s := c.shard
	heard := alive(c, func(r connectors.Produced, _ error) {
		switch verdict(r) {
		case taken:
			c.tries, c.heard, c.stamped = 0, s.now, r.AppendTime
			then(r.BaseOffset)
		case doubtful, notTaken:
			c.later("claim", answerError(r), func() { c.sendClaim(then) })
		case fencedOff, outOfOrder:
			s.drop("another member claimed first")
		default:
			s.listener.Refused(s.id, s.journal, r.Code, r.Message)
			c.later("claim", answerError(r), func() { c.sendClaim(then) })
		}
	})
	s.env.append(c.batch, func(r connectors.Produced) { heard(r, nil) })
}

// verify reads up to the claim and owns if it is ours.
func (c *claim) verify(offset int64) {
	s := c.shard
	if c.tail.position > offset { // the answer named a batch that was read already: it is another's
		s.drop("another member's claim has the same epoch")
		return
	}
	c.readTo(offset+1, func() {
		switch {
		case !c.ours || !c.lower || c.tail.producerID != c.producerID:
			s.drop("another member's claim has the same epoch or a higher one")
		case c.stale():
			if err := c.wipe(); err != nil {
				s.fail(err)
				return
			}
			c.verify(offset)
		default:
			c.tail.begun = 0
			s.own()
		}
	})
}

// stale says that tombstones may have been removed since the view was whole, so that it may hold what is gone.
func (c *claim) stale() bool {
	if c.basis == 0 && c.tail.begun == 0 {
		return false
	}
	half := c.shard.deleteRetention.Milliseconds() / 2
	if c.tail.begun != 0 { // a restore under way since then; our claim's time is the broker's present
		return max(c.shard.now.UnixMilli(), c.tail.appended)-c.tail.begun > half
	}
	return c.tail.appended-c.basis > half
}
