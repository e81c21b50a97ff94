package engine

import (
	"slices"
	"testing"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/schemas"
)

// losing is a paying publisher whose journal answers when the test lets it.
func losing(onLoss string) (p *paying, heads *[]schemas.OutboxPosition) {
	p, heads = newPaying(), new([]schemas.OutboxPosition)
	p.onLoss, p.name = onLoss, "shop/3"
	p.env.producer = func(id string, done func(connectors.Producer, error)) {
		p.calls = append(p.calls, func() { done(p.broker.initProducer(id), nil) })
	}
	unit := uint64(0)
	p.renewing = func() {
		unit++
		p.sealing(unit)
		for _, l := range p.lanes {
			*heads = append(*heads, p.outboxPosition(l))
		}
		at, sent := unit, p.sent
		p.calls = append(p.calls, func() {
			if p.sent != sent {
				panic("published before the journal knew of the new producer")
			}
			p.journaled(at)
		})
	}
	return p, heads
}

// What happens to what is owed when a broker breaks its promise: nothing, it is sent under another id, or it is given up.
func TestTrueLoss(t *testing.T) {
	refuse := func(p *paying, first int32) { // the broker never takes this sequence of the shard's own producer
		p.spoil = func(raw []byte) *connectors.Produced {
			if i, err := batch.ReadInfo(raw); err == nil && i.ProducerID == p.producerID && i.BaseSequence >= first {
				return &connectors.Produced{Code: connectors.OutOfOrderSequence}
			}
			return nil
		}
	}
	tooLarge := func(p *paying, sequence int32) {
		p.spoil = func(raw []byte) *connectors.Produced {
			if i, err := batch.ReadInfo(raw); err == nil && i.BaseSequence <= sequence && sequence < i.BaseSequence+i.Count {
				return &connectors.Produced{Code: connectors.MessageTooLarge}
			}
			return nil
		}
	}
	gone := func(_ *paying, l *lane) { l.next, l.acked, l.lookFrom, l.lookNext = 4, 4, 4, true }
	for _, c := range []struct {
		name, onLoss string
		before       func(*paying, *lane)
		want         []int32 // sequences on the topic, behind what is owed at first (5 actions) and then 2 more
		stopped      bool
	}{
		{"gone, stop", LossStop, gone, nil, true},
		{"gone, resend", LossResend, gone, []int32{4, 5, 6, 7, 8, 9, 10}, false},
		{"gone, drop", LossDrop, gone, []int32{9, 10}, false},
		{"refused, stop", LossStop, func(p *paying, _ *lane) { refuse(p, 3) }, []int32{0, 1, 2}, true},
		{"refused, resend", LossResend, func(p *paying, _ *lane) { refuse(p, 3) }, []int32{0, 1, 2, 3, 4, 5, 6}, false},
		{"refused, drop", LossDrop, func(p *paying, _ *lane) { refuse(p, 3) }, []int32{0, 1, 2, 5, 6}, false},
		{"too large, stop", LossStop, func(p *paying, _ *lane) { tooLarge(p, 3) }, []int32{0, 1, 2}, true},
		{"too large, resend", LossResend, func(p *paying, _ *lane) { tooLarge(p, 3) }, []int32{0, 1, 2}, true},
		{"too large, drop", LossDrop, func(p *paying, _ *lane) { tooLarge(p, 3) }, []int32{0, 1, 2, 4, 5, 6}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, heads := losing(c.onLoss)
			l := p.lane("actions", 0)
			c.before(p, l)
			p.owe(l, 3)
			p.owe(l, 2)
			p.run()
			p.owe(l, 2)
			p.run()
			if got := p.sequences(t, l); !slices.Equal(got, c.want) {
				t.Errorf("on the topic are %v, not %v", got, c.want)
			}
			if p.lost[l.TopicPartition] == nil || (l.state == laneStopped) != c.stopped {
				t.Errorf("lost %v, stopped %v", p.lost, l.state == laneStopped)
			}
			if c.stopped {
				if len(l.queue) == 0 || p.owedBytes == 0 || len(*heads) > 0 {
					t.Error("what is not paid is no longer owed")
				}
				return
			}
			if !p.paid() || p.owedBytes != 0 || len(l.retired) != 3 || len(*heads) != 1 || (*heads)[0].ProducerID != l.producer.ID || l.producer.ID == p.producerID {
				t.Errorf("owed %d bytes, records retired %v, heads %+v", p.owedBytes, l.retired, *heads)
			}
		})
	}
}

// A new owner goes on where the head says: with the new producer, whatever the old one's records hold.
func TestTrueLossIsInherited(t *testing.T) {
	p, heads := losing(LossResend)
	l := p.lane("actions", 0)
	l.next, l.acked, l.lookFrom, l.lookNext = 4, 4, 4, true
	owedBytes := p.batch(4, 3)
	p.owe(l, 3)
	p.run()
	if len(p.sequences(t, l)) != 3 || len(*heads) != 1 {
		t.Fatal(p.sequences(t, l), *heads)
	}
	next, _ := losing(LossResend)
	next.broker = p.broker
	n := next.lane("actions", 0)
	h := (*heads)[0]
	n.next, n.acked, n.lookFrom, n.lookNext, n.producer = h.Next, h.Acked, h.LookFrom, true, connectors.Producer{ID: h.ProducerID, Epoch: h.ProducerEpoch}
	next.pay(n, owed{first: 4, count: 3, record: 4, last: true, bytes: owedBytes})
	next.run()
	if got := next.sequences(t, n); !slices.Equal(got, []int32{4, 5, 6}) || !next.paid() || len(next.lost) > 0 {
		t.Errorf("on the topic are %v, lost %v", got, next.lost)
	}
}
