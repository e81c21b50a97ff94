package engine

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"wend/engine/journey"
	"wend/schemas"
	"wend/schemas/workspacetest"
)

// deployChain deploys one workspace after another in memory.
type deployChain struct {
	t   *testing.T
	log controlLog
}

func (c *deployChain) plan(files map[string]string, inside *Census) *Deployment {
	c.t.Helper()
	dir := workspacetest.Dir(c.t, files)
	ws, problems := journey.Load(dir)
	if problems.Failed() {
		c.t.Fatal(problems)
	}
	texts, err := workspaceFiles(dir)
	if err != nil {
		c.t.Fatal(err)
	}
	d := &Deployment{seen: *c.log.read(c.t)}
	if err := d.plan(ws, texts, inside); err != nil {
		c.t.Fatal(err)
	}
	return d
}

func (c *deployChain) commit(d *Deployment) {
	c.t.Helper()
	for key, text := range d.made.texts {
		c.log.append(key, text)
	}
	value, err := d.made.list.Append(nil)
	if err != nil {
		c.t.Fatal(err)
	}
	c.log.append(d.made.list.Key(), value)
	for _, key := range c.log.read(c.t).over() {
		c.log.append(key, nil)
	}
	c.log.compact(c.log.end, true)
}

// TestVersionsCountUp: over any sequence of edits, a journey's number goes up by one exactly when what it means is another
// than at the deploy before; every version in which somebody may be is kept, with the text that it had; and each release
// compiles from what is on the topic alone.
func TestVersionsCountUp(t *testing.T) {
	for seed := range uint64(30) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		c := &deployChain{t: t}
		number := map[string]uint64{}
		meant := map[string]int{}    // at the deploy before
		kept := map[string]int{}     // what each version meant, by name and number
		there := map[string]bool{}   // in the deploy before
		known := map[string]uint64{} // what the deploy before had as newest
		for n := range 12 {
			files := map[string]string{"profile.yaml": fmt.Sprintf("attributes: {a%d: int}\n", rnd.IntN(2))}
			meaning := map[string]int{}
			for i := range 3 {
				if rnd.IntN(6) == 0 && i > 0 {
					continue
				}
				name, hours := fmt.Sprint("j", i), 1+rnd.IntN(3)
				meaning[name] = hours
				files[fmt.Sprintf("journeys/%s.yaml", name)] = fmt.Sprintf("# %d\njourney: %s\nenter: {on: x}\nsteps:\n  - {wait: %dm}\n  - {send: push, template: t}\n", rnd.IntN(3), name, 60*hours)
			}
			empty := map[string]bool{} // versions that the census finds empty, though it may be too early to say so
			inside := &Census{Shards: 2, Releases: map[uint64]int32{uint64(n): 2}, Inside: map[Place]int64{}}
			if rnd.IntN(3) == 0 {
				inside.Releases = map[uint64]int32{uint64(n): 1, uint64(n) - 1: 1}
			}
			lowest := map[string]uint64{} // in which somebody is
			for key := range kept {
				if name, version := splitVersion(t, key); rnd.IntN(3) > 0 {
					inside.Inside[Place{name, version, "s"}]++
					if lowest[name] == 0 || version < lowest[name] {
						lowest[name] = version
					}
				}
			}
			for key := range kept { // whoever follows passes through all versions behind that
				name, version := splitVersion(t, key)
				empty[key] = inside.complete(uint64(n)) && (lowest[name] == 0 || version < lowest[name])
			}
			d := c.plan(files, inside)
			changed := map[string]bool{}
			for _, x := range d.Changes {
				changed[x.Journey] = true
			}
			for name, hours := range meaning {
				if meant[name] != hours {
					number[name]++
				}
				if want := meant[name] != hours || !there[name]; changed[name] != want {
					t.Fatalf("seed %d, deploy %d: %s changes: %v, want %v", seed, n, name, changed[name], want)
				}
				meant[name] = hours
				kept[fmt.Sprintf("%s@%d", name, number[name])] = hours
			}
			for name := range there {
				if _, still := meaning[name]; !still && !changed[name] {
					t.Fatalf("seed %d, deploy %d: nothing says that %s is gone", seed, n, name)
				}
			}
			for _, j := range d.made.list.Journeys {
				if _, here := meaning[j.Name]; j.Version != number[j.Name] || j.Gone == here {
					t.Fatalf("seed %d, deploy %d: %+v, want version %d", seed, n, j, number[j.Name])
				}
			}
			var older []string
			for _, o := range d.made.list.Older {
				older = append(older, fmt.Sprintf("%s@%d", o.Journey, o.Version))
				j, err := d.made.older(&o)
				if err != nil || j.Steps[0].Wait.For != int64(kept[older[len(older)-1]])*3_600_000 {
					t.Fatalf("seed %d, deploy %d: version %d of %s: %v", seed, n, o.Version, o.Journey, err)
				}
			}
			var want []string
			for key := range kept {
				name, version := splitVersion(t, key)
				newest := there[name] && known[name] == version // until now
				if _, here := meaning[name]; here && version == number[name] || empty[key] && !newest {
					if !here || version != number[name] {
						delete(kept, key)
					}
					continue
				}
				want = append(want, key)
			}
			slices.Sort(want)
			slices.Sort(older)
			if !slices.Equal(older, want) {
				t.Fatalf("seed %d, deploy %d: kept are %v, want %v", seed, n, older, want)
			}
			c.commit(d)
			there, known = map[string]bool{}, maps.Clone(number)
			for name := range meaning {
				there[name] = true
			}
			holds := c.log.read(t).holding()
			if holds.list.Number != uint64(n)+1 {
				t.Fatalf("seed %d: release %d holds after %d deploys", seed, holds.list.Number, n+1)
			}
			p, err := holds.compile(nil)
			if err != nil {
				t.Fatalf("seed %d, deploy %d: %v", seed, n, err)
			}
			if len(p.Journeys()) < len(meaning) {
				t.Fatalf("seed %d, deploy %d: it runs %v", seed, n, p.Journeys())
			}
		}
	}
}

func splitVersion(t *testing.T, key string) (name string, version uint64) {
	t.Helper()
	if _, err := fmt.Sscanf(key, "%2s@%d", &name, &version); err != nil {
		t.Fatal(err)
	}
	return name, version
}

// A workspace that is as it was deployed is no new release.
func TestSameWorkspace(t *testing.T) {
	c := &deployChain{t: t}
	files := map[string]string{"journeys/a.yaml": "journey: a\nenter: {on: x}\nsteps: [{send: push, template: t}]\n", "policies.yaml": "timezone: UTC\n"}
	d := c.plan(files, nil)
	if d.Same() || d.Number != 1 || len(d.Files) != 2 {
		t.Fatalf("%+v", d)
	}
	c.commit(d)
	if d := c.plan(files, nil); !d.Same() || len(d.Changes) > 0 {
		t.Errorf("%+v", d)
	}
	files["journeys/a.yaml"] += "# said otherwise\n"
	if d := c.plan(files, nil); d.Same() || len(d.Changes) > 0 || !slices.Equal(d.Files, []string{"journeys/a.yaml"}) {
		t.Errorf("%+v", d)
	}
	files["journeys/.a.yaml.swp.yaml"], files["tests/t.yaml"], files["wend.yaml"] = "no", "", "no"
	delete(files, "policies.yaml")
	if d := c.plan(files, nil); !slices.Equal(d.Files, []string{"journeys/a.yaml", "policies.yaml"}) {
		t.Errorf("%v", d.Files)
	}
}

// A journey's version stays with its number when its file was gone for a while, and nobody is told that it is older then.
func TestJourneyComesBack(t *testing.T) {
	c := &deployChain{t: t}
	a := "journey: a\nenter: {on: x}\nsteps: [{wait: 1h}]\n"
	b := "journey: b\nenter: {on: x}\nsteps: [{wait: 1h}]\n"
	c.commit(c.plan(map[string]string{"journeys/a.yaml": a, "journeys/b.yaml": b}, nil))
	d := c.plan(map[string]string{"journeys/a.yaml": a}, nil)
	if len(d.Changes) != 1 || d.Changes[0] != (VersionChange{Journey: "b", From: 1}) || len(d.Older) != 1 {
		t.Fatalf("%+v", d.Changes)
	}
	c.commit(d)
	d = c.plan(map[string]string{"journeys/a.yaml": a, "journeys/b.yaml": b}, nil)
	if len(d.Changes) != 1 || d.Changes[0].From != 0 || d.Changes[0].To != 1 || len(d.Older) != 0 {
		t.Fatalf("%+v, older %v", d.Changes, d.Older)
	}
	if got := findJourney(d.made.list, "b"); *got != (schemas.ReleaseJourney{Name: "b", Version: 1, Hash: got.Hash, Path: "journeys/b.yaml"}) {
		t.Errorf("%+v", got)
	}
}
