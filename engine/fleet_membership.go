package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"wend/connectors"
)

// membership is the state machine behind Fleet. next says what to do; the answer goes to joined, synced or beaten,
// which say what became of it. It knows no clock and no network. One request at a time.
//
//	join ──ok──► sync ──ok──► member: heartbeats
//	 ▲ ▲          │             │
//	 │ └──────────┴─────────────┴── rebalance, illegal generation: again, as the same member
//	 └── unknown member, fenced: again, as nobody yet
//
// With an instance id, "nobody yet" is given the id's former place and, in a group that is stable, the former
// assignment without a rebalance (KIP-345): the coordinator compares only the protocol it would choose, so that other
// user data does no harm. A join as a known member is another thing: there a leader, or other user data, starts a
// rebalance. So a membership joins again only when it is told to.
type membership struct {
	cfg    FleetConfig
	jitter func() float64 // in [0, 1)

	phase      fleetPhase
	memberID   string
	generation int32
	sync       *connectors.SyncRequest // while syncing
	due        time.Time               // nothing is done before
	failures   int                     // in a row

	owned   []int32   // as last assigned
	standby []int32   // as last assigned
	ownedIn int32     // the generation of both
	settled bool      // has been assigned something once
	attempt uint32    // joins that were forced
	fences  int       // of our instance id, each within a rebalance timeout of the one before
	fenced  time.Time // the last of them
}

type fleetPhase uint8

const (
	fleetJoining fleetPhase = iota
	fleetSyncing
	fleetMember
)

type fleetDo uint8

const (
	fleetWait fleetDo = iota
	fleetJoin
	fleetSync
	fleetBeat
)

// fleetOutcome is what an answer led to.
type fleetOutcome struct {
	assigned *Assigned
	beat     HeartbeatAnswered
	lost     error
	retry    error
	after    time.Duration
	fatal    error
}

const (
	fleetFirstBackoff = 50 * time.Millisecond
	fleetMostBackoff  = time.Second
	fleetSlowRetry    = 5 * time.Second // of what was refused and will be refused again, until somebody acts

	// fleetFences is how often in a row a member is fenced and goes on. One fence proves nothing: a join of its own that
	// went unanswered, or of the process before it, which was killed, reaches the coordinator late and takes its place; a
	// coordinator that slept through an election knows former members. A process with the same instance id takes the
	// place back each time; then the one that was fenced first, which is the one that came first, is also first here.
	fleetFences = 3

	// maxPartitions bounds what a member can make the leader believe about the topic.
	maxPartitions = 1 << 17
)

func newMembership(cfg FleetConfig, jitter func() float64) *membership {
	return &membership{cfg: cfg, jitter: jitter, generation: -1, ownedIn: -1}
}

// heartbeatInterval is short beside the session: members hear of a rebalance by their next heartbeat, and until all have
// heard, what a member left behind has no owner.
func (m *membership) heartbeatInterval() time.Duration {
	return min(max(m.cfg.SessionTimeout/50, 100*time.Millisecond), time.Second)
}

func (m *membership) self() connectors.Membership {
	return connectors.Membership{Group: m.cfg.Group, InstanceID: m.cfg.InstanceID, MemberID: m.memberID, Generation: m.generation}
}

func (m *membership) next(now time.Time) (fleetDo, time.Duration) {
	if wait := m.due.Sub(now); wait > 0 {
		return fleetWait, wait
	}
	switch m.phase {
	case fleetSyncing:
		return fleetSync, 0
	case fleetMember:
		return fleetBeat, 0
	default:
		return fleetJoin, 0
	}
}

// hurry makes a heartbeat due. It shortens no backoff.
func (m *membership) hurry(now time.Time) {
	if m.phase == fleetMember && m.failures == 0 {
		m.due = now
	}
}

func (m *membership) joinRequest(state MemberState) *connectors.JoinRequest {
	state.Partitions = m.cfg.Partitions
	state.Generation = m.ownedIn
	state.Owned, state.Standby = m.owned, m.standby
	state.Standbys = m.cfg.Standbys
	state.Attempt = m.attempt
	return &connectors.JoinRequest{
		Membership:       m.self(),
		SessionTimeout:   m.cfg.SessionTimeout,
		RebalanceTimeout: m.cfg.RebalanceTimeout,
		Topics:           []string{m.cfg.Topic},
		UserData:         AppendMemberState(nil, &state),
	}
}

func (m *membership) joined(now time.Time, j *connectors.Joined, err error) fleetOutcome {
	if errors.Is(err, connectors.MemberIDRequired) && j != nil && j.MemberID != "" && m.memberID == "" {
		m.memberID, m.due = j.MemberID, now
		return fleetOutcome{}
	}
	if err != nil {
		return m.failed(now, err)
	}
	m.memberID, m.generation = j.MemberID, j.Generation
	m.phase, m.due, m.failures = fleetSyncing, now, 0
	m.sync = &connectors.SyncRequest{Membership: m.self(), Timeout: m.cfg.RebalanceTimeout}
	if j.Leader {
		m.sync.Assignments = m.assign(j.Members)
	}
	return fleetOutcome{}
}

// assign does the leader's work.
func (m *membership) assign(joined []connectors.GroupMember) map[string]connectors.Assignment {
	partitions, standbys := m.cfg.Partitions, int32(0)
	members := make([]Member, len(joined))
	for i, j := range joined {
		state, _ := DecodeMemberState(j.UserData)
		members[i] = Member{ID: j.MemberID, InstanceID: j.InstanceID, State: state}
		// Members that were restarted after the topic had grown know better.
		if state.Partitions <= maxPartitions {
			partitions = max(partitions, state.Partitions)
		}
		standbys = max(standbys, state.Standbys) // all compute the same, whoever leads while the configuration is changed
	}
	out := map[string]connectors.Assignment{}
	for id, shares := range Assign(partitions, int(standbys), members) {
		a := connectors.Assignment{UserData: appendAssignment(nil, partitions, shares.Standby)}
		for _, p := range shares.Active {
			a.Partitions = append(a.Partitions, connectors.TopicPartition{Topic: m.cfg.Topic, Partition: p})
		}
		out[id] = a
	}
	return out
}

// assignmentVersion leads the user data of an assignment: how many partitions were dealt out, and the standby's. What
// the member is to own stands where every consumer's does, so that tools can show it.
const assignmentVersion = 2

func appendAssignment(dst []byte, partitions int32, standby []int32) []byte {
	return appendPartitions(binary.AppendUvarint(append(dst, assignmentVersion), uint64(partitions)), standby)
}

// decodeAssignment gives zeros for what is no such thing.
func decodeAssignment(userData []byte) (partitions int32, standby []int32) {
	if len(userData) == 0 || userData[0] < assignmentVersion {
		return 0, nil
	}
	r := varints{b: userData[1:], ok: true}
	partitions, standby = int32(r.uint(maxPartitions)), r.partitions()
	if !r.ok {
		return 0, nil
	}
	return partitions, standby
}

func (m *membership) synced(now time.Time, a *connectors.Assignment, err error) fleetOutcome {
	if err != nil {
		return m.failed(now, err)
	}
	var owned []int32
	for _, tp := range a.Partitions {
		if tp.Topic == m.cfg.Topic {
			owned = append(owned, tp.Partition)
		}
	}
	slices.Sort(owned)
	m.owned, m.ownedIn = slices.Compact(owned), m.generation
	covered, standby := decodeAssignment(a.UserData)
	m.standby = slices.DeleteFunc(standby, func(p int32) bool { return slices.Contains(m.owned, p) })
	m.settled, m.failures = true, 0
	// A heartbeat at once: whoever waits for one that was sent in this generation does not wait long.
	m.phase, m.due, m.sync = fleetMember, now, nil
	if covered < m.cfg.Partitions {
		// The assignment is older than the topic's last partitions: it was kept while all members were restarted.
		m.attempt++
		m.phase, m.due = fleetJoining, now.Add(m.backoff(int(min(m.attempt, 16))))
	}
	return fleetOutcome{assigned: &Assigned{Generation: m.generation, Shares: Shares{slices.Clone(m.owned), slices.Clone(m.standby)}}}
}

func (m *membership) beaten(sentAt, now time.Time, err error) fleetOutcome {
	if err != nil {
		return m.failed(now, err)
	}
	m.failures = 0
	m.due = now.Add(m.heartbeatInterval())
	return fleetOutcome{beat: HeartbeatAnswered{SentAt: sentAt, Generation: m.generation}}
}

// failed says what follows from an error, whatever was asked.
func (m *membership) failed(now time.Time, err error) fleetOutcome {
	m.failures++
	switch {
	case errors.Is(err, connectors.RebalanceInProgress), errors.Is(err, connectors.IllegalGeneration):
		m.rejoin(now)
		return fleetOutcome{}
	case errors.Is(err, connectors.UnknownMemberID):
		m.memberID = ""
		m.rejoin(now)
		return fleetOutcome{lost: m.wrap(err)}
	case errors.Is(err, connectors.FencedInstanceID):
		if now.Sub(m.fenced) > m.cfg.RebalanceTimeout {
			m.fences = 0
		}
		if m.fences++; m.fences > fleetFences {
			return fleetOutcome{fatal: m.wrap(err)}
		}
		m.fenced, m.memberID = now, ""
		m.rejoin(now)
		return fleetOutcome{lost: m.wrap(err)}
	}
	after := m.backoff(m.failures)
	if connectors.Classify(err) == connectors.Refused {
		if !m.settled {
			return fleetOutcome{fatal: m.wrap(err)}
		}
		after = fleetSlowRetry + time.Duration(m.jitter()*float64(fleetSlowRetry)/4)
	}
	m.due = now.Add(after)
	return fleetOutcome{retry: m.wrap(err), after: after}
}

// rejoin at once, unless that is what was done last time too.
func (m *membership) rejoin(now time.Time) {
	m.phase, m.sync, m.due = fleetJoining, nil, now
	if m.failures > 1 {
		m.due = now.Add(m.backoff(m.failures - 1))
	}
}

// backoff doubles from fleetFirstBackoff to fleetMostBackoff, and takes between a half and all of that, so that the members of a
// fleet do not ask a coordinator that has come back in step. It stays well below a session.
func (m *membership) backoff(failures int) time.Duration {
	d := min(fleetFirstBackoff<<min(failures-1, 10), fleetMostBackoff, max(m.cfg.SessionTimeout/4, fleetFirstBackoff))
	return d/2 + time.Duration(m.jitter()*float64(d)/2)
}

// wrap says what to do where somebody can do something.
func (m *membership) wrap(err error) error {
	advice := ""
	switch {
	case errors.Is(err, connectors.FencedInstanceID):
		advice = fmt.Sprintf("another process has joined as %s: two processes have the same instance name, or run on copies of one "+
			"data directory. Stop one of them; give each an instance of its own in wend.yaml, or delete the file %s in the copy", m.cfg.InstanceID, instanceFile)
	case errors.Is(err, connectors.InvalidSessionTimeout):
		advice = fmt.Sprintf("a session timeout of %s is outside of what the brokers permit (their "+
			"group.min.session.timeout.ms and group.max.session.timeout.ms): change kafka.session_timeout", m.cfg.SessionTimeout)
	case errors.Is(err, connectors.InconsistentGroupProtocol):
		advice = "the group has members of another kind: some other program uses this name. Stop it, or choose another app"
	case errors.Is(err, connectors.InvalidGroupID):
		advice = "the brokers do not accept this name: choose another app"
	case errors.Is(err, connectors.GroupMaxSizeReached):
		advice = "the group is full: raise the brokers' group.max.size, or run fewer processes"
	case errors.Is(err, connectors.GroupAuthorizationFailed):
		advice = "grant READ on the group"
	}
	if advice == "" {
		return fmt.Errorf("membership of group %s: %w", m.cfg.Group, err)
	}
	return fmt.Errorf("membership of group %s: %s: %w", m.cfg.Group, advice, err)
}
