package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/findcoordinator"
	"github.com/segmentio/kafka-go/protocol/initproducerid"

	"wend/connectors"
)

// The kinds of coordinator, as FindCoordinator numbers them.
const (
	groupCoordinator       int8 = 0
	transactionCoordinator int8 = 1
)

type coordinatorKey struct {
	kind int8
	key  string
}

// coordinator gives the broker that looks after a group or transactional id, from what is known, else by asking.
func (c *Client) coordinator(ctx context.Context, kind int8, key string) (int32, error) {
	k := coordinatorKey{kind, key}
	c.mu.Lock()
	broker, ok := c.mu.coordinators[k]
	c.mu.Unlock()
	if ok {
		return broker, nil
	}
	ask := c.anyBroker()
	m, err := c.send(ctx, ask, c.options.RequestTimeout, &findcoordinator.Request{Key: key, KeyType: kind})
	if err != nil {
		c.failed(ask)
		return -1, fmt.Errorf("find coordinator of %q: %w", key, err)
	}
	r := m.(*findcoordinator.Response)
	if code := connectors.Code(r.ErrorCode); code != connectors.OK {
		return -1, fmt.Errorf("find coordinator of %q: %w", key, coordinatorDenied(code, kind, key))
	}
	c.mu.Lock()
	c.mu.coordinators[k] = r.NodeID
	c.mu.Unlock()
	return r.NodeID, nil
}

// forget drops what is known of a coordinator: the next request asks who it is.
func (c *Client) forget(kind int8, key string) {
	c.mu.Lock()
	delete(c.mu.coordinators, coordinatorKey{kind, key})
	c.mu.Unlock()
}

// toCoordinator sends one of kafka-go's messages to the coordinator of key. After an error the coordinator is asked for
// anew next time; whoever finds a code in the answer that says so (coordinatorMoved) calls forget.
func (c *Client) toCoordinator(ctx context.Context, kind int8, key string, timeout time.Duration, msg protocol.Message) (protocol.Message, error) {
	broker, err := c.coordinator(ctx, kind, key)
	if err != nil {
		return nil, err
	}
	m, err := c.send(ctx, broker, timeout, msg)
	if err != nil {
		c.forget(kind, key)
		return nil, err
	}
	return m, nil
}

// coordinatorMoved says that the broker asked is not the coordinator, or not yet.
func coordinatorMoved(code connectors.Code) bool {
	switch code {
	case connectors.NotCoordinator, connectors.CoordinatorNotAvailable, connectors.CoordinatorLoadInProgress:
		return true
	}
	return false
}

// coordinatorDenied is the error for a coordinator's code. The right named is the one that all of its requests need.
func coordinatorDenied(code connectors.Code, kind int8, key string) error {
	if kind == groupCoordinator {
		return connectors.Denied(code, "Read", connectors.GroupResource, key)
	}
	return connectors.Denied(code, "Write", connectors.TransactionalResource, key)
}

// InitProducerID implements connectors.Cluster. Nothing is tried again: a coordinator that moved, loads, or is busy with
// the id's last transaction is a Code of class Retry.
func (c *Client) InitProducerID(ctx context.Context, transactionalID string) (connectors.Producer, error) {
	none := connectors.Producer{ID: -1, Epoch: -1}
	if transactionalID == "" {
		return none, fmt.Errorf("init producer id: an empty transactional id: %w", connectors.InvalidRequest)
	}
	m, err := c.toCoordinator(ctx, transactionCoordinator, transactionalID, c.options.RequestTimeout, &initproducerid.Request{
		TransactionalID: transactionalID,
		// No transaction is ever begun; the broker wants a value not above its transaction.max.timeout.ms (15 min).
		TransactionTimeoutMs: 60_000,
		// Not -1 would ask the broker to check that this id and epoch are the latest.
		ProducerID:    -1,
		ProducerEpoch: -1,
	})
	if err != nil {
		return none, fmt.Errorf("init producer id of %q: %w", transactionalID, err)
	}
	r := m.(*initproducerid.Response)
	if code := connectors.Code(r.ErrorCode); code != connectors.OK {
		if coordinatorMoved(code) {
			c.forget(transactionCoordinator, transactionalID)
		}
		return none, fmt.Errorf("init producer id of %q: %w", transactionalID, coordinatorDenied(code, transactionCoordinator, transactionalID))
	}
	return connectors.Producer{ID: r.ProducerID, Epoch: r.ProducerEpoch}, nil
}
