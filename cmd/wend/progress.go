package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// progress is a reader that says on a terminal how far it has come; in a pipe it says nothing.
type progress struct {
	r     io.Reader
	told  io.Writer // nil: it says nothing
	name  string
	size  int64 // 0: not known
	read  int64
	last  time.Time
	shown bool
}

// withProgress wraps a log that is read from r.
func withProgress(r io.Reader, s streams, name string) *progress {
	p := &progress{r: r, name: name, last: time.Now()}
	if f, ok := s.err.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.told = s.err
	}
	if f, ok := r.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			p.size = info.Size()
		}
	}
	return p
}

func (p *progress) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.read += int64(n)
	if p.told == nil || time.Since(p.last) < 250*time.Millisecond {
		return n, err
	}
	p.last, p.shown = time.Now(), true
	if p.size > 0 {
		_, _ = fmt.Fprintf(p.told, "\r%s: %d %%\x1b[K", p.name, p.read*100/p.size)
	} else {
		_, _ = fmt.Fprintf(p.told, "\r%s: %d MB\x1b[K", p.name, p.read/1_000_000)
	}
	return n, err
}

// done takes the line away again.
func (p *progress) done() {
	if p.shown {
		_, _ = io.WriteString(p.told, "\r\x1b[K")
		p.shown = false
	}
}

// openLog opens the log that --events names, - for stdin, and gives what it is called. The caller calls done on the
// progress and close.
func openLog(events string, s streams) (p *progress, name string, shut func(), err error) {
	if events == "-" {
		return withProgress(s.in, s, "stdin"), "stdin", func() {}, nil
	}
	f, err := os.Open(events)
	if err != nil {
		return nil, "", nil, fmt.Errorf("--events: %w", err)
	}
	return withProgress(f, s, events), events, func() { _ = f.Close() }, nil // it was only read
}
