package engine

import (
	"fmt"

	"wend/connectors"
)

// routes says where actions and dead letters go. It is made once, from the program and the topics as they are, and is
// read by all shards.
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
