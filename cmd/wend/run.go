package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"wend/connectors/kafka"
	"wend/engine"
	"wend/engine/journey"
	"wend/engine/journey/graph"
)

func newRun(s streams, args []string) *cobra.Command {
	var dir, profiler string
	var noCreate bool
	cmd := &cobra.Command{
		Use:   "run -C DIR",
		Short: "The engine on a workspace",
		Long: `Run reads events from the source topic, runs the workspace's journeys over them, and writes actions to their topics, each
exactly once. Any number of processes with the same app share the work. SIGTERM or ctrl-C stops it cleanly; a kill at any
moment loses nothing.

Every key of wend.yaml has a flag and a variable: --kafka-brokers and WEND_KAFKA_BROKERS are kafka.brokers. The flag
wins, then the variable, then the file.`,
		Example: "  wend run -C ./shop\n  WEND_KAFKA_BROKERS=kafka:9092 WEND_HTTP_TOKEN=… wend run -C ./shop --http 0.0.0.0:8080",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w, err := runnable(cmd, dir, args, s.err)
			if err != nil {
				return err
			}
			fitMemory(&w.config)
			go boundHeap(cmd.Context())
			if profiler != "" {
				server, err := startProfiler(profiler)
				if err != nil {
					return err
				}
				defer func() { _ = server.Close() }() // a profile under way is of no use then
			}
			log := newLogger(w.config.Log, s.err)
			defer func() { _ = log.Sync() }() // a terminal cannot sync
			client, err := connect(&w.config)
			if err != nil {
				return err
			}
			defer func() { _ = client.Close() }() // its answers are here
			metrics := engine.NewMetrics()
			listener, err := crashPoint(os.Getenv(crashVariable), metrics.Wrap(engineLog(log)))
			if err != nil {
				return err
			}
			clock, err := clockHook(os.Getenv(clockVariable))
			if err != nil {
				return err
			}
			p, err := prepare(cmd.Context(), &w, dir, client, !noCreate, log, listener)
			switch {
			case err != nil && cmd.Context().Err() != nil: // stopped before it began
				return nil
			case err != nil:
				return err
			}
			if len(p.differs) > 0 {
				log.Warn("the workspace is not what is deployed, and what is deployed runs: `wend deploy` changes that", zap.Uint64("release", p.release), zap.Strings("files", p.differs))
			}
			p.engine.Clock = clock
			return p.run(cmd.Context(), metrics, func(http string) {
				if w.config.HTTPOpen() {
					log.Warn("http is reached from other machines and asks for no token, so whoever reaches it reads what is known of customers: set http_token, or listen on 127.0.0.1", zap.String("http", http))
				}
				log.Info("running", zap.String("version", version()), zap.String("app", w.config.App), zap.String("source", w.config.Source.Topic),
					zap.Int32("partitions", p.world.Partitions), zap.Uint64("release", p.release), zap.Strings("journeys", w.program.Journeys()), zap.String("http", http))
			})
		},
	}
	configFlags(cmd, &dir, args)
	cmd.Flags().BoolVar(&noCreate, "no-create-topics", false, "do not make missing topics")
	cmd.Flags().StringVar(&profiler, "pprof", "", "serve Go's profiles at this address of this machine, as 127.0.0.1:6060")
	return cmd
}

// process is an engine that found its topics good.
type process struct {
	engine  *engine.Engine
	config  *engine.Config
	log     *zap.Logger
	world   *engine.World
	release uint64   // that holds
	differs []string // files of the workspace that are not as deployed
}

// prepare looks at the topics, makes what is missing of them where create is set, deploys the workspace where nothing is
// deployed yet, and makes the engine.
func prepare(ctx context.Context, w *workspace, dir string, client *kafka.Client, create bool, log *zap.Logger, l engine.Listener) (*process, error) {
	cfg := &w.config
	reports, err := engine.EnsureTopics(ctx, client, cfg, w.program.Channels(), create)
	if err == nil {
		err = engine.TopicsProblem(reports)
	}
	if err != nil {
		return nil, err
	}
	p := &process{config: cfg, log: log}
	deployed, err := engine.ReadDeployed(ctx, client, cfg)
	if err == nil && deployed.Number == 0 {
		if err = deployOwn(ctx, w, dir, client); err == nil {
			deployed, err = engine.ReadDeployed(ctx, client, cfg)
		}
	}
	if err == nil {
		p.release = deployed.Number
		p.differs, err = deployed.Differs(dir)
	}
	if err != nil {
		return nil, err
	}
	if p.world, err = engine.LookAround(ctx, client, cfg, w.program.Channels()); err != nil {
		return nil, err
	}
	p.engine = engine.New(cfg, w.program, p.world, client, kafka.NewGroup(client), l)
	return p, nil
}

// deployOwn deploys the workspace. Of several that do so at once one comes first, and that is as good.
func deployOwn(ctx context.Context, w *workspace, dir string, client *kafka.Client) error {
	plan, problems, err := engine.PlanDeployment(ctx, client, &w.config, dir, nil)
	switch {
	case err != nil:
		return err
	case plan == nil: // it was good when it was read
		return fmt.Errorf("the workspace: %s", problems[0])
	case plan.Same():
		return nil
	}
	var overtaken *engine.OvertakenError
	if err := plan.Commit(ctx); err != nil && !errors.As(err, &overtaken) {
		return err
	}
	return nil
}

// run serves http: and works until ctx ends.
func (p *process) run(ctx context.Context, metrics *engine.Metrics, started func(http string)) error {
	address := "off"
	if p.config.HTTP != "" {
		server, err := p.serve(metrics)
		if err != nil {
			return err
		}
		defer func() { _ = server.Close() }() // whoever still asks has two seconds
		address = "http://" + server.Addr()
	}
	started(address)
	return newRedactor(p.config.Log).error(p.engine.Run(ctx))
}

// serve starts the HTTP side. A port that nobody asked for and somebody has is no reason not to run: then any free one.
func (p *process) serve(metrics *engine.Metrics) (*engine.HTTPServer, error) {
	h := engine.NewHTTPHandler(engine.HTTPOptions{
		Token: p.config.HTTPToken, Ready: p.engine.Ready, Gatherer: metrics.Gatherer(), Customer: p.engine.Customer, Running: p.engine.Running,
		Graph:  func(j *journey.Journey) string { return graph.Of(j).Mermaid() },
		Failed: func(err error) { p.log.Error("a question about a customer could not be answered", zap.Error(err)) },
	})
	server, err := engine.StartHTTP(p.config.HTTP, h)
	if errors.Is(err, syscall.EADDRINUSE) {
		if p.config.HTTPDefault {
			return engine.StartHTTP("127.0.0.1:0", h)
		}
		return nil, fmt.Errorf("%w: stop what listens there, or choose another address with --http", err)
	}
	return server, err
}
