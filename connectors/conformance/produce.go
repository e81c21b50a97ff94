package conformance

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"wend/connectors"
)

func (s *suite) produce(t *testing.T) {
	topic := s.topic(t, 4, nil)
	t.Run("many partitions in one request", func(t *testing.T) {
		other := s.topic(t, 4, nil)
		byLeader := map[int32][]connectors.Batch{}
		for p := range int32(4) {
			for _, name := range []string{topic, other} {
				b, _ := s.leader(t, at(name, p))
				byLeader[b] = append(byLeader[b], connectors.Batch{TopicPartition: at(name, p), Bytes: plain(fmt.Sprint(name, p), "second")})
			}
		}
		for broker, batches := range byLeader {
			got := s.client.Produce(context60(t), broker, batches, 10*time.Second)
			want(t, "answers", len(got), len(batches))
			for i, p := range got {
				want(t, "answer for", p.TopicPartition, batches[i].TopicPartition)
				if p.Err != nil || p.Code != connectors.OK || p.BaseOffset != 0 || p.Class() != connectors.Done {
					t.Errorf("%+v", p)
				}
			}
		}
		for p := range int32(4) {
			for _, name := range []string{topic, other} {
				if got, want := s.read(t, at(name, p), 0, false), []string{fmt.Sprint("0:", name, p), "1:second"}; !slices.Equal(got, want) {
					t.Errorf("got %v, want %v", got, want)
				}
			}
		}
	})
	t.Run("each partition has its own answer", func(t *testing.T) {
		broker, _ := s.leader(t, at(topic, 0))
		spoilt := plain("spoilt")
		spoilt[len(spoilt)-1] ^= 1
		got := s.client.Produce(context60(t), broker, []connectors.Batch{
			{TopicPartition: at(unique("missing"), 0), Bytes: plain("x")},
			{TopicPartition: at(topic, 0), Bytes: plain("good")},
			{TopicPartition: at(topic, 99), Bytes: plain("x")},
		}, 10*time.Second)
		for i, code := range []connectors.Code{connectors.UnknownTopicOrPartition, connectors.OK, connectors.UnknownTopicOrPartition} {
			if got[i].Err != nil || got[i].Code != code {
				t.Errorf("answer %d: %v %v, want %v", i, got[i].Err, got[i].Code, code)
			}
		}
		p := s.put(t, s.client, at(topic, 0), spoilt)
		if p.Err != nil || p.Code != connectors.CorruptMessage {
			t.Errorf("a wrong checksum: %v %v", p.Err, p.Code)
		}
	})
	t.Run("two batches for one partition are refused unsent", func(t *testing.T) {
		before := s.latest(t, at(topic, 1))
		broker, _ := s.leader(t, at(topic, 1))
		for _, p := range s.client.Produce(context60(t), broker, []connectors.Batch{
			{TopicPartition: at(topic, 1), Bytes: plain("a")}, {TopicPartition: at(topic, 1), Bytes: plain("b")},
		}, time.Second) {
			wantCode(t, "answer", p.Err, connectors.InvalidRequest)
		}
		want(t, "end", s.latest(t, at(topic, 1)), before)
	})
	t.Run("no batch, no answer", func(t *testing.T) {
		want(t, "answers", len(s.client.Produce(context60(t), 0, nil, time.Second)), 0)
	})
	t.Run("a batch above the topic's limit", func(t *testing.T) {
		small := s.topic(t, 1, map[string]string{"max.message.bytes": "1000"})
		p := s.put(t, s.client, at(small, 0), plain(strings.Repeat("x", 2000)))
		if p.Err != nil || p.Code != connectors.MessageTooLarge || p.Class() != connectors.Refused {
			t.Errorf("%v %v", p.Err, p.Code)
		}
		want(t, "offset of a small one", s.mustPut(t, at(small, 0), plain("small")), 0)
	})
	t.Run("a broker that does not lead", func(t *testing.T) {
		if len(s.nodes) < 2 {
			t.Skip("there is one broker")
		}
		// Of a topic on all brokers some do not lead; with fewer replicas some do not even have it.
		leads, _ := s.leader(t, at(topic, 2))
		before := s.latest(t, at(topic, 2))
		for _, n := range s.nodes {
			if n.ID == leads {
				continue
			}
			p := s.client.Produce(context60(t), n.ID, []connectors.Batch{{TopicPartition: at(topic, 2), Bytes: plain("x")}}, time.Second)[0]
			if p.Err != nil || p.Code != connectors.NotLeader && p.Code != connectors.UnknownTopicOrPartition || p.Class() != connectors.Ambiguous {
				t.Errorf("broker %d: %v %v", n.ID, p.Err, p.Code)
			}
			req := s.request(t, at(topic, 2), 0)
			req.Broker = n.ID
			req.Positions[0].LeaderEpoch = -1
			f, err := s.client.Fetch(context60(t), req)
			if err != nil {
				t.Fatal(err)
			}
			// A follower may not know the partition's end.
			if c := f[0].Code; c != connectors.NotLeader && c != connectors.UnknownTopicOrPartition {
				t.Errorf("broker %d: fetch %v", n.ID, c)
			}
		}
		want(t, "end", s.latest(t, at(topic, 2)), before)
	})
	t.Run("a broker that does not exist", func(t *testing.T) {
		p := s.client.Produce(context60(t), 4711, []connectors.Batch{{TopicPartition: at(topic, 0), Bytes: plain("x")}}, time.Second)[0]
		wantCode(t, "answer", p.Err, connectors.BrokerNotAvailable)
	})
	t.Run("times of a topic that stamps by itself", func(t *testing.T) {
		want(t, "append time by the producer's clock", s.put(t, s.client, at(topic, 0), plain("x")).AppendTime, -1)
		s.realOnly(t, "LogAppendTime is accepted as a config and not applied")
		stamped := s.topic(t, 1, map[string]string{"message.timestamp.type": "LogAppendTime"})
		p := s.put(t, s.client, at(stamped, 0), plain("x"))
		if p.Code != connectors.OK || p.AppendTime <= 0 {
			t.Errorf("%+v", p)
		}
	})
}
