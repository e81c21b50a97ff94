// Package diff simulates two workspaces over one log of events and says which customers get something else. It knows nothing
// of Kafka.
//
// Customers are independent of one another, so package replay deals them out to parts, and both workspaces run side by
// side on a part's. What is the same in both is counted and forgotten at once; what remains is matched customer by customer
// when the log has ended. Sums and a sort bring the parts together, so the result is the same however many goroutines
// there were and in whatever order different customers' events lie.
package diff

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"wend/engine/journey"
	"wend/engine/replay"
	"wend/schemas"
)

// Options say how a comparison runs.
type Options struct {
	Until   int64          // as of journey.SimulateOptions
	Format  schemas.Format // of the log
	Workers int            // goroutines that simulate; 0: as many as there are processors
}

// Result is what Run found.
type Result struct {
	Events    uint64 // lines of the log that are events
	Customers uint64 // of the log
	Changed   Customers
	Totals    []Total // by journey, then channel; each that acts in either workspace
	Rows      []Row   // by customer, time, action id
}

// Customers counts those concerned; one may be in several.
type Customers struct {
	Any     uint64 // get anything else
	Gain    uint64
	Lose    uint64
	Time    uint64
	Variant uint64
	Content uint64
}

// Total counts the actions of one journey on one channel. Before = Same + Lost + Changed, After = Same + Gained +
// Changed; an action that changed in several ways is in each of Time, Variant and Content.
type Total struct {
	Journey, Channel string
	Before, After    uint64
	Same             uint64
	Gained, Lost     uint64
	Changed          uint64

	Time, Variant, Content uint64
}

// Row is one action that is not the same in both workspaces.
type Row struct {
	Customer string
	Before   *schemas.Action // nil: gained
	After    *schemas.Action // nil: lost

	// How the two differ, where both are there: when it was decided, which arms were taken, and everything else that
	// the customer would see: template, parameters, expiry.
	Time, Variant, Content bool
}

// Change is the row in a word.
func (r *Row) Change() string {
	switch {
	case r.Before == nil:
		return "gained"
	case r.After == nil:
		return "lost"
	}
	return "changed"
}

// Differs are the words for how the two actions of a changed row differ.
func (r *Row) Differs() []string {
	words := []string{}
	for _, x := range []struct {
		is   bool
		word string
	}{{r.Time, "time"}, {r.Variant, "variant"}, {r.Content, "content"}} {
		if x.is {
			words = append(words, x.word)
		}
	}
	return words
}

// Action is the one that is there, the newer of two.
func (r *Row) Action() *schemas.Action {
	if r.After != nil {
		return r.After
	}
	return r.Before
}

// Run compares. Lines that are no event go to skipped, in their order. Read errors and timers that never come to an
// end are errors, and then there is no result.
func Run(before, after *journey.Program, log io.Reader, o Options, skipped func(line int, reason string)) (*Result, error) {
	parts, failed, err := replay.Run(log, replay.Options{Format: o.Format, Workers: o.Workers},
		func() *part { return newPart(before, after, o.Until) }, skipped)
	if failed != nil {
		err = failed.Err
	}
	if err != nil {
		return nil, fmt.Errorf("diff: %w", err)
	}
	return merge(parts), nil
}

func merge(parts []*part) *Result {
	r := &Result{}
	totals := map[totalKey]Total{}
	var rows []customerRows
	for _, p := range parts {
		r.Events += p.events
		r.Customers += uint64(p.count)
		r.Changed.add(&p.changed)
		for k, t := range p.totals {
			sum := totals[k]
			sum.add(t)
			totals[k] = sum
		}
		rows = append(rows, p.rows...)
	}
	for k, t := range totals {
		t.Journey, t.Channel = k.journey, k.channel
		r.Totals = append(r.Totals, t)
	}
	slices.SortFunc(r.Totals, func(a, b Total) int {
		return cmp.Or(strings.Compare(a.Journey, b.Journey), strings.Compare(a.Channel, b.Channel))
	})
	slices.SortFunc(rows, func(a, b customerRows) int { return strings.Compare(a.name, b.name) })
	n := 0
	for i := range rows {
		n += len(rows[i].rows)
	}
	r.Rows = slices.Grow(r.Rows, n)
	for i := range rows {
		r.Rows = append(r.Rows, rows[i].rows...)
	}
	return r
}

// compareRows puts a customer's rows in order.
func compareRows(a, b Row) int {
	first := func(r *Row) int64 {
		if r.Before != nil && (r.After == nil || r.Before.DecidedAt < r.After.DecidedAt) {
			return r.Before.DecidedAt
		}
		return r.After.DecidedAt
	}
	return cmp.Or(cmp.Compare(first(&a), first(&b)),
		strings.Compare(a.Action().ID, b.Action().ID), strings.Compare(a.Change(), b.Change()))
}

func (c *Customers) add(o *Customers) {
	c.Any += o.Any
	c.Gain += o.Gain
	c.Lose += o.Lose
	c.Time += o.Time
	c.Variant += o.Variant
	c.Content += o.Content
}

func (t *Total) add(o *Total) {
	t.Before += o.Before
	t.After += o.After
	t.Same += o.Same
	t.Gained += o.Gained
	t.Lost += o.Lost
	t.Changed += o.Changed
	t.Time += o.Time
	t.Variant += o.Variant
	t.Content += o.Content
}
