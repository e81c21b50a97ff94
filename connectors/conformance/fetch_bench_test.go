//go:build unix

package conformance

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/connectors/kafka"
)

// BenchmarkFetch reads a topic of four partitions, 120 bytes a record, and gives records per second of this process's CPU
// time, which what else the machine does hardly touches.
func BenchmarkFetch(b *testing.B) {
	brokers := os.Getenv("WEND_TEST_KAFKA")
	if brokers == "" {
		b.Skip("WEND_TEST_KAFKA names no Kafka: host:port, several with commas")
	}
	client, err := kafka.New(kafka.Options{Brokers: strings.Split(brokers, ",")})
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	ctx := b.Context()
	const partitions, perBatch, records = 4, 500, 1_000_000
	topic := unique("bench")
	if err := client.CreateTopics(ctx, connectors.TopicSpec{Name: topic, Partitions: partitions, Replication: 1}); err != nil {
		b.Fatal(err)
	}
	// A new topic shows in the metadata before its leaders know that they lead.
	for p := range int32(partitions) {
		for {
			if _, _, err := client.ListOffset(ctx, at(topic, p), connectors.Latest); err == nil {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	m, err := client.Metadata(ctx, topic)
	if err != nil {
		b.Fatal(err)
	}
	leader := m.Topics[0].Partitions[0].Leader
	value := []byte(fmt.Sprintf(`{"id":"0123456789","customer":"c123456","type":"add_to_cart","time":1750000000000,"value":%d}`, 1<<40))
	var builder batch.Builder
	for range records / perBatch / partitions {
		var batches []connectors.Batch
		for p := range int32(partitions) {
			builder.Reset(batch.Header{ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1, Timestamp: time.Now().UnixMilli()})
			for range perBatch {
				builder.Append([]byte("c123456"), value)
			}
			batches = append(batches, connectors.Batch{TopicPartition: at(topic, p), Bytes: builder.Take()})
		}
		for _, r := range client.Produce(ctx, leader, batches, 30*time.Second) {
			if r.Err != nil || r.Code != connectors.OK {
				b.Fatal(r.Err, r.Code)
			}
		}
	}
	var cpu time.Duration
	read, bytes, requests := 0, 0, 0
	var readers [partitions]batch.Reader
	b.ResetTimer()
	for range b.N {
		before := cpuTime(b)
		req := &connectors.FetchRequest{Broker: leader, MaxWait: time.Second, MaxBytes: 8 << 20, PartitionMax: 2 << 20}
		for p := range int32(partitions) {
			req.Positions = append(req.Positions, connectors.Position{TopicPartition: at(topic, p), LeaderEpoch: -1})
		}
		for left := records; left > 0; {
			answer, err := client.Fetch(ctx, req)
			if err != nil {
				b.Fatal(err)
			}
			requests++
			for i := range answer {
				f := &answer[i]
				r := &readers[f.Partition]
				from := &req.Positions[f.Partition].Offset
				r.Reset(f.Batches, *from, nil)
				bytes += len(f.Batches)
				for {
					if _, err := r.Next(); errors.Is(err, io.EOF) {
						break
					} else if err != nil {
						b.Fatal(err)
					}
					left--
					read++
				}
				*from = r.NextOffset()
				f.Release()
			}
		}
		cpu += cpuTime(b) - before
	}
	b.ReportMetric(float64(read)/cpu.Seconds()/1e6, "Mrecords/cpu-s")
	b.ReportMetric(float64(bytes)/float64(requests)/1e6, "MB/request")
	b.ReportMetric(0, "ns/op")
}

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
