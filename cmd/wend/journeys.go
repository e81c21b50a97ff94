package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"wend/engine"
)

func newJourneys(s streams, args []string) *cobra.Command {
	var dir string
	var noCount bool
	format := "text"
	cmd := &cobra.Command{
		Use:   "journeys -C DIR",
		Short: "Say which journeys are deployed, and who is inside",
		Long: `Journeys lists what APP.control has: each journey with its version and status, and versions before it in which customers
are. Who is inside it counts in the journals, which takes as long as reading them; --no-count leaves that out.`,
		Example: "  wend journeys -C ./shop\n  wend journeys -C ./shop --no-count --format json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := known("--format", format, "text", "json"); err != nil {
				return err
			}
			cfg, client, err := configured(cmd, dir, args, s.err)
			if err != nil {
				return err
			}
			defer func() { _ = client.Close() }() // its answers are here
			deployed, err := engine.ReadDeployed(cmd.Context(), client, &cfg)
			if err != nil {
				return err
			}
			var census *engine.Census
			if !noCount {
				if census, err = takeCensus(cmd.Context(), s, &cfg, client, nil); err != nil {
					return err
				}
			}
			if deployed.Number == 0 {
				_, _ = fmt.Fprintln(s.err, "nothing is deployed: `wend deploy` does it, and the first `wend run`")
			}
			if format == "json" {
				return journeysJSON(s.out, deployed, census)
			}
			return journeysText(s.out, deployed, census)
		},
	}
	configFlags(cmd, &dir, args)
	cmd.Flags().BoolVar(&noCount, "no-count", false, "do not count who is inside")
	cmd.Flags().StringVar(&format, "format", format, "text or json")
	return cmd
}

func journeysText(w io.Writer, d *engine.Deployed, c *engine.Census) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	counted := ""
	if c != nil {
		counted = "\tINSIDE"
	}
	_, _ = fmt.Fprintf(t, "JOURNEY\tVERSION\tSTATUS%s\n", counted) // Flush gives its error
	row := func(name string, version uint64, status string) {
		if c != nil {
			counted = fmt.Sprintf("\t%d", c.Running(name, version))
		}
		_, _ = fmt.Fprintf(t, "%s\t%d\t%s%s\n", name, version, status, counted)
	}
	for i := range d.Journeys {
		j := &d.Journeys[i]
		row(j.Journey, j.Version, j.Status())
		for k := len(j.Older) - 1; k >= 0; k-- {
			row(j.Journey, j.Older[k], "older")
		}
	}
	return t.Flush()
}

func journeysJSON(w io.Writer, d *engine.Deployed, c *engine.Census) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(d.State(c))
}
