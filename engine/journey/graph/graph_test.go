package graph

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"wend/engine/journey"
)

var update = flag.Bool("update", false, "write the drawings into testdata")

func whole(t *testing.T) *Graph {
	t.Helper()
	ws, problems := journey.Load("testdata")
	if problems.Failed() {
		t.Fatal(problems)
	}
	return Of(ws.Journeys[0])
}

// TestDrawings compares the drawings of a journey that has everything with those that people have looked at.
func TestDrawings(t *testing.T) {
	g := whole(t)
	for name, got := range map[string]string{"whole.mmd": g.Mermaid(), "whole.dot": g.DOT(), "whole.svg": g.SVG()} {
		if *update {
			if err := os.WriteFile("testdata/"+name, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s is another; look at it and run with -update. It is:\n%s", name, got)
		}
	}
}

// TestReservedWords: Mermaid takes no class of the name `end`, and some others.
func TestReservedWords(t *testing.T) {
	for _, k := range kindNames {
		if slices.Contains([]string{"end", "graph", "subgraph", "default", "style", "class", "click"}, k) {
			t.Errorf("%q is a word of Mermaid", k)
		}
	}
}

// TestHostileText: what an author writes stays text in every format.
func TestHostileText(t *testing.T) {
	evil := "a\"b</text><script>alert(1)</script>\\\" ]]> & # \x01 \ufffe"
	j := &journey.Journey{Name: journey.Text{Value: evil}, Description: evil, Rollout: 1, Enter: &journey.Enter{}}
	j.Enter.On = []journey.Text{{Value: evil}}
	j.Steps = []*journey.Step{{Exit: &journey.Text{Value: evil}}}
	g := Of(j)
	svg := g.SVG()
	if strings.Contains(svg, "<script") {
		t.Error("a script in the picture")
	}
	wellFormed(t, svg)
	if mermaid := g.Mermaid(); strings.Contains(mermaid, `a"b`) || strings.Contains(mermaid, "<script") {
		t.Error(mermaid)
	}
	if dot := g.DOT(); strings.Contains(dot, `a"b`) {
		t.Error(dot)
	}
}

func wellFormed(t interface{ Fatal(...any) }, text string) {
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// TestLaws: whatever the journey, every box has its place and no box or line is drawn over another box, every way on is
// drawn, and what can be reached in the text can be reached in the chart.
func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		j := &journey.Journey{Name: journey.Text{Value: "j"}, Rollout: 1, Enter: &journey.Enter{}}
		j.Enter.On = texts(t, 1)
		j.Steps = randomSteps(t, 3)
		if rapid.Bool().Draw(t, "goal") {
			j.Goal = &journey.Trigger{On: texts(t, 1), Do: randomSteps(t, 1)}
		}
		for range rapid.IntRange(0, 2).Draw(t, "exits") {
			j.Exits = append(j.Exits, &journey.Trigger{On: texts(t, 1), Do: randomSteps(t, 1)})
		}
		g := Of(j)
		wellFormed(t, g.SVG())
		d := layout(g, 50)
		laws(t, d)

		reached := make([]bool, len(g.Nodes))
		for _, c := range g.chains {
			reached[c[0].node] = true
		}
		for range g.Nodes {
			for _, e := range g.Edges {
				reached[e.To] = reached[e.To] || reached[e.From]
			}
		}
		out := make([]int, len(g.Nodes))
		for _, e := range g.Edges {
			if !e.Back {
				out[e.From]++
			}
		}
		for i := range g.Nodes {
			if !reached[i] {
				t.Fatalf("nothing leads to %v", g.Nodes[i])
			}
			if out[i] == 0 && g.Nodes[i].Kind != End && !onlyBack(g, i) {
				t.Fatalf("nothing leads on from %v", g.Nodes[i])
			}
		}
	})
}

// onlyBack: an await of which every event restarts the deadline, and which has none.
func onlyBack(g *Graph, i int) bool {
	return slices.ContainsFunc(g.Edges, func(e Edge) bool { return e.From == i && e.Back })
}

func laws(t *rapid.T, d *drawing) {
	placed := make([]int, len(d.g.Nodes))
	for i := range d.boxes {
		a := &d.boxes[i]
		placed[a.node]++
		if a.x < 0 || a.y < 0 || a.x+a.w > d.right+1 || a.y+a.h > d.bottom+1 {
			t.Fatalf("box %+v outside of the picture, %v x %v", a, d.right, d.bottom)
		}
		for k := range d.boxes[:i] {
			b := &d.boxes[k]
			if a.x < b.x+b.w && b.x < a.x+a.w && a.y < b.y+b.h && b.y < a.y+a.h {
				t.Fatalf("boxes over one another: %+v %+v", a, b)
			}
		}
	}
	for i, n := range placed {
		if n != 1 {
			t.Fatalf("node %d was drawn %d times", i, n)
		}
	}
	for _, l := range d.lines {
		for i := range l.points[1:] {
			p, q := l.points[i], l.points[i+1]
			if p.x != q.x && p.y != q.y {
				t.Fatalf("a line that is not straight: %v", l)
			}
			for k := range d.boxes {
				b := &d.boxes[k]
				const in = 0.5
				if min(p.x, q.x) < b.x+b.w-in && max(p.x, q.x) > b.x+in && min(p.y, q.y) < b.y+b.h-in && max(p.y, q.y) > b.y+in {
					t.Fatalf("the line %v goes through the box %+v", l, b)
				}
			}
		}
	}
	for i := range d.labels {
		a := &d.labels[i]
		for k := range d.boxes {
			b := &d.boxes[k]
			if a.x-a.w/2 < b.x+b.w && b.x < a.x+a.w/2 && a.y < b.y+b.h && b.y < a.y+a.h {
				t.Fatalf("the label %+v over the box %+v", a, b)
			}
		}
	}
}

func texts(t *rapid.T, n int) []journey.Text {
	var out []journey.Text
	for range n {
		out = append(out, text(t))
	}
	return out
}

func text(t *rapid.T) journey.Text {
	return journey.Text{Value: rapid.StringMatching(`[a-z_ .&<]{1,60}`).Draw(t, "text")}
}

func condition(t *rapid.T) *journey.Text {
	if rapid.Bool().Draw(t, "if") {
		return nil
	}
	x := text(t)
	return &x
}

func randomSteps(t *rapid.T, depth int) []*journey.Step {
	var out []*journey.Step
	for range rapid.IntRange(0, 4).Draw(t, "steps") {
		s := &journey.Step{Place: "steps", If: condition(t)}
		kind := rapid.IntRange(0, 8).Draw(t, "kind")
		if depth == 0 {
			kind %= 4
		}
		lists := func() int { return rapid.IntRange(1, 3).Draw(t, "lists") }
		switch kind {
		case 0:
			s.Wait = &journey.Wait{For: 1000}
		case 1:
			s.Send = &journey.Send{Channel: text(t), Template: text(t)}
		case 2:
			s.Set = []journey.Assign{{Name: text(t)}}
		case 3:
			x := text(t)
			s.Exit = &x
		case 4:
			s.Await = &journey.Await{Within: 1000, Forever: rapid.Bool().Draw(t, "forever"), Timeout: randomSteps(t, depth-1)}
			for range lists() {
				s.Await.Events = append(s.Await.Events, &journey.Trigger{On: texts(t, 1), Reset: rapid.Bool().Draw(t, "reset"), Do: randomSteps(t, depth-1)})
			}
		case 5:
			for range lists() {
				s.Branch = append(s.Branch, &journey.Arm{If: condition(t), Do: randomSteps(t, depth-1)})
			}
		case 7:
			for range lists() {
				s.Choose = append(s.Choose, &journey.Choice{If: condition(t), Do: randomSteps(t, depth-1)})
			}
		case 8:
			s.Repeat = &journey.Repeat{Times: 2, Until: condition(t), Do: randomSteps(t, depth-1)}
		case 6:
			s.Split = &journey.Split{Name: text(t)}
			for range lists() {
				s.Split.Arms = append(s.Split.Arms, journey.SplitArm{Name: text(t), Weight: 1, Do: randomSteps(t, depth-1)})
			}
		}
		out = append(out, s)
	}
	return out
}

// TestConditionsAreDrawn: what stands in place of an event.
func TestConditionsAreDrawn(t *testing.T) {
	text := func(s string) *journey.Text { return &journey.Text{Value: s} }
	j := &journey.Journey{Name: *text("j"), Rollout: 1, Enter: &journey.Enter{}, Exits: []*journey.Trigger{{Becomes: text("segment.cold")}}}
	j.Enter.Becomes = text("segment.hot")
	j.Steps = []*journey.Step{{Await: &journey.Await{Forever: true, Until: text("score.lead > 3"), Do: []*journey.Step{{Exit: text("bought")}}}}}
	drawn := Of(j).Mermaid()
	for _, want := range []string{"it becomes true that segment.hot", "it becomes true that segment.cold", "once score.lead", "bought"} {
		if !strings.Contains(drawn, want) {
			t.Errorf("%q is not in\n%s", want, drawn)
		}
	}
}
