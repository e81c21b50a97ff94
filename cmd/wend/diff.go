package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"wend/engine/diff"
	"wend/schemas"
)

// diffExamples is how many rows the text shows.
const diffExamples = 20

func newDiff(s streams) *cobra.Command {
	var events, until string
	format := "text"
	cmd := &cobra.Command{
		Use:   "diff OLD NEW --events FILE.jsonl",
		Short: "Say who gets something else by another version of a workspace",
		Long: `Diff simulates two workspaces over the same log of events, as simulate reads it, and says which customers gain an action,
lose one, or get one at another time, in another variant, or with another content; with totals for each journey and channel.
With --format json the first line is the summary, and each further line one action that is not the same in both.

The log is read in the form of OLD's wend.yaml.`,
		Example: "  wend diff ./shop ./shop-new --events events.jsonl\n  wend diff ./shop ./shop-new --events events.jsonl --format json | jq 'select(.change==\"lost\")'",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if events == "" {
				return errors.New("--events is missing: name a file of events, one JSON object a line, or - for stdin")
			}
			if err := known("--format", format, "text", "json"); err != nil {
				return err
			}
			to, err := moment(until)
			if err != nil {
				return err
			}
			before, err := replayable(cmd, args[0], nil, s.err)
			if err != nil {
				return err
			}
			after, err := goodWorkspace(args[1], s.err)
			if err != nil {
				return err
			}
			log, shut, err := openLog(events, s)
			if err != nil {
				return err
			}
			defer shut()
			limitMemory(0)
			o := diff.Options{Until: to, Format: before.config.Source.Format, Workers: runtime.GOMAXPROCS(0)}
			r, err := diff.Run(before.program, after.program, log, o, log.skipped(s.err))
			log.done()
			if err != nil {
				return err
			}
			out := bufio.NewWriter(s.out)
			if format == "json" {
				diffJSON(out, r)
			} else {
				diffText(out, r)
			}
			return out.Flush()
		},
	}
	cmd.Flags().StringVar(&events, "events", "", "the log, one event a line; - is stdin")
	cmd.Flags().StringVar(&until, "until", "", "how far time runs on at the end, inclusive: RFC 3339, or milliseconds since 1970")
	cmd.Flags().StringVar(&format, "format", format, "text or json")
	logFlags(cmd)
	return cmd
}

// diffText writes the summary and the first rows. Errors of w come back from its Flush.
func diffText(w io.Writer, r *diff.Result) {
	printf := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
	c := &r.Changed
	printf("%d events of %d customers, of whom %d get something else:\n", r.Events, r.Customers, c.Any)
	printf("  %d gain, %d lose, %d at another time, %d another variant, %d another content\n", c.Gain, c.Lose, c.Time, c.Variant, c.Content)
	if len(r.Totals) > 0 {
		printf("\n")
		table := [][]string{{"journey", "channel", "before", "after", "same", "gained", "lost", "time", "variant", "content"}}
		for i := range r.Totals {
			t := &r.Totals[i]
			row := []string{t.Journey, t.Channel}
			for _, n := range []uint64{t.Before, t.After, t.Same, t.Gained, t.Lost, t.Time, t.Variant, t.Content} {
				row = append(row, strconv.FormatUint(n, 10))
			}
			table = append(table, row)
		}
		writeTable(w, table, 2)
	}
	if len(r.Rows) == 0 {
		return
	}
	printf("\n")
	table := [][]string{}
	for i := range r.Rows[:min(len(r.Rows), diffExamples)] {
		row := &r.Rows[i]
		a := row.Action()
		what := row.Change()
		if d := row.Differs(); len(d) > 0 {
			what = strings.Join(d, ", ")
		}
		table = append(table, []string{row.Customer, what, a.Journey, a.Channel + " " + a.Template, rowWhen(row)})
	}
	writeTable(w, table, 5)
	if more := len(r.Rows) - diffExamples; more > 0 {
		printf("and %d more: --format json has them all\n", more)
	}
}

func rowWhen(r *diff.Row) string {
	at := func(a *schemas.Action) string {
		text := time.UnixMilli(a.DecidedAt).UTC().Format("2006-01-02T15:04:05.999Z07:00")
		for _, v := range a.Variant {
			text += " " + v.Split + "=" + v.Arm
		}
		return text
	}
	switch {
	case r.Before == nil:
		return at(r.After)
	case r.After == nil:
		return at(r.Before)
	case r.Time || r.Variant:
		return at(r.Before) + " → " + at(r.After)
	}
	return at(r.After)
}

// writeTable writes columns of one width each; those from texts on are numbers, and stand to the right.
func writeTable(w io.Writer, rows [][]string, texts int) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	for _, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-len([]rune(cell)))
			if i > 0 {
				b.WriteString("  ")
			}
			if i < texts {
				b.WriteString(cell + pad)
			} else {
				b.WriteString(pad + cell)
			}
		}
		_, _ = fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}
