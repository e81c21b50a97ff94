package engine_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"wend/engine"
	"wend/statestore"
)

// viewNews collects what a listener hears of views and shards.
type viewNews struct {
	mu     sync.Mutex
	views  map[int32][]engine.ViewFailure
	failed map[int32]error
}

func (h *viewNews) listener() engine.Listener {
	h.views, h.failed = map[int32][]engine.ViewFailure{}, map[int32]error{}
	return engine.Listener{
		ViewFailed: func(shard int32, f engine.ViewFailure) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.views[shard] = append(h.views[shard], f)
		},
		Failed: func(shard int32, err error) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.failed[shard] = err
		},
	}
}

func (s *stand) viewDir(shard int) string {
	return filepath.Join(s.cfg.DataDir, fmt.Sprintf("p%04d", shard))
}

// documents are the customers of a view that no engine has open, with their documents.
func (s *stand) documents(shard int) map[string]string {
	s.t.Helper()
	v, err := statestore.Open(s.viewDir(shard), statestore.Options{ReadOnly: true})
	if err != nil {
		s.t.Fatal(err)
	}
	docs := map[string]string{}
	err = v.EachDocument(func(customer string, doc []byte) error {
		docs[customer] = string(doc)
		return nil
	})
	if err = errors.Join(err, v.Close()); err != nil {
		s.t.Fatal(err)
	}
	return docs
}

// A view that was damaged while no engine ran is told of, made again with the same documents, and nothing is decided
// twice or not at all.
func TestDamagedViewIsMadeAgain(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, dir string){
		"a bit of every table": func(t *testing.T, dir string) {
			tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
			if err != nil || len(tables) == 0 {
				t.Fatal(tables, err)
			}
			for _, table := range tables {
				raw, err := os.ReadFile(table)
				if err == nil {
					raw[3] ^= 4 // in the first block
					err = os.WriteFile(table, raw, 0o644)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		},
		"no marker of the manifest": func(t *testing.T, dir string) {
			markers, err := filepath.Glob(filepath.Join(dir, "marker.manifest*"))
			if err != nil || len(markers) == 0 || os.Remove(markers[0]) != nil {
				t.Fatal(markers, err)
			}
		},
		"a manifest cut short": func(t *testing.T, dir string) {
			manifests, err := filepath.Glob(filepath.Join(dir, "MANIFEST-*"))
			if err != nil || len(manifests) == 0 {
				t.Fatal(manifests, err)
			}
			for _, m := range manifests {
				if err := os.Truncate(m, 7); err != nil {
					t.Fatal(err)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t, 1)
			var heard viewNews
			s.listen = heard.listener()
			stop := s.run()
			// Kim, of whom no action tells that she was read, comes first: an engine that stops reads no further.
			s.produce(event("e3", "kim", "browse"), event("e1", "li", "purchase"), event("e2", "mo", "purchase"))
			s.actions(2)
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			before := s.documents(0)
			if len(before) != 3 {
				t.Fatalf("documents before %q", before)
			}
			damage(t, s.viewDir(0))
			stop = s.run()
			s.produce(event("e4", "li", "purchase"), event("e1", "li", "purchase"), event("e5", "mo", "purchase"))
			got, _ := s.actions(2)
			if fmt.Sprint(got) != "[li thank_you e4 mo thank_you e5]" {
				t.Errorf("got %v", got)
			}
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			after := s.documents(0)
			if len(after) != 3 || after["kim"] != before["kim"] {
				t.Errorf("documents before %q, after %q", before, after)
			}
			heard.mu.Lock()
			defer heard.mu.Unlock()
			fs := heard.views[0]
			if len(fs) != 1 || !fs[0].Removed || !errors.Is(fs[0].Err, statestore.ErrDamaged) || fs[0].Dir != s.viewDir(0) || len(heard.failed) > 0 {
				t.Errorf("told of %+v, failed %v", fs, heard.failed)
			}
		})
	}
}

// A directory that was copied over another's has the customers of the wrong shard: it is made again.
func TestViewOfAnotherShardIsMadeAgain(t *testing.T) {
	s := newStand(t, 2)
	var heard viewNews
	s.listen = heard.listener()
	stop := s.run()
	for i := range 8 {
		s.produce(event(fmt.Sprint("e", i), fmt.Sprint("c", i), "purchase"))
	}
	s.actions(8)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	before := [2]map[string]string{s.documents(0), s.documents(1)}
	if len(before[0]) == 0 || len(before[1]) == 0 {
		t.Fatalf("all customers are on one shard: %v", before)
	}
	if err := os.RemoveAll(s.viewDir(1)); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(s.viewDir(1), os.DirFS(s.viewDir(0))); err != nil {
		t.Fatal(err)
	}
	stop = s.run()
	want := map[string]bool{}
	for i := range 8 {
		s.produce(event(fmt.Sprint("f", i), fmt.Sprint("c", i), "purchase"))
		want[fmt.Sprintf("c%d thank_you f%d", i, i)] = true // who has bought before is known
	}
	got, _ := s.actions(8)
	for _, a := range got {
		if !want[a] {
			t.Errorf("got %v", got)
		}
		delete(want, a)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	for shard, docs := range before {
		after := s.documents(shard)
		for c := range docs {
			if after[c] == "" {
				t.Errorf("shard %d has lost %s", shard, c)
			}
		}
		if len(after) != len(docs) {
			t.Errorf("shard %d had %d customers and has %d", shard, len(docs), len(after))
		}
	}
	heard.mu.Lock()
	defer heard.mu.Unlock()
	if fs := heard.views[1]; len(fs) != 1 || !fs[0].Removed || !strings.Contains(fs[0].Err.Error(), "copied or renamed") || len(heard.views[0]) > 0 || len(heard.failed) > 0 {
		t.Errorf("told of %+v, failed %v", heard.views, heard.failed)
	}
}

// A journal that was deleted and made again is not the one that the view was made of. Which of them is right, somebody
// has to say.
func TestViewOfAJournalMadeAgain(t *testing.T) {
	s := newStand(t, 1)
	var heard viewNews
	s.listen = heard.listener()
	stop := s.run()
	s.produce(event("e1", "li", "purchase"))
	s.actions(1)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if r, err := kadm.NewClient(s.outside).DeleteTopics(t.Context(), s.cfg.Journal); err != nil || r.Error() != nil {
		t.Fatal(err, r.Error())
	}
	for gone := 0; gone < 5; time.Sleep(100 * time.Millisecond) { // each broker hears of it by itself
		found, err := kadm.NewClient(s.outside).ListTopics(t.Context(), s.cfg.Journal)
		if err != nil {
			t.Fatal(err)
		}
		if gone++; found[s.cfg.Journal].Err == nil {
			gone = 0
		}
	}
	stop = s.run()
	defer func() { _ = stop() }()
	<-s.over
	err := stop()
	if err == nil || !strings.Contains(err.Error(), "made again") || !strings.Contains(err.Error(), "delete the directory") {
		t.Errorf("ends with %v", err)
	}
	if _, err := os.Stat(s.viewDir(0)); err != nil {
		t.Errorf("what somebody has to look at is gone: %v", err)
	}
}
