package main

import (
	"bufio"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"wend/engine/journey"
	"wend/engine/replay"
	"wend/schemas"
)

func newSimulate(s streams) *cobra.Command {
	var events, until string
	var trace bool
	cmd := &cobra.Command{
		Use:   "simulate DIR --events FILE.jsonl",
		Short: "Run the journeys over a log of events, in virtual time",
		Long: `Simulate reads events, one JSON object a line, in the order in which they lie, and prints the actions that the workspace's
journeys decide, one JSON object a line, by decided_at, customer, decision. At the end of the log time runs on until no
timer is left, or to --until. It needs no Kafka.

A line without event_id has its number as id, one without ts the time of the line before. A line that is no event is
reported on stderr with its number, and skipped.`,
		Example: "  wend simulate ./shop --events events.jsonl\n  zcat events.jsonl.gz | wend simulate ./shop --events - --until 2026-03-02T00:00:00Z --trace",
		Args:    oneWorkspace,
		RunE: func(cmd *cobra.Command, args []string) error {
			if events == "" {
				return errors.New("--events is missing: name a file of events, one JSON object a line, or - for stdin")
			}
			to, err := moment(until)
			if err != nil {
				return err
			}
			w, err := replayable(cmd, args[0], nil, s.err)
			if err != nil {
				return err
			}
			log, shut, err := openLog(events, s)
			if err != nil {
				return err
			}
			defer shut()
			return simulate(w, log, s, journey.SimulateOptions{Until: to, Trace: trace, Format: w.config.Source.Format})
		},
	}
	cmd.Flags().StringVar(&events, "events", "", "the log, one event a line; - is stdin")
	cmd.Flags().StringVar(&until, "until", "", "how far time runs on at the end, inclusive: RFC 3339, or milliseconds since 1970")
	cmd.Flags().BoolVar(&trace, "trace", false, "say on stderr what was decided, and why")
	logFlags(cmd)
	return cmd
}

func simulate(w workspace, in *progress, s streams, o journey.SimulateOptions) error {
	limitMemory(0)
	told := bufio.NewWriter(s.err)
	sim, err := replay.Simulate(w.program, in, o, func(number int, reason string) {
		_, _ = fmt.Fprintf(told, "%s:%d: skipped: %s\n", in.name, number, reason) // Flush gives its error
	})
	in.done()
	out := bufio.NewWriterSize(s.out, 1<<16)
	if sim != nil {
		_, _ = sim.WriteActions(out), sim.WriteTrace(told) // as above
	}
	return errors.Join(out.Flush(), told.Flush(), err)
}

// moment reads --until; nothing is no end.
func moment(text string) (int64, error) {
	if text == "" {
		return schemas.NoTime, nil
	}
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
		return ms, nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return 0, fmt.Errorf("--until %q is no time: write RFC 3339, such as 2026-03-01T10:00:00Z, or milliseconds since 1970", text)
	}
	return t.UnixMilli(), nil
}
