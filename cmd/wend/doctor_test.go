package main

import (
	"errors"
	"os/exec"
	"regexp"
	"testing"

	"wend/connectors/broker"
	"wend/schemas/workspacetest"
)

func TestDoctor(t *testing.T) {
	for _, c := range []struct {
		name   string
		topics []broker.Topic
		nodes  int
		status int
		lines  []string // patterns
	}{
		{"a good cluster", []broker.Topic{{Name: "events", Partitions: 2}}, 3, 0, []string{
			`ok +brokers +3 of cluster`, `ok +events +\(source\.topic\) 2 partitions`, `warn +shop\.journal +\(journal\.topic\) does not exist: .wend topics. creates it`,
			`warn +events +has min\.insync\.replicas=1: .* set it to 2`, `ok +producer ids`, `(ok|warn) +data_dir .* MiB free`}},
		{"no source", nil, 1, 1, []string{`warn +brokers +only 1 of cluster`, `error +events +\(source\.topic\) does not exist`}},
		{"a journal that is wrong", []broker.Topic{{Name: "events", Partitions: 2}, {Name: "shop.journal", Partitions: 1, Configs: map[string]string{"cleanup.policy": "delete"}}}, 1, 1, []string{
			`error +shop\.journal .* state in the journal for 1: .*cleanup\.policy=delete: set it to compact`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, err := broker.Start(broker.Options{Nodes: c.nodes, Topics: c.topics})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = b.Close() }()
			check(t, b.Addr(), c.status, c.lines)
		})
	}
	t.Run("no cluster", func(t *testing.T) {
		check(t, "127.0.0.1:1", 1, []string{`error +brokers +asking 127\.0\.0\.1:1 .* is Kafka running there`})
	})
}

func check(t *testing.T, broker string, status int, lines []string) {
	t.Helper()
	dir := workspacetest.Dir(t, map[string]string{"wend.yaml": "app: shop\n", "journeys/j.yaml": "journey: j\nenter: {on: a}\nsteps:\n  - {send: push, template: now}\n"})
	out, err := exec.Command("wend", "doctor", "-C", dir, "--kafka-brokers", broker).Output()
	got := 0
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		got = exit.ExitCode()
	}
	if got != status {
		t.Errorf("status %d, want %d:\n%s", got, status, out)
	}
	for _, line := range lines {
		if !regexp.MustCompile(`(?m)^` + line).Match(out) {
			t.Errorf("no line %s in:\n%s", line, out)
		}
	}
}
