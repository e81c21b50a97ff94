package engine

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/schemas"
)

// Forgetting is a command to erase a customer, on its way through the shards.
type Forgetting struct {
	cluster connectors.Cluster
	app     string
	key     string
	offset  int64 // of the command on APP.control
	shards  *follower
}

// Forget asks the engines of an app to erase a customer. What they do is in every shard that may have the customer;
// Wait tells when it is done. It does not look whether anybody knows the customer.
func Forget(ctx context.Context, cluster connectors.Cluster, cfg *Config, customer string) (*Forgetting, error) {
	f := &Forgetting{cluster: cluster, app: cfg.App}
	var name [16]byte
	if _, err := rand.Read(name[:]); err != nil {
		return nil, fmt.Errorf("forget: no randomness: %w", err)
	}
	f.key = schemas.ControlKey(schemas.ControlForget, hex.EncodeToString(name[:]))
	value, err := (&schemas.Forget{Customer: customer, Asked: time.Now().UnixMilli()}).Append(nil)
	if err != nil {
		return nil, fmt.Errorf("forget: %w", err)
	}
	// Every shard is waited for, not only the one that has the customer: the command stays on the topic until all have
	// passed it.
	if f.shards, err = newFollower(ctx, cluster, cfg); err != nil {
		return nil, fmt.Errorf("forget: %w", err)
	}
	if f.offset, err = appendControl(ctx, cluster, cfg.App, f.key, value); err != nil {
		return nil, fmt.Errorf("forget: %w", err)
	}
	f.shards.done = func(h *schemas.Head) bool { return h.Erased > f.offset }
	return f, nil
}

// Wait follows the journals until every shard's head says that nothing of the customer is left, then takes the command,
// and earlier ones that were not waited for, off the topic. progress hears how many shards are done. When ctx ends before
// that, the command stands, and the error names the shards that are missing; it is context.Cause's.
func (f *Forgetting) Wait(ctx context.Context, progress func(done, of int)) error {
	if missing, err := f.shards.wait(ctx, progress); err != nil {
		return fmt.Errorf("forget: shards %v have not erased the customer yet: does an engine work on them, and can it publish what it owes? %w", missing, err)
	}
	if err := f.finish(ctx); err != nil {
		return fmt.Errorf("forget: the customer is erased, but the command is still on %s: %w", controlTopic(f.app).Topic, err)
	}
	return nil
}

// finish writes the tombstones of every forget command up to ours: what holds for it holds for those before it.
func (f *Forgetting) finish(ctx context.Context) error {
	open := []string{}
	err := readPartition(ctx, f.cluster, controlTopic(f.app), 0, f.offset+1, func(rec *batch.Record) error {
		c := commandOf(rec)
		if i := slices.Index(open, c.key); i >= 0 {
			open = slices.Delete(open, i, i+1)
		}
		if _, ok := c.forgets(); ok {
			open = append(open, c.key)
		}
		return nil
	}, nil)
	if err != nil {
		return err
	}
	for _, key := range open {
		if _, err := appendControl(ctx, f.cluster, f.app, key, nil); err != nil {
			return err
		}
	}
	return nil
}
