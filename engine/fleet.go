package engine

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"wend/connectors"
)

// FleetConfig says who this member is, and of what.
type FleetConfig struct {
	Group            string
	InstanceID       string        // Instance.ID; "" joins as a dynamic member
	Topic            string        // the source
	Partitions       int32         // of Topic
	Standbys         int32         // of each shard
	SessionTimeout   time.Duration // 10 s when zero
	RebalanceTimeout time.Duration // twice the session timeout when zero
	LeaveOnStop      bool          // leave the group when Run's context ends; else the session runs out, or the next process takes over
	// UserData gives the local views (MemberState.Views; the fleet fills in the rest). Run calls it before each join; it
	// must not block. May be nil.
	UserData func() MemberState
}

func (c FleetConfig) withDefaults() FleetConfig {
	if c.SessionTimeout <= 0 {
		c.SessionTimeout = 10 * time.Second
	}
	if c.RebalanceTimeout <= 0 {
		// Longer than the session, so that a member that does not come back is out of the group when the others are
		// told who has what: a static member that is merely late would be given its partitions once more.
		c.RebalanceTimeout = 2 * c.SessionTimeout
	}
	return c
}

// Assigned is the complete list of what this member should own and keep warm; the receiver's.
type Assigned struct {
	Generation int32
	Shares
}

// HeartbeatAnswered says that a heartbeat sent at SentAt was answered: a member of Generation, no rebalance under way.
type HeartbeatAnswered struct {
	SentAt     time.Time
	Generation int32
}

// FleetListener hears what happens, on Run's goroutine; its functions must not block. Nil ones are not called.
type FleetListener struct {
	Assigned          func(Assigned)                       // after each sync, also when nothing changed
	HeartbeatAnswered func(HeartbeatAnswered)              // each time, several a session
	Lost              func(error)                          // membership was lost and is sought again; shards go on
	Retrying          func(err error, after time.Duration) // no usable answer, asked again; shards go on
}

// Fleet keeps this process a member of the group, and says what it should own. It takes nothing away but by an
// assignment: neither a rebalance, nor a coordinator that is gone for longer than a session, stops a shard. Whoever
// appends to a journal that has got another owner is refused by the broker, so nothing is won by stopping early.
type Fleet struct {
	cfg   FleetConfig
	group connectors.Group
	on    FleetListener
	hurry chan struct{}
	self  atomic.Pointer[connectors.Membership]
}

// NewFleet makes a Fleet; nothing happens before Run.
func NewFleet(cfg FleetConfig, group connectors.Group, on FleetListener) *Fleet {
	return &Fleet{cfg: cfg.withDefaults(), group: group, on: on, hurry: make(chan struct{}, 1)}
}

// Hurry asks for a heartbeat now rather than when it is due: a refused owner claims again only after the answer to a
// heartbeat sent after the refusal. During a rebalance or after an error it changes nothing. For any goroutine; it
// never blocks.
func (f *Fleet) Hurry() {
	select {
	case f.hurry <- struct{}{}:
	default:
	}
}

// Member is this member as the last assignment found it; MemberID is "" before. For any goroutine.
func (f *Fleet) Member() connectors.Membership {
	if m := f.self.Load(); m != nil {
		return *m
	}
	return connectors.Membership{Group: f.cfg.Group, InstanceID: f.cfg.InstanceID, Generation: -1}
}

// Run joins and stays a member until ctx ends; then it returns nil, having left the group if the config says so. It
// gives up with an error that says what to do when another process has the instance id, and when membership is refused
// before the first assignment. A later refusal (an ACL taken away) is asked again slowly. Run must be called once.
func (f *Fleet) Run(ctx context.Context) error {
	m := newMembership(f.cfg, rand.Float64)
	for ctx.Err() == nil {
		var did fleetOutcome
		switch do, wait := m.next(time.Now()); do {
		case fleetWait:
			f.wait(ctx, m, wait)
			continue
		case fleetJoin:
			var state MemberState
			if f.cfg.UserData != nil {
				state = f.cfg.UserData()
			}
			joined, err := f.group.Join(ctx, m.joinRequest(state))
			if ctx.Err() != nil {
				continue
			}
			did = m.joined(time.Now(), joined, err)
		case fleetSync:
			assignment, err := f.group.Sync(ctx, m.sync)
			if ctx.Err() != nil {
				continue
			}
			did = m.synced(time.Now(), assignment, err)
		case fleetBeat:
			sentAt := time.Now()
			err := f.beat(ctx, m)
			if ctx.Err() != nil {
				continue
			}
			did = m.beaten(sentAt, time.Now(), err)
		}
		if did.fatal != nil {
			return did.fatal
		}
		if did.assigned != nil {
			self := m.self()
			f.self.Store(&self)
		}
		f.tell(did)
	}
	f.leave(ctx, m)
	return nil
}

func (f *Fleet) wait(ctx context.Context, m *membership, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-f.hurry:
		m.hurry(time.Now())
	case <-ctx.Done():
	}
}

func (f *Fleet) beat(ctx context.Context, m *membership) error {
	// Several tries fit into a session.
	ctx, cancel := context.WithTimeout(ctx, min(max(f.cfg.SessionTimeout/3, time.Second), 5*time.Second))
	defer cancel()
	return f.group.Heartbeat(ctx, m.self())
}

func (f *Fleet) tell(did fleetOutcome) {
	if did.retry != nil && f.on.Retrying != nil {
		f.on.Retrying(did.retry, did.after)
	}
	if did.lost != nil && f.on.Lost != nil {
		f.on.Lost(did.lost)
	}
	if did.assigned != nil && f.on.Assigned != nil {
		f.on.Assigned(*did.assigned)
	}
	if did.beat != (HeartbeatAnswered{}) && f.on.HeartbeatAnswered != nil {
		f.on.HeartbeatAnswered(did.beat)
	}
}

// leave is a courtesy: without it the others wait for the session to end.
func (f *Fleet) leave(ctx context.Context, m *membership) {
	if !f.cfg.LeaveOnStop || m.memberID == "" && f.cfg.InstanceID == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	_ = f.group.Leave(ctx, m.self())
}
