package kafka

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/segmentio/kafka-go/protocol"

	"wend/connectors"
)

// produceVersion is the newest that kafka-go negotiates (2.4 to 4.x). From 3 on, what it means on the way out is the same.
const produceVersion int16 = 8

// answerSlack is what a produce request may take beyond the time that the broker waits for replicas.
const answerSlack = 2 * time.Second

// Produce implements connectors.Cluster. The batches are sent from where they lie, and are the caller's again when Produce
// returns, whatever it returns. At most one batch per partition: Kafka takes no more.
func (c *Client) Produce(ctx context.Context, broker int32, batches []connectors.Batch, timeout time.Duration) []connectors.Produced {
	out := make([]connectors.Produced, len(batches))
	index := make(map[connectors.TopicPartition]int, len(batches))
	for i := range batches {
		out[i] = connectors.Produced{TopicPartition: batches[i].TopicPartition, BaseOffset: -1, AppendTime: -1, LogStart: -1}
		index[batches[i].TopicPartition] = i
	}
	if len(batches) == 0 {
		return out
	}
	fail := func(err error) []connectors.Produced {
		for i := range out {
			out[i].Err = fmt.Errorf("produce to broker %d: %w", broker, err)
		}
		return out
	}
	if len(index) != len(batches) {
		return fail(fmt.Errorf("two batches for one partition: %w", connectors.InvalidRequest))
	}

	id := c.lastID.Add(1)
	var lent sync.Mutex // held while the batches are written
	over := false       // they are the caller's again
	v, err := c.do(ctx, broker, timeout+answerSlack, protocol.Produce, func(conn protocolConn, version int16) (any, error) {
		version = min(version, produceVersion)
		if version < 3 {
			return nil, fmt.Errorf("produce version %d: %w", version, connectors.UnsupportedVersion)
		}
		lent.Lock()
		if over {
			lent.Unlock()
			return nil, context.Canceled
		}
		err := writePieces(conn, produceRequest(batches, timeout, version, id, c.options.ClientID))
		lent.Unlock()
		if err != nil {
			return nil, err
		}
		b, err := readAnswer(conn, id)
		if err != nil {
			return nil, err
		}
		return decodeProduce(b, version)
	})
	// Who gave up may be here before the write has ended; the deadline that ends it is pulled by then, or about to be.
	lent.Lock()
	over = true
	lent.Unlock()
	if err != nil {
		return fail(err)
	}
	answered := 0
	for _, p := range v.([]connectors.Produced) {
		if i, ok := index[p.TopicPartition]; ok {
			if p.Message == "" && p.Code == connectors.TopicAuthorizationFailed {
				p.Message = connectors.MissingRight("Write", connectors.TopicResource, p.Topic)
			}
			out[i] = p
			delete(index, p.TopicPartition)
			answered++
		}
	}
	if answered < len(out) {
		for _, i := range index {
			out[i].Err = fmt.Errorf("produce to broker %d: the answer leaves out %s/%d", broker, out[i].Topic, out[i].Partition)
		}
	}
	return out
}

// produceRequest gives a request in pieces, of which every second one is a batch.
func produceRequest(batches []connectors.Batch, timeout time.Duration, version int16, id int32, clientID string) net.Buffers {
	b := header(nil, protocol.Produce, version, id, clientID, false)
	b = append(b, 0xff, 0xff) // no transactional id
	b = append(b, 0xff, 0xff) // acks: all in sync
	b = binary.BigEndian.AppendUint32(b, uint32(timeout.Milliseconds()))
	at := len(b)
	b = binary.BigEndian.AppendUint32(b, 0)
	topics, size := uint32(0), 0
	ends := make([]int, len(batches)) // in b, of what stands before each batch
	for i := 0; i < len(batches); {
		topic := batches[i].Topic
		n := i
		for n < len(batches) && batches[n].Topic == topic {
			n++
		}
		b = appendString(b, topic)
		b = binary.BigEndian.AppendUint32(b, uint32(n-i))
		for ; i < n; i++ {
			b = binary.BigEndian.AppendUint32(b, uint32(batches[i].Partition))
			b = binary.BigEndian.AppendUint32(b, uint32(len(batches[i].Bytes)))
			size += len(batches[i].Bytes)
			ends[i] = len(b)
		}
		topics++
	}
	binary.BigEndian.PutUint32(b[at:], topics)
	binary.BigEndian.PutUint32(b, uint32(len(b)-4+size))
	pieces := make(net.Buffers, 0, 2*len(batches))
	from := 0
	for i, end := range ends {
		pieces = append(pieces, b[from:end], batches[i].Bytes)
		from = end
	}
	return pieces
}

func decodeProduce(b []byte, version int16) ([]connectors.Produced, error) {
	d := decoder{b: b}
	var out []connectors.Produced
	for topics := d.count(6); topics > 0; topics-- {
		topic := d.string()
		for partitions := d.count(22); partitions > 0; partitions-- {
			p := connectors.Produced{LogStart: -1}
			p.Topic = topic
			p.Partition = d.int32()
			p.Code = connectors.Code(d.int16())
			p.BaseOffset = d.int64()
			p.AppendTime = d.int64()
			if version >= 5 {
				p.LogStart = d.int64()
			}
			if version >= 8 {
				for records := d.count(6); records > 0; records-- {
					at, text := d.int32(), d.string()
					if text != "" && p.Message == "" {
						p.Message = fmt.Sprintf("record %d: %s", at, text)
					}
				}
				if text := d.string(); text != "" {
					p.Message = text
				}
			}
			out = append(out, p)
		}
	}
	if d.err != nil {
		return nil, fmt.Errorf("produce answer: %w", d.err)
	}
	return out, nil
}
