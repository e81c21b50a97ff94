package journey

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"sort"
	"strings"
	"testing"

	"wend/schemas"
	"wend/schemas/yamlfile"
)

var (
	oracleSeed  = flag.Uint64("oracle-seed", 1, "the first case of TestOracle")
	oracleCases = flag.Int("oracle-cases", 250, "how many cases TestOracle compares")
)

// oracleGen writes workspaces and logs. Every choice follows from the seed.
type oracleGen struct {
	*rand.Rand
	sends, emits, splits int
	ids                  []string // sends of the journey in hand
	feedback             []string // what begins and ends the action ids of all sends, with room for customer, key and number
}

func (g *oracleGen) pick(from ...string) string { return from[g.IntN(len(from))] }
func (g *oracleGen) oneIn(n int) bool           { return g.IntN(n) == 0 }

func (g *oracleGen) duration() string {
	return g.pick("0s", "1m", "1m", "2m", "3m", "5m", "10m", "1h", "90s", "1h30m")
}

func (g *oracleGen) types() string {
	return g.pick("a", "a", "b", "c", "d", "[a, b]", "[c, d, e]", "e", "f")
}

// condition writes an expression that the oracle can read too.
func (g *oracleGen) condition(inside bool, depth int) string {
	if depth > 0 && g.oneIn(3) {
		x, y := g.condition(inside, depth-1), g.condition(inside, depth-1)
		switch g.IntN(3) {
		case 0:
			return "(" + x + ") && (" + y + ")"
		case 1:
			return "(" + x + ") || (" + y + ")"
		}
		return "!(" + x + ")"
	}
	plain := []string{
		"event.n > 1", "event.n >= 2", "event.n != 0", "event.n == 1", "has(event.n)", "event.k == \"x\"", "event.n < 2.5",
		"profile.p > 1", "profile.p < 3", "profile.q >= 2", "profile.b", "profile.s == \"gold\"", "\"t\" in profile.tags",
		"has(profile.s)", "event.type == \"a\"", "event.x == null", "profile.m.a == 1", "event.o.deep > 0",
	}
	if inside {
		plain = append(plain, "event.n == enter.n", "enter.n < 2", "event.n > enter.n", "enter.type == \"a\"", "event.k == enter.k", "has(enter.n)")
		if len(g.ids) > 0 {
			id := g.ids[g.IntN(len(g.ids))]
			plain = append(plain, "has(sent."+id+")", "sent."+id+".at < now", `sent["`+id+`"].at <= now`)
		}
	}
	return plain[g.IntN(len(plain))]
}

func (g *oracleGen) value() string {
	v := []string{
		"5", "19.99", "true", "null", "plain", "'{{ event.n }}'", "'{{ enter.n }}'", "'{{ profile.p }}'", "'{{ profile.q }}'", "'{{ event.n + 1 }}'",
		"'{{ event.k }}'", "'n={{ event.n }} k={{ event.k }} p={{ profile.p }}'", "'{{ now }}'", "'at {{ now }}, {{ enter.ts }}'", "'{{ event.type }}'",
		"'{{ event.o }}'", "'o={{ event.o }}'", "'{{ event.event_id }}'", "'{{ profile.m }}'", "'{{ profile.tags }}'", "'m={{ profile.m }} {{ profile.tags }}'",
		"'{{ event.x }}'", "'x{{ event.x }}x'", "'{{ enter.k }}'", "'{{ profile.s }}'", "'{{ event.price }}'", "'p={{ event.price }}'", "'{{ event.price + enter.n }}'",
		"{deep: ['{{ event.n }}', {k: '{{ event.k }}', c: 1}], n: '{{ event.none }}'}", "'{{ has(event.n) }}'", "'{{ event.ts }}'",
	}
	if len(g.ids) > 0 {
		id := g.ids[g.IntN(len(g.ids))]
		v = append(v, "'{{ sent."+id+".at }}'", "'{{ sent[\""+id+"\"].action_id }}'", "'s={{ sent."+id+".at }}'")
	}
	return v[g.IntN(len(v))]
}

func (g *oracleGen) with() string {
	var b []string
	for i := range 1 + g.IntN(4) {
		b = append(b, fmt.Sprintf("w%d: %s", i, g.value()))
	}
	return "{" + strings.Join(b, ", ") + "}"
}

func (g *oracleGen) trigger(of, do bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "on: %s", g.types())
	if g.oneIn(3) {
		fmt.Fprintf(&b, ", if: '%s'", g.condition(true, 1))
	}
	if of && len(g.ids) > 0 && g.oneIn(3) {
		fmt.Fprintf(&b, ", of: %s", g.ids[g.IntN(len(g.ids))])
	}
	if do && g.oneIn(3) {
		fmt.Fprintf(&b, ", do: %s", g.steps(1, false))
	}
	return b.String()
}

func (g *oracleGen) journey(i int) string {
	g.ids = nil
	var b strings.Builder
	fmt.Fprintf(&b, "---\njourney: j%d\n", i)
	if g.oneIn(2) {
		fmt.Fprintf(&b, "priority: %d\n", g.IntN(3)-1)
	}
	if g.oneIn(3) {
		fmt.Fprintf(&b, "timezone: %s\n", g.pick("Asia/Shanghai", "America/New_York"))
	}
	if g.oneIn(6) {
		fmt.Fprintf(&b, "holdout: %s\n", g.pick("50%", "100%", "12.5%"))
	}
	if g.oneIn(8) {
		fmt.Fprintf(&b, "rollout: %s\n", g.pick("50%", "0%", "66.6%"))
	}
	fmt.Fprintf(&b, "enter: {on: %s, again: %s", g.types(), g.pick("never", "after_exit", "always", "always", "{after: 3m}", "{after: 1h}"))
	if g.oneIn(4) {
		fmt.Fprintf(&b, ", times: %d, within: %s", 2+g.IntN(3), g.pick("0s", "1m", "5m", "1h"))
	}
	if g.oneIn(2) {
		fmt.Fprintf(&b, ", key: %s", g.pick("event.k", "event.k", "event.n"))
	}
	if g.oneIn(4) {
		fmt.Fprintf(&b, ", if: '%s'", g.condition(false, 1))
	}
	b.WriteString("}\n")
	steps := g.steps(3, true)
	if g.oneIn(3) { // a send and an await for its feedback come first
		g.sends++
		id := fmt.Sprintf("s%d", g.sends)
		g.ids = append(g.ids, id)
		do := g.steps(1, true)
		steps = fmt.Sprintf("[{send: push, template: %s}, {await: {within: 10m, events: [{on: [a, b, c], of: %s, do: %s}]}}, ", id, id, do) + steps[1:]
	}
	if g.oneIn(2) {
		extra := []string{"", ", within: 2m", ", within: 1h", ", times: 2, within: 5m"}
		fmt.Fprintf(&b, "goal: {%s%s}\n", g.trigger(true, true), extra[g.IntN(4)])
	}
	if g.oneIn(2) {
		b.WriteString("exit:\n")
		for range 1 + g.IntN(2) {
			extra := []string{"", ", reason: said", ", times: 2, within: 5m", ", times: 3, within: 1h, reason: thrice"}
			fmt.Fprintf(&b, "  - {%s%s}\n", g.trigger(true, true), extra[g.IntN(4)])
		}
	}
	fmt.Fprintf(&b, "steps: %s\n", steps)
	for _, id := range g.ids {
		key := ""
		if strings.Contains(b.String(), ", key: ") {
			key = "KEY/"
		}
		g.feedback = append(g.feedback, fmt.Sprintf("j%d/CUSTOMER/%sNUMBER/%s/1", i, key, id))
	}
	return b.String()
}

func (g *oracleGen) steps(depth int, wait bool) string {
	var b []string
	for range 1 + g.IntN(3) {
		b = append(b, g.step(depth, wait))
	}
	return "[" + strings.Join(b, ", ") + "]"
}

func (g *oracleGen) step(depth int, wait bool) string {
	var b strings.Builder
	b.WriteByte('{')
	if g.oneIn(5) {
		fmt.Fprintf(&b, "if: '%s', ", g.condition(true, 1))
	}
	kinds := []string{"send", "send", "set", "tag", "emit"}
	if wait {
		kinds = append(kinds, "wait", "wait", "await", "await", "await")
	}
	if depth > 0 {
		kinds = append(kinds, "branch", "split", "exit")
	}
	kind := g.pick(kinds...)
	if kind == "emit" && g.emits >= 3 {
		kind = "send"
	}
	switch kind {
	case "send":
		g.sends++
		id := fmt.Sprintf("s%d", g.sends)
		fmt.Fprintf(&b, "send: %s, template: %s", g.pick("push", "email"), id)
		if g.oneIn(2) {
			fmt.Fprintf(&b, ", with: %s", g.with())
		}
		if g.oneIn(6) {
			b.WriteString(", expire: 2h, transactional: true")
		}
		if g.oneIn(6) {
			id += "_id"
			fmt.Fprintf(&b, ", id: %s", id)
		}
		g.ids = append(g.ids, id)
	case "set":
		b.WriteString("set: " + g.pick(`{p: "{{ profile.p + 1 }}"}`, `{p: "{{ event.n }}", q: "{{ profile.p }}"}`, `{s: gold, q: 2}`, `{s: null}`,
			`{s: "{{ event.k }}"}`, `{m: {a: "{{ event.n }}", b: {c: 1}}}`, `{m: "{{ event.o }}"}`, `{m: {a: null}}`, `{b: true}`, `{timezone: Europe/Berlin}`, `{q: "{{ profile.q + 0.5 }}"}`))
	case "tag":
		b.WriteString(g.pick("tag: [t]", "tag: [u, t, u]", "untag: [t]", "untag: [u, t]"))
	case "emit":
		g.emits++
		fmt.Fprintf(&b, `emit: %s, with: {n: "{{ event.n + 1 }}", k: %s, w: %s}`, g.pick("e", "e", "f", "a"), g.pick("1", `"{{ enter.k }}"`), g.value())
	case "wait":
		if g.oneIn(3) {
			fmt.Fprintf(&b, "wait: {since: enter, for: %s}", g.duration())
		} else {
			fmt.Fprintf(&b, "wait: %s", g.duration())
		}
	case "await":
		b.WriteString("await: " + g.await(depth-1))
	case "branch":
		b.WriteString("branch: [")
		for range 1 + g.IntN(2) {
			fmt.Fprintf(&b, "{if: '%s', do: %s}, ", g.condition(true, 1), g.steps(depth-1, wait))
		}
		if g.oneIn(2) {
			fmt.Fprintf(&b, "{do: %s}", g.steps(depth-1, wait))
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

func (g *oracleGen) await(depth int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "{within: %s, events: [", g.pick("1m", "2m", "5m", "10m", "1h", "forever", "0s"))
	for range 1 + g.IntN(2) {
		fmt.Fprintf(&b, "{%s", g.trigger(true, false))
		switch g.IntN(4) {
		case 0, 1:
			b.WriteString(", since: enter")
			if depth >= 0 {
				fmt.Fprintf(&b, ", do: %s", g.steps(depth, true))
			}
		case 2:
			b.WriteString(", reset: true")
		case 3:
			if depth >= 0 {
				fmt.Fprintf(&b, ", do: %s", g.steps(depth, true))
			}
		}
		b.WriteString("}, ")
	}
	b.WriteString("]")
	if depth >= 0 && g.oneIn(2) {
		fmt.Fprintf(&b, ", timeout: %s", g.steps(depth, true))
	}
	return b.String() + "}"
}

const oracleProfile = `
attributes: {p: int, q: double, s: string, b: bool, m: map}
update:
  - {on: c, set: event.traits}
  - {on: b, set: {p: "{{ event.n }}", q: "{{ event.price }}"}}
  - {on: [d, e], if: has(event.n), set: {p: "{{ profile.p + 1 }}", b: "{{ event.n > 1 }}"}}
`

func (g *oracleGen) log() string {
	var b strings.Builder
	now := int64(caseStart)
	customers := []string{"c", "d", "c/ %é"}[:1+g.IntN(3)]
	var past []string
	for i := range 5 + g.IntN(40) {
		at := now
		switch g.IntN(12) {
		case 0:
			at -= g.Int64N(900_000)
		case 1:
			at += 3_600_000
		case 2, 3:
		case 4:
			if g.oneIn(4) {
				at += 25 * 3_600_000
			}
		default:
			at += []int64{1, 30_000, 60_000, 60_000, 120_000, 180_000, 300_000}[g.IntN(7)]
		}
		now = max(now, at)
		if len(past) > 0 && g.oneIn(15) {
			line := past[g.IntN(len(past))]
			if g.oneIn(2) { // the same id, later
				line = strings.Replace(line, `"late":0`, fmt.Sprintf(`"ts":%d`, now), 1)
			}
			b.WriteString(line + "\n")
			continue
		}
		if g.oneIn(40) {
			b.WriteString(g.pick("nonsense", "[]", `{"customer_id":"c"}`, `{"type":"a","ts":1}`) + "\n")
			continue
		}
		f := []string{fmt.Sprintf(`"type":%q`, g.pick("a", "a", "a", "b", "c", "d", "e", "z"))}
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
		if g.oneIn(2) {
			f = append(f, `"traits":`+g.pick(`{"p":7,"q":3,"s":"gold","none":1}`, `{"p":1.5,"s":null,"m":{"a":1,"b":{"c":null,"d":2}}}`, `{"m":{"a":null,"b":{"e":[1]}}}`,
				`5`, `null`, `{"timezone":"Europe/Berlin"}`, `{"timezone":"no/where","b":true}`, `{"tags":["t","v"]}`))
		}
		customer := customers[g.IntN(len(customers))]
		f = append(f, fmt.Sprintf(`"customer_id":%q`, customer))
		if len(g.feedback) > 0 && g.oneIn(2) {
			id := strings.NewReplacer("CUSTOMER", strings.ReplaceAll(customer, "/ %é", "%2F%20%25%C3%A9"), "KEY", g.pick("x", "1"), "NUMBER", g.pick("1", "1", "2")).
				Replace(g.feedback[g.IntN(len(g.feedback))])
			f = append(f, fmt.Sprintf(`"action_id":%q`, id))
		}
		line := "{" + strings.Join(f, ",") + "}"
		past = append(past, line)
		b.WriteString(line + "\n")
	}
	return b.String()
}

// oracleWant is what the oracle says; false when the case grows too large to be one.
func oracleWant(ws *Workspace, log string, until int64) (o *oracle, ok bool) {
	defer func() {
		if r := recover(); r != nil {
			if r != any(errTooMuch) {
				panic(r)
			}
			ok = false
		}
	}()
	o = newOracle(ws)
	o.simulate(log, until)
	return o, true
}

// oracleGot is what Simulate says, in the same words.
func oracleGot(t *testing.T, p *Program, log string, until int64) (lines []string) {
	sim, err := SimulateLog(p, strings.NewReader(log), SimulateOptions{Until: until, Trace: true}, func(*schemas.Action) {}, func(int, string) {})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range sim.Trace() {
		switch d.Kind {
		case DecidedSent:
			v, err := schemas.ParseJSON(d.Action.AppendJSON(nil))
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, jsonOracle(v))
		case DecidedGoal:
			lines = append(lines, fmt.Sprintf("%s#%d goal", d.Journey, d.Enrollment))
		case DecidedExit:
			lines = append(lines, fmt.Sprintf("%s#%d exit %s", d.Journey, d.Enrollment, d.Reason))
		case DecidedRefused:
			lines = append(lines, fmt.Sprintf("%s refused %s", d.Journey, d.Reason))
		}
	}
	return lines
}

// TestOracle compares Simulate with the oracle on random workspaces and logs. Run one again with
// -oracle-seed N -oracle-cases 1; -v prints how often each construct came into play.
func TestOracle(t *testing.T) {
	n := *oracleCases
	if testing.Short() {
		n = min(n, 200)
	}
	fired := map[string]int{}
	compared := 0
	for seed := *oracleSeed; seed < *oracleSeed+uint64(n); seed++ {
		g := &oracleGen{Rand: rand.New(rand.NewPCG(seed, 7))}
		var text strings.Builder
		journeys := 1 + g.IntN(3)
		for i := range journeys {
			text.WriteString(g.journey(i))
		}
		log := g.log()
		var problems yamlfile.Problems
		ws := &Workspace{}
		docs, _ := yamlfile.Parse("journeys.yaml", []byte(text.String()), &problems)
		for _, d := range docs {
			ws.Journeys = append(ws.Journeys, parseJourney(d, &problems))
		}
		docs, _ = yamlfile.Parse("profile.yaml", []byte(oracleProfile), &problems)
		ws.Profile = parseProfile(docs[0], &problems)
		p, more := Compile(ws)
		if problems.Failed() || p == nil {
			t.Fatalf("seed %d:\n%s\n%v\n%v", seed, text.String(), problems, more)
		}
		until := int64(caseStart) + 7*24*3_600_000
		o, ok := oracleWant(ws, log, until)
		if !ok {
			continue
		}
		compared++
		got := oracleGot(t, p, log, until)
		for i := range max(len(got), len(o.lines)) {
			want, have := "nothing more", "nothing more"
			if i < len(o.lines) {
				want = o.lines[i].text
			}
			if i < len(got) {
				have = got[i]
			}
			if want != have {
				var all strings.Builder
				for _, l := range o.lines {
					fmt.Fprintf(&all, "%s %s %s\n", schemas.AppendJSON(nil, l.at-caseStart), l.customer, l.text)
				}
				t.Fatalf("seed %d: line %d\ngot  %s\nwant %s\n%s\n%s\n%s", seed, i+1, have, want, text.String(), log, all.String())
			}
		}
		for k, n := range o.fired {
			fired[k] += n
		}
	}
	names := make([]string, 0, len(fired))
	for k := range fired {
		names = append(names, k)
	}
	sort.Strings(names)
	t.Logf("%d cases compared", compared)
	for _, k := range names {
		t.Logf("%7d  %s", fired[k], k)
	}
	if n < 1000 {
		return
	}
	// A construct that never comes into play is not compared at all.
	for _, k := range []string{"goal: of an ended enrollment", "goal: another it would fit goes on", "await: since enter", "reset", "await: timeout",
		"of: this very send", "times within, in enter", "times within, in goal or exit", "duplicate", "late event", "timer: two at one instant",
		"emit: cut at the ninth link", "send: withheld", "refused limit", "refused too_soon", "refused already_enrolled", "refused key", "refused rollout"} {
		if fired[k] == 0 {
			t.Errorf("no case shows: %s", k)
		}
	}
}
