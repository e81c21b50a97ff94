package engine

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"wend/connectors"
)

// refusing answers the first questions for offsets with errors.
type refusing struct {
	connectors.Cluster
	errs  []error
	asked int
}

func (c *refusing) ListOffset(_ context.Context, tp connectors.TopicPartition, at int64) (int64, int32, error) {
	c.asked++
	if len(c.errs) > 0 {
		err := c.errs[0]
		c.errs = c.errs[1:]
		return -1, -1, fmt.Errorf("list offset of %s: %w", tp.Topic, err)
	}
	if at == connectors.Earliest {
		return 3, 1, nil
	}
	return 8, 1, nil
}

func (c *refusing) Metadata(context.Context, ...string) (*connectors.Metadata, error) {
	return nil, errors.New("no answer")
}

func TestBoundsOfAPartitionWithoutALeaderYet(t *testing.T) {
	tp := connectors.TopicPartition{Topic: "app.journal"}
	c := &refusing{errs: []error{connectors.NotLeader, connectors.LeaderNotAvailable, errors.New("connection refused"), connectors.UnknownTopicOrPartition}}
	first, end, err := boundsOf(t.Context(), c, tp, connectors.Latest)
	if first != 3 || end != 8 || err != nil {
		t.Errorf("gave %d, %d, %v", first, end, err)
	}
	c = &refusing{errs: []error{connectors.TopicAuthorizationFailed}}
	if _, _, err := boundsOf(t.Context(), c, tp, connectors.Latest); !errors.Is(err, connectors.TopicAuthorizationFailed) || c.asked != 1 {
		t.Errorf("a refusal that stays was asked %d times and gave %v", c.asked, err)
	}
}
