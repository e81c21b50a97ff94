package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/segmentio/kafka-go/protocol/offsetfetch"

	"wend/connectors"
)

// CommittedOffsets gives the next offsets that the group noted for partitions of a topic; -1 where it noted none.
func (c *Client) CommittedOffsets(ctx context.Context, group, topic string, partitions []int32) (map[int32]int64, error) {
	m, err := c.toCoordinator(ctx, groupCoordinator, group, c.options.RequestTimeout, &offsetfetch.Request{
		GroupID: group, Topics: []offsetfetch.RequestTopic{{Name: topic, PartitionIndexes: partitions}},
	})
	if err != nil {
		return nil, fmt.Errorf("committed offsets of group %q: %w", group, err)
	}
	r := m.(*offsetfetch.Response)
	problem := func(code connectors.Code) error {
		if coordinatorMoved(code) {
			c.forget(groupCoordinator, group)
		}
		return fmt.Errorf("committed offsets of group %q: %w", group, groupDenied(code, group, topic))
	}
	if code := connectors.Code(r.ErrorCode); code != connectors.OK {
		return nil, problem(code)
	}
	offsets := map[int32]int64{}
	for _, t := range r.Topics {
		for _, p := range t.Partitions {
			if code := connectors.Code(p.ErrorCode); code != connectors.OK {
				return nil, problem(code)
			}
			if t.Name == topic {
				offsets[p.PartitionIndex] = p.CommittedOffset
			}
		}
	}
	if len(offsets) != len(partitions) {
		return nil, fmt.Errorf("committed offsets of group %q: %w", group, errors.New("the answer leaves partitions out"))
	}
	return offsets, nil
}
