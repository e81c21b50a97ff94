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
	refused                     // it will not be until somebody changes something (rights, a login, a deleted topic)
)

// verdict tells the classes of a produce answer apart where the protocol does. Each code is judged in
// connectors.(*Produced).Class; here stand only those that mean more than their class.
func verdict(r connectors.Produced) verdictOn {
	class := r.Class()
	if r.Err != nil {
		if class == connectors.Refused { // a login that is no longer taken
			return refused
		}
		return doubtful
	}
	switch r.Code {
	case connectors.OutOfOrderSequence, connectors.UnknownProducerID, connectors.DuplicateSequence:
		return outOfOrder
	case connectors.MessageTooLarge, connectors.RecordListTooLarge:
		return tooLarge
	case connectors.UnknownTopicOrPartition: // as loud as a topic that is gone; and looked at, as all that is ambiguous
		return refused
	}
	switch class {
	case connectors.Done:
		return taken
	case connectors.Retry:
		return notTaken
	case connectors.Fenced:
		return fencedOff
	case connectors.Refused:
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
