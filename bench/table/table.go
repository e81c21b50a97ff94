//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"wend/bench/figures"
	"wend/bench/stand"
)

// row is a line of the table: a figure, or one over another of the same round.
type row struct {
	name  string
	unit  string // of the figure; × where there are two
	of    figure
	over  figure // none: its command is nil
	bound bound
}

// figure is one that a command measures.
type figure struct {
	of   *command
	name string
}

// command is what is run once a round, a line as a person types it.
type command struct {
	full, quick string
}

func (c *command) line(quick bool) string {
	if quick {
		return c.quick
	}
	return c.full
}

// bound is what a row promises; the zero value promises nothing.
type bound struct {
	kind  boundKind
	value float64
}

type boundKind uint8

const (
	none boundKind = iota
	most
	least
)

func atMost(v float64) bound  { return bound{most, v} }
func atLeast(v float64) bound { return bound{least, v} }

func (b bound) met(v float64) bool {
	return b.kind == none || b.kind == most && v <= b.value || b.kind == least && v >= b.value
}

// commands are those of the row.
func (r *row) commands() []*command {
	if r.over.of == nil {
		return []*command{r.of.of}
	}
	return []*command{r.of.of, r.over.of}
}

// commandsOf gives the commands of rows, each once, in the order in which rows name them.
func commandsOf(rows []row) (all []*command) {
	for i := range rows {
		for _, c := range rows[i].commands() {
			if !slices.Contains(all, c) {
				all = append(all, c)
			}
		}
	}
	return all
}

// outcome is what a command did in a round.
type outcome struct {
	figures []figures.Figure
	err     error
}

// collection is what was measured so far.
type collection struct {
	quick  bool
	rounds []map[*command]outcome
}

// value is a row's in a round; false while one of its commands has not run yet. A figure that is not there, or is in
// another unit than the row or than the one it is held against, is an error.
func (c *collection) value(r *row, round int) (v float64, ok bool, err error) {
	of, ok, err := c.find(r.of, round)
	if err != nil || !ok {
		return 0, ok, err
	}
	if r.over.of == nil {
		if of.Unit != r.unit {
			return 0, true, fmt.Errorf("%s: figure %q is in %q, the row in %q", r.of.of.line(c.quick), of.Name, of.Unit, r.unit)
		}
		return of.Value, true, nil
	}
	over, ok, err := c.find(r.over, round)
	if err != nil || !ok {
		return 0, ok, err
	}
	if of.Unit != over.Unit || over.Value == 0 {
		return 0, true, fmt.Errorf("%s: figure %q is %v %s, and nothing to hold one of %s against", r.over.of.line(c.quick), over.Name, over.Value, over.Unit, of.Unit)
	}
	return of.Value / over.Value, true, nil
}

func (c *collection) find(f figure, round int) (got figures.Figure, ok bool, err error) {
	out, ok := c.rounds[round][f.of]
	if !ok || out.err != nil {
		return got, ok, out.err
	}
	at := slices.IndexFunc(out.figures, func(g figures.Figure) bool { return g.Name == f.name })
	if at < 0 {
		return got, true, fmt.Errorf("%s: there is no figure %q among the %d that it measured", f.of.line(c.quick), f.name, len(out.figures))
	}
	return out.figures[at], true, nil
}

// runner runs a command's line.
type runner func(ctx context.Context, line string) ([]figures.Figure, error)

// collect runs the commands of the rows in rounds: all of them, then again, so that the moods of a machine reach all alike. A command
// that fails does not keep the others from running. after is called behind each round. The error is why the context ended.
func collect(ctx context.Context, rows []row, rounds int, quick bool, run runner, progress io.Writer, after func(*collection) error) (*collection, error) {
	all := commandsOf(rows)
	c := &collection{quick: quick}
	took := map[*command]time.Duration{}
	for round := range rounds {
		now := map[*command]outcome{}
		c.rounds = append(c.rounds, now)
		for i, command := range all {
			left := ""
			if len(took) == len(all) {
				left = ", " + remaining(all, i, rounds-round-1, took).Round(time.Second).String() + " left by the last round"
			}
			fmt.Fprintf(progress, "round %d of %d, command %d of %d%s: %s\n", round+1, rounds, i+1, len(all), left, command.line(quick))
			began := time.Now()
			figures, err := run(ctx, command.line(quick))
			if ctx.Err() != nil {
				return c, context.Cause(ctx)
			}
			if err != nil {
				fmt.Fprintf(progress, "failed: %v\n", err)
			}
			took[command] = time.Since(began)
			now[command] = outcome{figures, err}
		}
		if err := after(c); err != nil {
			return c, err
		}
	}
	return c, nil
}

// remaining is how long it takes from command i of a round on, with so many rounds behind it.
func remaining(all []*command, i, rounds int, took map[*command]time.Duration) (sum time.Duration) {
	for j, c := range all {
		if j >= i {
			sum += took[c]
		}
		sum += time.Duration(rounds) * took[c]
	}
	return sum
}

// summary is a row over all rounds.
type summary struct {
	row
	values []float64
	failed []error // each once
}

// summarize gives the rows in their order.
func (c *collection) summarize(rows []row) []summary {
	all := make([]summary, len(rows))
	for i := range rows {
		s := &all[i]
		s.row = rows[i]
		for round := range c.rounds {
			v, ok, err := c.value(&s.row, round)
			switch {
			case err != nil:
				s.failed = once(s.failed, err)
			case ok:
				s.values = append(s.values, v)
			}
		}
	}
	return all
}

// once gives errors with one more, unless one of them says the same.
func once(errs []error, err error) []error {
	if slices.ContainsFunc(errs, func(e error) bool { return e.Error() == err.Error() }) {
		return errs
	}
	return append(errs, err)
}

// failures are those of all rows, each once.
func failures(all []summary) (errs []error) {
	for i := range all {
		for _, err := range all[i].failed {
			errs = once(errs, err)
		}
	}
	return errs
}

// met says whether a row that measured something keeps its promise, by its median.
func (s *summary) met() bool { return s.bound.met(figures.Median(s.values)) }

// verdict is an error where a command failed, and under check where a row is not as promised.
func verdict(all []summary, check bool) error {
	errs := failures(all)
	for i := range all {
		s := &all[i]
		if check && len(s.values) > 0 && !s.met() {
			errs = append(errs, fmt.Errorf("%s: %s %s, promised %s", s.name, figures.Number(figures.Median(s.values)), s.unit, s.bound.text(s.unit)))
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return stand.Wrongf("%w", errors.Join(errs...))
}
