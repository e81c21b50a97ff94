package graph

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wend/engine/journey"
)

// TestMoments: a chart says what a journey waits for that no event begins.
func TestMoments(t *testing.T) {
	for trigger, want := range map[string]string{
		"inactive: {for: 90d, of: [a, b]}": "inactive for 12w6d of a, b",
		"inactive: {for: 1d}":              "inactive for 1d",
		"date: {of: profile.birthday, every: year, offset: -3d, at: '09:00'}": "date profile.birthday every year -3d at 09:00",
		"date: {of: profile.birthday}":                                        "date profile.birthday at 00:00",
		"schedule: {cron: '0 9 8 * *', spread: 30m}":                          "schedule 0 9 8 * *",
		"schedule: {at: ['2027-02-05T09:00', '2027-01-05T09:00']}":            "schedule 2027-01-05T09:00 2027-02-05T09:00",
	} {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, "journeys"), 0o755); err != nil {
			t.Fatal(err)
		}
		text := "journey: j\nenter: {" + trigger + "}\nsteps: [{wait: 1m}]\n"
		if err := os.WriteFile(filepath.Join(dir, "journeys", "j.yaml"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		ws, problems := journey.Load(dir)
		if problems.Failed() {
			t.Fatal(problems)
		}
		if lines := triggerLines(&ws.Journeys[0].Enter.Trigger); strings.Join(lines, "|") != want {
			t.Errorf("%s is drawn as %q", trigger, lines)
		}
	}
}
