package graph

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"wend/engine/journey"
	"wend/schemas/yamlfile"
)

func (b *builder) enter(j *journey.Journey) item {
	lines := append([]string{"enter"}, triggerLines(&j.Enter.Trigger)...)
	if k := j.Enter.Key; k != nil {
		lines = append(lines, "one for each "+k.Value)
	}
	switch j.Enter.Again {
	case journey.AgainNever:
		lines = append(lines, "never again")
	case journey.AgainAlways:
		lines = append(lines, "always again")
	case journey.AgainInterval:
		lines = append(lines, "again after "+yamlfile.FormatDuration(j.Enter.AgainAfter))
	}
	if j.Rollout < 1 {
		lines = append(lines, "rollout "+percent(j.Rollout))
	}
	if j.Holdout > 0 {
		lines = append(lines, "holdout "+percent(j.Holdout))
	}
	return item{node: b.node(Node{Kind: Enter, Lines: lines})}
}

// triggerLines say when a trigger fires.
func triggerLines(t *journey.Trigger) []string {
	var lines []string
	if len(t.On) > 0 {
		lines = append(lines, "on "+types(t.On))
	}
	if line := moment(t); line != "" {
		lines = append(lines, line)
	}
	if t.Becomes != nil {
		lines = append(lines, "when it becomes true that "+t.Becomes.Value)
	}
	if t.Of != nil {
		lines = append(lines, "of "+t.Of.Value)
	}
	switch {
	case t.Times > 0:
		lines = append(lines, fmt.Sprintf("%d times within %s", t.Times, yamlfile.FormatDuration(t.Within)))
	case t.Within > 0:
		lines = append(lines, "within "+yamlfile.FormatDuration(t.Within))
	}
	if t.If != nil {
		lines = append(lines, "if "+t.If.Value)
	}
	return lines
}

// moment is what a trigger waits for in place of an event, "" where it is an event.
func moment(t *journey.Trigger) string {
	switch {
	case t.Inactive != nil:
		line := "inactive for " + yamlfile.FormatDuration(t.Inactive.For)
		if len(t.Inactive.Of) > 0 {
			line += " of " + types(t.Inactive.Of)
		}
		return line
	case t.Date != nil:
		line := "date " + t.Date.Of.Value
		if t.Date.Yearly {
			line += " every year"
		}
		if t.Date.Offset != 0 {
			line += fmt.Sprintf(" %+dd", t.Date.Offset)
		}
		return line + " at " + t.Date.At.String()
	case t.Schedule != nil:
		line := "schedule"
		if t.Schedule.Cron != nil {
			line += " " + t.Schedule.Cron.Value
		}
		for _, at := range t.Schedule.Listed {
			year, month, day := at.Day.Date()
			line += fmt.Sprintf(" %d-%02d-%02dT%s", year, month, day, at.At)
		}
		return line
	}
	return ""
}

func types(on []journey.Text) string {
	names := make([]string, len(on))
	for i := range on {
		names[i] = on[i].Value
	}
	return strings.Join(names, ", ")
}

func percent(share float64) string { return strconv.FormatFloat(share*100, 'f', -1, 64) + "%" }

func (b *builder) steps(list []*journey.Step) block {
	var out block
	for _, s := range list {
		out = append(out, b.step(s))
		if out.ends() {
			break // what follows is never reached, as check says
		}
	}
	return out
}

// step draws one step. One with an `if` says so; where passing it over is another way on, that way is drawn.
func (b *builder) step(s *journey.Step) item {
	n := Node{Step: stepID(s)}
	var arms []arm
	var loop block
	at := b.node(n) // before the nodes of its own lists
	ends := false
	switch {
	case s.Wait != nil:
		n.Kind, n.Lines = Wait, waitLines(s.Wait)
	case s.Await != nil:
		n.Kind, n.Lines, arms = Wait, awaitLines(s.Await), b.await(s.Await)
	case s.Branch != nil:
		n.Kind, n.Lines, arms = Choice, []string{"branch"}, b.branch(s.Branch)
	case s.Split != nil:
		n.Kind, n.Lines, arms = Choice, []string{"split", s.Split.Name.Value}, b.split(s.Split)
	case s.Choose != nil:
		n.Kind, n.Lines, arms = Choice, []string{"choose the best"}, b.choose(s.Choose)
	case s.Repeat != nil:
		n.Kind, n.Lines, loop = Repeat, repeatLines(s.Repeat), b.steps(s.Repeat.Do)
	case s.Send != nil:
		n.Kind, n.Lines = Send, sendLines(s.Send, n.Step)
	case s.Set != nil:
		n.Kind, n.Lines = Change, append([]string{"set"}, assignLines(s.Set)...)
	case s.Tag != nil:
		n.Kind, n.Lines = Change, []string{"tag " + types(s.Tag)}
	case s.Untag != nil:
		n.Kind, n.Lines = Change, []string{"untag " + types(s.Untag)}
	case s.Emit != nil:
		n.Kind, n.Lines = Change, []string{"emit " + s.Emit.Type.Value}
	case s.Exit != nil:
		n.Kind, n.Lines, ends = End, []string{"exit: " + s.Exit.Value}, true
	}
	if s.If != nil {
		n.Lines = append(n.Lines, "only if "+s.If.Value)
		switch {
		case ends:
			arms, ends = []arm{{label: "if not"}}, false
		case len(arms) > 0:
			arms = append(arms, arm{label: "if not"})
		case loop.ends():
			arms, loop = []arm{{label: "a round", body: loop}, {label: "if not"}}, nil
		}
	}
	b.g.Nodes[at] = n
	return item{node: at, arms: arms, loop: loop, ends: ends}
}

// stepID is what actions and traces call a step.
func stepID(s *journey.Step) string {
	switch {
	case s.OwnID != nil:
		return s.OwnID.Value
	case s.Send != nil:
		return s.Send.Template.Value
	}
	return s.Place
}

func waitLines(w *journey.Wait) []string {
	if w.Until != nil {
		lines := []string{"wait until " + w.Until.Value}
		if w.PastExit {
			lines = append(lines, "what is past: exit")
		}
		return lines
	}
	text := "wait"
	switch {
	case w.SinceEnter:
		text = "wait until " + yamlfile.FormatDuration(w.For) + " after the entry"
	case w.For > 0 || w.At == nil && w.On == 0:
		text = "wait " + yamlfile.FormatDuration(w.For)
	}
	var days []string
	for d := time.Monday; d <= time.Saturday+1; d++ { // weeks begin on Monday, package time's on Sunday
		if w.On.Has(d % 7) {
			days = append(days, (d % 7).String()[:3])
		}
	}
	then := strings.Join(days, ", ")
	switch {
	case w.At != nil && then != "":
		then = w.At.String() + " on " + then
	case w.At != nil:
		then = w.At.String()
	}
	if then == "" {
		return []string{text}
	}
	return []string{text, "then until " + then}
}

func (b *builder) choose(list []*journey.Choice) []arm {
	arms := make([]arm, 0, len(list)+1)
	for i, c := range list {
		label := strconv.Itoa(i + 1)
		if c.Name != nil {
			label = c.Name.Value
		}
		if c.Score != nil {
			label += ", score " + c.Score.Value
		}
		if c.If != nil {
			label += ", if " + c.If.Value
		}
		arms = append(arms, arm{label: label, body: b.steps(c.Do)})
	}
	return append(arms, arm{label: "none"})
}

func repeatLines(r *journey.Repeat) []string {
	lines := []string{"repeat", "at most " + strconv.Itoa(r.Times) + " times"}
	if r.Until != nil {
		lines = append(lines, "until "+r.Until.Value)
	}
	return lines
}

func awaitLines(a *journey.Await) []string {
	if a.Forever {
		return []string{"await"}
	}
	return []string{"await", "at most " + yamlfile.FormatDuration(a.Within)}
}

func (b *builder) await(a *journey.Await) []arm {
	var arms []arm
	if a.Until != nil {
		arms = append(arms, arm{label: "once " + a.Until.Value, body: b.steps(a.Do)})
	}
	for _, t := range a.Events {
		label := strings.Join(triggerLines(t), " ")
		if t.Since {
			label += ", since the entry"
		}
		if t.Reset {
			arms = append(arms, arm{label: label + ": the time begins anew", back: true})
			continue
		}
		arms = append(arms, arm{label: label, body: b.steps(t.Do)})
	}
	if !a.Forever {
		arms = append(arms, arm{label: "after " + yamlfile.FormatDuration(a.Within), body: b.steps(a.Timeout)})
	}
	return arms
}

func (b *builder) branch(list []*journey.Arm) []arm {
	arms := make([]arm, 0, len(list)+1)
	open := true
	for _, a := range list {
		label := "else"
		if a.If != nil {
			label = "if " + a.If.Value
		} else {
			open = false
		}
		arms = append(arms, arm{label: label, body: b.steps(a.Do)})
	}
	if open {
		arms = append(arms, arm{label: "else"})
	}
	return arms
}

func (b *builder) split(s *journey.Split) []arm {
	var sum float64
	for i := range s.Arms {
		sum += s.Arms[i].Weight
	}
	arms := make([]arm, 0, len(s.Arms))
	for i := range s.Arms {
		a := &s.Arms[i]
		label := a.Name.Value
		if sum > 0 {
			label += fmt.Sprintf(" (%.4g%%)", a.Weight/sum*100)
		}
		arms = append(arms, arm{label: label, body: b.steps(a.Do)})
	}
	return arms
}

func sendLines(s *journey.Send, id string) []string {
	lines := []string{"send " + s.Channel.Value, s.Template.Value}
	if id != s.Template.Value {
		lines[1] += " (" + id + ")"
	}
	if s.Expire > 0 {
		lines = append(lines, "expires after "+yamlfile.FormatDuration(s.Expire))
	}
	if s.Transactional {
		lines = append(lines, "transactional")
	}
	return lines
}

func assignLines(list []journey.Assign) []string {
	lines := make([]string, len(list))
	for i, a := range list {
		lines[i] = a.Name.Value + " = " + valueText(a.Value)
	}
	return lines
}

// valueText is a value as its author wrote it, or nearly so.
func valueText(v *journey.Value) string {
	switch {
	case v == nil:
		return "null"
	case v.Kind == journey.TextValue:
		return v.Text.Value
	case v.Kind == journey.ListValue:
		return "[…]"
	case v.Kind == journey.MapValue:
		return "{…}"
	}
	text, err := json.Marshal(v.Scalar)
	if err != nil {
		return "…"
	}
	return string(text)
}
