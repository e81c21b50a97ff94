package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"wend/connectors"
	"wend/connectors/kafka"
	"wend/engine"
	"wend/engine/journey"
	"wend/schemas"
	"wend/schemas/workspacetest"
)

// stand is a workspace, its topics on a cluster, and what an outsider sees of them.
type stand struct {
	t       *testing.T
	brokers []string
	cfg     engine.Config
	program *journey.Program
	outside *kgo.Client
	listen  engine.Listener
	over    chan struct{}  // closed when the engine that was run last ends, by itself or not
	engine  *engine.Engine // that was run last
}

var shopFiles = map[string]string{
	"journeys/j1.yaml": "journey: j1\nenter: {on: browse, times: 3, within: 10m, again: always}\nsteps:\n  - {send: shop, template: view_coupon}\n",
	"journeys/j2.yaml": "journey: j2\nenter: {on: add_to_cart, again: after_exit}\nexit: [{on: purchase}]\nsteps:\n  - wait: 300ms\n  - {send: shop, template: cart_reminder}\n",
	"journeys/j3.yaml": "journey: j3\nenter: {on: purchase, again: always}\nsteps:\n  - branch:\n      - if: profile.purchases == 1\n        do: [{send: shop, template: welcome}]\n      - do: [{send: shop, template: thank_you}]\n",
	"profile.yaml":     "attributes: {purchases: int}\nupdate:\n  - {on: purchase, set: {purchases: \"{{ profile.purchases + 1 }}\"}}\n",
}

func newStand(t *testing.T, partitions int32) *stand {
	t.Helper()
	brokers, _ := bootstrap(t)
	dir := workspacetest.Dir(t, shopFiles)
	ws, problems := journey.Load(dir)
	if problems.Failed() {
		t.Fatal(problems)
	}
	program, problems := journey.Compile(ws)
	if program == nil {
		t.Fatal(problems)
	}
	s := &stand{t: t, brokers: brokers, program: program, cfg: engine.DefaultConfig()}
	app := fmt.Sprintf("%s-%d", strings.ToLower(strings.ReplaceAll(t.Name(), "/", "-")), time.Now().UnixNano())
	s.cfg.App, s.cfg.Kafka.Brokers, s.cfg.Source.Topic, s.cfg.Actions = app, brokers, app+".events", app+".actions"
	s.cfg.Journal, s.cfg.DeadLetter, s.cfg.DataDir = app+".journal", app+".dead-letter", filepath.Join(dir, "data")
	s.cfg.Kafka.SessionTimeout, s.cfg.Cache = 6*time.Second, 32<<20
	var err error
	if s.outside, err = kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(s.cfg.Actions, s.cfg.DeadLetter), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.MetadataMinAge(50*time.Millisecond), kgo.MetadataMaxAge(time.Second), kgo.UnknownTopicRetries(-1), kgo.ProducerLinger(0)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.outside.Close)
	for _, topic := range []string{s.cfg.Source.Topic, s.cfg.Actions, s.cfg.DeadLetter} {
		if r, err := kadm.NewClient(s.outside).CreateTopic(t.Context(), partitions, 1, nil, topic); err != nil || r.Err != nil {
			t.Fatal(err, r.Err)
		}
	}
	return s
}

// run starts an engine; stop ends it and gives Run's error.
func (s *stand) run() (stop func() error) {
	s.t.Helper()
	client, err := kafka.New(kafka.Options{Brokers: s.brokers, Released: func(memory []byte) { clear(memory) }})
	if err != nil {
		s.t.Fatal(err)
	}
	reports, err := engine.EnsureTopics(s.t.Context(), client, &s.cfg, s.program.Channels(), true)
	if err == nil {
		err = engine.TopicsProblem(reports)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	world, err := engine.LookAround(s.t.Context(), client, &s.cfg, s.program.Channels())
	if err != nil {
		s.t.Fatal(err)
	}
	l := s.listen
	if l.Retry == nil {
		l.Retry = func(shard int32, tp connectors.TopicPartition, doing string, err error, tries int) {
			s.t.Logf("shard %d: %s %v: %v (try %d)", shard, doing, tp, err, tries)
		}
	}
	e := engine.New(&s.cfg, s.program, world, client, kafka.NewGroup(client), l)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	over := make(chan struct{})
	s.over, s.engine = over, e
	go func() {
		done <- e.Run(ctx)
		close(over)
	}()
	return sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-done:
			return orClose(err, client)
		case <-time.After(2 * time.Minute):
			stacks := make([]byte, 1<<20)
			s.t.Errorf("the engine does not end:\n%s", stacks[:runtime.Stack(stacks, true)])
			return errors.New("it does not end")
		}
	})
}

func orClose(err error, c *kafka.Client) error {
	if cerr := c.Close(); err == nil {
		err = cerr
	}
	return err
}

func (s *stand) produce(values ...map[string]any) {
	s.t.Helper()
	for _, v := range values {
		raw, err := json.Marshal(v)
		if err != nil {
			s.t.Fatal(err)
		}
		key, _ := v["customer_id"].(string)
		s.raw(key, raw)
	}
}

func (s *stand) raw(key string, value []byte) {
	s.t.Helper()
	if err := s.outside.ProduceSync(s.t.Context(), &kgo.Record{Topic: s.cfg.Source.Topic, Key: []byte(key), Value: value}).FirstErr(); err != nil {
		s.t.Fatal(err)
	}
}

// actions waits for n records on the action topic and gives them as "customer template cause", in the order read.
func (s *stand) actions(n int) (got []string, letters []*kgo.Record) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	for len(got)+len(letters) < n && ctx.Err() == nil {
		s.outside.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			if r.Topic == s.cfg.DeadLetter {
				letters = append(letters, r)
				return
			}
			a, err := schemas.DecodeAction(r.Value)
			if err != nil {
				s.t.Fatal(err)
			}
			got = append(got, a.Customer+" "+a.Template+" "+a.Cause.EventID)
		})
	}
	if len(got)+len(letters) < n {
		s.t.Fatalf("only %d records came: %v", len(got), got)
	}
	return got, letters
}

func event(id, customer, kind string) map[string]any {
	return map[string]any{"event_id": id, "customer_id": customer, "type": kind, "ts": time.Now().UnixMilli(), "price": 12.5}
}

func TestEventBecomesAction(t *testing.T) {
	s := newStand(t, 3)
	stop := s.run()
	defer func() { _ = stop() }()
	s.produce(event("e1", "li", "purchase"), event("e2", "li", "purchase"), event("e3", "mo", "add_to_cart"))
	got, _ := s.actions(3)
	perCustomer := map[string][]string{}
	for _, a := range got {
		perCustomer[a[:2]] = append(perCustomer[a[:2]], a)
	}
	if fmt.Sprint(perCustomer["li"]) != "[li welcome e1 li thank_you e2]" || fmt.Sprint(perCustomer["mo"]) != "[mo cart_reminder e3]" {
		t.Errorf("got %v", got)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// A record that cannot be used goes aside with its reason and place, as it came; those around it are handled.
func TestMalformedEventIsSetAside(t *testing.T) {
	s := newStand(t, 1)
	stop := s.run()
	defer func() { _ = stop() }()
	s.produce(event("e1", "li", "purchase"))
	s.raw("li", []byte(`{"event_id": "e2", "customer_id": `))
	s.raw("li", []byte(`{"event_id": "e3", "type": "purchase"}`))
	s.produce(event("e4", "li", "purchase"))
	s.produce(event("e4", "li", "purchase")) // again: a duplicate
	s.produce(event("e5", "li", "purchase"))
	got, letters := s.actions(5)
	if fmt.Sprint(got) != "[li welcome e1 li thank_you e4 li thank_you e5]" {
		t.Errorf("got %v", got)
	}
	if len(letters) != 2 || string(letters[0].Value) != `{"event_id": "e2", "customer_id": ` || string(letters[0].Key) != "li" {
		t.Fatalf("letters %v", letters)
	}
	for i, l := range letters {
		h := map[string]string{}
		for _, x := range l.Headers {
			h[x.Key] = string(x.Value)
		}
		if h["reason"] == "" || h["topic"] != s.cfg.Source.Topic || h["partition"] != "0" || h["offset"] != fmt.Sprint(i+1) {
			t.Errorf("letter %d has headers %v", i, h)
		}
	}
}

// What was decided before a restart is not decided again; what waits goes on waiting, also with the disk gone.
func TestRestartGoesOn(t *testing.T) {
	for range 5 {
		if tryRestart(t) {
			return
		}
	}
	t.Fatal("the engine never stopped before the reminder was due: nothing is shown")
}

func tryRestart(t *testing.T) bool {
	s := newStand(t, 2)
	stop := s.run()
	s.produce(event("e1", "li", "purchase"), event("e2", "mo", "add_to_cart"))
	first, _ := s.actions(1)
	if !slices.Contains(first, "li welcome e1") {
		t.Errorf("got %v", first)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if len(first) > 1 { // the reminder too
		return false
	}
	for _, wipe := range []bool{false, true} {
		if wipe {
			for p := range 2 {
				if err := os.RemoveAll(filepath.Join(s.cfg.DataDir, fmt.Sprintf("p%04d", p))); err != nil {
					t.Fatal(err)
				}
			}
		}
		stop = s.run()
		id := fmt.Sprintf("e3-%v", wipe)
		s.produce(event(id, "li", "purchase"))
		want := map[string]bool{"li thank_you " + id: true}
		if !wipe {
			want["mo cart_reminder e2"] = true
		}
		got, _ := s.actions(len(want))
		for _, a := range got {
			if !want[a] {
				t.Errorf("wipe=%v: got %v", wipe, got)
			}
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	}
	return true
}

// A reminder whose purchase lies unread while the engine is down is not sent.
func TestTimerWaitsForWhatIsUnread(t *testing.T) {
	for range 5 {
		if tryUnread(t) {
			return
		}
	}
	t.Fatal("the engine never stopped before the reminder was due: nothing is shown")
}

// tryUnread is false when the machine was too slow to stop the engine before the reminder was due.
func tryUnread(t *testing.T) bool {
	s := newStand(t, 1)
	stop := s.run()
	s.produce(event("e1", "li", "purchase"))
	s.actions(1)
	filled := time.Now()
	s.produce(event("e2", "mo", "add_to_cart"), event("e3", "li", "purchase"))
	s.actions(1) // e2 has been handled
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	inTime := time.Since(filled) < 300*time.Millisecond
	s.produce(event("e4", "mo", "purchase"))
	time.Sleep(400 * time.Millisecond) // the reminder is due
	stop = s.run()
	defer func() { _ = stop() }()
	s.produce(event("e5", "li", "purchase"))
	got, _ := s.actions(2)
	for _, a := range got {
		if inTime && strings.Contains(a, "reminder") {
			t.Errorf("got %v", got)
		}
	}
	return inTime
}
