package journey

import (
	"strings"
	"testing"

	"wend/schemas"
)

// TestExplainPolicies: each policy that a send was asked says how it stood, with the values that decided.
func TestExplainPolicies(t *testing.T) {
	p := compileText(t, `
journey: j
enter: {on: a, again: always}
steps: [{send: sms, template: t}]
`, "attributes: {ok: bool}\nupdate: [{on: yes, set: {ok: true}}]\n", `
timezone: Europe/Berlin
channels:
  sms: {consent: profile.ok, quiet: {from: "22:00", to: "08:00"}, caps: [{max: 1, per: 24h}], expire: 9h30m}
all: {caps: [{max: 3, per: day}]}
`)
	x, err := Explain(p, strings.NewReader(`{"event_id":"1","customer_id":"c","type":"a","ts":"2026-03-01T11:00:00Z"}
{"event_id":"2","customer_id":"c","type":"yes","ts":"2026-03-01T11:01:00Z"}
{"event_id":"3","customer_id":"c","type":"a","ts":"2026-03-01T12:00:00Z"}
{"event_id":"4","customer_id":"c","type":"a","ts":"2026-03-01T13:00:00Z"}
{"event_id":"5","customer_id":"c","type":"a","ts":"2026-03-01T21:30:00Z"}
{"event_id":"6","customer_id":"c","type":"a","ts":"2026-03-01T21:40:00Z"}
`), ExplainOptions{Customer: "c", Until: schemas.NoTime}, func(int, string) {})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range x.Moments {
		for _, d := range m.Decisions {
			if d.Kind == DecidedJudged || d.Kind == DecidedStopped || d.Kind == DecidedDeferred || d.Kind == DecidedSent {
				got = append(got, d.Text())
			}
		}
	}
	expectLines(t, "explained", got,
		`j#1 t judged (profile.ok does not hold: profile.ok = false)`,
		`j#1 t stopped consent (sms t)`,
		`j#2 t judged (profile.ok holds: profile.ok = true)`,
		`j#2 t judged (quiet hours of sms, 22:00 to 08:00, do not hold: it is 13:00 in Europe/Berlin)`,
		`j#2 t judged (cap:sms/24h is not full: of 1 at most it counts none)`,
		`j#2 t judged (cap:all/day is not full: of 3 at most it counts none)`,
		`j#2 t sent (sms t)`,
		`j#3 t judged (profile.ok holds: profile.ok = true)`,
		`j#3 t judged (quiet hours of sms, 22:00 to 08:00, do not hold: it is 14:00 in Europe/Berlin)`,
		`j#3 t judged (cap:sms/24h is full: of 1 at most it counts 1, the first of 2026-03-01T13:00:00+01:00)`,
		`j#3 t stopped cap:sms/24h (sms t)`,
		`j#4 t judged (profile.ok holds: profile.ok = true)`,
		`j#4 t judged (quiet hours of sms, 22:00 to 08:00, hold: it is 22:30 in Europe/Berlin)`,
		`j#4 t deferred quiet_hours (sms t) until 2026-03-02T07:00:00Z`,
		`j#5 t judged (profile.ok holds: profile.ok = true)`,
		`j#5 t judged (quiet hours of sms, 22:00 to 08:00, hold: it is 22:40 in Europe/Berlin)`,
		`j#5 t deferred quiet_hours (sms t) until 2026-03-02T07:00:00Z`,
		`j#4 t judged (expire: 9h30m is over: its step was reached at 2026-03-01T22:30:00+01:00)`,
		`j#4 t stopped expired (sms t)`,
		`j#5 t judged (expire: 9h30m is not over: its step was reached at 2026-03-01T22:40:00+01:00)`,
		`j#5 t judged (profile.ok holds: profile.ok = true)`,
		`j#5 t judged (quiet hours of sms, 22:00 to 08:00, do not hold: it is 08:00 in Europe/Berlin)`,
		`j#5 t judged (cap:sms/24h is full: of 1 at most it counts 1, the first of 2026-03-01T13:00:00+01:00)`,
		`j#5 t stopped cap:sms/24h (sms t)`,
	)
}
