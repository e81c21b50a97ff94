//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"wend/bench/stand"
)

// kinds are the faults, in the order in which the report counts them.
var kinds = []string{
	"kill -9", "kill between journal and publish", "short stop", "zombie", "restart", "rolling restart", "data deleted", "clock ahead", "clock behind", "disk full",
	"member joins", "member leaves", "broker killed", "broker paused", "answers lost", "slow", "cut", "held back",
}

// diary is all that was done, with its time, and all that is wrong. Safe for concurrent use.
type diary struct {
	path  string
	start time.Time

	mu     sync.Mutex
	file   *os.File
	counts map[string]int
	notes  map[string]int // what is worth counting beside the faults
	errs   []error
}

func newDiary(dir string) (*diary, error) {
	d := &diary{path: filepath.Join(dir, "fire.log"), start: time.Now(), counts: map[string]int{}, notes: map[string]int{}}
	var err error
	d.file, err = os.Create(d.path)
	return d, err
}

func (d *diary) close() { _ = d.file.Close() } // what it lacks is on stdout

// note writes down what happens to somebody.
func (d *diary) note(who, format string, args ...any) {
	line := fmt.Sprintf("%s %7.1f s  %-9s %s\n", time.Now().Format("15:04:05.000"), time.Since(d.start).Seconds(), who, fmt.Sprintf(format, args...))
	d.mu.Lock()
	defer d.mu.Unlock()
	fmt.Print(line)
	_, _ = d.file.WriteString(line)
}

// fault counts one and notes it.
func (d *diary) fault(kind, who, format string, args ...any) {
	d.mu.Lock()
	d.counts[kind]++
	d.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	if text != "" {
		text = ": " + text
	}
	d.note(who, "%s%s", kind, text)
}

// remark counts something that is neither a fault of ours nor wrong.
func (d *diary) remark(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.notes[what]++
}

// wrong keeps what is not as promised, or why the test could not go on.
func (d *diary) wrong(err error) {
	d.note("WRONG", "%v", err)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.errs = append(d.errs, err)
}

// failure is all of it, nil for nothing.
func (d *diary) failure() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return stand.Together(d.errs...)
}
