package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"wend/connectors"
)

// What retention has taken from the source explain knows from the fleet: the same from a running engine and from the journal,
// with what it cannot decide again marked as such.
func TestExplainLive(t *testing.T) {
	s := newForgetStand(t)
	s.write("journeys/j.yaml", "journey: j\nenter: {on: a, if: 'event.email != \"\"', again: {after: 1d}}\nsteps:\n  - {send: sms, template: now}\n  - wait: 30d\n  - {send: push, template: later}\n")
	s.write("policies.yaml", "channels: {sms: {consent: profile.email == \"yes\"}}\n")
	run := begin(t, "run", "-C", s.ws, "--http-token", "s3cret")
	address := strings.TrimPrefix(run.ready(), "http://")
	explain := func(args ...string) string {
		return s.good(append([]string{"explain", "--customer", "ada", "--http", address, "--http-token", "s3cret"}, args...)...)
	}
	for i, email := range []string{"", "ada@example.com", "ada@example.com"} {
		s.produce(fmt.Sprintf("e%d", i+1), "ada", email)
		time.Sleep(2 * time.Millisecond) // the same decision in one millisecond is one
	}
	s.await("ada's events are handled", func() bool {
		return strings.Contains(explain("--live", "journal"), "refused already_enrolled")
	})

	_, full, _ := strings.Cut(explain(), "\nAbove: ")
	if want := "decided again by the events that the source still has. Below: what the fleet has, by the engine at http://" + address + " (shard "; !strings.HasPrefix(full, want) {
		t.Fatalf("%s\nwant %s", full, want)
	}
	for _, want := range []string{"j: entered 1 so far; inside #1, version 1 at steps[1]\n", "  j refused condition\n", "  j#1 entered\n", "  j now stopped consent\n", "  j refused already_enrolled\n", "  pending: j#1 steps[1]\n"} {
		if !strings.Contains(full, want) {
			t.Errorf("it does not say %q: %s", want, full)
		}
	}
	if strings.Contains(full, "[not above]") {
		t.Errorf("all of it is decided again: %s", full)
	}

	// Retention takes the first two events.
	admin, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(s.addr, ",")...))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	var gone kadm.Offsets
	gone.Add(kadm.Offset{Topic: s.app + ".events", Partition: connectors.Murmur2Partition([]byte("ada"), 2), At: 2})
	if r, err := kadm.NewClient(admin).DeleteRecords(t.Context(), gone); err != nil || r.Error() != nil {
		t.Fatal(err, r.Error())
	}
	http1, journal := explain("--live", "http"), explain("--live", "journal")
	by := regexp.MustCompile(`by (the engine at \S+|the journal, \S+) \(`)
	if by.ReplaceAllString(http1, "") != by.ReplaceAllString(journal, "") || http1 == journal {
		t.Errorf("the engine says\n%s\nthe journal\n%s", http1, journal)
	}
	for _, want := range []string{"no longer has its beginning", "  j refused condition  [not above]\n", "  j now stopped consent  [not above]\n", "\n[not above]: the source has lost the events"} {
		if !strings.Contains(http1, want) {
			t.Errorf("it does not say %q: %s", want, http1)
		}
	}
	if off := explain("--live", "off"); strings.Contains(off, "fleet") || strings.Contains(off, "refused condition") {
		t.Error(off)
	}
	if out := explain("--format", "json"); !strings.Contains(out, `"from": "http"`) || !strings.Contains(out, `"reason": "consent"`) {
		t.Error(out)
	}

	// Where http does not answer for the customer it is the journal, unless http alone was asked for.
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, `{"app":"other","customer_id":"ada"}`)
	}))
	defer other.Close()
	stranger := httptest.NewServer(http.NotFoundHandler())
	defer stranger.Close()
	for _, c := range []struct{ address, token, says string }{
		{address, "wrong", "answers 401 Unauthorized: send the header"},
		{"127.0.0.1:1", "s3cret", "does `wend run` run there?"},
		{strings.TrimPrefix(other.URL, "http://"), "s3cret", `is of the app "other", not of "` + s.app + `"`},
		{strings.TrimPrefix(stranger.URL, "http://"), "s3cret", "answers 404 Not Found: what answers there is no engine of Wend"},
		{"off", "s3cret", "says no address"},
	} {
		if got := explain("--http", c.address, "--http-token", c.token); got != journal {
			t.Errorf("%s: %s", c.address, got)
		}
		if out, status := s.ask("explain", "--customer", "ada", "--live", "http", "--http", c.address, "--http-token", c.token); status != 2 || !strings.Contains(out, c.says) {
			t.Errorf("%s: status %d: %s", c.address, status, out)
		}
	}
	if out := s.good("explain", "--customer", "eve", "--http", address, "--http-token", "s3cret"); !strings.Contains(out, "The fleet itself has nothing of the customer, by the journal, "+s.app+".journal: ") {
		t.Error(out)
	}
	if status := run.stop(syscall.SIGTERM); status != 0 {
		t.Errorf("status %d: %s", status, run.said.String())
	}
	if got := explain(); got != journal {
		t.Errorf("without an engine: %s", got)
	}
}
