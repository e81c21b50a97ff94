package kafka

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/segmentio/kafka-go/protocol"

	"wend/connectors"
)

// fetchVersion is the last with which only a partition's leader answers (KIP-392): a follower may not know of what lies at
// its end. Brokers from 2.1 to 4.x speak it. Down to 4 (0.11) only fields are missing.
const fetchVersion int16 = 10

// Fetch implements connectors.Cluster. The answer's Batches are slices of one buffer, read off the connection without
// another copy: whoever keeps one partition's keeps all of it.
func (c *Client) Fetch(ctx context.Context, req *connectors.FetchRequest) ([]connectors.Fetched, error) {
	id := c.lastID.Add(1)
	body := *req
	body.Positions = append([]connectors.Position(nil), req.Positions...)
	v, err := c.do(ctx, req.Broker, req.MaxWait+c.options.RequestTimeout, protocol.Fetch, func(conn protocolConn, version int16) (any, error) {
		version = min(version, fetchVersion)
		if version < 4 {
			return nil, fmt.Errorf("fetch version %d: %w", version, connectors.UnsupportedVersion)
		}
		if _, err := conn.Write(appendFetch(nil, &body, version, id, c.options.ClientID)); err != nil {
			return nil, err
		}
		b, err := readAnswer(conn, id)
		if err != nil {
			return nil, err
		}
		return decodeFetch(b, version)
	})
	if err != nil {
		return nil, fmt.Errorf("fetch from broker %d: %w", req.Broker, err)
	}
	return v.([]connectors.Fetched), nil
}

func appendFetch(b []byte, req *connectors.FetchRequest, version int16, id int32, clientID string) []byte {
	b = header(b, protocol.Fetch, version, id, clientID, false)
	b = binary.BigEndian.AppendUint32(b, ^uint32(0)) // replica: a consumer
	b = binary.BigEndian.AppendUint32(b, uint32(req.MaxWait.Milliseconds()))
	b = binary.BigEndian.AppendUint32(b, 1) // bytes at least: answer at once when there is anything
	b = binary.BigEndian.AppendUint32(b, uint32(req.MaxBytes))
	if req.ReadCommitted {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	if version >= 7 { // no fetch session
		b = binary.BigEndian.AppendUint32(b, 0)
		b = binary.BigEndian.AppendUint32(b, ^uint32(0))
	}
	at := len(b)
	b = binary.BigEndian.AppendUint32(b, 0)
	topics := uint32(0)
	for i := 0; i < len(req.Positions); {
		topic := req.Positions[i].Topic
		n := i
		for n < len(req.Positions) && req.Positions[n].Topic == topic {
			n++
		}
		b = appendString(b, topic)
		b = binary.BigEndian.AppendUint32(b, uint32(n-i))
		for ; i < n; i++ {
			p := &req.Positions[i]
			b = binary.BigEndian.AppendUint32(b, uint32(p.Partition))
			if version >= 9 {
				b = binary.BigEndian.AppendUint32(b, uint32(p.LeaderEpoch))
			}
			b = binary.BigEndian.AppendUint64(b, uint64(p.Offset))
			if version >= 5 {
				b = binary.BigEndian.AppendUint64(b, ^uint64(0)) // log start: followers' alone
			}
			b = binary.BigEndian.AppendUint32(b, uint32(req.PartitionMax))
		}
		topics++
	}
	binary.BigEndian.PutUint32(b[at:], topics)
	if version >= 7 { // nothing to forget
		b = binary.BigEndian.AppendUint32(b, 0)
	}
	return finish(b)
}

// decodeFetch gives slices of b.
func decodeFetch(b []byte, version int16) ([]connectors.Fetched, error) {
	d := decoder{b: b}
	d.int32() // throttle
	if version >= 7 {
		if code := connectors.Code(d.int16()); code != connectors.OK && d.err == nil {
			return nil, code
		}
		d.int32() // session
	}
	var fetched []connectors.Fetched
	for topics := d.count(6); topics > 0; topics-- {
		topic := d.string()
		for partitions := d.count(26); partitions > 0; partitions-- {
			f := connectors.Fetched{LogStart: -1}
			f.Topic = topic
			f.Partition = d.int32()
			f.Code = connectors.Code(d.int16())
			f.HighWatermark = d.int64()
			f.LastStable = d.int64()
			if version >= 5 {
				f.LogStart = d.int64()
			}
			if n := d.count(16); n > 0 {
				f.Aborted = make([]connectors.AbortedTransaction, n)
				for i := range f.Aborted {
					f.Aborted[i] = connectors.AbortedTransaction{ProducerID: d.int64(), FirstOffset: d.int64()}
				}
			}
			f.Batches = whole(d.bytes())
			if d.err != nil {
				return nil, fmt.Errorf("fetch answer: %w", d.err)
			}
			fetched = append(fetched, f)
		}
	}
	if d.err != nil {
		return nil, fmt.Errorf("fetch answer: %w", d.err)
	}
	return fetched, nil
}

// whole cuts off a last batch that the broker sent in part: it fills the byte limits without regard to where batches end.
func whole(b []byte) []byte {
	end := 0
	for {
		rest := b[end:]
		if len(rest) < 12 {
			break
		}
		n := int64(int32(binary.BigEndian.Uint32(rest[8:]))) + 12
		if n < 12 || n > int64(len(rest)) {
			break
		}
		end += int(n)
	}
	return b[:end:end]
}
