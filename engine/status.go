package engine

import (
	"context"
	"fmt"
	"strings"
	"time"

	"wend/connectors"
	"wend/schemas"
	"wend/schemas/yamlfile"
)

// StatusChange is a change of a journey's status, on its way through the shards.
type StatusChange struct {
	Same   bool // it had that status: nothing was written
	shards *follower
}

// SetPaused pauses a journey, or lets it run on: then what was held is due, of all customers within spread ms if that is
// not 0. Of two who say so at once the last one holds.
func SetPaused(ctx context.Context, cluster connectors.Cluster, cfg *Config, journey string, paused bool, spread int64) (*StatusChange, error) {
	doing := "resume"
	if paused {
		doing = "pause"
	}
	fail := func(err error) (*StatusChange, error) { return nil, fmt.Errorf("%s: %w", doing, err) }
	seen, err := readReleases(ctx, cluster, cfg.App)
	if err != nil {
		return fail(err)
	}
	holds := seen.holding()
	if holds == nil {
		return fail(fmt.Errorf("nothing is deployed on %s: `wend deploy` first", controlTopic(cfg.App).Topic))
	}
	if findJourney(holds.list, journey) == nil {
		var names []string
		for _, j := range holds.list.Journeys {
			names = append(names, j.Name)
		}
		return fail(fmt.Errorf("no journey is called %s%s: deployed are %s", yamlfile.Quote(journey), yamlfile.DidYouMean(journey, names), strings.Join(names, ", ")))
	}
	status := seen.status[journey]
	if status.Paused == paused {
		return &StatusChange{Same: true}, nil
	}
	status.Paused, status.Time = paused, time.Now().UnixMilli()
	if !paused {
		status.Resumed, status.Spread = status.Time, spread
	}
	value, err := status.Append(nil)
	if err != nil {
		return fail(err)
	}
	c := &StatusChange{}
	if c.shards, err = newFollower(ctx, cluster, cfg); err != nil {
		return fail(err)
	}
	offset, err := appendControl(ctx, cluster, cfg.App, schemas.ControlKey(schemas.ControlStatus, journey), value)
	if err != nil {
		return fail(err)
	}
	c.shards.done = func(h *schemas.Head) bool { return h.Control > offset }
	return c, nil
}

// Wait is as that of a Deployment.
func (c *StatusChange) Wait(ctx context.Context, progress func(done, of int)) error {
	missing, err := c.shards.wait(ctx, progress)
	if err != nil {
		return fmt.Errorf("shards %v do not know of it yet: does an engine work on them? %w", missing, err)
	}
	return nil
}

// DeployedJourney is a journey as APP.control has it.
type DeployedJourney struct {
	Journey string
	Version uint64 // the newest
	Gone    bool   // its file is gone: it takes no entries
	Paused  bool
	Resumed time.Time // the last time; zero: never
	Older   []uint64  // versions that are kept, in order
	Path    string
}

// Deployed is what APP.control says is to be run.
type Deployed struct {
	Number   uint64 // of the release; 0: there is none
	Time     time.Time
	Journeys []DeployedJourney // in order of their names
	Files    map[string]string // checksums by path
}

// ReadDeployed reads it.
func ReadDeployed(ctx context.Context, cluster connectors.Cluster, cfg *Config) (*Deployed, error) {
	seen, err := readReleases(ctx, cluster, cfg.App)
	if err != nil {
		return nil, fmt.Errorf("what is deployed: %w", err)
	}
	holds := seen.holding()
	if holds == nil {
		return &Deployed{Files: map[string]string{}}, nil
	}
	return deployedOf(holds.list, seen.status), nil
}

// deployedOf says what a release with the status of its journeys is.
func deployedOf(list *schemas.Release, status map[string]schemas.Status) *Deployed {
	d := &Deployed{Number: list.Number, Time: time.UnixMilli(list.Time), Files: map[string]string{}}
	for _, f := range list.Files {
		d.Files[f.Path] = f.Sum
	}
	for _, j := range list.Journeys {
		s := status[j.Name]
		x := DeployedJourney{Journey: j.Name, Version: j.Version, Gone: j.Gone, Paused: s.Paused, Path: j.Path}
		if s.Resumed > 0 {
			x.Resumed = time.UnixMilli(s.Resumed)
		}
		for _, o := range list.Older {
			if o.Journey == j.Name {
				x.Older = append(x.Older, o.Version)
			}
		}
		d.Journeys = append(d.Journeys, x)
	}
	return d
}

// Differs lists the files of a workspace that are not as they were deployed, and those that are gone or new.
func (d *Deployed) Differs(dir string) ([]string, error) {
	texts, err := workspaceFiles(dir)
	if err != nil {
		return nil, err
	}
	return differing(d.Files, texts), nil
}
