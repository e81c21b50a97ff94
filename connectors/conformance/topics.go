package conformance

import (
	"strings"
	"testing"

	"wend/connectors"
	"wend/connectors/kafka"
)

func (s *suite) metadata(t *testing.T) {
	topic := s.topic(t, 3, nil)
	t.Run("describes topics with ids and leaders", func(t *testing.T) {
		m, err := s.client.Metadata(context60(t), topic)
		if err != nil {
			t.Fatal(err)
		}
		if m.ClusterID == "" || len(m.Brokers) == 0 {
			t.Errorf("cluster %q, brokers %v", m.ClusterID, m.Brokers)
		}
		if len(m.Topics) != 1 || m.Topics[0].Name != topic || m.Topics[0].Code != connectors.OK {
			t.Fatalf("topics %+v", m.Topics)
		}
		if m.Topics[0].ID == [16]byte{} {
			t.Error("no topic id")
		}
		want(t, "partitions", len(m.Topics[0].Partitions), 3)
		for i, p := range m.Topics[0].Partitions {
			want(t, "partition", p.ID, int32(i))
			want(t, "code", p.Code, connectors.OK)
			if p.Leader < 0 || p.LeaderEpoch < 0 || len(p.Replicas) == 0 || len(p.InSync) == 0 {
				t.Errorf("partition %+v", p)
			}
		}
	})
	t.Run("names no topics when none are asked for", func(t *testing.T) {
		m, err := s.client.Metadata(context60(t))
		if err != nil {
			t.Fatal(err)
		}
		want(t, "topics", len(m.Topics), 0)
	})
	t.Run("does not create what is missing", func(t *testing.T) {
		missing := unique("missing")
		for range 2 {
			m, err := s.client.Metadata(context60(t), missing)
			if err != nil {
				t.Fatal(err)
			}
			want(t, "code", m.Topics[0].Code, connectors.UnknownTopicOrPartition)
		}
	})
	t.Run("a new topic of the same name has another id", func(t *testing.T) {
		m, err := s.client.Metadata(context60(t), topic, s.topic(t, 1, nil))
		if err != nil {
			t.Fatal(err)
		}
		if m.Topics[0].ID == m.Topics[1].ID {
			t.Error("two topics, one id")
		}
	})
	t.Run("finds the cluster behind a dead address", func(t *testing.T) {
		c := s.open(t, kafka.Options{Brokers: append([]string{"127.0.0.1:1"}, s.brokers...)})
		for range 5 {
			if _, err := c.Metadata(context60(t), topic); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func (s *suite) topics(t *testing.T) {
	spec := connectors.TopicSpec{Name: unique("create"), Partitions: 2, Replication: -1, Configs: map[string]string{
		"cleanup.policy": "compact", "message.timestamp.type": "LogAppendTime", "max.message.bytes": "2000000",
	}}
	t.Run("creating twice is creating once", func(t *testing.T) {
		for range 2 {
			if err := s.client.CreateTopics(context60(t), spec); err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Run("names each topic that was not created", func(t *testing.T) {
		good := connectors.TopicSpec{Name: unique("good"), Partitions: 1, Replication: -1}
		none := connectors.TopicSpec{Name: unique("none"), Partitions: 0, Replication: -1}
		odd := connectors.TopicSpec{Name: unique("odd"), Partitions: 0, Replication: -1}
		err := s.client.CreateTopics(context60(t), good, none, odd, spec)
		if err == nil {
			t.Fatal("no error")
		}
		for _, bad := range []string{none.Name, odd.Name} {
			if !strings.Contains(err.Error(), bad) {
				t.Errorf("%q is not in: %v", bad, err)
			}
		}
		for _, fine := range []string{good.Name, spec.Name} {
			if strings.Contains(err.Error(), fine) {
				t.Errorf("%q is in: %v", fine, err)
			}
		}
		s.until(t, "the good one is there", func() bool {
			m, err := s.client.Metadata(context60(t), good.Name)
			return err == nil && m.Topics[0].Code == connectors.OK
		})
	})
	t.Run("tells configs, the set and the default", func(t *testing.T) {
		other := s.topic(t, 1, nil)
		var got map[string]map[string]string
		s.until(t, "the topic is known everywhere", func() (ok bool) {
			var err error
			got, err = s.client.TopicConfigs(context60(t), spec.Name, other)
			return err == nil
		})
		for k, v := range spec.Configs {
			want(t, k, got[spec.Name][k], v)
		}
		want(t, "default", got[other]["cleanup.policy"], "delete")
		if got[other]["max.message.bytes"] == "" {
			t.Errorf("no max.message.bytes in %v", got[other])
		}
	})
	t.Run("names the topic that has no configs", func(t *testing.T) {
		missing := unique("missing")
		_, err := s.client.TopicConfigs(context60(t), missing)
		wantCode(t, "configs", err, connectors.UnknownTopicOrPartition)
		if err != nil && !strings.Contains(err.Error(), missing) {
			t.Errorf("%q is not in: %v", missing, err)
		}
	})
}
