package journey

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"wend/engine/journey/cron"
	"wend/engine/journey/expr"
	"wend/engine/journey/localtime"
	"wend/schemas"
)

// naiveInstant watches the clocks of a zone until they show a local time, or more than it, for the first time.
func naiveInstant(local time.Time, zone *time.Location) int64 {
	ahead := func(ms int64) bool { // not before local
		t := time.UnixMilli(ms).In(zone)
		return !time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC).Before(local)
	}
	at := local.UnixMilli() - 27*3_600_000
	for !ahead(at) { // no clock is set by less than 20 minutes, so that none of these looks over a change
		at += 20 * 60_000
	}
	for ahead(at - 1000) {
		at -= 1000
	}
	return at
}

// naiveDates goes over a calendar day by day and gives the moments of a date of the profile.
func naiveDates(date time.Time, yearly bool, offset int, clock time.Duration, zone *time.Location, from, to int64) (all []int64) {
	for day := time.UnixMilli(from).UTC().AddDate(-2, 0, 0).Truncate(24 * time.Hour); day.Before(time.UnixMilli(to).UTC().AddDate(2, 0, 0)); day = day.AddDate(0, 0, 1) {
		same := day.Equal(date)
		if yearly && !day.Before(date) {
			same = day.Month() == date.Month() && day.Day() == date.Day() ||
				date.Month() == time.February && date.Day() == 29 && day.Month() == time.February && day.Day() == 28 && day.AddDate(0, 0, 1).Day() == 1
		}
		if !same {
			continue
		}
		if at := naiveInstant(day.AddDate(0, 0, offset).Add(clock), zone); at >= from && at <= to {
			all = append(all, at)
		}
	}
	return all
}

var someZones = []string{
	"UTC", "Europe/Berlin", "America/New_York", "Asia/Shanghai", "Pacific/Apia", "Pacific/Kiritimati", "Australia/Lord_Howe", "America/Santiago", "Africa/Casablanca",
	"Asia/Kathmandu", "Antarctica/Troll", "America/St_Johns", "Asia/Tehran", "Europe/Dublin", "Asia/Gaza", "America/Havana", "Pacific/Honolulu", "Asia/Kolkata", "Europe/Moscow", "Africa/Cairo",
}

// TestDatesOfACentury: what a customer's date brings in a hundred years, in many zones, is what a calendar that is
// turned day by day and clocks that are watched say.
func TestDatesOfACentury(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	came := 0
	for n, name := range someZones {
		zone, ok := expr.LoadZone(name)
		if !ok {
			t.Fatal(name)
		}
		yearly := n%5 != 4
		offset := rnd.IntN(800) - 400
		clock := time.Duration(rnd.IntN(24*60)) * time.Minute
		if n%3 == 0 { // where clocks are set
			clock = time.Duration(rnd.IntN(4*60)) * time.Minute
		}
		date := time.Date(1930+rnd.IntN(100), time.Month(1+rnd.IntN(12)), 1+rnd.IntN(28), 0, 0, 0, 0, time.UTC)
		if n%4 == 1 {
			date = time.Date(1980, time.February, 29, 0, 0, 0, 0, time.UTC)
		}
		every := ""
		if yearly {
			every = "every: year, "
		}
		p := compileText(t, fmt.Sprintf("journey: j\nenter: {date: {of: profile.day, %soffset: %dd, at: %q}, again: always}\nsteps: [{send: push, template: x}]",
			every, offset, localtime.Clock(clock.Milliseconds())), "attributes: {day: date}\nupdate: [{on: set, set: event.traits}]")
		from := time.Date(1970+rnd.IntN(20), 1, 1+rnd.IntN(365), 0, 0, 0, 0, time.UTC).UnixMilli()
		to := from + 100*365*dayLength
		doc := schemas.NewDocument()
		var out Effects
		p.Step("c", doc, Input{Event: &schemas.Event{ID: "1", Customer: "c", Type: "set", Time: from, Body: schemas.Fields{{
			Name: "traits", Value: map[string]any{"day": date.Format(time.DateOnly), "timezone": name}}}}}, &out)
		for at := from; at < to; { // time comes in pieces, and the document is stored between them
			at = min(to, at+rnd.Int64N(900*dayLength))
			p.Step("c", doc, Input{Until: at}, &out)
			doc = reread(t, doc)
		}
		var got []int64
		for i := range out.Actions {
			got = append(got, out.Actions[i].DecidedAt)
		}
		want := naiveDates(date, yearly, offset, clock, zone, from, to)
		if !slices.Equal(got, want) {
			for i := range max(len(got), len(want)) {
				if i >= len(got) || i >= len(want) || got[i] != want[i] {
					t.Fatalf("%s, %s%+dd at %v in %s: %d times, want %d; number %d differs: %s, want %s", date.Format(time.DateOnly), every, offset, clock, name, len(got), len(want), i,
						when(got, i, zone), when(want, i, zone))
				}
			}
		}
		came += len(got)
	}
	if came < 1000 {
		t.Errorf("only %d dates came: the test saw too few", came)
	}
}

// TestDateOnASkippedDay: the calendar of Kiritimati left out the last day of a year; its dates came on the next one.
func TestDateOnASkippedDay(t *testing.T) {
	zone, _ := expr.LoadZone("Pacific/Kiritimati")
	m := &moment{kind: dateMoment, yearly: true}
	from := time.Date(1995, 1, 1, 0, 0, 0, 0, zone)
	day, at := m.nextDate(time.Date(1980, 12, 31, 0, 0, 0, 0, time.UTC), from.UnixMilli(), zone, nil)
	if year, month, n := day.Date(); at != from.UnixMilli() || year != 1994 || month != time.December || n != 31 {
		t.Errorf("%d-%d-%d comes at %v", year, month, n, time.UnixMilli(at).In(zone))
	}
}

func when(all []int64, i int, zone *time.Location) string {
	if i >= len(all) {
		return "none"
	}
	return time.UnixMilli(all[i]).In(zone).Format(time.RFC3339)
}

// TestSilenceIsRecomputed: inactive fires as going over all events so far says at each moment.
func TestSilenceIsRecomputed(t *testing.T) {
	const length = 100
	p := compileText(t, `
journey: some
enter: {inactive: {for: 100ms, of: [buy, look]}, again: always}
steps: [{send: push, template: some, with: {ts: "{{ enter.ts }}"}}]
---
journey: whatever
enter: {inactive: {for: 100ms}, again: always}
steps: [{send: push, template: whatever, with: {ts: "{{ enter.ts }}"}}]
`, "")
	fired := 0
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		types := []string{"buy", "look", "other", "push_sent"}
		doc := schemas.NewDocument()
		var out Effects
		var log []schemas.Event
		told := map[string]bool{} // template and silence
		var want []string
		clock := int64(0)
		// fire recomputes from the whole log what is due up to a limit.
		fire := func(limit int64) {
			for {
				best, name := int64(1<<62), ""
				for _, template := range []string{"some", "whatever"} { // the journeys' order
					newest, any := int64(0), false
					for _, ev := range log {
						counts := ev.Type == "buy" || ev.Type == "look" || template == "whatever" && ev.Type == "other"
						if counts && (!any || ev.Time > newest) {
							newest, any = ev.Time, true
						}
					}
					if due := newest + length; any && due <= limit && due < best && !told[fmt.Sprint(template, newest)] {
						best, name = due, template
					}
				}
				if name == "" {
					return
				}
				told[fmt.Sprint(name, best-length)] = true
				clock = max(clock, best)
				want = append(want, fmt.Sprintf("%d %s %d", clock, name, clock))
			}
		}
		now := int64(1000)
		for i := range 30 {
			now += rnd.Int64N(2 * length)
			if rnd.IntN(5) == 0 {
				fire(now)
				p.Step("c", doc, Input{Until: now}, &out)
			}
			ev := schemas.Event{ID: fmt.Sprint(i), Customer: "c", Type: types[rnd.IntN(len(types))], Time: now, Body: schemas.Fields{}}
			if rnd.IntN(3) == 0 {
				ev.Time -= rnd.Int64N(3 * length)
			}
			fire(ev.Time - 1)
			clock = max(clock, ev.Time)
			log = append(log, ev)
			p.Step("c", doc, Input{Event: &ev}, &out)
			doc = reread(t, doc)
		}
		fire(now + 1000)
		p.Step("c", doc, Input{Until: now + 1000}, &out)
		var got []string
		for i := range out.Actions {
			a := &out.Actions[i]
			ts, _ := a.Params.Field("ts")
			got = append(got, fmt.Sprintf("%d %s %v", a.DecidedAt, a.Template, ts))
			if a.Cause != (schemas.Cause{Type: "inactive", Time: ts.(int64)}) {
				t.Fatalf("cause %+v", a.Cause)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d:\n got %s\nwant %s", seed, strings.Join(got, ", "), strings.Join(want, ", "))
		}
		fired += len(got)
	}
	if fired < 1000 {
		t.Errorf("only %d silences: the test saw too few", fired)
	}
}

// TestScheduleLaws: every customer gets each time of a schedule once, from the first event on, put off by the customer's
// own share; whether time comes in one piece or in many, events between them or not.
func TestScheduleLaws(t *testing.T) {
	lines := []string{"*/7 * * * *", "30 1,2 * * *", "0 9 * * mon-fri", "15 */3 1 * *", "0 0 13 * 5"}
	for seed := range uint64(60) {
		rnd := rand.New(rand.NewPCG(seed, 8))
		line, zoneName, spread := lines[rnd.IntN(len(lines))], someZones[rnd.IntN(len(someZones))], rnd.Int64N(2)*rnd.Int64N(3*3_600_000)
		zone, _ := expr.LoadZone(zoneName)
		p := compileText(t, fmt.Sprintf("journey: j\ntimezone: %s\nenter: {schedule: {cron: %q, spread: %dms}, again: always}\nsteps: [{send: push, template: x}]", zoneName, line, spread), "")
		e, err := cron.Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		first := time.Date(2026, 3, 1+rnd.IntN(240), 0, 0, 0, 0, time.UTC).UnixMilli() + rnd.Int64N(dayLength)
		end := first + 6*dayLength
		s := NewSimulation(p, SimulateOptions{Until: schemas.NoTime})
		for i, c := range []string{"kim", "lee"} {
			at := first
			for n := 0; at <= end; n++ {
				s.Offer(&schemas.Event{ID: fmt.Sprint(n), Customer: c, Type: "seen", Time: at, Body: schemas.Fields{}})
				if at == end {
					break
				}
				if at = min(end, at+rnd.Int64N(2*dayLength)); i == 1 {
					at = end
				}
			}
		}
		if err := s.Finish(); err != nil {
			t.Fatal(err)
		}
		got := map[string][]int64{}
		for _, a := range s.Actions() {
			got[a.Customer] = append(got[a.Customer], a.DecidedAt)
		}
		for _, c := range []string{"kim", "lee"} {
			var want []int64
			delay := p.moments[0].delay(c)
			if delay < 0 || delay > 0 && delay >= spread {
				t.Fatalf("%s is put off by %d of %d", c, delay, spread)
			}
			for at := first - spread - dayLength; ; {
				if at = e.Next(at+1, zone); at+delay > end {
					break
				}
				if at >= first {
					want = append(want, at+delay)
				}
			}
			if !slices.Equal(got[c], want) {
				t.Fatalf("seed %d: %s in %s, spread %d: %s got %d, want %d", seed, line, zoneName, spread, c, got[c], want)
			}
		}
	}
}

// TestSpreadIsEven: the customers' shares fill the whole of the spread.
func TestSpreadIsEven(t *testing.T) {
	p := compileText(t, "journey: j\nenter: {schedule: {cron: \"0 0 * * *\", spread: 10m}}\nsteps: [{wait: 1m}]", "")
	var tenths [10]int
	for i := range 10_000 {
		tenths[p.moments[0].delay(fmt.Sprint("c", i))/60_000]++
	}
	if low, high := slices.Min(tenths[:]), slices.Max(tenths[:]); low < 850 || high > 1150 {
		t.Errorf("of 10,000 customers the minutes have %v", tenths)
	}
}

// TestNewProgram: what a program's triggers wait for is armed for documents that another wrote, from the given time on;
// what has not changed stays as it is.
func TestNewProgram(t *testing.T) {
	const profile = "attributes: {day: date}\nupdate: [{on: set, set: event.traits}]"
	const quiet = "journey: quiet\nenter: {on: a, again: always}\nsteps: [{send: push, template: q}]\n"
	daily := func(line string) string {
		return "---\njourney: daily\nenter: {schedule: {cron: " + line + "}, again: always}\nsteps: [{send: push, template: daily}]\n"
	}
	const dated = "---\njourney: dated\nenter: {date: {of: profile.day, every: year}, again: always}\nsteps: [{send: push, template: dated}]\n"
	at := func(text string) int64 {
		x, err := time.Parse("2006-01-02 15:04", text)
		if err != nil {
			t.Fatal(err)
		}
		return x.UnixMilli()
	}
	old := compileText(t, quiet, profile)
	doc := schemas.NewDocument()
	var out Effects
	old.Step("c", doc, Input{Event: &schemas.Event{ID: "1", Customer: "c", Type: "set", Time: at("2026-01-01 00:00"),
		Body: schemas.Fields{{Name: "traits", Value: map[string]any{"day": "1990-02-10"}}}}}, &out)
	if old.Stale(doc) || old.NextDue("c", doc) != schemas.Never {
		t.Fatal("a program without such triggers arms something")
	}
	// Nothing is made up for: neither the mornings nor the 10 February that were before the journeys.
	p := compileText(t, quiet+daily(`"0 9 * * *"`)+dated, profile)
	if len(p.Moments()) != 2 || !p.Stale(doc) {
		t.Fatalf("moments %v, stale %v", p.Moments(), p.Stale(doc))
	}
	since := []int64{at("2026-03-01 10:00"), at("2026-03-01 10:00")}
	out.Reset()
	p.Step("c", doc, Input{Until: schemas.NoTime, Since: since}, &out)
	if !out.Changed || len(out.Actions) > 0 || p.Stale(doc) || p.NextDue("c", doc) != at("2026-03-02 09:00") {
		t.Fatalf("armed for %v", time.UnixMilli(p.NextDue("c", doc)).UTC())
	}
	p.Step("c", doc, Input{Until: at("2026-03-03 09:00"), Since: since}, &out)
	// Another change leaves what did not change, also what is due and has not fired.
	doc = reread(t, doc)
	p = compileText(t, quiet+daily(`"0 9 * * *"`), profile)
	p.Step("c", doc, Input{Until: at("2026-03-05 08:00"), Since: since[:1]}, &out)
	if len(out.Actions) != 3 || doc.Journeys.Len() != 2 || len(doc.Journeys.At(1).Timers) != 1 {
		t.Fatalf("%d actions, %+v", len(out.Actions), doc.Journeys)
	}
	// A changed one begins anew, and one whose kind changed leaves nothing.
	p = compileText(t, quiet+daily(`"0 7 * * *"`)+dated, profile)
	p.Step("c", doc, Input{Until: schemas.NoTime, Since: []int64{at("2026-03-05 08:30"), at("2026-03-05 08:30")}}, &out)
	if due := p.NextDue("c", doc); due != at("2026-03-06 07:00") {
		t.Fatalf("due %v", time.UnixMilli(due).UTC())
	}
	p = compileText(t, quiet+"---\njourney: daily\nenter: {on: a}\nsteps: [{wait: 1d}]\n", profile)
	p.Step("c", doc, Input{Until: schemas.NoTime}, &out)
	if p.NextDue("c", doc) != schemas.Never || p.Stale(doc) {
		t.Fatalf("%+v", doc.Journeys)
	}
	i, _ := findState(doc, "daily")
	if len(doc.Journeys.At(i).Timers) != 0 {
		t.Errorf("%+v", doc.Journeys.At(i))
	}
	// Silence is counted from the same event, by the new length.
	for _, c := range []struct{ length, due string }{{"5d", "2026-01-06 00:00"}, {"2d", "2026-01-03 00:00"}} {
		p := compileText(t, "journey: s\nenter: {inactive: {for: "+c.length+", of: a}}\nsteps: [{wait: 1m}]", "")
		if c.length == "5d" {
			doc = schemas.NewDocument()
			p.Step("c", doc, Input{Event: &schemas.Event{ID: "1", Customer: "c", Type: "a", Time: at("2026-01-01 00:00"), Body: schemas.Fields{}}}, &out)
		}
		if p.Step("c", doc, Input{Until: schemas.NoTime}, &out); p.NextDue("c", doc) != at(c.due) {
			t.Errorf("inactive for %s: due %v", c.length, time.UnixMilli(p.NextDue("c", doc)).UTC())
		}
	}
}

// TestWhatRecursEndsWithTheLog: without --until a simulation lets what recurs for ever go on to the newest event of the
// whole log, both ends inclusive, and everything else to its end.
func TestWhatRecursEndsWithTheLog(t *testing.T) {
	p := compileText(t, `
journey: birthday
enter: {date: {of: profile.day, every: year}, again: always}
steps: [{send: push, template: birthday}]
---
journey: day
enter: {date: {of: profile.day}, again: always}
steps: [{send: push, template: day}]
---
journey: silent
enter: {inactive: {for: 5d, of: set}, again: always}
steps: [{wait: 1d}, {send: push, template: silent}]
---
journey: monthly
enter: {schedule: {cron: "0 0 1 * *"}, again: always}
steps: [{wait: 1h}, {set: {day: "2026-01-02"}}, {send: push, template: monthly}]
`, "attributes: {day: date}\nupdate: [{on: set, set: event.traits}]")
	// What a step sets behind the end arms the date that comes once, and not the one that recurs.
	line := func(id int, customer, typ, at string) string {
		x, err := time.Parse("2006-01-02", at)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("{\"event_id\":\"%d\",\"customer_id\":%q,\"type\":%q,\"ts\":%d,\"traits\":{\"day\":\"2026-01-11\"}}\n", id, customer, typ, x.UnixMilli())
	}
	until := func(text string) int64 {
		x, err := time.Parse("2006-01-02", text)
		if err != nil {
			t.Fatal(err)
		}
		return x.UnixMilli()
	}
	begin := line(1, "c", "set", "2026-01-01")
	for name, c := range map[string]struct {
		log   string
		until int64
		want  string
	}{
		"alone":                           {begin, schemas.NoTime, "monthly day silent"}, // the first of January is the newest event's instant
		"another's event is newest":       {begin + line(2, "d", "other", "2026-01-02"), schemas.NoTime, "monthly birthday day silent"},
		"another's event is much newer":   {begin + line(2, "d", "other", "2026-02-02"), schemas.NoTime, "monthly birthday day silent monthly"},
		"until, where a wait goes beyond": {begin, until("2026-02-01"), "monthly birthday day silent"},
		"until":                           {begin, until("2026-02-02"), "monthly birthday day silent monthly"},
	} {
		s, err := SimulateLog(p, strings.NewReader(c.log), SimulateOptions{Until: c.until}, func(*schemas.Action) {}, func(int, string) {})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var got []string
		for _, a := range s.Actions() {
			if a.Customer == "c" {
				got = append(got, a.Template)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %s, want %s", name, strings.Join(got, " "), c.want)
		}
	}
}
