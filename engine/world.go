package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"wend/connectors"
)

// World is the cluster as the engine found it: the topics it works with and what they allow.
type World struct {
	Cluster    *connectors.Metadata // with all topics of the engine
	Partitions int32                // of the source

	names    []string // of all topics
	channels []string // that the journeys send on

	sourceID        [16]byte
	journalID       [16]byte
	routes          *routes
	journalMax      int // bytes of a journal batch
	actionMax       int // bytes of an action batch: the least of what the action topics and the dead letters allow
	deleteRetention time.Duration
}

// journalBatchBytes is max.message.bytes of a journal that the engine makes: large units cost the broker less.
const journalBatchBytes = 4 << 20

// LookAround reads what the engine must know of its topics, once EnsureTopics found them good. channels are those that
// the journeys send on.
func LookAround(ctx context.Context, cluster connectors.Cluster, cfg *Config, channels []string) (*World, error) {
	names := []string{cfg.Source.Topic, cfg.Journal, cfg.DeadLetter}
	for _, ch := range channels {
		names = append(names, cfg.ActionTopic(ch))
	}
	slices.Sort(names)
	names = slices.Compact(names)
	m, err := cluster.Metadata(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("engine: %w", unreachable(cfg, err))
	}
	topics := map[string]*connectors.Topic{}
	for i := range m.Topics {
		t := &m.Topics[i]
		if len(t.Partitions) == 0 {
			return nil, fmt.Errorf("engine: topic %s: %w", t.Name, connectors.Denied(t.Code, "Describe", connectors.TopicResource, t.Name))
		}
		topics[t.Name] = t
	}
	for _, n := range names {
		if topics[n] == nil {
			return nil, fmt.Errorf("engine: topic %s is not there; `wend topics` creates what is missing", n)
		}
	}
	configs, err := cluster.TopicConfigs(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("engine: read the topics' configs: %w", err)
	}
	w := &World{
		Cluster: m, Partitions: int32(len(topics[cfg.Source.Topic].Partitions)), names: names, channels: channels,
		sourceID: topics[cfg.Source.Topic].ID, journalID: topics[cfg.Journal].ID,
		routes:     routesTo(cfg, channels, topics),
		journalMax: batchBytes(configs[cfg.Journal]), actionMax: batchBytes(configs[cfg.DeadLetter]),
		deleteRetention: time.Duration(number(configs[cfg.Journal]["delete.retention.ms"], 86_400_000)) * time.Millisecond,
	}
	for _, ch := range channels {
		w.actionMax = min(w.actionMax, batchBytes(configs[cfg.ActionTopic(ch)]))
	}
	return w, w.check(cfg)
}

// routesTo gives the routes to topics that are all there.
func routesTo(cfg *Config, channels []string, topics map[string]*connectors.Topic) *routes {
	r := &routes{channels: map[string]route{}, deadLetter: route{cfg.DeadLetter, int32(len(topics[cfg.DeadLetter].Partitions))}}
	for _, ch := range channels {
		name := cfg.ActionTopic(ch)
		r.channels[ch] = route{name, int32(len(topics[name].Partitions))}
	}
	return r
}

// Least sizes with which the engine can work.
const (
	leastJournal = 256 << 10
	leastAction  = 8 << 10
)

func (w *World) check(cfg *Config) error {
	var errs []error
	if w.journalMax < leastJournal {
		errs = append(errs, fmt.Errorf("engine: %s takes batches of %d bytes; set its max.message.bytes to %d or more", cfg.Journal, w.journalMax, leastJournal))
	}
	if w.actionMax < leastAction {
		errs = append(errs, fmt.Errorf("engine: an action topic or %s takes batches of %d bytes; set their max.message.bytes to %d or more", cfg.DeadLetter, w.actionMax, leastAction))
	}
	return errors.Join(errs...)
}

// limits are the bounds of a unit that these topics allow.
func (w *World) limits(cfg *Config) limits {
	const headRoom = 32 << 10 // the head, acknowledged outbox records, and what a batch adds
	room := w.journalMax - headRoom
	soft := min(int(cfg.Unit.MaxBytes), room/2)
	return limits{
		events: cfg.Unit.MaxEvents, soft: soft, effect: room - soft,
		document: 256 << 10, ids: 16, action: w.actionMax - 1<<10, outbox: 16 << 20, fires: min(cfg.Unit.MaxEvents, 400), onTheWay: 64 << 10, behind: 1 << 20, held: 1 << 20, unsettled: 256 << 20,
	}
}

func batchBytes(config map[string]string) int { return number(config["max.message.bytes"], 1048588) }

func number(text string, otherwise int) int {
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	return otherwise
}
