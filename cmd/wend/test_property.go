package main

import (
	"fmt"
	"strings"

	"wend/engine/property"
)

// propertyLine is a property in the list of tests.
func propertyLine(r *property.Result) string {
	name := "property: " + r.Property.Name
	if r.Found != nil {
		return fmt.Sprintf("FAIL  %s (%s)\n%s", name, r.Property.Pos, propertyFailure(r))
	}
	text := fmt.Sprintf("ok    %s (%d timelines, %d sends)\n", name, r.Runs, r.Sends)
	if r.Sends == 0 {
		text += "      nothing that it counts was sent in any of them: it was not put to the test\n"
	}
	return text
}

// propertyFailure is what a broken property shows: the smallest customer, and what became of them.
func propertyFailure(r *property.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "      never %s: %s\n", r.Property.Never.Text, r.Found.Why)
	b.WriteString("      the smallest timeline found\n")
	for line := range strings.Lines(r.Found.String()) {
		b.WriteString("        " + line)
	}
	b.WriteString("      trace\n")
	for _, line := range r.Found.Trace {
		b.WriteString("        " + line + "\n")
	}
	return b.String()
}

// propertyRow is a property in JSON.
type propertyRow struct {
	File     string   `json:"file"`
	Line     int      `json:"line"`
	Col      int      `json:"col"`
	Name     string   `json:"name"`
	Never    string   `json:"never"`
	Passed   bool     `json:"passed"`
	Runs     int      `json:"runs"`
	Sends    int      `json:"sends"`
	Why      string   `json:"why,omitempty"`
	Timeline string   `json:"timeline,omitempty"`
	Trace    []string `json:"trace,omitempty"`
}

func propertyRows(results []property.Result) []propertyRow {
	rows := make([]propertyRow, len(results))
	for i := range results {
		r := &results[i]
		p := r.Property
		rows[i] = propertyRow{File: p.File, Line: p.Line, Col: p.Col, Name: p.Name, Never: p.Never.Text, Passed: r.Found == nil, Runs: r.Runs, Sends: r.Sends}
		if f := r.Found; f != nil {
			rows[i].Why, rows[i].Timeline, rows[i].Trace = f.Why, f.String(), f.Trace
		}
	}
	return rows
}

// brokenProperties counts those that do not hold.
func brokenProperties(results []property.Result) int {
	n := 0
	for i := range results {
		if results[i].Found != nil {
			n++
		}
	}
	return n
}
