package delivery

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"

	"wend/schemas"
)

// Log is a provider that writes each action as one JSON line. Safe for concurrent use.
type Log struct {
	mu sync.Mutex
	w  io.Writer
	c  io.Closer
}

// NewLog writes to w, which stays the caller's.
func NewLog(w io.Writer) *Log { return &Log{w: w} }

// OpenLog appends to a file, made where it is missing.
func OpenLog(path string) (*Log, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("log of actions: %w", err)
	}
	return &Log{w: f, c: f}, nil
}

// Send implements Send.
func (l *Log) Send(_ context.Context, _ *schemas.Action, value []byte) error {
	line := make([]byte, 0, len(value)+1)
	line = append(append(line, value...), '\n')
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.w.Write(line); err != nil {
		return fmt.Errorf("log of actions: %w", err)
	}
	return nil
}

// Close closes the file, if there is one.
func (l *Log) Close() error {
	if l.c == nil {
		return nil
	}
	return l.c.Close()
}
