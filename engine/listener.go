package engine

import (
	"time"

	"wend/connectors"
)

// Listener hears what happens in the engine. Its functions are called on the shards' goroutines, several at a time:
// they must be quick and safe for concurrent use. A nil function hears nothing. Logs and metrics are made of it, so the
// engine itself neither formats nor logs.
type Listener struct {
	// Assigned tells which shards the fleet gave to this member.
	Assigned func(generation int32, shards []int32)
	// Restoring tells after each piece how far a claimant or a standby has read the journal.
	Restoring func(shard int32, r RestoreInfo)
	// Standby tells how many journal records the warm view of another's shard is behind; -1: it is kept warm no longer.
	Standby func(shard int32, behind int64)
	// Claimed tells that the shard is ours and works.
	Claimed func(shard int32, epoch int16, restored int64, took time.Duration)
	// Dropped tells that the shard is no longer ours, or not yet.
	Dropped func(shard int32, reason string)
	// HandedOver tells of a shard at the end of the process how long it took to finish what was decided, and whether there
	// was time enough; else so many bytes of actions are left to the next owner.
	HandedOver func(shard int32, took time.Duration, whole bool, owed int)
	// Failed tells that a shard stopped until somebody acts.
	Failed func(shard int32, err error)
	// ViewFailed tells that a view could not be read or written. The shard is given up and begins again by itself.
	ViewFailed func(shard int32, f ViewFailure)

	// Unit tells of each unit that the journal acknowledged, before anything of it is published.
	Unit func(shard int32, u UnitInfo)
	// Published tells that actions are on their topic. Stamps are the timestamps (ms) of the records that caused them, 0
	// for those of timers; valid during the call.
	Published func(shard int32, tp connectors.TopicPartition, actions int, stamps []int64, at time.Time)

	// Obeyed tells that a command of APP.control is in the unit that comes next. Its key names nobody.
	Obeyed func(shard int32, key string, offset int64)

	// Release tells by which release the shard decides from now on, and by which it was decided before: by the same, when an
	// owner begins or the status of a journey changes. 0 is what the process was started with.
	Release func(shard int32, from, to uint64)

	// DeadLetter tells of a record that could not be used.
	DeadLetter func(shard int32, topic string, partition int32, offset int64, reason string)
	// Gap tells that the source no longer had the records from `from` up to `to`.
	Gap func(shard int32, from, to int64)

	// Looked tells that an action partition is read before something is sent to it.
	Looked func(shard int32, tp connectors.TopicPartition)
	// Retry tells that a request failed and is tried again.
	Retry func(shard int32, tp connectors.TopicPartition, doing string, err error, tries int)
	// RefusedSequence tells that a broker expected another sequence: a look follows.
	RefusedSequence func(shard int32, tp connectors.TopicPartition, code connectors.Code)
	// Refused tells that a broker will not take what it was sent until somebody changes something.
	Refused func(shard int32, tp connectors.TopicPartition, code connectors.Code, message string)
	// Lost tells that a broker broke its promise: this many actions are owed there, and the shard no longer pays (rule 9).
	Lost func(shard int32, tp connectors.TopicPartition, owed int64, err error)
	// ClockStep tells that the machine's clock was set forward: timers wait until the journal's broker confirms the time.
	ClockStep func(shard int32, by time.Duration)
}

// ViewFailure is what became of a view.
type ViewFailure struct {
	Dir     string
	Err     error
	Removed bool          // it is damaged: it is removed, and made again from the journal
	Wait    time.Duration // before it is opened again; 0: the engine is ending
}

// UnitInfo is what one unit did.
type UnitInfo struct {
	Number     uint64
	Events     int
	Duplicates int
	DeadLetter int
	Documents  int
	Actions    int
	Timers     int           // customers whose timers fired
	Lateness   time.Duration // of the latest timer of the unit
	LeftOut    int           // values that could not be evaluated
	Bytes      int           // of its journal batch
	Took       time.Duration // from sealing to acknowledgement
	Next       int64         // source offset
	End        int64         // last stable offset of the source as last heard
	Owed       int           // bytes in the outbox
}

// filled is l with every function there, so that callers need not ask.
func (l Listener) filled() *Listener {
	if l.Assigned == nil {
		l.Assigned = func(int32, []int32) {}
	}
	if l.Restoring == nil {
		l.Restoring = func(int32, RestoreInfo) {}
	}
	if l.Standby == nil {
		l.Standby = func(int32, int64) {}
	}
	if l.HandedOver == nil {
		l.HandedOver = func(int32, time.Duration, bool, int) {}
	}
	if l.Claimed == nil {
		l.Claimed = func(int32, int16, int64, time.Duration) {}
	}
	if l.Dropped == nil {
		l.Dropped = func(int32, string) {}
	}
	if l.Failed == nil {
		l.Failed = func(int32, error) {}
	}
	if l.ViewFailed == nil {
		l.ViewFailed = func(int32, ViewFailure) {}
	}
	if l.Unit == nil {
		l.Unit = func(int32, UnitInfo) {}
	}
	if l.Published == nil {
		l.Published = func(int32, connectors.TopicPartition, int, []int64, time.Time) {}
	}
	if l.Obeyed == nil {
		l.Obeyed = func(int32, string, int64) {}
	}
	if l.Release == nil {
		l.Release = func(int32, uint64, uint64) {}
	}
	if l.DeadLetter == nil {
		l.DeadLetter = func(int32, string, int32, int64, string) {}
	}
	if l.Gap == nil {
		l.Gap = func(int32, int64, int64) {}
	}
	if l.Looked == nil {
		l.Looked = func(int32, connectors.TopicPartition) {}
	}
	if l.Retry == nil {
		l.Retry = func(int32, connectors.TopicPartition, string, error, int) {}
	}
	if l.RefusedSequence == nil {
		l.RefusedSequence = func(int32, connectors.TopicPartition, connectors.Code) {}
	}
	if l.Refused == nil {
		l.Refused = func(int32, connectors.TopicPartition, connectors.Code, string) {}
	}
	if l.Lost == nil {
		l.Lost = func(int32, connectors.TopicPartition, int64, error) {}
	}
	if l.ClockStep == nil {
		l.ClockStep = func(int32, time.Duration) {}
	}
	return &l
}
