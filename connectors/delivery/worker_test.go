package delivery_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/connectors/broker"
	"wend/connectors/delivery"
	"wend/connectors/kafka"
	"wend/schemas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shop is a cluster with the topics of a channel, and what workers need.
type shop struct {
	t      *testing.T
	client *kafka.Client
	store  *delivery.Store
	mu     sync.Mutex
	tried  []string // action ids, in order
	heard  chan string
}

func newShop(t *testing.T) *shop {
	t.Helper()
	b, err := broker.Start(broker.Options{Topics: []broker.Topic{{Name: "actions.push", Partitions: 4}, {Name: "events", Partitions: 3}, {Name: "shop.dead-letter", Partitions: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := kafka.New(kafka.Options{Brokers: []string{b.Addr()}, Released: func(memory []byte) { clear(memory) }})
	if err != nil {
		t.Fatal(err)
	}
	st, err := delivery.OpenStore("store", vfs.NewMem())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(c.Close(), b.Close(), st.Close()); err != nil {
			t.Error(err)
		}
	})
	return &shop{t: t, client: c, store: st, heard: make(chan string, 10_000)}
}

func (s *shop) options() delivery.Options {
	say := func(what string, a *schemas.Action, r delivery.Record) {
		s.heard <- fmt.Sprintf("%s %s %c", what, a.ID, r.Outcome)
	}
	return delivery.Options{
		App: "shop", Channel: "push", Topic: "actions.push", Store: s.store,
		Cluster: s.client, Group: kafka.NewGroup(s.client), Committed: s.client.CommittedOffsets, SessionTimeout: 6 * time.Second,
		Source: "events", Format: schemas.Format{Name: "json", ID: "meta.id", Customer: "customer_id", Type: "type", Time: "ts"},
		Partitioner: connectors.Murmur2Partition, DeadLetter: "shop.dead-letter",
		Send: func(_ context.Context, a *schemas.Action, value []byte) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.tried = append(s.tried, a.ID)
			if !strings.Contains(string(value), a.ID) {
				return fmt.Errorf("the value is not the action's: %s", value)
			}
			return nil
		},
		Listener: delivery.Listener{
			Answered:   func(a *schemas.Action, r delivery.Record, _ error) { say("answered", a, r) },
			Again:      func(a *schemas.Action, r delivery.Record) { say("again", a, r) },
			DeadLetter: func(connectors.TopicPartition, int64, string) { s.heard <- "dead letter" },
		},
	}
}

// publish appends values to the action topic, spread over its partitions.
func (s *shop) publish(values ...[]byte) {
	s.t.Helper()
	m, err := s.client.Metadata(s.t.Context(), "actions.push")
	if err != nil {
		s.t.Fatal(err)
	}
	for i, v := range values {
		p := m.Topics[0].Partitions[i%4]
		var b batch.Builder
		b.Reset(batch.Header{ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1, Timestamp: time.Now().UnixMilli()})
		b.Append([]byte("k"), v)
		r := s.client.Produce(s.t.Context(), p.Leader, []connectors.Batch{{TopicPartition: connectors.TopicPartition{Topic: "actions.push", Partition: p.ID}, Bytes: b.Finish()}}, time.Second)
		if r[0].Err != nil || r[0].Code != connectors.OK {
			s.t.Fatal(r[0])
		}
	}
}

func action(n int, channel string, expires int64) []byte {
	return decided(n, channel, expires, 1)
}

// decided is an action of customer n's first enrollment, decided at that time.
func decided(n int, channel string, expires, at int64) []byte {
	a := schemas.Action{ID: fmt.Sprintf("j/c%d/1/s/1", n), Journey: "j", Step: "s", Customer: fmt.Sprintf("c%d", n), Channel: channel, Template: "t", ExpiresAt: expires,
		Cause: schemas.Cause{EventID: "e", Type: "browse", Time: 1}, DecidedAt: at}
	return a.AppendJSON(nil)
}

// start runs a worker until stop is called.
func (s *shop) start(o delivery.Options) (stop func()) {
	ctx, cancel := context.WithCancel(s.t.Context())
	done := make(chan error)
	go func() { done <- delivery.NewWorker(o).Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Error(err)
		}
	}
}

// hear waits for n things and gives them sorted.
func (s *shop) hear(n int) []string {
	s.t.Helper()
	var out []string
	for len(out) < n {
		select {
		case h := <-s.heard:
			out = append(out, h)
		case <-time.After(2 * time.Minute):
			s.t.Fatalf("only %v was heard, %d things were expected", out, n)
		}
	}
	sort.Strings(out)
	return out
}

// read gives the values of a topic.
func (s *shop) read(topic string, partitions int32) (values []string) {
	s.t.Helper()
	for p := range partitions {
		tp := connectors.TopicPartition{Topic: topic, Partition: p}
		m, err := s.client.Metadata(s.t.Context(), topic)
		if err != nil {
			s.t.Fatal(err)
		}
		f, err := s.client.Fetch(s.t.Context(), &connectors.FetchRequest{
			Broker: m.Topics[0].Partitions[p].Leader, Positions: []connectors.Position{{TopicPartition: tp, LeaderEpoch: -1}}, MaxWait: time.Millisecond, MaxBytes: 1 << 20, PartitionMax: 1 << 20,
		})
		if err != nil {
			s.t.Fatal(err)
		}
		var r batch.Reader
		r.Reset(f[0].Batches, 0, nil)
		for {
			rec, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				s.t.Fatal(err)
			}
			if want := connectors.Murmur2Partition(rec.Key, partitions); topic == "events" && want != p {
				s.t.Errorf("event of %s on partition %d, not %d", rec.Key, p, want)
			}
			values = append(values, string(rec.Value))
		}
	}
	return values
}

// uncommitted stands for a crash right before each commit.
func uncommitted(_ context.Context, _, _ string, partitions []int32) (map[int32]int64, error) {
	out := map[int32]int64{}
	for _, p := range partitions {
		out[p] = -1
	}
	return out, nil
}

func TestWorkerDeliversOnceAndReports(t *testing.T) {
	s := newShop(t)
	var values [][]byte
	for n := range 40 {
		values = append(values, action(n, "push", 0))
	}
	values = append(values, action(100, "email", 0), []byte("no action"), action(101, "push", time.Now().Add(-time.Hour).UnixMilli()))
	s.publish(values...)
	stop := s.start(s.options())
	heard := s.hear(42)
	stop()
	if len(s.tried) != 40 || heard[40] != "answered j/c9/1/s/1 s" || heard[41] != "dead letter" {
		t.Errorf("%d tried, heard %v", len(s.tried), heard)
	}
	if joined := strings.Join(heard, "\n"); !strings.Contains(joined, "answered j/c101/1/s/1 e") {
		t.Errorf("the expired one was not said to be: %s", joined)
	}
	dead := s.read("shop.dead-letter", 1)
	if len(dead) != 1 || dead[0] != "no action" {
		t.Errorf("dead letters %q", dead)
	}
	types := map[string]int{}
	ids := map[string]bool{}
	for _, v := range s.read("events", 3) {
		var e struct {
			Meta   struct{ ID string }
			Type   string
			Action string `json:"action_id"`
			TS     int64
			Reason string
		}
		if err := json.Unmarshal([]byte(v), &e); err != nil {
			t.Fatal(err)
		}
		types[e.Type+e.Reason]++
		ids[e.Meta.ID] = true
		if what := strings.TrimPrefix(e.Type, "push_"); e.Meta.ID != e.Action+"/"+what || e.TS == 0 {
			t.Errorf("event %s", v)
		}
	}
	if types["push_sent"] != 40 || types["push_failedexpired"] != 1 || len(ids) != 41 {
		t.Errorf("events %v, %d ids", types, len(ids))
	}

	// Another life of the group with the same store goes on behind the commit.
	s.publish(action(200, "push", 0))
	stop = s.start(s.options())
	if heard := s.hear(1); heard[0] != "answered j/c200/1/s/1 s" {
		t.Errorf("heard %v", heard)
	}
	stop()
}

func TestWorkerAsksTheStoreFirst(t *testing.T) {
	s := newShop(t)
	s.publish(action(1, "push", 0), action(2, "push", 0))
	stop := s.start(s.options())
	s.hear(2)
	stop()
	// The offset was not committed: a crash right before it.
	o := s.options()
	o.InstanceID = "same"
	o.Committed = uncommitted
	stop = s.start(o)
	if heard := s.hear(2); heard[0] != "again j/c1/1/s/1 s" || heard[1] != "again j/c2/1/s/1 s" {
		t.Errorf("heard %v", heard)
	}
	stop()
	if len(s.tried) != 2 {
		t.Errorf("tried %v", s.tried)
	}
	events := s.read("events", 3)
	sort.Strings(events)
	if len(events) != 4 || events[0] != events[1] || events[2] != events[3] {
		t.Errorf("a second report differs from the first: %q", events)
	}
}

// A customer who was forgotten and comes back has the same ids again. They are other decisions, and each is sent once, also
// when what was answered before is read again.
func TestWorkerSendsToWhoComesBack(t *testing.T) {
	s := newShop(t)
	s.publish(decided(1, "push", 0, 1000))
	stop := s.start(s.options())
	s.hear(1)
	stop()
	s.publish(decided(1, "push", 0, 2000))
	stop = s.start(s.options())
	if heard := s.hear(1); heard[0] != "answered j/c1/1/s/1 s" {
		t.Errorf("heard %v", heard)
	}
	stop()
	// All of it once more: a crash right before the commit.
	o := s.options()
	o.Committed = uncommitted
	stop = s.start(o)
	if heard := s.hear(2); heard[0] != "again j/c1/1/s/1 s" || heard[1] != "again j/c1/1/s/1 s" {
		t.Errorf("heard %v", heard)
	}
	stop()
	if len(s.tried) != 2 {
		t.Errorf("tried %v", s.tried)
	}
}

// A crash after the provider has taken an action and before that is recorded makes one more try, with the same bytes, and
// then no other.
func TestCrashBetweenSendAndRecord(t *testing.T) {
	s := newShop(t)
	disk := vfs.NewCrashableMem()
	st, err := delivery.OpenStore("answers", disk)
	if err != nil {
		t.Fatal(err)
	}
	s.publish(action(1, "push", 0), action(2, "push", 0))
	o := s.options()
	o.Store = st
	sent := map[string][]string{}
	var once sync.Once
	var crashed *vfs.MemFS
	o.Send = func(_ context.Context, a *schemas.Action, value []byte) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		sent[a.ID] = append(sent[a.ID], string(value))
		once.Do(func() { crashed = disk.CrashClone(vfs.CrashCloneCfg{}) })
		return nil
	}
	o.Committed = uncommitted
	stop := s.start(o)
	s.hear(2)
	stop()
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}

	// The disk as it was when the provider had the first action, and nobody had written that down.
	for life := range 2 {
		if o.Store, err = delivery.OpenStore("answers", crashed); err != nil {
			t.Fatal(err)
		}
		stop = s.start(o)
		heard := s.hear(2)
		stop()
		if err := o.Store.Close(); err != nil {
			t.Fatal(err)
		}
		again := strings.Count(strings.Join(heard, "\n"), "again")
		if again != 2*life {
			t.Errorf("life %d heard %v", life, heard)
		}
	}
	for id, values := range sent {
		if len(values) != 2 || values[0] != values[1] {
			t.Errorf("%s was sent as %q", id, values)
		}
	}
	if len(sent) != 2 {
		t.Errorf("sent %v", sent)
	}
}

func TestWorkerTriesUntilThereIsAnAnswer(t *testing.T) {
	s := newShop(t)
	s.publish(action(1, "push", 0), action(2, "push", 0))
	o := s.options()
	tries := map[string]int{}
	o.Send = func(_ context.Context, a *schemas.Action, _ []byte) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		tries[a.Customer]++
		switch {
		case a.Customer == "c2":
			return &delivery.Refusal{Reason: "no such device"}
		case tries[a.Customer] < 3:
			return errors.New("busy")
		}
		return nil
	}
	stop := s.start(o)
	heard := s.hear(2)
	stop()
	if heard[0] != "answered j/c1/1/s/1 s" || heard[1] != "answered j/c2/1/s/1 f" || tries["c1"] != 3 || tries["c2"] != 1 {
		t.Errorf("heard %v after %v", heard, tries)
	}
	if joined := strings.Join(s.read("events", 3), "\n"); !strings.Contains(joined, `"reason":"no such device"`) {
		t.Errorf("events %s", joined)
	}
}

func TestWorkersShareTheTopic(t *testing.T) {
	s := newShop(t)
	assigned := make(chan int, 100)
	o := s.options()
	o.Listener.Assigned = func(_ string, p []int32) { assigned <- len(p) }
	next := func() int {
		select {
		case n := <-assigned:
			return n
		case <-time.After(2 * time.Minute):
			t.Fatal("nothing was assigned")
			return 0
		}
	}
	first := s.start(o)
	if n := next(); n != 4 {
		t.Errorf("alone, a worker has %d of 4 partitions", n)
	}
	second := s.start(o)
	for n := 0; n < 2; { // both of the generation that has two members
		if next() == 2 {
			n++
		}
	}
	for n := range 20 {
		s.publish(action(n, "push", 0), action(100+n, "push", 0), action(200+n, "push", 0), action(300+n, "push", 0))
	}
	s.hear(80)
	second()
	first()
	if len(s.tried) != 80 {
		t.Errorf("%d tries of 80", len(s.tried))
	}
}
