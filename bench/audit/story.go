package audit

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// Story writes what the topics hold of a customer: events and actions by when they were appended. With it, and with what
// was done to the engines at those times, a finding can be followed up.
func (a *Audit) Story(w io.Writer, customer string) {
	l := a.customers[customer]
	if l == nil {
		return
	}
	type line struct {
		at   int64
		text string
	}
	var lines []line
	for _, e := range l.events {
		lines = append(lines, line{e.appended, fmt.Sprintf("event  %s %v, ts %s, on partition %d", e.id, e.kind, clock(e.ts), l.partition)})
	}
	for _, c := range l.actions {
		lines = append(lines, line{c.published, fmt.Sprintf("action %s for %s, decided %s, at %s", c.id, c.cause, clock(c.decided), c.where())})
	}
	slices.SortStableFunc(lines, func(x, y line) int { return int(x.at - y.at) })
	fmt.Fprintf(w, "customer %s:\n", customer)
	for _, l := range lines {
		fmt.Fprintf(w, "  %s  %s\n", clock(l.at), l.text)
	}
}

func clock(ms int64) string { return time.UnixMilli(ms).Format("15:04:05.000") }
