package engine

import (
	"errors"
	"testing"

	"wend/connectors"
)

// What is taken for a definite no must never be in the log: the publisher sends such a batch again without a look.
func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		name string
		r    connectors.Produced
		want verdictOn
	}{
		{"taken", connectors.Produced{BaseOffset: 7}, taken},
		{"no answer", connectors.Produced{Err: errors.New("connection reset"), Code: connectors.OK}, doubtful},
		{"the replicas did not answer in time", connectors.Produced{Code: connectors.RequestTimedOut}, doubtful},
		{"in the log of too few", connectors.Produced{Code: connectors.NotEnoughReplicasAfterAppend}, doubtful},
		{"the leader stepped down, perhaps after writing", connectors.Produced{Code: connectors.NotLeader}, doubtful},
		{"the disk failed, perhaps after writing", connectors.Produced{Code: connectors.KafkaStorageError}, doubtful},
		{"a code that nobody knows", connectors.Produced{Code: 999}, doubtful},
		{"unknown server error", connectors.Produced{Code: connectors.UnknownServerError}, doubtful},
		{"too few replicas", connectors.Produced{Code: connectors.NotEnoughReplicas}, notTaken},
		{"no leader", connectors.Produced{Code: connectors.LeaderNotAvailable}, notTaken},
		{"another sequence", connectors.Produced{Code: connectors.OutOfOrderSequence}, outOfOrder},
		{"a producer forgotten", connectors.Produced{Code: connectors.UnknownProducerID}, outOfOrder},
		{"a duplicate whose offset is forgotten", connectors.Produced{Code: connectors.DuplicateSequence}, outOfOrder},
		{"a lower epoch", connectors.Produced{Code: connectors.InvalidProducerEpoch}, fencedOff},
		{"too large", connectors.Produced{Code: connectors.MessageTooLarge}, tooLarge},
		{"no right", connectors.Produced{Code: connectors.TopicAuthorizationFailed}, refused},
		{"no topic", connectors.Produced{Code: connectors.UnknownTopicOrPartition}, refused},
	} {
		if got := verdict(c.r); got != c.want {
			t.Errorf("%s: verdict %d, want %d", c.name, got, c.want)
		}
	}
	for code := connectors.Code(-1); code < 120; code++ { // no code that may stand for a batch in the log is a definite no
		r := connectors.Produced{Code: code}
		if got := verdict(r); r.Class() == connectors.Ambiguous && (got == notTaken || got == taken || got == tooLarge) {
			t.Errorf("%v may be in the log, and its verdict is %d", code, got)
		}
	}
}

func TestUnwrap(t *testing.T) {
	const mod = int64(1) << 31
	for _, c := range []struct{ sequence, near int64 }{
		{0, 0}, {5, 0}, {0, 5}, {mod - 1, mod - 1}, {mod - 1, mod + 3}, {mod, mod - 1}, {mod + 2, mod - 4}, {5*mod - 1, 5*mod + 100}, {5*mod + 7, 5*mod - 100},
	} {
		if got := unwrap(int32(c.sequence%mod), c.near); got != c.sequence {
			t.Errorf("sequence %d near %d: got %d", c.sequence, c.near, got)
		}
	}
}
