package journey

import (
	"fmt"
	"strconv"

	"wend/schemas"
	"wend/schemas/yamlfile"
)

// TestResults is what RunTests found.
type TestResults struct {
	Tests    []TestResult // in the order of the workspace
	Coverage []Coverage   // of every journey, by name
}

// Passed says whether every test passed.
func (r *TestResults) Passed() bool {
	for i := range r.Tests {
		if !r.Tests[i].Passed {
			return false
		}
	}
	return true
}

// TestResult is one test's outcome.
type TestResult struct {
	Pos      yamlfile.Pos
	Name     string
	Journey  string
	Passed   bool
	Failures []string   // what differs, one line each
	Lines    []TestLine // expected beside got, in order: all sends and goals, then what else was written
	Trace    []string   // one line each
}

// TestLine puts one expectation beside what came. Either side may be empty.
type TestLine struct {
	Expected, Got string
	Same          bool
}

// testCustomer is whose events those of a test are: the sticky draws of a test follow from it.
const testCustomer = "test"

// RunTests runs the workspace's tests, each against its journey alone, and finds which steps and branches none of them
// reached. When the workspace does not compile, the results are nil and the problems say why.
func RunTests(ws *Workspace) (*TestResults, yamlfile.Problems) {
	p, problems := Compile(ws)
	if p == nil {
		return nil, problems
	}
	r := &TestResults{}
	programs := map[string]*Program{}
	covered := map[string]*coverage{}
	for _, t := range ws.Tests {
		name := t.Journey.Value
		if programs[name] == nil {
			alone := &Workspace{Dir: ws.Dir, Profile: ws.Profile, Policies: ws.Policies}
			for _, j := range ws.Journeys {
				if j.Name.Value == name {
					alone.Journeys = []*Journey{j}
				}
			}
			one, _ := Compile(alone) // its problems are among the whole workspace's
			if one == nil || len(one.plans) == 0 {
				r.Tests = append(r.Tests, TestResult{Pos: t.Pos, Name: t.Name, Journey: name, Failures: []string{"there is no such journey"}})
				continue
			}
			programs[name] = one
			covered[name] = newCoverage(one.plans[0])
		}
		r.Tests = append(r.Tests, runTest(t, programs[name], covered[name]))
	}
	for _, j := range p.plans {
		if covered[j.name] == nil {
			covered[j.name] = newCoverage(j)
		}
	}
	for _, name := range sortedKeys(covered) {
		r.Coverage = append(r.Coverage, covered[name].result())
	}
	return r, problems
}

func runTest(t *Test, p *Program, c *coverage) TestResult {
	out := TestResult{Pos: t.Pos, Name: t.Name, Journey: t.Journey.Value}
	sim := NewSimulation(p, SimulateOptions{Until: schemas.NoTime, Trace: true})
	doc := sim.Customer(testCustomer)
	for _, a := range t.Profile {
		if v := plain(a.Value); v != nil {
			if fitted, ok := fit(p.profile[a.Name.Value], v); ok {
				doc.Profile = doc.Profile.Set(a.Name.Value, fitted)
			}
		}
	}
	doc.Time = t.Start // from here on the customer is there, and dates of the profile may come
	sim.step(sim.customer(testCustomer), Input{Until: schemas.NoTime})
	for i := range t.Events {
		e := &t.Events[i]
		var fields schemas.Fields
		for name, v := range e.Fields {
			fields = fields.Set(name, v)
		}
		id := e.ID
		if id == "" {
			id = strconv.Itoa(i + 1)
		}
		sim.Offer(&schemas.Event{ID: id, Customer: testCustomer, Type: e.Type, Time: t.Start + e.At, Body: fields})
	}
	if err := sim.Finish(); err != nil {
		out.Failures = append(out.Failures, "time does not come to an end: the journey starts itself again and again")
	}
	// The trace in order of decision, which the order of times never contradicts for one customer.
	trace := sim.Trace()
	for i := range trace {
		d := &trace[i].Decision
		c.mark(d)
		out.Trace = append(out.Trace, "+"+offset(d.Time-t.Start)+" "+d.Text())
	}
	compare(t, trace, &out)
	out.Passed = len(out.Failures) == 0
	return out
}

// plain is a value of a test, whose texts are what they are.
func plain(v *Value) any {
	if v == nil {
		return nil
	}
	switch v.Kind {
	case TextValue:
		return v.Text.Value
	case ListValue:
		list := make([]any, 0, len(v.List))
		for _, x := range v.List {
			list = append(list, plain(x))
		}
		return list
	case MapValue:
		m := make(map[string]any, len(v.Map))
		for _, a := range v.Map {
			m[a.Name.Value] = plain(a.Value)
		}
		return m
	}
	return v.Scalar
}

// compare puts expected beside got. Sends and goals are the complete list, in order; the rest is looked for, in order.
func compare(t *Test, trace []Traced, out *TestResult) {
	var all, some []*Expect
	for i := range t.Expect {
		if e := &t.Expect[i]; e.Send != "" || e.Goal {
			all = append(all, e)
		} else {
			some = append(some, e)
		}
	}
	var got, other []*Decision
	for i := range trace {
		switch d := &trace[i].Decision; d.Kind {
		case DecidedSent, DecidedGoal:
			got = append(got, d)
		case DecidedExit, DecidedRefused, DecidedStopped:
			other = append(other, d)
		}
	}
	fail := func(format string, args ...any) { out.Failures = append(out.Failures, fmt.Sprintf(format, args...)) }
	for _, l := range align(t, all, got) {
		out.Lines = append(out.Lines, l)
		switch {
		case l.Same:
		case l.Got == "":
			fail("expected %s, which did not come", l.Expected)
		case l.Expected == "":
			fail("got %s, which is not expected", l.Got)
		default:
			fail("expected %s, got %s", l.Expected, l.Got)
		}
	}
	next := 0
	for _, e := range some {
		line := TestLine{Expected: expectText(e)}
		for i := next; i < len(other); i++ {
			if matches(t, e, other[i]) {
				line.Got, line.Same, next = gotText(t, other[i]), true, i+1
				break
			}
		}
		if !line.Same {
			for i := next; i < len(other) && line.Got == ""; i++ {
				if d := other[i]; e.Exit != "" && d.Kind == DecidedExit || e.Refused != "" && d.Kind == DecidedRefused || e.Stopped != nil && d.Kind == DecidedStopped {
					line.Got = gotText(t, d)
				}
			}
			if line.Got == "" {
				fail("expected %s, which did not come", line.Expected)
			} else {
				fail("expected %s, got %s", line.Expected, line.Got)
			}
		}
		out.Lines = append(out.Lines, line)
	}
}

// align pairs a longest common subsequence, so that one line too many does not put all that follow out of step. What
// stands between two pairs is put side by side.
func align(t *Test, want []*Expect, got []*Decision) []TestLine {
	length := make([][]int, len(want)+1)
	for i := range length {
		length[i] = make([]int, len(got)+1)
	}
	for i := len(want) - 1; i >= 0; i-- {
		for k := len(got) - 1; k >= 0; k-- {
			length[i][k] = max(length[i+1][k], length[i][k+1])
			if matches(t, want[i], got[k]) {
				length[i][k] = max(length[i][k], length[i+1][k+1]+1)
			}
		}
	}
	var lines []TestLine
	from, begin := 0, 0
	apart := func(i, k int) {
		for from < i || begin < k {
			var l TestLine
			if from < i {
				l.Expected = expectText(want[from])
				from++
			}
			if begin < k {
				l.Got = gotText(t, got[begin])
				begin++
			}
			lines = append(lines, l)
		}
	}
	for i, k := 0, 0; ; {
		switch {
		case i == len(want) || k == len(got):
			apart(len(want), len(got))
			return lines
		case matches(t, want[i], got[k]) && length[i][k] == length[i+1][k+1]+1:
			apart(i, k)
			lines = append(lines, TestLine{expectText(want[i]), gotText(t, got[k]), true})
			i, k = i+1, k+1
			from, begin = i, k
		case length[i+1][k] >= length[i][k+1]:
			i++
		default:
			k++
		}
	}
}

// matches reports whether a decision is what is expected; only what is written counts.
func matches(t *Test, e *Expect, d *Decision) bool {
	if e.HasAt && t.Start+e.At != d.Time {
		return false
	}
	switch {
	case e.Goal:
		return d.Kind == DecidedGoal
	case e.Exit != "":
		return d.Kind == DecidedExit && d.Reason == e.Exit
	case e.Refused != "":
		return d.Kind == DecidedRefused && d.Reason == e.Refused
	case e.Stopped != nil:
		return d.Kind == DecidedStopped && d.Reason == e.Stopped.Value
	case e.Send == "" || d.Kind != DecidedSent:
		return false
	}
	if d.Action.Channel != e.Send || e.Template != "" && d.Action.Template != e.Template {
		return false
	}
	for name, want := range e.With {
		if got, ok := d.Action.Params.Field(name); !ok || !sameValue(want, got) {
			return false
		}
	}
	return true
}

// sameValue compares as the language does: whole and fractional numbers are numbers.
func sameValue(a, b any) bool {
	switch x := a.(type) {
	case int64:
		if y, ok := b.(float64); ok {
			return float64(x) == y
		}
	case float64:
		if y, ok := b.(int64); ok {
			return x == float64(y)
		}
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !sameValue(x[i], y[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for k, v := range x {
			if w, ok := y[k]; !ok || !sameValue(v, w) {
				return false
			}
		}
		return true
	}
	return schemas.Equal(a, b)
}

func expectText(e *Expect) string {
	text := "at any time: "
	if e.HasAt {
		text = "at " + offset(e.At) + ": "
	}
	switch {
	case e.Goal:
		return text + "goal"
	case e.Exit != "":
		return text + "exit " + e.Exit
	case e.Refused != "":
		return text + "refused " + e.Refused
	case e.Stopped != nil:
		return text + "stopped " + e.Stopped.Value
	}
	text += "send " + e.Send
	if e.Template != "" {
		text += " " + e.Template
	}
	if len(e.With) > 0 {
		text += " with " + string(schemas.AppendJSON(nil, e.With))
	}
	return text
}

func gotText(t *Test, d *Decision) string {
	text := "at " + offset(d.Time-t.Start) + ": "
	switch d.Kind {
	case DecidedGoal:
		return text + "goal"
	case DecidedExit:
		return text + "exit " + d.Reason
	case DecidedRefused:
		return text + "refused " + d.Reason
	case DecidedStopped:
		return text + "stopped " + d.Reason
	}
	text += "send " + d.Action.Channel + " " + d.Action.Template
	if len(d.Action.Params) > 0 {
		text += " with " + string(schemas.AppendJSON(nil, d.Action.Params.Map()))
	}
	return text
}

// offset is a time from the start of a test, as an author writes it.
func offset(ms int64) string {
	if ms < 0 {
		return "-" + yamlfile.FormatDuration(-ms)
	}
	if ms == 0 {
		return "0m"
	}
	return yamlfile.FormatDuration(ms)
}
