package engine

import (
	"context"
	"slices"
	"time"
)

// assigned takes up what the fleet gives to this member, and lets go of what it gave to others.
func (e *Engine) assigned(ctx context.Context, a Assigned) {
	e.generation = a.Generation
	e.listener.Assigned(a.Generation, a.Active)
	for id, r := range e.runners {
		if !slices.Contains(a.Active, id) && !slices.Contains(a.Standby, id) {
			e.give(r, bystander)
		}
	}
	for _, id := range a.Standby {
		e.give(e.runner(ctx, id), standby)
	}
	shards := make([]*runner, 0, len(a.Active))
	for _, id := range a.Active {
		r := e.runner(ctx, id)
		e.give(r, owner)
		shards = append(shards, r)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mu.shards, e.mu.assigned = shards, true
}

func (e *Engine) runner(ctx context.Context, id int32) *runner {
	if r := e.runners[id]; r != nil {
		return r
	}
	return e.start(ctx, id)
}

// give has the runner take up a role. Of two that follow each other closely the shard may come to hear the first while
// the second is on its way: each says what to do in whatever state the shard is then.
func (e *Engine) give(r *runner, to role) {
	from := r.role
	if from == to {
		return
	}
	r.role, r.refusedAt = to, time.Time{}
	r.box.put(func() {
		s := r.shard
		if to == owner {
			s.begin(e.Clock())
			return
		}
		s.yield()
		if to == standby {
			s.standBy(e.Clock())
		}
	})
}

// droppedShard: the shard may be claimed again after a heartbeat that was sent later than the refusal was answered in
// the same generation, which says that it is still meant for us. One that was yielded is kept warm if it should be.
func (e *Engine) droppedShard(r *runner, at time.Time) {
	switch r.role {
	case bystander:
		return
	case standby:
		r.box.put(func() { r.shard.standBy(e.Clock()) })
		return
	}
	r.drops++
	r.refusedAt = at
	e.fleet.Hurry()
}

func (e *Engine) heartbeat(h HeartbeatAnswered) {
	if h.Generation != e.generation {
		return
	}
	for _, r := range e.runners {
		if r.role != owner || r.refusedAt.IsZero() || !h.SentAt.After(r.refusedAt) {
			continue
		}
		r.refusedAt = time.Time{}
		wait := backoff(r.drops)
		e.carriers.Go(func() {
			if sleep(e.ctx, wait) == nil {
				e.tell(func() {
					if r.role == owner { // it may have been given to another meanwhile
						r.box.put(func() { r.shard.begin(e.Clock()) })
					}
				})
			}
		})
	}
}
