//go:build unix

package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"wend/bench/stand"
)

// usage is what the machine's processors did up to a moment, or between two. Zero where the system does not tell.
type usage struct {
	at          time.Time
	busy, total float64       // ticks of all processors
	ours        time.Duration // of this process and all that it started
	lasted      time.Duration
}

func measure() usage {
	u := usage{at: time.Now()}
	if b, err := os.ReadFile("/proc/stat"); err == nil {
		line, _, _ := strings.Cut(string(b), "\n")
		for i, f := range strings.Fields(line) {
			if i == 0 || i > 8 { // guests are in user already
				continue
			}
			n, _ := strconv.ParseFloat(f, 64)
			u.total += n
			if i != 4 && i != 5 { // idle, waiting for a disk
				u.busy += n
			}
		}
	}
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} { // of the children, those that are gone
		var r syscall.Rusage
		if syscall.Getrusage(who, &r) == nil {
			u.ours += time.Duration(r.Utime.Nano() + r.Stime.Nano())
		}
	}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // none elsewhere
	for _, path := range stats {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if p, err := stand.ProcessUsage(pid); err == nil && p.Parent == os.Getpid() { // others may have ended
			u.ours += p.CPU
		}
	}
	return u
}

// since is what happened between an earlier measurement and this one.
func (u usage) since(v usage) usage {
	return usage{busy: u.busy - v.busy, total: u.total - v.total, ours: u.ours - v.ours, lasted: u.at.Sub(v.at)}
}

// shares of the machine, 0 to 1: of whoever was at work, and of this test with brokers, engines and load.
func (u usage) shares() (all, ours float64) {
	if u.total > 0 {
		all = u.busy / u.total
	}
	if u.lasted > 0 {
		ours = u.ours.Seconds() / u.lasted.Seconds() / float64(runtime.NumCPU())
	}
	return all, ours
}
