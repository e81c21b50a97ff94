package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"wend/engine"
	"wend/engine/journey"
	"wend/schemas"
)

func newExplain(s streams, args []string) *cobra.Command {
	e := explain{format: "text", live: "auto"}
	cmd := &cobra.Command{
		Use:   "explain -C DIR --customer ID",
		Short: "Say why a customer got what they got, or why not",
		Long: `Explain prints each decision on a customer with the values that made it: every condition with what it read, and which part of it
decided. At the end stands what came of each journey; of one that the customer never entered, why not: the events that were missing,
the condition that was false, the draw.

It reads the customer's events from the source topic and decides again what the engines decided, up to now, with the workspace in DIR:
what a customer gets depends on that customer's events alone. So it needs no engine to run, and it knows what the topic still has.
Below stands what the fleet itself has of the customer: where they stand, what is pending, and the decisions that it remembers, also
of events that the topic has no more. The engine at http: is asked, and where that does not answer for the customer the journal is
read; --live chooses.
With --events it reads a log as simulate does, up to --until or to the last timer, and needs no Kafka.`,
		Example: "  wend explain -C ./shop --customer ada\n  wend explain -C ./shop --customer ada --journey welcome --events events.jsonl --format json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if e.customer == "" {
				return errors.New("--customer is missing: name the customer")
			}
			if err := known("--format", e.format, "text", "json"); err != nil {
				return err
			}
			if err := known("--live", e.live, "auto", "http", "journal", "off"); err != nil {
				return err
			}
			if e.events == "" {
				return e.source(cmd, s, args)
			}
			return e.log(cmd, s, args)
		},
	}
	configFlags(cmd, &e.dir, args)
	f := cmd.Flags()
	f.StringVar(&e.customer, "customer", "", "whom to explain")
	f.StringVar(&e.journey, "journey", "", "this journey alone")
	f.StringVar(&e.events, "events", "", "a log in place of the source topic, one event a line; - is stdin")
	f.StringVar(&e.until, "until", "", "how far time runs on at the end, inclusive: RFC 3339, or milliseconds since 1970")
	f.StringVar(&e.live, "live", e.live, "what the fleet has of the customer, from http or journal; auto: from http if that answers, else the journal; off: leave it out")
	f.StringVar(&e.format, "format", e.format, "text or json")
	return cmd
}

// explain is what the command's flags say.
type explain struct{ dir, customer, journey, events, until, live, format string }

// options for a workspace; an error where it has no such journey or --until is no time.
func (e *explain) options(w *workspace, until int64) (journey.ExplainOptions, error) {
	if e.until != "" {
		var err error
		if until, err = moment(e.until); err != nil {
			return journey.ExplainOptions{}, err
		}
	}
	if e.journey != "" {
		if _, err := journeyNamed(w.source, e.journey); err != nil {
			return journey.ExplainOptions{}, err
		}
	}
	return journey.ExplainOptions{Customer: e.customer, Journey: e.journey, Until: until, Format: w.config.Source.Format}, nil
}

// log explains from --events.
func (e *explain) log(cmd *cobra.Command, s streams, args []string) error {
	w, err := replayable(cmd, e.dir, args, s.err)
	if err != nil {
		return err
	}
	o, err := e.options(&w, schemas.NoTime)
	if err != nil {
		return err
	}
	log, shut, err := openLog(e.events, s)
	if err != nil {
		return err
	}
	defer shut()
	x, err := journey.Explain(w.program, log, o, log.skipped(s.err))
	log.done()
	if x == nil {
		return err
	}
	return errors.Join(e.write(s.out, x, nil), err)
}

// source explains from the source topic.
func (e *explain) source(cmd *cobra.Command, s streams, args []string) error {
	w, err := runnable(cmd, e.dir, args, s.err)
	if err != nil {
		return err
	}
	o, err := e.options(&w, time.Now().UnixMilli())
	if err != nil {
		return err
	}
	client, err := connect(&w.config)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }() // its answers are here
	x := journey.NewExplainer(w.program, o)
	line := newStatusLine(s)
	h, err := engine.ReadHistory(cmd.Context(), client, &w.config, engine.HistoryOptions{
		Customer: e.customer, Event: x.Offer,
		Progress: func(read, of int64) { line.say("%s: %d of %d records", w.config.Source.Topic, read, of) },
	})
	line.done()
	if err != nil {
		return err
	}
	if len(h.Trimmed) > 0 {
		_, _ = fmt.Fprintf(s.err, "%s no longer has its beginning: what came before is not known here, and decisions may differ from those of the engines\n", w.config.Source.Topic)
	}
	explanation, err := x.Finish()
	live, liveErr := e.fleet(cmd.Context(), s, &w, client)
	return errors.Join(e.write(s.out, explanation, live), err, liveErr)
}

// write writes the explanation and, where there is one, what the fleet has.
func (e *explain) write(w io.Writer, x *journey.Explanation, l *liveState) error {
	out := bufio.NewWriter(w)
	if e.format == "json" {
		explainJSON(out, x, l)
	} else {
		explainText(out, x)
		l.text(out, x)
	}
	return out.Flush()
}

// utc puts a time in words.
func utc(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.999Z07:00") }

// explainText writes the moments and then the outcomes. Errors of w come back from its Flush.
func explainText(w io.Writer, x *journey.Explanation) {
	printf := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
	for i := range x.Moments {
		m := &x.Moments[i]
		switch {
		case m.Event == nil:
			printf("%s  timers\n", utc(m.Time))
		case m.Event.Time < m.Time:
			printf("%s  event %s %s, late: it is of %s\n", utc(m.Time), m.Event.Type, m.Event.EventID, utc(m.Event.Time))
		default:
			printf("%s  event %s %s\n", utc(m.Time), m.Event.Type, m.Event.EventID)
		}
		if len(m.Decisions) == 0 {
			printf("    nothing was decided\n")
		}
		for k := range m.Decisions {
			printf("    %s\n", decisionText(&m.Decisions[k]))
		}
	}
	if len(x.Moments) > 0 {
		printf("\n")
	}
	for i := range x.Journeys {
		printf("%s: %s\n", x.Journeys[i].Journey, outcomeText(x, &x.Journeys[i]))
	}
}

// decisionText puts a judgement as a sentence; anything else is as in a trace.
func decisionText(d *journey.Decision) string {
	if d.Judged == nil {
		return d.Text()
	}
	where := d.Step
	if d.Journey != "" {
		where = d.Journey + " " + d.Step
	}
	if d.Enrollment > 0 {
		where = fmt.Sprintf("%s#%d %s", d.Journey, d.Enrollment, d.Step)
	}
	return where + ": " + d.Judged.String()
}

func outcomeText(x *journey.Explanation, o *journey.Outcome) string {
	counted := func(list []journey.Count) string {
		parts := make([]string, len(list))
		for i, c := range list {
			parts[i] = fmt.Sprintf("%d by %s", c.Times, c.Reason)
		}
		return strings.Join(parts, ", ")
	}
	var parts []string
	switch {
	case o.Entered > 0:
		parts = append(parts, fmt.Sprintf("entered %d, sent %d", o.Entered, o.Sent))
		if o.Withheld > 0 {
			parts = append(parts, fmt.Sprintf("withheld %d, being in the holdout", o.Withheld))
		}
		if o.Goals > 0 {
			parts = append(parts, fmt.Sprintf("goal reached %d", o.Goals))
		}
		if len(o.Exits) > 0 {
			parts = append(parts, "left "+counted(o.Exits))
		}
	case x.Events == 0:
		return "never entered: there is no event of this customer"
	case len(o.Wanted) > 0:
		return fmt.Sprintf("never entered: none of the customer's %d events is a %s", x.Events, strings.Join(o.Wanted, " or a "))
	default:
		parts = append(parts, "never entered")
	}
	if len(o.Refused) > 0 {
		parts = append(parts, "refused "+counted(o.Refused))
	}
	text := strings.Join(parts, "; ")
	if o.Nearest != nil && o.Nearest.Judged != nil {
		return text + ": " + o.Nearest.Judged.String()
	}
	if o.Last != "" {
		text += ": " + o.Last
	}
	return text
}
