//go:build unix

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// usage is what the machine's processors did up to a moment, or between two. Zero where the system does not tell.
type usage struct {
	at          time.Time
	busy, total float64       // ticks of all processors
	ours        time.Duration // of this process and all that it started
	lasted      time.Duration
}

// ticksPerSecond is what Linux counts in for programs (USER_HZ).
const ticksPerSecond = 100

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
		b, err := os.ReadFile(path)
		if err != nil {
			continue // it ended
		}
		f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:]) // from the state on: state, parent, …, user, system
		if len(f) < 13 || string(f[1]) != strconv.Itoa(os.Getpid()) {
			continue
		}
		for _, n := range f[11:13] {
			ticks, _ := strconv.ParseFloat(string(n), 64)
			u.ours += time.Duration(ticks / ticksPerSecond * float64(time.Second))
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
