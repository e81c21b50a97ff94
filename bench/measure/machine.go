//go:build unix

package measure

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	realkafka "wend/bench/kafka"
	"wend/bench/stand"
)

// Machine is on what something was measured, and what. A text is "unknown" where the system does not tell.
type Machine struct {
	CPU    string
	Cores  int
	Memory int64 // bytes; 0 where the system does not tell
	Kernel string
	Go     string // version
	Kafka  string // version of those that the benches start
	Commit string
	Dirty  bool // whether the tree had changes that are in no commit
}

const unknown = "unknown"

// Look looks at the machine and at the tree of the directory in which the process runs.
func Look(ctx context.Context) Machine {
	m := Machine{CPU: unknown, Kernel: unknown, Commit: unknown, Cores: runtime.NumCPU(), Go: runtime.Version(), Kafka: realkafka.Version,
		Memory: stand.SizeIn("/proc/meminfo", "MemTotal")}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		m.CPU = field(string(b), "model name", unknown)
	}
	if b, err := exec.CommandContext(ctx, "uname", "-sr").Output(); err == nil {
		m.Kernel = strings.TrimSpace(string(b))
	}
	if b, err := exec.CommandContext(ctx, "git", "rev-parse", "--short=12", "HEAD").Output(); err == nil {
		m.Commit = strings.TrimSpace(string(b))
		changes, err := exec.CommandContext(ctx, "git", "status", "--porcelain").Output()
		m.Dirty = err != nil || len(changes) > 0
	}
	return m
}

// field is the value of the first line NAME: VALUE.
func field(text, name, otherwise string) string {
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return otherwise
}

// String is all of it in a sentence.
func (m Machine) String() string {
	memory := unknown + " memory"
	if m.Memory > 0 {
		memory = fmt.Sprintf("%.1f GB", float64(m.Memory)/1e9)
	}
	tree := "nothing changed beside it"
	if m.Dirty {
		tree = "the tree had changes beside it"
	}
	return fmt.Sprintf("%s, %d cores, %s, %s, %s, Apache Kafka %s; commit %s, %s", m.CPU, m.Cores, memory, m.Kernel, m.Go, m.Kafka, m.Commit, tree)
}
