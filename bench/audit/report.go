package audit

import (
	"fmt"
	"io"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Finding is a way to be wrong.
type Finding string

// The findings. One wrong record may give several.
const (
	Missing       Finding = "missing"
	Twice         Finding = "twice"
	Unexpected    Finding = "unexpected"
	WrongTemplate Finding = "wrong template"
	Early         Finding = "early"
	Disorder      Finding = "out of order"
	Content       Finding = "wrong content"
	SameID        Finding = "id not unique"
	BadLetter     Finding = "dead letter"
	Unreadable    Finding = "unreadable"
	TooOpen       Finding = "too much undecided"
)

var findings = [...]Finding{Missing, Twice, Unexpected, WrongTemplate, Early, Disorder, Content, SameID, BadLetter, Unreadable, TooOpen}

// examples is how many findings of a kind are told.
const examples = 5

// Report is what an audit found.
type Report struct {
	Customers, Events, Malformed, Actions int
	Expected                              int   // actions that must be there
	Reminders                             int   // of these, those by timer
	Undecided                             int   // reminders that an event met so late that either could be first
	Overtaken                             int   // of these, those where the reminder was
	OvertakenBy                           int64 // the longest that such an event had been in the topic at the due moment, ms

	Counts   map[Finding]int
	Examples []string // some of each kind
	Suspects []string // customers of findings, the first few

	Immediate *hdrhistogram.Histogram // milliseconds from an event's ts to its action's append
	Lateness  *hdrhistogram.Histogram // milliseconds from due to append, of reminders not due while the engine was down
}

// suspect notes a customer of whom there are findings beyond those counted before.
func (r *Report) suspect(customer string, before int) {
	if r.total() > before && len(r.Suspects) < examples {
		r.Suspects = append(r.Suspects, customer)
	}
}

func (r *Report) total() (n int) {
	for _, c := range r.Counts {
		n += c
	}
	return n
}

func (r *Report) add(f Finding, format string, args ...any) {
	r.Counts[f]++
	if r.Counts[f] <= examples {
		r.Examples = append(r.Examples, string(f)+": "+fmt.Sprintf(format, args...))
	}
}

// Problem is nil when everything is as it must be and enough of it could be told.
func (r *Report) Problem() error {
	if total := r.total(); total > 0 {
		return fmt.Errorf("the audit found %d wrong", total)
	}
	if r.Expected == 0 {
		return fmt.Errorf("the audit had nothing to expect: the source holds %d events", r.Events)
	}
	return nil
}

// Bound says what share of the reminders may be undecided, and how many beside that; more is a finding.
func (r *Report) Bound(share float64, beside int) {
	if limit := int(share*float64(r.Reminders)) + beside; r.Undecided > limit {
		r.add(TooOpen, "%d of %d reminders, at most %d may be: was the source slow?", r.Undecided, r.Reminders, limit)
	}
}

// Print writes the report for people.
func (r *Report) Print(w io.Writer) {
	p := func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
	p("audit: %d events of %d customers (and %d records that are none), %d actions", r.Events, r.Customers, r.Malformed, r.Actions)
	p("  expected     %d, of them %d by timer; %d met an event around their due moment, %d of these were first", r.Expected, r.Reminders, r.Undecided, r.Overtaken)
	if r.OvertakenBy > 0 {
		p("  an event was overtaken that had been in the topic for %d ms at the reminder's due moment", r.OvertakenBy)
	}
	good := true
	for _, f := range findings {
		if n := r.Counts[f]; n > 0 {
			p("  %-18s %d", f, n)
			good = false
		}
	}
	if good {
		p("  nothing missing, nothing twice, nothing unexpected, nothing early, all in order per customer")
	}
	for _, e := range r.Examples {
		p("    %s", e)
	}
	quantiles(p, "event to action, ms", r.Immediate)
	quantiles(p, "reminder behind its due moment, ms", r.Lateness)
}

func quantiles(p func(string, ...any), what string, h *hdrhistogram.Histogram) {
	if h.TotalCount() > 0 {
		p("  %-36s p50 %d  p90 %d  p99 %d  p99.9 %d  max %d  (%d)", what, h.ValueAtQuantile(50), h.ValueAtQuantile(90), h.ValueAtQuantile(99), h.ValueAtQuantile(99.9), h.Max(), h.TotalCount())
	}
}
