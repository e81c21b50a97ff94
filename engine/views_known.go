package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"wend/connectors"
)

// A member tells the leader of the group how far its views reach, also those that it has not opened, before it is given
// anything. To open all of them for that would take longer than reading some more of a journal; so what they were last
// known to be is kept in a file beside them. After a crash a view may stand a little earlier than the file says: it is
// a preference, and near enough.

// knownViewsFile is in the data directory.
const knownViewsFile = "views.json"

// mostViews bounds what a member says: seven bytes each, of a group's megabyte.
const mostViews = 4096

// knownView is a View as the file has it.
type knownView struct {
	Partition int32 `json:"partition"`
	Offset    int64 `json:"offset"`
	Whole     int64 `json:"whole"` // seconds since 1970
}

func viewDir(dataDir string, partition int32) string {
	return filepath.Join(dataDir, fmt.Sprintf("p%04d", partition))
}

// readKnownViews gives what the file says of views that are there. A file that cannot be read says nothing.
func readKnownViews(dataDir string) map[int32]View {
	known := map[int32]View{}
	raw, err := os.ReadFile(filepath.Join(dataDir, knownViewsFile))
	if err != nil {
		return known
	}
	var views []knownView
	if json.Unmarshal(raw, &views) != nil {
		return known
	}
	for _, v := range views {
		if _, err := os.Stat(viewDir(dataDir, v.Partition)); err == nil {
			known[v.Partition] = View(v)
		}
	}
	return known
}

// reached gives how far all views of this member reach, by partition.
func (e *Engine) reached() []View {
	all := make(map[int32]View, len(e.known))
	for p, v := range e.known {
		all[p] = v
	}
	e.mu.Lock()
	for _, r := range e.mu.all {
		if o := r.reach.Load(); o >= 0 {
			all[r.shard.id] = View{r.shard.id, o, r.whole.Load()}
		}
	}
	e.mu.Unlock()
	views := make([]View, 0, len(all))
	for _, v := range all {
		views = append(views, v)
	}
	slices.SortFunc(views, func(a, b View) int { return int(a.Partition) - int(b.Partition) })
	return views
}

// views is what the fleet tells the leader. A view that would be thrown away (rule 2) is none.
func (e *Engine) views() MemberState {
	oldest := time.Now().Add(-e.world.deleteRetention / 2).Unix()
	views := slices.DeleteFunc(e.reached(), func(v View) bool { return v.Whole < oldest })
	if len(views) > mostViews {
		slices.SortFunc(views, func(a, b View) int { return int(b.Whole - a.Whole) })
		views = views[:mostViews]
		slices.SortFunc(views, func(a, b View) int { return int(a.Partition) - int(b.Partition) })
	}
	return MemberState{Views: views}
}

// noteViews keeps the file.
func (e *Engine) noteViews(ctx context.Context) {
	for sleep(ctx, 30*time.Second) == nil {
		e.writeKnownViews()
	}
}

func (e *Engine) writeKnownViews() {
	views := []knownView{}
	for _, v := range e.reached() {
		views = append(views, knownView(v))
	}
	raw, err := json.Marshal(views)
	if err == nil {
		err = writeDurably(filepath.Join(e.cfg.DataDir, knownViewsFile), string(raw)+"\n")
	}
	if err != nil {
		e.listener.Retry(-1, connectors.TopicPartition{Topic: e.cfg.Source.Topic}, "write "+knownViewsFile, err, 1)
	}
}
