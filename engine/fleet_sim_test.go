package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"wend/connectors"
)

// simGroup is a coordinator in memory: the classic protocol with static members, by Kafka 4.1's
// GroupMetadataManager.classicGroupJoin and its neighbours, as far as Fleet can notice. It uses the package time, so
// that it runs in a synctest bubble.
type simGroup struct {
	mu         sync.Mutex
	members    map[string]*simMember
	static     map[string]string // instance id to member id
	leader     string
	generation int32
	state      string // empty, preparing, completing, stable
	deadline   *time.Timer
	ids        int
	down       bool // nobody is answered
	loseJoins  int  // so many joins are taken, and their answers lost
	refuse     error
	joins      int
}

type simMember struct {
	id, instance string
	userData     []byte
	assignment   connectors.Assignment
	join         chan simAnswer // waiting for the others
	sync         chan simAnswer // waiting for the leader
	session      *time.Timer
	seen         int
	timeout      time.Duration
	rebalance    time.Duration
}

type simAnswer struct {
	joined     *connectors.Joined
	assignment *connectors.Assignment
	err        error
}

var errNoAnswer = errors.New("no answer")

func newSimGroup() *simGroup {
	return &simGroup{members: map[string]*simMember{}, static: map[string]string{}, state: "empty"}
}

func (g *simGroup) Join(ctx context.Context, r *connectors.JoinRequest) (*connectors.Joined, error) {
	answer, err := g.join(r)
	if err != nil {
		joined := &connectors.Joined{}
		if errors.Is(err, connectors.MemberIDRequired) {
			joined.MemberID = r.MemberID
		}
		return joined, err
	}
	select {
	case a := <-answer:
		return a.joined, a.err
	case <-time.After(r.RebalanceTimeout + 5*time.Second):
		return nil, errNoAnswer
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (g *simGroup) join(r *connectors.JoinRequest) (chan simAnswer, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.joins++
	if err := g.unavailable(); err != nil {
		return nil, err
	}
	answer := make(chan simAnswer, 2)
	deliver := answer
	if g.loseJoins > 0 {
		g.loseJoins--
		deliver = make(chan simAnswer, 2)
		answer <- simAnswer{err: errNoAnswer}
	}
	var m *simMember
	switch old := g.members[g.static[r.InstanceID]]; {
	case r.MemberID == "" && r.InstanceID != "" && old != nil:
		// updateStaticMemberThenRebalanceOrCompleteJoin: the new process in the old one's place
		m = g.replace(old, r)
		if g.state == "stable" {
			m.userData = r.UserData
			deliver <- simAnswer{joined: &connectors.Joined{Generation: g.generation, MemberID: m.id}}
			return answer, nil
		}
	case r.MemberID == "":
		g.ids++
		m = &simMember{id: fmt.Sprintf("member-%d", g.ids), instance: r.InstanceID}
		g.members[m.id] = m
		if r.InstanceID != "" {
			g.static[r.InstanceID] = m.id
		}
	default:
		if err := g.check(r.Membership); err != nil {
			return nil, err
		}
		m = g.members[r.MemberID]
		if g.state == "stable" && m.id != g.leader && string(m.userData) == string(r.UserData) {
			deliver <- simAnswer{joined: &connectors.Joined{Generation: g.generation, MemberID: m.id}}
			return answer, nil
		}
	}
	m.userData, m.timeout, m.rebalance = r.UserData, r.SessionTimeout, r.RebalanceTimeout
	m.join = deliver
	g.touch(m)
	g.prepare()
	g.tryComplete(false)
	return answer, nil
}

func (g *simGroup) replace(old *simMember, r *connectors.JoinRequest) *simMember {
	g.ids++
	m := &simMember{id: fmt.Sprintf("member-%d", g.ids), instance: r.InstanceID, assignment: old.assignment,
		timeout: r.SessionTimeout, rebalance: r.RebalanceTimeout}
	old.session.Stop()
	for _, waiting := range []chan simAnswer{old.join, old.sync} {
		if waiting != nil {
			waiting <- simAnswer{err: connectors.FencedInstanceID}
		}
	}
	delete(g.members, old.id)
	g.members[m.id] = m
	g.static[r.InstanceID] = m.id
	if g.leader == old.id {
		g.leader = m.id
	}
	g.touch(m)
	return m
}

func (g *simGroup) prepare() {
	if g.state == "preparing" {
		return
	}
	for _, m := range g.members {
		if m.sync != nil {
			m.sync <- simAnswer{err: connectors.RebalanceInProgress}
			m.sync = nil
		}
	}
	g.state = "preparing"
	var longest time.Duration
	for _, m := range g.members {
		longest = max(longest, m.rebalance)
	}
	g.deadline = time.AfterFunc(longest, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.tryComplete(true)
	})
}

// tryComplete ends the join when everybody is there; late: without those who are not. Static ones stay all the same.
func (g *simGroup) tryComplete(late bool) {
	if g.state != "preparing" {
		return
	}
	for id, m := range g.members {
		if m.join != nil {
			continue
		}
		if !late {
			return
		}
		if m.instance == "" {
			g.remove(id)
		}
	}
	g.deadline.Stop()
	if len(g.members) == 0 {
		g.state = "empty"
		return
	}
	g.generation++
	g.state = "completing"
	if lead, ok := g.members[g.leader]; !ok || lead.join == nil {
		for id, m := range g.members {
			if m.join != nil {
				g.leader = id
			}
		}
	}
	for id, m := range g.members {
		if m.join == nil {
			continue
		}
		j := &connectors.Joined{Generation: g.generation, MemberID: id, Leader: id == g.leader}
		if j.Leader {
			for _, other := range g.members {
				j.Members = append(j.Members, connectors.GroupMember{MemberID: other.id, InstanceID: other.instance, UserData: other.userData})
			}
		}
		m.join <- simAnswer{joined: j}
		m.join = nil
		g.touch(m)
	}
}

func (g *simGroup) Sync(ctx context.Context, r *connectors.SyncRequest) (*connectors.Assignment, error) {
	answer, err := g.syncUp(r)
	if err != nil {
		return nil, err
	}
	select {
	case a := <-answer:
		return a.assignment, a.err
	case <-time.After(r.Timeout + 5*time.Second):
		return nil, errNoAnswer
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (g *simGroup) syncUp(r *connectors.SyncRequest) (chan simAnswer, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := errors.Join(g.unavailable(), g.check(r.Membership)); err != nil {
		return nil, err
	}
	m := g.members[r.MemberID]
	switch {
	case g.state == "preparing":
		return nil, connectors.RebalanceInProgress
	case r.Generation != g.generation:
		return nil, connectors.IllegalGeneration
	}
	m.sync = make(chan simAnswer, 2)
	answer := m.sync
	if g.state == "completing" && m.id == g.leader {
		g.state = "stable"
		for _, other := range g.members {
			other.assignment = r.Assignments[other.id]
		}
	}
	if g.state == "stable" {
		for _, other := range g.members {
			if other.sync != nil {
				a := other.assignment
				other.sync <- simAnswer{assignment: &a}
				other.sync = nil
			}
		}
	}
	return answer, nil
}

func (g *simGroup) Heartbeat(_ context.Context, who connectors.Membership) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := errors.Join(g.unavailable(), g.check(who)); err != nil {
		return err
	}
	if who.Generation != g.generation {
		return connectors.IllegalGeneration
	}
	g.touch(g.members[who.MemberID])
	if g.state == "preparing" {
		return connectors.RebalanceInProgress
	}
	return nil
}

func (g *simGroup) Leave(_ context.Context, who connectors.Membership) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := errors.Join(g.unavailable(), g.check(who)); err != nil {
		return err
	}
	g.gone(who.MemberID)
	return nil
}

func (g *simGroup) Members(context.Context, string) ([]connectors.AssignedMember, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.unavailable(); err != nil {
		return nil, err
	}
	var all []connectors.AssignedMember
	for _, m := range g.members {
		all = append(all, connectors.AssignedMember{MemberID: m.id, Partitions: m.assignment.Partitions})
	}
	return all, nil
}

func (g *simGroup) unavailable() error {
	if g.down {
		return errNoAnswer
	}
	return g.refuse
}

func (g *simGroup) check(who connectors.Membership) error {
	if id, ok := g.static[who.InstanceID]; ok && who.InstanceID != "" && id != who.MemberID {
		return connectors.FencedInstanceID
	}
	if g.members[who.MemberID] == nil {
		return connectors.UnknownMemberID
	}
	return nil
}

func (g *simGroup) touch(m *simMember) {
	if m.session != nil {
		m.session.Stop()
	}
	m.seen++
	seen := m.seen // a timer that has fired cannot be stopped any more
	m.session = time.AfterFunc(m.timeout, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.members[m.id] == m && m.seen == seen && m.join == nil && !g.down {
			g.gone(m.id)
		}
	})
}

func (g *simGroup) gone(id string) {
	g.remove(id)
	if len(g.members) == 0 {
		g.state = "empty"
		return
	}
	g.prepare()
	g.tryComplete(false)
}

func (g *simGroup) remove(id string) {
	m := g.members[id]
	m.session.Stop()
	for _, waiting := range []chan simAnswer{m.join, m.sync} {
		if waiting != nil {
			waiting <- simAnswer{err: connectors.UnknownMemberID}
		}
	}
	delete(g.members, id)
	delete(g.static, m.instance)
}

// set changes what the coordinator is like.
func (g *simGroup) set(change func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change()
}
