package journey

import (
	"fmt"
	"strings"

	"wend/engine/journey/domain"
	"wend/engine/journey/expr"
	"wend/schemas/yamlfile"
)

// Check is Compile, and says besides what a workspace does that its author hardly meant: conditions that come out the same
// whatever happens, on the ways that lead to them, steps that nothing leads to for that reason, events that never get where
// they are awaited. Each Finding is among the problems too, always as a warning: a program is what Compile makes of it.
// Only what is proved is said. What is looked at is bounded, so a workspace beyond the bound gets fewer findings, not a
// longer check.
func Check(ws *Workspace) (*Program, yamlfile.Problems, *Checked) {
	c := newCompiler(&Release{Current: ws})
	if !c.run() {
		return nil, c.problems, nil
	}
	f := &finder{c: c, judge: c.judge(), numbers: map[*Text]int{}, never: map[*Step]bool{}}
	f.profile()
	for _, p := range c.plans {
		if !p.src.Broken {
			w := &walk{finder: f, p: p, reached: map[*Step]bool{}, left: map[string]bool{}}
			w.journey()
		}
	}
	f.circles()
	c.problems = append(c.problems, ws.unschemed...)
	for _, x := range f.found {
		c.problems = append(c.problems, x.Problem)
	}
	c.problems.Sort()
	return c.p, compact(c.problems), &Checked{f.found, f.most(), f.contests()}
}

// Checked is what Check knows of a workspace besides its problems. It is nil where there is no program.
type Checked struct {
	Findings []Finding
	Most     []Most
	Contests []Contest
}

// Finding is a warning of Check about one condition or place.
type Finding struct {
	yamlfile.Problem
	Kind    FindingKind
	Journey string // "": in profile.yaml or policies.yaml
	Step    string // as Decision.Step names the place where the condition is judged
	Source  string // the condition
}

// FindingKind says what a Finding is about.
type FindingKind uint8

const (
	AlwaysTrue  FindingKind = iota // a condition that holds whatever happens
	AlwaysFalse                    // one that never holds
	Unreachable                    // a step
	Unmatched                      // an event that never gets to where it is awaited
	Endless                        // journeys that start one another
)

// finder collects the findings of a workspace.
type finder struct {
	c     *compiler
	judge *expr.Judge
	found []Finding

	texts   []*Text // what proofs name by number
	numbers map[*Text]int
	never   map[*Step]bool // steps that nobody does
}

// judge knows the segments, and what scores can be.
func (c *compiler) judge() *expr.Judge {
	var segments []*expr.Condition
	for i := range c.p.segments {
		segments = append(segments, c.p.segments[i].cond)
	}
	var scores []domain.Set
	for i, src := range c.scores {
		kind := domain.Double
		if c.p.scores[i].whole {
			kind = domain.Int
		}
		least, most := 0.0, 0.0 // a score of which nothing counted is 0
		falls := src.Idle != nil && src.Idle.Points < 0
		rises := src.Idle != nil && src.Idle.Points > 0
		for _, a := range src.Add {
			falls, rises = falls || a.Points < 0, rises || a.Points > 0
		}
		switch {
		case src.HasMin:
			least = min(0, src.Min)
		case falls:
			least = -maxScore
		}
		if rises {
			most = maxScore
		} else if src.HasMin {
			most = max(0, src.Min)
		}
		scores = append(scores, domain.Numbers(kind, domain.Between(least, most)))
	}
	return expr.NewJudge(segments, scores)
}

// number is how proofs name a text.
func (f *finder) number(t *Text) int {
	i, known := f.numbers[t]
	if !known {
		i = len(f.texts)
		f.texts, f.numbers[t] = append(f.texts, t), i
	}
	return i
}

// event is what is known of an event of one of the types.
func (f *finder) event(on []Text) expr.Event {
	var e expr.Event
	given := false
	for _, t := range on {
		e.Types = append(e.Types, t.Value)
		var shape *domain.Shape
		if s := f.c.ws.Events[t.Value]; s != nil {
			shape = s.Shape
		}
		given = given || shape != nil
		e.Shapes = append(e.Shapes, shape)
	}
	if !given {
		e.Shapes = nil
	}
	return e
}

// profile judges the conditions of profile.yaml and policies.yaml.
func (f *finder) profile() {
	somewhere := expr.At(expr.Event{}, expr.Event{})
	for i, s := range f.c.ws.Profile.Segments {
		if i < len(f.c.p.segments) {
			f.look(somewhere, f.c.p.segments[i].cond, s.If, "", f.c.p.segments[i].place)
		}
	}
	for _, t := range f.c.ws.Profile.Updates {
		if t.If != nil {
			f.lookAlone(expr.At(f.event(t.On), expr.Event{}), t.If, outside)
		}
	}
	for _, s := range f.c.ws.Profile.Scores {
		for _, a := range s.Add {
			if a.If != nil {
				f.lookAlone(expr.At(f.event(a.On), expr.Event{}), a.If, outside)
			}
		}
	}
	if p := f.c.ws.Policies; p != nil {
		for _, ch := range p.Channels {
			if ch.Consent != nil && f.c.p.policies.channels[ch.Name.Value] != nil {
				f.look(somewhere, f.c.p.policies.channels[ch.Name.Value].consent, ch.Consent, "", "")
			}
		}
	}
}

// lookAlone is look for a condition of which the program keeps only what it needs.
func (f *finder) lookAlone(k *expr.Known, t *Text, sc expr.Scope) {
	if cond, err := f.c.env.Condition(t.Value, sc); err == nil {
		f.look(k, cond, t, "", "")
	}
}

// look judges a condition and reports what it always comes to. What compile said of it is not said again.
func (f *finder) look(k *expr.Known, cond *expr.Condition, t *Text, journey, step string) expr.Verdict {
	if k == nil || cond == nil || t == nil {
		return expr.Verdict{}
	}
	v := f.judge.Judge(k, cond)
	if _, constant := cond.Constant(); !constant {
		f.tell(v, cond, t, journey, step)
	}
	return v
}

func (f *finder) tell(v expr.Verdict, cond *expr.Condition, t *Text, journey, step string) {
	kind := AlwaysTrue
	switch {
	case v.Never:
		kind = AlwaysFalse
	case !v.Always:
		return
	}
	f.report(Finding{Kind: kind, Journey: journey, Step: step, Source: cond.Source()}, t.Pos,
		"this condition is always %v%s", v.Always, f.because(v, cond, t.File))
}

func (f *finder) report(x Finding, at yamlfile.Pos, format string, args ...any) {
	x.Problem = yamlfile.Problem{Pos: at, Severity: yamlfile.Warning, Message: fmt.Sprintf(format, args...)}
	f.found = append(f.found, x)
}

// because is the proof of a verdict, for a condition of that file.
func (f *finder) because(v expr.Verdict, cond *expr.Condition, file string) string {
	var facts []string
	for _, x := range v.Facts {
		facts = append(facts, x.Name+" "+x.Words+f.by(x, file))
	}
	known := strings.Join(facts, ", ")
	switch whole := len(v.Parts) == 1 && v.Parts[0] == strings.TrimSpace(cond.Source()); {
	case len(v.Parts) > 1 && known != "":
		return fmt.Sprintf(": %s cannot hold together where %s", either(v.Parts, "and"), known)
	case len(v.Parts) > 1:
		return fmt.Sprintf(": %s cannot hold together", either(v.Parts, "and"))
	case known == "" && len(v.Parts) == 1 && !whole:
		return fmt.Sprintf(": %s cannot hold", v.Parts[0])
	case known == "":
		return ""
	case len(v.Parts) == 1 && !whole:
		return fmt.Sprintf(": %s cannot hold where %s", v.Parts[0], known)
	}
	return ": here " + known
}

// by says where a fact is from.
func (f *finder) by(x expr.Fact, file string) string {
	var at []string
	for _, i := range x.From {
		t := f.texts[i]
		if t.File == file {
			at = append(at, fmt.Sprintf("%d:%d", t.Line, t.Col))
		} else {
			at = append(at, t.String())
		}
	}
	switch {
	case len(at) > 0:
		return " (" + strings.Join(at, ", ") + ")"
	case x.Name == "event.type" || x.Name == "enter.type":
	case strings.HasPrefix(x.Name, "event.") || strings.HasPrefix(x.Name, "enter."):
		return " (by its schema)"
	}
	return ""
}

func either(parts []string, word string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " " + word + " " + parts[len(parts)-1]
}
