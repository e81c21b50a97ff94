package conformance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"wend/connectors"
	"wend/connectors/batch"
)

func (s *suite) fetch(t *testing.T) {
	t.Run("many partitions in one request", func(t *testing.T) {
		a, b := s.topic(t, 3, nil), s.topic(t, 2, nil)
		byLeader := map[int32]*connectors.FetchRequest{}
		add := func(tp connectors.TopicPartition) {
			s.mustPut(t, tp, plain("zero"))
			s.mustPut(t, tp, plain(tp.Topic))
			req := s.request(t, tp, 1)
			if seen := byLeader[req.Broker]; seen != nil {
				seen.Positions = append(seen.Positions, req.Positions...)
				return
			}
			byLeader[req.Broker] = req
		}
		for p := range int32(3) {
			add(at(a, p))
			if p < 2 {
				add(at(b, p)) // the topics take turns
			}
		}
		seen := map[connectors.TopicPartition]bool{}
		for _, req := range byLeader {
			answer, err := s.client.Fetch(context60(t), req)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range answer {
				want(t, "code", f.Code, connectors.OK)
				want(t, "log start", f.LogStart, 0)
				want(t, "high watermark", f.HighWatermark, 2)
				want(t, "last stable", f.LastStable, 2)
				var r batch.Reader
				r.Reset(f.Batches, 1, nil)
				if got, want := values(t, &r), []string{"1:" + f.Topic}; !slices.Equal(got, want) {
					t.Errorf("%v: got %v, want %v", f.TopicPartition, got, want)
				}
				want(t, "leader epoch of the batch", r.Info().LeaderEpoch >= 0, true)
				seen[f.TopicPartition] = true
			}
		}
		want(t, "partitions answered", len(seen), 5)
	})
	t.Run("a long poll is answered by a record's arrival", func(t *testing.T) {
		topic := s.topic(t, 2, nil)
		req := s.request(t, at(topic, 0), 0)
		if other := s.request(t, at(topic, 1), 0); other.Broker == req.Broker {
			req.Positions = append(req.Positions, other.Positions...)
		}
		req.MaxWait = 10 * patience // were it to wait, the context would end it
		type result struct {
			answer []connectors.Fetched
			err    error
		}
		done := make(chan result, 1)
		ctx := context60(t)
		go func() {
			f, err := s.client.Fetch(ctx, req)
			done <- result{f, err}
		}()
		select {
		case r := <-done:
			t.Fatalf("answered with nothing there: %+v %v", r.answer, r.err)
		case <-time.After(300 * time.Millisecond):
		}
		s.mustPut(t, at(topic, 0), plain("here"))
		r := <-done
		if r.err != nil {
			t.Fatal(r.err)
		}
		for _, f := range r.answer {
			if f.TopicPartition == at(topic, 0) && len(f.Batches) == 0 {
				t.Error("answered without the record")
			}
		}
	})
	t.Run("an empty one is answered after its wait", func(t *testing.T) {
		req := s.request(t, at(s.topic(t, 1, nil), 0), 0)
		req.MaxWait = 100 * time.Millisecond
		f, err := s.client.Fetch(context60(t), req)
		if err != nil || len(f) != 1 || f[0].Code != connectors.OK || len(f[0].Batches) != 0 {
			t.Errorf("%+v %v", f, err)
		}
	})
	t.Run("long polls hold nothing up", func(t *testing.T) {
		topic := s.topic(t, 1, nil)
		idle := s.request(t, at(topic, 0), 0)
		idle.MaxWait = 10 * patience
		ctx, cancel := context.WithCancel(context60(t))
		ended := make(chan error)
		const polls = 8
		for range polls {
			go func() {
				_, err := s.client.Fetch(ctx, idle)
				ended <- err
			}()
		}
		busy := s.topic(t, 1, nil)
		for i := range int64(20) {
			want(t, "offset", s.mustPut(t, at(busy, 0), plain("x")), i)
		}
		cancel()
		for range polls {
			if err := <-ended; err == nil {
				t.Error("a long poll was answered with nothing there")
			}
		}
	})
	t.Run("a batch cut off is left out", func(t *testing.T) {
		tp := at(s.topic(t, 1, nil), 0)
		var expected []string
		for i := range 5 {
			v := fmt.Sprint(i, strings.Repeat("x", 1000))
			s.mustPut(t, tp, plain(v))
			expected = append(expected, fmt.Sprintf("%d:%s", i, v))
		}
		var got []string
		for offset := int64(0); offset < 5; {
			req := s.request(t, tp, offset)
			req.PartitionMax = 3500
			f, err := s.client.Fetch(context60(t), req)
			if err != nil {
				t.Fatal(err)
			}
			var r batch.Reader
			r.Reset(f[0].Batches, offset, nil)
			got = append(got, values(t, &r)...)
			if r.Partial() {
				t.Error("a part of a batch is there")
			}
			if r.NextOffset() == offset {
				t.Fatalf("nothing at %d", offset)
			}
			offset = r.NextOffset()
		}
		if !slices.Equal(got, expected) {
			t.Errorf("got %d records, want %d", len(got), len(expected))
		}
	})
	t.Run("an offset that is not there", func(t *testing.T) {
		tp := at(s.topic(t, 1, nil), 0)
		s.mustPut(t, tp, plain("x"))
		f, err := s.client.Fetch(context60(t), s.request(t, tp, 5))
		if err != nil || f[0].Code != connectors.OffsetOutOfRange {
			t.Errorf("%+v %v", f, err)
		}
	})
	t.Run("a leader epoch that is not yet", func(t *testing.T) {
		tp := at(s.topic(t, 1, nil), 0)
		req := s.request(t, tp, 0)
		req.Positions[0].LeaderEpoch += 5
		f, err := s.client.Fetch(context60(t), req)
		if err != nil || f[0].Code != connectors.UnknownLeaderEpoch {
			t.Errorf("%+v %v", f, err)
		}
	})
	t.Run("a topic that is not there beside one that is", func(t *testing.T) {
		tp := at(s.topic(t, 1, nil), 0)
		s.mustPut(t, tp, plain("x"))
		req := s.request(t, tp, 0)
		missing := at(unique("missing"), 3)
		req.Positions = append(req.Positions, connectors.Position{TopicPartition: missing, LeaderEpoch: -1})
		f, err := s.client.Fetch(context60(t), req)
		if err != nil {
			t.Fatal(err)
		}
		want(t, "answers", len(f), 2)
		for _, f := range f {
			if f.TopicPartition == missing {
				want(t, "code", f.Code, connectors.UnknownTopicOrPartition)
			} else {
				want(t, "code", f.Code, connectors.OK)
			}
		}
	})
}
