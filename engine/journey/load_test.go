package journey

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"wend/schemas/workspacetest"
	"wend/schemas/yamlfile"
)

var updateLoad = flag.Bool("update-load", false, "write what Load says into testdata/load")

// TestLoadProblems loads the workspaces of testdata/load. Their last file, want, holds a line for each problem.
func TestLoadProblems(t *testing.T) {
	paths, err := filepath.Glob("testdata/load/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatal("no cases", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			want := ""
			if last := len(archive.Files) - 1; archive.Files[last].Name == "want" {
				want = string(archive.Files[last].Data)
				archive.Files = archive.Files[:last]
			}
			files := make(map[string]string)
			for _, f := range archive.Files {
				files[f.Name] = string(f.Data)
			}
			dir := workspace(t, files)
			_, ps := Load(dir)
			got := lines(dir, ps)
			if *updateLoad {
				archive.Files = append(archive.Files, txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// workspace writes the files of a workspace and returns its directory.
func workspace(t testing.TB, files map[string]string) string {
	t.Helper()
	return workspacetest.Dir(t, files)
}

// lines are the problems as check prints them, with the directory taken away.
func lines(dir string, ps yamlfile.Problems) string {
	var b strings.Builder
	for _, p := range ps {
		b.WriteString(strings.ReplaceAll(p.String(), dir+"/", "") + "\n")
	}
	return b.String()
}

func TestLoadSample(t *testing.T) {
	ws, ps := Load("testdata/sample")
	if len(ps) > 0 {
		t.Fatal(lines("", ps))
	}
	if len(ws.Journeys) != 3 || ws.Journeys[0].Name.Value != "cart-recovery" || ws.Journeys[2].Name.Value != "welcome" {
		t.Fatalf("journeys %+v", ws.Journeys)
	}
	j := ws.Journeys[0]
	if j.Priority != 10 || j.Rollout != 1 || j.Holdout != 0 || j.Timezone.Value != "Asia/Shanghai" || j.OnUpdate != "pin" || j.Broken {
		t.Errorf("journey %+v", j)
	}
	e := j.Enter
	if e.On[0].Value != "add_to_cart" || e.If.Value != "event.price >= 20" || e.Key.Value != "event.cart_id" || e.Again != AgainAfterExit {
		t.Errorf("enter %+v", e)
	}
	if at := (yamlfile.Pos{File: "testdata/sample/journeys/cart-recovery.yaml", Line: 10, Col: 7}); e.If.Pos != at {
		t.Errorf("if stands at %s, want %s", e.If.Pos, at)
	}
	if j.Goal.Within != 7*24*3600*1000 || j.Goal.Times != 0 || len(j.Exits) != 1 {
		t.Errorf("goal %+v exits %+v", j.Goal, j.Exits)
	}
	a := j.Steps[2].Await
	if j.Steps[0].Wait.For != 30*60*1000 || a.Within != 24*3600*1000 || a.Events[0].Of.Value != "cart-reminder" {
		t.Errorf("steps %+v await %+v", j.Steps, a)
	}
	if got := a.Events[0].Do[0].Place; got != "steps[2].await.events[0].do[0]" {
		t.Errorf("place %s", got)
	}
	with := j.Steps[1].Send.With
	if with[0].Name.Value != "sku" || with[0].Value.Text.Value != "{{ enter.sku }}" || with[1].Value.Text.Col != 43 {
		t.Errorf("with %+v %+v", with[0].Value.Text, with[1].Value.Text)
	}

	third := ws.Journeys[1]
	if third.Enter.Times != 3 || third.Enter.Within != 600_000 || third.Enter.Again != AgainInterval || third.Enter.AgainAfter != 7*86_400_000 {
		t.Errorf("enter %+v", third.Enter)
	}
	if third.Exits[0].Reason.Value != "unsubscribed" || third.Exits[0].Do[0].Place != "exit[0].do[0]" || third.Goal.Do[0].Place != "goal.do[0]" {
		t.Errorf("exits %+v", third.Exits[0])
	}
	if a := third.Steps[2].Await; a.Within != 86_400_000 || !a.Events[0].Reset || !a.Events[1].Since || a.Timeout[0].Exit.Value != "cold" {
		t.Errorf("await %+v", a)
	}
	branch := third.Steps[3]
	if branch.If.Value != "!(profile.tier == 'gold')" || branch.If.At(2).Col != branch.If.Col+2 {
		t.Errorf("if %+v", branch.If)
	}
	set := branch.Branch[0].Do[0].Set
	if len(set) != 3 || set[2].Name.Value != "nickname" || set[2].Value != nil {
		t.Errorf("set %+v", set)
	}
	list := branch.Branch[0].Do[1].Emit.With[1].Value
	if list.Kind != ListValue || list.List[0].Scalar != int64(1) || list.List[1].Scalar != 2.5 || list.List[3].Map[0].Value.Text.Value != "x" {
		t.Errorf("emit with %+v", list)
	}
	if w := branch.Branch[1].Do[0].Wait; !w.SinceEnter || w.For != 72*3_600_000 {
		t.Errorf("wait %+v", w)
	}
	if !ws.Journeys[2].Steps[1].Await.Forever {
		t.Error("await within forever is not")
	}

	p := ws.Profile
	if len(p.Attributes) != 6 || p.Attributes[0].Name.Value != "email" || p.Updates[0].SetAll.Value != "event.traits" || len(p.Updates[1].Set) != 1 {
		t.Errorf("profile %+v", p)
	}
	test := ws.Tests[0]
	if test.Start != 1772330400000 || len(test.Events) != 2 || test.Events[0].Fields["price"] != int64(30) || test.Events[1].At != 45*60_000 {
		t.Errorf("test %+v", test)
	}
	if x := test.Expect[0]; x.Send != "push" || x.Template != "cart-reminder" || x.With["sku"] != "s1" || x.At != 30*60_000 || !test.Expect[1].Goal {
		t.Errorf("expect %+v", test.Expect)
	}
	if ws.Tests[1].Expect[0].Refused != "condition" {
		t.Errorf("expect %+v", ws.Tests[1].Expect)
	}
}

func TestLoadDirectories(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, dir, want string }{
		{"missing", filepath.Join(t.TempDir(), "gone"), "no such directory"},
		{"file", file, "this is a file"},
		{"without journeys", t.TempDir(), "no such directory: a workspace has its journeys in journeys/NAME.yaml"},
		{"with an empty folder", workspace(t, map[string]string{"journeys/a.txt": ""}), "no journeys here: write the first"},
		{"with empty files", workspace(t, map[string]string{"journeys/a.yaml": "# later\n---\n"}), "hold no journey"},
		{"with a folder for a file", workspace(t, map[string]string{"journeys/a.yaml": "journey: a\nenter: {on: x}\nsteps: [{wait: 1m}]\n", "profile.yaml/x": ""}), "not a regular file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ws, ps := Load(c.dir)
			if ws == nil || len(ps) != 1 || !strings.Contains(ps[0].Message, c.want) || ps[0].Line != 1 || ps[0].Col != 1 {
				t.Errorf("%v %v", ws, ps)
			}
		})
	}
}
