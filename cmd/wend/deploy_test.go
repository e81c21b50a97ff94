package main

import (
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"wend/connectors/batch"
	"wend/schemas"
)

// ask runs wend on the stand's workspace and gives what it says on both streams, and its status.
func (s *forgetStand) ask(args ...string) (string, int) {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), "wend", append(args, "-C", s.ws)...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// good is ask for what must go well.
func (s *forgetStand) good(args ...string) string {
	s.t.Helper()
	out, status := s.ask(args...)
	if status != 0 {
		s.t.Fatalf("wend %s: status %d: %s", strings.Join(args, " "), status, out)
	}
	return out
}

// sent gives the actions so far as "ID vVERSION", sorted.
func (s *forgetStand) sent() (all []string) {
	s.read(s.app+".actions", 2, func(r *batch.Record) {
		a, err := schemas.DecodeAction(r.Value)
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%s v%d", a.ID, a.Version))
	})
	slices.Sort(all)
	return all
}

func (s *forgetStand) awaitSent(want ...string) {
	s.t.Helper()
	slices.Sort(want)
	var got []string
	for deadline := time.Now().Add(90 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if got = s.sent(); slices.Equal(got, want) {
			return
		}
		if time.Now().After(deadline) || len(got) > len(want) {
			s.t.Fatalf("sent\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func (s *forgetStand) journey(steps string) {
	s.write("journeys/j.yaml", "journey: j\nenter: {on: a, again: always}\nsteps:\n"+steps)
}

func words(s string) string { return strings.Join(strings.Fields(s), " ") }

// What a fleet runs is what was deployed last, whatever lies in its directories; those inside stay on their version; a
// paused journey takes nobody; and an engine that begins later goes on by the same.
func TestDeploy(t *testing.T) {
	s := newForgetStand(t)
	s.journey("  - {send: push, template: one}\n  - {wait: 30d}\n  - {send: push, template: later}\n")
	engine := begin(t, "run", "-C", s.ws)
	engine.ready()
	if out := s.good("journeys"); words(out) != "JOURNEY VERSION STATUS INSIDE j 1 running 0" {
		t.Fatalf("the first engine deploys its own: %s", out)
	}
	s.produce("e1", "ada", "")
	s.produce("e2", "bob", "")
	s.awaitSent("j/ada/1/one/1 v1", "j/bob/1/one/1 v1")
	if out := s.good("deploy"); !strings.Contains(out, "nothing differs from release 1") {
		t.Fatal(out)
	}

	s.journey("  - {send: push, template: two}\n  - {wait: 30d}\n")
	dry := s.good("deploy", "--dry-run")
	for _, want := range []string{"version 1 -> 2, on_update: pin", "j version 1 is kept for those inside", "j 1 steps[1] 2 stay, due "} {
		if !strings.Contains(words(dry), want) {
			t.Errorf("the dry run does not say %q: %s", want, dry)
		}
	}
	if out := s.good("journeys", "--no-count"); words(out) != "JOURNEY VERSION STATUS j 1 running" {
		t.Fatalf("a dry run has deployed: %s", out)
	}
	if out := s.good("deploy"); !strings.Contains(words(out), "release 2, after 1 j version 1 -> 2, on_update: pin") || !strings.Contains(out, "all 2 shards have changed over") {
		t.Fatal(out)
	}
	s.produce("e3", "ada", "")
	s.awaitSent("j/ada/1/one/1 v1", "j/bob/1/one/1 v1", "j/ada/2/two/1 v2")
	if out := s.good("journeys"); words(out) != "JOURNEY VERSION STATUS INSIDE j 2 running 1 j 1 older 2" {
		t.Fatal(out)
	}

	// Broken, it is refused, with the place; what runs goes on.
	s.journey("  - {sent: push}\n")
	if out, status := s.ask("deploy"); status != 1 || !regexp.MustCompile(`journeys/j\.yaml:4:\d+: error: `).MatchString(out) {
		t.Fatalf("status %d: %s", status, out)
	}

	// Paused, nobody enters, over a restart too; resumed, they do.
	s.journey("  - {send: push, template: two}\n  - {wait: 30d}\n")
	if out := s.good("pause", "j"); !strings.Contains(out, "j: paused\nall 2 shards") {
		t.Fatal(out)
	}
	if out := s.good("pause", "j"); out != "j is paused already\n" {
		t.Fatal(out)
	}
	if out, status := s.ask("pause", "i"); status != 2 || !strings.Contains(out, "no journey is called \"i\"") {
		t.Fatalf("status %d: %s", status, out)
	}
	s.produce("e4", "cyd", "")
	if status := engine.stop(syscall.SIGTERM); status != 0 {
		t.Fatalf("status %d: %s", status, engine.said.String())
	}
	s.journey("  - {send: push, template: three}\n")
	engine = begin(t, "run", "-C", s.ws)
	engine.ready()
	engine.mu.Lock()
	said := engine.said.String()
	engine.mu.Unlock()
	if !strings.Contains(said, "the workspace is not what is deployed") || !strings.Contains(said, "journeys/j.yaml") {
		t.Errorf("no warning: %s", said)
	}
	s.produce("e5", "dan", "")
	s.await("dan's event is handled", func() bool { return s.state(s.app+".journal", 2)["c/dan"] != "" })
	if out := s.good("journeys"); words(out) != "JOURNEY VERSION STATUS INSIDE j 2 paused 1 j 1 older 2" {
		t.Fatal(out)
	}
	if out := s.good("resume", "j"); !strings.Contains(out, "j: running\nall 2 shards") {
		t.Fatal(out)
	}
	s.produce("e6", "dan", "")
	s.awaitSent("j/ada/1/one/1 v1", "j/bob/1/one/1 v1", "j/ada/2/two/1 v2", "j/dan/1/two/1 v2")

	// Of two who deploy at once one comes first, and is told so; the other is told that it did not.
	var wg sync.WaitGroup
	outs, statuses := make([]string, 4), make([]int, 4)
	for i := range outs {
		wg.Go(func() { outs[i], statuses[i] = s.ask("deploy", "--timeout", "60s") })
	}
	wg.Wait()
	firsts := 0
	for i, out := range outs {
		switch {
		case statuses[i] == 0 && strings.Contains(words(out), "release 3, after 2 j version 2 -> 3"):
			firsts++
		case statuses[i] == 1 && strings.Contains(out, "another deploy came first: release 3"):
		case statuses[i] == 0 && strings.Contains(out, "nothing differs from release 3"):
		default:
			t.Errorf("status %d: %s", statuses[i], out)
		}
	}
	if firsts != 1 {
		t.Errorf("%d deploys made release 3: %q", firsts, outs)
	}
	s.produce("e7", "eve", "")
	s.awaitSent("j/ada/1/one/1 v1", "j/bob/1/one/1 v1", "j/ada/2/two/1 v2", "j/dan/1/two/1 v2", "j/eve/1/three/1 v3")
	for key := range s.state(s.app+".control", 1) {
		if tag := schemas.ReleaseTag(key); tag != "" && !strings.HasPrefix(tag, "3-") {
			t.Errorf("%s is left on the topic", key)
		}
	}
	if status := engine.stop(syscall.SIGTERM); status != 0 {
		t.Errorf("status %d: %s", status, engine.said.String())
	}
}
