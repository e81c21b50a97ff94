package oracle

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// What the generator writes of deploys: a workspace as it writes them anyway, with ids at all steps that need one, and then
// random edits of its journeys at random moments of the log, with pauses and resumptions between them.

// edit is what was done to a journey for a deploy.
type edit struct {
	journey, kind, mode string
	ids                 []string // of the steps that it is about
}

// editor edits the tree of one journey.
type editor struct {
	*generator
	tree  map[string]any
	mode  string
	ids   []string // of steps that the edit is about
	at    string   // the step where the customer stands whom it is to meet
	moves map[string]any
}

// spot is a step in its list.
type spot struct {
	list  *[]any
	at    int
	place string
	kind  string
}

func (s *spot) step() map[string]any { return mapOf((*s.list)[s.at]) }

func (s *spot) id() string {
	if id, ok := s.step()["id"].(string); ok {
		return id
	}
	return s.place
}

// generateVersions makes a case with deploys of a seed.
func generateVersions(t *testing.T, seed uint64, may map[string]bool) *scenario {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 12)), may: map[string]bool{}, versions: true}
	for _, f := range keysOf(may) {
		g.may[f] = g.oneIn(2) && may[f]
	}
	for _, f := range []string{"caps", "all"} {
		g.may[f] = g.may[f] && g.oneIn(3) // they hide what they stop
	}
	g.scale = []int{1, 1, 20, 120}[g.IntN(4)]
	all := seasons()
	g.season = all[g.IntN(len(all))]
	at, err := time.Parse(time.RFC3339, g.season.start)
	if err != nil {
		t.Fatal(err)
	}
	g.start = at.UnixMilli()
	s := &scenario{policies: map[string]any{}}
	s.profile = readYAML(t, g.profile())[0]
	if text := g.policies(); text != "" {
		s.policies = readYAML(t, text)[0]
	}
	aims := aimsOf(seed)
	if g.oneIn(3) || aims[0].place == putOff { // so that sends are put off
		s.policies["channels"] = readYAML(t, "{push: {quiet: {from: "+g.pick(`"22:00", to: "12:00"`, `"00:00", to: "23:30"`, `"12:00", to: "11:00"`)+"}}}")[0]
	}
	var journeys strings.Builder
	for i := range g.IntN(4)/3 + 1 {
		if i > 0 && g.oneIn(2) || g.oneIn(8) {
			journeys.WriteString(g.journey(i))
		} else {
			journeys.WriteString(g.standing(i, aims))
		}
	}
	s.journeys = readYAML(t, journeys.String())
	bare := g.oneIn(6) // its steps get ids with the first deploy
	for _, j := range s.journeys {
		g.readsAll(j)
		if !bare {
			e := &editor{generator: g, tree: j}
			e.identify()
		}
	}
	// Windows of all that may be read, so that none begins with a deploy but those that are meant to.
	s.journeys = append(s.journeys, readYAML(t, g.watcher())[0])
	s.log = g.log()
	g.changes(t, s, aims)
	return s
}

// standing writes a journey that customers are in for long: the steps that hold them, in any order, and among them those that
// the aims need.
func (g *generator) standing(i int, aims []aim) string {
	g.ids = nil
	var b strings.Builder
	key := ""
	if g.oneIn(3) {
		key = ", key: event.k"
	}
	fmt.Fprintf(&b, "---\njourney: j%d\nenter: {on: %s, again: %s%s}\n", i, g.pick("a", "[a, b]", "[a, b, c]"), g.pick("always", "after_exit", "always"), key)
	place := aims[0].place
	switch n := g.IntN(6); {
	case place == hasLeft && !g.oneIn(4):
		fmt.Fprintf(&b, "goal: {on: %s, within: %s}\nexit: [{on: %s}]\n", g.pick("d", "e", "f"), g.span(1000), g.pick("b", "c", "[b, c]"))
	case n == 0:
		fmt.Fprintf(&b, "goal: {%s}\n", g.trigger("goal"))
	case n < 3:
		fmt.Fprintf(&b, "goal: {on: %s, within: %s}\n", g.pick("d", "e", "f"), g.span(300))
	}
	if !strings.Contains(b.String(), "exit: ") {
		switch g.IntN(4) {
		case 0:
			fmt.Fprintf(&b, "exit: [{%s}]\n", g.trigger("exit"))
		case 1:
			b.WriteString("exit: [{on: [d, e]}]\n")
		}
	}
	pieces := piecesOf(aims)
	for range 1 + g.IntN(2) {
		pieces = append(pieces, g.pick("wait", "wait", "any await", "await", "repeat"))
	}
	g.Shuffle(len(pieces), func(i, k int) { pieces[i], pieces[k] = pieces[k], pieces[i] })
	if first := places()[place]; first != "" && !g.oneIn(3) {
		pieces = slices.Insert(pieces, 0, first)
	}
	var steps []string
	for _, piece := range pieces {
		switch piece {
		case "push":
			steps = append(steps, fmt.Sprintf("{send: push, template: first, id: first%d}", i))
		case "long await":
			steps = append(steps, fmt.Sprintf("{await: {within: %s, events: [{on: %s%s, do: [{%s}]}, {on: %s}]}}", g.span([]int{100, 300, 500}[g.IntN(3)]), g.pick("b", "[b, c]", "[a, b, c]", "[a, b, c]"), g.pick("", ", since: enter"), g.send(), g.pick("c", "d", "e")))
		case "wait":
			steps = append(steps, "{wait: "+g.long()+"}", "{"+g.send()+"}")
		case "any await":
			steps = append(steps, "{"+g.send()+"}", "{await: "+g.await(1)+"}")
		case "until":
			steps = append(steps, fmt.Sprintf("{await: {until: '%s', within: %s, do: [{%s}]}}", g.lookCondition(1), g.long(), g.send()))
		case "await":
			steps = append(steps, fmt.Sprintf("{await: {within: %s, events: [{on: %s, do: [{%s}]}, {on: %s%s}], timeout: [{%s}]}}", g.long(), g.pick("b", "c", "d"), g.send(), g.pick("c", "d", "e"), g.pick("", ", reset: true", ", since: enter"), g.send()))
		case "repeat":
			short := g.span([]int{2, 5, 10, 20}[g.IntN(4)])
			inner := "{wait: " + short + "}"
			if g.oneIn(3) {
				inner = fmt.Sprintf("{await: {within: %s, events: [{on: %s}]}}", short, g.pick("b", "c", "d"))
			}
			steps = append(steps, fmt.Sprintf("{repeat: {times: %d, do: [%s, {%s}]}}", 3+g.IntN(20), inner, g.send()))
		}
	}
	fmt.Fprintf(&b, "steps: [%s]\n", strings.Join(steps, ", "))
	return b.String()
}

// long is a duration that is not over at once.
func (g *generator) long() string { return g.span([]int{2, 10, 30, 60, 100, 200, 300, 500}[g.IntN(8)]) }

// readsAll has a journey read all fields of events and what it sent, so that its enrollments keep them in every version.
func (g *generator) readsAll(j map[string]any) {
	with := map[string]any{"sent": "{{ has(sent.all) }}"}
	for _, f := range []string{"n", "k", "o", "price", "x", "when"} {
		with["e_"+f], with["o_"+f] = "{{ event."+f+" }}", "{{ enter."+f+" }}"
	}
	j["steps"] = append(listOf(j["steps"]), map[string]any{"send": "push", "template": "all", "with": with})
}

// watcher writes a journey that nobody enters and that reads all windows.
func (g *generator) watcher() string {
	var with []string
	for _, kind := range []string{"a", "b", "c", "d", "e", "f"} {
		for i, text := range []string{`count("%s", "60d")`, `sum("%s", "n", "60d")`, `sum("%s", "price", "60d")`, `last("%s")`, `seen("%s")`} {
			with = append(with, fmt.Sprintf("w%s%d: '{{ %s }}'", kind, i, fmt.Sprintf(text, kind)))
		}
	}
	return "---\njourney: watcher\nenter: {on: never}\nsteps: [{send: push, template: w, with: {" + strings.Join(with, ", ") + "}}]\n"
}

// changes puts deploys, pauses and resumptions into a case.
func (g *generator) changes(t *testing.T, s *scenario, aims []aim) {
	newest := g.start
	times := make([]int64, len(s.log)+1) // the newest time ahead of each line
	for i, line := range s.log {
		times[i] = newest
		if ts, ok := readJSON(line)["ts"].(int64); ok {
			newest = max(newest, ts)
		}
	}
	times[len(s.log)] = newest
	unit := int64(g.scale) * minute
	last, before := g.start, len(s.log)/8
	now := func() int64 { // later than all so far
		before = min(len(s.log), before+g.IntN(1+len(s.log)/4))
		last = max(last, times[before]) + []int64{0, 1, unit / 2, unit, 5 * unit, 20 * unit}[g.IntN(6)]
		return last
	}
	journeys, policies := s.journeys, s.policies
	for n := range 1 + g.IntN(3) {
		target := aims[n]
		x := &change{}
		at, ok := g.aimed(s, &target, journeys, times, moment{before, last}, unit)
		if ok {
			before, last = at.before, at.at
		} else {
			target.journey = textOf(journeys[0]["journey"])
			for i := range 2 {
				if name := fmt.Sprintf("j%d", i); !g.oneIn(3) {
					at := now()
					s.changes = append(s.changes, &change{before: before, at: at, pause: name})
				}
			}
		}
		resume := func() {
			for _, name := range pausedBy(s.changes) {
				at := now()
				s.changes = append(s.changes, &change{before: before, at: at, resume: name, spread: []int64{0, 0, unit * 10}[g.IntN(3)]})
			}
		}
		if !ok {
			if g.oneIn(4) {
				resume()
			}
			now()
		}
		x.before, x.at = before, last
		x.journeys, x.policies, x.edits = g.edited(t, journeys, policies, target)
		s.changes = append(s.changes, x)
		journeys, policies = x.journeys, x.policies
		if !g.oneIn(6) {
			resume()
		}
	}
	s.until = max(last, newest) + unit*int64([]int{10, 100, 200}[g.IntN(3)])
}

// pausedBy are the journeys that changes leave paused.
func pausedBy(changes []*change) (names []string) {
	for _, x := range changes {
		if names = slices.DeleteFunc(names, func(name string) bool { return name == x.pause || name == x.resume }); x.pause != "" {
			names = append(names, x.pause)
		}
	}
	return names
}

// edited makes the next release, and with it the edit of an aim to its journey, if that has one.
func (g *generator) edited(t *testing.T, journeys []map[string]any, policies map[string]any, target aim) (next []map[string]any, also map[string]any, edits []edit) {
	also = policies
	for _, j := range journeys {
		name := textOf(j["journey"])
		if name == "watcher" || len(journeys) > 2 && name != target.journey && g.oneIn(3) {
			next = append(next, j)
			continue
		}
		e := &editor{generator: g, tree: copied(j).(map[string]any), mode: g.pick("follow", "follow", "follow", "follow", "follow", "follow", "pin", "exit"), moves: map[string]any{}}
		delete(e.tree, "moves")
		e.tree["on_update"] = e.mode
		all := editKinds()
		apart := []string{"the journey is gone", "nothing that means something", "quiet hours"}
		kind := all[g.IntN(len(all))]
		if name == target.journey {
			kind, e.at = target.kind, target.step
		}
		switch kind {
		case "the journey is gone":
			edits = append(edits, edit{name, kind, "follow", nil})
			continue
		case "nothing that means something":
			e.tree = copied(j).(map[string]any)
			e.tree["description"], e.tree["x-n"] = fmt.Sprint("text ", e.IntN(1000)), int64(e.IntN(1000))
			edits = append(edits, edit{name, kind, "follow", nil})
			next = append(next, e.tree)
			continue
		case "quiet hours":
			also = copied(policies).(map[string]any)
			channels := mapOf(copied(mapOf(policies["channels"])))
			if channels == nil {
				channels = map[string]any{}
			}
			push := mapOf(channels["push"])
			if push == nil {
				push = map[string]any{}
			}
			if g.oneIn(4) {
				delete(push, "quiet")
			} else {
				push["quiet"] = readYAML(t, "quiet: {from: "+g.pick(`"22:00", to: "08:00"`, `"00:00", to: "12:30"`, `"12:00", to: "23:30"`, `"01:00", to: "02:30"`)+"}")[0]["quiet"]
			}
			channels["push"] = push
			also["channels"] = channels
		default:
			for tries := 0; !e.apply(t, kind); tries++ {
				if tries > 5 || name != target.journey {
					kind = all[g.IntN(len(all))]
				}
				if tries == 16 || slices.Contains(apart, kind) {
					kind = "on_update alone"
				}
				e.ids = nil
			}
		}
		e.identify()
		if e.mode == "follow" && len(e.moves) > 0 {
			e.tree["moves"] = e.moves
		}
		edits = append(edits, edit{name, kind, e.mode, e.ids})
		next = append(next, e.tree)
	}
	return next, also, edits
}

// copied copies a tree.
func copied(v any) any {
	switch x := v.(type) {
	case map[string]any:
		m := maps.Clone(x)
		for k := range m {
			m[k] = copied(m[k])
		}
		return m
	case []any:
		l := slices.Clone(x)
		for i := range l {
			l[i] = copied(l[i])
		}
		return l
	}
	return v
}

// spots lists the steps outside of goal and exits, in the order of the file.
func (e *editor) spots() []*spot { return spotsIn(e.tree, "steps", "steps") }

func spotsIn(m map[string]any, key, place string) (all []*spot) {
	list := listOf(m[key])
	holder := &list
	for i, v := range list {
		s := mapOf(v)
		x := &spot{list: holder, at: i, place: fmt.Sprintf("%s[%d]", place, i)}
		for _, kind := range []string{"wait", "await", "branch", "split", "choose", "repeat", "send", "set", "tag", "untag", "emit", "exit"} {
			if _, ok := s[kind]; ok {
				x.kind = kind
			}
		}
		all = append(all, x)
		at := x.place + "." + x.kind
		arms := func(v any, at string) {
			for k, a := range listOf(v) {
				all = append(all, spotsIn(mapOf(a), "do", fmt.Sprintf("%s[%d].do", at, k))...)
			}
		}
		switch x.kind {
		case "await":
			arms(mapOf(s["await"])["events"], at+".events")
			all = append(all, spotsIn(mapOf(s["await"]), "do", at+".do")...)
			all = append(all, spotsIn(mapOf(s["await"]), "timeout", at+".timeout")...)
		case "branch", "choose":
			arms(s[x.kind], at)
		case "split":
			arms(mapOf(s["split"])["arms"], at+".arms")
		case "repeat":
			all = append(all, spotsIn(mapOf(s["repeat"]), "do", at+".do")...)
		}
	}
	return all
}

// identify gives every wait, await and repeat an id. Where a place was one until now a move leads on from it, or not.
func (e *editor) identify() {
	for _, s := range e.spots() {
		if s.kind != "wait" && s.kind != "await" && s.kind != "repeat" || s.step()["id"] != nil {
			continue
		}
		e.stepIDs++
		id := fmt.Sprintf("p%d", e.stepIDs)
		if e.moves != nil && !e.oneIn(3) && s.kind != "repeat" { // nobody stands at a repeat
			e.moves[s.place] = id
		}
		s.step()["id"] = id
	}
}

// some gives one of the steps of some kinds, and rather the one where the customer stands; nil: there is none.
func (e *editor) some(kinds ...string) *spot {
	var all []*spot
	for _, s := range e.spots() {
		if !slices.Contains(kinds, s.kind) {
			continue
		}
		if s.id() == e.at && !e.oneIn(3) {
			return s
		}
		all = append(all, s)
	}
	if len(all) == 0 {
		return nil
	}
	return all[e.IntN(len(all))]
}

// about notes that the edit is about a step.
func (e *editor) about(s *spot) { e.ids = append(e.ids, s.id()) }
