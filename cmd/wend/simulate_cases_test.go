package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"wend/schemas/yamlfile"
)

// TestSimulateCases runs testdata/simulate: sentences of the language, each with a workspace, a log and the actions that
// follow from the sentence, through the command.
//
//	=== the sentence
//	journeys (YAML documents)
//	--- profile   (optional)
//	--- events    [xN[/STEP]] TIME CUSTOMER TYPE [{fields}]
//	--- want      TIME ACTION-ID [params] [variant] [expires TIME] [transactional] <- CAUSE
//
// Times are durations from the start. xN is N such events, STEP apart, with $ in the fields as their number from 1. A
// line of events that begins with { stands as it is; its $T is the start in milliseconds.
func TestSimulateCases(t *testing.T) {
	paths, err := filepath.Glob("testdata/simulate/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatal("no cases", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range strings.Split("\n"+string(text), "\n=== ")[1:] {
			name, rest, _ := strings.Cut(c, "\n")
			t.Run(name, func(t *testing.T) {
				parts := simulateParts(rest)
				got := simulateCase(t, parts["journeys"], parts["profile"], simulateLog(t, parts["events"]))
				if want := strings.TrimSpace(parts["want"]); strings.Join(got, "\n") != want {
					t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), want)
				}
			})
		}
	}
}

const simulateStart = 1_767_225_600_000 // 2026-01-01T00:00:00Z

func simulateParts(text string) map[string]string {
	parts := map[string]string{}
	at := "journeys"
	for _, line := range strings.SplitAfter(text, "\n") {
		if name, ok := strings.CutPrefix(line, "--- "); ok {
			at = strings.TrimSpace(name)
			continue
		}
		parts[at] += line
	}
	return parts
}

func simulateLog(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	form := regexp.MustCompile(`^(?:x(\d+)(?:/(\S+))? )?(\S+) (\S+) (\S+)(?: \{(.*)\})?$`)
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		if strings.HasPrefix(line, "{") {
			b.WriteString(strings.ReplaceAll(line, "$T", strconv.Itoa(simulateStart)) + "\n")
			continue
		}
		m := form.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("no event: %s", line)
		}
		times, step := 1, int64(0)
		if m[1] != "" {
			times, _ = strconv.Atoi(m[1])
		}
		if m[2] != "" {
			step = simulateDuration(t, m[2])
		}
		for i := range times {
			ts := simulateStart + simulateDuration(t, m[3]) + int64(i)*step
			fields := ""
			if m[6] != "" {
				fields = "," + strings.ReplaceAll(m[6], "$", strconv.Itoa(i+1))
			}
			fmt.Fprintf(&b, "{\"customer_id\":%q,\"type\":%q,\"ts\":%d%s}\n", m[4], m[5], ts, fields)
		}
	}
	return b.String()
}

func simulateDuration(t *testing.T, text string) int64 {
	t.Helper()
	ms, err := yamlfile.ParseDuration(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return ms
}

// simulateCase gives the actions that the command prints, one short line each.
func simulateCase(t *testing.T, journeys, profile, log string) (lines []string) {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{"journeys/all.yaml": journeys, "events.jsonl": log}
	if profile != "" {
		files["profile.yaml"] = profile
	}
	if err := os.Mkdir(filepath.Join(dir, "journeys"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var out, told bytes.Buffer
	if status := execute([]string{"simulate", dir, "--events", filepath.Join(dir, "events.jsonl")}, streams{strings.NewReader(""), &out, &told}); status != 0 {
		t.Fatalf("status %d: %s", status, told.String())
	}
	for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		if line != "" {
			lines = append(lines, simulateLine(t, line))
		}
	}
	return lines
}

func simulateLine(t *testing.T, line string) string {
	t.Helper()
	var a struct {
		ActionID      string          `json:"action_id"`
		Params        json.RawMessage `json:"params"`
		Variant       json.RawMessage `json:"variant"`
		DecidedAt     int64           `json:"decided_at"`
		ExpiresAt     *int64          `json:"expires_at"`
		Transactional bool            `json:"transactional"`
		Version       *int            `json:"version"`
		Cause         struct {
			EventID string `json:"event_id"`
			TS      *int64 `json:"ts"`
		} `json:"cause"`
	}
	if err := json.Unmarshal([]byte(line), &a); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	if a.Version == nil || *a.Version != 0 || a.Cause.TS == nil {
		t.Errorf("version and cause: %s", line)
	}
	since := func(ms int64) string {
		if ms == simulateStart {
			return "0m"
		}
		return (time.Duration(ms-simulateStart) * time.Millisecond).String()
	}
	text := since(a.DecidedAt) + " " + a.ActionID
	for _, part := range []json.RawMessage{a.Params, a.Variant} {
		if string(part) != "{}" {
			text += " " + string(part)
		}
	}
	if a.ExpiresAt != nil {
		text += " expires " + since(*a.ExpiresAt)
	}
	if a.Transactional {
		text += " transactional"
	}
	return text + " <- " + a.Cause.EventID
}

// TestSimulateShares: shares are sticky, near what is written, and raising a rollout only adds people.
func TestSimulateShares(t *testing.T) {
	const people = 4000
	var log strings.Builder
	for i := range people {
		fmt.Fprintf(&log, "{\"customer_id\":\"c%d\",\"type\":\"a\",\"ts\":%d}\n", i, simulateStart)
	}
	got := func(head string) map[string]string {
		lines := simulateCase(t, "journey: j\n"+head+"enter: {on: a}\nsteps: [{split: {name: s, arms: [{name: a, weight: 50}, {name: b, weight: 30}, {name: c, weight: 20}]}}, {send: push, template: x}]\n", "", log.String())
		arms := map[string]string{}
		for _, l := range lines {
			words := strings.Fields(l)
			arms[words[1]] = words[2]
		}
		return arms
	}
	all := got("")
	small, large, control := got("rollout: 20%\n"), got("rollout: 55.5%\n"), got("holdout: 30%\n")
	near := func(what string, n int, share float64) {
		if d := float64(n)/people - share; d < -0.03 || d > 0.03 {
			t.Errorf("%s: %d of %d, not %v", what, n, people, share)
		}
	}
	near("everybody", len(all), 1)
	near("rollout: 20%", len(small), 0.2)
	near("rollout: 55.5%", len(large), 0.555)
	near("holdout: 30%", len(control), 0.7)
	count := map[string]int{}
	for id, arm := range all {
		count[arm]++
		for _, some := range []map[string]string{small, large, control} {
			if a, ok := some[id]; ok && a != arm {
				t.Errorf("%s is in another arm: %s, %s", id, a, arm)
			}
		}
		if _, ok := small[id]; ok && large[id] == "" {
			t.Errorf("%s left when the rollout was raised", id)
		}
	}
	near("arm a", count[`{"s":"a"}`], 0.5)
	near("arm b", count[`{"s":"b"}`], 0.3)
	near("arm c", count[`{"s":"c"}`], 0.2)
	if len(count) != 3 {
		t.Error(slices.Sorted(func(yield func(string) bool) {
			for arm := range count {
				if !yield(arm) {
					return
				}
			}
		}))
	}
}
