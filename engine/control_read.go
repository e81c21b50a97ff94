package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"wend/connectors"
	"wend/connectors/batch"
)

// readPartition reads a partition from an offset up to another, for commands that are given from outside the engine. What
// a record holds is valid during the call. progress, if any, hears after each answer where it is.
func readPartition(ctx context.Context, cluster connectors.Cluster, tp connectors.TopicPartition, from, to int64, take func(*batch.Record) error, progress func(next int64)) error {
	tries := 0
	for next := from; next < to; {
		answer, err := fetchOnce(ctx, cluster, tp, next, false)
		if behindIt, _ := behind(answer.Batches); err == nil && behindIt <= next {
			err = errNothingGiven
		}
		if err != nil {
			if tries++; tries >= historyTries || ctx.Err() != nil {
				return fmt.Errorf("read %s/%d at offset %d: %w", tp.Topic, tp.Partition, next, err)
			}
			if err := sleep(ctx, backoff(tries)); err != nil {
				return err
			}
			continue
		}
		tries = 0
		next, err = takeEach(&answer, next, to, take)
		answer.Release()
		if err != nil {
			return err
		}
		if progress != nil {
			progress(min(next, to))
		}
	}
	return nil
}

// takeEach takes the records of an answer from an offset up to another, and says where to go on.
func takeEach(f *connectors.Fetched, from, to int64, take func(*batch.Record) error) (next int64, err error) {
	var r batch.Reader
	r.Reset(f.Batches, from, nil)
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return r.NextOffset(), nil
		}
		if err != nil {
			return from, fmt.Errorf("read %s/%d: %w", f.Topic, f.Partition, err)
		}
		if rec.Offset >= to {
			return to, nil
		}
		if err := take(rec); err != nil {
			return from, fmt.Errorf("%s/%d at offset %d: %w", f.Topic, f.Partition, rec.Offset, err)
		}
	}
}

// errNothingGiven is for whoever knows that there is something behind the offset that was asked for.
var errNothingGiven = errors.New("the broker gave nothing, though more is there")

// fetchOnce asks a partition's leader for batches from an offset on.
func fetchOnce(ctx context.Context, cluster connectors.Cluster, tp connectors.TopicPartition, from int64, committed bool) (connectors.Fetched, error) {
	leader, err := leaderOf(ctx, cluster, tp)
	if err != nil {
		return connectors.Fetched{}, err
	}
	answers, err := cluster.Fetch(ctx, &connectors.FetchRequest{Broker: leader, MaxWait: time.Second, MaxBytes: fetchBytes, PartitionMax: fetchBytes,
		ReadCommitted: committed, Positions: []connectors.Position{{TopicPartition: tp, Offset: from, LeaderEpoch: -1}}})
	switch {
	case err != nil:
		return connectors.Fetched{}, err
	case len(answers) != 1:
		return connectors.Fetched{}, fmt.Errorf("%d answers to a fetch of one partition", len(answers))
	case answers[0].Code != connectors.OK:
		return connectors.Fetched{}, answers[0].Code
	}
	return answers[0], nil
}

// readReleases reads all that APP.control says of releases, up to where it ends.
func readReleases(ctx context.Context, cluster connectors.Cluster, app string) (r releases, err error) {
	tp := controlTopic(app)
	var end int64
	if r.next, end, err = boundsOf(ctx, cluster, tp, connectors.Latest); err != nil {
		return r, fmt.Errorf("read %s: %w", tp.Topic, err)
	}
	return r, r.read(ctx, cluster, app, end)
}

// boundsTries is how often the ends of a partition are asked for: half a minute.
const boundsTries = 12

// boundsOf gives the first offset of a partition and the one at which it ends (Latest or LatestStable). A topic that was just
// made has no leader for a moment, or one that does not know it yet, and so has one whose leader moves: it asks again
// while the answer is one that passes.
func boundsOf(ctx context.Context, cluster connectors.Cluster, tp connectors.TopicPartition, latest int64) (first, end int64, err error) {
	for tries := 1; ; tries++ {
		if first, _, err = cluster.ListOffset(ctx, tp, connectors.Earliest); err == nil {
			if end, _, err = cluster.ListOffset(ctx, tp, latest); err == nil {
				return first, end, nil
			}
		}
		var code connectors.Code
		passes := !errors.As(err, &code) || code == connectors.UnknownTopicOrPartition || code.Class() == connectors.Retry || code.Class() == connectors.Ambiguous
		if !passes || tries == boundsTries || ctx.Err() != nil {
			return 0, 0, err
		}
		_, _ = leaderOf(ctx, cluster, tp) // clients hear of leaders by Metadata
		if err := sleep(ctx, backoff(tries)); err != nil {
			return 0, 0, err
		}
	}
}

// read takes what comes next on APP.control, up to an offset.
func (r *releases) read(ctx context.Context, cluster connectors.Cluster, app string, to int64) error {
	err := readPartition(ctx, cluster, controlTopic(app), r.next, to, func(rec *batch.Record) error {
		c := commandOf(rec)
		if _, err := r.take(&c); err != nil {
			return fmt.Errorf("%s: %w: it needs a newer wend", c.key, err)
		}
		return nil
	}, nil)
	r.next = max(r.next, to)
	return err
}
