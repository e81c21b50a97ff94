//go:build unix

package realkafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

var errNotRunning = errors.New("it does not run")

func (c *Cluster) pidFile(node int) string { return filepath.Join(c.node(node), "pid") }

// launch starts a broker's process in a session of its own: a ctrl-C meant for the starter, or a killed test, must not
// look to the broker like a shutdown; the pid file is there for whoever stops it.
func (c *Cluster) launch(java, jars string, node int) error {
	log, err := os.Create(filepath.Join(c.node(node), "out.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(java, "-Xms256m", "-Xmx"+c.heap, "-cp", filepath.Join(jars, "*"), "kafka.Kafka", c.propertiesFile(node))
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("node %d: %w", node, err)
	}
	// Ends with the broker, which Stop ends: without it the dead process would stay in the table and look alive.
	go func() { _ = cmd.Wait() }()
	return os.WriteFile(c.pidFile(node), []byte(strconv.Itoa(cmd.Process.Pid)), 0o644)
}

func (c *Cluster) propertiesFile(node int) string {
	return filepath.Join(c.node(node), "server.properties")
}

// pid of a broker that runs, else 0. A number in a stale pid file may by now be some other process, so what it runs is
// looked at where the system tells.
func (c *Cluster) pid(node int) int {
	b, err := os.ReadFile(c.pidFile(node))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || pid <= 1 || syscall.Kill(pid, 0) != nil {
		return 0
	}
	args, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	if err == nil && !bytes.Contains(args, []byte(c.propertiesFile(node))) {
		return 0
	}
	return pid
}

// Processes are the process ids of the brokers that run.
func (c *Cluster) Processes() (pids []int) {
	for n := range c.addrs {
		if pid := c.pid(n + 1); pid != 0 {
			pids = append(pids, pid)
		}
	}
	return pids
}

func (c *Cluster) signal(node int, s syscall.Signal) error {
	if node < 1 || node > len(c.addrs) {
		return fmt.Errorf("kafka in %s has nodes 1 to %d, not %d", c.dir, len(c.addrs), node)
	}
	pid := c.pid(node)
	if pid == 0 {
		return fmt.Errorf("kafka node %d in %s: %w", node, c.dir, errNotRunning)
	}
	if err := syscall.Kill(pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("kafka node %d in %s: %v: %w", node, c.dir, s, err)
	}
	return nil
}

func (c *Cluster) awaitEnd(node int, timeout time.Duration) bool {
	for end := time.Now().Add(timeout); c.pid(node) != 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

func (c *Cluster) awaitStart(ctx context.Context, node int) error {
	log := filepath.Join(c.node(node), "out.log")
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		alive := c.pid(node) != 0
		out, err := os.ReadFile(log)
		if err != nil {
			return err
		}
		if bytes.Contains(out, []byte("Kafka Server started")) {
			return nil
		}
		if !alive {
			return fmt.Errorf("node %d did not start, see %s:\n%s", node, log, tail(out, 20))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("node %d does not serve requests yet: %w, see %s:\n%s", node, ctx.Err(), log, tail(out, 20))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func tail(out []byte, lines int) []byte {
	at := len(out)
	for ; lines > 0 && at > 0; lines-- {
		at = bytes.LastIndexByte(out[:at-1], '\n') + 1
	}
	return out[at:]
}
