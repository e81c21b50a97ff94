package engine

import (
	"errors"
	"slices"
	"testing"
	"time"

	"wend/connectors"
	"wend/connectors/batch"
)

// paying is a publisher whose world is a simBroker that answers at once, but for what the tests put between.
type paying struct {
	*publisher
	broker *simBroker
	calls  []func()
	sent   int
	lost   map[connectors.TopicPartition]error
	spoil  func(raw []byte) *connectors.Produced // an answer of its own to a publish, nil: the broker's
}

func newPaying() *paying {
	p := &paying{broker: newSimBroker(func() int64 { return 1_700_000_000_000 }), lost: map[connectors.TopicPartition]error{}}
	later := func(f func()) { p.calls = append(p.calls, f) }
	e := &env{
		publish: func(tp connectors.TopicPartition, raw []byte, done func(connectors.Produced)) {
			p.sent++
			later(func() {
				if p.spoil != nil {
					if r := p.spoil(raw); r != nil {
						done(*r)
						return
					}
				}
				done(p.broker.produce(tp, raw))
			})
		},
		read: func(tp connectors.TopicPartition, from int64, done func(connectors.Fetched, error)) {
			later(func() {
				f, err := p.broker.read(tp, from, 100)
				if first := p.broker.log(tp).batches; len(first) > 0 && from < first[0].info.BaseOffset {
					f = connectors.Fetched{TopicPartition: tp, Code: connectors.OffsetOutOfRange, LogStart: -1}
				}
				done(f, err)
			})
		},
		offset: func(tp connectors.TopicPartition, at int64, done func(int64, error)) {
			later(func() {
				l := p.broker.log(tp)
				if at == connectors.Earliest {
					start := l.end
					if len(l.batches) > 0 {
						start = l.batches[0].info.BaseOffset
					}
					done(start, nil)
					return
				}
				done(l.end, nil)
			})
		},
	}
	p.publisher = &publisher{env: e, producerID: 7, progress: func() {}, now: time.UnixMilli(1_700_000_000_000), proved: time.UnixMilli(1_700_000_000_000),
		listener: Listener{Lost: func(_ int32, tp connectors.TopicPartition, _ int64, err error) { p.lost[tp] = err }}.filled()}
	return p
}

func (p *paying) batch(first int64, n int) []byte {
	var b batch.Builder
	b.Reset(batch.Header{ProducerID: p.producerID, ProducerEpoch: p.epoch, BaseSequence: batch.WireSequence(first), Timestamp: 1})
	for range n {
		b.Append([]byte("c"), []byte("an action"))
	}
	return b.Take()
}

func (p *paying) owe(l *lane, n int) {
	l.lookFrom = max(l.lookFrom, 0)
	first := l.next
	l.next += int64(n)
	p.pay(l, owed{first: first, count: n, record: first, last: true, bytes: p.batch(first, n)})
}

func (p *paying) run() {
	doubted := func() bool { // what is refused, or gone, is tried again for minutes
		return slices.ContainsFunc(p.lanes, func(l *lane) bool { return (l.refusals > 0 || l.short != (shortage{})) && l.state != laneStopped })
	}
	for i, left := 0, 200; i < 2000 && left > 0; i++ {
		if !doubted() {
			left--
		}
		if len(p.calls) == 0 {
			p.now = p.now.Add(time.Second)
			p.work(p.now)
		}
		if len(p.calls) > 0 {
			f := p.calls[0]
			p.calls = p.calls[1:]
			f()
		}
	}
}

func (p *paying) sequences(t *testing.T, l *lane) (all []int32) {
	t.Helper()
	for _, b := range p.broker.log(l.TopicPartition).batches {
		for i := range b.info.Count {
			all = append(all, b.info.BaseSequence+i)
		}
	}
	return all
}

func TestPublisher(t *testing.T) {
	upTo := func(n int32) (all []int32) {
		for i := range n {
			all = append(all, i)
		}
		return all
	}
	t.Run("a former owner published further", func(t *testing.T) {
		p := newPaying()
		l, tp := p.lane("actions", 0), actionsPartition(0)
		p.broker.forgetful = true
		p.spoil = func([]byte) *connectors.Produced { // between our look and our batch
			if len(p.broker.log(tp).batches) == 0 {
				p.broker.produce(tp, p.batch(0, 1))
				p.broker.produce(tp, p.batch(1, 2))
			}
			return nil
		}
		for _, n := range []int{1, 2, 3} {
			p.owe(l, n)
		}
		p.run()
		if got := p.sequences(t, l); !slices.Equal(got, upTo(6)) || !p.paid() || len(p.lost) > 0 {
			t.Errorf("sequences %v, lost %v", got, p.lost)
		}
	})
	t.Run("a former owner had split what is owed", func(t *testing.T) {
		p := newPaying()
		l := p.lane("actions", 0)
		p.broker.produce(l.TopicPartition, p.batch(0, 2))
		l.lookNext = true
		p.owe(l, 5)
		p.run()
		if got := p.sequences(t, l); !slices.Equal(got, upTo(5)) || !p.paid() || len(l.retired) != 1 || l.retired[0].record != 0 {
			t.Errorf("sequences %v, records retired %v", got, l.retired)
		}
	})
	t.Run("what waits goes out together", func(t *testing.T) {
		p := newPaying()
		p.largest = 3*len(p.batch(0, 2)) + 10
		l := p.lane("actions", 0)
		for range 8 { // the first by itself, then three, three, and the last
			p.owe(l, 2)
		}
		p.run()
		if got := p.sequences(t, l); !slices.Equal(got, upTo(16)) || !p.paid() || p.owedBytes != 0 || p.sent != 4 || len(l.retired) != 8 {
			t.Errorf("sequences %v after %d sends, owed %d, retired %v", got, p.sent, p.owedBytes, l.retired)
		}
	})
	t.Run("what went out together was cut by a former owner, and its answer lost", func(t *testing.T) {
		p := newPaying()
		p.largest = 1 << 20
		l := p.lane("actions", 0)
		p.spoil = func(raw []byte) *connectors.Produced {
			if i, err := batch.ReadInfo(raw); err == nil && i.Count == 8 { // a part of it comes from somewhere, then nothing is heard
				p.broker.produce(l.TopicPartition, p.batch(2, 3))
				return &connectors.Produced{Err: errLostAnswer}
			}
			return nil
		}
		for _, n := range []int{2, 4, 4} {
			p.owe(l, n)
		}
		p.run()
		if got := p.sequences(t, l); !slices.Equal(got, upTo(10)) || !p.paid() || p.owedBytes != 0 || len(p.lost) > 0 || len(l.retired) != 3 {
			t.Errorf("sequences %v, lost %v, owed %d", got, p.lost, p.owedBytes)
		}
	})
	t.Run("another try of what went out together is the same", func(t *testing.T) {
		p := newPaying()
		p.largest = 1 << 20
		l := p.lane("actions", 0)
		tries := 0
		p.spoil = func(raw []byte) *connectors.Produced {
			if i, err := batch.ReadInfo(raw); err == nil && i.BaseSequence == 2 && tries < 3 { // appended where no look can see it
				if tries++; i.Count != 4 {
					t.Errorf("try %d has %d actions", tries, i.Count)
				}
				p.owe(l, 2)
				return &connectors.Produced{Err: errLostAnswer}
			}
			return nil
		}
		for range 3 {
			p.owe(l, 2)
		}
		p.run()
		if got := p.sequences(t, l); !slices.Equal(got, upTo(12)) || !p.paid() || tries != 3 {
			t.Errorf("sequences %v, %d tries", got, tries)
		}
	})
	t.Run("together they are too large", func(t *testing.T) {
		p := newPaying()
		p.largest = 1 << 20
		l := p.lane("actions", 0)
		p.spoil = func(raw []byte) *connectors.Produced {
			if i, err := batch.ReadInfo(raw); err == nil && i.Count > 2 {
				return &connectors.Produced{Code: connectors.MessageTooLarge}
			}
			return nil
		}
		for range 4 {
			p.owe(l, 2)
		}
		p.run()
		if got := p.sequences(t, l); !slices.Equal(got, upTo(8)) || !p.paid() || p.sent != 5 {
			t.Errorf("sequences %v after %d sends", got, p.sent)
		}
	})
	t.Run("an answer is lost", func(t *testing.T) {
		p := newPaying()
		l := p.lane("actions", 0)
		lost := false
		p.spoil = func(raw []byte) *connectors.Produced {
			if lost {
				return nil
			}
			lost = true
			p.broker.produce(l.TopicPartition, raw)
			p.broker.log(l.TopicPartition).states = nil // nobody remembers
			return &connectors.Produced{Err: errLostAnswer}
		}
		p.owe(l, 2)
		p.run()
		if got := p.sequences(t, l); !slices.Equal(got, upTo(2)) || !p.paid() || p.sent != 1 {
			t.Errorf("sequences %v after %d sends", got, p.sent)
		}
	})
	t.Run("what is refused for lies above the high watermark", func(t *testing.T) {
		p := newPaying()
		l := p.lane("actions", 0)
		refusals := 0
		p.spoil = func(raw []byte) *connectors.Produced {
			if refusals++; refusals == 4 { // the replicas have it at last: looks see it
				p.broker.produce(l.TopicPartition, raw)
			}
			return &connectors.Produced{Code: connectors.OutOfOrderSequence}
		}
		p.owe(l, 3)
		p.run()
		if got := p.sequences(t, l); len(p.lost) > 0 || !p.paid() || refusals != 4 || !slices.Equal(got, upTo(3)) {
			t.Errorf("%d refusals, lost %v, sequences %v", refusals, p.lost, got)
		}
	})
	t.Run("refused twice and nothing missing", func(t *testing.T) {
		p := newPaying()
		l, other := p.lane("actions", 0), p.lane("actions", 1)
		refusals := 0
		p.spoil = func(raw []byte) *connectors.Produced {
			if i, err := batch.ReadInfo(raw); err == nil && i.Count == 3 {
				refusals++
				return &connectors.Produced{Code: connectors.OutOfOrderSequence}
			}
			return nil
		}
		p.owe(l, 3)
		p.run()
		p.owe(other, 1)
		p.run()
		if p.lost[l.TopicPartition] == nil || l.state != laneStopped || refusals < 2 || p.now.Sub(l.refused) < lossPatience {
			t.Errorf("%d refusals, lost %v", refusals, p.lost)
		}
		if got := p.sequences(t, other); !slices.Equal(got, upTo(1)) {
			t.Errorf("another partition has %v", got)
		}
		if p.owedBytes == 0 || len(l.queue) != 1 {
			t.Error("what is not paid is no longer owed")
		}
	})
	t.Run("one action is too large", func(t *testing.T) {
		p := newPaying()
		l := p.lane("actions", 0)
		p.spoil = func(raw []byte) *connectors.Produced {
			if i, err := batch.ReadInfo(raw); err == nil && i.BaseSequence+i.Count > 2 { // the third is, alone and with others
				return &connectors.Produced{Code: connectors.MessageTooLarge}
			}
			return nil
		}
		p.owe(l, 4)
		p.run()
		if got := p.sequences(t, l); !slices.Equal(got, upTo(2)) || !errors.Is(p.lost[l.TopicPartition], connectors.MessageTooLarge) {
			t.Errorf("sequences %v, lost %v", got, p.lost)
		}
	})
	t.Run("acknowledged actions are gone", func(t *testing.T) {
		p := newPaying()
		l := p.lane("actions", 0)
		l.next, l.acked, l.lookFrom, l.lookNext = 4, 4, 4, true
		p.owe(l, 1)
		p.run()
		if p.lost[l.TopicPartition] == nil || len(p.sequences(t, l)) > 0 {
			t.Error("went on as if nothing were")
		}
		if p.now.Sub(l.short.since) < lossPatience {
			t.Errorf("taken for loss after %v", p.now.Sub(l.short.since))
		}
	})
	t.Run("a broker that slept says where the topic ended", func(t *testing.T) {
		for _, onLoss := range []string{LossStop, LossResend, LossDrop} {
			p := newPaying()
			p.onLoss = onLoss
			l := p.lane("actions", 0)
			p.owe(l, 4)
			p.run()
			asked, stale := p.env.offset, 0
			p.env.offset = func(tp connectors.TopicPartition, at int64, done func(int64, error)) {
				if stale++; stale%5 != 0 { // now and then the right one answers: what it tells counts
					done(2, nil)
					return
				}
				asked(tp, at, done)
			}
			for n := range 20 {
				p.broker.produce(l.TopicPartition, p.batch(l.next, 1)) // by a former owner, of whom nobody remembers
				p.broker.log(l.TopicPartition).states = nil
				l.lookNext = true
				p.owe(l, 1)
				p.run()
				if got := p.sequences(t, l); len(p.lost) > 0 || !p.paid() || !slices.Equal(got, upTo(int32(5+n))) {
					t.Fatalf("on_loss %s: lost %v, sequences %v", onLoss, p.lost, got)
				}
				p.now = p.now.Add(lossPatience)
			}
		}
	})
	t.Run("a lane at rest follows its topic's end", func(t *testing.T) {
		p := newPaying()
		l, busy := p.lane("actions", 0), p.lane("actions", 1)
		p.owe(l, 2)
		p.run()
		var others batch.Builder
		others.Reset(batch.Header{ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1})
		for range 5 {
			others.Append(nil, []byte("another shard's"))
		}
		for _, tp := range []connectors.TopicPartition{l.TopicPartition, busy.TopicPartition} {
			p.broker.produce(tp, others.Finish())
		}
		busy.lookFrom, busy.next = 0, 1 // sealed, not yet owed: it may not move
		p.now = p.now.Add(2 * staleLookFrom)
		p.run()
		if l.lookFrom != 7 || busy.lookFrom != 0 {
			t.Errorf("looks would read from %d and %d", l.lookFrom, busy.lookFrom)
		}
	})
	t.Run("retention is ahead of the look", func(t *testing.T) {
		p := newPaying()
		l := p.lane("actions", 0)
		p.broker.produce(l.TopicPartition, p.batch(0, 1))
		p.broker.produce(l.TopicPartition, p.batch(1, 1))
		log := p.broker.log(l.TopicPartition)
		log.batches = log.batches[1:]
		l.lookNext = true
		p.owe(l, 3)
		p.run()
		if got := p.sequences(t, l); !slices.Equal(got, []int32{1, 2}) || !p.paid() {
			t.Errorf("sequences %v", got)
		}
	})
	t.Run("who slept looks first, and again when he slept over the look", func(t *testing.T) {
		p := newPaying()
		l := p.lane("actions", 0)
		p.now = p.now.Add(2 * time.Hour)
		ask, answer := p.env.offset, func(int64, error) {}
		p.env.offset = func(tp connectors.TopicPartition, at int64, done func(int64, error)) {
			answer = done
			ask(tp, at, done)
		}
		p.owe(l, 1)
		if p.sent > 0 {
			t.Fatal("sent without a look")
		}
		end := p.broker.log(l.TopicPartition).end // what the look is told, before a successor publishes
		p.broker.produce(l.TopicPartition, p.batch(0, 1))
		p.broker.log(l.TopicPartition).states = nil
		p.now = p.now.Add(25 * time.Hour)
		p.calls = nil
		answer(end, nil)
		p.run()
		if got := p.sequences(t, l); !slices.Equal(got, upTo(1)) || !p.paid() {
			t.Errorf("sequences %v", got)
		}
	})
}
