package oracle

import (
	"fmt"
	"sort"
	"strings"
)

// The oracle's own reading of a workspace. It looks up what the language's page names and takes for granted that the
// workspace loads: the engine's loader judged it first.

type workspace struct {
	journeys   []*journey // by priority, then name
	attributes map[string]string
	updates    []update
	scores     map[string]*score
	segments   map[string]string
	zone       string
	channels   map[string]*channel
	all        []capRule
}

type journey struct {
	name, zone       string
	priority         int64
	rollout, holdout float64
	enter            *trigger
	again            string
	after            int64
	goal             *trigger
	exits            []*trigger
	steps            []*step
	awaits           []*step // all, wherever they stand

	tree    map[string]any // as it was read
	version int
	reads   map[string]bool   // event.NAME and enter.NAME, made when first asked for
	update  string            // on_update
	moves   map[string]string // old to new
	gone    bool              // its file is: nobody enters
	pinned  []*journey        // of the newest version: the others in which somebody may stay, oldest first
}

type trigger struct {
	j      *journey
	kind   string // on, becomes, inactive, date, schedule
	place  string
	same   string // the same in versions that wait for the same at the same place
	events string // of one that counts: the same in versions that count the same
	on     []string
	cond   string // "" holds
	of     string
	times  int
	within int64
	key    string
	do     []*step
	reason string
	reset  bool
	since  bool

	becomes string
	silence int64    // inactive
	silent  []string // of these; none: any event
	date    string   // the attribute
	yearly  bool
	offset  int
	at      string
	cron    string
	ats     []string
	spread  int64
}

type step struct {
	tree   map[string]any
	id     string // in actions: its own, a send's template, or its place
	cond   string
	kind   string
	wait   *wait
	await  *await
	arms   []arm
	name   string // of a split
	times  int    // of a repeat
	until  string
	do     []*step
	send   *send
	set    map[string]any
	tags   []string
	emit   string
	with   map[string]any
	reason string
}

type wait struct {
	length  int64
	since   bool
	at      string
	on      []string
	until   string
	past    bool
	hasTime bool // at or on
}

type await struct {
	within  int64
	forever bool
	events  []*trigger
	until   string
	do      []*step
	timeout []*step
}

// arm is one of a branch, a split or a choice.
type arm struct {
	name, cond, score string
	weight            float64
	do                []*step
}

type send struct {
	channel, template string
	expire            int64
	transactional     bool
}

type update struct {
	on   []string
	cond string
	all  string
	set  map[string]any
}

type score struct {
	name   string
	add    []points
	idle   int64 // 0: none
	lose   float64
	min    float64
	hasMin bool
}

type points struct {
	on     []string
	cond   string
	points float64
}

type channel struct {
	consent  string
	from, to string // quiet hours; "" none
	drop     bool
	caps     []capRule
	expire   int64
}

type capRule struct {
	max    int
	per    string
	length int64 // ms; 0: the calendar day
}

func readWorkspace(s *scenario) *workspace {
	w := &workspace{attributes: map[string]string{"tags": "list", "consent": "map", "timezone": "string"}, scores: map[string]*score{}, segments: map[string]string{}, channels: map[string]*channel{}}
	for _, m := range s.journeys {
		w.journeys = append(w.journeys, readJourney(m))
	}
	sort.SliceStable(w.journeys, func(i, k int) bool {
		a, b := w.journeys[i], w.journeys[k]
		if a.priority != b.priority {
			return a.priority > b.priority
		}
		return a.name < b.name
	})
	for name, kind := range mapOf(s.profile["attributes"]) {
		w.attributes[name] = textOf(kind)
	}
	for _, v := range listOf(s.profile["update"]) {
		m := mapOf(v)
		u := update{on: textsOf(m["on"]), cond: conditionOf(m["if"])}
		if u.set = mapOf(m["set"]); u.set == nil {
			u.all = textOf(m["set"])
		}
		w.updates = append(w.updates, u)
	}
	for name, v := range mapOf(s.profile["scores"]) {
		m := mapOf(v)
		sc := &score{name: name}
		for _, v := range listOf(m["add"]) {
			a := mapOf(v)
			sc.add = append(sc.add, points{textsOf(a["on"]), conditionOf(a["if"]), numberIn(a["points"])})
		}
		if idle := mapOf(m["idle"]); idle != nil {
			sc.idle, sc.lose = span(textOf(idle["after"])), numberIn(idle["points"])
		}
		if v, ok := m["min"]; ok {
			sc.min, sc.hasMin = numberIn(v), true
		}
		w.scores[name] = sc
	}
	for name, v := range mapOf(s.profile["segments"]) {
		w.segments[name] = conditionOf(v)
	}
	w.zone = textOf(s.policies["timezone"])
	for name, v := range mapOf(s.policies["channels"]) {
		m := mapOf(v)
		c := &channel{consent: conditionOf(m["consent"]), caps: readCaps(m["caps"])}
		if q := mapOf(m["quiet"]); q != nil {
			c.from, c.to, c.drop = textOf(q["from"]), textOf(q["to"]), q["then"] == "drop"
		}
		if e, ok := m["expire"]; ok {
			c.expire = span(textOf(e))
		}
		w.channels[name] = c
	}
	w.all = readCaps(mapOf(s.policies["all"])["caps"])
	return w
}

func readCaps(v any) (caps []capRule) {
	for _, v := range listOf(v) {
		m := mapOf(v)
		c := capRule{max: int(numberIn(m["max"])), per: textOf(m["per"])}
		if c.per != "day" {
			c.length = span(c.per)
		}
		caps = append(caps, c)
	}
	return caps
}

func readJourney(m map[string]any) *journey {
	j := &journey{
		name: textOf(m["journey"]), zone: textOf(m["timezone"]), priority: int64(numberIn(m["priority"])),
		rollout: share(m["rollout"], 1), holdout: share(m["holdout"], 0), again: "after_exit",
		tree: m, update: "pin", moves: map[string]string{},
	}
	if u := textOf(m["on_update"]); u != "" {
		j.update = u
	}
	for old, to := range mapOf(m["moves"]) {
		j.moves[old] = textOf(to)
	}
	enter := mapOf(m["enter"])
	j.enter = j.trigger(enter, "enter")
	switch a := enter["again"].(type) {
	case string:
		j.again = a
	case map[string]any:
		j.again, j.after = "after", span(textOf(a["after"]))
	}
	if g := mapOf(m["goal"]); g != nil {
		j.goal = j.trigger(g, "goal")
	}
	for i, v := range listOf(m["exit"]) {
		j.exits = append(j.exits, j.trigger(mapOf(v), fmt.Sprintf("exit[%d]", i)))
	}
	j.steps = j.list(m["steps"], "steps")
	return j
}

func (j *journey) trigger(m map[string]any, place string) *trigger {
	t := &trigger{j: j, kind: "on", place: place, on: textsOf(m["on"]), cond: conditionOf(m["if"]), of: textOf(m["of"]), times: int(numberIn(m["times"])), key: textOf(m["key"]), reason: textOf(m["reason"])}
	if v, ok := m["within"]; ok {
		t.within = span(textOf(v))
	}
	t.do = j.list(m["do"], place+".do")
	t.events = canonical(m, "do", "reason")
	t.same = j.name + " " + place + " " + canonical(map[string]any{"becomes": m["becomes"], "date": m["date"], "schedule": m["schedule"], "inactive": m["inactive"]})
	if m["date"] != nil || m["schedule"] != nil {
		t.same += " " + j.zone
	}
	t.reset, t.since = m["reset"] == true, m["since"] == "enter"
	if v, ok := m["becomes"]; ok {
		t.kind, t.becomes = "becomes", conditionOf(v)
	}
	if v := mapOf(m["inactive"]); v != nil {
		t.kind, t.silence, t.silent = "inactive", span(textOf(v["for"])), textsOf(v["of"])
	}
	if v := mapOf(m["date"]); v != nil {
		t.kind, t.date, t.yearly, t.at = "date", strings.TrimPrefix(textOf(v["of"]), "profile."), v["every"] == "year", "00:00"
		if at, ok := v["at"]; ok {
			t.at = textOf(at)
		}
		if offset, ok := v["offset"]; ok {
			t.offset = int(span(textOf(offset)) / 86_400_000)
		}
	}
	if v := mapOf(m["schedule"]); v != nil {
		t.kind, t.cron, t.ats = "schedule", textOf(v["cron"]), textsOf(v["at"])
		if spread, ok := v["spread"]; ok {
			t.spread = span(textOf(spread))
		}
	}
	return t
}

func (j *journey) list(v any, place string) (all []*step) {
	for i, v := range listOf(v) {
		all = append(all, j.step(mapOf(v), fmt.Sprintf("%s[%d]", place, i)))
	}
	return all
}

func (j *journey) step(m map[string]any, place string) *step {
	s := &step{tree: m, id: place, cond: conditionOf(m["if"]), with: mapOf(m["with"])}
	own, hasOwn := m["id"].(string)
	if hasOwn {
		s.id = own
	}
	for _, kind := range []string{"wait", "await", "branch", "split", "choose", "repeat", "send", "set", "tag", "untag", "emit", "exit"} {
		v, ok := m[kind]
		if !ok {
			continue
		}
		s.kind = kind
		at := place + "." + kind
		switch kind {
		case "wait":
			s.wait = readWait(v)
		case "await":
			s.await = j.await(mapOf(v), at)
			j.awaits = append(j.awaits, s)
		case "branch", "choose":
			for i, v := range listOf(v) {
				a := mapOf(v)
				s.arms = append(s.arms, arm{name: textOf(a["name"]), cond: conditionOf(a["if"]), score: textOrNumber(a["score"]), do: j.list(a["do"], fmt.Sprintf("%s[%d].do", at, i))})
			}
		case "split":
			s.name = textOf(mapOf(v)["name"])
			for i, v := range listOf(mapOf(v)["arms"]) {
				a := mapOf(v)
				s.arms = append(s.arms, arm{name: textOf(a["name"]), weight: numberIn(a["weight"]), do: j.list(a["do"], fmt.Sprintf("%s.arms[%d].do", at, i))})
			}
		case "repeat":
			r := mapOf(v)
			s.times, s.until, s.do = int(numberIn(r["times"])), conditionOf(r["until"]), j.list(r["do"], at+".do")
		case "send":
			s.send = &send{channel: textOf(v), template: textOf(m["template"]), transactional: m["transactional"] == true}
			if e, ok := m["expire"]; ok {
				s.send.expire = span(textOf(e))
			}
			if !hasOwn {
				s.id = s.send.template
			}
		case "set":
			s.set = mapOf(v)
		case "tag", "untag":
			s.tags = textsOf(v)
		case "emit":
			s.emit = textOf(v)
		case "exit":
			s.reason = textOf(v)
		}
	}
	return s
}

func textOrNumber(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return flow(v)
}

func readWait(v any) *wait {
	if text, ok := v.(string); ok {
		return &wait{length: span(text)}
	}
	m := mapOf(v)
	w := &wait{since: m["since"] == "enter", at: textOf(m["at"]), on: textsOf(m["on"]), until: textOf(m["until"]), past: m["past"] == "exit"}
	if f, ok := m["for"]; ok {
		w.length = span(textOf(f))
	}
	w.hasTime = w.at != "" || len(w.on) > 0
	return w
}

func (j *journey) await(m map[string]any, place string) *await {
	a := &await{until: conditionOf(m["until"])}
	if m["within"] == "forever" {
		a.forever = true
	} else {
		a.within = span(textOf(m["within"]))
	}
	for i, v := range listOf(m["events"]) {
		a.events = append(a.events, j.trigger(mapOf(v), fmt.Sprintf("%s.events[%d]", place, i)))
	}
	a.do, a.timeout = j.list(m["do"], place+".do"), j.list(m["timeout"], place+".timeout")
	return a
}
