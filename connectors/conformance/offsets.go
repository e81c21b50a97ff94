package conformance

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"wend/connectors"
	"wend/connectors/batch"
)

func (s *suite) offsets(t *testing.T) {
	t.Run("earliest, latest and by time", func(t *testing.T) {
		tp := at(s.topic(t, 1, nil), 0)
		ask := func(when int64) (int64, int32) {
			t.Helper()
			o, epoch, err := s.client.ListOffset(context60(t), tp, when)
			if err != nil {
				t.Fatal(err)
			}
			return o, epoch
		}
		for _, when := range []int64{connectors.Earliest, connectors.Latest} {
			o, _ := ask(when)
			want(t, "of an empty partition", o, 0)
		}
		day := time.Now().Add(-time.Hour).UnixMilli() // within the topic's retention
		for i := range int64(3) {
			s.mustPut(t, tp, encoded(batch.Header{ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1, Timestamp: day + 1000*i}, "x", "y"))
		}
		_, leads := s.leader(t, tp)
		for _, c := range []struct{ when, offset int64 }{
			{connectors.Earliest, 0}, {connectors.Latest, 6}, {day - 1, 0}, {day, 0}, {day + 1, 2}, {day + 2000, 4},
		} {
			o, epoch := ask(c.when)
			if o != c.offset || epoch != leads {
				t.Errorf("at %d: got %d in epoch %d, want %d in %d", c.when, o, epoch, c.offset, leads)
			}
		}
		o, _ := ask(day + 2001)
		want(t, "behind the last record", o, -1)
	})
	t.Run("of a partition that is not there", func(t *testing.T) {
		_, _, err := s.client.ListOffset(context60(t), at(unique("missing"), 0), connectors.Latest)
		wantCode(t, "topic", err, connectors.UnknownTopicOrPartition)
		_, _, err = s.client.ListOffset(context60(t), at(s.topic(t, 1, nil), 7), connectors.Latest)
		wantCode(t, "partition", err, connectors.UnknownTopicOrPartition)
	})
	t.Run("committed for lag tools", func(t *testing.T) {
		a, b := s.topic(t, 2, nil), s.topic(t, 1, nil)
		group := unique("group")
		for _, round := range []int64{5, 7} {
			s.until(t, "the group coordinator answers", func() bool {
				err := s.client.CommitOffsets(context60(t), group, 0, "", "", []connectors.Position{
					{TopicPartition: at(a, 0), Offset: round, LeaderEpoch: 0},
					{TopicPartition: at(b, 0), Offset: round + 1, LeaderEpoch: -1},
					{TopicPartition: at(a, 1), Offset: round + 2, LeaderEpoch: -1},
				})
				if err != nil && connectors.Classify(err) != connectors.Retry {
					t.Fatal(err)
				}
				return err == nil
			})
			cl, err := kgo.NewClient(kgo.SeedBrokers(s.brokers...))
			if err != nil {
				t.Fatal(err)
			}
			got, err := kadm.NewClient(cl).FetchOffsets(context60(t), group)
			cl.Close()
			if err != nil {
				t.Fatal(err)
			}
			for tp, offset := range map[connectors.TopicPartition]int64{at(a, 0): round, at(b, 0): round + 1, at(a, 1): round + 2} {
				o, _ := got.Lookup(tp.Topic, tp.Partition)
				want(t, "committed", o.At, offset)
			}
		}
		err := s.client.CommitOffsets(context60(t), group, 3, "nobody", "", []connectors.Position{{TopicPartition: at(a, 0)}})
		if connectors.Classify(err) != connectors.Fenced {
			t.Errorf("a member that is none: %v", err)
		}
	})
}
