package engine

import (
	"context"
	"time"

	"wend/connectors"
)

// FleetConfig says who this member is, and of what.
type FleetConfig struct {
	Group            string
	InstanceID       string // Instance.ID; "" joins as a dynamic member
	Topic            string // the source
	Partitions       int32  // of Topic
	SessionTimeout   time.Duration
	RebalanceTimeout time.Duration // 0: twice the session timeout
	LeaveOnStop      bool          // leave the group when Run's context ends
	// UserData gives the local views (MemberState.Views; the other fields are filled in by the fleet). Called by Run's
	// goroutine before each join; must not block. May be nil.
	UserData func() MemberState
}

// Assigned is the complete list of what this member should own.
type Assigned struct {
	Generation int32
	Partitions []int32 // ascending; the receiver's
}

// HeartbeatAnswered says that a heartbeat sent at SentAt was answered with: a member of Generation, no rebalance.
type HeartbeatAnswered struct {
	SentAt     time.Time
	Generation int32
}

// FleetListener hears what happens, on Run's goroutine; its functions must not block. Nil ones are not called.
type FleetListener struct {
	Assigned          func(Assigned)                       // after each sync
	HeartbeatAnswered func(HeartbeatAnswered)              // each time
	Lost              func(error)                          // membership was lost and is sought again; shards go on
	Retrying          func(err error, after time.Duration) // no usable answer; shards go on
}

// Fleet keeps this process a member of the group.
type Fleet struct{}

// NewFleet makes a Fleet; nothing happens before Run.
func NewFleet(cfg FleetConfig, group connectors.Group, on FleetListener) *Fleet { return &Fleet{} }

// Run joins and stays a member until ctx ends (nil) or membership is refused for good.
func (f *Fleet) Run(ctx context.Context) error { return nil }

// Hurry asks for a heartbeat now rather than when it is due (rule 3: a heartbeat sent after the refusal). Any goroutine; never blocks.
func (f *Fleet) Hurry() {}
