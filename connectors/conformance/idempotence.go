package conformance

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"wend/connectors"
)

// producer asks for the id of a transactional id, again while the coordinator is not ready.
func (s *suite) producer(t *testing.T, transactionalID string) connectors.Producer {
	t.Helper()
	var p connectors.Producer
	s.until(t, "the transaction coordinator answers", func() bool {
		var err error
		p, err = s.client.InitProducerID(context60(t), transactionalID)
		if err != nil && connectors.Classify(err) != connectors.Retry {
			t.Fatal(err)
		}
		return err == nil
	})
	return p
}

// refused checks an answer, and that nothing was appended by it.
func (s *suite) refused(t *testing.T, what string, tp connectors.TopicPartition, b []byte, codes ...connectors.Code) {
	t.Helper()
	before := s.latest(t, tp)
	p := s.put(t, s.client, tp, b)
	if p.Err != nil || !slices.Contains(codes, p.Code) {
		t.Errorf("%s: got %v %v, want one of %v", what, p.Err, p.Code, codes)
	}
	want(t, what+": end", s.latest(t, tp), before)
}

// idempotence is the top of the journal protocol: what every broker does for an idempotent producer, and under an id of
// a transactional id for one that never begins a transaction.
func (s *suite) idempotence(t *testing.T) {
	topic := s.topic(t, 9, nil)
	fresh := func(t *testing.T, partition int32) (connectors.TopicPartition, connectors.Producer) {
		return at(topic, partition), s.producer(t, unique("id"))
	}
	t.Run("a transactional id keeps its producer id, with rising epochs", func(t *testing.T) {
		id := unique("id")
		a, b := s.producer(t, id), s.producer(t, id)
		want(t, "id", b.ID, a.ID)
		want(t, "epoch", b.Epoch, a.Epoch+1)
		if c := s.producer(t, unique("id")); c.ID == a.ID {
			t.Error("two transactional ids, one producer id")
		}
	})
	t.Run("an empty transactional id is refused", func(t *testing.T) {
		_, err := s.client.InitProducerID(context60(t), "")
		wantCode(t, "answer", err, connectors.InvalidRequest)
	})
	t.Run("the same batch again is appended once", func(t *testing.T) {
		tp, p := fresh(t, 0)
		b := sequenced(p, 0, "a", "b")
		want(t, "first", s.mustPut(t, tp, b), 0)
		want(t, "again", s.mustPut(t, tp, b), 0)
		want(t, "next", s.mustPut(t, tp, sequenced(p, 2, "c")), 2)
		want(t, "the first, once more", s.mustPut(t, tp, b), 0)
		want(t, "end", s.latest(t, tp), 3)
	})
	t.Run("five batches are remembered", func(t *testing.T) {
		tp, p := fresh(t, 1)
		for i := range int32(6) {
			want(t, "offset", s.mustPut(t, tp, sequenced(p, i, fmt.Sprint(i))), int64(i))
		}
		for i := int32(1); i < 6; i++ {
			want(t, "offset again", s.mustPut(t, tp, sequenced(p, i, fmt.Sprint(i))), int64(i))
		}
		s.refused(t, "the sixth last", tp, sequenced(p, 0, "0"), connectors.OutOfOrderSequence, connectors.DuplicateSequence)
	})
	t.Run("a gap is refused", func(t *testing.T) {
		tp, p := fresh(t, 2)
		s.mustPut(t, tp, sequenced(p, 0, "a"))
		s.refused(t, "a gap", tp, sequenced(p, 2, "c"), connectors.OutOfOrderSequence)
		want(t, "offset of the right one", s.mustPut(t, tp, sequenced(p, 1, "b")), 1)
	})
	t.Run("a lower epoch is refused", func(t *testing.T) {
		tp, p := fresh(t, 3)
		s.mustPut(t, tp, sequenced(p, 0, "a"))
		higher := connectors.Producer{ID: p.ID, Epoch: p.Epoch + 3} // of the client's own making
		s.mustPut(t, tp, sequenced(higher, 0, "claim"))
		s.refused(t, "the old epoch", tp, sequenced(p, 1, "b"), connectors.InvalidProducerEpoch)
		s.refused(t, "the old epoch, begun again", tp, sequenced(p, 0, "a"), connectors.InvalidProducerEpoch)
		s.refused(t, "one between", tp, sequenced(connectors.Producer{ID: p.ID, Epoch: p.Epoch + 2}, 0, "a"), connectors.InvalidProducerEpoch)
		want(t, "offset of the new epoch's next", s.mustPut(t, tp, sequenced(higher, 1, "c")), 2)
		want(t, "class", connectors.InvalidProducerEpoch.Class(), connectors.Fenced)
	})
	t.Run("a new epoch begins at sequence 0", func(t *testing.T) {
		tp, p := fresh(t, 4)
		s.mustPut(t, tp, sequenced(p, 0, "a", "b"))
		p.Epoch++
		s.refused(t, "going on", tp, sequenced(p, 2, "c"), connectors.OutOfOrderSequence)
		want(t, "offset", s.mustPut(t, tp, sequenced(p, 0, "c")), 2)
	})
	t.Run("an unknown producer begins anywhere", func(t *testing.T) {
		tp, p := fresh(t, 5)
		s.mustPut(t, tp, plain("somebody was here"))
		want(t, "offset", s.mustPut(t, tp, sequenced(p, 1000, "a")), 1)
		want(t, "next", s.mustPut(t, tp, sequenced(p, 1001, "b")), 2)
		s.refused(t, "before its beginning", tp, sequenced(p, 999, "z"), connectors.OutOfOrderSequence, connectors.DuplicateSequence)
	})
	t.Run("partitions know epochs by themselves", func(t *testing.T) {
		s.realOnly(t, "it keeps one epoch per producer id")
		tp, p := fresh(t, 6)
		higher := connectors.Producer{ID: p.ID, Epoch: p.Epoch + 1}
		s.mustPut(t, tp, sequenced(higher, 0, "a"))
		want(t, "offset elsewhere", s.mustPut(t, at(topic, 7), sequenced(p, 0, "a")), 0)
	})
	t.Run("an epoch fences when it is written, not when it is given", func(t *testing.T) {
		s.realOnly(t, "it fences as soon as the epoch is given")
		id := unique("id")
		tp := at(topic, 7)
		old := s.producer(t, id)
		s.mustPut(t, tp, sequenced(old, 0, "a"))
		next := s.producer(t, id)
		s.mustPut(t, tp, sequenced(old, 1, "b"))
		s.mustPut(t, tp, sequenced(next, 0, "claim"))
		s.refused(t, "the old one", tp, sequenced(old, 2, "c"), connectors.InvalidProducerEpoch)
	})
	t.Run("sequences go on at 0 behind 2147483647", func(t *testing.T) {
		s.realOnly(t, "it wraps one earlier")
		tp, p := fresh(t, 8)
		s.mustPut(t, tp, plain("somebody was here"))
		s.mustPut(t, tp, sequenced(p, math.MaxInt32-1, "a", "b"))
		want(t, "offset", s.mustPut(t, tp, sequenced(p, 0, "c")), 3)
		s.mustPut(t, tp, sequenced(p, 1, "d"))
	})
	t.Run("ended by its context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := s.client.InitProducerID(ctx, unique("id")); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}
