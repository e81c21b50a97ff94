package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"wend/connectors/broker"
	"wend/connectors/kafka"
	"wend/engine"
)

// cluster starts an embedded broker with these topics and gives a client of it.
func cluster(t *testing.T, topics ...broker.Topic) (*kafka.Client, *engine.Config) {
	t.Helper()
	b, err := broker.Start(broker.Options{Topics: topics})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	c, err := kafka.New(kafka.Options{Brokers: []string{b.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	cfg := engine.DefaultConfig()
	cfg.App, cfg.Journal, cfg.DeadLetter, cfg.Kafka.Brokers = "shop", "shop.journal", "shop.dead-letter", []string{b.Addr()}
	return c, &cfg
}

func told(reports []engine.TopicReport) string {
	var s []string
	for _, r := range reports {
		s = append(s, fmt.Sprintf("%s:%s:%d", r.Name, r.State, r.Partitions))
	}
	return strings.Join(s, " ")
}

func TestEnsureTopicsMakesItsOwn(t *testing.T) {
	c, cfg := cluster(t, broker.Topic{Name: "events", Partitions: 3})
	ctx := t.Context()
	looked, err := engine.EnsureTopics(ctx, c, cfg, []string{"push", "email"}, false)
	if want := "events:there:3 shop.journal:missing:0 shop.control:missing:0 shop.dead-letter:missing:0 actions.push:missing:0 actions.email:missing:0"; told(looked) != want || err != nil {
		t.Fatalf("a look found %s, %v", told(looked), err)
	}
	if p := engine.TopicsProblem(looked); p == nil || !strings.Contains(p.Error(), "`wend topics` creates it") {
		t.Errorf("and says %v", p)
	}
	made, err := engine.EnsureTopics(ctx, c, cfg, []string{"push", "email"}, true)
	if want := "events:there:3 shop.journal:created:3 shop.control:created:1 shop.dead-letter:created:3 actions.push:created:3 actions.email:created:3"; told(made) != want || err != nil || engine.TopicsProblem(made) != nil {
		t.Fatalf("made %s, %v, %v", told(made), err, engine.TopicsProblem(made))
	}
	again, err := engine.EnsureTopics(ctx, c, cfg, []string{"push", "email"}, true)
	if err != nil || strings.Contains(told(again), "created") || engine.TopicsProblem(again) != nil {
		t.Errorf("again %s, %v, %v", told(again), err, engine.TopicsProblem(again))
	}
	configs, err := c.TopicConfigs(ctx, "shop.journal")
	if j := configs["shop.journal"]; err != nil || j["cleanup.policy"] != "compact" || j["message.timestamp.type"] != "LogAppendTime" {
		t.Errorf("the journal is made with %v, %v", j, err)
	}
}

func TestEnsureTopicsWithoutASource(t *testing.T) {
	c, cfg := cluster(t)
	r, err := engine.EnsureTopics(t.Context(), c, cfg, []string{"push"}, true)
	if err != nil || strings.Contains(told(r), "created") {
		t.Fatalf("made %s, %v", told(r), err)
	}
	if p := engine.TopicsProblem(r); p == nil || !strings.Contains(p.Error(), "topic events (source.topic) does not exist: create it") {
		t.Errorf("it says %v", p)
	}
}

func TestEnsureTopicsFindsWhatIsWrong(t *testing.T) {
	c, cfg := cluster(t,
		broker.Topic{Name: "events", Partitions: 3},
		broker.Topic{Name: "shop.journal", Partitions: 2, Configs: map[string]string{"cleanup.policy": "delete"}})
	r, err := engine.EnsureTopics(t.Context(), c, cfg, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	p := fmt.Sprint(engine.TopicsProblem(r))
	for _, want := range []string{"events has 3 partitions now, and state in the journal for 2", "cleanup.policy=delete", "LogAppendTime"} {
		if !strings.Contains(p, want) {
			t.Errorf("%q does not say %q", p, want)
		}
	}
}

func TestEnsureTopicsWithoutABroker(t *testing.T) {
	c, err := kafka.New(kafka.Options{Brokers: []string{"127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	cfg := engine.DefaultConfig()
	cfg.Kafka.Brokers = []string{"127.0.0.1:1"}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err = engine.EnsureTopics(ctx, c, &cfg, nil, true)
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1:1 (kafka.brokers)") {
		t.Errorf("got %v", err)
	}
}
