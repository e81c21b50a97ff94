//go:build unix

package main

import (
	"fmt"
	"io"
	"slices"
	"time"

	"wend/bench/stand"
)

// table collects pauses.
type table struct {
	rows []*row
}

// row is one kind of thing done to one kind of shard.
type row struct {
	what, shards string
	pauses       []time.Duration
	moved        bool // another process took it over
	session      []time.Duration
}

func (t *table) row(what, shards string) *row {
	for _, r := range t.rows {
		if r.what == what && r.shards == shards {
			return r
		}
	}
	r := &row{what: what, shards: shards}
	t.rows = append(t.rows, r)
	return r
}

// add takes what a shard was held up by. One that nobody touched went on, so what counts is by how much its slowest action
// came behind its event; of one that another took over, the longest silence. Where the group had to notice a death first,
// the time until it said so is counted apart.
func (t *table) add(what string, shard int, s stand.Silence, slowest time.Duration, h heard) {
	if _, moved := h.claimed[shard]; !moved {
		r := t.row(what, "untouched")
		r.pauses = append(r.pauses, slowest)
		return
	}
	r := t.row(what, "claimed anew")
	r.moved = true
	lasted := s.Lasted
	if waited := h.assigned.Sub(s.From); what == "kill -9" && waited > 0 && waited < lasted {
		r.session = append(r.session, waited)
		lasted -= waited
	}
	r.pauses = append(r.pauses, lasted)
}

func (t *table) print(w io.Writer) {
	fmt.Fprintf(w, "%-28s %-13s %4s %9s %9s %9s   %s\n", "what", "shards", "n", "min", "median", "max", "before that, until the group said so: min, median, max")
	for _, r := range t.rows {
		fmt.Fprintf(w, "%-28s %-13s %4d %9s %9s %9s", r.what, r.shards, len(r.pauses), at(r.pauses, 0), at(r.pauses, 0.5), at(r.pauses, 1))
		if len(r.session) > 0 {
			fmt.Fprintf(w, "   %s, %s, %s", at(r.session, 0), at(r.session, 0.5), at(r.session, 1))
		}
		fmt.Fprintln(w)
	}
}

// within holds the medians against bounds, where there are any.
func (t *table) within(untouched, moved time.Duration) error {
	var failed []error
	for _, r := range t.rows {
		most := untouched
		if r.moved {
			most = moved
		}
		if m := at(r.pauses, 0.5); most > 0 && m > most {
			failed = append(failed, stand.Wrongf("%s, shards %s: the median pause is %v; at most %v is wanted", r.what, r.shards, m, most))
		}
	}
	return stand.Together(failed...)
}

// at is a quantile.
func at(all []time.Duration, q float64) time.Duration {
	s := slices.Sorted(slices.Values(all))
	return s[int(q*float64(len(s)-1)+0.5)].Round(time.Millisecond)
}
