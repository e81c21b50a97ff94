package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"wend/connectors"
	"wend/connectors/broker"
	"wend/connectors/delivery"
	"wend/engine"
	"wend/examples"
	"wend/schemas"
	"wend/schemas/yamlfile"
)

func newDemo(s streams) *cobra.Command {
	var dir string
	var length string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Everything in one process: broker, shop, shoppers, engine, delivery",
		Long: `Demo starts the embedded broker, writes a sample shop's workspace, lets made-up shoppers wander about it, runs the engine on
their events, and prints each action as it is delivered. Health and metrics are on 127.0.0.1:8080, or on another port
where that one is taken. Ctrl-C stops it cleanly. Without --dir nothing is left behind.`,
		Example: "  wend demo\n  wend demo --for 20s\n  wend demo --dir ./demo     # edit ./demo/workspace and start it again",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			if length != "" {
				ms, err := yamlfile.ParseDuration(length)
				if err != nil {
					return fmt.Errorf("--for %q: %w", length, err)
				}
				limited, cancel := context.WithTimeout(ctx, time.Duration(ms)*time.Millisecond)
				defer cancel()
				ctx = limited
			}
			d := demo{streams: s, dir: dir, keep: dir != "", began: time.Now()}
			return d.run(ctx)
		},
	}
	cmd.Flags().StringVar(&length, "for", "", "stop after this long, such as 20s")
	cmd.Flags().StringVar(&dir, "dir", "", "keep the workspace and all data here")
	return cmd
}

// demo is the whole system in one process.
type demo struct {
	streams
	dir   string
	keep  bool
	began time.Time
}

// shopEvents is how many events a second the shoppers bring about.
const shopEvents = 80

func (d *demo) run(ctx context.Context) (err error) {
	if !d.keep {
		if d.dir, err = os.MkdirTemp("", "wend-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(d.dir)) }()
	}
	home := filepath.Join(d.dir, "workspace")
	if err := examples.Copy("shop", home); err != nil {
		return err
	}
	o := broker.Options{Topics: []broker.Topic{{Name: "events", Partitions: 4}}, Log: d.err}
	if d.keep {
		o.Dir = filepath.Join(d.dir, "broker")
	}
	b, err := broker.Start(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	w, err := d.workspace(home, b.Addr())
	if err != nil {
		return err
	}
	cfg := &w.config
	fitMemory(cfg)
	client, err := connect(cfg)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }() // its answers are here

	line := newLiveLine(d.streams, d.began)
	crowd := newCrowd(client, cfg.Source.Topic, examples.NewShoppers(uint64(d.began.UnixNano()), fmt.Sprintf("%x", d.began.UnixMilli()), shopEvents, time.Now()))
	metrics := engine.NewMetrics()
	log := newLogger(cfg.Log, line.lines(d.err))
	listener := engineLog(log)
	listener.Published = func(_ int32, tp connectors.TopicPartition, actions int, _ []int64, _ time.Time) {
		if tp.Topic != cfg.DeadLetter {
			line.published.Add(int64(actions))
		}
	}
	p, err := prepare(ctx, &w, home, client, true, log, metrics.Wrap(listener))
	if err == nil && len(p.differs) > 0 { // it was edited, and the demo started again
		err = deployOwn(ctx, &w, home, client)
	}
	switch {
	case err != nil && ctx.Err() != nil: // its time is over before it began
		return nil
	case err != nil:
		return err
	}
	senders := &providers{send: map[string]delivery.Send{}}
	for _, channel := range w.program.Channels() {
		senders.send[channel] = func(_ context.Context, a *schemas.Action, _ []byte) error {
			line.delivered(a, time.Now())
			if channel == "push" {
				crowd.received(a)
			}
			return nil
		}
	}

	// Each part stops behind the one that feeds it: shoppers, engine, delivery, so that what came in has come out.
	engineContext, stopEngine := context.WithCancel(context.WithoutCancel(ctx))
	defer stopEngine()
	deliveryContext, stopDelivery := context.WithCancel(context.WithoutCancel(ctx))
	defer stopDelivery()
	parts, ctx := errgroup.WithContext(ctx)
	ended := make(chan struct{})
	parts.Go(func() error {
		defer close(ended)
		return p.run(engineContext, metrics, func(http string) { d.greet(w, b.Addr(), http) })
	})
	parts.Go(func() error {
		return deliver(deliveryContext, cfg, client, senders, log)
	})
	parts.Go(func() error {
		defer stopEngine()
		return crowd.run(ctx, line)
	})
	parts.Go(func() error {
		defer stopDelivery()
		line.run(ctx)
		<-ended
		line.settle(3 * time.Second)
		return nil
	})
	err = parts.Wait()
	line.summary()
	if d.keep {
		_, _ = fmt.Fprintf(d.err, "Everything is kept in %s; `wend demo --dir %s` goes on from there.\n", d.dir, d.dir)
	}
	return err
}

// workspace reads the demo's workspace, which the user may have edited.
func (d *demo) workspace(home, addr string) (workspace, error) {
	cfg, problems := engine.LoadConfig(home, nil, []engine.Setting{
		{Path: "kafka.brokers", Value: addr, Place: "the embedded broker"},
		{Path: "data_dir", Value: filepath.Join(d.dir, "data"), Place: "--dir"},
	})
	cfg.HTTPDefault = true
	w, problems := compile(home, cfg, problems)
	return w, tell(problems, d.err)
}

func (d *demo) greet(w workspace, addr, http string) {
	var b strings.Builder
	fmt.Fprintf(&b, "A shop with made-up shoppers, on an embedded broker at %s.\n", addr)
	fmt.Fprintf(&b, "  journeys  %s (%s)\n", strings.Join(w.program.Journeys(), ", "), w.config.Dir)
	if wanted := "http://" + w.config.HTTP; http != wanted && http != "off" {
		fmt.Fprintf(&b, "  %s is taken: health and metrics are elsewhere\n", w.config.HTTP)
	}
	fmt.Fprintf(&b, "  health    %s/readyz\n  metrics   %s/metrics\n", http, http)
	b.WriteString("Each line below is an action as it is delivered. Ctrl-C stops.\n")
	_, _ = fmt.Fprint(d.err, b.String()) // a terminal that is gone ends the process by other ways
}
