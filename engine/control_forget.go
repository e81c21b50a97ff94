package engine

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
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
	shards  []forgettingShard
}

type forgettingShard struct {
	connectors.TopicPartition // of the journal
	next                      int64
	erased                    bool
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
	m, err := cluster.Metadata(ctx, cfg.Journal)
	if err != nil {
		return nil, fmt.Errorf("forget: no answer from Kafka: %w", err)
	}
	if len(m.Topics) != 1 || len(m.Topics[0].Partitions) == 0 {
		return nil, fmt.Errorf("forget: there is no topic %s: has this app ever run here?", cfg.Journal)
	}
	// Every shard is waited for, not only the one that has the customer: the command stays on the topic until all have
	// passed it.
	for p := range m.Topics[0].Partitions {
		s := forgettingShard{TopicPartition: connectors.TopicPartition{Topic: cfg.Journal, Partition: int32(p)}}
		if s.next, _, err = cluster.ListOffset(ctx, s.TopicPartition, connectors.Latest); err != nil {
			return nil, fmt.Errorf("forget: where %s/%d ends: %w", s.Topic, p, err)
		}
		f.shards = append(f.shards, s)
	}
	if f.offset, err = appendControl(ctx, cluster, cfg.App, f.key, value); err != nil {
		return nil, fmt.Errorf("forget: %w", err)
	}
	return f, nil
}

// Wait follows the journals until every shard's head says that nothing of the customer is left, then takes the command,
// and earlier ones that were not waited for, off the topic. progress hears how many shards are done. When ctx ends before
// that, the command stands, and the error names the shards that are missing; it is context.Cause's.
func (f *Forgetting) Wait(ctx context.Context, progress func(done, of int)) error {
	for {
		missing := f.missing()
		progress(len(f.shards)-len(missing), len(f.shards))
		if len(missing) == 0 {
			break
		}
		if err := f.follow(ctx); err != nil {
			if sleep(ctx, time.Second) != nil { // else brokers come back
				return fmt.Errorf("forget: shards %v have not erased the customer yet: does an engine work on them, and can it publish what it owes? %w", missing, context.Cause(ctx))
			}
		}
	}
	if err := f.finish(ctx); err != nil {
		return fmt.Errorf("forget: the customer is erased, but the command is still on %s: %w", controlTopic(f.app).Topic, err)
	}
	return nil
}

func (f *Forgetting) missing() (shards []int32) {
	for i := range f.shards {
		if !f.shards[i].erased {
			shards = append(shards, f.shards[i].Partition)
		}
	}
	return shards
}

// follow reads once on from where it is, from the leader of the first shard that is missing, for all that it leads.
func (f *Forgetting) follow(ctx context.Context) error {
	m, err := f.cluster.Metadata(ctx, f.shards[0].Topic)
	if err != nil {
		return err
	}
	if len(m.Topics) != 1 || len(m.Topics[0].Partitions) < len(f.shards) {
		return connectors.UnknownTopicOrPartition
	}
	req := &connectors.FetchRequest{Broker: -1, MaxWait: time.Second, MaxBytes: 16 << 20, PartitionMax: 4 << 20}
	for i := range f.shards {
		s := &f.shards[i]
		leader := m.Topics[0].Partitions[s.Partition].Leader
		if s.erased || leader < 0 || req.Broker >= 0 && leader != req.Broker {
			continue
		}
		req.Broker = leader
		req.Positions = append(req.Positions, connectors.Position{TopicPartition: s.TopicPartition, Offset: s.next, LeaderEpoch: -1})
	}
	if req.Broker < 0 {
		return connectors.LeaderNotAvailable
	}
	answers, err := f.cluster.Fetch(ctx, req)
	if err != nil {
		return err
	}
	for i := range answers {
		if answers[i].Code != connectors.OK {
			err = errors.Join(err, answers[i].Code)
			continue
		}
		err = errors.Join(err, f.shards[answers[i].Partition].read(answers[i].Batches, f.offset))
	}
	return err
}

func (s *forgettingShard) read(raw []byte, command int64) error {
	var r batch.Reader
	r.Reset(raw, s.next, nil)
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			s.next = max(s.next, r.NextOffset())
			return nil
		}
		if err != nil {
			return err
		}
		if string(rec.Key) != string(keyHead) {
			continue
		}
		head, err := schemas.DecodeHead(rec.Value)
		if err != nil {
			return err
		}
		s.erased = s.erased || head.Erased > command
	}
}

// finish writes the tombstones of every forget command up to ours: what holds for it holds for those before it.
func (f *Forgetting) finish(ctx context.Context) error {
	tp := controlTopic(f.app)
	open := []string{}
	for next := int64(0); next <= f.offset; {
		leader, err := leaderOf(ctx, f.cluster, tp)
		if err != nil {
			return err
		}
		answers, err := f.cluster.Fetch(ctx, &connectors.FetchRequest{Broker: leader, MaxBytes: 4 << 20, PartitionMax: 4 << 20,
			Positions: []connectors.Position{{TopicPartition: tp, Offset: next, LeaderEpoch: -1}}})
		if err != nil {
			return err
		}
		if len(answers) != 1 {
			return fmt.Errorf("read %s: %d answers", tp.Topic, len(answers))
		}
		if answers[0].Code != connectors.OK {
			return fmt.Errorf("read %s: %w", tp.Topic, answers[0].Code)
		}
		list, end, err := readCommands(answers[0].Batches, next)
		if err != nil {
			return err
		}
		if end == next {
			return fmt.Errorf("read %s: nothing at offset %d", tp.Topic, next)
		}
		for _, c := range list {
			if i := slices.Index(open, c.key); i >= 0 {
				open = slices.Delete(open, i, i+1)
			}
			if _, ok := c.forgets(); ok && c.offset <= f.offset {
				open = append(open, c.key)
			}
		}
		next = end
	}
	for _, key := range open {
		if _, err := appendControl(ctx, f.cluster, f.app, key, nil); err != nil {
			return err
		}
	}
	return nil
}
