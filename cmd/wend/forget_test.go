package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/connectors/broker"
	"wend/connectors/kafka"
	"wend/schemas/workspacetest"
)

// Marks that nothing else holds.
const (
	forgottenCustomer = "kx7q2v9w4z-forgotten"
	forgottenSecret   = "m3r8t1y6u5-attribute"
)

// forgetStand is an app on a cluster: the real one of WEND_TEST_KAFKA, where topics compact within seconds, else an
// embedded one, which compacts by the hour.
type forgetStand struct {
	t      *testing.T
	client *kafka.Client
	addr   string
	real   bool
	app    string
	ws     string
}

func newForgetStand(t *testing.T) *forgetStand {
	s := &forgetStand{t: t, app: fmt.Sprintf("forget-%d", time.Now().UnixNano()), ws: t.TempDir()}
	s.addr = os.Getenv("WEND_TEST_KAFKA")
	if s.real = s.addr != ""; !s.real {
		b, err := broker.Start(broker.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = b.Close() })
		s.addr = b.Addr()
	}
	client, err := kafka.New(kafka.Options{Brokers: strings.Split(s.addr, ",")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	s.client = client
	quick := map[string]string{"cleanup.policy": "compact", "segment.ms": "1000", "max.compaction.lag.ms": "1000", "delete.retention.ms": "1000", "min.cleanable.dirty.ratio": "0.01", "file.delete.delay.ms": "1000"}
	journal := map[string]string{"message.timestamp.type": "LogAppendTime", "max.message.bytes": "4194304"}
	for k, v := range quick {
		journal[k] = v
	}
	err = client.CreateTopics(t.Context(), connectors.TopicSpec{Name: s.app + ".events", Partitions: 2, Replication: 1},
		connectors.TopicSpec{Name: s.app + ".journal", Partitions: 2, Replication: 1, Configs: journal},
		connectors.TopicSpec{Name: s.app + ".control", Partitions: 1, Replication: 1, Configs: quick})
	if err != nil {
		t.Fatal(err)
	}
	s.write("wend.yaml", "app: "+s.app+"\nkafka: {brokers: ["+s.addr+"], session_timeout: 6s}\nhttp: 127.0.0.1:0\nsource: {topic: "+s.app+".events}\nactions: {topic: "+s.app+".actions}\nlog: {level: debug}\n")
	s.write("profile.yaml", "attributes: {email: string}\nupdate:\n  - {on: a, set: {email: event.email}}\n")
	s.write("journeys/j.yaml", "journey: j\nenter: {on: a, again: always}\nsteps:\n  - {send: push, template: now}\n  - wait: 30d\n  - {send: push, template: later}\n")
	return s
}

func (s *forgetStand) write(name, text string) {
	s.t.Helper()
	workspacetest.Write(s.t, filepath.Join(s.ws, name), text)
}

func (s *forgetStand) produce(id, customer, email string) {
	s.t.Helper()
	tp := connectors.TopicPartition{Topic: s.app + ".events", Partition: connectors.Murmur2Partition([]byte(customer), 2)}
	var b batch.Builder
	b.Reset(batch.Header{ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1, Timestamp: time.Now().UnixMilli()})
	b.Append([]byte(customer), fmt.Appendf(nil, `{"event_id":%q,"customer_id":%q,"type":"a","email":%q}`, id, customer, email))
	r := s.client.Produce(s.t.Context(), s.leader(tp), []connectors.Batch{{TopicPartition: tp, Bytes: b.Finish()}}, 5*time.Second)
	if r[0].Err != nil || r[0].Code != connectors.OK {
		s.t.Fatal(r[0])
	}
}

func (s *forgetStand) leader(tp connectors.TopicPartition) int32 {
	s.t.Helper()
	m, err := s.client.Metadata(s.t.Context(), tp.Topic)
	if err != nil || len(m.Topics[0].Partitions) <= int(tp.Partition) {
		s.t.Fatal(m, err)
	}
	return m.Topics[0].Partitions[tp.Partition].Leader
}

// read gives all records of a topic, in order within a partition, and whether one of the texts is in their bytes.
func (s *forgetStand) read(topic string, partitions int32, f func(r *batch.Record)) {
	s.t.Helper()
	for p := range partitions {
		tp := connectors.TopicPartition{Topic: topic, Partition: p}
		end, _, err := s.client.ListOffset(s.t.Context(), tp, connectors.Latest)
		if err != nil {
			s.t.Fatal(err)
		}
		for next := int64(0); next < end; {
			a, err := s.client.Fetch(s.t.Context(), &connectors.FetchRequest{Broker: s.leader(tp), MaxBytes: 8 << 20, PartitionMax: 8 << 20, MaxWait: time.Second,
				Positions: []connectors.Position{{TopicPartition: tp, Offset: next, LeaderEpoch: -1}}})
			if err != nil || a[0].Code != connectors.OK {
				s.t.Fatal(a, err)
			}
			var r batch.Reader
			r.Reset(a[0].Batches, next, nil)
			for {
				rec, err := r.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					s.t.Fatal(err)
				}
				f(rec)
			}
			next = max(r.NextOffset(), next)
		}
	}
}

// state gives the newest value of each key.
func (s *forgetStand) state(topic string, partitions int32) map[string]string {
	m := map[string]string{}
	s.read(topic, partitions, func(r *batch.Record) {
		if r.Value == nil {
			delete(m, string(r.Key))
		} else {
			m[string(r.Key)] = string(r.Value)
		}
	})
	return m
}

func (s *forgetStand) actions() (ids []string) {
	s.read(s.app+".actions", 2, func(r *batch.Record) {
		hs, err := r.Headers()
		if err != nil {
			s.t.Fatal(err)
		}
		ids = append(ids, string(hs[0].Value))
	})
	return ids
}

func (s *forgetStand) await(what string, f func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(90 * time.Second); !f(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: not within 90 s", what)
		}
	}
}

func traces(b []byte) bool {
	for _, mark := range []string{forgottenCustomer[:10], forgottenSecret[:10]} {
		if bytes.Contains(b, []byte(mark)) {
			return true
		}
	}
	return false
}

// traced gives the files below a directory that hold something of the customer.
func (s *forgetStand) traced(dir string) (files []string) {
	s.t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) || err == nil && d.IsDir() {
			return nil
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if traces(b) {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return files
}

// A forgotten customer is in no journal, view, log or command any more; the others are as they were, and who comes back
// is new. On a real Kafka the bytes of the topics are looked at too, behind compaction.
func TestForget(t *testing.T) {
	s := newForgetStand(t)
	ask := func(more ...string) (string, int) {
		cmd := exec.CommandContext(t.Context(), "wend", append([]string{"forget", "-C", s.ws, "--customer", forgottenCustomer}, more...)...)
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	engine := begin(t, "run", "-C", s.ws)
	engine.ready()
	for i := range 40 {
		s.produce(fmt.Sprintf("o%d", i), fmt.Sprintf("other%d", i%10), fmt.Sprintf("o%d@example.com", i))
		if i < 20 {
			s.produce(fmt.Sprintf("e%d", i), forgottenCustomer, forgottenSecret)
		}
	}
	s.await("60 actions", func() bool { return len(s.actions()) == 60 })
	s.await("the outbox is empty", func() bool {
		for key := range s.state(s.app+".journal", 2) {
			if strings.HasPrefix(key, "o/") {
				return false
			}
		}
		return true
	})
	before := s.state(s.app+".journal", 2)
	if before["c/"+forgottenCustomer] == "" {
		t.Fatal("the customer was never there: the test tests nothing")
	}

	// Without an engine it is asked, not done.
	if status := engine.stop(syscall.SIGTERM); status != 0 {
		t.Fatalf("status %d", status)
	}
	if len(s.traced(filepath.Join(s.ws, "data"))) == 0 {
		t.Fatal("the customer was in no file: the test tests nothing")
	}
	if out, status := ask("--timeout", "2s"); status != 1 || !strings.Contains(out, "shards [0 1] have not") {
		t.Fatalf("status %d without an engine: %s", status, out)
	}
	first := engine
	engine = begin(t, "run", "-C", s.ws)
	engine.ready()
	if out, status := ask(); status != 0 || !strings.Contains(out, "erased") {
		t.Fatalf("status %d: %s\n%s", status, out, engine.said.String())
	}

	after := s.state(s.app+".journal", 2)
	for key, value := range after {
		if traces([]byte(key + value)) {
			t.Errorf("the journal's state has %q", key)
		}
	}
	for key, value := range before {
		if strings.HasPrefix(key, "c/other") && after[key] != value {
			t.Errorf("%s has changed", key)
		}
	}
	for key := range s.state(s.app+".control", 1) {
		if strings.HasPrefix(key, "forget/") {
			t.Errorf("command %s is still there", key)
		}
	}
	if files := s.traced(filepath.Join(s.ws, "data")); len(files) > 0 {
		t.Errorf("left in %v", files)
	}
	if s.real {
		s.awaitCompaction()
	}

	// Who comes back is new: the first enrollment.
	s.produce("back", forgottenCustomer, "new@example.com")
	s.await("the first enrollment's action, again", func() bool {
		n := 0
		for _, id := range s.actions() {
			if id == "j/"+forgottenCustomer+"/1/now/1" {
				n++
			}
		}
		return n == 2
	})
	if status := engine.stop(syscall.SIGTERM); status != 0 {
		t.Errorf("status %d", status)
	}
	if said := first.said.String() + engine.said.String(); traces([]byte(said)) {
		t.Errorf("the log names the customer:\n%s", said)
	}
}

// awaitCompaction looks at every byte of journal and control, while others' events close segments.
func (s *forgetStand) awaitCompaction() {
	n := 0
	ctx, cancel := context.WithTimeout(s.t.Context(), 90*time.Second)
	defer cancel()
	s.await("compaction", func() bool {
		if ctx.Err() != nil {
			return false
		}
		n++
		for i := range 4 {
			s.produce(fmt.Sprintf("n%d-%d", n, i), fmt.Sprintf("late%d", i), "l@example.com")
		}
		if n%10 == 0 {
			if out, err := exec.Command("wend", "forget", "-C", s.ws, "--customer", "nobody").CombinedOutput(); err != nil {
				s.t.Fatalf("%v: %s", err, out)
			}
		}
		found := false
		look := func(r *batch.Record) { found = found || traces(r.Key) || traces(r.Value) }
		s.read(s.app+".journal", 2, look)
		s.read(s.app+".control", 1, look)
		if dir := os.Getenv("WEND_TEST_KAFKA_DIR"); dir != "" && !found {
			for _, topic := range []string{"journal-0", "journal-1", "control-0"} {
				dirs, err := filepath.Glob(filepath.Join(dir, "*", "*", s.app+"."+topic))
				if err != nil || len(dirs) == 0 {
					s.t.Fatalf("no files of %s: %v", topic, err)
				}
				for _, d := range dirs {
					found = found || len(s.traced(d)) > 0
				}
			}
		}
		return !found
	})
	s.t.Logf("nothing is left in the brokers' records and files after %d rounds", n)
}
