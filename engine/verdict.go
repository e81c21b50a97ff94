package engine

import (
	"fmt"

	"wend/connectors"
)

// verdictOn is what an answer to a produce request says about the batch.
type verdictOn uint8

const (
	taken      verdictOn = iota // it is in the log at the offset answered, now or from an earlier try
	doubtful                    // it may be, or may still come to be: nobody knows
	notTaken                    // it is not; the same again may succeed (no leader, replicas)
	outOfOrder                  // the broker expects another sequence
	fencedOff                   // a higher epoch has written
	tooLarge                    // it is not and never will be
	refused                     // it will not be until somebody changes something (rights, a deleted topic)
)

// verdict classifies every answer. What is not known to be harmless is doubtful: a look costs little, a second copy
// of an action is what this program must never write.
func verdict(r connectors.Produced) verdictOn {
	if r.Err != nil {
		return doubtful
	}
	switch r.Code {
	case connectors.OK:
		return taken
	case connectors.LeaderNotAvailable, connectors.NotEnoughReplicas, connectors.FencedLeaderEpoch, connectors.UnknownLeaderEpoch:
		return notTaken // NotLeader is none of these: a leader that steps down answers so for what is in its log already
	case connectors.OutOfOrderSequence, connectors.UnknownProducerID, connectors.DuplicateSequence:
		return outOfOrder
	case connectors.InvalidProducerEpoch, connectors.ProducerFenced:
		return fencedOff
	case connectors.MessageTooLarge, connectors.RecordListTooLarge:
		return tooLarge
	case connectors.UnknownTopicOrPartition, connectors.InvalidTopic, connectors.TopicAuthorizationFailed, connectors.ClusterAuthorizationFailed,
		connectors.PolicyViolation, connectors.InvalidTimestamp, connectors.InvalidRecord, connectors.CorruptMessage:
		return refused
	}
	return doubtful
}

func answerError(r connectors.Produced) error {
	switch {
	case r.Err != nil:
		return r.Err
	case r.Message != "":
		return fmt.Errorf("%w: %s", r.Code, r.Message)
	}
	return r.Code
}
