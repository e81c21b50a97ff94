package connectors

import (
	"errors"
	"fmt"
)

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
	BrokerNotAvailable                 Code = 8
	MessageTooLarge                    Code = 10
	NetworkException                   Code = 13
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
	UnsupportedSASLMechanism           Code = 33
	UnsupportedVersion                 Code = 35
	TopicAlreadyExists                 Code = 36
	InvalidPartitions                  Code = 37
	InvalidReplicationFactor           Code = 38
	InvalidConfig                      Code = 40
	NotController                      Code = 41
	InvalidRequest                     Code = 42
	PolicyViolation                    Code = 44
	OutOfOrderSequence                 Code = 45
	DuplicateSequence                  Code = 46
	InvalidProducerEpoch               Code = 47
	InvalidProducerIDMapping           Code = 49
	ConcurrentTransactions             Code = 51
	TransactionalIDAuthorizationFailed Code = 53
	KafkaStorageError                  Code = 56
	SASLAuthenticationFailed           Code = 58
	UnknownProducerID                  Code = 59
	FencedLeaderEpoch                  Code = 74
	UnknownLeaderEpoch                 Code = 75
	OffsetNotAvailable                 Code = 78
	MemberIDRequired                   Code = 79
	FencedInstanceID                   Code = 82
	InvalidRecord                      Code = 87
	ThrottlingQuotaExceeded            Code = 89
	ProducerFenced                     Code = 90
	UnknownTopicID                     Code = 100
	InconsistentTopicID                Code = 103
)

// Error gives Kafka's own name and the number, "NOT_LEADER_OR_FOLLOWER (6)": what an operator looks up.
func (c Code) Error() string {
	if name := c.name(); name != "" {
		return fmt.Sprintf("%s (%d)", name, int16(c))
	}
	return fmt.Sprintf("kafka error %d", int16(c))
}

// Class is what an error asks of whoever gets it.
type Class uint8

const (
	// Done: no error.
	Done Class = iota
	// Retry: nothing was done, because of a state that passes: leadership or a coordinator moves, replicas are missing.
	// Ask Metadata, wait, ask again.
	Retry
	// Ambiguous: nobody knows whether it was done (no answer, or an answer that does not say). Look before trying again.
	Ambiguous
	// Fenced: another one has taken this one's place. Stop at once.
	Fenced
	// Refused: asked again unchanged it is refused again: access, an unknown topic, a size, a malformed request.
	Refused
)

func (c Class) String() string {
	switch c {
	case Done:
		return "done"
	case Retry:
		return "retry"
	case Ambiguous:
		return "ambiguous"
	case Fenced:
		return "fenced"
	}
	return "refused"
}

// Class of the code as the answer to anything but a produce request (Produced.Class).
func (c Code) Class() Class {
	switch c {
	case OK:
		return Done
	case LeaderNotAvailable, NotLeader, BrokerNotAvailable, FencedLeaderEpoch, UnknownLeaderEpoch, OffsetNotAvailable,
		CoordinatorLoadInProgress, CoordinatorNotAvailable, NotCoordinator, NotController, RebalanceInProgress,
		ConcurrentTransactions, NotEnoughReplicas, KafkaStorageError, ThrottlingQuotaExceeded, MemberIDRequired:
		return Retry
	case UnknownServerError, RequestTimedOut, NetworkException, NotEnoughReplicasAfterAppend, OutOfOrderSequence,
		DuplicateSequence, UnknownProducerID:
		return Ambiguous
	case InvalidProducerEpoch, ProducerFenced, FencedInstanceID, IllegalGeneration, UnknownMemberID:
		return Fenced
	}
	return Refused
}

// Class of a produce answer. What is not surely a definite no is Ambiguous, also a code that nobody knows: a look costs
// little, a second copy is what must never be written. So a broker that stops leading while a batch waits for its replicas
// answers NOT_LEADER (or that it no longer knows the partition, or its disk), although the batch is in its log and may
// survive the change: what a refused fetch makes a mere retry is ambiguous here (kafka.server.DelayedProduce, cases A and B).
func (p *Produced) Class() Class {
	if p.Err != nil {
		return Classify(p.Err)
	}
	switch p.Code {
	case OK:
		return Done
	case LeaderNotAvailable, NotEnoughReplicas, FencedLeaderEpoch, UnknownLeaderEpoch:
		return Retry
	case InvalidProducerEpoch, ProducerFenced:
		return Fenced
	case MessageTooLarge, RecordListTooLarge, InvalidTopic, TopicAuthorizationFailed, ClusterAuthorizationFailed,
		PolicyViolation, InvalidTimestamp, InvalidRecord, CorruptMessage:
		return Refused
	}
	return Ambiguous
}

// Classify an error that a Cluster gave: by the Code in it, and without one Ambiguous, for then no answer came.
func Classify(err error) Class {
	if err == nil {
		return Done
	}
	var code Code
	if errors.As(err, &code) {
		return code.Class()
	}
	return Ambiguous
}

func (c Code) name() string {
	switch c {
	case OK:
		return "NONE"
	case UnknownServerError:
		return "UNKNOWN_SERVER_ERROR"
	case OffsetOutOfRange:
		return "OFFSET_OUT_OF_RANGE"
	case CorruptMessage:
		return "CORRUPT_MESSAGE"
	case UnknownTopicOrPartition:
		return "UNKNOWN_TOPIC_OR_PARTITION"
	case LeaderNotAvailable:
		return "LEADER_NOT_AVAILABLE"
	case NotLeader:
		return "NOT_LEADER_OR_FOLLOWER"
	case RequestTimedOut:
		return "REQUEST_TIMED_OUT"
	case BrokerNotAvailable:
		return "BROKER_NOT_AVAILABLE"
	case MessageTooLarge:
		return "MESSAGE_TOO_LARGE"
	case NetworkException:
		return "NETWORK_EXCEPTION"
	case CoordinatorLoadInProgress:
		return "COORDINATOR_LOAD_IN_PROGRESS"
	case CoordinatorNotAvailable:
		return "COORDINATOR_NOT_AVAILABLE"
	case NotCoordinator:
		return "NOT_COORDINATOR"
	case InvalidTopic:
		return "INVALID_TOPIC_EXCEPTION"
	case RecordListTooLarge:
		return "RECORD_LIST_TOO_LARGE"
	case NotEnoughReplicas:
		return "NOT_ENOUGH_REPLICAS"
	case NotEnoughReplicasAfterAppend:
		return "NOT_ENOUGH_REPLICAS_AFTER_APPEND"
	case IllegalGeneration:
		return "ILLEGAL_GENERATION"
	case UnknownMemberID:
		return "UNKNOWN_MEMBER_ID"
	case InvalidSessionTimeout:
		return "INVALID_SESSION_TIMEOUT"
	case RebalanceInProgress:
		return "REBALANCE_IN_PROGRESS"
	case TopicAuthorizationFailed:
		return "TOPIC_AUTHORIZATION_FAILED"
	case GroupAuthorizationFailed:
		return "GROUP_AUTHORIZATION_FAILED"
	case ClusterAuthorizationFailed:
		return "CLUSTER_AUTHORIZATION_FAILED"
	case InvalidTimestamp:
		return "INVALID_TIMESTAMP"
	case UnsupportedSASLMechanism:
		return "UNSUPPORTED_SASL_MECHANISM"
	case UnsupportedVersion:
		return "UNSUPPORTED_VERSION"
	case TopicAlreadyExists:
		return "TOPIC_ALREADY_EXISTS"
	case InvalidPartitions:
		return "INVALID_PARTITIONS"
	case InvalidReplicationFactor:
		return "INVALID_REPLICATION_FACTOR"
	case InvalidConfig:
		return "INVALID_CONFIG"
	case NotController:
		return "NOT_CONTROLLER"
	case InvalidRequest:
		return "INVALID_REQUEST"
	case PolicyViolation:
		return "POLICY_VIOLATION"
	case OutOfOrderSequence:
		return "OUT_OF_ORDER_SEQUENCE_NUMBER"
	case DuplicateSequence:
		return "DUPLICATE_SEQUENCE_NUMBER"
	case InvalidProducerEpoch:
		return "INVALID_PRODUCER_EPOCH"
	case InvalidProducerIDMapping:
		return "INVALID_PRODUCER_ID_MAPPING"
	case ConcurrentTransactions:
		return "CONCURRENT_TRANSACTIONS"
	case TransactionalIDAuthorizationFailed:
		return "TRANSACTIONAL_ID_AUTHORIZATION_FAILED"
	case KafkaStorageError:
		return "KAFKA_STORAGE_ERROR"
	case SASLAuthenticationFailed:
		return "SASL_AUTHENTICATION_FAILED"
	case UnknownProducerID:
		return "UNKNOWN_PRODUCER_ID"
	case FencedLeaderEpoch:
		return "FENCED_LEADER_EPOCH"
	case UnknownLeaderEpoch:
		return "UNKNOWN_LEADER_EPOCH"
	case OffsetNotAvailable:
		return "OFFSET_NOT_AVAILABLE"
	case MemberIDRequired:
		return "MEMBER_ID_REQUIRED"
	case FencedInstanceID:
		return "FENCED_INSTANCE_ID"
	case InvalidRecord:
		return "INVALID_RECORD"
	case ThrottlingQuotaExceeded:
		return "THROTTLING_QUOTA_EXCEEDED"
	case ProducerFenced:
		return "PRODUCER_FENCED"
	case UnknownTopicID:
		return "UNKNOWN_TOPIC_ID"
	case InconsistentTopicID:
		return "INCONSISTENT_TOPIC_ID"
	}
	return ""
}
