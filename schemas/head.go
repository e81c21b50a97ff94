package schemas

import "fmt"

// HeadFormat is the newest format of head and claim that this code writes. A member that meets a newer one does not
// claim (protocol rule 12).
//
// Format 2 added Erased, the producer of an OutboxPosition, and Claim.First; format 3 Armed and what follows it, format 4
// Release. Format 5 has the fields of 4, and is that of a journal in which ids stand apart from documents (i/CUSTOMER): who does
// not know those would take the topic for no journal of Wend's.
const HeadFormat = 5

// Head is the journal record `h`: where a shard stands once the unit that carries it is acknowledged.
type Head struct {
	Unit      uint64 // number of the unit, from 1
	Clock     int64  // the shard's clock, ms; NoTime before it first caught up
	ClusterID string
	SourceID  [16]byte // topic ids; zero where the broker has none
	JournalID [16]byte

	Sources []SourcePosition
	Control int64 // next offset of APP.control to obey

	ActionProducerID    int64
	ActionProducerEpoch int16
	Outbox              []OutboxPosition // in order of (Topic, Partition)

	// FreshProducerID, once not 0, is the journal's next producer id: the present one has no epochs left.
	FreshProducerID int64

	// Erased is the offset of APP.control up to which forgotten customers have left the view's files and the outbox too;
	// at most Control.
	Erased int64

	// Armed names the set of triggers whose Moments these are: those of the program that wait for a date or a calendar time.
	// While Arming, customers behind ArmedThrough may not have their timers yet.
	Armed        uint64
	Moments      []MomentSince
	Arming       bool
	ArmedThrough string

	// Release is the number of the release by which everything from the unit on that carries this head is decided, until a
	// later head says another; 0: what the owner was started with, for APP.control had none. It is the one that holds on
	// APP.control below Control.
	Release uint64
}

// MomentSince is since when a trigger that waits for a moment is there.
type MomentSince struct {
	Journey string
	Trigger string // its place; "" for enter
	Spec    uint32 // what it waits for, as the program names it
	Since   int64  // ms; NoTime: ever since
}

// SourcePosition is what comes next of a source topic's partition.
type SourcePosition struct {
	Topic       string
	Offset      int64
	LeaderEpoch int32 // of the last batch handled, -1 unknown
}

// OutboxPosition is how far a shard has come on one action partition. What lies from Acked up to Next is owed.
type OutboxPosition struct {
	Topic     string
	Partition int32
	Next      int64 // sequence of the next action
	Acked     int64 // sequences below are on the topic
	LookFrom  int64 // offset from which a look reads

	// The producer id and epoch under which what is owed here goes out, where they are not the head's: after a broker lost
	// what it had acknowledged (rule 9). ProducerID 0: the head's.
	ProducerID    int64
	ProducerEpoch int16
}

// Claim is the journal record `claim`: who says that the shard is theirs. The epoch is the record batch's own.
type Claim struct {
	Owner string
	Nonce [16]byte
	Epoch int16
	First int64 // journal offset of the first claim under this producer id, -1: this one
}

// UnknownFormatError says that a newer Wend wrote the journal.
type UnknownFormatError struct {
	What   string
	Format byte
}

func (e *UnknownFormatError) Error() string {
	return fmt.Sprintf("%s of format %d: this version knows formats up to %d; start a newer one", e.What, e.Format, HeadFormat)
}
