package engine

import (
	"crypto/rand"
	"fmt"
	"math"
	"strconv"
	"time"

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
	from       int64     // journal position at which reading began
	restored   int64     // journal records read
	documents  int64     // of them
	fresh      time.Time // when this claim began to read the journal from its beginning; zero: it did not, or the view is whole
	caughtUp   bool      // a standby that has been at the journal's end
	tries      int
	retryAt    time.Time
	retry      func()
	short      shortage // the journal ends before the view
	surveys    int      // of the journal's end, that found it far away
	headless   shortage // no head names the next producer id
	lacking    shortage // the journal lacks what its head speaks of
	reader     batch.Reader
	tail       tail
}

// lastEpoch is the highest epoch that an owner may have: Kafka keeps 32767 for itself, and here it closes an id.
const (
	lastEpoch  = math.MaxInt16 - 1
	freshEpoch = lastEpoch - 1000 // from here on the head names the next id, so that no death at the very end is too early
	closeEpoch = math.MaxInt16
)

// begin claims the shard.
func (s *shard) begin(now time.Time) {
	switch s.phase {
	case phaseIdle:
	case phaseStandby:
		s.standDown()
	case phaseRunning: // given back before anybody else had claimed it
		s.yielding = false
		return
	default:
		return
	}
	s.enter(now)
	s.life++
	s.phase = phaseClaiming
	s.claim = claim{shard: s, began: now, offset: -1}
	c := &s.claim
	c.ready(c.ask)
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
		if s.life == life && (s.phase == phaseClaiming || s.phase == phaseStandby) {
			f(a, err)
		}
	}
}

func (c *claim) transactionalID(suffix string) string {
	return c.shard.app + "/" + strconv.Itoa(int(c.shard.id)) + suffix
}

// ask for an epoch, then for the journal's end.
func (c *claim) ask() { c.askAs(c.transactionalID("")) }

// askAs asks under a transactional id. Kafka counts producer ids from 0, which stands for none in views and heads: whoever
// is given that one, the first that ever asked the cluster, asks for another and leaves it unused.
func (c *claim) askAs(id string) {
	c.shard.env.producer(id, alive(c, func(p connectors.Producer, err error) {
		switch {
		case err != nil:
			c.later("producer id", err, c.ask)
		case p.ID == 0:
			c.askAs(id + "/first")
		default:
			c.given = p
			c.survey()
		}
	}))
}

func (c *claim) survey() {
	s := c.shard
	s.env.offset(s.journal, connectors.Latest, alive(c, func(end int64, err error) {
		switch {
		case err != nil:
			c.later("journal's end", err, c.survey)
		case end < c.tail.position:
			err := fmt.Errorf("engine: %s/%d ends at offset %d, but the view in %s has read up to %d: the topic was cut or made again, or the directory belongs to another cluster; "+
				"if the journal is right, delete the directory", s.journal.Topic, s.journal.Partition, end, s.dir, c.tail.position)
			if c.short.found(s.now) {
				s.fail(err)
				return
			}
			c.later("journal's end", err, c.survey)
		case end-c.tail.position > nearEnd && c.surveys < mostSurveys:
			c.surveys++
			c.readTo(end, c.survey) // the owner works on meanwhile, and its journal grows
		default:
			c.readTo(end, c.stake)
		}
	}))
}

// What is read behind the claim is read while nobody works on the shard: so a claimant that is far behind comes near the
// end first.
const (
	nearEnd     = 2000 // journal records
	mostSurveys = 8
)

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
		if head == nil || head.FreshProducerID == 0 { // compaction may have taken the head that was here, for a newer one farther on
			err := fmt.Errorf("engine: shard %d: producer id %d of %s has no epochs left and the head names no next one", s.id, c.tail.producerID, s.journal.Topic)
			if c.headless.found(s.now) {
				s.fail(err)
				return
			}
			c.later("next producer id", err, c.survey)
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
			if c.tail.producerID == fresh { // others have claimed under it meanwhile
				c.epoch = c.tail.epoch + 1
			}
			c.appendClaim(fresh, c.epoch, func(offset int64) {
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
	key, first := firstClaimKey(producerID, c.nonce), int64(-1) // this one
	if producerID == c.tail.producerID {
		key, first = claimKey(producerID), c.tail.first
	}
	value := (&schemas.Claim{Owner: s.owner, Nonce: c.nonce, Epoch: epoch, First: first}).Append(nil)
	var b batch.Builder
	b.Reset(batch.Header{ProducerID: producerID, ProducerEpoch: epoch, Timestamp: s.now.UnixMilli()})
	b.Append(key, value)
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
		case c.stale(): // the claim's own time is the broker's present
			if err := c.wipe(); err != nil {
				s.fail(err)
				return
			}
			c.verify(offset)
		case len(c.tail.head) == 0:
			c.agree()
		default:
			c.complete()
			s.own()
		}
	})
}

// agree makes sure, before anybody wrote a head, that no other producer id was claimed first. Two who were given
// different ids do not shut each other out, so nothing but claims may ever be written under any id but the first. Of
// each id the newest claim tells how early the first was; it may lie beyond ours, so the journal is read to an end that
// is still the end afterwards: then none was missed.
func (c *claim) agree() {
	s := c.shard
	s.env.offset(s.journal, connectors.Latest, alive(c, func(end int64, err error) {
		switch {
		case err != nil:
			c.later("journal's end", err, c.agree)
		case end > c.tail.position:
			c.readTo(end, c.agree)
		case c.tail.producerID != c.producerID || c.tail.epoch != c.epoch:
			s.drop("another member's claim was first, or came later")
		default:
			c.complete()
			s.own()
		}
	}))
}
