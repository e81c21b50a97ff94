package connectors

import "fmt"

// Code is a Kafka error code: what a broker answered.
type Code int16

// The codes that the engine tells apart. https://kafka.apache.org/protocol#protocol_error_codes
const (
	OK                                 Code = 0
	UnknownServerError                 Code = -1
	OffsetOutOfRange                   Code = 1
	CorruptMessage                     Code = 2
	UnknownTopicOrPartition            Code = 3
	LeaderNotAvailable                 Code = 5
	NotLeader                          Code = 6
	RequestTimedOut                    Code = 7
	MessageTooLarge                    Code = 10
	CoordinatorLoadInProgress          Code = 14
	CoordinatorNotAvailable            Code = 15
	NotCoordinator                     Code = 16
	InvalidTopic                       Code = 17
	RecordListTooLarge                 Code = 18
	NotEnoughReplicas                  Code = 19
	NotEnoughReplicasAfterAppend       Code = 20
	IllegalGeneration                  Code = 22
	UnknownMemberID                    Code = 25
	InvalidSessionTimeout              Code = 26
	RebalanceInProgress                Code = 27
	TopicAuthorizationFailed           Code = 29
	GroupAuthorizationFailed           Code = 30
	ClusterAuthorizationFailed         Code = 31
	InvalidTimestamp                   Code = 32
	TopicAlreadyExists                 Code = 36
	PolicyViolation                    Code = 44
	OutOfOrderSequence                 Code = 45
	DuplicateSequence                  Code = 46
	InvalidProducerEpoch               Code = 47
	InvalidProducerIDMapping           Code = 49
	ConcurrentTransactions             Code = 51
	TransactionalIDAuthorizationFailed Code = 53
	KafkaStorageError                  Code = 56
	UnknownProducerID                  Code = 59
	FencedLeaderEpoch                  Code = 74
	UnknownLeaderEpoch                 Code = 75
	OffsetNotAvailable                 Code = 78
	MemberIDRequired                   Code = 79
	FencedInstanceID                   Code = 82
	InvalidRecord                      Code = 87
	ProducerFenced                     Code = 90
	UnknownTopicID                     Code = 100
	InconsistentTopicID                Code = 103
)

func (c Code) Error() string { return fmt.Sprintf("kafka error %d", int16(c)) }
