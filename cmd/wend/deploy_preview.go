package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"wend/engine"
	"wend/schemas"
)

// tellPreview says who is inside, and what would become of them.
func (d *deploy) tellPreview(p *engine.Deployment, c *engine.Census, prospects []engine.Prospects) error {
	if d.format == "json" {
		return d.json(p, c, prospects)
	}
	if err := d.tellPlan(p); err != nil {
		return err
	}
	if len(prospects) == 0 {
		_, err := fmt.Fprintf(d.out, "nobody is inside; %d customers are known\n", c.Customers)
		return err
	}
	t := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "\nJOURNEY\tVERSION\tSTEP\tINSIDE\tWOULD") // Flush gives its error
	for i := range prospects {
		x := &prospects[i]
		_, _ = fmt.Fprintf(t, "%s\t%d\t%s\t%d\t%s\n", x.Journey, x.Version, x.Step, x.Enrollments, prospectText(x))
	}
	return t.Flush()
}

func prospectText(x *engine.Prospects) string {
	text := "stay"
	switch x.Becomes {
	case engine.BecomesExits:
		return "exit: " + x.Reason
	case engine.BecomesMoves:
		text = fmt.Sprintf("go on at %s of version %d", x.To.Step, x.To.Version)
	}
	return text + dueText(x)
}

func dueText(x *engine.Prospects) string {
	at := func(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }
	switch x.First {
	case schemas.Never:
		return ""
	case x.Last:
		return ", due " + at(x.First)
	}
	return fmt.Sprintf(", due %s to %s", at(x.First), at(x.Last))
}

// json writes what a deploy changes and, of a dry run, what would become of those inside.
func (d *deploy) json(p *engine.Deployment, c *engine.Census, prospects []engine.Prospects) error {
	type change struct {
		Journey  string `json:"journey"`
		From     uint64 `json:"from"`
		To       uint64 `json:"to"`
		OnUpdate string `json:"on_update,omitempty"`
	}
	type place struct {
		Journey string  `json:"journey"`
		Version uint64  `json:"version"`
		Step    string  `json:"step"`
		Inside  int64   `json:"inside"`
		Becomes string  `json:"becomes"`
		To      *uint64 `json:"to_version,omitempty"`
		ToStep  string  `json:"to_step,omitempty"`
		Reason  string  `json:"reason,omitempty"`
		First   *int64  `json:"first_due,omitempty"` // ms
		Last    *int64  `json:"last_due,omitempty"`
	}
	out := struct {
		Release   uint64   `json:"release"`
		Before    uint64   `json:"before"`
		Same      bool     `json:"same"`
		Files     []string `json:"files"`
		Changes   []change `json:"changes"`
		Customers *int64   `json:"customers,omitempty"`
		Inside    []place  `json:"inside,omitempty"`
	}{Release: p.Number, Before: p.Before, Same: p.Same(), Files: p.Files, Changes: []change{}}
	if out.Files == nil {
		out.Files = []string{}
	}
	for _, x := range p.Changes {
		y := change{x.Journey, x.From, x.To, x.OnUpdate}
		if x.From == 0 || x.To == 0 {
			y.OnUpdate = ""
		}
		out.Changes = append(out.Changes, y)
	}
	if c != nil {
		out.Customers, out.Inside = &c.Customers, []place{}
	}
	for i := range prospects {
		x := &prospects[i]
		y := place{Journey: x.Journey, Version: x.Version, Step: x.Step, Inside: x.Enrollments, Becomes: string(x.Becomes), Reason: x.Reason}
		if x.Becomes != engine.BecomesExits {
			y.To, y.ToStep = &x.To.Version, x.To.Step
		}
		if x.First != schemas.Never {
			y.First, y.Last = &x.First, &x.Last
		}
		out.Inside = append(out.Inside, y)
	}
	e := json.NewEncoder(d.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(out)
}
