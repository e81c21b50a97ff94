package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/term"

	"wend/schemas"
)

// liveLine prints actions and, below them, how it goes: on a terminal one line rewritten in place, in a pipe a line now
// and then.
type liveLine struct {
	streams
	began     time.Time
	inPlace   bool
	events    atomic.Int64 // acknowledged by the broker
	published atomic.Int64 // actions known to be on their topics

	mu        sync.Mutex
	actions   int64 // delivered
	templates map[string]int64
	all       *hdrhistogram.Histogram   // ms from event, or due time, to delivery
	recent    []*hdrhistogram.Histogram // the last slices of time, newest last
	eventsAt  []int64                   // events when each of them began
	shown     string
}

const (
	slice  = 500 * time.Millisecond // how often the line is written on a terminal
	window = 10                     // slices that rates and percentiles are of
	inPipe = 6                      // slices between lines in a pipe
)

func newLiveLine(s streams, began time.Time) *liveLine {
	l := &liveLine{streams: s, began: began, templates: map[string]int64{}, all: newHistogram()}
	if f, ok := s.err.(*os.File); ok {
		l.inPlace = term.IsTerminal(int(f.Fd()))
	}
	l.turn()
	return l
}

func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, 600_000, 3) }

// turn begins a slice of time.
func (l *liveLine) turn() {
	if len(l.recent) == window {
		l.recent, l.eventsAt = slices.Delete(l.recent, 0, 1), slices.Delete(l.eventsAt, 0, 1)
	}
	l.recent, l.eventsAt = append(l.recent, newHistogram()), append(l.eventsAt, l.events.Load())
}

// delivered prints an action that reached its provider.
func (l *liveLine) delivered(a *schemas.Action, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ms := max(at.UnixMilli()-a.DecidedAt, 0)
	l.actions++
	l.templates[a.Template]++
	_ = l.all.RecordValue(min(ms, 600_000)) // within the histogram's range
	_ = l.recent[len(l.recent)-1].RecordValue(min(ms, 600_000))
	var params strings.Builder
	for _, p := range a.Params {
		fmt.Fprintf(&params, "  %s=%s", p.Name, strings.Trim(string(schemas.AppendJSON(nil, p.Value)), `"`))
	}
	l.above(l.out, fmt.Sprintf("%s  %-5s  %-13s  %s%s\n", at.Format("15:04:05"), a.Channel, a.Template, a.Customer, params.String()))
}

// above writes text where the live line stands, and that below it again. The caller holds mu.
func (l *liveLine) above(w io.Writer, text string) {
	if l.inPlace && l.shown != "" {
		_, _ = io.WriteString(l.err, "\r\x1b[K")
	}
	_, _ = io.WriteString(w, text)
	if l.inPlace && l.shown != "" {
		_, _ = io.WriteString(l.err, l.shown)
	}
}

// lines is a writer of whole lines to w, above the live line.
func (l *liveLine) lines(w io.Writer) io.Writer { return linesAbove{l, w} }

type linesAbove struct {
	line *liveLine
	w    io.Writer
}

func (a linesAbove) Write(p []byte) (int, error) {
	a.line.mu.Lock()
	defer a.line.mu.Unlock()
	a.line.above(a.w, string(p))
	return len(p), nil
}

// run shows the line until ctx ends.
func (l *liveLine) run(ctx context.Context) {
	t := time.NewTicker(slice)
	defer t.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			l.show(n)
		}
	}
}

func (l *liveLine) show(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := newHistogram()
	for _, r := range l.recent {
		h.Merge(r)
	}
	seconds := (time.Duration(len(l.recent)) * slice).Seconds()
	text := fmt.Sprintf("%4.0f s  %5.0f events/s  %5.1f actions/s  event to action p50 %d ms  p99 %d ms",
		time.Since(l.began).Seconds(), float64(l.events.Load()-l.eventsAt[0])/seconds, float64(h.TotalCount())/seconds, h.ValueAtQuantile(50), h.ValueAtQuantile(99))
	switch {
	case l.inPlace:
		l.shown = text
		_, _ = io.WriteString(l.err, "\r\x1b[K"+text)
	case n%inPipe == 0:
		_, _ = io.WriteString(l.err, text+"\n")
	}
	l.turn()
}

// settle waits until every action that was published is delivered, no longer than that.
func (l *liveLine) settle(most time.Duration) {
	for deadline := time.Now().Add(most); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		l.mu.Lock()
		done := l.actions >= l.published.Load()
		l.mu.Unlock()
		if done {
			return
		}
	}
}

// summary says how it went, all in all.
func (l *liveLine) summary() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inPlace && l.shown != "" {
		_, _ = io.WriteString(l.err, "\r\x1b[K")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%.0f s: %d events in, %d actions out; event to action p50 %d ms, p99 %d ms\n",
		time.Since(l.began).Seconds(), l.events.Load(), l.actions, l.all.ValueAtQuantile(50), l.all.ValueAtQuantile(99))
	names := make([]string, 0, len(l.templates))
	for t := range l.templates {
		names = append(names, t)
	}
	slices.Sort(names)
	for _, t := range names {
		fmt.Fprintf(&b, "  %-13s  %d\n", t, l.templates[t])
	}
	_, _ = io.WriteString(l.err, b.String())
}
