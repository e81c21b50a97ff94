package engine

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"wend/connectors"
)

// TopicState says what EnsureTopics found.
type TopicState string

const (
	TopicThere   TopicState = "there"
	TopicCreated TopicState = "created"
	TopicMissing TopicState = "missing"
	TopicWrong   TopicState = "wrong"
)

// TopicReport is what EnsureTopics found of one topic.
type TopicReport struct {
	Name       string
	Key        string // of wend.yaml, or what the topic is for
	State      TopicState
	Partitions int32
	Problem    string // of a missing or wrong one: what it is, and what to do
}

// EnsureTopics looks at the topics that an engine with these channels needs and, where create is set, makes what is
// missing of its own and of the action topics, with as many partitions as the source. The source is the user's: it must
// be there. The error says that the cluster gave no usable answer, or that a topic could not be made; what is merely
// missing or wrong stands in the reports: see TopicsProblem.
func EnsureTopics(ctx context.Context, cluster connectors.Cluster, cfg *Config, channels []string, create bool) ([]TopicReport, error) {
	wanted := wantedTopics(cfg, channels)
	names := make([]string, len(wanted))
	for i, w := range wanted {
		names[i] = w.Name
	}
	found, err := describeTopics(ctx, cluster, names)
	if err != nil {
		return nil, fmt.Errorf("topics: %w", unreachable(cfg, err))
	}
	source := found[cfg.Source.Topic]
	reports := make([]TopicReport, 0, len(wanted))
	var specs []connectors.TopicSpec
	for i := range wanted {
		w := &wanted[i]
		r := TopicReport{Name: w.Name, Key: w.key}
		if t := found[w.Name]; t == nil {
			r.State, r.Problem = TopicMissing, "does not exist: `wend topics` creates it"
			if w.Name == cfg.Source.Topic {
				r.Problem = noSource
			} else if create && source != nil {
				if w.Partitions == 0 {
					w.Partitions = int32(len(source.Partitions))
				}
				specs = append(specs, w.TopicSpec)
				r.State, r.Partitions, r.Problem = TopicCreated, w.Partitions, ""
			}
		} else {
			r.State, r.Partitions = TopicThere, int32(len(t.Partitions))
		}
		reports = append(reports, r)
	}
	if len(specs) > 0 {
		if err := cluster.CreateTopics(ctx, specs...); err != nil {
			return reports, fmt.Errorf("topics: creating: %w", err)
		}
		if err := awaitTopics(ctx, cluster, specs); err != nil {
			return reports, err
		}
	}
	return reports, inspectTopics(ctx, cluster, wanted, reports, source)
}

// FindSource is an error when the cluster gives no answer, or has no such topic as the source.
func FindSource(ctx context.Context, cluster connectors.Cluster, cfg *Config) error {
	found, err := describeTopics(ctx, cluster, []string{cfg.Source.Topic})
	if err != nil {
		return fmt.Errorf("topics: %w", unreachable(cfg, err))
	}
	if found[cfg.Source.Topic] == nil {
		return TopicsProblem([]TopicReport{{Name: cfg.Source.Topic, Key: "source.topic", State: TopicMissing, Problem: noSource}})
	}
	return nil
}

const noSource = "does not exist: create it with as many partitions as the load will ever need, or correct source.topic"

// TopicsProblem is one error for all that is missing or wrong in the reports, or nil.
func TopicsProblem(reports []TopicReport) error {
	var problems []error
	for _, r := range reports {
		if r.Problem != "" {
			problems = append(problems, fmt.Errorf("topic %s (%s) %s", r.Name, r.Key, r.Problem))
		}
	}
	return errors.Join(problems...)
}

type wantedTopic struct {
	connectors.TopicSpec
	key     string
	sameAs  bool // needs exactly as many partitions as the source
	compact bool // cleanup.policy is compact alone
	stamps  bool // message.timestamp.type is LogAppendTime
}

func wantedTopics(cfg *Config, channels []string) []wantedTopic {
	wanted := []wantedTopic{
		{key: "source.topic", TopicSpec: connectors.TopicSpec{Name: cfg.Source.Topic}},
		{key: "journal.topic", sameAs: true, compact: true, stamps: true, TopicSpec: connectors.TopicSpec{Name: cfg.Journal, Configs: map[string]string{
			"cleanup.policy": "compact", "message.timestamp.type": "LogAppendTime", "max.message.bytes": strconv.Itoa(journalBatchBytes),
			"segment.ms": "86400000", "max.compaction.lag.ms": "86400000", // who is forgotten is gone in bounded time: docs/security.md
		}}},
		{key: "control", compact: true, TopicSpec: connectors.TopicSpec{Name: cfg.App + ".control", Partitions: 1, Configs: map[string]string{
			"cleanup.policy": "compact", "segment.ms": "3600000", "max.compaction.lag.ms": "3600000", "delete.retention.ms": "86400000",
		}}},
		{key: "dead_letter.topic", TopicSpec: connectors.TopicSpec{Name: cfg.DeadLetter}},
	}
	seen := map[string]bool{}
	for _, c := range channels {
		if name := cfg.ActionTopic(c); !seen[name] {
			seen[name] = true
			wanted = append(wanted, wantedTopic{key: "actions.topic", TopicSpec: connectors.TopicSpec{Name: name}})
		}
	}
	for i := range wanted {
		wanted[i].Replication = -1
	}
	return wanted
}

// describeTopics gives what is there.
func describeTopics(ctx context.Context, cluster connectors.Cluster, names []string) (map[string]*connectors.Topic, error) {
	m, err := cluster.Metadata(ctx, names...)
	if err != nil {
		return nil, err
	}
	found := map[string]*connectors.Topic{}
	for i := range m.Topics {
		t := &m.Topics[i]
		switch t.Code {
		case connectors.OK, connectors.LeaderNotAvailable:
			if len(t.Partitions) > 0 {
				found[t.Name] = t
			}
		case connectors.UnknownTopicOrPartition:
		default:
			return nil, fmt.Errorf("topic %s: %w", t.Name, connectors.Denied(t.Code, "Describe", connectors.TopicResource, t.Name))
		}
	}
	return found, nil
}

// awaitTopics waits until each partition of the new topics has a leader, as far as one broker knows.
func awaitTopics(ctx context.Context, cluster connectors.Cluster, specs []connectors.TopicSpec) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	names := make([]string, len(specs))
	for i, s := range specs {
		names[i] = s.Name
	}
	for try := 1; ; try++ {
		found, err := describeTopics(ctx, cluster, names)
		led := err == nil && len(found) == len(names)
		for _, t := range found {
			for _, p := range t.Partitions {
				led = led && p.Leader >= 0
			}
		}
		if led {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("topics: %s created, but not all partitions have a leader yet: %w", strings.Join(names, ", "), context.Cause(ctx))
		case <-time.After(backoff(try)):
		}
	}
}

// inspectTopics looks at the partitions and configs of what is there.
func inspectTopics(ctx context.Context, cluster connectors.Cluster, wanted []wantedTopic, reports []TopicReport, source *connectors.Topic) error {
	var names []string
	for i, r := range reports {
		if wanted[i].compact && r.State != TopicMissing {
			names = append(names, r.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	var configs map[string]map[string]string
	unheard := func(err error) bool { return errors.Is(err, connectors.UnknownTopicOrPartition) } // by the broker that was asked, yet
	err := persevere(ctx, 6, unheard, func() (err error) {
		configs, err = cluster.TopicConfigs(ctx, names...)
		return err
	})
	if err != nil {
		return fmt.Errorf("topics: configs of %s: %w", strings.Join(names, ", "), err)
	}
	for i := range reports {
		r, w := &reports[i], &wanted[i]
		if r.State == TopicMissing {
			continue
		}
		var wrong []string
		switch {
		case !w.sameAs || source == nil || int(r.Partitions) == len(source.Partitions):
		case len(source.Partitions) > int(r.Partitions):
			wrong = append(wrong, fmt.Sprintf("has %d partitions; %s %s", r.Partitions, source.Name, outgrown(int32(len(source.Partitions)), r.Partitions)))
		default:
			wrong = append(wrong, fmt.Sprintf("has %d partitions and the source %d: they must be equal; use another journal.topic for another source", r.Partitions, len(source.Partitions)))
		}
		c := configs[r.Name]
		if w.compact && c["cleanup.policy"] != "compact" {
			wrong = append(wrong, fmt.Sprintf("has cleanup.policy=%s: set it to compact, or state will be deleted", c["cleanup.policy"]))
		}
		if w.stamps && c["message.timestamp.type"] != "LogAppendTime" {
			wrong = append(wrong, fmt.Sprintf("has message.timestamp.type=%s: set it to LogAppendTime", c["message.timestamp.type"]))
		}
		if len(wrong) > 0 {
			r.State, r.Problem = TopicWrong, strings.Join(wrong, "; it ")
		}
	}
	return nil
}
