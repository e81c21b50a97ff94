// Package connectors is the seam between the engine and the cluster that it reads from and writes to. What the engine
// asks of a cluster is one interface, Cluster, with two implementations: connectors/kafka, and the tests' simulated broker.
package connectors

import (
	"context"
	"time"
)

// TopicPartition names a partition.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// Position is where to go on reading a partition.
type Position struct {
	TopicPartition
	Offset      int64
	LeaderEpoch int32 // of the leader believed in, -1 unknown
}

// FetchRequest is one long poll on one broker over several partitions.
type FetchRequest struct {
	Broker        int32
	Positions     []Position
	MaxWait       time.Duration // answered at once when a record is there, else after this
	MaxBytes      int32         // of the whole answer
	PartitionMax  int32         // bytes of one partition
	ReadCommitted bool
}

// Fetched is one partition's part of an answer. Batches are whole record batches as the broker sent them, to be read
// with package batch; a last batch that was cut off is not in it. The memory is the receiver's, until Release.
type Fetched struct {
	TopicPartition
	Code          Code
	LogStart      int64
	HighWatermark int64
	LastStable    int64
	Aborted       []AbortedTransaction
	Batches       []byte
	Lease         *Lease // of the memory of Batches; nil: it is the receiver's for good
}

// AbortedTransaction says that what this producer wrote from FirstOffset up to its next control batch is void.
type AbortedTransaction struct {
	ProducerID  int64
	FirstOffset int64
}

// Batch is an encoded record batch for one partition. Whoever gave it must not change Bytes until the answer is there.
type Batch struct {
	TopicPartition
	Bytes []byte
}

// Produced is the answer for one batch. Err is set when there was no answer (timeout, lost connection): then nobody
// knows whether the batch was taken. Otherwise Code says it.
type Produced struct {
	TopicPartition
	Code       Code
	Message    string
	BaseOffset int64
	AppendTime int64 // ms, -1 where the topic stamps with the producer's time
	LogStart   int64
	Err        error
}

// Offsets that ListOffset understands beside a time in milliseconds.
const (
	Latest   int64 = -1
	Earliest int64 = -2

	// LatestStable is the end for who reads committed records: where the first open transaction begins, else Latest.
	LatestStable int64 = -1001
)

// Producer is an id for idempotent producing.
type Producer struct {
	ID    int64
	Epoch int16
}

// Metadata is a cluster as one of its brokers sees it, never from a cache.
type Metadata struct {
	ClusterID string
	Brokers   []Broker
	Topics    []Topic // of those asked for; Code says if one is missing
}

// Broker is one server.
type Broker struct {
	ID   int32
	Host string
	Port int32
}

// Topic is a topic as metadata describes it.
type Topic struct {
	Name       string
	ID         [16]byte // zero where the broker has no topic ids
	Code       Code
	Partitions []Partition // in order of ID
}

// Partition of a topic.
type Partition struct {
	ID          int32
	Code        Code
	Leader      int32 // -1: none
	LeaderEpoch int32
	Replicas    []int32
	InSync      []int32
}

// TopicSpec is a topic to create.
type TopicSpec struct {
	Name        string
	Partitions  int32
	Replication int16 // -1: the broker's default
	Configs     map[string]string
}

// Cluster is what the engine asks of Kafka. All methods may be called from any goroutine; each blocks until the answer
// is there or ctx ends. Errors returned as such mean that there was no usable answer; what a broker refused is a Code
// (which is an error too). Nothing is tried again inside: who asked decides.
type Cluster interface {
	// Metadata asks a broker now. Nil topics: brokers and cluster id only. It also refreshes what the other methods
	// know of leaders.
	Metadata(ctx context.Context, topics ...string) (*Metadata, error)
	// Fetch sends one fetch request to req.Broker.
	Fetch(ctx context.Context, req *FetchRequest) ([]Fetched, error)
	// Produce sends one produce request with acks=all to the broker, which should lead all the partitions. The answer
	// has an entry for each batch, in their order; an error as such is spread over all of them.
	Produce(ctx context.Context, broker int32, batches []Batch, timeout time.Duration) []Produced
	// ListOffset gives the offset of a time, Latest or LatestStable (as the leader knows it: OffsetNotAvailable while a new leader does
	// not) or Earliest, and the leader epoch there.
	ListOffset(ctx context.Context, tp TopicPartition, at int64) (offset int64, leaderEpoch int32, err error)
	// InitProducerID gives the producer id of a transactional id, with the next epoch.
	InitProducerID(ctx context.Context, transactionalID string) (Producer, error)
	// TopicConfigs gives the value of each config of the topics.
	TopicConfigs(ctx context.Context, topics ...string) (map[string]map[string]string, error)
	// CreateTopics creates topics; the error lists every topic that was not, Code TopicAlreadyExists apart.
	CreateTopics(ctx context.Context, specs ...TopicSpec) error
	// CommitOffsets notes the group's next offsets, for lag tools alone. Generation and member may be empty.
	CommitOffsets(ctx context.Context, group string, generation int32, member, instance string, next []Position) error
	// Close ends connections; calls under way fail.
	Close() error
}
