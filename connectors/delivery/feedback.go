package delivery

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/schemas"
)

// report is an action and its answer, to be written to the source.
type report struct {
	action  *schemas.Action
	record  Record
	failure error
}

// event is what happened, as the source's format has it: CHANNEL_sent or CHANNEL_failed. Its id is made of the action's
// alone, so that a second report of the same answer is a duplicate.
func (r *report) event(f *schemas.Format) []byte {
	what := "sent"
	if r.record.Outcome != Sent {
		what = "failed"
	}
	fields := map[string]any{"action_id": r.action.ID, "journey": r.action.Journey, "template": r.action.Template}
	switch {
	case r.record.Outcome == Expired:
		fields["reason"] = "expired"
	case r.failure != nil:
		fields["reason"] = r.failure.Error()
	}
	put(fields, f.ID, r.action.ID+"/"+what)
	put(fields, f.Customer, r.action.Customer)
	put(fields, f.Type, r.action.Channel+"_"+what)
	put(fields, f.Time, r.record.At)
	return schemas.AppendJSON(nil, fields)
}

// put sets the value at a dotted path.
func put(m map[string]any, path string, v any) {
	for {
		name, rest, nested := strings.Cut(path, ".")
		if !nested {
			m[name] = v
			return
		}
		inner, ok := m[name].(map[string]any)
		if !ok {
			inner = map[string]any{}
			m[name] = inner
		}
		m, path = inner, rest
	}
}

// report writes what happened to the source, until it is there or ctx ends.
func (w *Worker) report(ctx context.Context, reports []report) error {
	if len(reports) == 0 {
		return nil
	}
	records := make([]record, len(reports))
	for i := range reports {
		records[i] = record{key: []byte(reports[i].action.Customer), value: reports[i].event(&w.o.Format)}
	}
	return w.write(ctx, w.o.Source, w.o.Partitioner, records)
}

// deadLetter puts away what is no action, as it came.
func (w *Worker) deadLetter(ctx context.Context, tp connectors.TopicPartition, rec *batch.Record, reason string) error {
	w.o.Listener.deadLetter(tp, rec.Offset, reason)
	headers := []batch.RecordHeader{
		{Key: "reason", Value: []byte(reason)}, {Key: "topic", Value: []byte(tp.Topic)},
		{Key: "partition", Value: strconv.AppendInt(nil, int64(tp.Partition), 10)}, {Key: "offset", Value: strconv.AppendInt(nil, rec.Offset, 10)},
	}
	return w.write(ctx, w.o.DeadLetter, connectors.Murmur2Partition, []record{{key: rec.Key, value: rec.Value, headers: headers}})
}

// write tries until all is written or ctx ends. A try that went half through is repeated as a whole: readers drop what
// comes twice by its id.
func (w *Worker) write(ctx context.Context, topic string, partitioner func([]byte, int32) int32, records []record) error {
	const most = 256 << 10 // bytes a request, well within any topic's max.message.bytes
	for len(records) > 0 {
		n, bytes := 0, 0
		for n < len(records) && (n == 0 || bytes+len(records[n].value) <= most) {
			bytes += len(records[n].value) + len(records[n].key)
			n++
		}
		if err := w.writeChunk(ctx, topic, partitioner, records[:n]); err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}

func (w *Worker) writeChunk(ctx context.Context, topic string, partitioner func([]byte, int32) int32, records []record) error {
	for n := 1; ; n++ {
		err := w.writer.write(ctx, topic, partitioner, records)
		if err == nil {
			return nil
		}
		wait := backoff(n)
		w.o.Listener.retrying("write to "+topic, err, wait)
		if sleep(ctx, wait) != nil {
			return fmt.Errorf("write to %s: %w", topic, err)
		}
	}
}

// record is one to be written.
type record struct {
	key, value []byte
	headers    []batch.RecordHeader
}

// writer appends records to a topic, without the sequences of an idempotent producer: what may come twice has an id.
type writer struct{ cluster connectors.Cluster }

func (w *writer) write(ctx context.Context, topic string, partitioner func([]byte, int32) int32, records []record) error {
	m, err := w.cluster.Metadata(ctx, topic)
	if err != nil {
		return err
	}
	if len(m.Topics) != 1 || m.Topics[0].Code != connectors.OK || len(m.Topics[0].Partitions) == 0 {
		if len(m.Topics) == 1 && m.Topics[0].Code != connectors.OK {
			return m.Topics[0].Code
		}
		return connectors.UnknownTopicOrPartition
	}
	partitions := m.Topics[0].Partitions
	builders := map[int32]*batch.Builder{}
	for _, r := range records {
		p := partitioner(r.key, int32(len(partitions)))
		b := builders[p]
		if b == nil {
			b = new(batch.Builder)
			b.Reset(batch.Header{ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1, Timestamp: time.Now().UnixMilli()})
			builders[p] = b
		}
		b.Append(r.key, r.value, r.headers...)
	}
	byBroker := map[int32][]connectors.Batch{}
	for p, b := range builders {
		leader := partitions[p].Leader
		if leader < 0 {
			return fmt.Errorf("partition %d: %w", p, connectors.LeaderNotAvailable)
		}
		byBroker[leader] = append(byBroker[leader], connectors.Batch{TopicPartition: connectors.TopicPartition{Topic: topic, Partition: p}, Bytes: b.Finish()})
	}
	for broker, batches := range byBroker {
		for _, r := range w.cluster.Produce(ctx, broker, batches, 10*time.Second) {
			if r.Err != nil {
				return r.Err
			}
			if r.Code != connectors.OK {
				return fmt.Errorf("partition %d: %w", r.Partition, r.Code)
			}
		}
	}
	return nil
}
