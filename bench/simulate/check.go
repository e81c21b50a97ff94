//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"

	"wend/bench/audit"
	"wend/bench/stand"
)

// resident is the most that a process held, in bytes: Linux counts in kB, others in bytes.
func resident(u *syscall.Rusage) int64 {
	if runtime.GOOS == "linux" {
		return u.Maxrss << 10
	}
	return u.Maxrss
}

// check has the printed actions audited as if each event had been appended at its time and each action when it was decided.
func (o *options) check(path string) error {
	a := audit.New(audit.Rules{Await: await, Slack: time.Nanosecond}) // nothing comes late
	for i := range o.events {
		a.Event(audit.Record{Offset: int64(i), Appended: at(i), Value: o.line(nil, i)})
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for n := int64(0); lines.Scan(); n++ {
		r, err := record(lines.Bytes(), n)
		if err != nil {
			return err
		}
		a.Action(r)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	report := a.Finish()
	report.Print(os.Stdout)
	if err := report.Problem(); err != nil {
		return stand.Wrongf("%w", err)
	}
	return nil
}

// record makes of a line that simulate printed the record that the engine would have published.
func record(line []byte, n int64) (audit.Record, error) {
	var a struct {
		ID       string `json:"action_id"`
		Customer string `json:"customer_id"`
		Journey  string `json:"journey"`
		Channel  string `json:"channel"`
		Decided  int64  `json:"decided_at"`
	}
	if err := json.Unmarshal(line, &a); err != nil {
		return audit.Record{}, stand.Wrongf("line %d of the actions is none: %w: %.200q", n+1, err, line)
	}
	return audit.Record{Offset: n, Appended: a.Decided, Key: []byte(a.Customer), Value: append([]byte(nil), line...),
		Headers: map[string]string{"action_id": a.ID, "journey": a.Journey, "channel": a.Channel}}, nil
}
