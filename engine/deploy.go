package engine

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/engine/journey"
	"wend/schemas"
	"wend/schemas/yamlfile"
)

// Deployment is a release that a workspace would make, held against the one that holds.
type Deployment struct {
	Number  uint64           // of the release, from 1
	Before  uint64           // of the one that holds; 0: there is none
	Changes []VersionChange  // of journeys, in order of their names; those that stay as they are are not among them
	Files   []string         // that differ from those of the release before, or are gone
	Older   []VersionInside  // versions that are kept, for customers may be in them
	Program *journey.Program // of the release

	cluster connectors.Cluster
	cfg     *Config
	seen    releases
	made    releaseRecords
	offset  int64 // of the release, once it is written
	shards  *follower
}

// VersionChange is what a deploy does to a journey.
type VersionChange struct {
	Journey  string
	From, To uint64 // versions; From is 0 for a new journey or one that comes back, To for one whose file is gone
	OnUpdate string // what happens to those inside: pin, follow or exit
}

// VersionInside is a version of a journey, with how many enrollments are in it, as far as that was counted.
type VersionInside struct {
	Journey string
	Version uint64
	Inside  int64
}

// OvertakenError says that another deploy came first.
type OvertakenError struct {
	Number uint64    // of its release
	Time   time.Time // of it
}

func (e *OvertakenError) Error() string {
	return fmt.Sprintf("another deploy came first: release %d, of %s, holds. Nothing of yours was deployed; look whether you have its changes, and deploy again", e.Number, e.Time.Format(time.RFC3339))
}

// Same says that the release that holds has the same files.
func (d *Deployment) Same() bool { return d.Before > 0 && len(d.Files) == 0 }

// PlanDeployment holds the workspace in dir against what APP.control has. It writes nothing. inside, if not nil, tells in
// which versions customers are: others that are not the newest are let go. The problems are those of the workspace, with
// those that older versions have under it; with an error among them there is no deployment.
func PlanDeployment(ctx context.Context, cluster connectors.Cluster, cfg *Config, dir string, inside *Census) (*Deployment, yamlfile.Problems, error) {
	d := &Deployment{cluster: cluster, cfg: cfg}
	ws, problems := journey.Load(dir)
	if _, more := journey.Compile(ws); problems.Failed() || more.Failed() {
		problems = append(problems, more...)
		problems.Sort()
		return nil, problems, nil
	}
	texts, err := workspaceFiles(dir)
	if err == nil {
		d.seen, err = readReleases(ctx, cluster, cfg.App)
	}
	if err == nil {
		err = d.plan(ws, texts, inside)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("deploy: %w", err)
	}
	program, more, err := d.made.compileWith(ws, d.seen.status)
	if err != nil {
		return nil, nil, err
	}
	problems = append(problems, more...)
	problems.Sort()
	if d.Program = program; problems.Failed() {
		return nil, problems, nil
	}
	return d, problems, nil
}

// workspaceFiles reads the files that say what a workspace's journeys do, by their paths from dir with slashes.
func workspaceFiles(dir string) (map[string][]byte, error) {
	var paths []string
	for _, pattern := range []string{"journeys/*.yaml", "journeys/*.yml", "profile.yaml", "profile.yml", "policies.yaml", "policies.yml", "events/*.json"} {
		found, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(pattern)))
		if err != nil {
			return nil, fmt.Errorf("the workspace %s: %w", dir, err) // a name that is a pattern
		}
		paths = append(paths, found...)
	}
	texts := map[string][]byte{}
	for _, path := range paths {
		if info, err := os.Stat(path); filepath.Base(path)[0] == '.' || err == nil && info.IsDir() {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return nil, err
		}
		texts[filepath.ToSlash(name)] = text
	}
	return texts, nil
}

// plan makes the release's records.
func (d *Deployment) plan(ws *journey.Workspace, texts map[string][]byte, inside *Census) error {
	var id [8]byte
	if _, err := rand.Read(id[:]); err != nil {
		return fmt.Errorf("no randomness: %w", err)
	}
	list := &schemas.Release{ID: hex.EncodeToString(id[:]), Time: time.Now().UnixMilli()}
	d.made = releaseRecords{list: list, texts: map[string][]byte{}}
	before := &releaseRecords{list: &schemas.Release{}}
	if holds := d.seen.holding(); holds != nil {
		before = holds
	}
	d.Before, d.Number = before.list.Number, before.list.Number+1
	list.Number = d.Number
	d.takeFiles(before, texts)
	versions := map[string]uint64{}
	for _, j := range ws.Journeys {
		path, err := filepath.Rel(ws.Dir, j.Name.File)
		if err != nil {
			return err
		}
		x := schemas.ReleaseJourney{Name: j.Name.Value, Version: 1, Hash: j.Hash(), Path: filepath.ToSlash(path)}
		change := VersionChange{Journey: x.Name, OnUpdate: j.OnUpdate}
		if was := findJourney(before.list, x.Name); was != nil {
			if x.Version = was.Version; x.Hash != was.Hash {
				x.Version++
			}
			if change.From = was.Version; was.Gone {
				change.From = 0
			}
		}
		if change.To = x.Version; change.From != change.To {
			d.Changes = append(d.Changes, change)
		}
		versions[x.Name] = x.Version
		list.Journeys = append(list.Journeys, x)
	}
	for _, was := range before.list.Journeys {
		if versions[was.Name] == 0 {
			if !was.Gone {
				d.Changes = append(d.Changes, VersionChange{Journey: was.Name, From: was.Version})
			}
			was.Gone = true
			list.Journeys = append(list.Journeys, was)
		}
	}
	slices.SortFunc(d.Changes, func(a, b VersionChange) int { return strings.Compare(a.Journey, b.Journey) })
	slices.SortFunc(list.Journeys, func(a, b schemas.ReleaseJourney) int { return strings.Compare(a.Name, b.Name) })
	return d.takeOlder(before, versions, inside)
}

// takeFiles puts the workspace's files into the release.
func (d *Deployment) takeFiles(before *releaseRecords, texts map[string][]byte) {
	was := map[string]string{}
	for _, f := range before.list.Files {
		was[f.Path] = f.Sum
	}
	for _, path := range slices.Sorted(maps.Keys(texts)) {
		d.made.list.Files = append(d.made.list.Files, schemas.ReleaseFile{Path: path, Sum: schemas.Sum(texts[path])})
		d.made.texts[d.made.list.FileKey(path)] = texts[path]
	}
	d.Files = differing(was, texts)
}

// differing lists the files that have another checksum than before, or are there on one side alone.
func differing(sums map[string]string, texts map[string][]byte) (paths []string) {
	for path, text := range texts {
		if sums[path] != schemas.Sum(text) {
			paths = append(paths, path)
		}
	}
	for path := range sums {
		if _, there := texts[path]; !there {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// takeOlder keeps the versions in which customers may be: what was the newest, for they enter it until the moment of the
// change, and of those that were older before what is not known to be empty, with all behind it: who follows passes through
// each.
func (d *Deployment) takeOlder(before *releaseRecords, versions map[string]uint64, inside *Census) error {
	keep := func(o schemas.ReleaseOlder, text []byte) {
		if o.Version == versions[o.Journey] {
			return
		}
		d.made.list.Older = append(d.made.list.Older, o)
		d.made.texts[d.made.list.OlderKey(o.Journey, o.Version)] = text
		d.Older = append(d.Older, VersionInside{o.Journey, o.Version, inside.count(o.Journey, o.Version)})
	}
	for i := range before.list.Older {
		o := before.list.Older[i]
		if inside.complete(before.list.Number) && inside.upTo(o.Journey, o.Version) == 0 {
			continue
		}
		text, err := before.text(before.list.OlderKey(o.Journey, o.Version), o.Path, o.Sum)
		if err != nil {
			return err
		}
		keep(o, text)
	}
	files, err := before.files()
	if err != nil {
		return err
	}
	for _, j := range before.list.Journeys {
		if text, ok := files[j.Path]; ok && !j.Gone {
			keep(schemas.ReleaseOlder{Journey: j.Name, Version: j.Version, Hash: j.Hash, Path: j.Path, Sum: schemas.Sum(text)}, text)
		}
	}
	slices.SortFunc(d.made.list.Older, func(a, b schemas.ReleaseOlder) int {
		return compareVersions(a.Journey, a.Version, b.Journey, b.Version)
	})
	slices.SortFunc(d.Older, func(a, b VersionInside) int {
		return compareVersions(a.Journey, a.Version, b.Journey, b.Version)
	})
	return nil
}

func findJourney(r *schemas.Release, name string) *schemas.ReleaseJourney {
	i := slices.IndexFunc(r.Journeys, func(j schemas.ReleaseJourney) bool { return j.Name == name })
	if i < 0 {
		return nil
	}
	return &r.Journeys[i]
}

// controlRecord is a record to be written to APP.control.
type controlRecord struct {
	key   string
	value []byte
}

// recordOverhead is what a record takes in a batch beside its key and value, at most, and what a batch takes.
const recordOverhead = 128

// Commit writes the release: first the texts, then the list that makes it hold. It reads back whether it does, for another
// deploy may have come first: then what was written is taken away again, and the error is an *OvertakenError. Whoever is
// told of another error does not know whether it was deployed. What former releases left on the topic is taken away too;
// when that fails, the next deploy does it.
func (d *Deployment) Commit(ctx context.Context) error {
	tp := controlTopic(d.cfg.App)
	fail := func(err error) error { return fmt.Errorf("deploy: %w", err) }
	value, err := d.made.list.Append(nil)
	if err != nil {
		return fail(err)
	}
	configs, err := d.cluster.TopicConfigs(ctx, tp.Topic)
	if err != nil {
		return fail(fmt.Errorf("configs of %s: %w", tp.Topic, err))
	}
	limit := batchBytes(configs[tp.Topic])
	var records []controlRecord
	for _, key := range slices.Sorted(maps.Keys(d.made.texts)) {
		records = append(records, controlRecord{key, d.made.texts[key]})
	}
	for _, r := range append(records, controlRecord{d.made.list.Key(), value}) {
		if n := len(r.key) + len(r.value) + recordOverhead; n > limit {
			return fail(fmt.Errorf("%s takes records of %d bytes, and %s has %d: divide the file, or raise the topic's max.message.bytes", tp.Topic, limit, r.key, n))
		}
	}
	if d.shards, err = newFollower(ctx, d.cluster, d.cfg); err != nil {
		return fail(err)
	}
	if err := appendRecords(ctx, d.cluster, d.cfg.App, records, limit); err != nil {
		return fail(err) // without the list nothing of it counts
	}
	if d.offset, err = appendControl(ctx, d.cluster, d.cfg.App, d.made.list.Key(), value); err != nil {
		return fail(fmt.Errorf("%w; whether it holds is not known: `wend journeys` tells", err))
	}
	if err := d.seen.read(ctx, d.cluster, d.cfg.App, d.offset+1); err != nil {
		return fail(fmt.Errorf("%w; whether it holds is not known: `wend journeys` tells", err))
	}
	control := d.offset
	d.shards.done = func(h *schemas.Head) bool { return h.Control > control }
	holds := d.seen.holding()
	if holds == nil {
		return fail(errors.New("the release is not on the topic: was its cleanup.policy changed?"))
	}
	var over []string
	if holds.list.Tag() != d.made.list.Tag() {
		over = append([]string{d.made.list.Key()}, slices.Sorted(maps.Keys(d.made.texts))...)
		err = &OvertakenError{holds.list.Number, time.UnixMilli(holds.list.Time)}
	} else {
		over = d.seen.over()
	}
	tombstones := make([]controlRecord, len(over))
	for i, key := range over {
		tombstones[i].key = key
	}
	_ = appendRecords(ctx, d.cluster, d.cfg.App, tombstones, limit) // the next deploy does it
	return err
}

// Wait waits until every shard decides by the release. progress hears how many do. When ctx ends before that, the release
// holds all the same, and the error names the shards that are missing; it is context.Cause's.
func (d *Deployment) Wait(ctx context.Context, progress func(done, of int)) error {
	missing, err := d.shards.wait(ctx, progress)
	if err != nil {
		return fmt.Errorf("shards %v do not decide by it yet: does an engine work on them? %w", missing, err)
	}
	return nil
}

// appendRecords appends records to APP.control in their order, as many at once as a batch takes.
func appendRecords(ctx context.Context, cluster connectors.Cluster, app string, records []controlRecord, limit int) error {
	for len(records) > 0 {
		n, size := 0, recordOverhead
		for n < len(records) {
			if size += len(records[n].key) + len(records[n].value) + recordOverhead; n > 0 && size > limit {
				break
			}
			n++
		}
		if _, err := appendControlBatch(ctx, cluster, app, records[:n]...); err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}

// appendControl appends a command. Whoever is told of an error does not know whether it was.
func appendControl(ctx context.Context, cluster connectors.Cluster, app, key string, value []byte) (offset int64, err error) {
	return appendControlBatch(ctx, cluster, app, controlRecord{key, value})
}

// appendControlBatch appends records in one piece, and gives the first one's offset.
func appendControlBatch(ctx context.Context, cluster connectors.Cluster, app string, records ...controlRecord) (offset int64, err error) {
	tp := controlTopic(app)
	leader, err := leaderOf(ctx, cluster, tp)
	if err != nil {
		return 0, err
	}
	var b batch.Builder
	b.Reset(batch.Header{ProducerID: batch.NoProducer, ProducerEpoch: -1, BaseSequence: -1, Timestamp: time.Now().UnixMilli()})
	for _, r := range records {
		b.Append([]byte(r.key), r.value)
	}
	r := cluster.Produce(ctx, leader, []connectors.Batch{{TopicPartition: tp, Bytes: b.Finish()}}, produceTimeout)[0]
	if r.Err == nil && r.Code == connectors.OK {
		return r.BaseOffset, nil
	}
	return 0, fmt.Errorf("append to %s: %w", tp.Topic, answerError(r))
}
