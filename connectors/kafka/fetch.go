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

// Fetch implements connectors.Cluster. The batches of each partition are read off the connection into memory that they
// have for themselves, and that is lent: see connectors.Lease.
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
		n, err := beginAnswer(conn, id)
		if err != nil {
			return nil, err
		}
		return readFetch(&stream{src: conn, left: n}, version, &c.buffers)
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

// readFetch reads the answer piece by piece, so that each partition's batches land where they stay.
func readFetch(s *stream, version int16, memory *buffers) ([]connectors.Fetched, error) {
	head := 4 // throttle
	if version >= 7 {
		head += 2 + 4 // code, session
	}
	d := s.piece(head + 4)
	d.int32()
	if version >= 7 {
		if code := connectors.Code(d.int16()); code != connectors.OK && d.err == nil {
			return nil, code
		}
		d.int32()
	}
	var fetched []connectors.Fetched
	for topics := s.count(d.int32(), 6); topics > 0; topics-- {
		name := s.piece(2)
		d = s.piece(max(int(name.int16()), 0) + 4)
		topic := string(d.take(len(d.b) - 4))
		for partitions := s.count(d.int32(), 26); partitions > 0; partitions-- {
			f, err := s.partition(version, memory)
			if err != nil {
				return nil, fmt.Errorf("fetch answer: %w", err)
			}
			f.Topic = topic
			fetched = append(fetched, f)
		}
	}
	if err := s.rest(); err != nil {
		return nil, fmt.Errorf("fetch answer: %w", err)
	}
	return fetched, nil
}

// partition reads one partition's part of a fetch answer.
func (s *stream) partition(version int16, memory *buffers) (f connectors.Fetched, err error) {
	head := 4 + 2 + 8 + 8
	if version >= 5 {
		head += 8
	}
	d := s.piece(head + 4)
	f.Partition = d.int32()
	f.Code = connectors.Code(d.int16())
	f.HighWatermark = d.int64()
	f.LastStable = d.int64()
	f.LogStart = -1
	if version >= 5 {
		f.LogStart = d.int64()
	}
	aborted := s.count(d.int32(), 16)
	d = s.piece(16*aborted + 4)
	if aborted > 0 && d.err == nil {
		f.Aborted = make([]connectors.AbortedTransaction, aborted)
		for i := range f.Aborted {
			f.Aborted[i] = connectors.AbortedTransaction{ProducerID: d.int64(), FirstOffset: d.int64()}
		}
	}
	if n := s.count(d.int32(), 1); n > 0 {
		f.Batches, f.Lease = memory.lend(n)
		s.into(f.Batches)
		f.Batches = whole(f.Batches)
	}
	return f, s.err
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
