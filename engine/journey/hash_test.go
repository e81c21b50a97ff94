package journey

import "testing"

func hashOf(t *testing.T, text string) string {
	t.Helper()
	ws, problems := LoadFiles(map[string][]byte{"journeys/a.yaml": []byte(text), "README.md": []byte("}{")})
	if problems.Failed() || len(ws.Journeys) != 1 {
		t.Fatalf("%s: %v", text, problems)
	}
	return ws.Journeys[0].Hash()
}

// TestHash: a hash is of what a journey means, not of how it is written.
func TestHash(t *testing.T) {
	const text = `
journey: j
enter: {on: a, if: event.n > 1}
steps:
  - {wait: 1h}
  - {send: push, template: t, with: {a: "{{ event.n }}", b: [1, null]}}
  - {await: {within: 1d, events: [{on: b}]}}
`
	want := hashOf(t, text)
	for _, same := range []string{
		"# a comment" + text,
		"description: another one\nx-note: {a: b}" + text,
		`
steps:
  - wait: 60m
  - with: {"b": [1, ~], a: '{{ event.n }}'}
    template: "t"
    send: push
  - await:
      timeout: []
      events: [{on: [b]}]
      within: 24h
on_update: pin
priority: 0
rollout: 100%
enter:
  if: "event.n > 1"
  on: [a]
journey: j
`,
	} {
		if got := hashOf(t, same); got != want {
			t.Errorf("another hash, but the same journey: %s", same)
		}
	}
	seen := map[string]string{want: text}
	for _, other := range []string{
		"journey: k\nenter: {on: a}\nsteps: [{wait: 1h}]",
		"journey: j\nenter: {on: a}\nsteps: [{wait: 1h}]",
		"journey: j\nenter: {on: b}\nsteps: [{wait: 1h}]",
		"journey: j\nenter: {on: a}\nsteps: [{wait: 2h}]",
		"journey: j\nenter: {on: a}\nsteps: [{wait: 1h, id: w}]",
		"journey: j\nenter: {on: a}\nsteps: [{wait: 1h}, {wait: 1h}]",
		"journey: j\nenter: {on: a}\nsteps: [{wait: {since: enter, for: 1h}}]",
		"journey: j\nenter: {on: a}\nsteps: [{wait: {at: '01:00'}}]",
		"journey: j\nenter: {on: a}\nsteps: [{wait: {at: '00:00'}}]",
		"journey: j\nenter: {on: a}\nsteps: [{wait: {at: '00:00', on: mon}}]",
		"journey: j\nenter: {on: a}\nsteps: [{wait: {at: '00:00', on: tue}}]",
		"journey: j\npriority: 1\nenter: {on: a}\nsteps: [{wait: 1h}]",
		"journey: j\non_update: exit\nenter: {on: a}\nsteps: [{wait: 1h}]",
		"journey: j\non_update: follow\nenter: {on: a}\nsteps: [{id: w, wait: 1h}]",
		"journey: j\non_update: follow\nmoves: {v: w}\nenter: {on: a}\nsteps: [{id: w, wait: 1h}]",
		"journey: j\nenter: {on: a, again: always}\nsteps: [{wait: 1h}]",
		"journey: j\nenter: {schedule: {cron: '0 9 8 * *'}}\nsteps: [{wait: 1h}]",
		"journey: j\nenter: {schedule: {cron: '1 9 8 * *'}}\nsteps: [{wait: 1h}]",
		"journey: j\nenter: {schedule: {at: ['2027-02-05T09:00']}}\nsteps: [{wait: 1h}]",
		"journey: j\nenter: {schedule: {at: ['2027-02-05T09:00', '2027-02-06T09:00']}}\nsteps: [{wait: 1h}]",
		"journey: j\nenter: {on: a}\nexit: [{on: b}]\nsteps: [{wait: 1h}]",
		"journey: j\nenter: {on: a}\ngoal: {on: b}\nsteps: [{wait: 1h}]",
		"journey: j\nenter: {on: a}\nsteps: [{send: push, template: t, with: {n: 1}}]",
		"journey: j\nenter: {on: a}\nsteps: [{send: push, template: t, with: {n: 1.0}}]",
		"journey: j\nenter: {on: a}\nsteps: [{send: push, template: t, with: {n: '1'}}]",
		"journey: j\nenter: {on: a}\nsteps: [{send: push, template: t, with: {n: true}}]",
		"journey: j\nenter: {on: a}\nsteps: [{send: push, template: t, with: {n: null}}]",
		"journey: j\nenter: {on: a}\nsteps: [{send: push, template: t, with: {n: []}}]",
		"journey: j\nenter: {on: a}\nsteps: [{send: push, template: t, with: {n: {}}}]",
		"journey: j\nenter: {on: a}\nsteps: [{send: push, template: t, with: {n: 0}}]",
		"journey: j\nenter: {on: a}\nsteps: [{send: push, template: t, with: {n: false}}]",
	} {
		h := hashOf(t, other)
		if first, twice := seen[h]; twice {
			t.Errorf("one hash of two journeys:\n%s\n%s", first, other)
		}
		seen[h] = other
	}
}
