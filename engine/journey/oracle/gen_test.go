package oracle

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// generator writes workspaces and logs. Every choice follows from the seed and from what may be used.
type generator struct {
	*rand.Rand
	may    map[string]bool // constructs of this case
	scale  int             // minutes of a unit of its durations
	start  int64
	sends  int
	emits  int
	splits int
	crowd  int  // so many events of one customer, close together
	fan    bool // more sends than may wait for the end of quiet hours
	season season
	scores []string
	segs   []string
	ids    []string // sends of the journey in hand

	versions bool // of a case with deploys
	stepIDs  int  // ids of steps that were made for them
	named    int  // names of journeys

	feedback []string // action ids of all sends, with room for customer, key and number
}

// generate makes a case of a seed. Each construct that may be used is in about half of the cases, so that few of them meet
// often enough to be in one another's way, and often enough to meet.
func generate(t *testing.T, seed uint64, may map[string]bool) *scenario {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 11)), may: map[string]bool{}}
	for _, f := range keysOf(may) {
		g.may[f] = g.oneIn(2) && may[f]
	}
	g.scale = []int{1, 1, 20, 120, 720}[g.IntN(5)]
	all := seasons()
	g.season = all[g.IntN(len(all))]
	at, err := time.Parse(time.RFC3339, g.season.start)
	if err != nil {
		t.Fatal(err)
	}
	g.start = at.UnixMilli()
	switch {
	case g.oneIn(25):
		g.crowd = []int{40, 150, 220}[g.IntN(3)]
	case g.may["quiet"] && g.oneIn(60):
		g.fan = true
	}
	s := &scenario{}
	s.profile = readYAML(t, g.profile())[0]
	if text := g.policies(); text != "" {
		s.policies = readYAML(t, text)[0]
	}
	var journeys strings.Builder
	for i := range 1 + g.IntN(3) {
		journeys.WriteString(g.journey(i))
	}
	s.journeys = readYAML(t, journeys.String())
	s.log = g.log()
	s.until = forever
	if !g.oneIn(3) {
		s.until = g.start + int64(g.IntN(60))*int64(max(g.scale, 10))*5*minute
	}
	return s
}

// season is when a log begins: ahead of a change of the clocks of a zone, the end of February, or of the year.
type season struct {
	start  string
	zone   string   // whose clocks change
	day    string   // the local day that is special
	clocks []string // what they skip or repeat on it
}

func seasons() []season {
	return []season{
		{"2026-02-26T12:00:00Z", "", "2000-02-29", nil},
		{"2027-02-27T12:00:00Z", "", "2000-02-29", nil},
		{"2028-02-27T12:00:00Z", "", "2000-02-29", nil},
		{"2026-12-30T09:00:00Z", "", "2027-01-01", nil},
		{"2026-03-28T18:00:00Z", "Europe/Berlin", "2026-03-29", []string{`"02:30"`, `"02:00"`}},
		{"2026-10-24T20:00:00Z", "Europe/Berlin", "2026-10-25", []string{`"02:30"`, `"02:00"`}},
		{"2026-03-07T20:00:00Z", "America/New_York", "2026-03-08", []string{`"02:30"`, `"02:00"`}},
		{"2026-10-31T22:00:00Z", "America/New_York", "2026-11-01", []string{`"01:30"`, `"01:00"`}},
		{"2026-04-04T08:00:00Z", "Australia/Lord_Howe", "2026-04-05", []string{`"01:45"`, `"01:30"`}},
		{"2026-10-03T08:00:00Z", "Australia/Lord_Howe", "2026-10-04", []string{`"02:15"`, `"02:00"`}},
	}
}

func (g *generator) pick(from ...string) string { return from[g.IntN(len(from))] }
func (g *generator) oneIn(n int) bool           { return g.IntN(n) == 0 }

// span is a duration of some units.
func (g *generator) span(units int) string {
	m := units * g.scale
	switch {
	case m%1440 == 0 && m > 0:
		return fmt.Sprintf("%dd", m/1440)
	case m > 60 && m%60 != 0:
		return fmt.Sprintf("%dh%dm", m/60, m%60)
	}
	return fmt.Sprintf("%dm", m)
}

func (g *generator) duration() string {
	return g.span([]int{0, 1, 1, 2, 3, 5, 10, 30}[g.IntN(8)])
}

func (g *generator) window() string {
	if g.crowd > 0 && g.oneIn(2) {
		return g.span(30)
	}
	return g.span([]int{1, 2, 3, 5, 10}[g.IntN(5)])
}

func (g *generator) types() string {
	return g.pick("a", "a", "b", "c", "d", "[a, b]", "[c, d, e]", "e", "f")
}

func (g *generator) clock() string {
	if len(g.season.clocks) > 0 && g.oneIn(2) {
		return g.pick(g.season.clocks...)
	}
	return g.pick(`"00:00"`, `"09:00"`, `"02:30"`, `"22:00"`, `"12:15"`, `"02:00"`, `"23:59"`)
}

func (g *generator) zone() string {
	if g.season.zone != "" && !g.oneIn(3) {
		return g.season.zone
	}
	return g.pick("Asia/Shanghai", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "UTC", "Asia/Kolkata")
}

// lookCondition is one over profile, score, segment and windows alone.
func (g *generator) lookCondition(depth int) string {
	if depth > 0 && g.oneIn(3) {
		x, y := g.lookCondition(depth-1), g.lookCondition(depth-1)
		return g.pick("("+x+") && ("+y+")", "("+x+") || ("+y+")", "!("+x+")")
	}
	c := []string{"profile.p > 1", "profile.p < 3", "profile.p >= 3", "profile.q >= 2", "profile.b", `profile.s == "gold"`, `"t" in profile.tags`, "has(profile.s)", "profile.m.a == 1", "profile.p % 2 == 1"}
	if g.may["windows"] {
		c = append(c, g.windowed(), g.windowed(), g.windowed(), g.windowed())
	}
	for _, name := range g.scores {
		c = append(c, fmt.Sprintf("score.%s >= %d", name, []int{5, 10, 15}[g.IntN(3)]), fmt.Sprintf("score.%s < %d", name, []int{5, 10, 15}[g.IntN(3)]))
	}
	for _, name := range g.segs {
		c = append(c, "segment."+name, "segment."+name, "!segment."+name)
	}
	return c[g.IntN(len(c))]
}

func (g *generator) windowed() string {
	kind := g.pick("a", "a", "b", "c", "e")
	switch g.IntN(6) {
	case 0, 1, 2:
		return fmt.Sprintf(`count("%s", "%s") %s %d`, kind, g.window(), g.pick(">=", ">=", "==", "<"), 1+g.IntN(3))
	case 3:
		return fmt.Sprintf(`sum("%s", "%s", "%s") > %d`, kind, g.pick("n", "price"), g.window(), []int{0, 2, 30}[g.IntN(3)])
	case 4:
		return fmt.Sprintf(`seen("%s")`, g.pick("d", "e", "f", "c"))
	}
	return fmt.Sprintf(`last("%s") - last("%s") > duration("%s")`, kind, g.pick("d", "b"), g.window())
}

// condition is one that may read the event, and inside a journey the enrollment.
func (g *generator) condition(inside bool, depth int) string {
	if depth > 0 && g.oneIn(3) {
		x, y := g.condition(inside, depth-1), g.condition(inside, depth-1)
		return g.pick("("+x+") && ("+y+")", "("+x+") || ("+y+")", "!("+x+")")
	}
	if g.oneIn(4) {
		return g.lookCondition(0)
	}
	c := []string{
		"event.n > 1", "event.n >= 2", "event.n != 0", "event.n == 1", "has(event.n)", `event.k == "x"`, "event.n < 2.5", `event.type == "a"`, "event.x == null", "event.o.deep > 0",
		"event.?n.orValue(0) > 0", "event.n * 2 > 3", "event.n / 2 >= 1", "event.n - 1 == 0", `time(event.ts) <= now`,
	}
	if inside {
		c = append(c, "event.n == enter.n", "enter.n < 2", "event.n > enter.n", `enter.type == "a"`, "event.k == enter.k", "has(enter.n)")
		if g.may["windows"] && !g.versions {
			c = append(c, `count("a", "enter") >= 1`, `seen("b", "enter")`, `sum("a", "n", "enter") > 1`, `count("a", "enter") < 2`)
		}
		if len(g.ids) > 0 {
			id := g.ids[g.IntN(len(g.ids))]
			c = append(c, "has(sent."+id+")", "sent."+id+".at < now", `sent["`+id+`"].at <= now`, fmt.Sprintf(`now - sent.%s.at > duration("%s")`, id, g.window()))
		}
	}
	return c[g.IntN(len(c))]
}

func (g *generator) value() string {
	v := []string{
		"5", "19.99", "true", "null", "plain", "'{{ event.n }}'", "'{{ enter.n }}'", "'{{ profile.p }}'", "'{{ profile.q }}'", "'{{ event.n + 1 }}'",
		"'{{ event.k }}'", "'n={{ event.n }} k={{ event.k }} p={{ profile.p }}'", "'{{ now }}'", "'at {{ now }}, {{ enter.ts }}'", "'{{ event.type }}'",
		"'{{ event.o }}'", "'o={{ event.o }}'", "'{{ event.event_id }}'", "'{{ profile.m }}'", "'{{ profile.tags }}'", "'m={{ profile.m }} {{ profile.tags }}'",
		"'{{ event.x }}'", "'x{{ event.x }}x'", "'{{ enter.k }}'", "'{{ profile.s }}'", "'{{ event.price }}'", "'p={{ event.price }}'", "'{{ event.price + enter.n }}'",
		"{deep: ['{{ event.n }}', {k: '{{ event.k }}', c: 1}], n: '{{ event.none }}'}", "'{{ has(event.n) }}'", "'{{ event.ts }}'", "'{{ profile.d }}'", "'{{ profile.z }}'", "'z={{ profile.z }}'",
		"'{{ time(event.ts) }}'", `'{{ now + duration("90m") }}'`, `'{{ time(profile.d) }}'`,
	}
	if g.may["windows"] {
		v = append(v, `'{{ count("a", "`+g.window()+`") }}'`, `'s={{ sum("a", "price", "`+g.window()+`") }}'`, `'{{ last("a") }}'`, `'{{ seen("b") }}'`)
		if !g.versions {
			v = append(v, `'{{ count("a", "enter") }}'`)
		}
	}
	for _, name := range g.scores {
		v = append(v, "'{{ score."+name+" }}'", "'{{ score."+name+" }}'")
	}
	for _, name := range g.segs {
		v = append(v, "'{{ segment."+name+" }}'")
	}
	if len(g.ids) > 0 {
		id := g.ids[g.IntN(len(g.ids))]
		v = append(v, "'{{ sent."+id+".at }}'", "'{{ sent[\""+id+"\"].action_id }}'", "'s={{ sent."+id+".at }}'")
	}
	return v[g.IntN(len(v))]
}

func (g *generator) with() string {
	var b []string
	for i := range 1 + g.IntN(4) {
		b = append(b, fmt.Sprintf("w%d: %s", i, g.value()))
	}
	return "{" + strings.Join(b, ", ") + "}"
}

func (g *generator) profile() string {
	var b strings.Builder
	b.WriteString("attributes: {p: int, q: double, s: string, b: bool, m: map, d: date, z: timestamp}\nupdate:\n")
	b.WriteString("  - {on: c, set: event.traits}\n")
	b.WriteString("  - {on: b, set: {p: '{{ event.n }}', q: '{{ event.price }}'}}\n")
	b.WriteString("  - {on: [d, e], if: has(event.n), set: {p: '{{ profile.p + 1 }}', b: '{{ event.n > 1 }}', z: '{{ event.ts }}'}}\n")
	if g.oneIn(3) {
		b.WriteString("  - {on: a, set: {p: '{{ event.n }}'}}\n")
	}
	if g.may["scores"] {
		b.WriteString("scores:\n")
		for i := range 1 + g.IntN(2) {
			name := fmt.Sprintf("c%d", i)
			fmt.Fprintf(&b, "  %s:\n    add:\n", name)
			for range 1 + g.IntN(3) {
				cond := ""
				if g.oneIn(3) {
					cond = "if: '" + g.pick("event.n > 1", "has(event.k)", "profile.p > 1", "event.n == 1") + "', "
				}
				fmt.Fprintf(&b, "      - {on: %s, %spoints: %d}\n", g.types(), cond, []int{3, 5, 10, 7, -5}[g.IntN(5)])
			}
			switch g.IntN(3) {
			case 0, 1:
				fmt.Fprintf(&b, "    idle: {after: %s, points: %d}\n    min: %d\n", g.span(1+g.IntN(5)), []int{-4, -10, -1}[g.IntN(3)], []int{0, 0, -6, 2}[g.IntN(4)])
			case 2:
				if g.oneIn(2) {
					b.WriteString("    min: 0\n")
				}
			}
			g.scores = append(g.scores, name)
		}
	}
	if g.may["segments"] {
		b.WriteString("segments:\n")
		for i := range 1 + g.IntN(2) {
			name := fmt.Sprintf("g%d", i)
			fmt.Fprintf(&b, "  %s: '%s'\n", name, g.lookCondition(1))
			g.segs = append(g.segs, name)
		}
	}
	return b.String()
}

func (g *generator) caps() string {
	var b []string
	for range 1 + g.IntN(2) {
		b = append(b, fmt.Sprintf("{max: %d, per: %s}", 1+g.IntN(3), g.pick(g.window(), g.span(10), "24h", "day")))
	}
	return "[" + strings.Join(b, ", ") + "]"
}

func (g *generator) policies() string {
	var b strings.Builder
	if g.may["policies timezone"] {
		fmt.Fprintf(&b, "timezone: %s\n", g.zone())
	}
	if g.fan {
		fmt.Fprintf(&b, "channels: {push: {quiet: {from: %s, to: \"23:59\", then: defer}}, email: {quiet: {from: \"00:00\", to: \"23:59\", then: defer}}}\n", g.pick(`"00:00"`, `"12:00"`))
		return b.String()
	}
	var channels strings.Builder
	for _, name := range []string{"push", "email"} {
		var keys []string
		if g.may["consent"] && g.oneIn(2) {
			keys = append(keys, "consent: '"+g.pick("profile.consent.push", "profile.b", g.lookCondition(1))+"'")
		}
		if g.may["quiet"] && g.oneIn(2) {
			keys = append(keys, "quiet: {from: "+g.pick(`"22:00", to: "08:00"`, `"00:00", to: "12:30"`, `"12:00", to: "23:30"`, `"01:00", to: "02:30"`, `"02:30", to: "22:00"`, `"18:00", to: "02:30"`)+", then: "+g.pick("defer", "defer", "drop")+"}")
		}
		if g.may["caps"] && g.oneIn(2) {
			keys = append(keys, "caps: "+g.caps())
		}
		if g.may["channel expire"] && g.oneIn(2) {
			keys = append(keys, "expire: "+g.pick("2h", "30m", "12h"))
		}
		if len(keys) > 0 {
			fmt.Fprintf(&channels, "  %s: {%s}\n", name, strings.Join(keys, ", "))
		}
	}
	if channels.Len() > 0 {
		b.WriteString("channels:\n" + channels.String())
	}
	if g.may["all"] {
		b.WriteString("all: {caps: " + g.caps() + "}\n")
	}
	return b.String()
}
