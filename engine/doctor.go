package engine

import (
	"context"
	"fmt"
	"strings"

	"wend/connectors"
)

// Level says how a Finding is.
type Level string

// The levels.
const (
	FindingOK    Level = "ok"
	FindingWarn  Level = "warn"
	FindingError Level = "error"
)

// Finding is one thing that Examine looked at.
type Finding struct {
	Level Level
	About string // a topic, the group, …
	Text  string // what it is; of what is not good, what to do
}

// examination collects findings.
type examination struct{ findings []Finding }

func (x *examination) add(level Level, about, format string, args ...any) {
	x.findings = append(x.findings, Finding{level, about, fmt.Sprintf(format, args...)})
}

// Examine looks whether the cluster is as an engine with these channels needs it, and as its promise does: brokers,
// topics and their configs, rights. It changes nothing on the cluster but that the transactional id APP/doctor is known
// to it for a week.
func Examine(ctx context.Context, cluster connectors.Cluster, cfg *Config, channels []string) []Finding {
	var x examination
	m, err := cluster.Metadata(ctx)
	if err != nil {
		x.add(FindingError, "brokers", "%v", unreachable(cfg, err))
		return x.findings
	}
	x.brokers(m)
	reports, err := EnsureTopics(ctx, cluster, cfg, channels, false)
	if err != nil {
		x.add(FindingError, "topics", "%v", err)
	}
	var there []string
	for _, r := range reports {
		switch {
		case r.State == TopicMissing && r.Name != cfg.Source.Topic:
			x.add(FindingWarn, r.Name, "(%s) %s, and so does `wend run`", r.Key, r.Problem)
		case r.Problem != "":
			x.add(FindingError, r.Name, "(%s) %s", r.Key, r.Problem)
		default:
			x.add(FindingOK, r.Name, "(%s) %d partitions", r.Key, r.Partitions)
		}
		if r.State != TopicMissing {
			there = append(there, r.Name)
		}
	}
	x.durability(ctx, cluster, len(m.Brokers), there)
	if err := askProducerID(ctx, cluster, cfg.App+"/doctor"); err != nil {
		x.add(FindingError, "producer ids", "%v", err)
	} else {
		x.add(FindingOK, "producer ids", "the brokers give them for %s/", cfg.App)
	}
	return x.findings
}

// askProducerID has the brokers give a producer id. A coordinator that is only just starting or moves is asked again, for
// about ten seconds: that passes by itself, and nothing is to be done about it.
func askProducerID(ctx context.Context, cluster connectors.Cluster, transactionalID string) error {
	return persevere(ctx, 8, func(err error) bool { return connectors.Classify(err) == connectors.Retry }, func() error {
		_, err := cluster.InitProducerID(ctx, transactionalID)
		return err
	})
}

func (x *examination) brokers(m *connectors.Metadata) {
	var names []string
	for _, b := range m.Brokers {
		names = append(names, fmt.Sprintf("%s:%d", b.Host, b.Port))
	}
	if len(m.Brokers) < 3 {
		x.add(FindingWarn, "brokers", "only %d of cluster %s: %s; what one broker loses nobody else has: run three or more", len(m.Brokers), m.ClusterID, strings.Join(names, ", "))
		return
	}
	x.add(FindingOK, "brokers", "%d of cluster %s: %s", len(m.Brokers), m.ClusterID, strings.Join(names, ", "))
}

// durability looks whether what the brokers acknowledge will stay (rule 9).
func (x *examination) durability(ctx context.Context, cluster connectors.Cluster, brokers int, topics []string) {
	if len(topics) == 0 {
		return
	}
	m, err := cluster.Metadata(ctx, topics...)
	if err != nil {
		x.add(FindingError, "topics", "%v", err)
		return
	}
	configs, err := cluster.TopicConfigs(ctx, topics...)
	if err != nil { // beside what the others gave
		x.add(FindingError, "configs", "%v", err)
	}
	for i := range m.Topics {
		t := &m.Topics[i]
		replicas, leaderless, behind := brokers, 0, 0
		for _, p := range t.Partitions {
			replicas = min(replicas, len(p.Replicas))
			if p.Leader < 0 {
				leaderless++
			}
			if len(p.InSync) < len(p.Replicas) {
				behind++
			}
		}
		c, good := configs[t.Name], true
		warn := func(level Level, format string, args ...any) {
			good = false
			x.add(level, t.Name, format, args...)
		}
		inSync := number(c["min.insync.replicas"], 1)
		switch {
		case replicas < 3:
			warn(FindingWarn, "has %d replicas: a broker lost may be records lost; reassign it to 3", replicas)
		case inSync > replicas:
			warn(FindingError, "has min.insync.replicas=%d and only %d replicas: nothing can be written; lower it to 2", inSync, replicas)
		case inSync < 2:
			warn(FindingWarn, "has min.insync.replicas=%d: what one replica alone has acknowledged is lost with it; set it to 2", inSync)
		}
		if c["unclean.leader.election.enable"] == "true" {
			warn(FindingWarn, "has unclean.leader.election.enable=true: a replica that lacks acknowledged records may lead; set it to false")
		}
		if leaderless > 0 {
			warn(FindingError, "has %d partitions without a leader: bring their brokers back", leaderless)
		}
		if behind > 0 {
			warn(FindingWarn, "has %d partitions with replicas that are behind: look at their brokers", behind)
		}
		if good {
			x.add(FindingOK, t.Name, "%d replicas, %d in sync at least, no unclean election", replicas, inSync)
		}
	}
}
