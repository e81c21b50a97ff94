package engine

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"

	"wend/engine/journey"
	"wend/schemas"
)

// programOf makes what shards decide by of the records of APP.control, and has them find the topics that it sends to. As
// long as a topic is missing they go on by what they have, loudly. It runs on the goroutine that reads APP.control.
func (e *Engine) programOf(r *releases) (*running, error) {
	next := e.base
	if holds := r.holding(); holds != nil {
		program, err := holds.compile(r.status)
		if err != nil {
			e.tell(func() { e.failedShard(err) })
			return nil, err
		}
		texts, err := holds.files()
		if err != nil { // compile has read them
			return nil, err
		}
		next = &running{release: holds.list.Number, program: program, name: nameOf(holds.list, r.status), deployed: deployedOf(holds.list, r.status), texts: texts}
	}
	if err := e.findTopics(next); err != nil {
		return nil, err
	}
	e.tell(func() { e.learn(next) })
	return next, nil
}

// nameOf names a release together with the status of its journeys.
func nameOf(list *schemas.Release, status map[string]schemas.Status) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(list.Tag())) // it never fails
	for _, name := range slices.Sorted(maps.Keys(status)) {
		s := status[name]
		_, _ = fmt.Fprintf(h, "/%s %v %d %d", name, s.Paused, s.Resumed, s.Spread)
	}
	return max(h.Sum64(), 2)
}

// findTopics sees that there are routes to all channels of a program.
func (e *Engine) findTopics(r *running) error {
	world := e.topics()
	channels := slices.Clone(world.channels)
	for _, ch := range r.program.Channels() {
		if !slices.Contains(channels, ch) {
			channels = append(channels, ch)
		}
	}
	if len(channels) > len(world.channels) {
		found, err := LookAround(e.ctx, e.cluster, e.cfg, channels)
		if err != nil {
			return err
		}
		world = found
		e.mu.Lock()
		e.mu.world = found
		e.mu.Unlock()
	}
	r.routes, r.action = world.routes, world.limits(e.cfg).action
	return nil
}

// topics is the world as it was looked at last, with the topics of all channels of which was heard.
func (e *Engine) topics() *World {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.mu.world
}

// learn notes what the process now runs, for shards that begin and for those that are not at work. Those that are hear it
// with the commands.
func (e *Engine) learn(r *running) {
	e.running, e.routes = r, e.routes.with(r.routes)
	e.mu.Lock()
	e.mu.running = r
	e.mu.Unlock()
	for _, x := range e.runners {
		x.box.put(func() { x.shard.learn(r) })
	}
}

// Program gives what the process now decides by, and the number of its release; 0: APP.control has none.
func (e *Engine) Program() (*journey.Program, uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.mu.running.program, e.mu.running.release
}
