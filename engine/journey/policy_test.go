package journey

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"wend/engine/journey/expr"
	"wend/engine/journey/localtime"
	"wend/schemas"
)

// changing are zones whose clocks are changed in ways that differ: at midnight, backwards over it, by half an hour, by a
// whole day.
func changing(t testing.TB) []*time.Location {
	var zones []*time.Location
	for _, name := range []string{
		"UTC", "Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Beirut",
		"America/Santiago", "America/Havana", "America/St_Johns", "Pacific/Apia", "Antarctica/Troll", "Asia/Kathmandu", "America/Asuncion",
	} {
		z, ok := expr.LoadZone(name)
		if !ok {
			t.Fatal(name)
		}
		zones = append(zones, z)
	}
	return zones
}

// nearChange draws an instant, as often as not within two days of a change of the zone's clocks.
func nearChange(zone *time.Location) *rapid.Generator[int64] {
	return rapid.Custom(func(t *rapid.T) int64 {
		at := time.UnixMilli(rapid.Int64Range(1_262_304_000_000, 1_893_456_000_000).Draw(t, "instant")) // 2010 to 2030
		if _, change := at.In(zone).ZoneBounds(); !change.IsZero() && rapid.Bool().Draw(t, "near") {
			at = change.Add(time.Duration(rapid.Int64Range(-48*60, 48*60).Draw(t, "minutes")) * time.Minute)
			at = at.Add(time.Duration(rapid.SampledFrom([]int{0, 0, -1, 1, 30_000}).Draw(t, "ms")) * time.Millisecond)
		}
		return at.UnixMilli()
	})
}

// scannedQuiet reads the clock as people do.
func scannedQuiet(q *Quiet, ms int64, zone *time.Location) bool {
	shown := time.UnixMilli(ms).In(zone).Format("15:04")
	from, to := q.From.String(), q.To.String()
	if from < to {
		return from <= shown && shown < to
	}
	return from <= shown || shown < to
}

// scannedTurn goes on from minute to minute until the hours are quiet no longer, or are at last.
func scannedTurn(q *Quiet, ms int64, zone *time.Location) int64 {
	for at := ms - ms%60_000 + 60_000; ; at += 60_000 {
		if scannedQuiet(q, at, zone) != scannedQuiet(q, ms, zone) {
			return at
		}
	}
}

func genQuiet() *rapid.Generator[*Quiet] {
	return rapid.Custom(func(t *rapid.T) *Quiet {
		clock := rapid.Custom(func(t *rapid.T) localtime.Clock {
			// Clocks are changed in the hours around midnight and three.
			return localtime.Clock(60_000 * rapid.OneOf(rapid.IntRange(0, 24*60-1), rapid.IntRange(0, 4*60), rapid.Just(0)).Draw(t, "minute"))
		})
		q := &Quiet{From: clock.Draw(t, "from"), Defer: true}
		q.To = clock.Filter(func(c localtime.Clock) bool { return c != q.From }).Draw(t, "to")
		return q
	})
}

// TestQuietAgainstScan: when hours are quiet, when they end and when they next begin, minute by minute.
func TestQuietAgainstScan(t *testing.T) {
	zones := changing(t)
	crossed := 0
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		q := genQuiet().Draw(t, "quiet")
		ms := nearChange(zone).Draw(t, "at")
		if got, want := q.at(ms, zone), scannedQuiet(q, ms, zone); got != want {
			t.Fatalf("quiet %v, the clock says %v", got, want)
		}
		got, want := q.turn(ms, zone), scannedTurn(q, ms, zone)
		if got != want {
			t.Fatalf("turns at %s, the clock says %s", time.UnixMilli(got).In(zone), time.UnixMilli(want).In(zone))
		}
		if _, change := time.UnixMilli(ms).In(zone).ZoneBounds(); !change.IsZero() && change.UnixMilli() <= got {
			crossed++
		}
	})
	if crossed == 0 && !testing.Short() {
		t.Error("clocks were changed nowhere on the way to a turn")
	}
}

// TestQuietBeyondCalendars: whatever time an event claims, a search comes to an end.
func TestQuietBeyondCalendars(t *testing.T) {
	q := &Quiet{From: 60_000, To: 120_000}
	for _, ms := range []int64{schemas.NoTime, -1 << 60, 1 << 53, 1 << 60, schemas.Never} {
		for _, zone := range changing(t) {
			if at := q.turn(ms, zone); at != schemas.Never && at <= ms {
				t.Errorf("from %d it turns at %d", ms, at)
			}
		}
	}
}

// TestQuietAtEndOfLeapYears: on the last day of a leap year package time gives some zones' periods an end that is past,
// which a search that trusts it never leaves.
func TestQuietAtEndOfLeapYears(t *testing.T) {
	q, trusted := &Quiet{From: 22 * 3_600_000, To: 8 * 3_600_000}, false
	for _, year := range []int{2024, 2028, 2040, 2096} {
		for _, zone := range changing(t) {
			for hour := range 48 {
				at := time.Date(year, time.December, 30, hour, 30, 0, 0, time.UTC)
				_, end := at.In(zone).ZoneBounds()
				trusted = trusted || !end.IsZero() && !end.After(at)
				if got, want := q.turn(at.UnixMilli(), zone), scannedTurn(q, at.UnixMilli(), zone); got != want {
					t.Errorf("%s in %s turns at %d, the clock says %d", at, zone, got, want)
				}
			}
		}
	}
	if !trusted {
		t.Log("package time gives no end that is past any more: localtime.Period need not mend it")
	}
}

// TestDeferAcrossChanges: a send leaves when a scan from minute to minute finds the hours quiet no longer, and expires
// when it finds them quiet again.
func TestDeferAcrossChanges(t *testing.T) {
	zones := changing(t)
	deferred := 0
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		q := genQuiet().Draw(t, "quiet")
		ms := nearChange(zone).Draw(t, "at")
		p := compilePolicies(t, &Policies{Channels: []*ChannelPolicy{{Name: Text{Value: "sms"}, Quiet: q}}}, "sms")
		doc := schemas.NewDocument()
		doc.Profile = doc.Profile.Set("timezone", zone.String())
		var out Effects
		p.Step("c", doc, Input{Event: &schemas.Event{ID: "1", Customer: "c", Type: "sms", Time: ms}}, &out)
		leaves := ms
		if scannedQuiet(q, ms, zone) {
			deferred++
			leaves = scannedTurn(q, ms, zone)
			if due := p.NextDue("c", doc); due != leaves || len(out.Actions) > 0 {
				t.Fatalf("due at %d, and %d actions; quiet until %d", due, len(out.Actions), leaves)
			}
			if doc, err := schemas.DecodeDocument(doc.Append(nil)); err != nil {
				t.Fatal(err)
			} else {
				p.Step("c", doc, Input{Until: leaves}, &out)
			}
		}
		if len(out.Actions) != 1 {
			t.Fatalf("%d actions", len(out.Actions))
		}
		if a := out.Actions[0]; a.DecidedAt != leaves || a.ExpiresAt != scannedTurn(q, leaves, zone) || a.Cause.Time != ms {
			t.Errorf("action %+v, leaves at %d", a, leaves)
		}
	})
	if deferred == 0 {
		t.Error("nothing was deferred")
	}
}

// compilePolicies compiles a journey for each channel, which sends there at each event of the channel's name.
func compilePolicies(t interface{ Fatal(...any) }, policies *Policies, channels ...string) *Program {
	ws := &Workspace{Policies: policies}
	for _, name := range channels {
		ws.Journeys = append(ws.Journeys, &Journey{
			Name: Text{Value: name}, Rollout: 1,
			Enter: &Enter{Trigger: Trigger{On: []Text{{Value: name}}}, Again: AgainAlways},
			Steps: []*Step{{Place: "steps[0]", Send: &Send{Channel: Text{Value: name}, Template: Text{Value: "x"}}}},
		})
	}
	p, problems := Compile(ws)
	if p == nil {
		t.Fatal(problems)
	}
	return p
}

// naiveSend is one that left.
type naiveSend struct {
	channel string
	at      int64
}

// naiveCap says by the list of all that ever left whether a cap stops one more.
func naiveCap(left []naiveSend, channel string, c Cap, now int64, zone *time.Location) bool {
	n := 0
	for _, s := range left {
		if channel != "all" && s.channel != channel {
			continue
		}
		if c.Per == 0 {
			if time.UnixMilli(s.at).In(zone).Format(time.DateOnly) == time.UnixMilli(now).In(zone).Format(time.DateOnly) {
				n++
			}
		} else if s.at > now-c.Per {
			n++
		}
	}
	return n >= c.Max
}

// capsCase is what TestCapsAgainstList plays: policies, and what is sent last, so often that a cap is known to stop it.
type capsCase struct {
	policies *Policies
	channel  string // of the last sends; "": none
	times    int
	stopped  string // the last of them, by this
}

// drawCaps gives policies with any caps, or, of a kind of cap, such as hold one of it that nothing else comes before.
func drawCaps(t *rapid.T, kind string) capsCase {
	const hour = 60 * 60 * 1000
	one := func(per ...int64) *rapid.Generator[Cap] {
		return rapid.Custom(func(t *rapid.T) Cap {
			c := Cap{Max: rapid.IntRange(0, 4).Draw(t, "max"), Text: "day"}
			if c.Per = rapid.SampledFrom(per).Draw(t, "per"); c.Per > 0 {
				c.Text = fmt.Sprint(c.Per, "ms")
			}
			return c
		})
	}
	caps := rapid.SliceOfN(one(0, 1, hour, 5*hour, 24*hour, 70*hour), 0, 3)
	push, sms := &ChannelPolicy{Name: Text{Value: "push"}}, &ChannelPolicy{Name: Text{Value: "sms"}}
	c := capsCase{policies: &Policies{Channels: []*ChannelPolicy{push, sms}}}
	push.Caps, sms.Caps = caps.Draw(t, "push"), caps.Draw(t, "sms")
	var alone Cap
	switch kind {
	case "":
		c.policies.All = caps.Draw(t, "all")
		return c
	case "all, by the day":
		alone, c.channel = one(0).Draw(t, "alone"), "email"
		c.policies.All, c.stopped = []Cap{alone}, "cap:all/"+alone.Text
	case "a channel's, by the day":
		alone, c.channel = one(0).Draw(t, "alone"), "sms"
		sms.Caps, c.stopped = []Cap{alone}, "cap:sms/"+alone.Text
	case "a channel's, rolling":
		alone, c.channel = one(hour, 24*hour).Draw(t, "alone"), "push"
		push.Caps, c.stopped = []Cap{alone}, "cap:push/"+alone.Text
	}
	c.times = alone.Max + 1
	return c
}

// TestCapsAgainstList: the few moments that a document keeps decide as the list of all sends would, through changes of
// the clocks and of the customer's zone; and they are few. Every kind of cap stops something in each check.
func TestCapsAgainstList(t *testing.T) {
	zones := changing(t)
	left := 0
	rapid.Check(t, func(t *rapid.T) {
		for _, kind := range []string{"", "all, by the day", "a channel's, by the day", "a channel's, rolling"} {
			c := drawCaps(t, kind)
			left += c.play(t, zones)
		}
	})
	if left == 0 && !testing.Short() {
		t.Error("nothing left")
	}
}

// play says how many sends left.
func (c *capsCase) play(t *rapid.T, zones []*time.Location) int {
	const hour = 60 * 60 * 1000
	p := compilePolicies(t, c.policies, "push", "sms", "email") // email is not listed
	zone := rapid.SampledFrom(zones).Draw(t, "zone")
	now := nearChange(zone).Draw(t, "start")
	doc := schemas.NewDocument()
	var left []naiveSend
	var out Effects
	events := rapid.IntRange(1, 40).Draw(t, "events")
	for i := range events + c.times {
		channel := c.channel
		if i < events {
			now += rapid.SampledFrom([]int64{0, 1, hour - 1, hour, 4 * hour, 5*hour - 1, 24 * hour, 24*hour - 1, 30 * hour}).Draw(t, "later")
			if rapid.IntRange(0, 9).Draw(t, "moves") == 0 {
				zone = rapid.SampledFrom(zones).Draw(t, "zone")
			}
			channel = rapid.SampledFrom([]string{"push", "sms", "email"}).Draw(t, "channel")
		}
		doc.Profile = doc.Profile.Set("timezone", zone.String())
		want := c.naive(left, channel, now, zone)
		out.Reset()
		out.Tracing = true
		p.Step("c", doc, Input{Event: &schemas.Event{ID: fmt.Sprint(i), Customer: "c", Type: channel, Time: now}}, &out)
		got := ""
		for _, d := range out.Decisions {
			if d.Kind == DecidedStopped {
				got = d.Reason
			}
		}
		if got != want || (len(out.Actions) == 1) != (want == "") {
			t.Fatalf("event %d at %d on %s: stopped by %q, %d actions; by all that left it is %q", i, now, channel, got, len(out.Actions), want)
		}
		if want == "" {
			left = append(left, naiveSend{channel, now})
		}
		if i == events+c.times-1 && c.times > 0 && got != c.stopped {
			t.Fatalf("the last of %d sends at once is stopped by %q, not by %s", c.times, got, c.stopped)
		}
		c.fewKept(t, doc)
		var err error
		if doc, err = schemas.DecodeDocument(doc.Append(nil)); err != nil {
			t.Fatal(err)
		}
	}
	return len(left)
}

// naive says by the list of all that ever left which cap stops one more; "": none.
func (c *capsCase) naive(left []naiveSend, channel string, now int64, zone *time.Location) string {
	check := func(of string, caps []Cap) string {
		for _, x := range caps {
			if naiveCap(left, of, x, now, zone) {
				return "cap:" + of + "/" + x.Text
			}
		}
		return ""
	}
	for _, x := range c.policies.Channels {
		if x.Name.Value == channel {
			if stopped := check(channel, x.Caps); stopped != "" {
				return stopped
			}
		}
	}
	return check("all", c.policies.All)
}

// fewKept sees that a document keeps no more moments than a cap asks for.
func (c *capsCase) fewKept(t *rapid.T, doc *schemas.Document) {
	for _, tally := range doc.Tallies {
		most := 0
		for _, x := range c.policies.All {
			if tally.Channel == allChannels {
				most = max(most, x.Max)
			}
		}
		for _, x := range c.policies.Channels {
			for _, k := range x.Caps {
				if x.Name.Value == tally.Channel {
					most = max(most, k.Max)
				}
			}
		}
		if len(tally.Times) > most || most == 0 {
			t.Fatalf("%d moments of %q are kept, caps ask for %d", len(tally.Times), tally.Channel, most)
		}
	}
}

// TestTalliesFollowPolicies: what policies.yaml no longer asks for goes from a document with the next send.
func TestTalliesFollowPolicies(t *testing.T) {
	caps := []Cap{{Max: 2, Per: 1000, Text: "1s"}}
	both := compilePolicies(t, &Policies{Channels: []*ChannelPolicy{{Name: Text{Value: "sms"}, Caps: caps}, {Name: Text{Value: "push"}, Caps: caps}}, All: caps}, "sms", "push")
	one := compilePolicies(t, &Policies{Channels: []*ChannelPolicy{{Name: Text{Value: "sms"}, Caps: caps}}}, "sms", "push")
	none := compilePolicies(t, nil, "sms", "push")
	doc := schemas.NewDocument()
	var out Effects
	id := 0
	send := func(p *Program, channel string) []string {
		id++
		p.Step("c", doc, Input{Event: &schemas.Event{ID: fmt.Sprint(id), Customer: "c", Type: channel, Time: int64(id)}}, &out)
		names := []string{}
		for _, x := range doc.Tallies {
			names = append(names, x.Channel)
		}
		return names
	}
	send(both, "sms")
	for _, c := range []struct {
		p       *Program
		channel string
		want    []string
	}{{both, "push", []string{"", "push", "sms"}}, {one, "push", []string{"sms"}}, {both, "push", []string{"", "push", "sms"}}, {none, "sms", []string{}}} {
		if got := send(c.p, c.channel); !slices.Equal(got, c.want) {
			t.Errorf("tallies %q, want %q", got, c.want)
		}
	}
}

// TestDeferredAreBounded: what is more than a document may hold is dropped by the quiet hours, and said.
func TestDeferredAreBounded(t *testing.T) {
	p := compilePolicies(t, &Policies{Channels: []*ChannelPolicy{{Name: Text{Value: "sms"}, Quiet: &Quiet{From: 0, To: 3_600_000, Defer: true}}}}, "sms")
	doc := schemas.NewDocument()
	var out Effects
	for i := range maxDeferred + 10 {
		p.Step("c", doc, Input{Event: &schemas.Event{ID: fmt.Sprint(i), Customer: "c", Type: "sms", Time: 0}}, &out)
	}
	if out.Counters.Deferred != maxDeferred || out.Counters.Stopped != 10 {
		t.Errorf("counters %+v", out.Counters)
	}
	p.Step("c", doc, Input{Until: schemas.Never}, &out)
	if out.Counters.Sent != maxDeferred || len(doc.Journeys.At(0).Ended) != 0 {
		t.Errorf("counters %+v, and %d ended enrollments stay", out.Counters, len(doc.Journeys.At(0).Ended))
	}
}

// TestStoppedInTests: a test is run under the workspace's policies, and its journey alone.
func TestStoppedInTests(t *testing.T) {
	files := map[string]string{
		"policies.yaml": `{channels: {sms: {consent: profile.consent.sms, quiet: {from: "22:00", to: "08:00"}, caps: [{max: 1, per: 24h}]}}}`,
		"journeys/all.yaml": "journey: first\npriority: 1\nenter: {on: a, again: always}\nsteps: [{send: sms, template: x}]\n---\n" +
			"journey: j\nenter: {on: a, again: always}\nexit: [{on: b}]\nsteps: [{send: sms, template: y}]\n",
		"tests/a.yaml": `
test: of policies
journey: j
profile: {consent: {sms: true}}
start: 2026-03-01T12:00:00Z
events: [{at: 0m, type: a}, {at: 1h, type: a}, {at: 11h, type: a}, {at: 12h, type: b}]
expect:
  - {at: 0m, send: sms, template: y}
  - {at: 1h, stopped: "cap:sms/24h"}
  - {at: 12h, stopped: exited}
`,
	}
	run := func() TestResult {
		ws, problems := Load(workspace(t, files))
		r, more := RunTests(ws)
		if len(problems)+len(more) > 0 {
			t.Fatal(problems, more)
		}
		return r.Tests[0]
	}
	if r := run(); !r.Passed {
		t.Errorf("%q\n%q", r.Failures, r.Trace)
	}
	files["tests/a.yaml"] = replaceOnce(t, files["tests/a.yaml"], "at: 1h, stopped: \"cap:sms/24h\"", "at: 1h, stopped: consent")
	expectLines(t, "failures", run().Failures, "expected at 1h: stopped consent, got at 1h: stopped cap:sms/24h")
}

// TestZoneOfPolicies: caps and quiet hours go by the profile's zone, else by that of policies.yaml, else by UTC, never by
// the journey's; a zone that is none is traced.
func TestZoneOfPolicies(t *testing.T) {
	const noon = 1_767_268_800_000 // 2026-01-01T12:00:00Z
	for _, c := range []struct {
		policies, profile string
		quiet, traced     bool
	}{
		{"", "", true, false}, {"", "Asia/Tokyo", false, false}, {"timezone: Asia/Tokyo\n", "", false, false},
		{"timezone: Asia/Tokyo\n", "Africa/Abidjan", true, false}, {"timezone: Asia/Tokyo\n", "Nowhere", false, true}, {"", "Nowhere", true, true},
	} {
		p := compileText(t, "journey: j\ntimezone: America/New_York\nenter: {on: a}\nsteps: [{send: sms, template: x}]", "",
			c.policies+`channels: {sms: {quiet: {from: "12:00", to: "13:00", then: drop}}}`)
		doc := schemas.NewDocument()
		if c.profile != "" {
			doc.Profile = doc.Profile.Set("timezone", c.profile)
		}
		out := Effects{Tracing: true}
		p.Step("c", doc, Input{Event: &schemas.Event{ID: "1", Customer: "c", Type: "a", Time: noon}}, &out)
		traced := slices.ContainsFunc(out.Decisions, func(d Decision) bool { return d.Kind == DecidedZone })
		if quiet := out.Counters.Stopped == 1; quiet != c.quiet || traced != c.traced {
			t.Errorf("policies %q, profile %q: quiet %v, traced %v", c.policies, c.profile, quiet, traced)
		}
	}
}
