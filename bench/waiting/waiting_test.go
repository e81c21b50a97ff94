//go:build unix

package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"wend/bench/stand"
	"wend/engine/journey"
	"wend/schemas/workspacetest"
)

func published(template, id string, decided, at int64) *kgo.Record {
	return &kgo.Record{Timestamp: time.UnixMilli(at), Value: fmt.Appendf(nil, `{"template":%q,"decided_at":%d,"cause":{"event_id":%q}}`, template, decided, id)}
}

func TestTally(t *testing.T) {
	due := map[string]int64{"loaded-0": 1000, "loaded-1": 2000}
	good := []*kgo.Record{published("near", "loaded-0", 1000, 1000), published("near", "loaded-1", 2000, 2007)}
	run := func(rs []*kgo.Record) ([]float64, error) {
		tl := &tally{due: due, at: map[string]int64{}}
		for _, r := range rs {
			tl.action(r)
		}
		return tl.late()
	}
	late, err := run(good)
	if slices.Sort(late); err != nil || !slices.Equal(late, []float64{0, 7}) {
		t.Error(late, err)
	}
	for name, c := range map[string]struct {
		records []*kgo.Record
		want    string
	}{
		"missing":         {good[:1], "1 of 2 actions are there, and 0 are wrong"},
		"twice":           {append(slices.Clone(good), good[0]), "twice: "},
		"early":           {[]*kgo.Record{good[0], published("near", "loaded-1", 2000, 1999)}, "1 ms early: "},
		"not asked for":   {append(slices.Clone(good), published("near", "loaded-2", 2000, 2000)), "unexpected: "},
		"who waits":       {append(slices.Clone(good), published("far", "loaded-1", 2000, 2000)), "unexpected: "},
		"decided at once": {[]*kgo.Record{good[0], published("near", "loaded-1", 1500, 2000)}, "unexpected: "},
		"no action":       {append(slices.Clone(good), &kgo.Record{Value: []byte("x")}), "unexpected: "},
	} {
		late, err := run(c.records)
		var w *stand.Wrong
		if !errors.As(err, &w) || !strings.Contains(err.Error(), c.want) || late != nil {
			t.Errorf("%s: %v %v, want %s", name, late, err, c.want)
		}
	}
}

func TestQuantile(t *testing.T) {
	all := make([]float64, 1000)
	for i := range all {
		all[i] = float64(i)
	}
	for q, want := range map[float64]float64{0: 0, 0.5: 500, 0.99: 990, 1: 999} {
		if got := quantile(all, q); got != want {
			t.Errorf("%v: %v, want %v", q, got, want)
		}
	}
}

func TestJourneys(t *testing.T) {
	dir := workspacetest.Dir(t, map[string]string{"journeys/all.yaml": journeys})
	ws, problems := journey.Load(dir)
	if p, more := journey.Compile(ws); p == nil || problems.Failed() || len(more) > 0 || len(ws.Journeys) != 2 {
		t.Error(problems, more)
	}
}

func TestParse(t *testing.T) {
	for _, bad := range [][]string{{"--customers", "0"}, {"--probes", "99"}, {"--for", "0s"}, {"--settle", "0s"}, {"more"}} {
		if _, err := parse(bad); err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
}
