package engine

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"slices"
	"sort"

	"wend/connectors"
	"wend/connectors/batch"
)

// simBroker follows the rules at the top of docs/protocol.md: what a Kafka broker does for idempotent producers. It is one
// broker with everything replicated, so what is in a log stays there.
type simBroker struct {
	logs      []*simLog
	producers map[string]connectors.Producer // by transactional id
	nextID    int64
	now       func() int64
	largest   int // bytes of a batch of several records on any but stamped topics; 0: any

	forgetful bool // it restarts after each batch

	unfenced string // this topic's partitions take every epoch and sequence

	known bool // the last batch was there already
	tally *simTally

	appended func(tp connectors.TopicPartition, raw []byte) // hears of each batch taken, in order, as the log keeps it; may be nil
	memory   *simMemory                                     // of what the logs keep, and of answers; nil: the heap
}

type simLog struct {
	tp      connectors.TopicPartition
	batches []simBatch
	end     int64
	hw      int64 // a new leader does not know better yet, or a replica is silent; -1: it is the end
	silent  bool  // a replica is, and counts as in sync still: what is appended is not acknowledged, and nobody sees it
	since   int64 // when it fell silent, ms
	states  []producerState
	stamped bool // LogAppendTime
	memory  *simMemory
}

type simBatch struct {
	raw  []byte
	info batch.Info
}

// producerState is what the broker remembers of a producer id in one partition.
type producerState struct {
	id     int64
	epoch  int16
	recent [5]simTaken // the last ones, after a restart the last one
	known  int         // of recent
	lastAt int64
}

// simTaken is what it knows a batch again by.
type simTaken struct {
	sequence, count int32
	offset          int64
}

const simDay = 86_400_000

func newSimBroker(now func() int64) *simBroker {
	return &simBroker{producers: map[string]connectors.Producer{}, nextID: -1, now: now, tally: new(simTally)}
}

func (b *simBroker) log(tp connectors.TopicPartition) *simLog {
	var l *simLog
	for _, x := range b.logs {
		if x.tp == tp {
			l = x
			break
		}
	}
	if l == nil {
		l = b.memory.log()
		l.tp, l.hw, l.memory = tp, -1, b.memory
		b.logs = append(b.logs, l)
	}
	if l.silent && b.now()-l.since >= simReplicaLag {
		l.hw, l.silent = -1, false
	}
	return l
}

func (b *simBroker) initProducer(id string) connectors.Producer {
	p, ok := b.producers[id]
	if !ok || p.Epoch >= 32766 { // Kafka gives no higher one
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
		return connectors.Produced{TopicPartition: tp, Code: connectors.CorruptMessage, BaseOffset: -1}
	}
	b.known = false
	l := b.log(tp)
	if !l.silent {
		l.hw = -1 // who has the replicas' consent knows the end
	}
	refused := func(c connectors.Code) connectors.Produced {
		return connectors.Produced{TopicPartition: tp, Code: c, BaseOffset: -1, AppendTime: -1}
	}
	if b.largest > 0 && !l.stamped && in.Count > 1 && len(raw) > b.largest {
		return refused(connectors.MessageTooLarge)
	}
	answer := connectors.Produced{TopicPartition: tp, AppendTime: b.now()}
	idempotent := in.ProducerID >= 0 && b.unfenced != tp.Topic
	if idempotent {
		st := l.state(in.ProducerID)
		if st != nil && b.now()-st.lastAt > simDay {
			l.forget(st.id)
			st = nil
			b.tally[sawForgotten]++
		}
		switch {
		case st == nil: // an unknown producer may begin anywhere
			l.states = append(l.states, producerState{id: in.ProducerID, epoch: in.ProducerEpoch})
		case in.ProducerEpoch < st.epoch:
			return refused(connectors.InvalidProducerEpoch)
		case in.ProducerEpoch > st.epoch:
			if in.BaseSequence != 0 {
				return refused(connectors.OutOfOrderSequence)
			}
			st.epoch, st.known = in.ProducerEpoch, 0
		default:
			for _, r := range st.recent[:st.known] {
				if r.sequence == in.BaseSequence && r.count == in.Count {
					answer.BaseOffset, b.known = r.offset, true
					return b.consented(l, answer)
				}
			}
			last := st.recent[st.known-1]
			if in.BaseSequence != batch.WireSequence(int64(last.sequence)+int64(last.count)) {
				return refused(connectors.OutOfOrderSequence)
			}
		}
	}
	answer.BaseOffset = l.append(raw, in, b.now())
	if b.appended != nil {
		b.appended(tp, l.batches[len(l.batches)-1].raw)
	}
	if idempotent {
		if int64(in.BaseSequence)+int64(in.Count) > math.MaxInt32 {
			b.tally[sawWrap]++
		}
		st := l.state(in.ProducerID)
		st.lastAt = b.now()
		switch {
		case b.forgetful:
			st.known = 0
		case st.known == len(st.recent):
			st.forget(1)
		}
		st.recent[st.known] = simTaken{in.BaseSequence, in.Count, answer.BaseOffset}
		st.known++
	}
	return b.consented(l, answer)
}

// forget lets go of the n oldest batches.
func (st *producerState) forget(n int) {
	st.known = copy(st.recent[:], st.recent[n:st.known])
}

func (l *simLog) state(id int64) *producerState {
	for i := range l.states {
		if l.states[i].id == id {
			return &l.states[i]
		}
	}
	return nil
}

func (l *simLog) forget(id int64) {
	l.states = slices.DeleteFunc(l.states, func(st producerState) bool { return st.id == id })
}

// consented is the answer to acks=all: without its replicas' consent the leader knows the batch, and says so of none.
func (b *simBroker) consented(l *simLog, r connectors.Produced) connectors.Produced {
	if l.silent {
		b.tally[sawUnseen]++
		r.Code, r.BaseOffset, r.AppendTime = connectors.RequestTimedOut, -1, -1
	}
	return r
}

// silence has a replica of the partition say nothing from now on, until it goes on or is no longer in sync.
func (b *simBroker) silence(tp connectors.TopicPartition) {
	if l := b.log(tp); l.hw < 0 {
		l.hw, l.silent, l.since = l.end, true, b.now()
	}
}

// simReplicaLag is Kafka's replica.lag.time.max.ms.
const simReplicaLag = 30_000

// Places in a batch's head; https://kafka.apache.org/documentation/#recordbatch
const (
	simAtLength, simAtCRC, simAtAttributes, simAtMaxTime, simAtProducer, simAtSequence, simAtCount, simHead = 8, 17, 21, 35, 43, 53, 57, 61
)

func simChecksum(raw []byte) {
	binary.BigEndian.PutUint32(raw[simAtCRC:], crc32.Checksum(raw[simAtAttributes:], crc32.MakeTable(crc32.Castagnoli)))
}

func (l *simLog) append(raw []byte, in batch.Info, now int64) int64 {
	own := l.memory.copy(raw)
	if l.stamped {
		own[simAtAttributes+1] |= 8
		binary.BigEndian.PutUint64(own[simAtMaxTime:], uint64(now))
		simChecksum(own)
		in.MaxTimestamp = now
	}
	binary.BigEndian.PutUint64(own, uint64(l.end)) // outside the checksum, as Kafka does
	in.BaseOffset, in.LastOffset = l.end, l.end+int64(in.Count)-1
	l.batches = append(l.batches, simBatch{own, in})
	l.end = in.LastOffset + 1
	return in.BaseOffset
}

// visible is the high watermark.
func (l *simLog) visible() int64 {
	if l.hw >= 0 {
		return l.hw
	}
	return l.end
}

// place is of the first batch that reaches an offset; behind the last one where none does.
func (l *simLog) place(offset int64) int {
	return sort.Search(len(l.batches), func(i int) bool { return l.batches[i].info.LastOffset >= offset })
}

// read gives whole batches from the one that holds the offset on, at most n.
func (b *simBroker) read(tp connectors.TopicPartition, from int64, n int) (connectors.Fetched, error) {
	l := b.log(tp)
	end := l.visible()
	f := connectors.Fetched{TopicPartition: tp, HighWatermark: end, LastStable: end}
	if from > l.end {
		f.Code, f.LogStart = connectors.OffsetOutOfRange, -1
		return f, nil
	}
	at := l.place(from)
	some := l.batches[at:max(at, min(at+n, l.place(end)))]
	size := 0
	for i := range some {
		size += len(some[i].raw)
	}
	if size == 0 {
		return f, nil
	}
	f.Batches = b.memory.room(size)
	for i := range some {
		f.Batches = append(f.Batches, some[i].raw...)
	}
	f.Lease = connectors.NewLease(f.Batches, spoil)
	return f, nil
}

// spoil is done to memory that was given back: whoever reads it still does not go unnoticed.
func spoil(memory []byte) {
	for i := range memory {
		memory[i] = 0xdd
	}
}

// offset answers ListOffsets(latest).
func (b *simBroker) latest(tp connectors.TopicPartition) (int64, error) {
	l := b.log(tp)
	if l.hw >= 0 && !l.silent {
		return 0, connectors.OffsetNotAvailable
	}
	return l.visible(), nil
}

// restart forgets all but the last batch of each producer.
func (b *simBroker) restart() {
	for _, l := range b.logs {
		for i := range l.states {
			l.states[i].forget(l.states[i].known - 1)
		}
	}
}

// elect makes another broker the leader of a partition, whose high watermark lags behind for a while, by some batches.
func (b *simBroker) elect(tp connectors.TopicPartition, back int) {
	l := b.log(tp)
	l.hw, l.silent = 0, false
	if i := len(l.batches) - 1 - back; i >= 0 {
		l.hw = l.batches[i].info.LastOffset + 1
	}
}

// catchUp has all leaders know the end.
func (b *simBroker) catchUp() {
	for _, l := range b.logs {
		l.hw, l.silent = -1, false
	}
}

// compact does to a log what Kafka's cleaner does: of each key the newest record stays, but tombstones older than a day;
// offsets stay, batches lose what is gone, and only the last one may become empty.
func (b *simBroker) compact(tp connectors.TopicPartition) error {
	l := b.log(tp)
	newest := map[string]int64{}
	var r batch.Reader
	each := func(x simBatch, f func(*batch.Record)) error {
		return readRecords(&r, x.raw, func(rec *batch.Record) error { f(rec); return nil })
	}
	sure := 0 // batches below the high watermark: the cleaner goes no further
	for sure < len(l.batches) && l.batches[sure].info.LastOffset < l.visible() {
		sure++
	}
	for _, x := range l.batches[:sure] {
		if err := each(x, func(rec *batch.Record) { newest[string(rec.Key)] = rec.Offset }); err != nil {
			return err
		}
	}
	kept := l.batches[:0]
	var body []byte
	for i, x := range l.batches[:sure] {
		raw := append(b.memory.room(len(x.raw)), x.raw[:simHead]...) // lengths and counts take no more than they did
		n := uint32(0)
		old := b.now()-x.info.MaxTimestamp > simDay
		err := each(x, func(rec *batch.Record) {
			if newest[string(rec.Key)] != rec.Offset || rec.Value == nil && old {
				b.tally[sawRemoved]++
				if rec.Value == nil {
					b.tally[sawTombstone]++
				}
				return
			}
			body = append(body[:0], 0, 0) // attributes, time: all records of a batch of ours have the same
			body = binary.AppendVarint(body, rec.Offset-x.info.BaseOffset)
			body = binary.AppendVarint(body, int64(len(rec.Key)))
			body = append(body, rec.Key...)
			if rec.Value == nil {
				body = binary.AppendVarint(body, -1)
			} else {
				body = append(binary.AppendVarint(body, int64(len(rec.Value))), rec.Value...)
			}
			body = binary.AppendVarint(body, 0) // the journal's records have no headers
			raw = append(binary.AppendVarint(raw, int64(len(body))), body...)
			n++
		})
		if err != nil {
			return err
		}
		if n == 0 && i < len(l.batches)-1 {
			continue
		}
		binary.BigEndian.PutUint32(raw[simAtLength:], uint32(len(raw)-12))
		binary.BigEndian.PutUint32(raw[simAtCount:], n)
		simChecksum(raw)
		x.raw, x.info.Size = raw, len(raw)
		kept = append(kept, x)
	}
	l.batches = append(kept, l.batches[sure:]...)
	return nil
}
