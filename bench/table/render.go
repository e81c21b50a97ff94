//go:build unix

package main

import (
	"fmt"
	"slices"
	"strings"

	"wend/bench/figures"
	"wend/bench/measure"
)

// heading is what stands above the table.
type heading struct {
	date    string // of the day
	machine measure.Machine
	rounds  int
	quick   bool
}

// render writes the table as Markdown, with the commands below.
func render(h heading, all []summary) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s: the performance table\n\nMachine: %s.\n\n", h.date, h.machine)
	if h.quick {
		b.WriteString("With `--quick`: small sizes, at which neither the names of the rows nor the targets hold.\n\n")
	}
	rounds := 0
	for i := range all {
		rounds = max(rounds, len(all[i].values))
	}
	fmt.Fprintf(&b, "Rounds: %d", rounds)
	if rounds < h.rounds {
		fmt.Fprintf(&b, " of %d", h.rounds)
	}
	b.WriteString(", row after row, then again. A row is met when its median is.\n\n")
	b.WriteString("| | target | min | median | max | unit | met |\n|---|---|---:|---:|---:|---|---|\n")
	for i := range all {
		s := &all[i]
		least, middle, greatest := "–", "–", "–"
		if len(s.values) > 0 {
			least, middle, greatest = figures.Number(slices.Min(s.values)), figures.Number(figures.Median(s.values)), figures.Number(slices.Max(s.values))
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", cell(s.name), s.bound.text(s.unit), least, middle, greatest, cell(s.unit), s.metText(h.quick))
	}
	b.WriteString("\nEach row's command, and what it takes of it:\n\n| | command | figure |\n|---|---|---|\n")
	for i := range all {
		s := &all[i]
		lines, names := "`"+s.of.of.line(h.quick)+"`", s.of.name
		if s.over.of != nil {
			lines += "<br>`" + s.over.of.line(h.quick) + "`"
			names += " of the first, over " + s.over.name + " of the second"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", cell(s.name), cell(lines), cell(names))
	}
	for i, err := range failures(all) {
		if i == 0 {
			b.WriteString("\n## Failed\n")
		}
		fmt.Fprintf(&b, "\n    %s\n", strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "\n    "))
	}
	return b.String()
}

// metText is the last cell of a row.
func (s *summary) metText(quick bool) string {
	switch {
	case len(s.failed) > 0:
		return "failed"
	case len(s.values) == 0 || s.bound.kind == none || quick:
		return ""
	case s.met():
		return "yes"
	}
	return "no"
}

// text is the bound as people read it.
func (b bound) text(unit string) string {
	switch b.kind {
	case most:
		return "≤ " + figures.Number(b.value) + " " + unit
	case least:
		return "≥ " + figures.Number(b.value) + " " + unit
	}
	return ""
}

// cell is text that ends no cell.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
