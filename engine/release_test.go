package engine

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"wend/schemas"
)

// controlLog is a topic that is compacted as Kafka does it: a record may be gone once a newer one has its key, and a
// tombstone once what it is for is gone; never a part of the newest segment.
type controlLog struct {
	records []command
	end     int64
}

func (l *controlLog) append(key string, value []byte) int64 {
	l.records = append(l.records, command{offset: l.end, key: key, value: value})
	l.end++
	return l.end - 1
}

// compact cleans what lies below an offset.
func (l *controlLog) compact(below int64, tombstones bool) {
	newest := map[string]int64{}
	for _, c := range l.records {
		if c.offset < below {
			newest[c.key] = c.offset
		}
	}
	l.records = slices.DeleteFunc(l.records, func(c command) bool {
		return c.offset < below && (c.offset < newest[c.key] || c.value == nil && tombstones)
	})
}

func (l *controlLog) read(t *testing.T) *releases {
	t.Helper()
	r := &releases{}
	for i := range l.records {
		if _, err := r.take(&l.records[i]); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// deployer is a deploy under way: it has read, and writes record by record.
type deployer struct {
	list    *schemas.Release
	writes  []command
	offset  int64 // of list, once written
	undoing bool
}

// TestNoDeployIsLost: whatever way deploys that know nothing of each other write into one another, die and clean up, and
// wherever a reader begins after compaction, all agree on the release that holds; its texts are there; and each that held
// was made of the one that held before it, so that no change is lost.
func TestNoDeployIsLost(t *testing.T) {
	overtaken := 0
	for seed := range uint64(150) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		l := &controlLog{}
		base := map[string]string{} // tag of a release: that of the one it was made of
		var held []string           // tags, as they came to hold
		var working []*deployer
		holding := func() string {
			if x := l.read(t).holding(); x != nil {
				return x.list.Tag()
			}
			return ""
		}
		for step := range 120 {
			switch k := rnd.IntN(10); {
			case k == 0 && len(working) < 3: // one begins
				seen := l.read(t)
				d := &deployer{list: &schemas.Release{Number: 1, ID: fmt.Sprint("id", step)}}
				if x := seen.holding(); x != nil {
					d.list.Number = x.list.Number + 1
				}
				base[d.list.Tag()] = ""
				if x := seen.holding(); x != nil {
					base[d.list.Tag()] = x.list.Tag()
				}
				for i := range 1 + rnd.IntN(3) {
					path := fmt.Sprintf("journeys/%d.yaml", i)
					text := []byte(fmt.Sprint(seed, step, i))
					d.list.Files = append(d.list.Files, schemas.ReleaseFile{Path: path, Sum: schemas.Sum(text)})
					d.writes = append(d.writes, command{key: d.list.FileKey(path), value: text})
				}
				value, err := d.list.Append(nil)
				if err != nil {
					t.Fatal(err)
				}
				d.writes = append(d.writes, command{key: d.list.Key(), value: value})
				working = append(working, d)
			case k == 1 && len(working) > 0: // one dies
				i := rnd.IntN(len(working))
				working = slices.Delete(working, i, i+1)
			case k == 2:
				l.compact(int64(rnd.IntN(int(l.end)+1)), rnd.IntN(2) == 0)
			case len(working) > 0: // one goes on
				i := rnd.IntN(len(working))
				d := working[i]
				if len(d.writes) == 0 {
					working = slices.Delete(working, i, i+1)
					break
				}
				w := d.writes[0]
				d.writes = d.writes[1:]
				at := l.append(w.key, w.value)
				if len(d.writes) > 0 || d.undoing {
					break
				}
				d.offset, d.undoing = at, true
				seen := l.read(t)
				if seen.holding().list.Tag() != d.list.Tag() { // it came second: it takes its own away
					overtaken++
					for _, key := range slices.Concat([]string{d.list.Key()}, slices.Sorted(maps.Keys(seen.tags[d.list.Tag()].texts))) {
						d.writes = append(d.writes, command{key: key})
					}
					break
				}
				for _, key := range seen.over() {
					d.writes = append(d.writes, command{key: key})
				}
			}
			x := l.read(t).holding()
			if x == nil {
				continue
			}
			tag := x.list.Tag()
			if len(held) == 0 || held[len(held)-1] != tag {
				if slices.Contains(held, tag) {
					t.Fatalf("seed %d: %s holds again, after %v", seed, tag, held)
				}
				before := ""
				if len(held) > 0 {
					before = held[len(held)-1]
				}
				if base[tag] != before {
					t.Fatalf("seed %d: %s was made of %q, and %q held", seed, tag, base[tag], before)
				}
				held = append(held, tag)
			}
			if _, err := x.files(); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			for range 2 { // whatever compaction takes, it holds
				l.compact(int64(rnd.IntN(int(l.end)+1)), false)
				if got := holding(); got != tag {
					t.Fatalf("seed %d: %s holds, and after compaction %q", seed, tag, got)
				}
			}
		}
	}
	if overtaken < 30 {
		t.Errorf("only %d deploys were overtaken", overtaken)
	}
}

func TestStatusOfJourneys(t *testing.T) {
	l := &controlLog{}
	put := func(name string, s *schemas.Status) {
		var value []byte
		if s != nil {
			var err error
			if value, err = s.Append(nil); err != nil {
				t.Fatal(err)
			}
		}
		l.append(schemas.ControlKey(schemas.ControlStatus, name), value)
	}
	put("a", &schemas.Status{Paused: true})
	put("b", &schemas.Status{Paused: true})
	put("a", nil)
	put("c", &schemas.Status{Paused: true})
	put("c", &schemas.Status{Resumed: 7})
	if got, want := l.read(t).status, (map[string]schemas.Status{"b": {Paused: true}, "c": {Resumed: 7}}); !maps.Equal(got, want) {
		t.Errorf("status is %v", got)
	}
}

// What somebody else wrote over a file, or took away, is said and not run.
func TestReleaseMissesText(t *testing.T) {
	list := &schemas.Release{Number: 1, ID: "x", Files: []schemas.ReleaseFile{{Path: "a", Sum: schemas.Sum([]byte("1"))}}}
	for _, texts := range []map[string][]byte{{}, {list.FileKey("a"): []byte("2")}} {
		if _, err := (&releaseRecords{list: list, texts: texts}).files(); err == nil {
			t.Errorf("%v passes", texts)
		}
	}
}
