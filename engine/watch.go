package engine

import (
	"context"
	"fmt"
	"time"

	"wend/connectors"
)

// worldInterval is how often a running engine looks whether the world is still the one that it found (rule 12).
const worldInterval = 10 * time.Second

// watchWorld looks at the topics again and again until ctx ends. It stops the engine when it cannot go on in the world as
// it is, and tells the shards of new routes.
func (e *Engine) watchWorld(ctx context.Context) {
	known := e.topics().routes
	for sleep(ctx, worldInterval) == nil {
		w := e.topics()
		known = known.with(w.routes)
		m, err := e.cluster.Metadata(ctx, w.names...)
		if err != nil {
			continue // whoever has something to do there says so
		}
		if err := w.stillThere(e.cfg, m); err != nil {
			e.tell(func() { e.failedShard(err) })
			return
		}
		if r := w.grown(e.cfg, m, known); r != nil {
			known = r
			e.tell(func() { e.reroute(r) })
		}
	}
}

// reroute brings new routes to all shards, also to those that start later.
func (e *Engine) reroute(r *routes) {
	e.routes = r.with(e.routes)
	for _, x := range e.runners {
		x.box.put(func() { x.shard.reroute(r) })
	}
}

// stillThere says what makes going on wrong. What is missing from m is no such thing: a topic may be out of sight for a
// while, and if it is gone, requests say so.
func (w *World) stillThere(cfg *Config, m *connectors.Metadata) error {
	if w.Cluster.ClusterID != m.ClusterID && m.ClusterID != "" {
		return fmt.Errorf("engine: %v is cluster %s now, it was %s: point kafka.brokers at the right cluster, or start under another app name",
			cfg.Kafka.Brokers, m.ClusterID, w.Cluster.ClusterID)
	}
	for i := range m.Topics {
		t := &m.Topics[i]
		switch t.Name {
		case cfg.Source.Topic:
			if differ(w.sourceID, t.ID) {
				return fmt.Errorf("engine: topic %s was deleted and made again: its journal %s speaks of the former one; start under another app name, or delete the journal to begin anew", t.Name, cfg.Journal)
			}
			if n := int32(len(t.Partitions)); n > w.Partitions {
				return fmt.Errorf("engine: topic %s %s", t.Name, outgrown(n, w.Partitions))
			}
		case cfg.Journal:
			if differ(w.journalID, t.ID) {
				return fmt.Errorf("engine: topic %s was deleted and made again while its owners ran: what they remember is of no use; start again, and the journeys begin anew", t.Name)
			}
		}
	}
	return nil
}

// outgrown says what a source with more partitions than its journal means.
func outgrown(now, journal int32) string {
	return fmt.Sprintf("has %d partitions now, and state in the journal for %d: producers send customers to other partitions than before, where nobody knows them, "+
		"so nothing goes on. Partitions cannot be taken away again: make a new source topic with as many as will ever be needed, have producers send there, "+
		"and start on it under another app name; journeys that are under way do not move", now, journal)
}

// grown gives new routes when an action topic or that of the dead letters has more partitions than in known, else nil.
// Fewer there never are: whoever says so has not heard of the newest.
func (w *World) grown(cfg *Config, m *connectors.Metadata, known *routes) *routes {
	topics := map[string]*connectors.Topic{}
	for i := range m.Topics {
		topics[m.Topics[i].Name] = &m.Topics[i]
	}
	for _, name := range w.names {
		if topics[name] == nil {
			return nil
		}
	}
	r := routesTo(cfg, w.channels, topics)
	more := r.deadLetter.partitions > known.deadLetter.partitions
	r.deadLetter.partitions = max(r.deadLetter.partitions, known.deadLetter.partitions)
	for ch, to := range r.channels {
		more = more || to.partitions > known.channels[ch].partitions
		to.partitions = max(to.partitions, known.channels[ch].partitions)
		r.channels[ch] = to
	}
	if !more {
		return nil
	}
	return r
}
