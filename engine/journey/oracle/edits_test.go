package oracle

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// editKinds are all kinds of edits.
func editKinds() []string {
	return []string{
		"on_update alone", "nothing that means something", "a wait is longer", "a wait is shorter", "another kind of wait", "a wait is gone", "a wait is gone, and moved",
		"an await is gone", "an await is gone, and moved", "a repeat is gone", "a repeat is gone, and moved", "a step stands elsewhere", "a wait is an await", "an await is a wait",
		"a step before", "a step behind", "a branch around", "a repeat around", "another template", "a condition", "a longer deadline", "a shorter deadline", "no deadline",
		"other events", "one event more", "another until", "fewer rounds", "more rounds", "another goal", "another exit", "another entry",
		"another name", "the journey is gone", "another priority", "a field more", "a window more", "quiet hours",
	}
}

// node makes a value of YAML.
func (e *editor) node(t *testing.T, text string) any { return readYAML(t, "x: "+text)[0]["x"] }

// replace puts steps in the place of one.
func (s *spot) replace(m map[string]any, with ...any) {
	list := slices.Concat((*s.list)[:s.at], with, (*s.list)[s.at+1:])
	s.put(m, list)
}

// put writes a list back to where it came from in the journey's tree.
func (s *spot) put(tree map[string]any, list []any) {
	var visit func(v any) bool
	same := func(v any) bool {
		l, ok := v.([]any)
		return ok && len(l) == len(*s.list) && len(l) > 0 && &l[0] == &(*s.list)[0]
	}
	visit = func(v any) bool {
		switch x := v.(type) {
		case map[string]any:
			for k, y := range x {
				if same(y) {
					x[k] = list
					return true
				}
				if visit(y) {
					return true
				}
			}
		case []any:
			return slices.ContainsFunc(x, visit)
		}
		return false
	}
	visit(tree["steps"])
	if same(tree["steps"]) {
		tree["steps"] = list
	}
}

// apply makes an edit; false: there is nothing in the journey that it could be made of.
func (e *editor) apply(t *testing.T, kind string) bool {
	one := func(kinds ...string) *spot {
		s := e.some(kinds...)
		if s != nil {
			e.about(s)
		}
		return s
	}
	send := func() any { return e.node(t, "{"+e.send()+"}") }
	longer := func(text string, much bool) string {
		n := span(text)
		if much {
			n = max(n, minute) * int64(2+e.IntN(10))
		} else {
			n /= int64(2 + e.IntN(20))
		}
		return fmt.Sprintf("%dms", n)
	}
	switch kind {
	case "on_update alone":
	case "a wait is longer", "a wait is shorter":
		s := one("wait")
		if s == nil {
			return false
		}
		switch x := s.step()["wait"].(type) {
		case string:
			s.step()["wait"] = longer(x, kind == "a wait is longer")
		case map[string]any:
			f, ok := x["for"].(string)
			if !ok {
				return false
			}
			x["for"] = longer(f, kind == "a wait is longer")
		}
	case "another kind of wait":
		s := one("wait")
		if s == nil {
			return false
		}
		s.step()["wait"] = e.node(t, e.wait())
	case "a wait is gone", "a wait is gone, and moved", "an await is gone", "an await is gone, and moved", "a repeat is gone", "a repeat is gone, and moved":
		s := one(strings.Fields(kind)[1])
		if s == nil {
			return false
		}
		with := []any{e.node(t, "{tag: [t]}")}
		gone, moved := []string{s.id()}, strings.HasSuffix(kind, "moved")
		if s.kind == "repeat" { // who is in it stands at one of its steps
			gone = nil
			for _, x := range spotsIn(mapOf(s.step()["repeat"]), "do", s.place+".repeat.do") {
				if x.kind == "wait" || x.kind == "await" {
					gone = append(gone, x.id())
				}
			}
		}
		if s.kind == "repeat" && !moved && e.oneIn(2) {
			with = listOf(mapOf(s.step()["repeat"])["do"])
		} else if e.oneIn(2) {
			with = append(with, send())
		}
		s.replace(e.tree, with...)
		if moved {
			if to := e.some("wait", "await"); to != nil && to.step()["id"] != nil {
				for _, id := range gone {
					e.moves[id] = to.id()
				}
				e.about(to)
			}
		}
	case "a step stands elsewhere":
		s := one("wait", "await", "repeat")
		if s == nil {
			return false
		}
		step := (*s.list)[s.at]
		s.replace(e.tree, e.node(t, "{untag: [u]}"))
		to := e.some("send", "tag", "untag", "wait", "await", "set")
		if to == nil {
			return false
		}
		if e.oneIn(2) {
			to.replace(e.tree, step, (*to.list)[to.at])
		} else {
			to.replace(e.tree, (*to.list)[to.at], step)
		}
	case "a wait is an await":
		s := one("wait")
		if s == nil {
			return false
		}
		delete(s.step(), "wait")
		s.step()["await"] = e.node(t, e.await(0))
	case "an await is a wait":
		s := one("await")
		if s == nil {
			return false
		}
		delete(s.step(), "await")
		s.step()["wait"] = e.node(t, e.wait())
	case "a step before", "a step behind":
		s := one("wait", "await", "repeat")
		if s == nil {
			return false
		}
		if kind == "a step before" {
			s.replace(e.tree, send(), (*s.list)[s.at])
		} else {
			s.replace(e.tree, (*s.list)[s.at], send())
		}
	case "a branch around":
		s := one("wait", "await", "repeat")
		if s == nil {
			return false
		}
		step := (*s.list)[s.at]
		s.replace(e.tree, map[string]any{"branch": []any{map[string]any{"if": e.condition(true, 0), "do": []any{step, send()}}, map[string]any{"do": []any{send()}}}})
	case "a repeat around":
		s := one("wait", "await")
		if s == nil {
			return false
		}
		step := (*s.list)[s.at]
		s.replace(e.tree, map[string]any{"repeat": map[string]any{"times": int64(2 + e.IntN(2)), "do": []any{step, e.node(t, "{wait: "+e.long()+"}"), send()}}})
	case "another template":
		s := e.some("send")
		if s == nil || s.step()["template"] == "all" {
			return false
		}
		e.sends++
		s.step()["template"] = fmt.Sprintf("s%d", e.sends)
	case "a condition":
		s := one("send", "wait", "await", "repeat", "set")
		if s == nil {
			return false
		}
		s.step()["if"] = e.condition(true, 0)
	case "a longer deadline", "a shorter deadline":
		s := one("await")
		if s == nil {
			return false
		}
		a := mapOf(s.step()["await"])
		within := textOf(a["within"])
		if within == "forever" {
			within = e.long()
		}
		a["within"] = longer(within, kind == "a longer deadline")
	case "no deadline":
		s := one("await")
		if s == nil {
			return false
		}
		mapOf(s.step()["await"])["within"] = "forever"
	case "other events", "one event more":
		s := one("await")
		if s == nil || mapOf(s.step()["await"])["until"] != nil {
			return false
		}
		a := mapOf(s.step()["await"])
		events := listOf(a["events"])
		if kind == "other events" {
			mapOf(events[e.IntN(len(events))])["on"] = e.pick("a", "b", "c", "d")
		} else {
			a["events"] = slices.Insert(events, e.IntN(len(events)+1), e.node(t, "{on: "+e.pick("a", "b", "c", "d")+", do: [{"+e.send()+"}]}"))
		}
	case "another until":
		s := one("await")
		if s == nil || mapOf(s.step()["await"])["until"] == nil {
			return false
		}
		mapOf(s.step()["await"])["until"] = e.lookCondition(0)
	case "fewer rounds", "more rounds":
		s := one("repeat")
		if s == nil {
			return false
		}
		r := mapOf(s.step()["repeat"])
		n := int64(numberIn(r["times"]))
		r["times"] = max(1, n/2)
		if kind == "more rounds" {
			r["times"] = n + int64(1+e.IntN(3))
		}
	case "another goal", "another exit", "another entry":
		if e.oneIn(2) && e.anotherLength(kind) {
			return true
		}
		return e.another(t, kind)
	case "another name":
		e.named++
		e.tree["journey"] = fmt.Sprintf("%s-%d", strings.SplitN(textOf(e.tree["journey"]), "-", 2)[0], e.named)
	case "another priority":
		e.tree["priority"] = int64(1 + e.IntN(3))
	case "a field more":
		steps := listOf(e.tree["steps"])
		e.sends++
		e.tree["steps"] = append(steps, map[string]any{"send": "email", "template": fmt.Sprintf("late%d", e.sends), "with": map[string]any{"e": "{{ event.late }}", "o": "{{ enter.late }}"}})
	case "a window more":
		steps := listOf(e.tree["steps"])
		e.sends++
		e.tree["steps"] = append(steps, map[string]any{"send": "email", "template": fmt.Sprintf("count%d", e.sends), "with": map[string]any{"n": `{{ count("` + e.pick("a", "b", "c") + `", "enter") }}`}})
	default:
		t.Fatalf("no edit is called %s", kind)
	}
	return true
}

// another gives the journey another trigger.
func (e *editor) another(t *testing.T, kind string) bool {
	switch kind {
	case "another goal":
		if e.tree["goal"] != nil && e.oneIn(5) {
			delete(e.tree, "goal")
		} else {
			e.tree["goal"] = e.node(t, "{"+e.trigger("goal")+"}")
		}
	case "another exit":
		exits := listOf(e.tree["exit"])
		x := e.node(t, "{"+e.trigger("exit")+"}")
		switch {
		case len(exits) > 0 && e.oneIn(4):
			exits = exits[:len(exits)-1]
		case len(exits) > 0 && e.oneIn(2):
			exits[e.IntN(len(exits))] = x
		default:
			exits = append(exits, x)
		}
		if delete(e.tree, "exit"); len(exits) > 0 {
			e.tree["exit"] = exits
		}
	case "another entry":
		enter := mapOf(e.tree["enter"])
		if enter["on"] == nil || enter["times"] != nil {
			return false
		}
		enter["on"] = e.node(t, e.types())
	}
	return true
}

// anotherLength makes a silence that a trigger waits for longer or shorter; false: it waits for none.
func (e *editor) anotherLength(kind string) bool {
	for _, trigger := range append(listOf(e.tree["exit"]), e.tree[strings.NewReplacer("another ", "", "entry", "enter").Replace(kind)]) {
		if x := mapOf(mapOf(trigger)["inactive"]); x != nil {
			x["for"] = e.long()
			return true
		}
	}
	return false
}
