package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/connectors/kafka"
	"wend/examples"
	"wend/schemas"
)

// crowd brings the shoppers' events to the source topic, each when it happens.
type crowd struct {
	client *kafka.Client
	topic  string

	mu       sync.Mutex
	shoppers *examples.Shoppers
}

func newCrowd(client *kafka.Client, topic string, s *examples.Shoppers) *crowd {
	return &crowd{client: client, topic: topic, shoppers: s}
}

// received says that a push reached its customer.
func (c *crowd) received(a *schemas.Action) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shoppers.Received(a.Customer, a.ID, time.Now())
}

func (c *crowd) next() ([]examples.ShopEvent, time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.shoppers.Next(time.Now()), c.shoppers.NextAt()
}

// run goes on until ctx ends (nil), or the broker takes no events.
func (c *crowd) run(ctx context.Context, line *liveLine) error {
	m, err := c.client.Metadata(ctx, c.topic)
	if err != nil {
		return ignoreEnd(ctx, fmt.Errorf("shoppers: %w", err))
	}
	if len(m.Topics) != 1 || len(m.Topics[0].Partitions) == 0 {
		return fmt.Errorf("shoppers: topic %s: %w", c.topic, connectors.UnknownTopicOrPartition)
	}
	partitions := m.Topics[0].Partitions
	for {
		events, at := c.next()
		if err := c.produce(ctx, partitions, events); err != nil {
			return ignoreEnd(ctx, fmt.Errorf("shoppers: %w", err))
		}
		line.events.Add(int64(len(events)))
		// A push that reaches somebody meanwhile may bring an earlier event: it is then a few milliseconds late.
		t := time.NewTimer(min(time.Until(at), 20*time.Millisecond))
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-t.C:
		}
	}
}

func (c *crowd) produce(ctx context.Context, partitions []connectors.Partition, events []examples.ShopEvent) error {
	builders := make([]batch.Builder, len(partitions))
	for _, e := range events {
		key := []byte(e.Customer)
		b := &builders[connectors.Murmur2Partition(key, int32(len(partitions)))]
		if b.Count() == 0 {
			b.Reset(batch.Header{ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1, Timestamp: time.Now().UnixMilli()})
		}
		b.Append(key, e.JSON)
	}
	var batches []connectors.Batch
	for p := range builders {
		if builders[p].Count() > 0 {
			batches = append(batches, connectors.Batch{TopicPartition: connectors.TopicPartition{Topic: c.topic, Partition: int32(p)}, Bytes: builders[p].Finish()})
		}
	}
	if len(batches) == 0 {
		return nil
	}
	// The embedded broker is one, so it leads all partitions.
	for _, r := range c.client.Produce(ctx, partitions[0].Leader, batches, 5*time.Second) {
		if r.Err != nil {
			return r.Err
		}
		if r.Code != connectors.OK {
			return r.Code
		}
	}
	return nil
}

// ignoreEnd is nil for an error that comes of the end of ctx. A connection keeps ctx's deadline by a clock of its own,
// and may be a moment ahead of it.
func ignoreEnd(ctx context.Context, err error) error {
	deadline, has := ctx.Deadline()
	ended := ctx.Err() != nil || has && !time.Now().Before(deadline)
	if ended && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)) {
		return nil
	}
	return err
}
