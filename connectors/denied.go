package connectors

import "fmt"

// Resource is a kind of thing that a broker keeps rights on, as kafka-acls names its flag.
type Resource string

// The resources that are asked for.
const (
	TopicResource         Resource = "topic"
	GroupResource         Resource = "group"
	TransactionalResource Resource = "transactional-id"
)

// Denied is the error for a code that a broker gave when it was asked for an operation (Read, Write, Describe, Create,
// DescribeConfigs) on a resource. Where the code says that a right is missing, the error names the right and how to
// grant it; otherwise it is the code. Either way errors.Is finds the code.
func Denied(code Code, operation string, of Resource, name string) error {
	switch code {
	case TopicAuthorizationFailed, GroupAuthorizationFailed, TransactionalIDAuthorizationFailed, ClusterAuthorizationFailed:
		return fmt.Errorf("%w: %s", code, MissingRight(operation, of, name))
	}
	return code
}

// MissingRight says what Denied says beside the code.
func MissingRight(operation string, of Resource, name string) string {
	return fmt.Sprintf("no right to %s %s %s: grant it to this user (kafka-acls --add --operation %s --%s '%s')", operation, of, name, operation, of, name)
}

// Problem is what kept a partition out of the answer, nil where nothing did.
func (f *Fetched) Problem() error {
	if f.Code == OK {
		return nil
	}
	return Denied(f.Code, "Read", TopicResource, f.Topic)
}
