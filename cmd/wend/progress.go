package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// statusLine is a line on a terminal that says how far something has come; in a pipe it says nothing.
type statusLine struct {
	told  io.Writer // nil: it says nothing
	last  time.Time
	shown bool
}

func newStatusLine(s streams) *statusLine {
	l := &statusLine{last: time.Now()}
	if f, ok := s.err.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		l.told = s.err
	}
	return l
}

// say writes the line anew, a few times a second at most.
func (l *statusLine) say(format string, args ...any) {
	if l.told == nil || time.Since(l.last) < 250*time.Millisecond {
		return
	}
	l.last, l.shown = time.Now(), true
	_, _ = fmt.Fprintf(l.told, "\r"+format+"\x1b[K", args...)
}

// done takes the line away again.
func (l *statusLine) done() {
	if l.shown {
		_, _ = io.WriteString(l.told, "\r\x1b[K")
		l.shown = false
	}
}

// progress is a reader of a log that says how far it has come.
type progress struct {
	*statusLine
	r    io.Reader
	name string
	size int64 // 0: not known
	read int64
}

func withProgress(r io.Reader, s streams, name string) *progress {
	p := &progress{statusLine: newStatusLine(s), r: r, name: name}
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
	if p.size > 0 {
		p.say("%s: %d %%", p.name, p.read*100/p.size)
	} else {
		p.say("%s: %d MB", p.name, p.read/1_000_000)
	}
	return n, err
}

// skipped gives what tells of a line that is no event.
func (p *progress) skipped(told io.Writer) func(number int, reason string) {
	return func(number int, reason string) {
		p.done()
		_, _ = fmt.Fprintf(told, "%s:%d: skipped: %s\n", p.name, number, reason)
	}
}

// openLog opens the log that --events names, - for stdin. The caller calls done on the progress and shut.
func openLog(events string, s streams) (p *progress, shut func(), err error) {
	if events == "-" {
		return withProgress(s.in, s, "stdin"), func() {}, nil
	}
	f, err := os.Open(events)
	if err != nil {
		return nil, nil, fmt.Errorf("--events: %w", err)
	}
	return withProgress(f, s, events), func() { _ = f.Close() }, nil // it was only read
}
