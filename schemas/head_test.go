package schemas

import (
	"errors"
	"reflect"
	"testing"
)

func TestHeadRoundTrip(t *testing.T) {
	h := &Head{Unit: 7, Clock: NoTime, ClusterID: "c", SourceID: [16]byte{1}, Sources: []SourcePosition{{Topic: "events", Offset: 1 << 40, LeaderEpoch: -1}},
		ActionProducerID: 4000, ActionProducerEpoch: 3, Outbox: []OutboxPosition{{Topic: "actions.push", Partition: 3, Next: 1 << 33, Acked: 5, LookFrom: 9}}}
	b, err := h.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeHead(b)
	if err != nil || !reflect.DeepEqual(got, h) {
		t.Fatalf("got %+v, %v", got, err)
	}
	for n := range b {
		if _, err := DecodeHead(b[:n]); err == nil {
			t.Errorf("a head cut at %d is accepted", n)
		}
	}
	b[0] = HeadFormat + 1
	var unknown *UnknownFormatError
	if _, err := DecodeHead(b); !errors.As(err, &unknown) {
		t.Errorf("a newer format gives %v", err)
	}
}

func TestClaimRoundTrip(t *testing.T) {
	c := &Claim{Owner: "wend-1", Nonce: [16]byte{9, 8}, Epoch: 12}
	b, err := c.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := DecodeClaim(b); err != nil || *got != *c {
		t.Fatalf("got %+v, %v", got, err)
	}
}
