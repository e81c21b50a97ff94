package journey

import (
	"strings"
	"testing"

	"wend/schemas"
)

const fuzzJourneys = `
journey: j
holdout: 50%
enter: {on: a, key: event.k, times: 2, within: 5m, again: {after: 1m}}
goal: {on: b, of: x, within: 1h, do: [{emit: a, with: {k: 1}}]}
exit: [{on: c, times: 2, within: 1m}]
steps:
  - {send: push, template: x, with: {n: "{{ enter.n }}"}}
  - {await: {within: 1m, events: [{on: d, reset: true}, {on: a, do: [{set: {p: "{{ profile.p + 1 }}"}}]}]}}
  - {wait: 1m}
  - {await: {within: 1m, events: [{on: e, since: enter, do: [{send: push, template: y, with: {n: "{{ event.n }}"}}]}]}}
  - {split: {name: s, arms: [{name: a, weight: 1}]}}
  - {tag: [t]}
---
journey: k
enter: {on: [a, d], again: never}
goal: {on: b, times: 2, within: 1m}
steps: [{wait: 1h}, {send: push, template: z}]
`

// FuzzStep: whatever a document holds, Step does not panic, time does not go back, and the document can be stored.
func FuzzStep(f *testing.F) {
	p := compileText(f, fuzzJourneys, "attributes: {p: int}\nupdate: [{on: c, set: event.traits}]",
		`{channels: {push: {quiet: {from: "00:00", to: "00:25"}, caps: [{max: 2, per: 1h}, {max: 3, per: day}]}}, all: {caps: [{max: 4, per: 7d}]}}`)
	doc := schemas.NewDocument()
	var out Effects
	for i, line := range []string{
		"0m c a k=1 n=2", "1m c a k=1 n=3", "1m c e n=4", "2m c d", "3m c c traits={\"p\":4}", "4m c a k=1", "5m c b action_id=\"j/c/1/1/x/1\"",
		"30m c a k=2", "30m c a k=2", "31m c e n=5", "40m c b", "41m c b",
	} {
		p.Step("c", doc, Input{Event: parseCaseEvent(f, i+1, line)}, &out)
		f.Add(doc.Append(nil), uint8(i), int64(i)*60_000)
	}
	programs := fuzzReleases(f)
	f.Fuzz(func(t *testing.T, b []byte, kind uint8, after int64) {
		doc, err := schemas.DecodeDocument(b)
		if err != nil {
			t.Skip()
		}
		fields := schemas.Fields{{Name: "action_id", Value: "j/c/1/1/x/1"}, {Name: "k", Value: int64(kind)}, {Name: "n", Value: "n"}}
		var out Effects
		released, err := schemas.DecodeDocument(b)
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range []Input{
			{Event: &schemas.Event{ID: "e", Customer: "c", Type: string(rune('a' + kind%6)), Time: caseStart + after, Body: fields}},
			{Until: caseStart + after},
			{Event: &schemas.Event{Customer: "c", Type: "a", Time: after, Body: fields}},
		} {
			fuzzRelease(t, programs[kind%3], released, in)
			before := doc.Time
			p.Step("c", doc, in, &out)
			if doc.Time < before {
				t.Fatalf("time went back from %d to %d", before, doc.Time)
			}
			if _, err := schemas.DecodeDocument(doc.Append(nil)); err != nil {
				t.Fatal(err)
			}
			p.NextDue("c", doc)
		}
	})
}

// fuzzReleases are releases in which the journeys' versions are pinned, gone, paused, followed and left.
func fuzzReleases(f *testing.F) [3]*Program {
	read := func(text string) *Workspace {
		ws, problems := LoadFiles(map[string][]byte{"journeys/all.yaml": []byte(text), "profile.yaml": []byte("attributes: {p: int}")})
		if problems.Failed() {
			f.Fatal(problems)
		}
		return ws
	}
	const next = `
journey: j
enter: {on: a}
goal: {on: [b, e]}
exit: [{becomes: profile.p > 3}, {on: c, times: 2, within: 1m}, {inactive: {for: 1m, of: a}}]
steps:
  - {id: "w", wait: 5m}
  - {id: q, await: {until: profile.p > 2, within: 1m, do: [{send: push, template: x}]}}
---
journey: k
on_update: exit
enter: {on: [a, d]}
steps: [{wait: 2h}]
`
	follow := strings.Replace(next, "enter: {on: a}", "on_update: follow\nmoves: {\"steps[1]\": q, \"steps[2]\": w}\nenter: {on: a}", 1)
	first := read(fuzzJourneys)
	var programs [3]*Program
	for i, r := range []*Release{
		{Current: read(nothingElse), Versions: map[string]uint64{"nothing-else": 1}, Older: olderOf(first, 0)},
		{Current: read(next), Versions: map[string]uint64{"j": 2, "k": 2}, Older: append(olderOf(first, 0), olderOf(read(next), 1)...), Status: map[string]Status{"j": {Paused: true}}},
		{Current: read(follow), Versions: map[string]uint64{"j": 2, "k": 2}, Older: olderOf(first, 0), Status: map[string]Status{"j": {Resumed: caseStart, Spread: 60_000}}},
	} {
		p, problems := CompileRelease(r)
		if p == nil {
			f.Fatal(problems)
		}
		programs[i] = p
	}
	return programs
}

func fuzzRelease(t *testing.T, p *Program, doc *schemas.Document, in Input) {
	before := doc.Time
	var out Effects
	out.Tracing = true
	p.Step("c", doc, in, &out)
	if p.Stale(doc) && !out.More {
		t.Fatal("stale behind a Step")
	}
	if doc.Time < before {
		t.Fatalf("time went back from %d to %d", before, doc.Time)
	}
	if _, err := schemas.DecodeDocument(doc.Append(nil)); err != nil {
		t.Fatal(err)
	}
	p.NextDue("c", doc)
}
