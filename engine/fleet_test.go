package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wend/connectors"
)

// simProcess is a Fleet on a simGroup, and what it has told. All times are the bubble's.
type simProcess struct {
	fleet    *Fleet
	cancel   context.CancelFunc
	ended    chan struct{}
	err      error
	assigned []Assigned
	beats    []HeartbeatAnswered
	lost     []error
	retried  []time.Duration
}

func (p *simProcess) owns() []int32 {
	if len(p.assigned) == 0 {
		return nil
	}
	return p.assigned[len(p.assigned)-1].Active
}

func (p *simProcess) kill() {
	p.cancel()
	<-p.ended
}

func simStart(t *testing.T, g *simGroup, cfg FleetConfig) *simProcess {
	cfg.Group, cfg.Topic, cfg.SessionTimeout = "g", "events", 10*time.Second
	if cfg.Partitions == 0 {
		cfg.Partitions = 6
	}
	ctx, cancel := context.WithCancel(t.Context())
	p := &simProcess{cancel: cancel, ended: make(chan struct{})}
	p.fleet = NewFleet(cfg, g, FleetListener{
		Assigned:          func(a Assigned) { g.set(func() { p.assigned = append(p.assigned, a) }) },
		HeartbeatAnswered: func(h HeartbeatAnswered) { g.set(func() { p.beats = append(p.beats, h) }) },
		Lost:              func(err error) { g.set(func() { p.lost = append(p.lost, err) }) },
		Retrying:          func(_ error, after time.Duration) { g.set(func() { p.retried = append(p.retried, after) }) },
	})
	go func() {
		defer close(p.ended)
		p.err = p.fleet.Run(ctx)
	}()
	t.Cleanup(p.kill)
	return p
}

// sleep lets the bubble's time pass and everybody come to rest. Between sleeps the test alone looks at what was told.
func (g *simGroup) sleep(d time.Duration) {
	g.set(func() {}) // orders what the test has read before what is written next
	time.Sleep(d)
	synctest.Wait()
}

func simTest(name string, t *testing.T, f func(t *testing.T, g *simGroup)) {
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { f(t, newSimGroup()) })
	})
}

func TestFleet(t *testing.T) {
	simTest("members come and go, and move no more than they must", t, func(t *testing.T, g *simGroup) {
		a := simStart(t, g, FleetConfig{InstanceID: "a"})
		g.sleep(2 * time.Second)
		if !slices.Equal(a.owns(), []int32{0, 1, 2, 3, 4, 5}) {
			t.Fatalf("alone it owns %v", a.owns())
		}
		b := simStart(t, g, FleetConfig{InstanceID: "b", LeaveOnStop: true})
		g.sleep(5 * time.Second)
		if !slices.Equal(a.owns(), []int32{0, 1, 2}) || !slices.Equal(b.owns(), []int32{3, 4, 5}) {
			t.Fatalf("a owns %v, b %v", a.owns(), b.owns())
		}
		b.kill()
		g.sleep(5 * time.Second)
		if b.err != nil || len(a.owns()) != 6 {
			t.Fatalf("b left with %v, a owns %v", b.err, a.owns())
		}
	})
	simTest("a rebalance takes nothing away before the new assignment", t, func(t *testing.T, g *simGroup) {
		a := simStart(t, g, FleetConfig{InstanceID: "a"})
		stuck := simStart(t, g, FleetConfig{InstanceID: "b"})
		g.sleep(5 * time.Second)
		stuck.kill() // static: holds up the rebalance until its session has ended
		c := simStart(t, g, FleetConfig{InstanceID: "c"})
		told := len(a.assigned)
		g.sleep(5 * time.Second)
		if len(a.assigned) != told || len(a.lost) != 0 {
			t.Fatalf("in a rebalance a was told %v, lost %v", a.assigned[told:], a.lost)
		}
		g.sleep(10 * time.Second)
		if len(a.owns()) != 3 || len(c.owns()) != 3 || slices.ContainsFunc(a.owns(), func(p int32) bool { return !slices.Contains(a.assigned[told-1].Active, p) }) {
			t.Fatalf("a had %v, has %v; c has %v", a.assigned[told-1], a.owns(), c.owns())
		}
	})
	simTest("a killed one is back at once, nobody notices", t, func(t *testing.T, g *simGroup) {
		a, b := simStart(t, g, FleetConfig{InstanceID: "a"}), simStart(t, g, FleetConfig{InstanceID: "b"})
		g.sleep(5 * time.Second)
		had, generation, told := a.owns(), g.generation, len(b.assigned)
		a.kill()
		a = simStart(t, g, FleetConfig{InstanceID: "a", UserData: func() MemberState { return MemberState{Views: []View{{1, 2, 3}}} }})
		synctest.Wait()
		if !slices.Equal(a.owns(), had) || g.generation != generation {
			t.Fatalf("had %v in %d, has %v in %d", had, generation, a.owns(), g.generation)
		}
		g.sleep(30 * time.Second)
		if len(b.assigned) != told || len(b.lost) != 0 {
			t.Fatalf("the other was told %v, %v", b.assigned[told:], b.lost)
		}
	})
	simTest("who leaves is followed by its standbys at the next heartbeat", t, func(t *testing.T, g *simGroup) {
		var members []*simProcess
		for _, id := range []string{"a", "b", "c"} {
			var p *simProcess
			views := func() (s MemberState) { // of what it was given last
				g.set(func() {
					if len(p.assigned) > 0 {
						for i, ps := range [][]int32{p.owns(), p.assigned[len(p.assigned)-1].Standby} {
							for _, shard := range ps {
								s.Views = append(s.Views, View{shard, int64(100 - i), 1})
							}
						}
					}
				})
				return s
			}
			g.set(func() {
				p = simStart(t, g, FleetConfig{InstanceID: id, Standbys: 1, LeaveOnStop: true, UserData: views})
			})
			members = append(members, p)
			g.sleep(5 * time.Second)
		}
		warm := map[int32]int{}
		for i, p := range members[1:] {
			for _, shard := range p.assigned[len(p.assigned)-1].Standby {
				warm[shard] = i + 1
			}
		}
		left := members[0].owns()
		members[0].kill()
		g.sleep(500 * time.Millisecond)
		for _, shard := range left {
			if i := warm[shard]; i == 0 || !slices.Contains(members[i].owns(), shard) {
				t.Errorf("%d: its standby was %d; now %v and %v", shard, i, members[1].owns(), members[2].owns())
			}
		}
	})
	simTest("a coordinator that is gone beyond the session stops nobody", t, func(t *testing.T, g *simGroup) {
		a := simStart(t, g, FleetConfig{InstanceID: "a"})
		g.sleep(5 * time.Second)
		told, beats := len(a.assigned), len(a.beats)
		g.set(func() { g.down = true })
		g.sleep(time.Hour)
		if len(a.assigned) != told || len(a.lost) != 0 || a.err != nil || len(a.beats) != beats {
			t.Fatalf("told %v, lost %v, ended %v, beats %d", a.assigned[told:], a.lost, a.err, len(a.beats)-beats)
		}
		if n := len(a.retried); n < 3600 || n > 2*3600+100 {
			t.Fatalf("asked %d times in an hour", n)
		}
		g.set(func() { g.down = false })
		g.sleep(2 * time.Second)
		if len(a.beats) == beats || len(a.lost) != 0 {
			t.Fatalf("not a member again: beats %d, lost %v", len(a.beats)-beats, a.lost)
		}
	})
	simTest("whoever was forgotten joins anew", t, func(t *testing.T, g *simGroup) {
		a, b := simStart(t, g, FleetConfig{InstanceID: "a"}), simStart(t, g, FleetConfig{InstanceID: "b"})
		g.sleep(5 * time.Second)
		g.set(func() { g.gone(g.static["a"]) })
		g.sleep(10 * time.Second)
		if len(a.lost) != 1 || !errors.Is(a.lost[0], connectors.UnknownMemberID) || len(a.owns()) != 3 || len(b.owns()) != 3 {
			t.Fatalf("lost %v, a owns %v, b %v", a.lost, a.owns(), b.owns())
		}
	})
	simTest("a dynamic member is one too", t, func(t *testing.T, g *simGroup) {
		a := simStart(t, g, FleetConfig{LeaveOnStop: true})
		b := simStart(t, g, FleetConfig{})
		g.sleep(5 * time.Second)
		if len(a.owns()) != 3 || len(b.owns()) != 3 {
			t.Fatalf("a owns %v, b %v", a.owns(), b.owns())
		}
	})
	simTest("two processes with one id: the first stops and says why", t, func(t *testing.T, g *simGroup) {
		a := simStart(t, g, FleetConfig{InstanceID: "same"})
		g.sleep(5 * time.Second)
		b := simStart(t, g, FleetConfig{InstanceID: "same"})
		g.sleep(5 * time.Second)
		select {
		case <-a.ended:
		default:
			t.Fatal("a goes on")
		}
		if !errors.Is(a.err, connectors.FencedInstanceID) || !strings.Contains(a.err.Error(), instanceFile) {
			t.Fatalf("a ended with %v", a.err)
		}
		if len(b.owns()) != 6 || b.err != nil {
			t.Fatalf("b owns %v, ended with %v", b.owns(), b.err)
		}
	})
	simTest("a join whose answer is lost is asked again", t, func(t *testing.T, g *simGroup) {
		g.set(func() { g.loseJoins = 3 })
		a := simStart(t, g, FleetConfig{InstanceID: "a"})
		g.sleep(5 * time.Second)
		if len(a.owns()) != 6 || a.err != nil {
			t.Fatalf("owns %v, ended with %v", a.owns(), a.err)
		}
	})
	simTest("refused before it ever was a member: stops; afterwards: goes on", t, func(t *testing.T, g *simGroup) {
		a := simStart(t, g, FleetConfig{InstanceID: "a"})
		g.sleep(5 * time.Second)
		g.set(func() { g.refuse = connectors.GroupAuthorizationFailed })
		b := simStart(t, g, FleetConfig{InstanceID: "b"})
		g.sleep(time.Minute)
		<-b.ended
		if !errors.Is(b.err, connectors.GroupAuthorizationFailed) || !strings.Contains(b.err.Error(), "READ") {
			t.Fatalf("b ended with %v", b.err)
		}
		if a.err != nil || len(a.retried) < 8 || len(a.retried) > 13 {
			t.Fatalf("a: %v, retries %v", a.err, a.retried)
		}
		g.set(func() { g.refuse = nil })
		g.sleep(10 * time.Second)
		if len(a.owns()) != 6 {
			t.Fatalf("a owns %v", a.owns())
		}
	})
	simTest("the topic has grown while everybody was restarted", t, func(t *testing.T, g *simGroup) {
		a, b := simStart(t, g, FleetConfig{InstanceID: "a"}), simStart(t, g, FleetConfig{InstanceID: "b"})
		g.sleep(5 * time.Second)
		hadA, hadB := a.owns(), b.owns()
		a.kill()
		b.kill()
		a, b = simStart(t, g, FleetConfig{InstanceID: "a", Partitions: 8}), simStart(t, g, FleetConfig{InstanceID: "b", Partitions: 8})
		g.sleep(10 * time.Second)
		if len(a.owns()) != 4 || len(b.owns()) != 4 || g.joins > 12 {
			t.Fatalf("a had %v, owns %v; b had %v, owns %v; %d joins", hadA, a.owns(), hadB, b.owns(), g.joins)
		}
	})
	simTest("hurry brings a heartbeat that is sent after it", t, func(t *testing.T, g *simGroup) {
		a := simStart(t, g, FleetConfig{InstanceID: "a"})
		g.sleep(5*time.Second + 500*time.Millisecond)
		refused := time.Now()
		a.fleet.Hurry()
		synctest.Wait()
		last := a.beats[len(a.beats)-1]
		if last.SentAt.Before(refused) || last.Generation != g.generation {
			t.Fatalf("refused at %v, last heartbeat %v", refused, last)
		}
		if n := len(a.beats); n != 29 { // one at once, five a second, and the hurried one
			t.Fatalf("%d heartbeats", n)
		}
	})
}

// Members come, are killed, leave and come back as it happens; once that has an end, each shard has one owner and its
// standbys, on other members, and everybody agrees on it.
func TestFleetComesToAgree(t *testing.T) {
	for seed := range uint64(8) {
		simTest(fmt.Sprint("schedule ", seed), t, func(t *testing.T, g *simGroup) {
			rng := rand.New(rand.NewPCG(seed, 1))
			members := map[string]*simProcess{}
			for range 15 {
				id := string(rune('a' + rng.IntN(4)))
				if p := members[id]; p == nil {
					members[id] = simStart(t, g, FleetConfig{InstanceID: id, Standbys: 1, LeaveOnStop: rng.IntN(2) == 0})
				} else {
					p.kill()
					delete(members, id)
				}
				g.sleep(time.Duration(rng.IntN(8000)) * time.Millisecond)
			}
			if len(members) == 0 {
				members["e"] = simStart(t, g, FleetConfig{InstanceID: "e", Standbys: 1})
			}
			g.sleep(time.Minute)
			owners, standbys := map[int32]int{}, map[int32]int{}
			for id, p := range members {
				last := p.assigned[len(p.assigned)-1]
				if last.Generation != g.generation {
					t.Errorf("%s stopped at generation %d of %d", id, last.Generation, g.generation)
				}
				for _, s := range last.Active {
					owners[s]++
				}
				for _, s := range last.Standby {
					standbys[s]++
					if slices.Contains(last.Active, s) {
						t.Errorf("%s is owner and standby of %d", id, s)
					}
				}
			}
			for s := range int32(6) {
				if owners[s] != 1 || standbys[s] != min(1, len(members)-1) {
					t.Errorf("%d has %d owners and %d standbys among %d members", s, owners[s], standbys[s], len(members))
				}
			}
		})
	}
}

func TestFleetGivesUpNothingForGarbage(t *testing.T) {
	m := newMembership(FleetConfig{Group: "g", Topic: "events", Partitions: 4}.withDefaults(), func() float64 { return 0 })
	got := m.assign([]connectors.GroupMember{
		{MemberID: "x", UserData: []byte("garbage")},
		{MemberID: "y", UserData: AppendMemberState(nil, &MemberState{Partitions: 1 << 30})},
	})
	if len(got["x"].Partitions) != 2 || len(got["y"].Partitions) != 2 {
		t.Fatalf("%v", got)
	}
	for _, userData := range [][]byte{nil, {2}, {1, 4}, {2, 0xff}, {2, 4}, {2, 4, 9}} {
		now := time.Unix(0, 0)
		did := m.synced(now, &connectors.Assignment{UserData: userData}, nil)
		if did.assigned == nil || m.phase != fleetJoining {
			t.Fatalf("% x: %+v, phase %v", userData, did, m.phase)
		}
	}
}

// A join that nobody waits for any more may take the place of the member that made it: that is no other process.
func TestFleetFencedByAStrayJoin(t *testing.T) {
	now := time.Unix(1000, 0)
	cfg := FleetConfig{Group: "g", InstanceID: "i", Topic: "events", Partitions: 1}.withDefaults()
	m := newMembership(cfg, func() float64 { return 0 })
	fence := func() fleetOutcome {
		m.joined(now, &connectors.Joined{MemberID: "x", Generation: 1}, nil)
		m.synced(now, &connectors.Assignment{UserData: []byte{assignmentVersion, 1, 0}}, nil)
		return m.beaten(now, now, connectors.FencedInstanceID)
	}
	for i := range fleetFences {
		if did := fence(); did.fatal != nil || did.lost == nil || m.memberID != "" || m.phase != fleetJoining {
			t.Fatalf("fence %d: %+v, as %q", i+1, did, m.memberID)
		}
	}
	now = now.Add(cfg.RebalanceTimeout + 1)
	for i := range fleetFences {
		if did := fence(); did.fatal != nil {
			t.Fatalf("long after, fence %d: %v", i+1, did.fatal)
		}
	}
	if did := fence(); did.fatal == nil {
		t.Error("fenced again and again it goes on")
	}
}
