package broker

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/connectors/kafka"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func mustStart(t *testing.T, o Options) *Broker {
	t.Helper()
	b, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func connect(t *testing.T, b *Broker) (*kafka.Client, context.Context) {
	t.Helper()
	c, err := kafka.New(kafka.Options{Brokers: []string{b.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(func() { cancel(); c.Close() })
	return c, ctx
}

func one(p connectors.Producer, sequence int32, value string) []byte {
	var b batch.Builder
	b.Reset(batch.Header{ProducerID: p.ID, ProducerEpoch: p.Epoch, BaseSequence: sequence, Timestamp: time.Now().UnixMilli()})
	b.Append([]byte("k"), []byte(value))
	return b.Take()
}

func put(t *testing.T, ctx context.Context, c *kafka.Client, b []byte) int64 {
	t.Helper()
	p := c.Produce(ctx, 0, []connectors.Batch{{TopicPartition: connectors.TopicPartition{Topic: "events"}, Bytes: b}}, time.Second)[0]
	if p.Err != nil || p.Code != connectors.OK {
		t.Fatalf("%v %v", p.Err, p.Code)
	}
	return p.BaseOffset
}

// A restart keeps topics, their ids and records, and what producers wrote last.
func TestRestartOnItsDirectory(t *testing.T) {
	dir := t.TempDir()
	topics := []Topic{{Name: "events", Partitions: 3}, {Name: "journal", Partitions: 3, Configs: map[string]string{"cleanup.policy": "compact"}}}
	b := mustStart(t, Options{Dir: dir, Topics: topics})
	c, ctx := connect(t, b)
	before, err := c.Metadata(ctx, "events")
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.InitProducerID(ctx, "app/0")
	if err != nil {
		t.Fatal(err)
	}
	put(t, ctx, c, one(p, 0, "first"))
	last := one(p, 1, "second")
	put(t, ctx, c, last)
	c.Close()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}

	topics = append(topics, Topic{Name: "late", Partitions: 1})
	b = mustStart(t, Options{Dir: dir, Topics: topics})
	c, ctx = connect(t, b)
	after, err := c.Metadata(ctx, "events", "journal", "late")
	if err != nil {
		t.Fatal(err)
	}
	if after.Topics[0].ID != before.Topics[0].ID || len(after.Topics[0].Partitions) != 3 {
		t.Errorf("before %+v, after %+v", before.Topics[0], after.Topics[0])
	}
	for _, topic := range after.Topics {
		if topic.Code != connectors.OK {
			t.Errorf("%s: %v", topic.Name, topic.Code)
		}
	}
	configs, err := c.TopicConfigs(ctx, "journal")
	if err != nil || configs["journal"]["cleanup.policy"] != "compact" {
		t.Errorf("%v %v", configs["journal"]["cleanup.policy"], err)
	}
	if again := put(t, ctx, c, last); again != 1 {
		t.Errorf("the last batch again: offset %d", again)
	}
	if next := put(t, ctx, c, one(p, 2, "third")); next != 2 {
		t.Errorf("the next: offset %d", next)
	}
	q, err := c.InitProducerID(ctx, "app/0")
	if err != nil || q.ID != p.ID || q.Epoch <= p.Epoch {
		t.Errorf("producer %+v, then %+v %v", p, q, err)
	}
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	mustStart(t, Options{Dir: dir})
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, c := range []struct {
		name    string
		options Options
		want    string
	}{
		{"a directory in use", Options{Dir: dir}, "in use by another broker"},
		{"a port in use", Options{Listen: taken.Addr().String()}, "is in use: stop what listens there"},
		{"no port", Options{Listen: "localhost"}, "not host:port"},
		{"a port of letters", Options{Listen: "127.0.0.1:kafka"}, "not a number"},
		{"a topic of no name", Options{Topics: []Topic{{Partitions: 1}}}, `topic "" of 1`},
	} {
		b, err := Start(c.options)
		if err == nil {
			b.Close()
			t.Errorf("%s: no error", c.name)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %q is not in: %v", c.name, c.want, err)
		}
	}
}

func TestListensOnLoopbackUnlessToldOtherwise(t *testing.T) {
	for _, listen := range []string{"", "127.0.0.1:0", ":0"} {
		b := mustStart(t, Options{Listen: listen, Nodes: 2})
		if len(b.Addrs()) != 2 {
			t.Errorf("%q: %v", listen, b.Addrs())
		}
		for _, a := range b.Addrs() {
			if host, port, _ := net.SplitHostPort(a); host != "127.0.0.1" || port == "0" {
				t.Errorf("%q: listens on %s", listen, a)
			}
		}
	}
}
