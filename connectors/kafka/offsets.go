package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/segmentio/kafka-go/protocol/listoffsets"
	"github.com/segmentio/kafka-go/protocol/offsetcommit"

	"wend/connectors"
)

// leaderOf gives the leader that Metadata told last, asking when nothing is known.
func (c *Client) leaderOf(ctx context.Context, tp connectors.TopicPartition) (leader, error) {
	c.mu.Lock()
	l, ok := c.mu.leaders[tp]
	c.mu.Unlock()
	if ok {
		return l, nil
	}
	m, err := c.Metadata(ctx, tp.Topic)
	if err != nil {
		return leader{}, err
	}
	for _, t := range m.Topics {
		if t.Name != tp.Topic {
			continue
		}
		if t.Code != connectors.OK {
			return leader{}, connectors.Denied(t.Code, "Describe", connectors.TopicResource, tp.Topic)
		}
		for _, p := range t.Partitions {
			if p.ID != tp.Partition {
				continue
			}
			if p.Leader < 0 {
				return leader{}, connectors.LeaderNotAvailable
			}
			return leader{p.Leader, p.LeaderEpoch}, nil
		}
	}
	return leader{}, connectors.UnknownTopicOrPartition
}

func (c *Client) forgetLeader(tp connectors.TopicPartition) {
	c.mu.Lock()
	delete(c.mu.leaders, tp)
	c.mu.Unlock()
}

// ListOffset implements connectors.Cluster. It asks the leader under the epoch believed in, so a broker that has lost or
// not yet taken the partition refuses; after any failure the next call asks Metadata for the leader. Version 5, the
// newest of kafka-go's, is the first in which a new leader says OffsetNotAvailable in place of an old high watermark.
// A time behind the last record gives offset -1.
func (c *Client) ListOffset(ctx context.Context, tp connectors.TopicPartition, at int64) (int64, int32, error) {
	offset, epoch, err := c.listOffset(ctx, tp, at)
	if err != nil {
		c.forgetLeader(tp)
		return -1, -1, fmt.Errorf("list offset of %s/%d: %w", tp.Topic, tp.Partition, err)
	}
	return offset, epoch, nil
}

func (c *Client) listOffset(ctx context.Context, tp connectors.TopicPartition, at int64) (int64, int32, error) {
	l, err := c.leaderOf(ctx, tp)
	if err != nil {
		return -1, -1, err
	}
	isolation := int8(0)
	if at == connectors.LatestStable {
		at, isolation = connectors.Latest, 1
	}
	m, err := c.send(ctx, l.broker, c.options.RequestTimeout, &listoffsets.Request{
		ReplicaID: -1, IsolationLevel: isolation,
		Topics: []listoffsets.RequestTopic{{
			Topic:      tp.Topic,
			Partitions: []listoffsets.RequestPartition{{Partition: tp.Partition, CurrentLeaderEpoch: l.epoch, Timestamp: at}},
		}},
	})
	if err != nil {
		return -1, -1, err
	}
	for _, t := range m.(*listoffsets.Response).Topics {
		for _, p := range t.Partitions {
			if t.Topic != tp.Topic || p.Partition != tp.Partition {
				continue
			}
			if code := connectors.Code(p.ErrorCode); code != connectors.OK {
				return -1, -1, connectors.Denied(code, "Describe", connectors.TopicResource, tp.Topic)
			}
			return p.Offset, p.LeaderEpoch, nil
		}
	}
	return -1, -1, errors.New("the answer leaves the partition out")
}

// CommitOffsets implements connectors.Cluster.
func (c *Client) CommitOffsets(ctx context.Context, group string, generation int32, member, instance string, next []connectors.Position) error {
	if member == "" {
		generation = -1 // from outside the group, which the broker takes only while the group has no member
	}
	req := &offsetcommit.Request{
		GroupID: group, GenerationID: generation, MemberID: member, GroupInstanceID: instance,
		RetentionTimeMs: -1, // the broker's own
	}
	topics := map[string]int{}
	for _, p := range next {
		i, ok := topics[p.Topic]
		if !ok {
			i = len(req.Topics)
			topics[p.Topic] = i
			req.Topics = append(req.Topics, offsetcommit.RequestTopic{Name: p.Topic})
		}
		req.Topics[i].Partitions = append(req.Topics[i].Partitions, offsetcommit.RequestPartition{
			PartitionIndex: p.Partition, CommittedOffset: p.Offset, CommittedLeaderEpoch: p.LeaderEpoch,
		})
	}
	m, err := c.toCoordinator(ctx, groupCoordinator, group, c.options.RequestTimeout, req)
	if err != nil {
		return fmt.Errorf("commit offsets of group %q: %w", group, err)
	}
	var problems []error
	for _, t := range m.(*offsetcommit.Response).Topics {
		for _, p := range t.Partitions {
			code := connectors.Code(p.ErrorCode)
			if code == connectors.OK {
				continue
			}
			if coordinatorMoved(code) {
				c.forget(groupCoordinator, group)
			}
			problems = append(problems, fmt.Errorf("commit offset of group %q at %s/%d: %w", group, t.Name, p.PartitionIndex, groupDenied(code, group, t.Name)))
		}
	}
	return errors.Join(problems...)
}

// groupDenied is the error for a code that may be about the group or about the topic.
func groupDenied(code connectors.Code, group, topic string) error {
	if code == connectors.GroupAuthorizationFailed {
		return connectors.Denied(code, "Read", connectors.GroupResource, group)
	}
	return connectors.Denied(code, "Read", connectors.TopicResource, topic)
}
