package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/connectors/broker"
	"wend/connectors/kafka"
	"wend/schemas/workspacetest"
)

// TestExplainFromSource: what explain says of a customer from the source topic is what it says from a log of the same
// events, on whichever partition the customer is, with other customers and bad records between.
func TestExplainFromSource(t *testing.T) {
	const partitions = 3
	for _, partitioner := range []string{"murmur2", "none"} {
		t.Run(partitioner, func(t *testing.T) {
			b, err := broker.Start(broker.Options{Topics: []broker.Topic{{Name: "events", Partitions: partitions}}})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = b.Close() }()
			dir := t.TempDir()
			var log strings.Builder
			client, err := kafka.New(kafka.Options{Brokers: []string{b.Addr()}, ClientID: "test"})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = client.Close() }()
			m, err := client.Metadata(t.Context(), "events")
			if err != nil {
				t.Fatal(err)
			}
			for i := range 60 {
				customer := fmt.Sprintf("c%d", i%4)
				text := fmt.Sprintf(`{"event_id":"e%d","customer_id":%q,"type":%q,"ts":%d,"price":%d}`, i, customer, []string{"cart", "buy", "cart"}[i%3], 1772359200000+int64(i)*4000, i)
				if i%7 == 3 {
					text = "nonsense"
				} else {
					log.WriteString(text + "\n")
				}
				tp := connectors.TopicPartition{Topic: "events", Partition: connectors.Murmur2Partition([]byte(customer), partitions)}
				var one batch.Builder
				one.Reset(batch.Header{ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1, Timestamp: time.Now().UnixMilli()})
				one.Append([]byte(customer), []byte(text))
				r := client.Produce(t.Context(), m.Topics[0].Partitions[tp.Partition].Leader, []connectors.Batch{{TopicPartition: tp, Bytes: one.Finish()}}, 5*time.Second)
				if r[0].Err != nil || r[0].Code != connectors.OK {
					t.Fatal(r[0])
				}
			}
			for name, text := range map[string]string{
				"wend.yaml":       "app: shop\nkafka: {brokers: [" + b.Addr() + "]}\nsource: {partitioner: " + partitioner + "}\n",
				"journeys/j.yaml": "journey: j\nenter: {on: cart, if: event.price > 10}\ngoal: {on: buy}\nsteps: [{wait: 10s}, {send: push, template: t}]\n",
				"log.jsonl":       log.String(),
			} {
				workspacetest.Write(t, filepath.Join(dir, name), text)
			}
			explain := func(args ...string) string {
				cmd := exec.Command("wend", append([]string{"explain", "-C", dir}, args...)...)
				var told strings.Builder
				cmd.Stderr = &told
				out, err := cmd.Output()
				if err != nil || told.Len() > 0 {
					t.Fatalf("%v %v\n%s", args, err, told.String())
				}
				return string(out)
			}
			for i := range 5 { // c4 has no event
				customer := fmt.Sprintf("c%d", i)
				got := explain("--customer", customer)
				want := explain("--customer", customer, "--events", filepath.Join(dir, "log.jsonl"))
				if got != want || i < 4 && !strings.Contains(got, "sent (push t)") {
					t.Errorf("%s: from the topic\n%s\nfrom the log\n%s", customer, got, want)
				}
			}
		})
	}
}
