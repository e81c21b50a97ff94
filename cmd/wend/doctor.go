package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/spf13/cobra"

	"wend/engine"
)

func newDoctor(s streams, args []string) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "doctor -C DIR",
		Short: "Look whether cluster and machine are as they should be",
		Long: `Doctor looks at the brokers, at the topics with their partitions, replicas and configs, at the rights of the user that wend.yaml
names, and at the disk of data_dir. Each line begins with ok, warn or error, and says what to do. Exit status 1 when one is
an error.`,
		Example: "  wend doctor -C ./shop\n  wend doctor -C ./shop --kafka-brokers kafka:9092",
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
			findings := append(engine.Examine(cmd.Context(), client, &w.config, w.program.Channels()), examineDisk(w.config.DataDir, w.config.Dir))
			t := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
			bad := false
			for _, f := range findings {
				bad = bad || f.Level == engine.FindingError
				_, _ = fmt.Fprintf(t, "%s\t%s\t%s\n", f.Level, f.About, f.Text) // Flush gives its error
			}
			if err := t.Flush(); err != nil {
				return err
			}
			if bad {
				return errNotGood
			}
			return nil
		},
	}
	configFlags(cmd, &dir, args)
	return cmd
}

// leastDisk is what the views should find free, in bytes.
const leastDisk = 2 << 30

// examineDisk looks at the disk of the data directory, or of the workspace where that is not made yet.
func examineDisk(dir, workspace string) engine.Finding {
	usage, err := vfs.Default.GetDiskUsage(dir)
	if err != nil {
		usage, err = vfs.Default.GetDiskUsage(workspace)
	}
	if err != nil {
		return engine.Finding{Level: engine.FindingWarn, About: "data_dir", Text: fmt.Sprintf("%s: how much is free cannot be told: %v", dir, err)}
	}
	free := usage.AvailBytes
	text := fmt.Sprintf("%s: %d MiB free", dir, free>>20)
	if free < leastDisk {
		return engine.Finding{Level: engine.FindingWarn, About: "data_dir", Text: text + ": make room, or choose another disk; a full one stops the shards"}
	}
	return engine.Finding{Level: engine.FindingOK, About: "data_dir", Text: text}
}
