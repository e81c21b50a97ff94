package engine

import "sync"

// shardSet is a set of shards, safe for concurrent use.
type shardSet struct {
	mu  sync.Mutex
	set map[int32]struct{}
}

func newShardSet() *shardSet { return &shardSet{set: map[int32]struct{}{}} }

// add and remove give the set's size afterwards.
func (s *shardSet) add(shard int32) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set[shard] = struct{}{}
	return len(s.set)
}

func (s *shardSet) remove(shard int32) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.set, shard)
	return len(s.set)
}
