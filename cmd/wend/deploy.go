package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"wend/connectors/kafka"
	"wend/engine"
	"wend/schemas"
	"wend/schemas/yamlfile"
)

func newDeploy(s streams, args []string) *cobra.Command {
	d := deploy{streams: s, format: "text", timeout: "10s"}
	cmd := &cobra.Command{
		Use:   "deploy -C DIR",
		Short: "Give a running fleet the workspace's journeys",
		Long: `Deploy checks the workspace in DIR as check does, and puts its journeys, profile and policies on APP.control: every engine
of the app goes on by them, each shard at one point of its journal. It says which journeys get a new version, and waits up to
--timeout until every shard has changed over; where no engine runs that is when one does. on_update in a journey's file says
what becomes of those inside.

With --dry-run nothing is deployed: it says who is inside which journey, version and step, and what would become of them.

Exit status 1: the workspace has problems, or a version in which customers are would read a name that is gone; or another
deploy came first, and nothing of this one was deployed.`,
		Example: "  wend deploy -C ./shop --dry-run\n  wend deploy -C ./shop",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := known("--format", d.format, "text", "json"); err != nil {
				return err
			}
			ms, err := yamlfile.ParseDuration(d.timeout)
			if err != nil {
				return fmt.Errorf("--timeout %q: %w", d.timeout, err)
			}
			w, err := runnable(cmd, d.dir, args, s.err)
			if err != nil {
				return err
			}
			client, err := connect(&w.config)
			if err != nil {
				return err
			}
			defer func() { _ = client.Close() }() // its answers are here
			return d.run(cmd.Context(), &w, client, time.Duration(ms)*time.Millisecond)
		},
	}
	configFlags(cmd, &d.dir, args)
	f := cmd.Flags()
	f.BoolVar(&d.dry, "dry-run", false, "deploy nothing; say what would become of those inside")
	f.StringVar(&d.format, "format", d.format, "text or json")
	f.StringVar(&d.timeout, "timeout", d.timeout, "how long to wait for the shards")
	return cmd
}

// deploy is what the command's flags say.
type deploy struct {
	streams
	dir, format, timeout string
	dry                  bool
}

func (d *deploy) run(ctx context.Context, w *workspace, client *kafka.Client, timeout time.Duration) error {
	reports, err := engine.EnsureTopics(ctx, client, &w.config, w.program.Channels(), !d.dry)
	if err == nil && !d.dry {
		err = engine.TopicsProblem(reports)
	}
	if err != nil {
		return err
	}
	plan, err := d.plan(ctx, w, client)
	if err != nil {
		return err
	}
	if d.dry {
		preview := engine.NewPreview(plan)
		census, err := d.census(ctx, w, client, preview.Customer)
		if err != nil {
			return err
		}
		return d.tellPreview(plan, census, preview.Prospects())
	}
	if !plan.Same() {
		if err := plan.Commit(ctx); err != nil {
			var overtaken *engine.OvertakenError
			if errors.As(err, &overtaken) {
				_, _ = fmt.Fprintln(d.err, "wend:", err)
				return errNotGood
			}
			return err
		}
	}
	if err := d.tellPlan(plan); err != nil || plan.Same() {
		return err
	}
	return awaitShards(ctx, d.streams, timeout, plan.Wait)
}

// plan holds the workspace against what is deployed. Where versions are there that were older already, it counts who is in
// them, so that those go in which nobody is.
func (d *deploy) plan(ctx context.Context, w *workspace, client *kafka.Client) (*engine.Deployment, error) {
	deployed, err := engine.ReadDeployed(ctx, client, &w.config)
	if err != nil {
		return nil, err
	}
	var inside *engine.Census
	for _, j := range deployed.Journeys {
		if len(j.Older) > 0 && inside == nil {
			if inside, err = d.census(ctx, w, client, nil); err != nil {
				return nil, err
			}
		}
	}
	plan, problems, err := engine.PlanDeployment(ctx, client, &w.config, d.dir, inside)
	if err != nil {
		return nil, err
	}
	if plan != nil { // its warnings were told with the workspace
		problems = nil
	}
	return plan, tell(problems, d.err)
}

func (d *deploy) census(ctx context.Context, w *workspace, client *kafka.Client, customer func(string, *schemas.Document) error) (*engine.Census, error) {
	return takeCensus(ctx, d.streams, &w.config, client, customer)
}

// takeCensus counts who is inside, with a line that says how far it has come.
func takeCensus(ctx context.Context, s streams, cfg *engine.Config, client *kafka.Client, customer func(string, *schemas.Document) error) (*engine.Census, error) {
	line := newStatusLine(s)
	defer line.done()
	return engine.TakeCensus(ctx, client, cfg, engine.CensusOptions{Customer: customer,
		Progress: func(read, of int64) { line.say("%s: %d of %d records", cfg.Journal, read, of) }})
}

// tellPlan says what a deploy changes, or has changed.
func (d *deploy) tellPlan(p *engine.Deployment) error {
	if d.format == "json" {
		return d.json(p, nil, nil)
	}
	if p.Same() {
		_, err := fmt.Fprintf(d.out, "nothing differs from release %d\n", p.Before)
		return err
	}
	t := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
	printf := func(format string, args ...any) { _, _ = fmt.Fprintf(t, format, args...) } // Flush gives its error
	if p.Before > 0 {
		printf("release %d, after %d\n", p.Number, p.Before)
	} else {
		printf("release %d\n", p.Number)
	}
	for _, c := range p.Changes {
		printf("%s\t%s\n", c.Journey, changeText(&c))
	}
	var rest []string
	for _, f := range p.Files {
		if !strings.HasPrefix(f, "journeys/") {
			rest = append(rest, f)
		}
	}
	if p.Before > 0 && len(rest) > 0 {
		printf("%s: changed, for all versions\n", strings.Join(rest, ", "))
	}
	for _, o := range p.Older {
		printf("%s\tversion %d is kept for those inside\n", o.Journey, o.Version)
	}
	return t.Flush()
}

func changeText(c *engine.VersionChange) string {
	switch {
	case c.From == 0:
		return fmt.Sprintf("version %d, new", c.To)
	case c.To == 0:
		return fmt.Sprintf("version %d is gone: nobody enters, those inside finish", c.From)
	}
	return fmt.Sprintf("version %d -> %d, on_update: %s", c.From, c.To, c.OnUpdate)
}

// awaitShards waits until every shard has heard of something that stands in any case.
func awaitShards(ctx context.Context, s streams, timeout time.Duration, wait func(context.Context, func(done, of int)) error) error {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	line := newStatusLine(s)
	shards := 0
	err := wait(limited, func(done, of int) {
		shards = of
		line.say("%d of %d shards", done, of)
	})
	line.done()
	switch {
	case err == nil:
		_, _ = fmt.Fprintf(s.err, "all %d shards have changed over\n", shards)
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		_, _ = fmt.Fprintf(s.err, "it stands, and shards change over when an engine works on them: %v\n", err)
		return nil
	}
	return err
}
