package connectors

import (
	"errors"
	"strings"
	"testing"
)

func TestDenied(t *testing.T) {
	f := Fetched{TopicPartition: TopicPartition{Topic: "events"}, Code: TopicAuthorizationFailed}
	err := f.Problem()
	if !errors.Is(err, TopicAuthorizationFailed) || Classify(err) != Refused {
		t.Errorf("%v is not its code", err)
	}
	for _, want := range []string{"TOPIC_AUTHORIZATION_FAILED (29)", "Read topic events", "kafka-acls --add --operation Read --topic 'events'"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	if err := Denied(NotLeader, "Write", TopicResource, "t"); err.Error() != NotLeader.Error() || !errors.Is(err, NotLeader) {
		t.Errorf("another code became %v", err)
	}
	f.Code = OK
	if f.Problem() != nil {
		t.Error("a problem without a code")
	}
}
