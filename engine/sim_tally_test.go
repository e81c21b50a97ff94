package engine

import (
	"fmt"
	"strings"
)

// simSeen is something that may happen in a schedule. What no schedule has seen is not tried: the table at the end shows
// how often each was, and the test fails for those that never were.
type simSeen uint8

const (
	// What goes wrong.
	sawCrash simSeen = iota
	sawCrashInPass
	sawViewBehind
	sawDiskLost
	sawStall
	sawRequestLost
	sawAnswerLost
	sawLate
	sawLateDead
	sawNotLeader
	sawFewReplicas
	sawReadLost
	sawRestart
	sawElection
	sawSilence
	sawUnseen
	sawForgotten
	sawExpiredID
	sawSameEpoch
	sawRemoved
	sawTombstone
	sawSleep
	sawDay
	sawClockSet
	sawGrow
	sawDeploy
	sawDeployVoid
	sawPause
	sawResume

	// What comes of it.
	sawClaim
	sawTakeover
	sawThree
	sawFromNothing
	sawStale
	sawRival
	sawClosedID
	sawFenced
	sawStaleEnd
	sawDisorder
	sawElsewhere
	sawKnown
	sawHour
	sawIdleHead
	sawZombieAccepted
	sawZombieKnown
	sawZombieRefused
	sawRefused
	sawLook
	sawFound
	sawBehind
	sawSplit
	sawWrap
	sawInherited
	sawMovedOn
	sawUnit
	sawTimer
	sawMovedBack
	sawLateTimer
	sawCheck
	sawClockStep
	sawClockAhead
	sawTogether
	sawHeld
	sawFull
	sawDeadLetter
	sawTooLarge
	sawDuplicate
	sawChangeOver
	sawControlBehind
	sawReindex
	sawKinds
)

var simSaid = [sawKinds]string{
	sawCrash:       "an owner crashes",
	sawCrashInPass: "... in the middle of a pass",
	sawViewBehind:  "... and its view loses units",
	sawDiskLost:    "... and its directory is gone",
	sawStall:       "an owner stalls",
	sawRequestLost: "a request is lost",
	sawAnswerLost:  "an answer is lost",
	sawLate:        "a request is carried out after its connection",
	sawLateDead:    "... and after its sender",
	sawNotLeader:   "NOT_LEADER for what was appended",
	sawFewReplicas: "NOT_ENOUGH_REPLICAS for what was not",
	sawReadLost:    "an answer to a read or question is lost",
	sawRestart:     "a broker restarts",
	sawElection:    "another leads, its high watermark behind",
	sawSilence:     "a replica is silent, the high watermark stands",
	sawUnseen:      "... and a batch is appended that nobody sees",
	sawForgotten:   "a producer is forgotten after a day",
	sawExpiredID:   "a transactional id expires",
	sawSameEpoch:   "an epoch is given twice",
	sawRemoved:     "compaction removes something",
	sawTombstone:   "... a tombstone",
	sawSleep:       "a machine sleeps",
	sawDay:         "a day passes",
	sawClockSet:    "a clock is set",
	sawGrow:        "an action topic gets more partitions",
	sawDeploy:      "a workspace is deployed",
	sawDeployVoid:  "... at once with another, which came first",
	sawPause:       "a journey is paused",
	sawResume:      "... and resumed",

	sawClaim:          "the shard is claimed",
	sawTakeover:       "... from another",
	sawThree:          "three owners at once",
	sawFromNothing:    "a view is made from nothing",
	sawStale:          "a view is too old and thrown away",
	sawRival:          "a claim loses to another",
	sawClosedID:       "epochs end: the id is closed, the next one claimed",
	sawFenced:         "an append is refused by epoch",
	sawStaleEnd:       "a leader that slept says where the journal ended",
	sawDisorder:       "... by sequence",
	sawElsewhere:      "an append is acknowledged elsewhere",
	sawKnown:          "an append is known already",
	sawHour:           "an owner finds itself too old",
	sawIdleHead:       "a unit of a head and acknowledgements",
	sawZombieAccepted: "a former owner's publish is accepted",
	sawZombieKnown:    "... is known already",
	sawZombieRefused:  "... is refused",
	sawRefused:        "an owner's publish is refused by sequence",
	sawLook:           "a look",
	sawFound:          "... finds what was not known",
	sawBehind:         "... waits for a leader that is behind",
	sawSplit:          "a batch is too large and split",
	sawWrap:           "a sequence wraps around",
	sawInherited:      "an owner inherits what is owed",
	sawMovedOn:        "a customer's actions go to another partition than before",
	sawUnit:           "a unit is journaled",
	sawTimer:          "timers fire",
	sawMovedBack:      "an entry comes below the timers' cursor",
	sawLateTimer:      "an entry is kept until looked at",
	sawCheck:          "the source is asked for its end",
	sawClockStep:      "a clock's step is noticed",
	sawClockAhead:     "a clock is ahead at a claim",
	sawTogether:       "units are settled together",
	sawHeld:           "units wait for their actions to be on their topics",
	sawFull:           "the outbox presses back",
	sawDeadLetter:     "a dead letter",
	sawTooLarge:       "a document would outgrow its limit",
	sawDuplicate:      "an event is told again",
	sawChangeOver:     "the shard changes over to another release",
	sawControlBehind:  "an owner waits for a release of which the head speaks",
	sawReindex:        "timers may be missing in the index, and are looked for",
}

// simTally counts.
type simTally [sawKinds]int

func (t *simTally) add(u *simTally) {
	for i, n := range u {
		t[i] += n
	}
}

// String is the table.
func (t *simTally) String() string {
	var b strings.Builder
	for i, n := range t {
		fmt.Fprintf(&b, "%12d  %s\n", n, simSaid[i])
	}
	return b.String()
}

// never lists what did not happen.
func (t *simTally) never() (names []string) {
	for i, n := range t {
		if n == 0 {
			names = append(names, simSaid[i])
		}
	}
	return names
}
