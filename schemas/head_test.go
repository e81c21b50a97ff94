package schemas

import (
	"errors"
	"reflect"
	"slices"
	"testing"
)

func TestHeadRoundTrip(t *testing.T) {
	h := &Head{Unit: 7, Clock: NoTime, ClusterID: "c", SourceID: [16]byte{1}, Sources: []SourcePosition{{Topic: "events", Offset: 1 << 40, LeaderEpoch: -1}},
		ActionProducerID: 4000, ActionProducerEpoch: 3, Outbox: []OutboxPosition{{Topic: "actions.push", Partition: 3, Next: 1 << 33, Acked: 5, LookFrom: 9, ProducerID: 5000, ProducerEpoch: 1}},
		Armed: 1 << 63, Moments: []MomentSince{{Journey: "birthday", Trigger: "exit[0]", Spec: 1 << 31, Since: NoTime}}, Arming: true, ArmedThrough: "kim", Release: 12}
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

// What format 1 was, byte for byte: unit 7, one source, one outbox position.
func TestHeadOfFormat1(t *testing.T) {
	b := slices.Concat([]byte{1, 0x9b, 7, 0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0, 0xa1, 'c', 0xc4, 16}, make([]byte, 16), []byte{0xc4, 16}, make([]byte, 16),
		[]byte{0x91, 0x93, 0xa6}, []byte("events"), []byte{9, 0xff, 0, 0xcd, 0x0f, 0xa0, 3, 0x91, 0x95, 0xa1, 'a', 2, 6, 5, 4, 0})
	got, err := DecodeHead(b)
	want := &Head{Unit: 7, Clock: NoTime, ClusterID: "c", Sources: []SourcePosition{{Topic: "events", Offset: 9, LeaderEpoch: -1}}, ActionProducerID: 4000, ActionProducerEpoch: 3,
		Outbox: []OutboxPosition{{Topic: "a", Partition: 2, Next: 6, Acked: 5, LookFrom: 4}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v, %v", got, err)
	}
}

// What format 2 was, byte for byte: unit 7, one source, one outbox position.
func TestHeadOfFormat2(t *testing.T) {
	b := slices.Concat([]byte{2, 0x9c, 7, 0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0, 0xa1, 'c', 0xc4, 16}, make([]byte, 16), []byte{0xc4, 16}, make([]byte, 16),
		[]byte{0x91, 0x93, 0xa6}, []byte("events"), []byte{9, 0xff, 3, 0xcd, 0x0f, 0xa0, 3, 0x91, 0x97, 0xa1, 'a', 2, 6, 5, 4, 8, 1, 0, 2})
	got, err := DecodeHead(b)
	want := &Head{Unit: 7, Clock: NoTime, ClusterID: "c", Sources: []SourcePosition{{Topic: "events", Offset: 9, LeaderEpoch: -1}}, Control: 3, ActionProducerID: 4000, ActionProducerEpoch: 3,
		Outbox: []OutboxPosition{{Topic: "a", Partition: 2, Next: 6, Acked: 5, LookFrom: 4, ProducerID: 8, ProducerEpoch: 1}}, Erased: 2}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v, %v", got, err)
	}
}

// What format 3 was, byte for byte: unit 7, one source, one outbox position, one moment.
func TestHeadOfFormat3(t *testing.T) {
	b := slices.Concat([]byte{3, 0xdc, 0, 16, 7, 0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0, 0xa1, 'c', 0xc4, 16}, make([]byte, 16), []byte{0xc4, 16}, make([]byte, 16),
		[]byte{0x91, 0x93, 0xa6}, []byte("events"), []byte{9, 0xff, 3, 0xcd, 0x0f, 0xa0, 3, 0x91, 0x97, 0xa1, 'a', 2, 6, 5, 4, 8, 1, 0, 2,
			11, 0x91, 0x94, 0xa1, 'j', 0xa4}, []byte("goal"), []byte{12, 13, 0xc3, 0xa3}, []byte("kim"))
	got, err := DecodeHead(b)
	want := &Head{Unit: 7, Clock: NoTime, ClusterID: "c", Sources: []SourcePosition{{Topic: "events", Offset: 9, LeaderEpoch: -1}}, Control: 3, ActionProducerID: 4000, ActionProducerEpoch: 3,
		Outbox: []OutboxPosition{{Topic: "a", Partition: 2, Next: 6, Acked: 5, LookFrom: 4, ProducerID: 8, ProducerEpoch: 1}}, Erased: 2,
		Armed: 11, Moments: []MomentSince{{Journey: "j", Trigger: "goal", Spec: 12, Since: 13}}, Arming: true, ArmedThrough: "kim"}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v, %v", got, err)
	}
}

func TestClaimRoundTrip(t *testing.T) {
	c := &Claim{Owner: "wend-1", Nonce: [16]byte{9, 8}, Epoch: 12, First: 1 << 40}
	b, err := c.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := DecodeClaim(b); err != nil || *got != *c {
		t.Fatalf("got %+v, %v", got, err)
	}
}
