package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"wend/engine"
	"wend/schemas/yamlfile"
)

func newPause(s streams, args []string) *cobra.Command {
	return setPaused(s, args, true, &cobra.Command{
		Use:   "pause -C DIR JOURNEY",
		Short: "Hold a journey: nobody enters, and nothing comes due",
		Long: `Pause has the running engines refuse entries to a journey, and hold the timers and awaits of those inside. Goals, exits and
what events do to the profile still count. It lasts, also over deploys, until resume.`,
		Example: "  wend pause -C ./shop cart-recovery",
	})
}

func newResume(s streams, args []string) *cobra.Command {
	return setPaused(s, args, false, &cobra.Command{
		Use:   "resume -C DIR JOURNEY",
		Short: "Let a paused journey run on",
		Long: `Resume ends a pause. What came due meanwhile is due now, each customer's in its order; --spread has customers follow one
another over that long.`,
		Example: "  wend resume -C ./shop cart-recovery\n  wend resume -C ./shop cart-recovery --spread 30m",
	})
}

func setPaused(s streams, args []string, paused bool, cmd *cobra.Command) *cobra.Command {
	var dir, spread string
	timeout := "10s"
	cmd.Args = func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return errors.New("name one journey: wend " + cmd.Use)
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, names []string) error {
		ms, err := yamlfile.ParseDuration(timeout)
		if err != nil {
			return fmt.Errorf("--timeout %q: %w", timeout, err)
		}
		over := int64(0)
		if spread != "" {
			if over, err = yamlfile.ParseDuration(spread); err != nil {
				return fmt.Errorf("--spread %q: %w", spread, err)
			}
		}
		cfg, client, err := configured(cmd, dir, args, s.err)
		if err != nil {
			return err
		}
		defer func() { _ = client.Close() }() // its answers are here
		c, err := engine.SetPaused(cmd.Context(), client, &cfg, names[0], paused, over)
		if err != nil {
			return err
		}
		said := map[bool]string{true: "paused", false: "running"}[paused]
		if c.Same {
			_, err = fmt.Fprintf(s.out, "%s is %s already\n", names[0], said)
			return err
		}
		if _, err := fmt.Fprintf(s.out, "%s: %s\n", names[0], said); err != nil {
			return err
		}
		return awaitShards(cmd.Context(), s, time.Duration(ms)*time.Millisecond, c.Wait)
	}
	configFlags(cmd, &dir, args)
	cmd.Flags().StringVar(&timeout, "timeout", timeout, "how long to wait for the shards")
	if !paused {
		cmd.Flags().StringVar(&spread, "spread", "", "over how long what was held comes due, such as 30m")
	}
	return cmd
}
