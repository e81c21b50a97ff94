package journey

import (
	"path/filepath"
	"strings"
	"testing"

	"wend/schemas/workspacetest"
)

// conditionsOf are the conditions of a journey, wherever they stand.
func conditionsOf(j *Journey) []*Text {
	var out []*Text
	add := func(t *Text) {
		if t != nil {
			out = append(out, t)
		}
	}
	add(j.Enter.If)
	add(j.Enter.Becomes)
	if j.Goal != nil {
		add(j.Goal.If)
	}
	for _, x := range j.Exits {
		add(x.If)
		add(x.Becomes)
	}
	walkSteps(j.Steps, func(s *Step) {
		add(s.If)
		for _, a := range s.Branch {
			add(a.If)
		}
		for _, c := range s.Choose {
			add(c.If)
		}
		if s.Await != nil {
			add(s.Await.Until)
			for _, e := range s.Await.Events {
				add(e.If)
			}
		}
		if s.Repeat != nil {
			add(s.Repeat.Until)
		}
	})
	return out
}

// findings of a workspace as it stands in memory.
func findings(t *testing.T, ws *Workspace) []Finding {
	t.Helper()
	p, problems, found := Check(ws)
	if p == nil {
		t.Fatal(problems)
	}
	return found.Findings
}

func foundAt(found []Finding, t *Text, kind FindingKind) bool {
	for _, f := range found {
		if f.Pos == t.Pos && f.Kind == kind {
			return true
		}
	}
	return false
}

// TestCheckMutants: each condition of the samples, made to contradict itself, is found at its place; and one that stands
// behind it and says the opposite of what has just held is found to be always false.
func TestCheckMutants(t *testing.T) {
	dirs, err := filepath.Glob("../../examples/*/journeys")
	if err != nil || len(dirs) < 5 {
		t.Fatal(dirs, err)
	}
	contradicted, opposed := 0, 0
	for _, dir := range append(dirs, "testdata/sample/journeys") {
		ws, problems := Load(filepath.Dir(dir))
		if problems.Failed() {
			t.Fatal(problems)
		}
		ws.Tests, ws.Events = nil, nil
		for _, j := range ws.Journeys {
			for _, c := range conditionsOf(j) {
				said := c.Value
				c.Value = "(" + said + ") && !(" + said + ")"
				if !foundAt(findings(t, ws), c, AlwaysFalse) {
					t.Errorf("%s: %s is not found", c.Pos, c.Value)
				}
				c.Value = said
				contradicted++
			}
			if j.Enter.If != nil { // of an event, which is still the one in hand at the first step
				opposite := &Text{Pos: j.Enter.If.Pos, Value: "!(" + j.Enter.If.Value + ")"}
				opposite.Col += 1000
				steps := j.Steps
				j.Steps = append([]*Step{{Pos: opposite.Pos, Place: "steps[opposite]", If: opposite, Tag: []Text{{Value: "x"}}}}, steps...)
				if !foundAt(findings(t, ws), opposite, AlwaysFalse) {
					t.Errorf("%s: %s behind it is not found", opposite.Pos, opposite.Value)
				}
				j.Steps = steps
				opposed++
			}
			walkSteps(j.Steps, func(s *Step) {
				for i, a := range s.Branch {
					if a.If == nil {
						continue
					}
					opposite := &Text{Pos: a.Pos, Value: "!(" + a.If.Value + ")"}
					opposite.Col += 1000
					do := a.Do
					s.Branch[i].Do = append([]*Step{{Pos: opposite.Pos, Place: "steps[opposite]", If: opposite, Tag: []Text{{Value: "x"}}}}, do...)
					if !foundAt(findings(t, ws), opposite, AlwaysFalse) {
						t.Errorf("%s: %s behind it is not found", opposite.Pos, opposite.Value)
					}
					a.Do = do
					opposed++
				}
			})
		}
	}
	if contradicted < 15 || opposed < 8 {
		t.Errorf("%d conditions contradicted, %d opposed: too few to mean anything", contradicted, opposed)
	}
}

// FuzzCheck: whatever compiles is checked, to an end, and every finding is a warning at a place of its files.
func FuzzCheck(f *testing.F) {
	files := sample(f)
	f.Add(files["journeys/cart-recovery.yaml"], files["profile.yaml"], "", `{"properties": {"price": {"minimum": 20}}}`)
	f.Add(files["journeys/browsing.yml"], "attributes: {tier: string, visits: int, nickname: string}", "channels: {push: {caps: [{max: 1, per: 24h}]}}", "{}")
	f.Add("journey: a\nenter: {on: x, if: 'event.x > 1 && event.x < 1'}\nsteps: [{repeat: {times: 1000, do: [{wait: 1m}, {send: push, template: t}]}}]\n", "", "channels: {push: {caps: [{max: 3, per: day}]}}", `{"$ref": "#"}`)
	f.Fuzz(func(t *testing.T, journeys, profile, policies, schema string) {
		files := map[string]string{"journeys/a.yaml": journeys, "profile.yaml": profile, "policies.yaml": policies, "events/add_to_cart.json": schema}
		dir := workspace(t, files)
		ws, problems := Load(dir)
		if problems.Failed() {
			return
		}
		p, problems, found := Check(ws)
		if (p == nil) != problems.Failed() {
			t.Errorf("program %v, problems %v", p != nil, problems)
		}
		if p == nil {
			return
		}
		if _, plain := Compile(ws); plain.Failed() {
			t.Errorf("Compile finds errors where Check does not: %v", plain)
		}
		sound(t, files, dir, ws, problems)
		for _, x := range found.Findings {
			if x.Severity != 1 || x.File == "" || !strings.HasPrefix(x.File, dir) {
				t.Errorf("finding %+v", x)
			}
		}
	})
}

// TestCheckCorrupted spoils every line of the workspaces of testdata/check: what still compiles is checked to an end.
func TestCheckCorrupted(t *testing.T) {
	for name, text := range sample(t) {
		if !strings.HasPrefix(name, "journeys/") {
			continue
		}
		lines := strings.Split(text, "\n")
		dir := t.TempDir()
		checked := 0
		for way, spoil := range map[string]func(string) string{
			"cut":     func(s string) string { return s[:len(s)/2] },
			"without": func(string) string { return "" },
			"turned":  func(s string) string { return strings.NewReplacer("==", "!=", ">", "<", "&&", "||").Replace(s) },
			"negated": func(s string) string { return strings.ReplaceAll(s, "if: event", "if: 1 > event") },
		} {
			for i := range lines {
				if testing.Short() && i%2 > 0 {
					continue
				}
				spoiled := append([]string{}, lines...)
				spoiled[i] = spoil(lines[i])
				files := map[string]string{name: strings.Join(spoiled, "\n"), "profile.yaml": sample(t)["profile.yaml"], "events/add_to_cart.json": lines[i]}
				for name, text := range files {
					workspacetest.Write(t, filepath.Join(dir, name), text)
				}
				ws, problems := Load(dir)
				if problems.Failed() {
					continue
				}
				if p, problems, _ := Check(ws); p != nil {
					checked++
					sound(t, files, dir, ws, problems)
				}
				if t.Failed() {
					t.Fatalf("%s, line %d %s: %q", name, i+1, way, spoiled[i])
				}
			}
		}
		if checked < 10 {
			t.Errorf("%s: only %d spoiled ones still compile", name, checked)
		}
	}
}
