package property

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"wend/engine/journey"
	"wend/schemas/workspacetest"
)

func workspace(t *testing.T, journeys, property string) *journey.Workspace {
	t.Helper()
	ws, problems := journey.Load(workspacetest.Dir(t, map[string]string{
		"journeys/j.yaml": journeys, "tests/p.yaml": property, "profile.yaml": "attributes: {tier: string, spent: double}",
	}))
	if problems.Failed() {
		t.Fatal(problems)
	}
	return ws
}

func run(t *testing.T, journeys, property string) Result {
	t.Helper()
	r, err := Run(workspace(t, journeys, "property: p\n"+property))
	if err != nil {
		t.Fatal(err)
	}
	return r[0]
}

// TestFinds: what the search finds, and how small it makes it.
func TestFinds(t *testing.T) {
	for _, test := range []struct{ name, journeys, property, want string }{
		{
			"too many", "journey: j\nenter: {on: a, if: event.price >= 20, again: always}\nsteps: [{send: push, template: t}]",
			"never: more than 2 push in 24h",
			"a price=20 +0s, a price=20 +0s, a price=20 +0s",
		},
		{
			// Nobody left by it: it came before the entry, or without the reason.
			"after", "journey: j\nenter: {on: cart}\nexit: [{on: unsubscribe, if: event.reason == 'tired'}]\nsteps: [{wait: 30m}, {send: push, template: t}]",
			"never: any send after unsubscribe",
			"unsubscribe +0s, cart +0s",
		},
		{
			"feedback on a send", "journey: j\nenter: {on: a}\nsteps: [{send: push, template: t}, {await: {within: 1d, events: [{on: push_opened, of: t, do: [{send: sms, template: u}]}]}}]",
			"never: more than 0 template u in 1d",
			"a +0s, push_opened action_id=(the newest action_id) +0s",
		},
		{
			"the profile", "journey: j\nenter: {on: a, if: profile.tier == 'gold' && profile.spent > 100}\nsteps: [{send: push, template: t}]",
			"never: more than 0 sends in 1d",
			"spent=101 tier=gold: a +0s",
		},
		{
			// An hour apart is not within an hour: one must come a little earlier.
			"the window is open at its end", "journey: j\nenter: {on: a, again: always}\nsteps: [{send: push, template: t}, {wait: 1h}, {send: push, template: u}]",
			"never: more than 1 push in 1h\nruns: 50",
			"a +0s, a +0s",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := run(t, test.journeys, test.property)
			if r.Found == nil {
				t.Fatalf("nothing found: %+v", r)
			}
			var parts []string
			for _, e := range r.Found.Timeline.Events {
				text := e.Type
				for _, f := range e.Fields {
					text += " " + f.Name + "=" + strings.Trim(flow(e.Fields[:1])[len(f.Name)+3:], `"}`)
				}
				parts = append(parts, text+" +"+offset(e.Gap))
			}
			got := strings.Join(parts, ", ")
			if p := r.Found.Timeline.Profile; len(p) > 0 {
				var names []string
				for i := range p {
					one := flow(p[i : i+1])
					names = append(names, strings.ReplaceAll(strings.Trim(strings.Replace(one, ": ", "=", 1), "{}"), `"`, ""))
				}
				got = strings.Join(names, " ") + ": " + got
			}
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			smallest(t, test.journeys, r)
		})
	}
}

// smallest: the counterexample breaks the property as it stands, and without any one event or attribute it does not.
func smallest(t *testing.T, journeys string, r Result) {
	t.Helper()
	p, problems := journey.Compile(workspace(t, journeys, "property: p\nnever: any send after x"))
	if p == nil {
		t.Fatal(problems)
	}
	breaks := func(line Timeline) bool {
		_, broken := simulate(p, &line, r.Property.Never.After, false).breaks(&r.Property.Never)
		return broken
	}
	whole := r.Found.Timeline
	if !breaks(whole) || len(r.Found.Trace) == 0 || len(r.Found.Sends) == 0 || r.Found.Why == "" {
		t.Errorf("it breaks nothing: %+v", r.Found)
	}
	for i := range whole.Events {
		less := whole.clone()
		if less.drop(i, 1); breaks(less) {
			t.Errorf("event %d is not needed:\n%s", i, r.Found)
		}
	}
	for i := range whole.Profile {
		less := whole.clone()
		if less.Profile = slices.Delete(less.Profile, i, i+1); breaks(less) {
			t.Errorf("attribute %d is not needed:\n%s", i, r.Found)
		}
	}
}

// TestHolds: a property that the journeys keep is not broken, and the same search is made each time.
func TestHolds(t *testing.T) {
	const good = "journey: j\nenter: {on: cart, again: {after: 1d}}\nexit: [{on: unsubscribe}]\nsteps: [{wait: 30m}, {send: push, template: t}]"
	for _, property := range []string{"never: more than 1 push in 1d", "never: more than 0 email in 7d"} {
		r := run(t, good, property)
		if r.Found != nil {
			t.Errorf("%s: %s\n%s", property, r.Found.Why, r.Found)
		}
		if r.Runs != 500 || (r.Sends == 0) != strings.Contains(property, "email") {
			t.Errorf("%s: %d runs, %d sends", property, r.Runs, r.Sends)
		}
		if again := run(t, good, property); again.Sends != r.Sends {
			t.Errorf("another search: %d sends, then %d", r.Sends, again.Sends)
		}
	}
	bad := "journey: j\nenter: {on: a, again: always}\nsteps: [{send: push, template: t}]"
	x, y := run(t, bad, "never: more than 2 send in 1h"), run(t, bad, "never: more than 2 send in 1h")
	if !reflect.DeepEqual(x.Found, y.Found) {
		t.Errorf("two searches found\n%v\nand\n%v", x.Found, y.Found)
	}
}

// TestJourneyAlone: a property may speak of one journey, or of all together.
func TestJourneyAlone(t *testing.T) {
	const two = "journey: i\nenter: {on: a}\nsteps: [{send: push, template: t}]\n---\njourney: k\nenter: {on: a}\nsteps: [{send: push, template: t}]"
	if r := run(t, two, "never: more than 1 push in 1s\nruns: 20"); r.Found == nil {
		t.Error("two journeys send one each")
	}
	if r := run(t, two, "journey: i\nnever: more than 1 push in 1ms\nruns: 20"); r.Found != nil && len(r.Found.Timeline.Events) == 1 {
		t.Error(r.Found)
	}
}
