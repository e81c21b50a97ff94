package check

import (
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"wend/engine/journey"
	"wend/engine/property"
	"wend/schemas"
	"wend/schemas/workspacetest"
)

func workspace(t *testing.T, files map[string]string) *journey.Workspace {
	t.Helper()
	ws, problems := journey.Load(workspacetest.Dir(t, files))
	if problems.Failed() {
		t.Fatal(problems)
	}
	return ws
}

// replay gives a witness's log to the simulation that `wend simulate` is.
func replay(t *testing.T, ws *journey.Workspace, w *Witness) []journey.Traced {
	t.Helper()
	p, problems := journey.Compile(ws)
	if p == nil {
		t.Fatal(problems)
	}
	sim, err := journey.SimulateLog(p, strings.NewReader(strings.Join(w.Events, "\n")+"\n"), journey.SimulateOptions{Until: schemas.NoTime, Trace: true, Explain: true}, func(*schemas.Action) {},
		func(line int, reason string) { t.Errorf("line %d is no event: %s", line, reason) })
	if err != nil {
		t.Fatal(err)
	}
	return sim.Trace()
}

const capped = `channels:
  sms: {consent: profile.consent.sms, caps: [{max: 2, per: 24h}]}
  push: {caps: [{max: 1, per: 24h}]}
  email: {caps: [{max: 2, per: 7d}]}
all: {caps: [{max: 4, per: day}]}
`

// TestContests: of the caps that two journeys together go beyond, each with a log in which simulate shows it.
func TestContests(t *testing.T) {
	ws := workspace(t, map[string]string{
		"journeys/j.yaml": `
journey: a
enter: {on: x, if: event.price >= 20, again: never}
steps: [{send: sms, template: t}, {wait: 1h}, {send: sms, template: u}, {send: push, template: v}]
---
journey: b
enter: {on: y, again: never}
steps:
  - {send: sms, template: t}
  - await: {within: 2d, events: [{on: sms_opened, of: t, do: [{send: email, template: w}]}]}
---
journey: c
enter: {on: z, again: never}
steps: [{wait: 3d}, {send: push, template: t, transactional: true}, {send: email, template: e}]
`,
		"profile.yaml":  "update: [{on: identify, set: event.traits}]\n",
		"policies.yaml": capped,
	})
	p, problems, found := journey.Check(ws)
	if p == nil || len(problems) > 0 {
		t.Fatal(problems)
	}
	r := Run(ws, found, Options{})
	if len(r.Problems) != 1 || len(r.Witnesses) != 1 || r.Problems[0] != r.Witnesses[0].Problem {
		t.Fatalf("%+v", r)
	}
	const want = "policies.yaml:2:46: warning: one enrollment of a (2) and one of b (1) together can make 3 sends within 24h that cap:sms/24h counts, which lets 2 leave: more are stopped"
	if got := r.Problems[0].String(); !strings.HasSuffix(got, want) {
		t.Errorf("%s", got)
	}
	stops, sent := 0, 0
	for _, d := range replay(t, ws, &r.Witnesses[0]) {
		switch {
		case d.Kind == journey.DecidedStopped && d.Reason == "cap:sms/24h":
			stops++
		case d.Kind == journey.DecidedSent && d.Action.Channel == "sms":
			sent++
		}
	}
	if stops == 0 || sent != 2 {
		t.Errorf("%d stopped, %d sent by\n%s", stops, sent, strings.Join(r.Witnesses[0].Events, "\n"))
	}
	if again := Run(ws, found, Options{}); strings.Join(again.Witnesses[0].Events, "") != strings.Join(r.Witnesses[0].Events, "") {
		t.Error("another search finds another witness")
	}
}

// TestNoContest: caps that hold of any two, and those beyond which nobody can be sent.
func TestNoContest(t *testing.T) {
	const two = "journey: a\nenter: {on: x}\nsteps: [{send: sms, template: t}]\n---\njourney: b\nenter: {on: y}\nsteps: [{send: sms, template: t}]\n"
	for policies, want := range map[string]int{
		"channels: {sms: {caps: [{max: 2, per: 24h}]}}":                                                      0,
		"channels: {sms: {caps: [{max: 1, per: 24h}]}}":                                                      1,
		"channels: {sms: {caps: [{max: 1, per: 24h}], consent: profile.consent.sms}}":                        0, // no event brings it
		"channels: {push: {caps: [{max: 1, per: 24h}]}}":                                                     0,
		"channels: {sms: {}}\nall: {caps: [{max: 1, per: day}, {max: 2, per: 7d}]}":                          1,
		"channels: {sms: {caps: [{max: 0, per: 24h}]}}":                                                      0, // not even one alone
		"channels: {sms: {caps: [{max: 1, per: 24h}], quiet: {from: \"00:01\", to: \"00:00\", then: drop}}}": 0,
	} {
		ws := workspace(t, map[string]string{"journeys/j.yaml": two, "policies.yaml": policies})
		p, problems, found := journey.Check(ws)
		if p == nil {
			t.Fatal(problems)
		}
		if r := Run(ws, found, Options{}); len(r.Problems) != want {
			t.Errorf("%s: %v", policies, r.Problems)
		}
	}
}

// golden are the workspaces of journey/testdata/check whose findings hold of all events, not of those of schemas alone.
func golden(t *testing.T, name string) *journey.Workspace {
	t.Helper()
	archive, err := txtar.ParseFile("../journey/testdata/check/" + name + ".txtar")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range archive.Files[:len(archive.Files)-1] {
		files[f.Name] = string(f.Data)
	}
	return workspace(t, files)
}

// TestWitnesses: a condition that is always the same is judged in the log that shows it, by two customers where there are
// two, and comes out as was said.
func TestWitnesses(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of timelines for each finding")
	}
	shown := 0
	for _, name := range []string{"conditions", "awaits"} {
		ws := golden(t, name)
		_, _, found := journey.Check(ws)
		r := Run(ws, found, Options{Witnesses: true})
		for i := range r.Witnesses {
			w := &r.Witnesses[i]
			for _, f := range found.Findings {
				if f.Problem != w.Problem {
					continue
				}
				judged := 0
				for _, d := range replay(t, ws, w) {
					if d.Kind == journey.DecidedJudged && d.Journey == f.Journey && d.Step == f.Step && d.Judged != nil && d.Judged.Source == f.Source {
						judged++
						if d.Judged.Holds != (f.Kind == journey.AlwaysTrue) {
							t.Errorf("%s\nand yet %s in\n%s", f.Problem, d.Judged, strings.Join(w.Events, "\n"))
						}
					}
				}
				if judged == 0 {
					t.Errorf("%s: it is not judged in\n%s", f.Problem, strings.Join(w.Events, "\n"))
				}
				shown++
			}
		}
	}
	if shown < 12 {
		t.Errorf("only %d witnesses", shown)
	}
}

// TestEndless: each chain that has no end is cut in the log that shows it.
func TestEndless(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of timelines, each cut after thousands of steps")
	}
	ws := golden(t, "loops")
	_, _, found := journey.Check(ws)
	r := Run(ws, found, Options{Witnesses: true})
	if len(r.Witnesses) != 2 || len(found.Findings) != 2 {
		t.Errorf("%d findings, %d witnesses", len(found.Findings), len(r.Witnesses))
	}
	for i := range r.Witnesses {
		cut := false
		for _, d := range replay(t, ws, &r.Witnesses[i]) {
			cut = cut || d.Kind == journey.DecidedCut
		}
		if !cut {
			t.Errorf("nothing is cut in\n%s", strings.Join(r.Witnesses[i].Events, "\n"))
		}
	}
}

// TestFindingsHold: in no life that the search draws does a condition come out otherwise than was proved, or is a step reached
// that nothing leads to.
func TestFindingsHold(t *testing.T) {
	for _, name := range []string{"conditions", "awaits"} {
		ws := golden(t, name)
		p, _, found := journey.Check(ws)
		judged := map[string]int{}
		property.Search(ws, property.Options{Seed: 3, Runs: 600}, func(line *property.Timeline) bool {
			for _, d := range line.Live(p, true).Trace {
				for _, f := range found.Findings {
					if d.Journey != f.Journey || d.Step != f.Step {
						continue
					}
					wrong := f.Kind == journey.Unreachable && d.Kind == journey.DecidedReached
					if d.Kind == journey.DecidedJudged && d.Judged != nil && d.Judged.Source == f.Source {
						judged[f.String()]++
						wrong = d.Judged.Holds != (f.Kind == journey.AlwaysTrue)
					}
					if wrong {
						t.Fatalf("%s\nand yet %s in\n%s", f.Problem, d.Text(), line)
					}
				}
			}
			return false
		})
		if len(judged) < 2 {
			t.Errorf("%s: only %d findings were put to the test", name, len(judged))
		}
	}
}
