package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"wend/engine"
)

func newTopics(s streams, args []string) *cobra.Command {
	var dir string
	var dry bool
	cmd := &cobra.Command{
		Use:   "topics -C DIR",
		Short: "Create or check the topics of a workspace",
		Long: `Topics looks at every topic that the engine needs and makes what is missing of its own and of the action topics, with as many
partitions as the source. The source is yours: it must be there. Exit status 1 when one is missing or wrong.`,
		Example: "  wend topics -C ./shop --dry-run\n  wend topics -C ./shop --kafka-brokers kafka:9092",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w, err := runnable(cmd, dir, args, s.err)
			if err != nil {
				return err
			}
			client, err := connect(&w.config)
			if err != nil {
				return err
			}
			defer func() { _ = client.Close() }() // its answers are here
			reports, err := engine.EnsureTopics(cmd.Context(), client, &w.config, w.program.Channels(), !dry)
			t := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
			for _, r := range reports {
				_, _ = fmt.Fprintf(t, "%s\t%s\t%d partitions\t%s\t%s\n", r.State, r.Name, r.Partitions, r.Key, r.Problem) // Flush gives its error
			}
			if err := t.Flush(); err != nil {
				return err
			}
			if err != nil {
				return err
			}
			if engine.TopicsProblem(reports) != nil {
				return errNotGood
			}
			return nil
		},
	}
	configFlags(cmd, &dir, args)
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only look")
	return cmd
}
