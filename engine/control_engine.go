package engine

import (
	"context"
	"fmt"
	"slices"

	"wend/connectors"
)

// newControl makes the process's reader of APP.control.
func (e *Engine) newControl() *control {
	tp := controlTopic(e.cfg.App)
	return &control{
		ctx:    e.ctx,
		topic:  tp.Topic,
		read:   func(from int64) (connectors.Fetched, error) { return e.readOnce(tp, from, controlWait) },
		offset: func(at int64) (int64, error) { return e.listOffset(tp, at) },
		append: func(key string, value []byte) error {
			_, err := appendControl(e.ctx, e.cluster, e.cfg.App, key, value)
			return err
		},
		ticks: func() bool {
			e.mu.Lock()
			defer e.mu.Unlock()
			return slices.ContainsFunc(e.mu.shards, func(r *runner) bool { return r.shard.id == 0 })
		},
		retry:   func(err error, tries int) { e.listener.Retry(-1, tp, "read the commands", err, tries) },
		heard:   func(list []command) { e.tell(func() { e.discardViews(list) }) },
		program: e.programOf,
		failed:  func(err error) { e.tell(func() { e.failedShard(err) }) },
	}
}

// discardViews removes the views of forgotten customers' shards that other members have: nobody else would.
func (e *Engine) discardViews(list []command) {
	of := partitioner(e.cfg.Source.Partitioner, e.world.Partitions)
	for i := range list {
		customer, ok := list[i].forgets()
		if !ok {
			continue
		}
		for id := range e.world.Partitions {
			if of != nil && of([]byte(customer)) != id {
				continue
			}
			if r := e.runners[id]; r != nil {
				r.box.put(func() { r.shard.discard(customer) })
			} else if err := e.keptViews().destroy(viewDir(e.cfg.DataDir, id)); err != nil {
				e.listener.Retry(id, controlTopic(e.cfg.App), "discard the view", err, 1)
			}
		}
	}
}

func leaderOf(ctx context.Context, cluster connectors.Cluster, tp connectors.TopicPartition) (int32, error) {
	m, err := cluster.Metadata(ctx, tp.Topic)
	if err != nil {
		return 0, err
	}
	for i := range m.Topics {
		t := &m.Topics[i]
		if t.Name != tp.Topic {
			continue
		}
		if int(tp.Partition) < len(t.Partitions) && t.Partitions[tp.Partition].Leader >= 0 {
			return t.Partitions[tp.Partition].Leader, nil
		}
		if t.Code != connectors.OK {
			return 0, fmt.Errorf("topic %s: %w", tp.Topic, t.Code)
		}
	}
	return 0, fmt.Errorf("%s/%d: %w", tp.Topic, tp.Partition, connectors.LeaderNotAvailable)
}
