package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"wend/connectors"
	"wend/connectors/delivery"
	"wend/connectors/kafka"
	"wend/engine"
)

func newDeliver(s streams, args []string) *cobra.Command {
	var dir string
	var channels []string
	cmd := &cobra.Command{
		Use:   "deliver -C DIR --channel NAME…",
		Short: "A delivery worker",
		Long: `Deliver reads the actions of the channels named (all channels of the workspace without --channel), hands each to its provider,
and writes what happened to the source as events CHANNEL_sent and CHANNEL_failed. What was answered once is remembered in
data_dir/deliver and never tried again. Providers stand under delivery: in wend.yaml; a channel without one is written to
stdout, one JSON object a line. Only log providers are supported yet.`,
		Example: "  wend deliver -C ./shop --channel push\n  wend deliver -C ./shop --channel push,email --delivery-email-log emails.jsonl",
		RunE: func(cmd *cobra.Command, more []string) error {
			w, err := runnable(cmd, dir, args, s.err)
			if err != nil {
				return err
			}
			cfg := &w.config
			channels = append(channels, more...)
			if len(channels) == 0 {
				channels = channelsOf(cfg, w.program.Channels())
			}
			senders, err := senders(cfg, channels, s)
			if err != nil {
				return err
			}
			defer senders.close()
			log := newLogger(cfg.Log, s.err)
			defer func() { _ = log.Sync() }() // a terminal cannot sync
			client, err := connect(cfg)
			if err != nil {
				return err
			}
			defer func() { _ = client.Close() }() // its answers are here
			if err := engine.FindSource(cmd.Context(), client, cfg); err != nil {
				return err
			}
			log.Info("delivering", zap.String("version", version()), zap.String("app", cfg.App), zap.Strings("channels", channels))
			return newRedactor(cfg.Log).error(deliver(cmd.Context(), cfg, client, senders, log))
		},
	}
	configFlags(cmd, &dir, args)
	cmd.Flags().StringSliceVar(&channels, "channel", nil, "whose actions: names with commas, or several times")
	return cmd
}

// channelsOf are the channels that the journeys send on and those that delivery names.
func channelsOf(cfg *engine.Config, journeys []string) []string {
	all := slices.Clone(journeys)
	for _, d := range cfg.Delivery {
		all = append(all, d.Channel)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// providers are the channels' providers, by channel.
type providers struct {
	send map[string]delivery.Send
	logs []*delivery.Log
}

func senders(cfg *engine.Config, channels []string, s streams) (*providers, error) {
	p := &providers{send: map[string]delivery.Send{}}
	out, errs := delivery.NewLog(s.out), delivery.NewLog(s.err)
	for _, channel := range channels {
		d := engine.ChannelConfig{Channel: channel, Log: "stdout"}
		if i := slices.IndexFunc(cfg.Delivery, func(d engine.ChannelConfig) bool { return d.Channel == channel }); i >= 0 {
			d = cfg.Delivery[i]
		}
		switch {
		case d.Webhook != "" || d.SMTP != "":
			p.close()
			return nil, fmt.Errorf("channel %s: webhook and smtp are not supported yet: write delivery: {%s: {log: stdout}}", channel, channel)
		case d.Log == "stdout":
			p.send[channel] = out.Send
		case d.Log == "stderr":
			p.send[channel] = errs.Send
		default:
			l, err := delivery.OpenLog(d.Log)
			if err != nil {
				p.close()
				return nil, fmt.Errorf("channel %s: %w", channel, err)
			}
			p.logs = append(p.logs, l)
			p.send[channel] = l.Send
		}
	}
	return p, nil
}

func (p *providers) close() {
	for _, l := range p.logs {
		_ = l.Close() // each line was written when it was acknowledged
	}
}

// deliver runs a worker for each channel until ctx ends or one of them cannot go on.
func deliver(ctx context.Context, cfg *engine.Config, client *kafka.Client, p *providers, log *zap.Logger) (err error) {
	dir := filepath.Join(cfg.DataDir, "deliver")
	instance, err := engine.LoadInstance(dir, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, instance.Close()) }()
	store, err := delivery.OpenStore(filepath.Join(dir, "answers"), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if why := store.Removed(); why != "" {
		log.Warn("the answers of an older version were removed", zap.String("reason", why))
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return forgetAnswers(ctx, store) })
	for channel, send := range p.send {
		w := delivery.NewWorker(delivery.Options{
			App: cfg.App, Channel: channel, Topic: cfg.ActionTopic(channel), Send: send, Store: store,
			Cluster: client, Group: kafka.NewGroup(client), Committed: client.CommittedOffsets, InstanceID: instance.ID, SessionTimeout: cfg.Kafka.SessionTimeout,
			Source: cfg.Source.Topic, Format: cfg.Source.Format, Partitioner: sourcePartitioner(cfg), DeadLetter: cfg.DeadLetter,
			Listener: deliveryLog(log, channel),
		})
		group.Go(func() error { return w.Run(ctx) })
	}
	return group.Wait()
}

// forgetAnswers drops answers that are too old, now and each hour, until ctx ends.
func forgetAnswers(ctx context.Context, store *delivery.Store) error {
	every := time.NewTicker(time.Hour)
	defer every.Stop()
	for {
		if _, err := store.Forget(time.Now()); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
		}
	}
}

// sourcePartitioner is the source's; where it has none, Kafka's own.
func sourcePartitioner(cfg *engine.Config) func([]byte, int32) int32 {
	if cfg.Source.Partitioner == engine.CRC32 {
		return connectors.CRC32Partition
	}
	return connectors.Murmur2Partition
}
