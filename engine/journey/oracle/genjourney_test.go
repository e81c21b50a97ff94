package oracle

import (
	"fmt"
	"strings"
	"time"
)

// What the generator writes of journeys.

// trigger writes one of goal or exit, without the braces.
func (g *generator) trigger(where string) string {
	if kinds := g.kinds(); len(kinds) > 0 && !g.oneIn(3) {
		kind := kinds[g.IntN(len(kinds))]
		if g.may["date"] && g.oneIn(2) {
			kind = "date"
		}
		text := g.silent(kind)
		if g.oneIn(4) {
			text += fmt.Sprintf(", if: '%s'", g.pick("profile.p > 1", "enter.n < 2", "has(enter.n)", "!has(profile.s)"))
		}
		if g.oneIn(3) {
			text += ", do: " + g.steps(1, false)
		}
		if where == "goal" && g.oneIn(3) {
			text += ", within: " + g.span(10)
		}
		return text
	}
	text := g.on(true)
	if g.oneIn(3) {
		text += ", do: " + g.steps(1, false)
	}
	switch g.IntN(4) {
	case 0, 1:
		text += fmt.Sprintf(", times: %d, within: %s", 2+g.IntN(2), g.span([]int{5, 60}[g.IntN(2)]))
	case 2:
		if where == "goal" {
			text += ", within: " + g.span([]int{2, 10, 60}[g.IntN(3)])
		}
	}
	return text
}

// kinds of triggers without an event that may be used.
func (g *generator) kinds() (all []string) {
	for _, k := range []string{"becomes", "inactive", "date", "date", "schedule"} {
		if g.may[k] {
			all = append(all, k)
		}
	}
	return all
}

func (g *generator) on(of bool) string {
	text := "on: " + g.types()
	if g.oneIn(3) {
		text += fmt.Sprintf(", if: '%s'", g.condition(true, 1))
	}
	if of && len(g.ids) > 0 && g.oneIn(3) {
		text += ", of: " + g.ids[g.IntN(len(g.ids))]
	}
	return text
}

// silent writes a trigger of a kind that needs no event.
func (g *generator) silent(kind string) string {
	switch kind {
	case "becomes":
		return "becomes: '" + g.lookCondition(1) + "'"
	case "inactive":
		return fmt.Sprintf("inactive: {for: %s%s}", g.span(1+g.IntN(6)), g.pick("", ", of: a", ", of: [b, c]", ", of: e"))
	case "date":
		every, offset, at := "", "", ""
		if g.oneIn(2) {
			every = ", every: year"
		}
		if g.oneIn(2) {
			offset = ", offset: " + g.pick("-1d", "1d", "-3d", "0d")
		}
		if g.oneIn(2) {
			at = ", at: " + g.clock()
		}
		return "date: {of: profile.d" + every + offset + at + "}"
	}
	spread := ""
	if g.oneIn(3) {
		spread = ", spread: " + g.pick("30m", "1h", "90m")
	}
	if g.oneIn(3) {
		var ats []string
		for range 1 + g.IntN(3) {
			ats = append(ats, `"`+time.UnixMilli(g.start+int64(g.IntN(30*g.scale))*10*minute).UTC().Format("2006-01-02T15:04")+`"`)
		}
		return "schedule: {at: [" + strings.Join(ats, ", ") + "]" + spread + "}"
	}
	if c := g.season.clocks; len(c) > 0 && g.oneIn(2) {
		at := strings.Trim(g.pick(c...), `"`)
		return fmt.Sprintf(`schedule: {cron: "%s %s * * *"%s}`, at[3:], strings.TrimPrefix(at[:2], "0"), spread)
	}
	cron := g.pick(`"0 9 * * *"`, `"30 2 * * *"`, `"15 8,20 1-15 * 1"`, `"0 0 * * 0"`, `"0 12 29 2 *"`, `"45 23 * * 1-5"`)
	if g.scale <= 20 && g.oneIn(2) {
		cron = g.pick(`"0 */6 * * *"`, `"30 1-3 * * *"`)
	}
	if g.scale == 1 && g.oneIn(2) {
		cron = g.pick(`"*/20 * * * *"`, `"7 * * * *"`)
	}
	return "schedule: {cron: " + cron + spread + "}"
}

func (g *generator) journey(i int) string {
	g.ids = nil
	if i == 0 && g.crowd > 0 && g.may["windows"] && g.oneIn(2) { // more events than a window keeps one by one
		enter := "on: [a, b], again: always"
		if g.may["becomes"] {
			enter = fmt.Sprintf(`becomes: 'count("a", "%s") %s %d', again: always`, g.span(30), g.pick(">", "<"), 100+g.IntN(60))
		}
		return fmt.Sprintf("---\njourney: j0\nenter: {%s}\nsteps: [{send: push, template: s0, with: {n: '{{ count(\"a\", \"%s\") }}', s: '{{ sum(\"a\", \"n\", \"%[2]s\") }}'}}]\n", enter, g.span(30))
	}
	if i == 0 && g.crowd > 0 { // limits, of which random journeys seldom see one
		return fmt.Sprintf("---\njourney: j0\n%s", g.pick(
			"enter: {on: [a, b], again: always}\nsteps: [{wait: "+g.span(60)+"}, {send: push, template: s0}]\n",
			"enter: {on: b}\nsteps: [{await: {within: "+g.span(5)+", events: [{on: a, reset: true}]}}, {send: push, template: s0, with: {n: '{{ event.event_id }}'}}]\n",
		))
	}
	if i == 0 && (g.fan || g.oneIn(5)) {
		return g.corner()
	}
	if i == 0 && g.oneIn(15) { // a chain
		g.emits++
		g.sends++
		return fmt.Sprintf("---\njourney: j0\nenter: {on: [a, e], again: always}\nsteps: [{send: push, template: s%d}, {emit: e, with: {n: '{{ event.n + 1 }}'}}]\n", g.sends)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "---\njourney: j%d\n", i)
	if g.oneIn(2) {
		fmt.Fprintf(&b, "priority: %d\n", g.IntN(3)-1)
	}
	if g.oneIn(3) || g.season.zone != "" && g.oneIn(2) {
		fmt.Fprintf(&b, "timezone: %s\n", g.zone())
	}
	if g.oneIn(6) {
		fmt.Fprintf(&b, "holdout: %s\n", g.pick("50%", "100%", "12.5%"))
	}
	if g.oneIn(8) {
		fmt.Fprintf(&b, "rollout: %s\n", g.pick("50%", "0%", "66.6%"))
	}
	again := "again: " + g.pick("never", "after_exit", "always", "always", "{after: "+g.span(3)+"}", "{after: "+g.span(60)+"}")
	key := false
	if kinds := g.kinds(); len(kinds) > 0 && g.oneIn(2) {
		fmt.Fprintf(&b, "enter: {%s, %s", g.silent(kinds[g.IntN(len(kinds))]), again)
		if g.oneIn(4) {
			fmt.Fprintf(&b, ", if: '%s'", g.pick("profile.p > 1", "!has(profile.s)", "event.ts > 0", g.lookCondition(1)))
		}
	} else {
		fmt.Fprintf(&b, "enter: {on: %s, %s", g.types(), again)
		if g.oneIn(4) {
			fmt.Fprintf(&b, ", times: %d, within: %s", 2+g.IntN(3), g.span([]int{0, 1, 5, 30}[g.IntN(4)]))
		}
		if key = g.oneIn(2); key {
			fmt.Fprintf(&b, ", key: %s", g.pick("event.k", "event.k", "event.n"))
		}
		if g.oneIn(4) {
			fmt.Fprintf(&b, ", if: '%s'", g.condition(false, 1))
		}
	}
	b.WriteString("}\n")
	steps, leaves := "", true
	switch g.IntN(8) {
	case 0, 1: // sends that may outlive it
		steps = "[{" + g.send() + "}, " + g.steps(1, false)[1:]
	case 2, 3: // long enough to be left
		long := g.span([]int{10, 60}[g.IntN(2)])
		if g.may["date"] && !g.oneIn(3) {
			long = "3d"
		}
		steps = "[{wait: " + long + "}, " + g.steps(3, true)[1:]
	default:
		steps, leaves = g.steps(3, true), g.oneIn(2)
	}
	if g.oneIn(3) { // a send and an await for its feedback come first
		g.sends++
		id := fmt.Sprintf("s%d", g.sends)
		g.ids = append(g.ids, id)
		do := g.steps(1, true)
		steps = fmt.Sprintf("[{send: push, template: %s}, {await: {within: %s, events: [{on: [a, b, c], of: %s, do: %s}]}}, ", id, g.span(10), id, do) + steps[1:]
	}
	if leaves || g.oneIn(3) {
		fmt.Fprintf(&b, "goal: {%s}\n", g.trigger("goal"))
	}
	if leaves && !g.oneIn(4) {
		b.WriteString("exit:\n")
		for range 1 + g.IntN(2) {
			fmt.Fprintf(&b, "  - {%s%s}\n", g.trigger("exit"), g.pick("", ", reason: said"))
		}
	}
	fmt.Fprintf(&b, "steps: %s\n", steps)
	for _, id := range g.ids {
		part := ""
		if key {
			part = "KEY/"
		}
		g.feedback = append(g.feedback, fmt.Sprintf("j%d/CUSTOMER/%sNUMBER/%s/VISIT", i, part, id))
	}
	return b.String()
}

// corner writes a journey for what random ones seldom meet.
func (g *generator) corner() string {
	head := func(enter string) string { return "---\njourney: j0\nenter: {" + enter + "}\n" }
	switch kinds := g.kinds(); {
	case g.fan: // more than 256 sends from two events
		text := head("on: a")
		for i := range 3 {
			emit := fmt.Sprintf("{emit: i%d}", i)
			text += fmt.Sprintf("steps: [%s, %[1]s, %[1]s, %[1]s]\n---\njourney: i%d\nenter: {on: i%[2]d, again: always}\n", emit, i)
		}
		return text + "steps: [{send: push, template: t0}, {send: email, template: t1}, {send: push, template: t2}, {send: email, template: t3}]\n"
	case g.season.zone != "" && g.oneIn(2): // local times on the day on which clocks change
		enter := "on: [a, b, c, d], again: always"
		if g.may["date"] && g.oneIn(2) {
			enter = "date: {of: profile.d, at: " + g.pick(g.season.clocks...) + "}, again: always"
		}
		wait := ""
		if g.may["wait at"] {
			wait = "{wait: {at: " + g.pick(g.season.clocks...) + "}}, "
		}
		return head(enter) + "timezone: " + g.season.zone + "\nsteps: [" + wait + "{" + g.send() + "}]\n"
	case len(kinds) > 0 && g.oneIn(2): // one that stands long enough to be left by what needs no event
		kind := g.pick(kinds...)
		exit := "{" + g.silent(kind) + "}"
		if kind == "becomes" {
			exit = "{becomes: '" + g.pick("profile.p > 1", "profile.b", "profile.q >= 2", `profile.s == "gold"`) + "'}"
		}
		goal := ""
		if g.oneIn(2) {
			goal, exit = "goal: "+exit+"\n", "{on: f}"
		}
		return head("on: [a, b, c], again: "+g.pick("always", "after_exit")) + goal + "exit: [" + exit + "]\nsteps: [{wait: 30d}, {" + g.send() + "}]\n"
	case g.may["quiet"] && g.oneIn(2): // one that ends at once, and whose deferred sends an event takes back
		return head("on: a, again: always") + "goal: {on: [b, d]" + g.pick("", ", within: "+g.span(60)) + "}\nexit: [{on: [c, e]}]\nsteps: [{send: push, template: u0}, {send: email, template: u1}]\n"
	case g.oneIn(2): // a repeat that ends by its condition, with a send in each round
		return head("on: a, again: always") + "steps: [{repeat: {times: 5, until: '" + g.condition(true, 0) + "', do: [{wait: " + g.duration() + "}, {" + g.send() + "}, {repeat: {times: 2, do: [{wait: " + g.duration() + "}]}}]}}, {" + g.send() + "}]\n"
	}
	// An await of two events that fit the same.
	return head("on: [b, c], again: "+g.pick("always", "after_exit")) + fmt.Sprintf("steps: [{await: {within: %s, events: [{on: [a, b], do: [{%s}]}, {on: [a, c], do: [{%s}]}]}}, {%s}]\n",
		g.span(30), g.send(), g.send(), g.send())
}

func (g *generator) steps(depth int, wait bool) string {
	var b []string
	for range 1 + g.IntN(3) {
		b = append(b, g.step(depth, wait))
	}
	return "[" + strings.Join(b, ", ") + "]"
}

func (g *generator) step(depth int, wait bool) string {
	var b strings.Builder
	b.WriteByte('{')
	if g.oneIn(5) {
		fmt.Fprintf(&b, "if: '%s', ", g.condition(true, 1))
	}
	kinds := []string{"send", "send", "set", "tag", "emit"}
	if wait {
		kinds = append(kinds, "wait", "wait", "await", "await", "await")
		if g.may["repeat"] && depth > 0 {
			kinds = append(kinds, "repeat", "repeat")
		}
	}
	if depth > 0 {
		kinds = append(kinds, "branch", "split", "exit")
		if g.may["choose"] {
			kinds = append(kinds, "choose")
		}
	}
	kind := g.pick(kinds...)
	if kind == "emit" && g.emits >= 3 {
		kind = "send"
	}
	switch kind {
	case "send":
		b.WriteString(g.send())
	case "set":
		b.WriteString("set: " + g.pick(`{p: "{{ profile.p + 1 }}"}`, `{p: "{{ event.n }}", q: "{{ profile.p }}"}`, `{s: gold, q: 2}`, `{s: null}`,
			`{s: "{{ event.k }}"}`, `{m: {a: "{{ event.n }}", b: {c: 1}}}`, `{m: "{{ event.o }}"}`, `{m: {a: null}}`, `{b: true}`, `{timezone: Europe/Berlin}`, `{q: "{{ profile.q + 0.5 }}"}`,
			`{b: false}`, `{p: 0}`, `{z: "{{ now }}"}`, `{consent: {push: true}}`, `{d: null}`))
	case "tag":
		b.WriteString(g.pick("tag: [t]", "tag: [u, t, u]", "untag: [t]", "untag: [u, t]"))
	case "emit":
		g.emits++
		fmt.Fprintf(&b, `emit: %s, with: {n: "{{ event.n + 1 }}", k: %s, w: %s}`, g.pick("e", "e", "f", "a"), g.pick("1", `"{{ enter.k }}"`), g.value())
	case "wait":
		b.WriteString("wait: " + g.wait())
	case "await":
		b.WriteString("await: " + g.await(depth-1))
	case "repeat":
		until := ""
		if g.oneIn(2) {
			until = ", until: '" + g.condition(true, 1) + "'"
		}
		body := g.steps(depth-1, true)
		fmt.Fprintf(&b, "repeat: {times: %d%s, do: [{wait: %s}, %s}", 1+g.IntN(4), until, g.wait(), body[1:])
	case "branch":
		b.WriteString("branch: [")
		for range 1 + g.IntN(2) {
			fmt.Fprintf(&b, "{if: '%s', do: %s}, ", g.condition(true, 1), g.steps(depth-1, wait))
		}
		if g.oneIn(2) {
			fmt.Fprintf(&b, "{do: %s}", g.steps(depth-1, wait))
		}
		b.WriteByte(']')
	case "choose":
		b.WriteString("choose: [")
		for k := range 1 + g.IntN(3) {
			cond := ""
			if g.oneIn(2) {
				cond = fmt.Sprintf("if: '%s', ", g.condition(true, 1))
			}
			fmt.Fprintf(&b, "{name: o%d, %sscore: '%s', do: %s}, ", k, cond, g.pick("1", "2", "event.n", "profile.p", "profile.q + 1", "enter.n", "event.n / 2", "event.k"), g.steps(depth-1, wait))
		}
		b.WriteByte(']')
	case "split":
		g.splits++
		name := g.splits
		if g.oneIn(8) {
			name = 1 // of a name that another split may have: one draw
		}
		fmt.Fprintf(&b, "split: {name: x%d, arms: [{name: a, weight: 1, do: %s}, {name: b, weight: 2.5}, {name: c, weight: 1, do: []}]}", name, g.steps(depth-1, wait))
	case "exit":
		b.WriteString("exit: out")
	}
	return b.String() + "}"
}

func (g *generator) send() string {
	g.sends++
	id := fmt.Sprintf("s%d", g.sends)
	text := "send: " + g.pick("push", "email") + ", template: " + id
	if g.oneIn(2) {
		text += ", with: " + g.with()
	}
	if g.oneIn(6) {
		text += ", expire: " + g.pick("2h", "30m", "9h")
	}
	if g.oneIn(8) {
		text += ", transactional: true"
	}
	if g.oneIn(6) {
		id += "_id"
		text += ", id: " + id
	}
	g.ids = append(g.ids, id)
	return text
}

func (g *generator) wait() string {
	if g.may["wait at"] && g.oneIn(2) {
		var keys []string
		if g.oneIn(2) {
			keys = append(keys, "for: "+g.duration())
		}
		if g.oneIn(6) && len(keys) > 0 {
			keys = append(keys, "since: enter")
		}
		if !g.oneIn(3) {
			keys = append(keys, "at: "+g.clock())
		}
		if g.oneIn(2) || len(keys) == 0 || !strings.HasPrefix(keys[len(keys)-1], "at") {
			keys = append(keys, "on: "+g.pick("[mon, tue]", "[sat]", "[sun, wed, thu]", "[fri, sat, sun]"))
		}
		return "{" + strings.Join(keys, ", ") + "}"
	}
	if g.may["wait until"] && g.oneIn(3) {
		until := g.pick(`now + duration("`+g.window()+`")`, "time(event.ts) + duration(\""+g.window()+"\")", `time(profile.d)`, `profile.z + duration("`+g.span(30)+`")`, `time(event.when)`, `time(enter.when)`)
		return "{until: '" + until + "'" + g.pick("", ", past: exit") + "}"
	}
	if g.oneIn(3) {
		return fmt.Sprintf("{since: enter, for: %s}", g.duration())
	}
	return g.duration()
}

func (g *generator) await(depth int) string {
	var b strings.Builder
	within := g.pick(g.span(1), g.span(2), g.span(5), g.span(10), g.span(60), "forever", "0s")
	if g.may["await until"] && !g.oneIn(3) {
		if !g.oneIn(3) {
			within = g.span(60)
		}
		fmt.Fprintf(&b, "{until: '%s', within: %s", g.lookCondition(g.IntN(2)), within)
		if depth >= 0 && g.oneIn(2) {
			fmt.Fprintf(&b, ", do: %s", g.steps(depth, true))
		}
	} else {
		fmt.Fprintf(&b, "{within: %s, events: [", within)
		for i := range 1 + g.IntN(2) {
			on := g.on(g.oneIn(2))
			if i > 0 && g.oneIn(2) {
				on = "on: [a, b]"
			}
			fmt.Fprintf(&b, "{%s", on)
			reset := g.oneIn(4)
			switch {
			case reset:
				b.WriteString(", reset: true")
			case g.oneIn(2):
				b.WriteString(", since: enter")
			}
			if !reset && depth >= 0 && g.oneIn(2) {
				fmt.Fprintf(&b, ", do: %s", g.steps(depth, true))
			}
			b.WriteString("}, ")
		}
		b.WriteString("]")
	}
	if depth >= 0 && g.oneIn(2) {
		fmt.Fprintf(&b, ", timeout: %s", g.steps(depth, true))
	}
	return b.String() + "}"
}

// log writes the events of a case.
func (g *generator) log() []string {
	var log []string
	now := g.start
	unit := int64(g.scale) * minute
	customers := []string{"c", "d", "c/ %é"}[:1+g.IntN(3)]
	events := max(g.crowd, 5+g.IntN(40))
	if g.versions {
		events = 40 + g.IntN(120) // what a case costs is to compile its releases
		for i := range 8 + g.IntN(16) {
			customers = append(customers, fmt.Sprint("c", i))
		}
	}
	var past []string
	for i := range events {
		at := now
		steady := g.crowd > 0 && !g.oneIn(20)
		switch g.IntN(12) {
		case 0:
			at -= g.Int64N(min(15*unit, 20*3_600_000))
		case 1:
			if !g.versions || g.oneIn(4) {
				at += 60 * unit
			}
		case 2, 3:
		case 4:
			if g.oneIn(4) && !g.versions {
				at += 25 * 3_600_000
			}
		default:
			at += []int64{1, unit / 2, unit, unit, 2 * unit, 3 * unit, 5 * unit}[g.IntN(7)]
		}
		if steady {
			at = now + unit/8
		}
		now = max(now, at)
		if len(past) > 0 && g.oneIn(15) {
			line := past[g.IntN(len(past))]
			if g.oneIn(2) { // the same id, later
				line = strings.Replace(line, `"late":0`, fmt.Sprintf(`"ts":%d`, now), 1)
			}
			log = append(log, line)
			continue
		}
		if g.oneIn(40) {
			log = append(log, g.pick("nonsense", "[]", `{"customer_id":"c"}`, `{"type":"a","ts":1}`))
			continue
		}
		customer := customers[g.IntN(len(customers))]
		kind := g.pick("a", "a", "a", "a", "b", "b", "c", "c", "d", "d", "e", "z", "push_sent")
		if g.versions && g.oneIn(2) {
			kind = "a"
		}
		if steady {
			customer, kind = "c", g.pick("a", "a", "a", "a", "a", "a", "a", "a", "a", kind)
		}
		line := g.event(i, at, kind, customer)
		past = append(past, line)
		log = append(log, line)
	}
	return log
}

func (g *generator) event(i int, at int64, kind, customer string) string {
	f := []string{fmt.Sprintf(`"type":%q`, kind)}
	if !g.oneIn(12) {
		f = append(f, fmt.Sprintf(`"ts":%d,"late":0`, at))
	}
	switch {
	case g.oneIn(10):
	case g.oneIn(10):
		f = append(f, fmt.Sprintf(`"event_id":%d`, i+1_000))
	default:
		f = append(f, fmt.Sprintf(`"event_id":"e%d"`, i))
	}
	if !g.oneIn(4) {
		f = append(f, `"n":`+g.pick("0", "1", "2", "3", "1.0", "2.5", `"x"`, "null"))
	}
	if !g.oneIn(3) {
		f = append(f, `"k":`+g.pick(`"x"`, "1", `"1"`, "true", `""`, "null", "1.0", `"y z"`, "2"))
	}
	if g.oneIn(3) {
		f = append(f, `"price":`+g.pick("30", "19.99", "1e3"))
	}
	if g.oneIn(3) {
		f = append(f, `"o":{"deep":1,"list":[1,2.50,null,"x"]}`)
	}
	if g.oneIn(4) {
		f = append(f, `"x":`+g.pick("null", "[]"))
	}
	if g.oneIn(4) {
		f = append(f, `"when":`+g.pick(fmt.Sprint(at+int64(g.IntN(20*g.scale))*minute), `"2026-03-30"`, `"soon"`, `"2026-11-01T09:00:00+02:00"`))
	}
	if traits := `"traits":`; g.may["date"] && g.oneIn(2) {
		f = append(f, traits+g.birthday())
	} else if !g.oneIn(3) {
		f = append(f, traits+g.pick(`{"p":7,"q":3,"s":"gold","none":1}`, `{"p":1.5,"s":null,"m":{"a":1,"b":{"c":null,"d":2}}}`, `{"m":{"a":null,"b":{"e":[1]}}}`,
			`5`, `null`, fmt.Sprintf(`{"timezone":%q}`, g.zone()), `{"timezone":"no/where","b":true}`, `{"tags":["t","v"]}`, `{"consent":{"push":true},"b":true}`, `{"consent":{"push":false}}`,
			`{"d":"2000-02-29"}`, `{"d":"2000-02-29","b":true}`, g.birthday(), g.birthday(), `{"d":"no date"}`, `{"d":null}`))
	}
	f = append(f, fmt.Sprintf(`"customer_id":%q`, customer))
	if len(g.feedback) > 0 && g.oneIn(2) {
		id := strings.NewReplacer("CUSTOMER", strings.ReplaceAll(customer, "/ %é", "%2F%20%25%C3%A9"), "KEY", g.pick("x", "1"), "NUMBER", g.pick("1", "1", "2"), "VISIT", g.pick("1", "1", "1", "2")).
			Replace(g.feedback[g.IntN(len(g.feedback))])
		f = append(f, fmt.Sprintf(`"action_id":%q`, id))
	}
	return "{" + strings.Join(f, ",") + "}"
}

// birthday writes traits with a date that comes soon, in this year or another.
func (g *generator) birthday() string {
	d := time.UnixMilli(g.start + int64(g.IntN(max(12*g.scale, 300)))*10*minute).UTC()
	if g.oneIn(2) {
		return `{"d":"` + g.season.day + `"` + g.pick("", fmt.Sprintf(`,"timezone":%q`, g.zone())) + "}"
	}
	year := g.pick("1990", "2000", fmt.Sprint(d.Year()), fmt.Sprint(d.Year()))
	return `{"d":"` + year + d.Format("-01-02") + `"` + g.pick("", `,"b":true`, fmt.Sprintf(`,"timezone":%q`, g.zone())) + "}"
}
