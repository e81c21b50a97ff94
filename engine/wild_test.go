package engine_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/connectors/kafka"
	"wend/engine"
)

func eventRecord(topic, id, customer string) *kgo.Record {
	return &kgo.Record{Topic: topic, Key: []byte(customer), Value: fmt.Appendf(nil, `{"event_id":%q,"customer_id":%q,"type":"purchase"}`, id, customer)}
}

// answers are what the purchases of customers get, in the order in which they stand in the source.
type answers map[string][]string

func (a answers) purchase(customer, id string) {
	template := "thank_you"
	if len(a[customer]) == 0 {
		template = "welcome"
	}
	a[customer] = append(a[customer], customer+" "+template+" "+id)
}

func (a answers) count() (n int) {
	for _, x := range a {
		n += len(x)
	}
	return n
}

func (a answers) compare(t *testing.T, got []string) {
	t.Helper()
	by := map[string][]string{}
	for _, x := range got {
		customer, _, _ := strings.Cut(x, " ")
		by[customer] = append(by[customer], x)
	}
	for customer, want := range a {
		if !slices.Equal(by[customer], want) {
			t.Errorf("customer %s: got %v, want %v", customer, by[customer], want)
		}
	}
	if len(got) != a.count() {
		t.Errorf("%d actions, want %d", len(got), a.count())
	}
}

// Of the transactions of several producers, interleaved over customers and partitions, exactly the committed ones are
// handled; one that is open holds up what lies behind it, and nothing before.
func TestTransactionsInTheSource(t *testing.T) {
	s := newStand(t, 2)
	ctx := t.Context()
	type producer struct {
		*kgo.Client
		open []int // events of the transaction under way
	}
	type written struct {
		customer  string
		committed bool
	}
	var log []written
	var producers []*producer
	for i := range 3 {
		c, err := kgo.NewClient(kgo.SeedBrokers(s.brokers...), kgo.TransactionalID(fmt.Sprintf("%s-%d", s.cfg.App, i)), kgo.ProducerLinger(0), kgo.MetadataMinAge(50*time.Millisecond))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		producers = append(producers, &producer{Client: c})
	}
	write := func(c *kgo.Client, committed bool) int {
		w := written{fmt.Sprintf("c%d", len(log)%5), committed}
		if err := c.ProduceSync(ctx, eventRecord(s.cfg.Source.Topic, fmt.Sprintf("e%d", len(log)), w.customer)).FirstErr(); err != nil {
			t.Fatal(err)
		}
		log = append(log, w)
		return len(log) - 1
	}
	begin := func(p *producer) {
		if len(p.open) == 0 {
			if err := p.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
		}
		p.open = append(p.open, write(p.Client, false))
	}
	end := func(p *producer, commit bool) {
		if err := p.EndTransaction(ctx, kgo.TransactionEndTry(commit)); err != nil {
			t.Fatal(err)
		}
		for _, i := range p.open {
			log[i].committed = commit
		}
		p.open = nil
	}
	stop := s.run()
	defer func() { _ = stop() }()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		p := producers[rng.IntN(3)]
		switch n := rng.IntN(6); {
		case n == 0:
			write(s.outside, true)
		case n < 4 || len(p.open) == 0:
			begin(p)
		default:
			end(p, rng.IntN(2) == 0)
		}
	}
	for i, p := range producers {
		if len(p.open) > 0 {
			end(p, i%2 == 0)
		}
	}
	want := answers{}
	expect := func() {
		clear(want)
		for i, w := range log {
			if w.committed {
				want.purchase(w.customer, fmt.Sprintf("e%d", i))
			}
		}
	}
	expect()
	got, _ := s.actions(want.count())
	want.compare(t, got)

	n := want.count()
	begin(producers[0]) // in the partition of whoever comes next
	var held []string
	for len(held) == 0 || len(held) < 6 {
		held = append(held, fmt.Sprintf("e%d", write(s.outside, true)))
	}
	behind, _ := s.actions(1) // of the other partition
	time.Sleep(300 * time.Millisecond)
	first := log[len(log)-7].customer
	for _, a := range behind {
		if strings.HasPrefix(a, first+" ") {
			t.Errorf("%s was handled behind an open transaction", a)
		}
	}
	end(producers[0], true)
	expect()
	rest, _ := s.actions(want.count() - n - len(behind))
	want.compare(t, append(append(got, behind...), rest...))
}

// Batches of every codec, from a producer's choice and from the topic's.
func TestCompressedSource(t *testing.T) {
	s := newStand(t, 2)
	_, real := bootstrap(t)
	stop := s.run()
	defer func() { _ = stop() }()
	codecs := map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}
	want, n := answers{}, 0
	send := func(codec string) {
		t.Helper()
		c, err := kgo.NewClient(kgo.SeedBrokers(s.brokers...), kgo.ProducerBatchCompression(codecs[codec]), kgo.ProducerLinger(20*time.Millisecond), kgo.MetadataMinAge(50*time.Millisecond))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for range 40 {
			customer := fmt.Sprintf("c%d", n%5)
			id := fmt.Sprintf("e%d-%s", n, strings.Repeat("long", 20))
			want.purchase(customer, id)
			n++
			c.Produce(t.Context(), eventRecord(s.cfg.Source.Topic, id, customer), func(_ *kgo.Record, err error) {
				if err != nil {
					t.Error(err)
				}
			})
		}
		if err := c.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	number := map[string]uint8{"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		send(codec)
		if got := s.lastCodec(0); got != number[codec] {
			t.Errorf("%s: the topic holds codec %d", codec, got)
		}
	}
	for _, codec := range []string{"gzip", "snappy", "lz4", "zstd", "uncompressed"} {
		r, err := kadm.NewClient(s.outside).AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: "compression.type", Value: &codec}}, s.cfg.Source.Topic)
		if err != nil || r[0].Err != nil {
			t.Fatal(err, r)
		}
		if real { // the embedded broker keeps the producer's
			for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) { // the broker hears of it later
				send([]string{"lz4", "gzip"}[n/40%2])
				if got := s.lastCodec(0); got == number[codec] {
					break
				} else if time.Now().After(deadline) {
					t.Fatalf("%s: the topic holds codec %d", codec, got)
				}
			}
		}
	}
	got, _ := s.actions(want.count())
	want.compare(t, got)
}

// lastCodec is that of the newest batch in a partition of the source.
func (s *stand) lastCodec(partition int32) uint8 {
	s.t.Helper()
	c, err := kafka.New(kafka.Options{Brokers: s.brokers})
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	tp := connectors.TopicPartition{Topic: s.cfg.Source.Topic, Partition: partition}
	end, _, err := c.ListOffset(s.t.Context(), tp, connectors.Latest)
	if err != nil {
		s.t.Fatal(err)
	}
	m, err := c.Metadata(s.t.Context(), tp.Topic)
	if err != nil {
		s.t.Fatal(err)
	}
	f, err := c.Fetch(s.t.Context(), &connectors.FetchRequest{Broker: m.Topics[0].Partitions[partition].Leader, MaxWait: time.Second, MaxBytes: 1 << 20, PartitionMax: 1 << 20,
		Positions: []connectors.Position{{TopicPartition: tp, Offset: end - 1, LeaderEpoch: -1}}})
	if err != nil || len(f) != 1 || f[0].Code != connectors.OK {
		s.t.Fatal(f, err)
	}
	in, err := batch.ReadInfo(f[0].Batches)
	if err != nil {
		s.t.Fatal(err)
	}
	return in.Codec
}

// What retention took before it was read stops the shard, or is a gap that is told of with its size.
func TestRetentionAhead(t *testing.T) {
	s := newStand(t, 1)
	var mu sync.Mutex
	var failed error
	var gaps []string
	s.listen.Failed = func(_ int32, err error) {
		mu.Lock()
		defer mu.Unlock()
		failed = err
	}
	s.listen.Gap = func(shard int32, from, to int64) {
		mu.Lock()
		defer mu.Unlock()
		gaps = append(gaps, fmt.Sprintf("%d: %d to %d", shard, from, to))
	}
	stop := s.run()
	s.produce(event("e0", "li", "purchase"), event("e1", "li", "purchase"))
	s.actions(2)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	s.produce(event("e2", "li", "purchase"), event("e3", "li", "purchase"), event("e4", "li", "purchase"), event("e5", "li", "purchase"))
	var cut kadm.Offsets
	cut.AddOffset(s.cfg.Source.Topic, 0, 5, -1)
	if r, err := kadm.NewClient(s.outside).DeleteRecords(t.Context(), cut); err != nil || r.Error() != nil {
		t.Fatal(err, r.Error())
	}
	stop = s.run()
	deadline := time.Now().Add(time.Minute)
	for stopped := false; !stopped; time.Sleep(20 * time.Millisecond) {
		mu.Lock()
		stopped = failed != nil
		mu.Unlock()
		if time.Now().After(deadline) {
			t.Fatal("it goes on")
		}
	}
	err := stop()
	for _, want := range []string{"begins at offset 5, but 2 comes next", "removed 3 records", "--on-gap skip"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	s.cfg.OnGap = engine.GapSkip
	stop = s.run()
	defer func() { _ = stop() }()
	got, _ := s.actions(1)
	if fmt.Sprint(got) != "[li thank_you e5]" {
		t.Errorf("got %v", got)
	}
	mu.Lock()
	defer mu.Unlock()
	if fmt.Sprint(gaps) != "[0: 2 to 5]" {
		t.Errorf("gaps %v", gaps)
	}
}

// A source that gets more partitions stops the engine while it runs, and keeps it from starting again; action topics may.
func TestTopicsGrow(t *testing.T) {
	s := newStand(t, 2)
	stop := s.run()
	defer func() { _ = stop() }()
	admin := kadm.NewClient(s.outside)
	grow := func(topic string, to int) {
		t.Helper()
		r, err := admin.UpdatePartitions(t.Context(), to, topic)
		if err != nil || r.Error() != nil {
			t.Fatal(err, r.Error())
		}
	}
	s.produce(event("e0", "li", "purchase"))
	s.actions(1)
	grow(s.cfg.Actions, 5)
	customers := []string{"a", "b", "c", "d", "e", "f"}
	want := answers{}
	var got []string
	moved := false
	for round, deadline := 0, time.Now().Add(time.Minute); !moved; round++ {
		for _, c := range customers {
			id := fmt.Sprintf("%s-%d", c, round)
			want.purchase(c, id)
			s.produce(event(id, c, "purchase"))
		}
		more, _ := s.actions(len(customers))
		got = append(got, more...)
		ends, err := admin.ListEndOffsets(t.Context(), s.cfg.Actions)
		if err != nil {
			t.Fatal(err)
		}
		ends.Each(func(o kadm.ListedOffset) { moved = moved || o.Partition >= 2 && o.Offset > 0 })
		if time.Now().After(deadline) {
			t.Fatal("the new partitions are never used")
		}
		time.Sleep(200 * time.Millisecond)
	}
	want.compare(t, got)

	ended := make(chan error, 1)
	go func() { <-s.over; ended <- stop() }()
	grow(s.cfg.Source.Topic, 4)
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(err.Error(), "has 4 partitions now, and state in the journal for 2") || !strings.Contains(err.Error(), "another app name") {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("it goes on")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	client, err := kafka.New(kafka.Options{Brokers: s.brokers})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	reports, err := engine.EnsureTopics(ctx, client, &s.cfg, s.program.Channels(), true)
	if p := engine.TopicsProblem(reports); err != nil || p == nil || !strings.Contains(p.Error(), "has 4 partitions now") {
		t.Errorf("it would start again: %v, %v", p, err)
	}
}
