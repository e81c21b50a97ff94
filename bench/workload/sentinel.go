package workload

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Split is a list of brokers from its text.
func Split(brokers string) []string {
	list := strings.Split(brokers, ",")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return list
}

// CustomerIn finds a customer, PREFIX and a number, whose records go to a partition of so many.
func CustomerIn(prefix string, partition, partitions int32) string {
	p := kgo.StickyKeyPartitioner(nil).ForTopic("")
	for i := 0; ; i++ {
		name := prefix + strconv.Itoa(i)
		if int32(p.Partition(&kgo.Record{Key: []byte(name)}, int(partitions))) == partition {
			return name
		}
	}
}

// Record makes the record of an event of any customer, outside the numbered ones. ts is in milliseconds since 1970.
func Record(topic, id, customer string, k Kind, ts int64) *kgo.Record {
	b := append([]byte(`{"event_id":"`), id...)
	b = append(append(b, `","customer_id":"`...), customer...)
	return &kgo.Record{Topic: topic, Key: []byte(customer), Value: appendRest(b, Event{Kind: k, SKU: 1, Cents: 100}, ts)}
}

// SendSentinels has one customer in each partition buy something, under event ids that begin with the given tag, and
// gives these ids. Each is answered by an action as soon as all that lies before it was handled.
func SendSentinels(ctx context.Context, brokers, topic, tag string, partitions int32) ([]string, error) {
	cl, err := NewProducer(brokers)
	if err != nil {
		return nil, fmt.Errorf("send sentinels: %w", err)
	}
	defer cl.Close()
	var ids []string
	var records []*kgo.Record
	for p := range partitions {
		id := tag + "-" + strconv.Itoa(int(p))
		ids = append(ids, id)
		records = append(records, Record(topic, id, CustomerIn("sentinel", p, partitions), Purchase, time.Now().UnixMilli()))
	}
	if err := cl.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return nil, fmt.Errorf("send sentinels: %w", err)
	}
	return ids, nil
}
