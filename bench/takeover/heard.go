//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// heard is what the members' logs tell of a time: which shards were claimed, and when the group first said that
// something moved.
type heard struct {
	claimed  map[int]time.Time // last, by shard
	assigned time.Time         // zero: nothing was assigned
}

// logTime is how the engine writes times.
const logTime = "2006-01-02T15:04:05.000Z0700"

func (f *fleet) heard(from, to time.Time) (heard, error) {
	h := heard{claimed: map[int]time.Time{}}
	for _, m := range f.members {
		logs, err := filepath.Glob(filepath.Join(m.Dir, "run-*.log"))
		if err != nil {
			return h, err
		}
		for _, l := range logs {
			if err := h.read(l, from, to); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return h, err
			}
		}
	}
	return h, nil
}

func (h *heard) read(path string, from, to time.Time) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct {
			TS, Msg string
			Shard   int
		}
		if json.Unmarshal(lines.Bytes(), &line) != nil { // not ours: a panic, say
			continue
		}
		at, err := time.Parse(logTime, line.TS)
		if err != nil || at.Before(from.Truncate(time.Millisecond)) || at.After(to) {
			continue
		}
		switch line.Msg {
		case "shard claimed":
			if at.After(h.claimed[line.Shard]) {
				h.claimed[line.Shard] = at
			}
		case "shards assigned":
			if h.assigned.IsZero() || at.Before(h.assigned) {
				h.assigned = at
			}
		}
	}
	return lines.Err()
}
