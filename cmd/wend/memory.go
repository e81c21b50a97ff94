package main

import (
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"wend/engine"
)

// limitMemory has the collector work harder when the process comes near to its limit (in bytes; 0: nine tenths of what
// the machine or its control group has), instead of being killed. Where the user set GOMEMLIMIT, that holds. It gives the
// limit that is in force, 0 for none.
func limitMemory(limit int64) int64 {
	if limit == 0 {
		limit = availableMemory() / 10 * 9
	}
	if os.Getenv("GOMEMLIMIT") == "" && limit > 0 {
		debug.SetMemoryLimit(limit)
	}
	if limit = debug.SetMemoryLimit(-1); limit == math.MaxInt64 {
		return 0
	}
	return limit
}

// mostCache is what the cache has where there is plenty of memory and the user does not say more.
const mostCache = 1 << 30

// fitMemory limits the process's memory as the configuration says and, where that does not say it, finds the cache's part of
// it. A quarter leaves room for the collector, which lets the heap be twice what is in use, and for what is not handled yet.
func fitMemory(cfg *engine.Config) {
	if limit := limitMemory(cfg.Memory); cfg.Cache == 0 && limit > 0 {
		cfg.Cache = max(1<<20, min(limit/4, mostCache))
	}
}

// availableMemory is what Linux says that this process may have, in bytes; 0 where nobody knows.
func availableMemory() int64 {
	var least int64
	consider := func(text string, unit int64) {
		if n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64); err == nil && n > 0 && (least == 0 || n*unit < least) {
			least = n * unit
		}
	}
	for _, f := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		if b, err := os.ReadFile(f); err == nil {
			consider(string(b), 1)
		}
	}
	if b, err := os.ReadFile("/proc/meminfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
				consider(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 1<<10)
			}
		}
	}
	return least
}
