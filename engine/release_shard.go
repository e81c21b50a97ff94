package engine

import (
	"fmt"

	"wend/engine/journey"
)

// running is what shards decide by: a release with the status of its journeys, compiled. It is never changed.
type running struct {
	release uint64 // 0: what the process was started with, for APP.control has none
	program *journey.Program
	name    uint64  // of program and status, for the timer index of views; never 0
	routes  *routes // to every channel of it; nil: to no more than there were
	action  int     // bytes of an action batch that the topics of these take, 0: as before

	deployed *Deployed         // what it is made of, for whoever asks; nil: APP.control has no release
	texts    map[string][]byte // of its files, by their paths
}

// A shard changes over from one release to the next in the unit that obeys the records of APP.control, in which nothing
// else is: everything before it is decided by the former, everything behind it by the next, and its head says how far
// APP.control is obeyed and which release that makes. So a successor needs no former release: whatever the journal holds
// is decided, and what is not in it yet is decided by the release that holds when it is. But it must know what the head
// speaks of before it decides anything. The naive way, to begin with what the process has read of APP.control so far and
// to take the rest as it comes, has a shard fall back behind a change that customers have been through already, when it
// moves to a process that reads more slowly.
//
// Documents change over when Step next sees them, or when the shard goes over all of them (arming.go).

// current says whether the shard knows by what to decide, and all that was asked of it is in a unit.
func (s *shard) current() bool { return s.orders.heard >= 0 && s.orders.heard == s.orders.obeyed }

// learn hears what the process now runs, while the shard is not at work: the view is brought up to date by the newest.
func (s *shard) learn(r *running) {
	switch s.phase {
	case phaseIdle, phaseStandby, phaseClaiming:
		s.running, s.program = r, r.program
	}
}

// behindHead says what is wrong when all that the head speaks of was read of APP.control and another release is there.
func (s *shard) behindHead(r *running) error {
	if r.release >= s.head.Release {
		return nil
	}
	return fmt.Errorf("engine: shard %d: its journal speaks of release %d, but the newest on %s is %d: records were taken away there; deploy again, more than once if need be, until the number is past that",
		s.id, s.head.Release, controlTopic(s.app).Topic, r.release)
}

// changeOver goes on by what was told last, all of which is obeyed. Nothing is open but the unit that says so.
func (s *shard) changeOver() {
	r := s.orders.running
	if r == nil || r == s.running && s.arming.adopted {
		return
	}
	from := s.head.Release
	s.listener.Release(s.id, from, r.release)
	s.running, s.program = r, r.program
	s.head.Release = r.release
	if r.routes != nil {
		s.routes = s.routes.with(r.routes)
		s.openLanes()
	}
	if r.action > 0 && r.action < s.limits.action {
		s.limits.action, s.pub.largest = r.action, r.action
	}
	s.arming.adopt(r, from)
}

// openLanes makes the lanes that this shard will use, so that no first action waits for them.
func (s *shard) openLanes() {
	for _, r := range s.routes.channels {
		if s.id < r.partitions {
			s.pub.lane(r.topic, s.id)
		}
	}
	for _, l := range s.pub.lanes { // in their order: a schedule of the simulation is the same at each run
		s.pub.locate(l)
	}
}

// with gives routes that also lead to the channels that only more has. Those that both have go where they went: see
// reroute.
func (r *routes) with(more *routes) *routes {
	var all *routes
	for channel, to := range more.channels {
		if _, known := r.channels[channel]; known {
			continue
		}
		if all == nil {
			all = &routes{channels: map[string]route{}, deadLetter: r.deadLetter}
			for c, x := range r.channels {
				all.channels[c] = x
			}
		}
		all.channels[channel] = to
	}
	if all == nil {
		return r
	}
	return all
}
