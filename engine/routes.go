package engine

import (
	"errors"
	"fmt"
	"io"

	"wend/connectors"
	"wend/connectors/batch"
)

// routes says where actions and dead letters go. It is made from the program and the topics as they are, is never
// changed, and is read by all shards.
//
// A topic may get more partitions, and then a customer's actions go to another one. Were a shard to follow at once, the
// next action could be on the topic before one that is still owed to the former partition: so a shard takes up new
// routes only when it owes nothing (rule 12). It takes in nothing more until then, which is as long as a publish takes;
// but while one of its lanes is in trouble it goes on by the former routes. A new owner cannot know by which routes its
// predecessor went: whether what is owed lies where it would send it today, it sees from the customers in it.
type routes struct {
	channels   map[string]route
	deadLetter route
}

type route struct {
	topic      string
	partitions int32
}

// lane gives the lane of a customer's actions on a channel: the partition that Kafka's own clients would choose for the
// customer as key.
func (r *routes) lane(p *publisher, channel, customer string) (*lane, error) {
	to, ok := r.channels[channel]
	if !ok {
		return nil, fmt.Errorf("engine: no topic for channel %q", channel) // New made one for each channel of the program
	}
	return p.lane(to.topic, connectors.Murmur2Partition([]byte(customer), to.partitions)), nil
}

// deadLetterLane gives the lane of the shard's dead letters: any partition will do, one for all keeps them in order.
func (r *routes) deadLetterLane(p *publisher, shard int32) *lane {
	return p.lane(r.deadLetter.topic, shard%r.deadLetter.partitions)
}

// elsewhere says whether a batch owed to a partition has an action of a customer whose next one goes to another.
func (r *routes) elsewhere(tp connectors.TopicPartition, raw []byte) (bool, error) {
	partitions := int32(0)
	for _, to := range r.channels {
		if to.topic == tp.Topic {
			partitions = to.partitions
		}
	}
	if partitions == 0 { // dead letters, or a channel that no journey sends on any more: nothing follows
		return false, nil
	}
	var b batch.Reader
	b.Reset(raw, 0, nil)
	for {
		rec, err := b.Next()
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("engine: read what is owed to %s/%d: %w", tp.Topic, tp.Partition, err)
		}
		if connectors.Murmur2Partition(rec.Key, partitions) != tp.Partition {
			return true, nil
		}
	}
}

// reroute tells the shard that topics have got more partitions.
func (s *shard) reroute(r *routes) { s.rerouted = r }

// adopt takes up new routes if nothing is owed by the former, and notes whether nothing may be decided until it is paid.
func (s *shard) adopt() {
	switch s.phase {
	case phaseFirst, phaseRunning, phaseStopping:
	default: // nothing is decided here; what a former owner owes is looked at when it is taken over
		s.moving = false
		if s.rerouted != nil {
			s.routes, s.rerouted = s.rerouted.with(s.routes), nil
		}
		return
	}
	if s.rerouted != nil && len(s.open.actions) == 0 && (s.flying == nil || len(s.flying.actions) == 0) && s.pub.paid() {
		s.routes, s.rerouted = s.rerouted.with(s.routes), nil
	}
	s.moving = s.pub.elsewhere() || s.rerouted != nil && s.pub.untroubled()
}

// elsewhere says whether something is owed to a partition that its customers' next actions do not go to.
func (p *publisher) elsewhere() bool {
	for _, l := range p.lanes {
		if l.elsewhere && l.state != laneStopped && len(l.queue) > 0 {
			return true
		}
	}
	return false
}

// untroubled says whether every lane that owes something is about to pay it.
func (p *publisher) untroubled() bool {
	for _, l := range p.lanes {
		if l.tries > 0 && l.state != laneStopped && len(l.queue) > 0 {
			return false
		}
	}
	return true
}
