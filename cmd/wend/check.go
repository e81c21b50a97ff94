package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"wend/engine"
	shown "wend/engine/check"
	"wend/engine/journey"
	"wend/schemas/yamlfile"
)

func newCheck(s streams) *cobra.Command {
	format := "text"
	var witness, sends bool
	cmd := &cobra.Command{
		Use:   "check DIR",
		Short: "Say what is wrong with a workspace",
		Long: `Check loads the workspace in DIR and prints every problem of it as file:line:col: error: what is wrong and what would be
right. Warnings never change the exit status: 0 when there is no error, 1 otherwise.

It proves which conditions always come out the same and which steps nothing leads to, and searches for customers to whom
two journeys send more than a cap lets leave. --witness prints below a warning a log of events that shows it, for wend
simulate; --sends says how many sends one enrollment of each journey can make within a day.`,
		Example: "  wend check ./shop\n  wend check ./shop --format json\n  wend check ./shop --witness --sends",
		Args:    oneWorkspace,
		RunE: func(_ *cobra.Command, args []string) error {
			if err := known("--format", format, "text", "json"); err != nil {
				return err
			}
			if err := isDirectory(args[0]); err != nil {
				return err
			}
			r := checkWorkspace(args[0], witness)
			if format == "json" {
				return r.json(s.out, sends)
			}
			if err := r.text(s.out, sends); err != nil {
				return err
			}
			_, _ = fmt.Fprintf(s.err, "%s: no errors\n", args[0])
			return nil
		},
	}
	cmd.Flags().StringVar(&format, "format", format, "text or json")
	cmd.Flags().BoolVar(&witness, "witness", false, "print below a warning a log of events that shows it, where one was found")
	cmd.Flags().BoolVar(&sends, "sends", false, "say how many sends one enrollment of each journey can make within a day")
	return cmd
}

// checked is all that check says of a workspace.
type checked struct {
	problems  yamlfile.Problems
	witnesses []shown.Witness
	most      []journey.Most
}

func checkWorkspace(dir string, witness bool) checked {
	_, problems := engine.CheckConfig(dir)
	ws, more := journey.Load(dir)
	problems = append(problems, more...)
	_, more, found := journey.Check(ws)
	problems = append(problems, more...)
	r := checked{problems: problems}
	if found != nil && !problems.Failed() {
		by := shown.Run(ws, found, shown.Options{Witnesses: witness})
		r.problems = append(r.problems, by.Problems...)
		r.most = found.Most
		if witness {
			r.witnesses = by.Witnesses
		}
	}
	r.problems.Sort()
	return r
}

// witness is the one of a problem, or nil.
func (r *checked) witness(p yamlfile.Problem) *shown.Witness {
	for i := range r.witnesses {
		if r.witnesses[i].Problem == p {
			return &r.witnesses[i]
		}
	}
	return nil
}

func (r *checked) text(w io.Writer, sends bool) error {
	for _, p := range r.problems {
		if _, err := fmt.Fprintln(w, p); err != nil {
			return err
		}
		if x := r.witness(p); x != nil {
			for _, line := range x.Events {
				_, _ = fmt.Fprintf(w, "    %s\n", line) // the next line gives the error
			}
			if _, err := fmt.Fprintf(w, "    # %s\n", x.Shows); err != nil {
				return err
			}
		}
	}
	if r.problems.Failed() {
		return errNotGood
	}
	if !sends {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "journey\tchannel\tsends in 24h\tfor")
	for _, m := range r.most {
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", m.Journey, channelName(m.Channel), mostText(m), m.Again)
	}
	for _, m := range together(r.most) {
		_, _ = fmt.Fprintf(t, "together\t%s\t%s\tone enrollment of each\n", channelName(m.Channel), mostText(m))
	}
	return t.Flush()
}

func channelName(name string) string {
	if name == "" {
		return "all"
	}
	return name
}

func mostText(m journey.Most) string {
	if m.Bound {
		return fmt.Sprintf("%d or more", m.Sends)
	}
	return fmt.Sprintf("at most %d", m.Sends)
}

// together is what one enrollment of each journey can make, by channel and in all.
func together(most []journey.Most) []journey.Most {
	var out []journey.Most
	sums, all := map[string]int{}, map[string]bool{}
	add := func(channel string, m journey.Most) {
		i, ok := sums[channel]
		if !ok {
			i = len(out)
			sums[channel] = i
			out = append(out, journey.Most{Channel: channel})
		}
		out[i].Sends += m.Sends
		out[i].Bound = out[i].Bound || m.Bound
	}
	for _, m := range most {
		all[m.Journey] = all[m.Journey] || m.Channel == ""
	}
	for _, m := range most {
		if m.Channel != "" {
			add(m.Channel, m)
		}
	}
	for _, m := range most {
		if m.Channel == "" || !all[m.Journey] { // of a journey with one channel that is all
			add("", m)
		}
	}
	if len(out) == 2 { // one channel
		out = out[:1]
	}
	return out
}

func (r *checked) json(w io.Writer, sends bool) error {
	type log struct {
		Events []json.RawMessage `json:"events"`
		Shows  string            `json:"shows"`
	}
	type problem struct {
		File     string `json:"file"`
		Line     int    `json:"line"`
		Col      int    `json:"col"`
		Severity string `json:"severity"`
		Message  string `json:"message"`
		Witness  *log   `json:"witness,omitempty"`
	}
	type most struct {
		Journey string `json:"journey"`
		Channel string `json:"channel"`
		Sends   int    `json:"sends_in_24h"`
		Bound   bool   `json:"or_more,omitempty"`
		For     string `json:"for"`
	}
	rows := make([]problem, len(r.problems))
	for i, p := range r.problems {
		rows[i] = problem{p.File, p.Line, p.Col, p.Severity.String(), p.Message, nil}
		if x := r.witness(p); x != nil {
			rows[i].Witness = &log{Shows: x.Shows}
			for _, line := range x.Events {
				rows[i].Witness.Events = append(rows[i].Witness.Events, json.RawMessage(line))
			}
		}
	}
	var figures []most
	if sends {
		for _, m := range r.most {
			figures = append(figures, most{m.Journey, channelName(m.Channel), m.Sends, m.Bound, m.Again})
		}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(struct {
		Good     bool      `json:"good"`
		Problems []problem `json:"problems"`
		Sends    []most    `json:"sends,omitempty"`
	}{!r.problems.Failed(), rows, figures}); err != nil {
		return err
	}
	if r.problems.Failed() {
		return errNotGood
	}
	return nil
}
