package engine

import (
	"errors"
	"fmt"
	"io"

	"wend/connectors"
)

// What of the owed actions is on a topic already (rule 7). Whoever sends without knowing may send twice.

// look reads the topic from lookFrom to its end and takes what is there as acknowledged.
func (p *publisher) look(l *lane) {
	if withoutLook {
		p.lookedThrough(l)
		return
	}
	l.state, l.looked = laneLooking, p.now
	p.listener.Looked(p.shard, l.TopicPartition)
	p.env.offset(l.TopicPartition, connectors.Latest, func(end int64, err error) {
		switch {
		case p.ended:
		case err != nil:
			p.wait(l, true, "look", err)
		case end < l.lookFrom:
			p.short(l, fmt.Errorf("the topic ends at offset %d, but what was acknowledged reached %d: acknowledged actions are gone", end, l.lookFrom))
		default:
			l.end, l.short = end, shortage{}
			p.lookOn(l, l.lookFrom)
		}
	})
}

// short meets a topic that ends before what was acknowledged.
func (p *publisher) short(l *lane, gone error) {
	if l.short.found(p.now) && l.looked.Sub(l.short.since) >= lossPatience { // the look, not its answer, is as late
		p.lose(l, gone)
		return
	}
	p.wait(l, true, "look", gone)
}

func (p *publisher) lookOn(l *lane, from int64) {
	if from >= l.end {
		p.lookedThrough(l)
		return
	}
	p.env.read(l.TopicPartition, from, func(f connectors.Fetched, err error) {
		defer f.Release()
		if p.ended {
			return
		}
		if err == nil && f.Code == connectors.OffsetOutOfRange {
			p.skipGone(l, from)
			return
		}
		if err == nil {
			err = f.Problem()
		}
		if err == nil {
			err = p.seen(l, f.Batches, from)
		}
		if l.state == laneStopped {
			return
		}
		if err != nil {
			p.wait(l, true, "look", err)
			return
		}
		p.lookOn(l, max(p.reader.NextOffset(), from))
	})
}

// skipGone goes on looking where the topic begins: retention has removed what comes next. (The answer that says "out of
// range" does not say where the log starts.)
func (p *publisher) skipGone(l *lane, from int64) {
	p.env.offset(l.TopicPartition, connectors.Earliest, func(start int64, err error) {
		switch {
		case p.ended:
		case err != nil:
			p.wait(l, true, "look", err)
		case start <= from:
			p.wait(l, true, "look", connectors.OffsetOutOfRange)
		default:
			p.lookOn(l, start)
		}
	})
}

// seen notes what of ours lies in raw.
func (p *publisher) seen(l *lane, raw []byte, from int64) error {
	p.reader.Reset(raw, from, nil)
	for {
		_, err := p.reader.Next()
		if errors.Is(err, io.EOF) {
			if p.reader.NextOffset() <= from {
				return fmt.Errorf("no whole batch in an answer of %d bytes", len(raw))
			}
			return nil
		}
		if err != nil {
			return err
		}
		i := p.reader.Info()
		if i.ProducerID != l.producer.ID || i.ProducerEpoch != l.producer.Epoch {
			continue
		}
		last := unwrap(i.BaseSequence, l.acked) + (i.LastOffset - i.BaseOffset)
		p.acknowledge(l, last+1, i.LastOffset+1)
		if l.state == laneStopped {
			return nil
		}
	}
}

func (p *publisher) lookedThrough(l *lane) {
	l.state, l.lookNext = laneIdle, false
	if l.refusals > 1 && l.looked.Sub(l.refused) >= lossPatience { // refused again and again, and a look so late sees nothing (an acknowledgement sets it back)
		p.lose(l, errors.New("the broker refuses the next sequence although nothing is missing on the topic"))
		return
	}
	if elapsed(l.looked, p.now) > staleOwner && !withoutLook { // slept meanwhile: what the look did not see may be there by now
		p.look(l)
		return
	}
	if len(l.queue) > 0 {
		p.transmit(l)
	}
}
