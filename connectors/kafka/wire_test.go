package kafka

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"

	"wend/connectors"
)

// The oracle of what is written and read here is kmsg, generated from Kafka's own definitions of the protocol.

// readRequest takes a request's frame apart with kmsg.
func readRequest(t *testing.T, frame []byte, into kmsg.Request) {
	t.Helper()
	r := kbin.Reader{Src: frame}
	if size := r.Int32(); int(size) != len(frame)-4 {
		t.Fatalf("size %d in a frame of %d", size, len(frame))
	}
	if key := r.Int16(); key != into.Key() {
		t.Fatalf("api %d", key)
	}
	into.SetVersion(r.Int16())
	if id := r.Int32(); id != 7 {
		t.Fatalf("id %d", id)
	}
	if name := r.NullableString(); name == nil || *name != "me" {
		t.Fatalf("client id %v", name)
	}
	if into.IsFlexible() {
		if n := r.Uvarint(); n != 0 {
			t.Fatalf("%d tags", n)
		}
	}
	if err := r.Complete(); err != nil {
		t.Fatal(err)
	}
	if err := into.ReadFrom(r.Src); err != nil {
		t.Fatal(err)
	}
	// Nothing is left over: what kmsg writes of what it read is the same.
	if again := into.AppendTo(nil); !bytes.Equal(again, r.Src) {
		t.Fatalf("got %x, kmsg writes %x", r.Src, again)
	}
}

func TestFetchRequest(t *testing.T) {
	req := &connectors.FetchRequest{
		MaxWait: 1500 * time.Millisecond, MaxBytes: 8 << 20, PartitionMax: 1 << 20, ReadCommitted: true,
		Positions: []connectors.Position{
			{TopicPartition: connectors.TopicPartition{Topic: "a", Partition: 3}, Offset: 1 << 40, LeaderEpoch: 9},
			{TopicPartition: connectors.TopicPartition{Topic: "a", Partition: 1}, Offset: 2, LeaderEpoch: -1},
			{TopicPartition: connectors.TopicPartition{Topic: "b"}, Offset: 4, LeaderEpoch: 1},
		},
	}
	for version := int16(4); version <= fetchVersion; version++ {
		var got kmsg.FetchRequest
		readRequest(t, appendFetch(nil, req, version, 7, "me"), &got)
		if got.ReplicaID != -1 || got.MaxWaitMillis != 1500 || got.MinBytes != 1 || got.MaxBytes != 8<<20 || got.IsolationLevel != 1 {
			t.Errorf("v%d: %+v", version, got)
		}
		if version >= 7 && got.SessionEpoch != -1 {
			t.Errorf("v%d: session epoch %d", version, got.SessionEpoch)
		}
		if len(got.Topics) != 2 || len(got.Topics[0].Partitions) != 2 || len(got.Topics[1].Partitions) != 1 {
			t.Fatalf("v%d: %+v", version, got.Topics)
		}
		p := got.Topics[0].Partitions[0]
		if got.Topics[0].Topic != "a" || p.Partition != 3 || p.FetchOffset != 1<<40 || p.PartitionMaxBytes != 1<<20 {
			t.Errorf("v%d: %+v", version, p)
		}
		if version >= 9 && p.CurrentLeaderEpoch != 9 {
			t.Errorf("v%d: leader epoch %d", version, p.CurrentLeaderEpoch)
		}
	}
}

// framed is n bytes that look like a batch to what looks at lengths.
func framed(n int) []byte {
	b := make([]byte, n)
	binary.BigEndian.PutUint32(b[8:], uint32(n-12))
	return b
}

func fetchAnswer(version int16) []byte {
	r := kmsg.NewPtrFetchResponse()
	r.SetVersion(version)
	topic := kmsg.NewFetchResponseTopic()
	topic.Topic = "a"
	p := kmsg.NewFetchResponseTopicPartition()
	p.Partition, p.HighWatermark, p.LastStableOffset, p.LogStartOffset = 3, 20, 15, 5
	aborted := kmsg.NewFetchResponseTopicPartitionAbortedTransaction()
	aborted.ProducerID, aborted.FirstOffset = 8, 16
	p.AbortedTransactions = append(p.AbortedTransactions, aborted)
	p.RecordBatches = append(append(framed(70), framed(100)...), framed(80)[:50]...)
	bad := kmsg.NewFetchResponseTopicPartition()
	bad.Partition, bad.ErrorCode, bad.HighWatermark = 4, int16(connectors.NotLeader), -1
	topic.Partitions = append(topic.Partitions, p, bad)
	r.Topics = append(r.Topics, topic)
	return r.AppendTo(nil)
}

// decodeFetch reads an answer that says it has left bytes.
func decodeFetch(b []byte, left int, version int16) ([]connectors.Fetched, error) {
	return readFetch(&stream{src: bytes.NewReader(b), left: left}, version, new(buffers))
}

func TestFetchAnswer(t *testing.T) {
	for version := int16(4); version <= fetchVersion; version++ {
		b := fetchAnswer(version)
		got, err := decodeFetch(b, len(b), version)
		if err != nil || len(got) != 2 {
			t.Fatalf("v%d: %+v %v", version, got, err)
		}
		f := got[0]
		if f.Topic != "a" || f.Partition != 3 || f.Code != 0 || f.HighWatermark != 20 || f.LastStable != 15 ||
			!slices.Equal(f.Aborted, []connectors.AbortedTransaction{{ProducerID: 8, FirstOffset: 16}}) {
			t.Errorf("v%d: %+v", version, f)
		}
		if version >= 5 && f.LogStart != 5 {
			t.Errorf("v%d: %+v", version, f)
		}
		if len(f.Batches) != 170 || cap(f.Batches) != 170 {
			t.Errorf("v%d: %d bytes of whole batches, room for %d", version, len(f.Batches), cap(f.Batches))
		}
		if got[1].Code != connectors.NotLeader || got[1].Partition != 4 {
			t.Errorf("v%d: %+v", version, got[1])
		}
		for n := range b {
			if _, err := decodeFetch(b, n, version); !errors.Is(err, errShort) {
				t.Fatalf("v%d: %d bytes of %d: %v", version, n, len(b), err)
			}
			if _, err := decodeFetch(b[:n], len(b), version); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("v%d: a connection that ends after %d bytes of %d: %v", version, n, len(b), err)
			}
		}
		src := bytes.NewReader(append(b, "behind it, and what comes next"...))
		if _, err := readFetch(&stream{src: src, left: len(b) + len("behind it")}, version, new(buffers)); err != nil || src.Len() != len(", and what comes next") {
			t.Errorf("v%d: %v, %d bytes are left for the next answer", version, err, src.Len())
		}
	}
	refused := kmsg.NewPtrFetchResponse()
	refused.SetVersion(11)
	refused.ErrorCode = int16(connectors.UnknownServerError)
	b := refused.AppendTo(nil)
	if _, err := decodeFetch(b, len(b), 11); !errors.Is(err, connectors.UnknownServerError) {
		t.Errorf("a refused request: %v", err)
	}
}

func TestWholeBatches(t *testing.T) {
	for _, c := range []struct {
		name string
		in   []byte
		want int
	}{
		{"nothing", nil, 0},
		{"less than a length", make([]byte, 11), 0},
		{"one", framed(70), 70},
		{"one and a length cut off", append(framed(70), 1, 2, 3), 70},
		{"one and all but a byte", append(framed(70), framed(80)[:79]...), 70},
		{"a negative length", append(framed(70), bytes.Repeat([]byte{0xff}, 60)...), 70},
		{"a length above all", append(framed(70), 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 1), 70},
	} {
		if got := len(whole(c.in)); got != c.want {
			t.Errorf("%s: %d bytes, want %d", c.name, got, c.want)
		}
	}
}

func TestProduceRequest(t *testing.T) {
	batches := []connectors.Batch{
		{TopicPartition: connectors.TopicPartition{Topic: "a", Partition: 3}, Bytes: framed(70)},
		{TopicPartition: connectors.TopicPartition{Topic: "a", Partition: 1}, Bytes: framed(90)},
		{TopicPartition: connectors.TopicPartition{Topic: "b", Partition: 0}, Bytes: framed(80)},
	}
	for version := int16(3); version <= produceVersion; version++ {
		pieces := produceRequest(batches, 3*time.Second, version, 7, "me")
		for i := range batches {
			if &pieces[2*i+1][0] != &batches[i].Bytes[0] {
				t.Fatalf("v%d: batch %d is copied", version, i)
			}
		}
		var got kmsg.ProduceRequest
		readRequest(t, bytes.Join(pieces, nil), &got)
		if got.TransactionID != nil || got.Acks != -1 || got.TimeoutMillis != 3000 || len(got.Topics) != 2 {
			t.Fatalf("v%d: %+v", version, got)
		}
		if p := got.Topics[0].Partitions; len(p) != 2 || p[1].Partition != 1 || !bytes.Equal(p[1].Records, batches[1].Bytes) {
			t.Errorf("v%d: %+v", version, p)
		}
	}
}

func produceAnswer(version int16) []byte {
	r := kmsg.NewPtrProduceResponse()
	r.SetVersion(version)
	topic := kmsg.NewProduceResponseTopic()
	topic.Topic = "a"
	p := kmsg.NewProduceResponseTopicPartition()
	p.Partition, p.BaseOffset, p.LogAppendTime, p.LogStartOffset = 3, 99, 12345, 7
	bad := kmsg.NewProduceResponseTopicPartition()
	bad.Partition, bad.ErrorCode, bad.BaseOffset = 4, int16(connectors.InvalidRecord), -1
	record := kmsg.NewProduceResponseTopicPartitionErrorRecord()
	record.RelativeOffset, record.ErrorMessage = 2, kmsg.StringPtr("no key")
	bad.ErrorRecords = append(bad.ErrorRecords, record)
	topic.Partitions = append(topic.Partitions, p, bad)
	r.Topics = append(r.Topics, topic)
	return r.AppendTo(nil)
}

func TestProduceAnswer(t *testing.T) {
	for version := int16(3); version <= produceVersion; version++ {
		got, err := decodeProduce(produceAnswer(version), version)
		if err != nil || len(got) != 2 {
			t.Fatalf("v%d: %+v %v", version, got, err)
		}
		p := got[0]
		if p.Topic != "a" || p.Partition != 3 || p.Code != 0 || p.BaseOffset != 99 || p.AppendTime != 12345 || version >= 5 && p.LogStart != 7 {
			t.Errorf("v%d: %+v", version, p)
		}
		if got[1].Code != connectors.InvalidRecord || version >= 8 && got[1].Message != "record 2: no key" {
			t.Errorf("v%d: %+v", version, got[1])
		}
	}
}

func metadataAnswer(version int16) []byte {
	r := kmsg.NewPtrMetadataResponse()
	r.SetVersion(version)
	r.ClusterID = kmsg.StringPtr("cluster")
	r.ControllerID = 2
	for _, id := range []int32{2, 1} {
		b := kmsg.NewMetadataResponseBroker()
		b.NodeID, b.Host, b.Port, b.Rack = id, "host", 9092+id, kmsg.StringPtr("rack")
		r.Brokers = append(r.Brokers, b)
	}
	topic := kmsg.NewMetadataResponseTopic()
	topic.Topic = kmsg.StringPtr("a")
	topic.TopicID = [16]byte{1, 15: 2}
	for _, id := range []int32{1, 0} {
		p := kmsg.NewMetadataResponseTopicPartition()
		p.Partition, p.Leader, p.LeaderEpoch, p.Replicas, p.ISR, p.OfflineReplicas = id, 2, 5, []int32{2, 1}, []int32{2}, []int32{1}
		topic.Partitions = append(topic.Partitions, p)
	}
	missing := kmsg.NewMetadataResponseTopic()
	missing.Topic, missing.ErrorCode = kmsg.StringPtr("b"), int16(connectors.UnknownTopicOrPartition)
	r.Topics = append(r.Topics, topic, missing)
	return r.AppendTo(nil)
}

var metadataVersions = []int16{5, 6, 7, 8, metadataVersion}

func TestMetadata(t *testing.T) {
	for _, version := range metadataVersions {
		for _, topics := range [][]string{nil, {"a", "bc"}} {
			var req kmsg.MetadataRequest
			readRequest(t, appendMetadata(nil, topics, version, 7, "me"), &req)
			if req.Topics == nil || len(req.Topics) != len(topics) || req.AllowAutoTopicCreation {
				t.Fatalf("v%d: %+v", version, req)
			}
			for i, name := range topics {
				if *req.Topics[i].Topic != name {
					t.Errorf("v%d: %v", version, *req.Topics[i].Topic)
				}
			}
		}
		b := metadataAnswer(version)
		if version >= 9 {
			b = append([]byte{0}, b...) // the header's tags
		}
		m, controller, err := decodeMetadata(b, version)
		if err != nil {
			t.Fatalf("v%d: %v", version, err)
		}
		if m.ClusterID != "cluster" || controller != 2 || len(m.Brokers) != 2 || m.Brokers[0] != (connectors.Broker{ID: 1, Host: "host", Port: 9093}) {
			t.Errorf("v%d: %+v", version, m)
		}
		if len(m.Topics) != 2 || m.Topics[1].Code != connectors.UnknownTopicOrPartition || m.Topics[1].Name != "b" {
			t.Fatalf("v%d: %+v", version, m.Topics)
		}
		a := m.Topics[0]
		if (version >= 10) != (a.ID == [16]byte{1, 15: 2}) {
			t.Errorf("v%d: id %v", version, a.ID)
		}
		epoch := int32(5)
		if version < 7 {
			epoch = -1
		}
		for i, p := range a.Partitions {
			if p.ID != int32(i) || p.Leader != 2 || p.LeaderEpoch != epoch || !slices.Equal(p.Replicas, []int32{2, 1}) || !slices.Equal(p.InSync, []int32{2}) {
				t.Errorf("v%d: %+v", version, p)
			}
		}
	}
}

// FuzzAnswers: whatever a peer sends, decoding ends, with an error at most, and keeps to the memory that it was given.
func FuzzAnswers(f *testing.F) {
	for _, v := range []int16{4, fetchVersion} {
		f.Add(uint8(0), v, fetchAnswer(v))
	}
	for _, v := range []int16{3, produceVersion} {
		f.Add(uint8(1), v, produceAnswer(v))
	}
	for _, v := range metadataVersions {
		f.Add(uint8(2), v, metadataAnswer(v))
	}
	f.Fuzz(func(t *testing.T, kind uint8, version int16, b []byte) {
		switch kind % 3 {
		case 0:
			got, _ := decodeFetch(b, len(b), version)
			for _, g := range got {
				if len(g.Batches) > len(b) {
					t.Fatal("more batches than bytes")
				}
			}
		case 1:
			_, _ = decodeProduce(b, version)
		case 2:
			_, _, _ = decodeMetadata(b, version)
		}
	})
}
