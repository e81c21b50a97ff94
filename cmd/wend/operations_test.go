package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"wend/connectors"
	"wend/connectors/kafka"
)

// TestDeployCommandsOfTheDocs runs what docs/operations.md says of deploying, in its order, on a shop that `wend run` runs
// against `wend broker`.
func TestDeployCommandsOfTheDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	shop := filepath.Join(dir, "shop")
	if err := os.CopyFS(shop, os.DirFS("../../examples/shop")); err != nil {
		t.Fatal(err)
	}
	b := begin(t, "broker", "--listen", "127.0.0.1:0", "--dir", filepath.Join(dir, "broker"))
	address := ""
	for line := range b.out {
		if address = regexp.MustCompile(`127\.0\.0\.1:[1-9][0-9]*`).FindString(line); address != "" {
			break
		}
	}
	client, err := kafka.New(kafka.Options{Brokers: []string{address}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	if err := client.CreateTopics(t.Context(), connectors.TopicSpec{Name: "events", Partitions: 2, Replication: 1}); err != nil {
		t.Fatal(err)
	}
	t.Setenv("WEND_KAFKA_BROKERS", address)
	t.Setenv("WEND_HTTP", "127.0.0.1:0")
	t.Setenv("WEND_DATA_DIR", filepath.Join(dir, "data"))
	t.Setenv("WEND_LOG_LEVEL", "info")
	t.Setenv("WEND_LOG_FORMAT", "json")
	if out, err := exec.CommandContext(t.Context(), "wend", "topics", "-C", shop).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	run := begin(t, "run", "-C", shop)
	run.ready()

	file := filepath.Join(shop, "journeys", "cart-recovery.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), "wait: 5s", "wait: 8s", 1)
	if changed == string(text) {
		t.Fatal("the example has no wait of 5s")
	}
	if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	says := map[string]string{ // by the command, without its directory
		"deploy --dry-run":                  "cart-recovery version 1 -> 2",
		"deploy":                            "all 2 shards have changed over",
		"journeys":                          "cart-recovery 2 running 0",
		"pause cart-recovery":               "cart-recovery: paused",
		"resume cart-recovery --spread 30m": "cart-recovery: running",
	}
	for _, m := range regexp.MustCompile(`(?m)^    wend ((?:deploy|journeys|pause|resume) .*?)(?:  .*)?$`).FindAllStringSubmatch(string(page), -1) {
		args := strings.Fields(m[1])
		name := strings.Join(strings.Fields(strings.Replace(m[1], "-C ./shop", "", 1)), " ")
		want, known := says[name]
		if !known {
			t.Errorf("nothing is known of what wend %s says", name)
		}
		delete(says, name)
		cmd := exec.CommandContext(t.Context(), "wend", args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(words(string(out)), want) {
			t.Errorf("wend %s: %v, and it does not say %q: %s", m[1], err, want, out)
		}
	}
	if len(says) > 0 {
		t.Errorf("the page does not have %v", says)
	}
	if status := run.stop(syscall.SIGTERM); status != 0 {
		t.Errorf("status %d: %s", status, run.said.String())
	}
	if status := b.stop(syscall.SIGTERM); status != 0 {
		t.Errorf("status %d of the broker: %s", status, b.said.String())
	}
}
