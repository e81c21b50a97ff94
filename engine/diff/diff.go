// Package diff simulates two workspaces over one log of events and says which customers get something else. It drives
// the pure core from several goroutines, and knows nothing of Kafka.
//
// Customers are independent of one another, so each goroutine has customers of its own, and both workspaces run side by
// side on them. What is the same in both is counted and forgotten at once; what remains is matched customer by customer
// when the log has ended. Sums and a sort bring the parts together, so the result is the same however many goroutines
// there were and in whatever order different customers' events lie.
package diff

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"wend/engine/journey"
	"wend/schemas"
)

// Options say how a comparison runs.
type Options struct {
	Until   int64          // as of journey.SimulateOptions
	Format  schemas.Format // of the log
	Workers int            // goroutines that simulate, at least 1; the log is read by one more
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
	workers := make([]*worker, max(1, o.Workers))
	for i := range workers {
		w, err := newWorker(before, after, o)
		if err != nil {
			return nil, fmt.Errorf("diff: %w", err)
		}
		workers[i] = w
	}
	var group errgroup.Group
	for _, w := range workers {
		group.Go(w.run)
	}
	seed := maphash.MakeSeed()
	newest := int64(schemas.NoTime)
	readErr := journey.ReadLog(log, o.Format, func(l *journey.LogLine) {
		newest = max(newest, l.Event.Time)
		workers[maphash.String(seed, l.Event.Customer)%uint64(len(workers))].send(l)
	}, skipped)
	for _, w := range workers {
		w.close(newest, readErr != nil)
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("diff: %w", err)
	}
	if readErr != nil {
		return nil, fmt.Errorf("diff: %w", readErr)
	}
	return merge(workers), nil
}

func merge(workers []*worker) *Result {
	r := &Result{}
	totals := map[totalKey]Total{}
	for _, w := range workers {
		r.Events += w.events
		r.Customers += uint64(len(w.customers))
		r.Changed.add(&w.changed)
		for k, t := range w.totals {
			sum := totals[k]
			sum.add(t)
			totals[k] = sum
		}
		r.Rows = append(r.Rows, w.rows...)
	}
	for k, t := range totals {
		t.Journey, t.Channel = k.journey, k.channel
		r.Totals = append(r.Totals, t)
	}
	slices.SortFunc(r.Totals, func(a, b Total) int {
		return cmp.Or(strings.Compare(a.Journey, b.Journey), strings.Compare(a.Channel, b.Channel))
	})
	slices.SortFunc(r.Rows, compareRows)
	return r
}

func compareRows(a, b Row) int {
	first := func(r *Row) int64 {
		if r.Before != nil && (r.After == nil || r.Before.DecidedAt < r.After.DecidedAt) {
			return r.Before.DecidedAt
		}
		return r.After.DecidedAt
	}
	return cmp.Or(strings.Compare(a.Customer, b.Customer), cmp.Compare(first(&a), first(&b)),
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
