package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"wend/engine"
	"wend/schemas/yamlfile"
)

func newForget(s streams, args []string) *cobra.Command {
	var dir, customer string
	timeout := "2m"
	var noWait bool
	cmd := &cobra.Command{
		Use:   "forget -C DIR --customer ID",
		Short: "Erase a customer",
		Long: `Forget has the running engines erase a customer: document, timers, what is in memory and in the views' files. What was
decided before is published first. It waits until every shard's journal says that it is done, then takes the command off
APP.control. docs/security.md says what is left where, and for how long.

Exit status 1: not every shard has done it within --timeout; the command stands and is obeyed when engines run. Asking
again waits again.`,
		Example: "  wend forget -C ./shop --customer c123\n  wend forget -C ./shop --customer c123 --no-wait",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if customer == "" {
				return errors.New("name the customer: wend forget -C DIR --customer ID")
			}
			ms, err := yamlfile.ParseDuration(timeout)
			if err != nil {
				return fmt.Errorf("--timeout %q: %w", timeout, err)
			}
			cfg, client, err := configured(cmd, dir, args, s.err)
			if err != nil {
				return err
			}
			defer func() { _ = client.Close() }() // its answers are here
			f, err := engine.Forget(cmd.Context(), client, &cfg, customer)
			if err != nil {
				return err
			}
			if noWait {
				_, _ = fmt.Fprintln(s.err, "asked; the engines erase the customer when they read it")
				return nil
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), time.Duration(ms)*time.Millisecond)
			defer cancel()
			line := term.IsTerminal(int(os.Stderr.Fd()))
			err = f.Wait(ctx, func(done, of int) {
				if line {
					_, _ = fmt.Fprintf(s.err, "\r%d of %d shards", done, of)
				}
			})
			if line {
				_, _ = fmt.Fprintln(s.err)
			}
			if errors.Is(err, context.DeadlineExceeded) {
				_, _ = fmt.Fprintln(s.err, "wend:", err)
				return errNotGood
			}
			if err == nil {
				_, _ = fmt.Fprintln(s.out, "erased")
			}
			return err
		},
	}
	configFlags(cmd, &dir, args)
	cmd.Flags().StringVar(&customer, "customer", "", "whom")
	cmd.Flags().StringVar(&timeout, "timeout", timeout, "how long to wait")
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "ask, and do not wait")
	return cmd
}
