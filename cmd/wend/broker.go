package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"wend/connectors/broker"
)

func newBroker(s streams) *cobra.Command {
	o := broker.Options{Listen: "127.0.0.1:9092"}
	cmd := &cobra.Command{
		Use:   "broker",
		Short: "The embedded broker alone, for development",
		Long: `Broker speaks Kafka's protocol on one port, so that a workspace can be tried without other software. Its address is printed
when it serves. It is for development: nothing is replicated, and what it does otherwise than Apache Kafka is written in
docs/operations.md. Ctrl-C stops it.`,
		Example: "  wend broker --listen 127.0.0.1:9092 --dir ./broker",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Log = s.err
			b, err := broker.Start(o)
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintln(s.out, b.Addr()); err != nil {
				_ = b.Close() // the write's error says more
				return err
			}
			<-cmd.Context().Done()
			return b.Close()
		},
	}
	cmd.Flags().StringVar(&o.Listen, "listen", o.Listen, "host:port; port 0 is any free one")
	cmd.Flags().StringVar(&o.Dir, "dir", "", "where topics are kept over restarts; without it nowhere")
	return cmd
}
