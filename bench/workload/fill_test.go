package workload

import (
	"context"
	"maps"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"wend/bench/audit"
	"wend/connectors/broker"
)

// TestFill: each event is there once, a millisecond behind the one before, in its customer's partition in order.
func TestFill(t *testing.T) {
	b, err := broker.Start(broker.Options{Topics: []broker.Topic{{Name: "events", Partitions: 3}}})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	const n = 2000
	f := &Fill{Brokers: b.Addrs()[0], Topic: "events", Count: n, Event: func(i int) Event { return At(1, i, 100) }}
	if err := f.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want, got, last := map[string]int{}, map[string]int{}, map[int32]int{0: -1, 1: -1, 2: -1}
	for i := range n {
		want[string(AppendJSON(nil, i, At(1, i, 100), Epoch+int64(i)))]++
	}
	if err := audit.EachRecord(t.Context(), f.Brokers, "events", func(r *kgo.Record) {
		got[string(r.Value)]++
		id, _, _ := strings.Cut(strings.TrimPrefix(string(r.Value), `{"event_id":"`), `"`)
		i, ok := Index(id)
		if !ok || i <= last[r.Partition] || string(r.Key) != string(AppendCustomer(nil, At(1, i, 100).Customer)) {
			t.Fatalf("%d/%d: %s behind e%d, key %s", r.Partition, r.Offset, r.Value, last[r.Partition], r.Key)
		}
		last[r.Partition] = i
	}); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(got, want) {
		t.Errorf("%d different records, want %d", len(got), len(want))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Run(ctx); err == nil {
		t.Error("it was broken off, and says nothing")
	}
}
