package schemas

import (
	"bytes"
	"fmt"

	"github.com/vmihailenco/msgpack/v5"
)

// HeadFormat is the newest format of head and claim that this code writes. A member that meets a newer one does not
// claim (protocol rule 12).
//
// Format 2 added Erased, the producer of an OutboxPosition, and Claim.First; format 3 Armed and what follows it, format 4
// Release.
const HeadFormat = 4

// Head is the journal record `h`: where a shard stands once the unit that carries it is acknowledged.
type Head struct {
	_msgpack struct{} `msgpack:",as_array"` //nolint:unused // tells the codec to write an array

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
	_msgpack struct{} `msgpack:",as_array"` //nolint:unused // as above

	Journey string
	Trigger string // its place; "" for enter
	Spec    uint32 // what it waits for, as the program names it
	Since   int64  // ms; NoTime: ever since
}

// SourcePosition is what comes next of a source topic's partition.
type SourcePosition struct {
	_msgpack struct{} `msgpack:",as_array"` //nolint:unused // as above

	Topic       string
	Offset      int64
	LeaderEpoch int32 // of the last batch handled, -1 unknown
}

// OutboxPosition is how far a shard has come on one action partition. What lies from Acked up to Next is owed.
type OutboxPosition struct {
	_msgpack struct{} `msgpack:",as_array"` //nolint:unused // as above

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
	_msgpack struct{} `msgpack:",as_array"` //nolint:unused // as above

	Owner string
	Nonce [16]byte
	Epoch int16
	First int64 // journal offset of the first claim under this producer id, -1: this one
}

// Append writes the head with its leading format byte.
func (h *Head) Append(dst []byte) ([]byte, error) { return appendFormatted(dst, h) }

// DecodeHead reads what Append wrote, now or in an earlier format. A format of tomorrow is an *UnknownFormatError.
func DecodeHead(b []byte) (*Head, error) {
	if len(b) > 0 && b[0] == 1 {
		return decodeHead1(b)
	}
	if len(b) > 0 && int(b[0]) < len(headElements) && headElements[b[0]] > 0 {
		return decodeOlderHead(b, headElements[b[0]])
	}
	h := new(Head)
	return h, decodeFormatted(b, "head", h)
}

// headElements is how many elements the head's array had in formats that lack only what later ones added at its end.
var headElements = [...]int{2: 12, 3: 16}

// decodeOlderHead reads a head of n elements: the library takes arrays of the struct's own length alone.
func decodeOlderHead(b []byte, n int) (*Head, error) {
	h := new(Head)
	d := msgpack.NewDecoder(bytes.NewReader(b[1:]))
	got, err := d.DecodeArrayLen()
	if err == nil && got != n {
		err = fmt.Errorf("an array of %d elements, not %d", got, n)
	}
	if err == nil {
		elements := [...]any{&h.Unit, &h.Clock, &h.ClusterID, &h.SourceID, &h.JournalID, &h.Sources, &h.Control, &h.ActionProducerID, &h.ActionProducerEpoch,
			&h.Outbox, &h.FreshProducerID, &h.Erased, &h.Armed, &h.Moments, &h.Arming, &h.ArmedThrough}
		err = d.DecodeMulti(elements[:n]...)
	}
	if err != nil {
		return nil, fmt.Errorf("schemas: decode head: %w", err)
	}
	return h, nil
}

// head1 is the head of format 1.
type head1 struct {
	_msgpack struct{} `msgpack:",as_array"` //nolint:unused // as above

	Unit                uint64
	Clock               int64
	ClusterID           string
	SourceID            [16]byte
	JournalID           [16]byte
	Sources             []SourcePosition
	Control             int64
	ActionProducerID    int64
	ActionProducerEpoch int16
	Outbox              []outboxPosition1
	FreshProducerID     int64
}

type outboxPosition1 struct {
	_msgpack struct{} `msgpack:",as_array"` //nolint:unused // as above

	Topic     string
	Partition int32
	Next      int64
	Acked     int64
	LookFrom  int64
}

func decodeHead1(b []byte) (*Head, error) {
	var o head1
	if err := decodeFormatted(b, "head", &o); err != nil {
		return nil, err
	}
	h := &Head{Unit: o.Unit, Clock: o.Clock, ClusterID: o.ClusterID, SourceID: o.SourceID, JournalID: o.JournalID, Sources: o.Sources, Control: o.Control,
		ActionProducerID: o.ActionProducerID, ActionProducerEpoch: o.ActionProducerEpoch, FreshProducerID: o.FreshProducerID}
	for _, p := range o.Outbox {
		h.Outbox = append(h.Outbox, OutboxPosition{Topic: p.Topic, Partition: p.Partition, Next: p.Next, Acked: p.Acked, LookFrom: p.LookFrom})
	}
	return h, nil
}

// Append writes the claim with its leading format byte.
func (c *Claim) Append(dst []byte) ([]byte, error) { return appendFormatted(dst, c) }

// DecodeClaim reads what Append wrote.
func DecodeClaim(b []byte) (*Claim, error) {
	if len(b) > 0 && b[0] == 1 {
		var o claim1
		if err := decodeFormatted(b, "claim", &o); err != nil {
			return nil, err
		}
		return &Claim{Owner: o.Owner, Nonce: o.Nonce, Epoch: o.Epoch, First: -1}, nil
	}
	c := new(Claim)
	return c, decodeFormatted(b, "claim", c)
}

// claim1 is the claim of format 1.
type claim1 struct {
	_msgpack struct{} `msgpack:",as_array"` //nolint:unused // as above

	Owner string
	Nonce [16]byte
	Epoch int16
}

// UnknownFormatError says that a newer Wend wrote the journal.
type UnknownFormatError struct {
	What   string
	Format byte
}

func (e *UnknownFormatError) Error() string {
	return fmt.Sprintf("%s of format %d: this version knows formats up to %d; start a newer one", e.What, e.Format, HeadFormat)
}

func appendFormatted(dst []byte, v any) ([]byte, error) {
	b, err := msgpack.Marshal(v)
	if err != nil {
		return dst, fmt.Errorf("schemas: encode: %w", err)
	}
	return append(append(dst, HeadFormat), b...), nil
}

func decodeFormatted(b []byte, what string, into any) error {
	if len(b) == 0 {
		return fmt.Errorf("schemas: empty %s", what)
	}
	if b[0] == 0 || b[0] > HeadFormat {
		return &UnknownFormatError{what, b[0]}
	}
	if err := msgpack.Unmarshal(b[1:], into); err != nil {
		return fmt.Errorf("schemas: decode %s: %w", what, err)
	}
	return nil
}
