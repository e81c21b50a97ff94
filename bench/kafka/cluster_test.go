//go:build unix

package realkafka

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestParseJava(t *testing.T) {
	for out, want := range map[string]int{
		"openjdk version \"17.0.12\" 2024-07-16\nOpenJDK Runtime":   17,
		"java version \"1.8.0_392\"":                                8,
		"openjdk version \"25\" 2025-09-16":                         25,
		"Picked up JAVA_TOOL_OPTIONS: -X\nopenjdk version \"21.0\"": 21,
		"": 0, "the command was not found": 0,
	} {
		if got := parseJava([]byte(out)); got != want {
			t.Errorf("%q: got %d, want %d", out, got, want)
		}
	}
}

func TestProperties(t *testing.T) {
	o := Options{Nodes: 3, Port: 29100, Properties: []string{"num.partitions=9"}}
	got := string(o.properties(2, "/d/2"))
	for _, want := range []string{
		"node.id=2\n", "controller.quorum.voters=1@127.0.0.1:29101,2@127.0.0.1:29111,3@127.0.0.1:29121\n",
		"listeners=CONTROLLER://127.0.0.1:29111,PLAINTEXT://127.0.0.1:29110\n", "log.dirs=/d/2/data\n",
		"default.replication.factor=3\n", "min.insync.replicas=2\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in:\n%s", want, got)
		}
	}
	if strings.LastIndex(got, "num.partitions=9") < strings.LastIndex(got, "num.partitions=4") {
		t.Error("what the caller sets does not come last")
	}
}

func TestTail(t *testing.T) {
	for in, want := range map[string]string{"": "", "a": "a", "a\nb\nc\n": "b\nc\n", "a\nb\nc": "b\nc"} {
		if got := string(tail([]byte(in), 2)); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestStartKeepsOthersDirectories(t *testing.T) {
	dir := t.TempDir()
	precious := filepath.Join(dir, "precious")
	if err := os.WriteFile(precious, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := clear(dir); err == nil || !strings.Contains(err.Error(), "choose another") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
}

// A pid file may outlive its broker, and its number be another process's.
func TestStalePidFile(t *testing.T) {
	c := &Cluster{dir: t.TempDir(), addrs: []string{"x"}}
	if err := os.MkdirAll(c.node(1), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, pid := range []string{"", "x", "0", "-1", "1", fmt.Sprint(os.Getpid())} {
		if _, err := os.Stat("/proc/self/cmdline"); err != nil && pid == fmt.Sprint(os.Getpid()) {
			continue
		}
		if err := os.WriteFile(c.pidFile(1), []byte(pid), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := c.pid(1); got != 0 {
			t.Errorf("%q: taken for a broker", pid)
		}
	}
	if err := c.Stop(); err != nil {
		t.Error(err)
	}
}

func TestRealCluster(t *testing.T) {
	if os.Getenv("WEND_TEST_KAFKA") == "" {
		t.Skip("WEND_TEST_KAFKA is not set: no real Kafka in this run")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	dir := filepath.Join(t.TempDir(), "cluster")
	c, err := Start(ctx, dir, Options{Port: port, Heap: "512m"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
		if c.pid(1) != 0 {
			t.Error("it runs after Stop")
		}
	})
	if _, err := Start(ctx, dir, Options{Port: port}); err == nil || !strings.Contains(err.Error(), "runs here already") {
		t.Errorf("a second start: %v", err)
	}
	other, err := Open(dir)
	if err != nil || other.Bootstrap() != c.Bootstrap() {
		t.Fatalf("%v %v", other, err)
	}
	if err := other.Pause(1); err != nil {
		t.Error(err)
	}
	if err := other.Resume(1); err != nil {
		t.Error(err)
	}
	if err := other.Kill(1); err != nil {
		t.Error(err)
	}
	if err := other.Kill(1); err == nil || !strings.Contains(err.Error(), "does not run") {
		t.Errorf("killed twice: %v", err)
	}
	if err := other.Revive(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if err := c.Kill(2); err == nil || !strings.Contains(err.Error(), "nodes 1 to 1") {
		t.Errorf("no such node: %v", err)
	}
	conn, err := net.Dial("tcp", c.Addrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}
