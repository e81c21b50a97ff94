package engine

import (
	"time"

	"wend/connectors"
)

// env is all that a shard and its publisher ask of the world. Every call returns at once; its answer comes later, on
// the shard's own goroutine, through done. So the state machines block on nothing, and a simulation can hold back,
// lose or reorder whatever it likes. Bytes that are given away must stay as they are until done was called.
type env struct {
	// append sends the batch to the shard's journal partition.
	append func(bytes []byte, done func(connectors.Produced))
	// publish sends the batch to an action partition.
	publish func(tp connectors.TopicPartition, bytes []byte, done func(connectors.Produced))
	// read gives one chunk of a partition from an offset on, read uncommitted. It does not wait for records: what is
	// asked for is known to be there.
	read func(tp connectors.TopicPartition, from int64, done func(connectors.Fetched, error))
	// offset is Cluster.ListOffset.
	offset func(tp connectors.TopicPartition, at int64, done func(int64, error))
	// check gives the end of the source for committed records as the leader, and nobody else, knows it at a moment after the
	// call: a follower answers fetches too, and may not know of what lies there.
	check func(done func(int64, error))
	// producer is Cluster.InitProducerID.
	producer func(transactionalID string, done func(connectors.Producer, error))
	// fetchFrom says from where records of the source are wanted, one answer after another; a negative offset: none.
	// Answers to an earlier call may still come. Who delivers has added the bytes to the shard's backlog, and says of a
	// moment that the partition's leader gave the answer after it.
	fetchFrom func(offset int64, leaderEpoch int32, deliver func(f connectors.Fetched, asked time.Time))
	// tail is fetchFrom for the shard's journal, for a standby.
	tail func(offset int64, deliver func(connectors.Fetched))
	// controlFrom has the shard told of the commands of APP.control from an offset on, first of all that are there; a
	// negative offset ends it. Answers to an earlier call may still come.
	controlFrom func(offset int64, deliver func(commands))

	// dropped says that the shard is no longer ours and holds nothing; begin may be called again after a heartbeat
	// that was sent later than this.
	dropped func(reason string)
	// failed says that the shard stopped and what to do; nothing more will come of it.
	failed func(err error)
	// ready says that the shard works.
	ready func()
}

// backoff is how long to wait before the nth try in a row, n from 1: 50 ms doubling to 5 s.
func backoff(n int) time.Duration {
	const least, most = 50 * time.Millisecond, 5 * time.Second
	if n > 7 {
		return most
	}
	return min(most, least<<(n-1))
}
