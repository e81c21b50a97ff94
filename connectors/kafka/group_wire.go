package kafka

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go/protocol"

	"wend/connectors"
)

// The versions of the group requests that are used: each the first that carries group.instance.id, and the last before
// the compact encoding, which kafka-go's types get wrong (Heartbeat v4, SyncGroup v4 and v5, JoinGroup v6 and v7 have
// fields or arrays in the old encoding). Kafka 2.3 to 4.1 take them. JoinGroup below v9 has a merit of its own: a leader
// that comes back under its instance id is told that the leader is its former self (KIP-814), so it takes the
// assignment that the coordinator has kept, like any follower.
const (
	joinGroupVersion  = 5
	syncGroupVersion  = 3
	heartbeatVersion  = 3
	leaveGroupVersion = 3
	describeVersion   = 4
)

// askGroup sends one of kafka-go's messages to the group's coordinator in a version of our choice, and gives what read
// makes of the answer. Transport would send the highest version that both sides claim to know, and a heartbeat to any
// broker at all; and kafka-go's answers to a heartbeat and to leaving have the error code before the throttle time, where
// the broker sends it behind (since v1), so every error would read as none.
func (c *Client) askGroup(ctx context.Context, group string, version int16, timeout time.Duration, msg protocol.Message, read func(*decoder) any) (any, error) {
	broker, err := c.coordinator(ctx, groupCoordinator, group)
	if err != nil {
		return nil, err
	}
	id := c.lastID.Add(1)
	v, err := c.do(ctx, broker, timeout, msg.ApiKey(), func(conn protocolConn, highest int16) (any, error) {
		if highest < version {
			return nil, fmt.Errorf("%s version %d, the broker knows %d at most (Kafka 2.3 is the oldest with static membership): %w",
				msg.ApiKey(), version, highest, connectors.UnsupportedVersion)
		}
		if err := protocol.WriteRequest(conn, version, id, c.options.ClientID, msg); err != nil {
			return nil, err
		}
		b, err := readAnswer(conn, id)
		if err != nil {
			return nil, err
		}
		d := &decoder{b: b}
		v := read(d)
		return v, d.err
	})
	if err != nil {
		c.forget(groupCoordinator, group)
		return nil, fmt.Errorf("coordinator, broker %d: %w", broker, err)
	}
	return v, nil
}

// groupCode turns an error code into an error, and forgets a coordinator that says it is none.
func (c *Client) groupCode(group string, code connectors.Code) error {
	if code == connectors.OK {
		return nil
	}
	if coordinatorMoved(code) {
		c.forget(groupCoordinator, group)
	}
	return coordinatorDenied(code, groupCoordinator, group)
}

// consumerVersion is the version of the subscriptions and assignments that are written. Later ones add fields that
// only Kafka's own assignors read; a reader takes the fields that it knows and leaves the rest. Layouts:
// ConsumerProtocolSubscription.json and ConsumerProtocolAssignment.json of Kafka. kafka-go's decoder believes every
// length, so bytes that some other member wrote could make it take all memory.
const consumerVersion = 0

func appendBytes(b, v []byte) []byte {
	if v == nil {
		return binary.BigEndian.AppendUint32(b, 1<<32-1)
	}
	return append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...)
}

func encodeSubscription(topics []string, userData []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, consumerVersion)
	b = binary.BigEndian.AppendUint32(b, uint32(len(topics)))
	for _, t := range topics {
		b = appendString(b, t)
	}
	return appendBytes(b, userData)
}

// subscriptionUserData gives nil for what cannot be read: a member that says nothing gets its share all the same.
func subscriptionUserData(b []byte) []byte {
	d := &decoder{b: b}
	d.int16() // version
	for range d.count(2) {
		d.string()
	}
	userData := d.bytes()
	if d.err != nil {
		return nil
	}
	return userData
}

func encodeAssignment(a connectors.Assignment) []byte {
	var topics []string // in the order in which they come
	partitions := map[string][]int32{}
	for _, tp := range a.Partitions {
		if _, ok := partitions[tp.Topic]; !ok {
			topics = append(topics, tp.Topic)
		}
		partitions[tp.Topic] = append(partitions[tp.Topic], tp.Partition)
	}
	b := binary.BigEndian.AppendUint16(nil, consumerVersion)
	b = binary.BigEndian.AppendUint32(b, uint32(len(topics)))
	for _, t := range topics {
		b = appendString(b, t)
		b = binary.BigEndian.AppendUint32(b, uint32(len(partitions[t])))
		for _, p := range partitions[t] {
			b = binary.BigEndian.AppendUint32(b, uint32(p))
		}
	}
	return appendBytes(b, a.UserData)
}

// decodeAssignment: no bytes at all is what a coordinator gives a member that the leader left out.
func decodeAssignment(b []byte) (*connectors.Assignment, error) {
	a := &connectors.Assignment{}
	if len(b) == 0 {
		return a, nil
	}
	d := &decoder{b: b}
	d.int16() // version
	for range d.count(6) {
		topic := d.string()
		for _, p := range d.int32s() {
			a.Partitions = append(a.Partitions, connectors.TopicPartition{Topic: topic, Partition: p})
		}
	}
	a.UserData = d.bytes()
	if d.err != nil {
		return nil, fmt.Errorf("assignment of %d bytes: %w", len(b), d.err)
	}
	return a, nil
}
