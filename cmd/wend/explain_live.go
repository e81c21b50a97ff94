package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"wend/connectors/kafka"
	"wend/engine"
	"wend/engine/journey"
)

// liveState is what the fleet has of a customer, and where that is from.
type liveState struct {
	From     string                `json:"from"`     // http or journal
	Where    string                `json:"where"`    // the address, or the partition
	Customer *engine.CustomerState `json:"customer"` // nil: nothing is known of them
	journey  string                // this one alone; "": all
}

// liveWait is how long the engine at http: may take to answer.
const liveWait = 3 * time.Second

// fleet gives what the fleet has of the customer; nil where it has nothing, or is not asked.
func (e *explain) fleet(ctx context.Context, s streams, w *workspace, client *kafka.Client) (*liveState, error) {
	if e.live == "off" {
		return nil, nil
	}
	if e.live != "journal" {
		l, err := e.overHTTP(ctx, &w.config)
		if l != nil || e.live == "http" {
			return l, err
		}
	}
	line := newStatusLine(s)
	state, err := engine.ReadCustomer(ctx, client, &w.config, w.program, e.customer, func(read, of int64) {
		line.say("%s: %d of %d records", w.config.Journal, read, of)
	})
	line.done()
	var unknown *engine.UnknownCustomerError
	switch {
	case errors.As(err, &unknown):
		return &liveState{From: "journal", Where: w.config.Journal}, nil
	case err != nil || state == nil:
		return nil, err
	}
	return &liveState{"journal", fmt.Sprintf("%s/%d", w.config.Journal, state.Shard), state, e.journey}, nil
}

// overHTTP asks the engine at http:. What answers there may be another app's, or another instance than the customer's: then
// the error says so.
func (e *explain) overHTTP(ctx context.Context, cfg *engine.Config) (*liveState, error) {
	host, port, err := net.SplitHostPort(cfg.HTTP)
	if err != nil || port == "0" {
		return nil, errors.New("--live http: wend.yaml says no address (http:) at which an engine can be asked: use --live journal")
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() { // it listens on all, also here
		host = "127.0.0.1"
	}
	address := "http://" + net.JoinHostPort(host, port)
	ctx, cancel := context.WithTimeout(ctx, liveWait)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+engine.CustomerPath(e.customer), nil)
	if err != nil {
		return nil, fmt.Errorf("--live http: %w", err)
	}
	if cfg.HTTPToken != "" {
		req.Header.Set("Authorization", "Bearer "+cfg.HTTPToken)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("--live http: %w: does `wend run` run there? --live journal needs none", err)
	}
	defer func() { _ = resp.Body.Close() }() // it was read
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return nil, fmt.Errorf("--live http: %s: %w", address, err)
	}
	if resp.StatusCode != http.StatusOK {
		var problem struct{ Detail string }
		if json.Unmarshal(body, &problem) != nil || problem.Detail == "" {
			problem.Detail = "what answers there is no engine of Wend that knows of customers"
		}
		return nil, fmt.Errorf("--live http: %s answers %s: %s", address, resp.Status, problem.Detail)
	}
	state := &engine.CustomerState{}
	if err := json.Unmarshal(body, state); err != nil || state.Customer != e.customer {
		return nil, fmt.Errorf("--live http: what answers at %s is no engine of Wend", address)
	}
	if state.App != cfg.App {
		return nil, fmt.Errorf("--live http: the engine at %s is of the app %q, not of %q: give its address with --http", address, state.App, cfg.App)
	}
	return &liveState{"http", address, state, e.journey}, nil
}

// text writes it below the explanation x, and says of which of its decisions that one knows nothing. Errors of w come back
// from its Flush.
func (l *liveState) text(w io.Writer, x *journey.Explanation) {
	if l == nil {
		return
	}
	printf := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
	c := l.Customer
	if c == nil {
		printf("\nAbove: decided again by the events that the source still has. The fleet itself has nothing of the customer, by the journal, %s: no event of theirs was handled yet, or they were forgotten.\n", l.Where)
		return
	}
	from := "the journal, " + l.Where
	if l.From == "http" {
		from = "the engine at " + l.Where
	}
	release := fmt.Sprintf("release %d", c.Release)
	if c.Release == 0 {
		release = "no release"
	}
	printf("\nAbove: decided again by the events that the source still has. Below: what the fleet has, by %s (shard %d, %s).\n", from, c.Shard, release)
	for i := range c.Journeys {
		if j := &c.Journeys[i]; l.about(j.Journey) {
			printf("%s: %s\n", j.Journey, standing(j))
		}
	}
	replayed := map[remarkKey]bool{}
	for i := range x.Moments {
		for k := range x.Moments[i].Decisions {
			d := &x.Moments[i].Decisions[k]
			replayed[remarkKey{d.Time, d.Kind.String(), d.Journey, d.Reason}] = true
		}
	}
	missing := false
	for i := range c.Timeline {
		r := &c.Timeline[i]
		if !l.about(r.Journey) {
			continue
		}
		only := ""
		if !replayed[remarkKey{r.At, r.Kind, r.Journey, r.Reason}] {
			only, missing = "  [not above]", true
		}
		printf("    %s  %s%s\n", utc(r.At), r.Text, only)
	}
	for i := range c.Timers {
		if t := &c.Timers[i]; l.about(t.Journey) {
			printf("    %s  pending: %s\n", utc(t.DueAt), pending(t))
		}
	}
	if missing {
		printf("[not above]: the source has lost the events that led to it, or the workspace here is not the one that decided it.\n")
	}
}

// remarkKey is by what a decision that the fleet remembers is found among those of the explanation.
type remarkKey struct {
	at                    int64
	kind, journey, reason string
}

// about says whether something of a journey was asked for; "": of none, or of one that has no name any more.
func (l *liveState) about(name string) bool {
	return l.journey == "" || name == "" || name == l.journey
}

func standing(j *engine.CustomerJourney) string {
	text := fmt.Sprintf("entered %d so far", j.Entries)
	if j.Paused {
		text += "; it is paused"
	}
	if len(j.Running) == 0 {
		return text + "; not inside"
	}
	for i := range j.Running {
		en := &j.Running[i]
		text += fmt.Sprintf("; inside #%d", en.Enrollment)
		if en.Key != "" {
			text += " (" + en.Key + ")"
		}
		if en.Version > 0 {
			text += fmt.Sprintf(", version %d", en.Version)
		}
		text += " at " + en.Step
	}
	return text
}

func pending(t *engine.PendingTimer) string {
	text := t.At
	if t.Journey != "" {
		text = t.Journey + " " + t.At
	}
	if t.Enrollment > 0 {
		text = fmt.Sprintf("%s#%d %s", t.Journey, t.Enrollment, t.At)
	}
	text += map[string]string{"deferred": ", a send that was put off", "trigger": ", what it waits for", "score": ", a score falls"}[t.For]
	if t.Held {
		text += ", held while the journey is paused"
	}
	return text
}
