package engine

import (
	"encoding/binary"
	"errors"

	"wend/connectors"
	"wend/connectors/batch"
)

// simBroker follows the rules at the top of docs/protocol.md: what a Kafka broker does for idempotent producers. It is one
// broker with everything replicated, so what is in a log stays there.
type simBroker struct {
	logs      map[connectors.TopicPartition]*simLog
	producers map[string]connectors.Producer // by transactional id
	nextID    int64
	now       func() int64

	unfenced bool // accepts every epoch and sequence: as if owners did not claim
}

type simLog struct {
	batches []simBatch
	end     int64
	states  map[int64]*producerState
}

type simBatch struct {
	raw  []byte
	info batch.Info
}

// producerState is what the broker remembers of a producer id in one partition.
type producerState struct {
	epoch  int16
	recent []simBatch // the last five, after a restart the last one
}

func newSimBroker(now func() int64) *simBroker {
	return &simBroker{logs: map[connectors.TopicPartition]*simLog{}, producers: map[string]connectors.Producer{}, nextID: 1000, now: now}
}

func (b *simBroker) log(tp connectors.TopicPartition) *simLog {
	l := b.logs[tp]
	if l == nil {
		l = &simLog{states: map[int64]*producerState{}}
		b.logs[tp] = l
	}
	return l
}

func (b *simBroker) initProducer(id string) connectors.Producer {
	p, ok := b.producers[id]
	if !ok {
		b.nextID++
		p = connectors.Producer{ID: b.nextID}
	} else {
		p.Epoch++
	}
	b.producers[id] = p
	return p
}

func (b *simBroker) produce(tp connectors.TopicPartition, raw []byte) connectors.Produced {
	in, err := batch.ReadInfo(raw)
	if err != nil {
		return connectors.Produced{TopicPartition: tp, Code: connectors.CorruptMessage}
	}
	l := b.log(tp)
	answer := connectors.Produced{TopicPartition: tp, AppendTime: b.now()}
	if in.ProducerID >= 0 && !b.unfenced {
		st := l.states[in.ProducerID]
		switch {
		case st == nil: // an unknown producer may begin anywhere
			st = &producerState{epoch: in.ProducerEpoch}
			l.states[in.ProducerID] = st
		case in.ProducerEpoch < st.epoch:
			answer.Code = connectors.InvalidProducerEpoch
			return answer
		case in.ProducerEpoch > st.epoch:
			if in.BaseSequence != 0 {
				answer.Code = connectors.OutOfOrderSequence
				return answer
			}
			st.epoch, st.recent = in.ProducerEpoch, nil
		default:
			for _, r := range st.recent {
				if r.info.BaseSequence == in.BaseSequence && r.info.Count == in.Count {
					answer.BaseOffset = r.info.BaseOffset
					return answer
				}
			}
			last := st.recent[len(st.recent)-1].info
			if in.BaseSequence != batch.WireSequence(int64(last.BaseSequence)+int64(last.Count)) {
				answer.Code = connectors.OutOfOrderSequence
				return answer
			}
		}
	}
	answer.BaseOffset = l.append(raw, in)
	if in.ProducerID >= 0 && !b.unfenced {
		st := l.states[in.ProducerID]
		st.recent = append(st.recent, l.batches[len(l.batches)-1])
		if len(st.recent) > 5 {
			st.recent = st.recent[1:]
		}
	}
	return answer
}

func (l *simLog) append(raw []byte, in batch.Info) int64 {
	own := append([]byte(nil), raw...)
	binary.BigEndian.PutUint64(own, uint64(l.end)) // outside the checksum, as Kafka does
	in.BaseOffset, in.LastOffset = l.end, l.end+int64(in.Count)-1
	l.batches = append(l.batches, simBatch{own, in})
	l.end = in.LastOffset + 1
	return in.BaseOffset
}

// read gives whole batches from the one that holds the offset on, at most n.
func (b *simBroker) read(tp connectors.TopicPartition, from int64, n int) (connectors.Fetched, error) {
	l := b.log(tp)
	f := connectors.Fetched{TopicPartition: tp, HighWatermark: l.end, LastStable: l.end}
	if from > l.end {
		f.Code = connectors.OffsetOutOfRange
		return f, nil
	}
	for _, x := range l.batches {
		if x.info.LastOffset < from {
			continue
		}
		if n--; n < 0 {
			break
		}
		f.Batches = append(f.Batches, x.raw...)
	}
	return f, nil
}

// restart forgets all but the last batch of each producer.
func (b *simBroker) restart() {
	for _, l := range b.logs {
		for _, st := range l.states {
			st.recent = st.recent[len(st.recent)-1:]
		}
	}
}

// forget forgets every producer, as a broker does after a day without their records.
func (b *simBroker) forget(tp connectors.TopicPartition) {
	b.log(tp).states = map[int64]*producerState{}
}

var errLostAnswer = errors.New("connection lost")
