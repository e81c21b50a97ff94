package kafka

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"sort"

	"github.com/segmentio/kafka-go/protocol"

	"wend/connectors"
)

// metadataVersion is the first with topic ids (2.8), which kafka-go's own message (up to 8) does not have.
const metadataVersion int16 = 10

// Metadata implements connectors.Cluster. The broker asked is the one that answered last, else any of those named in
// the options; after a failure the next call asks another.
func (c *Client) Metadata(ctx context.Context, topics ...string) (*connectors.Metadata, error) {
	topics = append([]string(nil), topics...)
	id, second := c.lastID.Add(1), c.lastID.Add(1)
	broker := c.anyBroker()
	v, err := c.do(ctx, broker, c.options.RequestTimeout, protocol.Metadata, func(conn protocolConn, _ int16) (any, error) {
		highest, err := c.metadataMax(conn, id)
		if err != nil {
			return nil, err
		}
		version := min(highest, metadataVersion)
		if version == 9 { // flexible, and still without ids
			version = 8
		}
		if version < 5 {
			return nil, fmt.Errorf("the broker's newest metadata version is %d, 5 (Kafka 1.0) is needed: %w", highest, connectors.UnsupportedVersion)
		}
		if _, err := conn.Write(appendMetadata(nil, topics, version, second, c.options.ClientID)); err != nil {
			return nil, err
		}
		b, err := readAnswer(conn, second)
		if err != nil {
			c.forgetVersion(conn)
			return nil, err
		}
		m, controller, err := decodeMetadata(b, version)
		if err != nil {
			return nil, err
		}
		return &described{m, controller}, nil
	})
	if err != nil {
		c.failed(broker)
		return nil, fmt.Errorf("metadata: %w", err)
	}
	m := v.(*described)
	c.learn(m)
	return m.Metadata, nil
}

type described struct {
	*connectors.Metadata
	controller int32
}

// learn keeps of an answer what the other methods route by.
func (c *Client) learn(m *described) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := make([]int32, len(m.Brokers))
	for i, b := range m.Brokers {
		known[i] = b.ID
	}
	asked := int32(-1)
	if c.mu.next < len(c.mu.brokers) {
		asked = c.mu.brokers[c.mu.next]
	}
	c.mu.brokers, c.mu.next = known, len(known)
	for i, b := range known {
		if b == asked {
			c.mu.next = i
		}
	}
	c.mu.controller = m.controller
	for _, t := range m.Topics {
		for _, p := range t.Partitions {
			tp := connectors.TopicPartition{Topic: t.Name, Partition: p.ID}
			if p.Leader < 0 {
				delete(c.mu.leaders, tp)
				continue
			}
			c.mu.leaders[tp] = leader{p.Leader, p.LeaderEpoch}
		}
	}
}

// metadataMax is the newest Metadata version that this connection's broker speaks. Transport knows it, but keeps only
// the lower of it and kafka-go's own: the broker is asked once per address.
func (c *Client) metadataMax(conn protocolConn, id int32) (int16, error) {
	address := remote(conn)
	c.mu.Lock()
	v, ok := c.mu.metadataMax[address]
	c.mu.Unlock()
	if ok {
		return v, nil
	}
	if _, err := conn.Write(finish(header(nil, protocol.ApiVersions, 0, id, c.options.ClientID, false))); err != nil {
		return 0, err
	}
	b, err := readAnswer(conn, id)
	if err != nil {
		return 0, err
	}
	d := decoder{b: b}
	if code := connectors.Code(d.int16()); code != connectors.OK && d.err == nil {
		return 0, code
	}
	v = -1
	for n := d.count(6); n > 0; n-- {
		api, _, highest := d.int16(), d.int16(), d.int16()
		if protocol.ApiKey(api) == protocol.Metadata {
			v = highest
		}
	}
	if d.err != nil {
		return 0, fmt.Errorf("versions answer: %w", d.err)
	}
	c.mu.Lock()
	c.mu.metadataMax[address] = v
	c.mu.Unlock()
	return v, nil
}

// forgetVersion after a lost answer: a broker exchanged for an older one at the same address closes the connection on
// a version that it does not know.
func (c *Client) forgetVersion(conn protocolConn) {
	c.mu.Lock()
	delete(c.mu.metadataMax, remote(conn))
	c.mu.Unlock()
}

func remote(conn protocolConn) string {
	if n, ok := conn.(net.Conn); ok {
		return n.RemoteAddr().String()
	}
	return ""
}

func appendMetadata(b []byte, topics []string, version int16, id int32, clientID string) []byte {
	flexible := version >= 9
	b = header(b, protocol.Metadata, version, id, clientID, flexible)
	if flexible {
		b = binary.AppendUvarint(b, uint64(len(topics))+1)
	} else {
		b = binary.BigEndian.AppendUint32(b, uint32(len(topics)))
	}
	for _, t := range topics {
		if !flexible {
			b = appendString(b, t)
			continue
		}
		b = append(b, make([]byte, 16)...) // by name, not by id
		b = appendCompactString(b, t)
		b = append(b, 0)
	}
	b = append(b, 0) // create no topic that is missing
	if version >= 8 {
		b = append(b, 0, 0) // no authorized operations
	}
	if flexible {
		b = append(b, 0)
	}
	return finish(b)
}

func decodeMetadata(b []byte, version int16) (*connectors.Metadata, int32, error) {
	d := decoder{b: b, flexible: version >= 9}
	d.tags() // of the header
	d.int32()
	m := &connectors.Metadata{}
	for n := d.count(11); n > 0; n-- {
		m.Brokers = append(m.Brokers, connectors.Broker{ID: d.int32(), Host: d.string(), Port: d.int32()})
		d.string() // rack
		d.tags()
	}
	m.ClusterID = d.string()
	controller := d.int32()
	for n := d.count(8); n > 0; n-- {
		t := connectors.Topic{Code: connectors.Code(d.int16()), Name: d.string()}
		if version >= 10 {
			copy(t.ID[:], d.take(16))
		}
		d.int8() // internal
		for k := d.count(17); k > 0; k-- {
			p := connectors.Partition{Code: connectors.Code(d.int16()), ID: d.int32(), Leader: d.int32(), LeaderEpoch: -1}
			if version >= 7 {
				p.LeaderEpoch = d.int32()
			}
			p.Replicas = d.int32s()
			p.InSync = d.int32s()
			d.int32s() // offline
			d.tags()
			t.Partitions = append(t.Partitions, p)
		}
		if version >= 8 {
			d.int32()
		}
		d.tags()
		sort.Slice(t.Partitions, func(i, j int) bool { return t.Partitions[i].ID < t.Partitions[j].ID })
		m.Topics = append(m.Topics, t)
	}
	if d.err != nil {
		return nil, 0, fmt.Errorf("metadata answer: %w", d.err)
	}
	sort.Slice(m.Brokers, func(i, j int) bool { return m.Brokers[i].ID < m.Brokers[j].ID })
	return m, controller, nil
}
