// Package conformance is what Wend asks of a cluster, as tests: the rules of brokers that the journal protocol stands on,
// and the behaviour of connectors/kafka. One suite runs on the embedded broker and on a real Kafka; where the embedded
// broker is known to differ, the subtest is for the real one alone and says why.
package conformance

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/connectors/kafka"
)

// embeddedID is the cluster id of connectors/broker.
const embeddedID = "wend-embedded"

// patience bounds every wait. No test passes by it.
const patience = 60 * time.Second

// Run runs the suite on a cluster, in topics of its own that it leaves there. Subtests for several brokers are skipped
// on one.
func Run(t *testing.T, brokers []string) {
	s := &suite{brokers: brokers}
	s.client = s.open(t, kafka.Options{})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	m, err := s.client.Metadata(ctx)
	if err != nil {
		t.Fatalf("no cluster at %v: %v", brokers, err)
	}
	s.nodes, s.embedded = m.Brokers, m.ClusterID == embeddedID

	t.Run("metadata", s.metadata)
	t.Run("topics", s.topics)
	t.Run("produce", s.produce)
	t.Run("idempotence", s.idempotence)
	t.Run("fetch", s.fetch)
	t.Run("transactions", s.transactions)
	t.Run("compaction", s.compaction)
	t.Run("offsets", s.offsets)
	t.Run("faults", s.faults)
}

type suite struct {
	brokers  []string
	nodes    []connectors.Broker
	embedded bool
	client   *kafka.Client
}

// open makes a client that ends with the test.
func (s *suite) open(t *testing.T, o kafka.Options) *kafka.Client {
	t.Helper()
	if o.Brokers == nil {
		o.Brokers = s.brokers
	}
	o.Released = func(memory []byte) { clear(memory) }
	c, err := kafka.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return c
}

func (s *suite) realOnly(t *testing.T, why string) {
	t.Helper()
	if s.embedded {
		t.Skip("the embedded broker differs: " + why)
	}
}

func context60(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func unique(name string) string {
	var b [4]byte
	_, _ = rand.Read(b[:])
	return "conformance-" + name + "-" + hex.EncodeToString(b[:])
}

// topic creates one and waits until every partition has a leader that every broker knows of.
func (s *suite) topic(t *testing.T, partitions int32, configs map[string]string) string {
	t.Helper()
	name := unique("t")
	ctx := context60(t)
	if err := s.client.CreateTopics(ctx, connectors.TopicSpec{Name: name, Partitions: partitions, Replication: -1, Configs: configs}); err != nil {
		t.Fatal(err)
	}
	for p := range partitions {
		s.until(t, "the new topic is served", func() bool {
			_, _, err := s.client.ListOffset(ctx, at(name, p), connectors.Latest)
			return err == nil
		})
	}
	return name
}

// until asks again until ok, or fails the test.
func (s *suite) until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	end := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(end) {
			t.Fatalf("in %v it never came that %s", patience, what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func at(topic string, partition int32) connectors.TopicPartition {
	return connectors.TopicPartition{Topic: topic, Partition: partition}
}

// leader asks the cluster who leads.
func (s *suite) leader(t *testing.T, tp connectors.TopicPartition) (broker, epoch int32) {
	t.Helper()
	m, err := s.client.Metadata(context60(t), tp.Topic)
	if err != nil {
		t.Fatal(err)
	}
	p := m.Topics[0].Partitions[tp.Partition]
	return p.Leader, p.LeaderEpoch
}

// plain is a batch of no producer.
func plain(values ...string) []byte {
	return encoded(batch.Header{ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1, Timestamp: time.Now().UnixMilli()}, values...)
}

// sequenced is a batch of a producer.
func sequenced(p connectors.Producer, sequence int32, values ...string) []byte {
	return encoded(batch.Header{ProducerID: p.ID, ProducerEpoch: p.Epoch, BaseSequence: sequence, Timestamp: time.Now().UnixMilli()}, values...)
}

// encoded gives each record its value as key too: "k=v" has key k.
func encoded(h batch.Header, values ...string) []byte {
	var b batch.Builder
	b.Reset(h)
	for _, v := range values {
		key := v
		for i := range v {
			if v[i] == '=' {
				key = v[:i]
			}
		}
		b.Append([]byte(key), []byte(v))
	}
	return b.Take()
}

// put produces one batch to the partition's leader.
func (s *suite) put(t *testing.T, c *kafka.Client, tp connectors.TopicPartition, b []byte) connectors.Produced {
	t.Helper()
	broker, _ := s.leader(t, tp)
	p := c.Produce(context60(t), broker, []connectors.Batch{{TopicPartition: tp, Bytes: b}}, 10*time.Second)[0]
	if p.TopicPartition != tp {
		t.Fatalf("the answer is about %v, not %v", p.TopicPartition, tp)
	}
	return p
}

// mustPut is put that must be taken; it gives the offset.
func (s *suite) mustPut(t *testing.T, tp connectors.TopicPartition, b []byte) int64 {
	t.Helper()
	p := s.put(t, s.client, tp, b)
	if p.Err != nil || p.Code != connectors.OK {
		t.Fatalf("produce to %v: %v %v %s", tp, p.Err, p.Code, p.Message)
	}
	return p.BaseOffset
}

func (s *suite) latest(t *testing.T, tp connectors.TopicPartition) int64 {
	t.Helper()
	o, _, err := s.client.ListOffset(context60(t), tp, connectors.Latest)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// request is a fetch of one partition.
func (s *suite) request(t *testing.T, tp connectors.TopicPartition, offset int64) *connectors.FetchRequest {
	t.Helper()
	broker, epoch := s.leader(t, tp)
	return &connectors.FetchRequest{
		Broker:    broker,
		Positions: []connectors.Position{{TopicPartition: tp, Offset: offset, LeaderEpoch: epoch}},
		MaxWait:   500 * time.Millisecond, MaxBytes: 8 << 20, PartitionMax: 1 << 20,
	}
}

// read gives what a consumer sees of a partition from offset up to what is its end now, "offset:value".
func (s *suite) read(t *testing.T, tp connectors.TopicPartition, offset int64, committed bool) []string {
	t.Helper()
	end := s.latest(t, tp)
	var got []string
	var r batch.Reader
	for offset < end {
		req := s.request(t, tp, offset)
		req.ReadCommitted = committed
		answer, err := s.client.Fetch(context60(t), req)
		if err != nil {
			t.Fatal(err)
		}
		f := answer[0]
		if f.Code != connectors.OK {
			t.Fatalf("fetch %v at %d: %v", tp, offset, f.Code)
		}
		if committed && f.LastStable < end {
			end = f.LastStable
		}
		r.Reset(f.Batches, offset, f.Aborted)
		got = append(got, values(t, &r)...)
		offset = r.NextOffset()
		f.Release()
	}
	return got
}

func values(t *testing.T, r *batch.Reader) []string {
	t.Helper()
	var got []string
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%d:%s", rec.Offset, rec.Value))
	}
}

func want[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func wantCode(t *testing.T, what string, err error, code connectors.Code) {
	t.Helper()
	var c connectors.Code
	if !errors.As(err, &c) || c != code {
		t.Errorf("%s: got %v, want %v", what, err, code)
	}
}
