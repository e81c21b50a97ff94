package engine

import (
	"fmt"
	"slices"
	"time"

	"wend/connectors"
	"wend/schemas"
)

// True loss (protocol rule 9): a broker no longer has what it had acknowledged, or refuses what must come next. Nothing
// that is sent under the lane's sequences would be taken any more. With on_loss: stop the lane stops and waits for a
// person. Else it goes on under a producer id of its own, which a unit's head tells before anything is sent under it:
// whoever takes over looks for that one. With drop, what is owed is given up first; with resend it is sent, and what a
// former owner may yet bring under the old id comes twice, with the same action ids.

// lose meets a true loss.
func (p *publisher) lose(l *lane, reason error) {
	owed := l.next - l.acked
	switch p.onLoss {
	case LossResend:
		p.listener.Lost(p.shard, l.TopicPartition, owed, fmt.Errorf("%w; on_loss: resend: what is owed is sent under a new producer id, some of it may come twice", reason))
	case LossDrop:
		p.listener.Lost(p.shard, l.TopicPartition, owed, fmt.Errorf("%w; on_loss: drop: what is owed so far is given up", reason))
		p.giveUp(l, len(l.queue))
	default:
		p.stop(l, fmt.Errorf("%w; start with --on-loss resend or --on-loss drop to go on", reason))
		return
	}
	p.renew(l)
}

// tooLarge meets an action that the topic no longer takes. To send it under another id would not help.
func (p *publisher) tooLarge(l *lane, reason error) {
	if p.onLoss != LossDrop {
		p.stop(l, reason)
		return
	}
	p.listener.Lost(p.shard, l.TopicPartition, 1, fmt.Errorf("%w; on_loss: drop: it is given up", reason))
	p.giveUp(l, 1)
	p.renew(l) // the broker would not take the sequence behind one that it has not seen
}

// giveUp takes the lane's first n batches for acknowledged.
func (p *publisher) giveUp(l *lane, n int) {
	for i := range l.queue[:n] {
		o := &l.queue[i]
		l.acked = o.first + int64(o.count)
		if o.last {
			l.retired = append(l.retired, retired{l, o.record, o.origin})
		}
		p.owedBytes -= len(o.bytes) // whose memory is left to the collector
	}
	l.queue = slices.Delete(l.queue, 0, n)
	p.progress()
}

// renew gets the lane another producer id, and has it journaled together with where the topic ends now. The transactional
// id depends on the former producer alone: who tries again after a crash is given the same, or a later epoch of it.
func (p *publisher) renew(l *lane) {
	l.state, l.renewed, l.renewal, l.refusals, l.short, l.lookNext = laneRenewing, false, 0, 0, shortage{}, false
	l.retryAt = time.Time{} // an answer comes
	later := func(err error) {
		l.tries++
		l.retryAt = p.now.Add(backoff(l.tries))
		p.listener.Retry(p.shard, l.TopicPartition, "new producer id", err, l.tries)
	}
	p.env.producer(fmt.Sprintf("%s/actions/after-%d/%s/%d", p.name, l.producer.ID, l.Topic, l.Partition), func(next connectors.Producer, err error) {
		switch {
		case p.ended:
		case err != nil:
			later(err)
		default:
			p.env.offset(l.TopicPartition, connectors.Latest, func(end int64, err error) {
				switch {
				case p.ended:
				case err != nil:
					later(err)
				default:
					l.producer, l.lookFrom, l.tries = next, end, 0
					l.renewed = true
					p.renewing()
				}
			})
		}
	})
}

// outboxPosition is what the head says of the lane.
func (p *publisher) outboxPosition(l *lane) schemas.OutboxPosition {
	o := schemas.OutboxPosition{Topic: l.Topic, Partition: l.Partition, Next: l.next, Acked: l.acked, LookFrom: l.lookFrom}
	if own := (connectors.Producer{ID: p.producerID, Epoch: p.epoch}); l.producer != own {
		o.ProducerID, o.ProducerEpoch = l.producer.ID, l.producer.Epoch
	}
	return o
}

// sealing notes that the unit's head tells of the lanes' new producers.
func (p *publisher) sealing(unit uint64) {
	for _, l := range p.lanes {
		if l.state == laneRenewing && l.renewed && l.renewal == 0 {
			l.renewal = unit
		}
	}
}

// journaled lets the lanes go on whose new producer the unit has told of.
func (p *publisher) journaled(unit uint64) {
	for _, l := range p.lanes {
		if l.state == laneRenewing && l.renewal == unit {
			l.state = laneIdle
			p.pump(l)
		}
	}
}
