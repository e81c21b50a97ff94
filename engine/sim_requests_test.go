package engine

import (
	"fmt"
	"slices"

	"wend/connectors"
	"wend/connectors/batch"
)

// simRequest is something that a broker is to carry out.
type simRequest struct {
	owner *simOwner // nil: nobody hears of it
	what  string    // for the trace; "": nothing there
	do    func() simReply
}

// simReply is what an owner hears of a request.
type simReply struct {
	call func()

	produced func(connectors.Produced) // instead of call
	result   connectors.Produced
}

func (a *simReply) hear() {
	if a.produced != nil {
		a.produced(a.result)
		return
	}
	a.call()
}

// request has the broker carry something out some time, and the owner hear of it some time, if it can.
func (s *sim) request(o *simOwner, what string, do func() simReply) {
	if o.calls == 0 { // it dies in this pass, before this call
		return
	}
	o.calls--
	s.requests = append(s.requests, simRequest{o, what, do})
}

// carry has one of the requests carried out.
func (s *sim) carry(from *[]simRequest, i int) {
	r := (*from)[i]
	*from = slices.Delete(*from, i, i+1)
	answer := r.do()
	if s.tracing && r.what != "" {
		s.note("broker: %s of %s", r.what, r.owner.name)
	}
	if r.owner != nil && r.owner.alive {
		r.owner.answers = append(r.owner.answers, answer)
	}
}

// Faults of a produce request.
const (
	producedWell = iota
	producedLost
	producedAnswerLost
	producedLate
	producedNotLeader
	producedFewReplicas
	producedKinds
)

func (s *sim) produce(o *simOwner, what string, tp connectors.TopicPartition, raw []byte, done func(connectors.Produced)) {
	own := s.memory.copy(raw)
	lost := func() simReply {
		return simReply{produced: done, result: connectors.Produced{TopicPartition: tp, Err: errLostAnswer}}
	}
	refused := func(c connectors.Code) simReply {
		return simReply{produced: done, result: connectors.Produced{TopicPartition: tp, Code: c, BaseOffset: -1}}
	}
	switch s.pick(s.plan.produced[:]) {
	case producedLost: // on the way; the owner hears of a broken connection
		s.tally[sawRequestLost]++
		s.request(o, s.traced(what, " (lost)"), lost)
	case producedAnswerLost: // it is carried out
		s.tally[sawAnswerLost]++
		s.request(o, s.traced("answer lost: ", what), func() simReply {
			s.take(o, what, tp, own)
			return lost()
		})
	case producedLate: // the connection breaks; the request lingers and is carried out late
		s.tally[sawLate]++
		s.request(o, s.traced(what, " (late)"), lost)
		s.adrift = append(s.adrift, simRequest{do: func() simReply {
			if !o.alive {
				s.tally[sawLateDead]++
			}
			s.take(o, what, tp, own)
			return simReply{}
		}})
	case producedNotLeader: // a leader that steps down says so of what it has written
		s.tally[sawNotLeader]++
		s.request(o, s.traced("NOT_LEADER: ", what), func() simReply {
			s.take(o, what, tp, own)
			return refused(connectors.NotLeader)
		})
	case producedFewReplicas:
		s.tally[sawFewReplicas]++
		s.request(o, s.traced("NOT_ENOUGH_REPLICAS: ", what), func() simReply { return refused(connectors.NotEnoughReplicas) })
	default:
		s.request(o, "", func() simReply {
			return simReply{produced: done, result: s.take(o, what, tp, own)}
		})
	}
}

// take has the broker take a batch.
func (s *sim) take(o *simOwner, what string, tp connectors.TopicPartition, raw []byte) connectors.Produced {
	r := s.broker.produce(tp, raw)
	s.produced(o, what, tp, raw, r)
	return r
}

// traced is a text of two parts, made for the trace alone.
func (s *sim) traced(a, b string) string {
	if !s.tracing {
		return ""
	}
	return a + b
}

// produced looks at what the broker made of a batch.
func (s *sim) produced(o *simOwner, what string, tp connectors.TopicPartition, raw []byte, r connectors.Produced) {
	if s.tracing {
		if in, err := batch.ReadInfo(raw); tp == s.journal && err == nil {
			what += fmt.Sprintf(" (id %d, epoch %d, sequence %d)", in.ProducerID, in.ProducerEpoch, in.BaseSequence)
		} else {
			what += " " + s.show(raw)
		}
		s.note("broker: %s of %s to %s/%d: %v at %d", what, o.name, tp.Topic, tp.Partition, r.Code, r.BaseOffset)
	}
	former := s.owner != nil && s.owner != o
	saw := func(k simSeen) { s.tally[k]++ }
	switch {
	case r.Code == connectors.MessageTooLarge:
		saw(sawSplit)
	case tp == s.journal && r.Code == connectors.InvalidProducerEpoch:
		saw(sawFenced)
	case tp == s.journal && r.Code != connectors.OK:
		saw(sawDisorder)
	case tp == s.journal && s.broker.known:
		saw(sawKnown)
	case tp == s.journal:
		if in, err := batch.ReadInfo(raw); err == nil && in.ProducerEpoch == closeEpoch {
			saw(sawClosedID)
		}
	case !former:
	case r.Code != connectors.OK:
		saw(sawZombieRefused)
	case s.broker.known:
		saw(sawZombieKnown)
	default:
		saw(sawZombieAccepted)
	}
}

// lossy makes a question whose answer may be lost.
func lossy[A any](s *sim, o *simOwner, what string, done func(A, error), ask func() (A, error)) {
	if s.chance(s.plan.faults[faultRead]) {
		s.tally[sawReadLost]++
		s.request(o, s.traced(what, " (lost)"), func() simReply {
			return simReply{call: func() {
				var none A
				done(none, errLostAnswer)
			}}
		})
		return
	}
	s.request(o, what, func() simReply {
		a, err := ask()
		return simReply{call: func() { done(a, err) }}
	})
}
