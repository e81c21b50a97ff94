package connectors

import (
	"context"
	"time"
)

// Codes that only a group's coordinator gives.
const (
	InconsistentGroupProtocol Code = 23
	InvalidGroupID            Code = 24
	GroupMaxSizeReached       Code = 81
)

// GroupProtocolType is what every consumer's group says it is, so that tools that read groups understand it.
const GroupProtocolType = "consumer"

// GroupProtocolName names the assignor that the members of a group have in common.
const GroupProtocolName = "wend-sticky"

// Membership names a member of a group, as it names itself in each request.
type Membership struct {
	Group      string
	InstanceID string // static membership; "" has none
	MemberID   string // given by the coordinator; "" asks for one
	Generation int32  // of the last join, -1 before
}

// JoinRequest asks to be a member of the next generation.
type JoinRequest struct {
	Membership
	SessionTimeout   time.Duration // without a heartbeat for this long, the coordinator forgets the member
	RebalanceTimeout time.Duration // how long the coordinator waits for the other members
	Topics           []string
	UserData         []byte // for whoever assigns
}

// Joined is the answer to a JoinRequest.
type Joined struct {
	Generation int32
	MemberID   string
	Leader     bool          // this member assigns
	Members    []GroupMember // all of them, for the leader alone
}

// GroupMember is a member as the leader sees it.
type GroupMember struct {
	MemberID   string
	InstanceID string
	UserData   []byte // nil where it could not be read
}

// Assignment is what one member should work on.
type Assignment struct {
	Partitions []TopicPartition
	UserData   []byte
}

// SyncRequest hands in the leader's assignments, by member id, and asks for one's own. Other members hand in none.
type SyncRequest struct {
	Membership
	Timeout     time.Duration // how long to wait for the leader; at most the group's rebalance timeout makes sense
	Assignments map[string]Assignment
}

// AssignedMember is a member as everybody may see it.
type AssignedMember struct {
	MemberID   string
	InstanceID string // "" of one without static membership
	Host       string // from which it reaches the coordinator, as the coordinator writes it
	Partitions []TopicPartition
}

// Group is membership by Kafka's classic consumer group protocol: who should own what. Methods block until the answer
// is there, ctx ends or the request has taken far longer than it can: Join its rebalance timeout, Sync its timeout, the
// others a few seconds. What the coordinator refused is a Code; any other
// error means that there was no usable answer, and then nobody knows whether the request was taken. Nothing is tried
// again inside, but a coordinator that has moved is looked up anew by the next call. A Group may be used by any number
// of goroutines.
type Group interface {
	// Join blocks while the other members join, for the longest of their rebalance timeouts. With the Code
	// MemberIDRequired, Joined is not nil and its MemberID is to be used when asking again.
	Join(ctx context.Context, req *JoinRequest) (*Joined, error)
	// Sync blocks until the leader of the generation has handed in the assignments. In a group that is stable the
	// assignment is the one kept by the coordinator, whatever was handed in.
	Sync(ctx context.Context, req *SyncRequest) (*Assignment, error)
	// Heartbeat says that the member is alive. Nil: it was a member of this generation when the request was answered.
	Heartbeat(ctx context.Context, who Membership) error
	// Leave gives up membership, so that others need not wait for the session to end.
	Leave(ctx context.Context, who Membership) error
	// Members gives the members of a group with what each was assigned; one that is waiting for an assignment has none.
	// Whoever asks need not be a member.
	Members(ctx context.Context, group string) ([]AssignedMember, error)
}
