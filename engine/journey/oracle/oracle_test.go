// Package oracle holds the engine's decisions to a second, naive interpreter of the journey language, on random workspaces
// and logs. It is tests alone.
package oracle

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
)

var (
	firstCase = flag.Uint64("oracle.seed", 1, "the first case of TestOracle")
	cases     = flag.Int("oracle.cases", 300, "how many cases TestOracle compares, a fifteenth of it with -short; from 10000 on each construct must come into play 100 times")
	goOn      = flag.Bool("oracle.all", false, "go on behind a case that differs, and say how many did")
	shrinks   = flag.Bool("oracle.shrink", true, "make a case that differs small")
)

// constructs are what the generator uses only where the engine takes it, each with the least workspace that has it.
func constructs(t *testing.T) map[string]*scenario {
	const enter, steps = "enter: {on: a}\n", "steps: [{send: push, template: t}]\n"
	texts := map[string][3]string{
		"becomes":           {"enter: {becomes: profile.b}\n" + steps},
		"inactive":          {"enter: {inactive: {for: 1h}}\n" + steps},
		"date":              {"enter: {date: {of: profile.d}}\n" + steps},
		"schedule":          {"enter: {schedule: {cron: '0 9 * * *'}}\n" + steps},
		"wait at":           {enter + "steps: [{wait: {at: '09:00', on: [mon]}}]\n"},
		"wait until":        {enter + "steps: [{wait: {until: now, past: exit}}]\n"},
		"await until":       {enter + "steps: [{await: {until: profile.b, within: 1h}}]\n"},
		"choose":            {enter + "steps: [{choose: [{name: a, score: profile.p, do: []}]}]\n"},
		"repeat":            {enter + "steps: [{repeat: {times: 2, do: [{wait: 1h}]}}]\n"},
		"windows":           {enter + "steps: [{if: 'count(\"a\", \"1h\") > 1', exit: out}]\n"},
		"scores":            {enter + steps, "scores: {c: {add: [{on: a, points: 1}], idle: {after: 1h, points: -1}, min: 0}}\n"},
		"segments":          {enter + steps, "segments: {g: profile.b}\n"},
		"policies timezone": {enter + steps, "", "timezone: Asia/Shanghai\n"},
		"consent":           {enter + steps, "", "channels: {push: {consent: profile.b}}\n"},
		"quiet":             {enter + steps, "", "channels: {push: {quiet: {from: '22:00', to: '08:00', then: defer}}}\n"},
		"caps":              {enter + steps, "", "channels: {push: {caps: [{max: 1, per: 24h}]}}\n"},
		"channel expire":    {enter + steps, "", "channels: {push: {expire: 1h}}\n"},
		"all":               {enter + steps, "", "all: {caps: [{max: 1, per: day}]}\n"},
	}
	all := map[string]*scenario{}
	for name, text := range texts {
		s := &scenario{}
		for i, part := range text {
			switch i {
			case 0:
				part = "journey: j\n" + part
			case 1:
				part = "attributes: {b: bool, d: date, p: int}\n" + part
			}
			if part == "" {
				continue
			}
			docs := readYAML(t, part)
			switch i {
			case 0:
				s.journeys = docs
			case 1:
				s.profile = docs[0]
			case 2:
				s.policies = docs[0]
			}
		}
		all[name] = s
	}
	return all
}

// TestOracle compares Simulate with the oracle on random workspaces and logs. A case that differs is shrunk and printed.
// Run one again with -oracle.seed N -oracle.cases 1; -v prints how often each construct came into play.
func TestOracle(t *testing.T) {
	b := &bench{dir: t.TempDir(), almanac: newAlmanac()}
	may := map[string]bool{}
	for name, s := range constructs(t) {
		_, wrong := b.load(s)
		if may[name] = wrong == ""; wrong == "" {
			continue
		}
		if !strings.Contains(wrong, "not supported yet") {
			t.Errorf("the least workspace with %s does not load: %s", name, wrong)
		}
		t.Logf("the engine does not take %s yet", name)
	}
	b.compare(t, func(seed uint64) *scenario { return generate(t, seed, may) }, needed())
}

// TestOracleOfVersions compares with the oracle what comes of deploys, pauses and resumptions, as TestOracle does the rest.
func TestOracleOfVersions(t *testing.T) {
	b := &bench{dir: t.TempDir(), almanac: newAlmanac()}
	may := map[string]bool{}
	for name := range constructs(t) {
		may[name] = true
	}
	b.compare(t, func(seed uint64) *scenario { return generateVersions(t, seed, may) }, neededOfVersions())
}

// compare judges as many cases as the flags say, and sees that each construct that is needed came into play.
func (b *bench) compare(t *testing.T, generate func(seed uint64) *scenario, needed []string) {
	fired, in := map[string]int{}, map[string]int{}
	compared, refused, differ := 0, 0, 0
	n := *cases
	if testing.Short() {
		n /= 15
	}
	for seed := *firstCase; seed < *firstCase+uint64(n); seed++ {
		s := generate(seed)
		v := b.judge(s)
		switch {
		case v.refused != "":
			if refused++; refused == 1 {
				t.Errorf("seed %d does not load: %s\n%s", seed, v.refused, s)
			}
			continue
		case v.none:
			continue
		case v.differs != "" && *goOn:
			if differ++; differ <= 12 {
				t.Logf("seed %d differs: %s", seed, v.differs)
			}
			continue
		case v.differs != "":
			if *shrinks {
				s = shrink(s, func(s *scenario) bool { return b.judge(s).differs != "" })
			}
			t.Fatalf("seed %d differs: %s\n%s", seed, b.judge(s).differs, s)
		}
		compared++
		for k, n := range v.compared.fired {
			fired[k] += n
			in[k]++
		}
	}
	t.Logf("%d cases compared\n%s", compared, table(fired, in, needed))
	if differ > 0 {
		t.Errorf("%d of %d cases differ", differ, *cases)
	}
	if refused > 0 {
		t.Errorf("%d cases do not load", refused)
	}
	if *cases < 10_000 {
		return
	}
	for _, k := range needed {
		if fired[k] < 100 {
			t.Errorf("only %d times: %s", fired[k], k)
		}
	}
}

// table says how often each construct came into play, and in how many cases.
func table(fired, in map[string]int, needed []string) string {
	var b strings.Builder
	for _, k := range slices.Compact(slices.Sorted(slices.Values(append(keysOf(fired), needed...)))) {
		fmt.Fprintf(&b, "%8d times in %5d cases  %s\n", fired[k], in[k], k)
	}
	return b.String()
}

// needed are the constructs that must come into play, or nothing of them is compared.
func needed() []string {
	all := []string{
		"a round without an event", "await until: at once", "await until: turned true", "await: event", "await: reset", "await: reset ignored", "await: since enter", "await: timeout",
		"branch: else", "branch: if", "choose", "choose: a score that fails", "choose: none", "deferred: an event that would have made it leave",
		"duplicate", "duplicate: too old to be one", "emit", "emit: cut at the ninth link", "emit: handled", "event at the same instant", "exit step", "goal: another it would fit goes on",
		"goal: of an ended enrollment", "late event", "line: no event", "line: no event_id", "line: no ts", "of: this very send",
		"profile: another type", "profile: map merged", "profile: null removes", "profile: undeclared", "profile: update",
		"refused already_enrolled", "refused condition", "refused entered_before", "refused key", "refused limit", "refused rollout", "refused too_soon",
		"repeat: round", "repeat: until", "score: held at its min", "score: idle", "score: idle stops at min", "score: points", "segment: read",
		"send", "send: deferred", "send: deferred decided", "send: expire", "send: stopped by cap:all/day", "send: stopped by cap:all/rolling", "send: stopped by cap:channel/day",
		"send: stopped by cap:channel/rolling", "send: stopped by consent", "send: stopped by exited", "send: stopped by expired", "send: stopped by quiet_hours", "send: withheld",
		"set", "split", "step passed over", "tag", "untag", "timer: due in the past", "timer: two at one instant", "times within, in enter", "times within, in goal or exit", "value left out",
		"wait: at false on true", "wait: at true on false", "wait: at true on true", "wait: passes at once", "wait: past exit", "wait: since enter", "wait: timer", "wait: until", "wait: until cannot be read",
		"window: of an event in hand, older than it", "timer: due at an event's instant", "look: a score idled", "look: an event left a window",
		"inactive: an older event moves nothing", "date: armed anew", "date: with an offset", "date: every year", "date: 29 February on the 28th",
		"schedule: spread", "schedule: at local times", "schedule: either day", "goal: no longer looked for", "do of goal", "do of exit",
		"await: of two that fit the first listed", "await: forever", "key: a number or a boolean", "entered while enrolled", "repeat: in another", "visit: not the first",
		"transactional: without consent", "transactional: in quiet hours", "transactional: over a full cap", "cap: filled by another journey",
		"send: more than 256 deferred", "send: deferred once more", "send: expires with the next quiet hours", "sent: read", "sent: not yet",
		"!: of what has no value", "|| and &&: one side decides, the other has no value",
		"window: count", "window: enter", "window: last", "window: of more than 128", "window: seen", "window: sum", "zone: unknown",
	}
	for _, kind := range []string{"on", "becomes", "inactive", "date", "schedule"} {
		all = append(all, "entered by "+kind, "goal: by "+kind, "exit: by "+kind)
	}
	for _, again := range []string{"after_exit", "always", "after"} {
		all = append(all, "entered again, "+again)
	}
	for _, what := range []string{"wait", "schedule", "date"} {
		all = append(all, what+": at a local time that clocks skip", what+": at a local time that clocks repeat")
	}
	return all
}

// neededOfVersions are those of deploys: each kind of edit with `follow`, and the others whatever the edit, where each kind of
// place is that customers are at; and each that is about a step with customers who are at that very step.
func neededOfVersions() []string {
	all := []string{
		"pause", "resume", "deploy", "refused paused", "pause: an await is decided", "resume: what was held leads on", "resume: what was due comes to pass",
		"deploy: of the same", "deploy: left, updated", "deploy: becomes begins with the present value", "deploy: a silence of another length",
		"follow: the step is gone", "follow: moved", "follow: due otherwise", "follow: past by the deploy", "follow: a window since the entry begins",
	}
	for _, at := range keysOf(places()) {
		for _, kind := range editKinds() {
			all = append(all, "edit: "+kind+": "+at)
		}
		all = append(all, "edit with pin: "+at, "edit with exit: "+at)
	}
	for _, kind := range []string{
		"a wait is longer", "a wait is shorter", "another kind of wait", "a wait is gone", "a wait is gone, and moved", "an await is gone", "an await is gone, and moved",
		"a step stands elsewhere", "a wait is an await", "an await is a wait", "a step before", "a step behind", "a branch around", "a repeat around", "a condition",
		"a longer deadline", "a shorter deadline", "no deadline", "other events", "one event more", "another until",
	} {
		all = append(all, "edit: "+kind+": at the very step, with follow")
	}
	return all
}
