//go:build unix

// Package realkafka starts a real Apache Kafka (KRaft) on loopback from Maven Central's jars, without a container engine,
// for tests, benchmarks and crash tests. It needs Java 17 and Maven. A cluster lives in a directory of its own, with a pid
// file per broker: another process can stop what this one started. It knows nothing of Wend.
package realkafka

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	startTimeout = 90 * time.Second
	stopTimeout  = 15 * time.Second // then kill -9
)

// Options of a cluster. The zero value is one broker on port 19092.
type Options struct {
	Nodes      int                     // brokers, 1 when zero; each is a controller too
	Port       int                     // of the first, 19092 when zero; node n has Port+10(n-1), its controller the port behind
	Properties []string                // lines for server.properties, later ones win: "log.segment.bytes=1048576"
	Each       func(node int) []string // further lines for one node, behind Properties; may be nil
	Heap       string                  // as java's -Xmx says it; "768m" when empty

	Listeners []Listener        // beside the plain one; up to 7
	Users     map[string]string // passwords, for SASL listeners
	Authorize bool              // nobody may do anything but by an ACL, apart from who comes by the plain listener
}

// Cluster is one that runs, or ran, in a directory. Nodes count from 1.
type Cluster struct {
	dir   string
	heap  string
	addrs []string
}

// Start begins a new cluster in dir, whose contents it deletes, and waits until every broker serves requests. When ctx
// ends before that, or a broker fails, all that was started is stopped again.
func Start(ctx context.Context, dir string, o Options) (*Cluster, error) {
	c, err := start(ctx, dir, o)
	if err != nil {
		return nil, fmt.Errorf("start kafka in %s: %w", dir, err)
	}
	return c, nil
}

func start(ctx context.Context, dir string, o Options) (*Cluster, error) {
	if o.Nodes <= 0 {
		o.Nodes = 1
	}
	if o.Port <= 0 {
		o.Port = 19092
	}
	if o.Heap == "" {
		o.Heap = "768m"
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	java, err := findJava(ctx)
	if err != nil {
		return nil, err
	}
	jars, err := Jars(ctx)
	if err != nil {
		return nil, err
	}
	if err := clear(dir); err != nil {
		return nil, err
	}
	c := &Cluster{dir: dir, heap: o.Heap}
	id := clusterID()
	for n := 1; n <= o.Nodes; n++ {
		c.addrs = append(c.addrs, "127.0.0.1:"+strconv.Itoa(o.port(n)))
		if err := os.MkdirAll(c.node(n), 0o755); err != nil {
			return nil, err
		}
		properties := filepath.Join(c.node(n), "server.properties")
		if err := os.WriteFile(properties, o.properties(n, c.node(n)), 0o644); err != nil {
			return nil, err
		}
		args := append([]string{"-cp", filepath.Join(jars, "*"), "kafka.tools.StorageTool", "format", "-t", id, "-c", properties}, o.scramUsers()...)
		format := exec.CommandContext(ctx, java, args...)
		if out, err := format.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("format the storage of node %d: %w\n%s", n, err, out)
		}
		if err := os.WriteFile(filepath.Join(c.node(n), "heap"), []byte(o.Heap), 0o644); err != nil {
			return nil, err
		}
	}
	for n := 1; n <= o.Nodes; n++ {
		if err := c.launch(java, jars, n); err != nil {
			return nil, errors.Join(err, c.Stop())
		}
	}
	for n := 1; n <= o.Nodes; n++ {
		if err := c.awaitStart(ctx, n); err != nil {
			return nil, errors.Join(err, c.Stop())
		}
	}
	return c, nil
}

// Open gives the cluster that another process started in dir.
func Open(dir string) (*Cluster, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("kafka in %s: %w", dir, err)
	}
	c := &Cluster{dir: dir, heap: "768m"}
	for n := 1; ; n++ {
		b, err := os.ReadFile(filepath.Join(c.node(n), "server.properties"))
		if errors.Is(err, os.ErrNotExist) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("kafka in %s: %w", dir, err)
		}
		for line := range strings.Lines(string(b)) {
			if listeners, ok := strings.CutPrefix(strings.TrimSpace(line), "advertised.listeners=PLAINTEXT://"); ok {
				addr, _, _ := strings.Cut(listeners, ",")
				c.addrs = append(c.addrs, addr)
			}
		}
	}
	if len(c.addrs) == 0 {
		return nil, fmt.Errorf("kafka in %s: there is no cluster here", dir)
	}
	if b, err := os.ReadFile(filepath.Join(c.node(1), "heap")); err == nil {
		c.heap = string(b)
	}
	return c, nil
}

// Bootstrap is the brokers' addresses, with commas.
func (c *Cluster) Bootstrap() string { return strings.Join(c.addrs, ",") }

// Addrs are the brokers' addresses, node 1 first.
func (c *Cluster) Addrs() []string { return slices.Clone(c.addrs) }

// Stop ends every broker, cleanly if it does so in time.
func (c *Cluster) Stop() error {
	var problems []error
	// Those that are paused cannot end.
	for _, s := range []syscall.Signal{syscall.SIGCONT, syscall.SIGTERM} {
		for n := range c.addrs {
			if err := c.signal(n+1, s); err != nil && !errors.Is(err, errNotRunning) {
				problems = append(problems, err)
			}
		}
	}
	end := time.Now().Add(stopTimeout)
	for n := range c.addrs {
		if !c.awaitEnd(n+1, time.Until(end)) {
			if err := c.Kill(n + 1); err != nil && !errors.Is(err, errNotRunning) {
				problems = append(problems, err)
			}
		}
		if err := os.Remove(c.pidFile(n + 1)); err != nil && !errors.Is(err, os.ErrNotExist) {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

// Kill ends a broker with SIGKILL and waits until it is gone.
func (c *Cluster) Kill(node int) error {
	if err := c.signal(node, syscall.SIGKILL); err != nil {
		return err
	}
	if !c.awaitEnd(node, stopTimeout) {
		return fmt.Errorf("kafka node %d in %s outlives SIGKILL", node, c.dir)
	}
	return nil
}

// Pause stops a broker's process where it stands; its connections stay open. Resume lets it go on.
func (c *Cluster) Pause(node int) error { return c.signal(node, syscall.SIGSTOP) }

// Resume lets a paused broker go on.
func (c *Cluster) Resume(node int) error { return c.signal(node, syscall.SIGCONT) }

// Revive starts a broker that was killed, on its own data, and waits until it serves requests.
func (c *Cluster) Revive(ctx context.Context, node int) error {
	err := c.revive(ctx, node)
	if err != nil {
		return fmt.Errorf("revive kafka node %d in %s: %w", node, c.dir, err)
	}
	return nil
}

func (c *Cluster) revive(ctx context.Context, node int) error {
	if node < 1 || node > len(c.addrs) {
		return fmt.Errorf("there are nodes 1 to %d", len(c.addrs))
	}
	if c.pid(node) != 0 {
		return errors.New("it runs")
	}
	java, err := findJava(ctx)
	if err != nil {
		return err
	}
	jars, err := Jars(ctx)
	if err != nil {
		return err
	}
	if err := c.launch(java, jars, node); err != nil {
		return err
	}
	return c.awaitStart(ctx, node)
}

func (c *Cluster) node(n int) string { return filepath.Join(c.dir, strconv.Itoa(n)) }

func (o Options) port(node int) int { return o.Port + 10*(node-1) }

// properties of a node: small, and quick to elect and rebalance, with real replication when there are three.
func (o Options) properties(node int, dir string) []byte {
	var voters []string
	for n := 1; n <= o.Nodes; n++ {
		voters = append(voters, fmt.Sprintf("%d@127.0.0.1:%d", n, o.port(n)+1))
	}
	replicas, inSync := min(o.Nodes, 3), 1
	if replicas == 3 {
		inSync = 2
	}
	lines := []string{
		"process.roles=broker,controller",
		fmt.Sprintf("node.id=%d", node),
		"controller.quorum.voters=" + strings.Join(voters, ","),
		fmt.Sprintf("listeners=CONTROLLER://127.0.0.1:%d,PLAINTEXT://127.0.0.1:%d", o.port(node)+1, o.port(node)) + o.listeners(node),
		fmt.Sprintf("advertised.listeners=PLAINTEXT://127.0.0.1:%d", o.port(node)) + o.listeners(node),
		"controller.listener.names=CONTROLLER",
		"inter.broker.listener.name=PLAINTEXT",
		"listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT" + o.protocols(),
		"log.dirs=" + filepath.Join(dir, "data"),
		"num.partitions=4",
		fmt.Sprintf("default.replication.factor=%d", replicas),
		fmt.Sprintf("min.insync.replicas=%d", inSync),
		fmt.Sprintf("offsets.topic.replication.factor=%d", replicas),
		"offsets.topic.num.partitions=8",
		fmt.Sprintf("transaction.state.log.replication.factor=%d", replicas),
		fmt.Sprintf("transaction.state.log.min.isr=%d", inSync),
		"transaction.state.log.num.partitions=8",
		"group.initial.rebalance.delay.ms=0",
		"group.min.session.timeout.ms=1000",
		"log.cleaner.backoff.ms=1000",
	}
	lines = append(lines, o.security()...)
	lines = append(lines, o.Properties...)
	if o.Each != nil {
		lines = append(lines, o.Each(node)...)
	}
	return []byte(strings.Join(lines, "\n") + "\n")
}

// clear empties dir when it is empty, new, or a cluster's that does not run.
func clear(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if len(entries) > 0 {
		old, err := Open(dir)
		if err != nil {
			return fmt.Errorf("the directory is neither empty nor a cluster's: choose another one")
		}
		for n := range old.addrs {
			if old.pid(n+1) != 0 {
				return fmt.Errorf("a cluster runs here already (node %d): stop it first", n+1)
			}
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.MkdirAll(dir, 0o755)
}

// clusterID is as Kafka makes them: 16 random bytes in URL-safe base64, not beginning with a dash.
func clusterID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[0] &= 0x7f
	return base64.RawURLEncoding.EncodeToString(b[:])
}
