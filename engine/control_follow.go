package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/schemas"
)

// follower reads the journals' heads on, until each says that its shard has done something.
type follower struct {
	cluster connectors.Cluster
	shards  []followed
	done    func(*schemas.Head) bool
}

type followed struct {
	connectors.TopicPartition // of the journal
	next                      int64
	done                      bool
}

// newFollower begins where the journals end now. Every shard is followed.
func newFollower(ctx context.Context, cluster connectors.Cluster, cfg *Config) (*follower, error) {
	m, err := cluster.Metadata(ctx, cfg.Journal)
	if err != nil {
		return nil, fmt.Errorf("no answer from Kafka: %w", err)
	}
	if len(m.Topics) != 1 || len(m.Topics[0].Partitions) == 0 {
		return nil, fmt.Errorf("there is no topic %s: has this app ever run here?", cfg.Journal)
	}
	f := &follower{cluster: cluster}
	for p := range m.Topics[0].Partitions {
		s := followed{TopicPartition: connectors.TopicPartition{Topic: cfg.Journal, Partition: int32(p)}}
		if _, s.next, err = boundsOf(ctx, cluster, s.TopicPartition, connectors.Latest); err != nil {
			return nil, fmt.Errorf("where %s/%d ends: %w", s.Topic, p, err)
		}
		f.shards = append(f.shards, s)
	}
	return f, nil
}

// wait follows until all are done, or ctx ends; then it gives those that are not, and context.Cause's error.
func (f *follower) wait(ctx context.Context, progress func(done, of int)) (missing []int32, err error) {
	for {
		missing = f.missing()
		progress(len(f.shards)-len(missing), len(f.shards))
		if len(missing) == 0 {
			return nil, nil
		}
		if err := f.follow(ctx); err != nil {
			if sleep(ctx, time.Second) != nil { // else brokers come back
				return missing, context.Cause(ctx)
			}
		}
	}
}

func (f *follower) missing() (shards []int32) {
	for i := range f.shards {
		if !f.shards[i].done {
			shards = append(shards, f.shards[i].Partition)
		}
	}
	return shards
}

// follow reads once on from where it is, from the leader of the first shard that is missing, for all that it leads.
func (f *follower) follow(ctx context.Context) error {
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
		if s.done || leader < 0 || req.Broker >= 0 && leader != req.Broker {
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
		err = errors.Join(err, f.shards[answers[i].Partition].read(answers[i].Batches, f.done))
		answers[i].Release()
	}
	return err
}

func (s *followed) read(raw []byte, done func(*schemas.Head) bool) error {
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
		s.done = s.done || done(head)
	}
}
