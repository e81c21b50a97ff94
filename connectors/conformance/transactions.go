package conformance

import (
	"fmt"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"wend/connectors"
)

// transactions are others': Wend writes none, but its source may have been written in some.
func (s *suite) transactions(t *testing.T) {
	topic := s.topic(t, 1, nil)
	tp := at(topic, 0)
	ctx := context60(t)
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.brokers...), kgo.TransactionalID(unique("tx")), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	// Markers are written after the transaction's end is answered: each is waited for, so that offsets are the same every time.
	write := func(ends int64, end kgo.TransactionEndTry, values ...string) {
		t.Helper()
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			if err := cl.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: []byte(v)}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		if err := cl.EndTransaction(ctx, end); err != nil {
			t.Fatal(err)
		}
		s.until(t, "the marker is written", func() bool { return s.latest(t, tp) == ends })
	}
	s.mustPut(t, tp, plain("before"))          // 0
	write(4, kgo.TryAbort, "void", "void too") // 1, 2, marker 3
	s.mustPut(t, tp, plain("between"))         // 4
	write(7, kgo.TryCommit, "kept")            // 5, marker 6
	write(9, kgo.TryAbort, "void again")       // 7, marker 8
	write(11, kgo.TryCommit, "kept too")       // 9, marker 10
	for from := range int64(11) {
		var committed, all []string
		for o, v := range map[int64]string{0: "before", 4: "between", 5: "kept", 9: "kept too"} {
			if o >= from {
				committed = append(committed, fmt.Sprintf("%d:%s", o, v))
			}
		}
		for o, v := range map[int64]string{1: "void", 2: "void too", 7: "void again"} {
			if o >= from {
				all = append(all, fmt.Sprintf("%d:%s", o, v))
			}
		}
		all = append(all, committed...)
		slices.Sort(committed)
		slices.Sort(all)
		if got := s.read(t, tp, from, true); !slices.Equal(got, committed) {
			t.Errorf("committed from %d: got %v, want %v", from, got, committed)
		}
		if got := s.read(t, tp, from, false); !slices.Equal(got, all) {
			t.Errorf("everything from %d: got %v, want %v", from, got, all)
		}
	}

	// What is open holds readers of committed records up, and nobody else.
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: []byte("open")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	s.mustPut(t, tp, plain("behind it")) // 12
	req := s.request(t, tp, 11)
	req.ReadCommitted = true
	f, err := s.client.Fetch(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "last stable", f[0].LastStable, 11)
	want(t, "high watermark", f[0].HighWatermark, 13)
	want(t, "bytes behind it", len(f[0].Batches), 0)
	stable, _, err := s.client.ListOffset(ctx, tp, connectors.LatestStable)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "listed as the last stable", stable, 11)
	want(t, "listed as the latest", s.latest(t, tp), 13)
	if err := cl.EndTransaction(ctx, kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	s.until(t, "the marker is written", func() bool { return s.latest(t, tp) == 14 })
	if got, want := s.read(t, tp, 11, true), []string{"11:open", "12:behind it"}; !slices.Equal(got, want) {
		t.Errorf("once committed: got %v, want %v", got, want)
	}
}
