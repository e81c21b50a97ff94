//go:build unix

package stand

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// ticksPerSecond is what Linux counts processor time in for programs (USER_HZ).
const ticksPerSecond = 100

// Usage is what Linux says of a process that runs, or has ended and was not waited for yet.
type Usage struct {
	Parent int
	CPU    time.Duration // user and system, of all its threads and of no child; in steps of 10 ms
}

// ProcessUsage looks at a process. It is an error where the system does not tell, or there is none.
func ProcessUsage(pid int) (Usage, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Usage{}, fmt.Errorf("what process %d used: %w", pid, err)
	}
	u, err := parseStat(b)
	if err != nil {
		return u, fmt.Errorf("what process %d used: %w", pid, err)
	}
	return u, nil
}

// parseStat reads /proc/PID/stat. The second field is a name in parentheses, which may itself hold any byte.
func parseStat(b []byte) (u Usage, err error) {
	f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:]) // from the state on: state, parent, …, user, system
	if len(f) < 13 {
		return u, fmt.Errorf("%q is not as Linux writes it", b)
	}
	if u.Parent, err = strconv.Atoi(string(f[1])); err != nil {
		return u, err
	}
	for _, n := range f[11:13] {
		ticks, err := strconv.ParseInt(string(n), 10, 64)
		if err != nil {
			return u, err
		}
		u.CPU += time.Duration(ticks) * time.Second / ticksPerSecond
	}
	return u, nil
}

// Memory is what the process holds resident, in bytes; 0 where the system does not tell.
func (p *Process) Memory() int64 {
	return SizeIn(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid), "VmRSS")
}

// Peak is the most that the process has held resident so far, in bytes; 0 where the system does not tell.
func (p *Process) Peak() int64 {
	return SizeIn(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid), "VmHWM")
}

// CPU is the processor time that the process has used so far.
func (p *Process) CPU() (time.Duration, error) {
	u, err := ProcessUsage(p.cmd.Process.Pid)
	return u.CPU, err
}

// BrokerCPU is the processor time that the brokers have used so far. False: they are not ours, and nobody knows.
func (s *Stand) BrokerCPU() (sum time.Duration, ok bool, err error) {
	if s.Cluster == nil {
		return 0, false, nil
	}
	for _, pid := range s.Cluster.Processes() {
		u, err := ProcessUsage(pid)
		if err != nil {
			return 0, false, err
		}
		sum += u.CPU
	}
	return sum, true, nil
}

// SizeIn is a size, in bytes, of a file of Linux's with lines KEY: N kB; 0 where the system does not tell.
func SizeIn(path, key string) int64 {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	return parseSize(string(b), key)
}

func parseSize(text, key string) int64 {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, key+":"); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err != nil {
				return 0
			}
			return n << 10
		}
	}
	return 0
}
