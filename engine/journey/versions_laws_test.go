package journey

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"wend/schemas"
)

// Laws of changing over, over random workspaces and logs.

func lawWorkspace(t *rapid.T, journeys string) *Workspace {
	ws, problems := LoadFiles(map[string][]byte{
		"journeys/all.yaml": []byte(journeys), "profile.yaml": []byte(lawProfile), "policies.yaml": []byte(lawPolicies),
	})
	if problems.Failed() {
		t.Fatalf("%s\n%v", journeys, problems)
	}
	return ws
}

func lawRelease(t *rapid.T, r *Release) *Program {
	p, problems := CompileRelease(r)
	if p == nil {
		t.Fatalf("%v", problems)
	}
	return p
}

// numbered are the versions of a workspace's journeys when all have one.
func numbered(ws *Workspace, version uint64) map[string]uint64 {
	all := map[string]uint64{}
	for _, j := range ws.Journeys {
		all[j.Name.Value] = version
	}
	return all
}

func olderOf(ws *Workspace, version uint64) []OlderVersion {
	var all []OlderVersion
	for _, j := range ws.Journeys {
		all = append(all, OlderVersion{j, version})
	}
	return all
}

// with gives the journeys' text with a line ahead of the keys of each.
func with(journeys, line string) string {
	return strings.ReplaceAll(journeys, "---\njourney:", "---\n"+line+"\njourney:")
}

func copyOf(t *rapid.T, doc *schemas.Document) *schemas.Document {
	again, err := schemas.DecodeDocument(doc.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	return again
}

const nothingElse = "journey: nothing-else\nenter: {on: never-comes}\nsteps: [{wait: 1m}]\n"

// TestPinnedLaw: who is pinned gets what they would have got without the deploy, action for action, also where the journey is
// gone or its next version is quite another; only entries are not theirs.
func TestPinnedLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := someWorkspace(t)
		ws := lawWorkspace(t, text)
		events := someEvents(t)
		cut := rapid.IntRange(0, len(events)).Draw(t, "deploy")
		r := newLawRun(t, lawRelease(t, &Release{Current: ws, Versions: numbered(ws, 1)}))
		for _, ev := range events[:cut] {
			r.step(Input{Event: ev})
		}
		r.actions, r.trace = nil, nil
		r.out.Tracing = true
		// As it would have been, but that nobody enters any more.
		closed := newLawRun(t, lawRelease(t, &Release{Current: lawWorkspace(t, with(text, "rollout: 0%")), Versions: numbered(ws, 1)}))
		gone := newLawRun(t, lawRelease(t, &Release{Current: lawWorkspace(t, nothingElse), Versions: map[string]uint64{"nothing-else": 1}, Older: olderOf(ws, 1)}))
		next := lawWorkspace(t, with(someWorkspace(t), "rollout: 0%"))
		release := &Release{Current: next, Versions: numbered(next, 2), Older: olderOf(ws, 1)}
		for _, j := range next.Journeys {
			j.Priority = 0
			for _, was := range ws.Journeys {
				if was.Name.Value == j.Name.Value {
					j.Priority = was.Priority
				}
			}
		}
		other := newLawRun(t, lawRelease(t, release))
		for _, x := range []*lawRun{closed, gone, other} {
			x.doc, x.counters = copyOf(t, r.doc), r.counters
			x.out.Tracing = true
			if x.p.behind(x.doc) {
				t.Fatal("somebody who is pinned has to go on")
			}
			x.step(Input{Until: schemas.NoTime})
			for _, ev := range events[cut:] {
				x.step(Input{Event: ev})
			}
			x.finish()
		}
		want := bytes.Join(closed.actions, []byte("\n"))
		for name, x := range map[string]*lawRun{"gone": gone, "next": other} {
			if got := bytes.Join(x.actions, []byte("\n")); !bytes.Equal(got, want) {
				t.Fatalf("%s: other actions:\n%s\n%s\n--\n%s\n%s", name, got, strings.Join(x.trace, "\n"), want, strings.Join(closed.trace, "\n"))
			}
		}
	})
}

// TestLazyLaw: to go over a customer at the deploy, or whenever something next happens, is the same.
func TestLazyLaw(t *testing.T) {
	moved := 0
	rapid.Check(t, func(t *rapid.T) {
		ws := lawWorkspace(t, someWorkspace(t))
		update := rapid.SampledFrom([]string{"on_update: exit", "x-on_update: unknown"}).Draw(t, "on_update")
		next := lawWorkspace(t, with(someWorkspace(t), update))
		release := &Release{Current: next, Versions: numbered(next, 2), Older: olderOf(ws, 1)}
		if update == "x-on_update: unknown" {
			release.Older = nil // as after the first deploy of all: steps of the same id go on
		}
		to := lawRelease(t, release)
		lazy := newLawRun(t, lawRelease(t, &Release{Current: ws, Versions: numbered(ws, 1)}))
		events := someEvents(t)
		cut := rapid.IntRange(0, len(events)).Draw(t, "deploy")
		for _, ev := range events[:cut] {
			lazy.step(Input{Event: ev})
		}
		lazy.actions = nil
		lazy.p = to
		once := newLawRun(t, to)
		once.doc, once.counters = copyOf(t, lazy.doc), lazy.counters
		if to.behind(once.doc) {
			moved++
		}
		once.step(Input{Until: schemas.NoTime})
		if to.Stale(once.doc) {
			t.Fatal("it is stale after a Step")
		}
		was := once.doc.Append(nil)
		once.step(Input{Until: schemas.NoTime})
		if !bytes.Equal(was, once.doc.Append(nil)) {
			t.Fatal("a second look changes the document")
		}
		for _, ev := range events[cut:] {
			lazy.step(Input{Event: ev})
			once.step(Input{Event: ev})
		}
		if cut == len(events) {
			lazy.step(Input{Until: lazy.doc.Time})
			once.step(Input{Until: once.doc.Time})
		}
		lazy.finish()
		once.finish()
		lazy.same(once, "lazily")
	})
	if moved < 3 && !testing.Short() {
		t.Errorf("only %d documents had to change over", moved)
	}
}

// TestSameReleaseLaw: a release that changes no journey changes no document, whatever it was written under.
func TestSameReleaseLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := someWorkspace(t)
		update := rapid.SampledFrom([]string{"on_update: exit", "on_update: pin"}).Draw(t, "on_update")
		ws := lawWorkspace(t, with(text, update))
		first := lawRelease(t, &Release{Current: ws, Versions: numbered(ws, 3)})
		again := lawWorkspace(t, "# the same\n"+with(text, update))
		for i, j := range ws.Journeys {
			if j.Hash() != again.Journeys[i].Hash() {
				t.Fatal("another hash of the same")
			}
		}
		second := lawRelease(t, &Release{Current: again, Versions: numbered(again, 3)})
		plain, changed := newLawRun(t, first), newLawRun(t, first)
		for i, ev := range someEvents(t) {
			if i%2 == 1 {
				changed.p = second
				was := changed.doc.Append(nil)
				if second.Stale(changed.doc) {
					t.Fatal("stale")
				}
				changed.step(Input{Until: schemas.NoTime})
				if !bytes.Equal(was, changed.doc.Append(nil)) {
					t.Fatal("the document changed")
				}
			} else {
				changed.p = first
			}
			plain.step(Input{Event: ev})
			changed.step(Input{Event: ev})
		}
		plain.finish()
		changed.finish()
		changed.same(plain, "under releases that are the same")
	})
}
