package schemas

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"
	"testing/quick"

	"github.com/vmihailenco/msgpack/v5"
)

func TestHeadRoundTrip(t *testing.T) {
	h := &Head{Unit: 7, Clock: NoTime, ClusterID: "c", SourceID: [16]byte{1}, Sources: []SourcePosition{{Topic: "events", Offset: 1 << 40, LeaderEpoch: -1}},
		ActionProducerID: 4000, ActionProducerEpoch: 3, Outbox: []OutboxPosition{{Topic: "actions.push", Partition: 3, Next: 1 << 33, Acked: 5, LookFrom: 9, ProducerID: 5000, ProducerEpoch: 1}},
		Armed: 1 << 63, Moments: []MomentSince{{Journey: "birthday", Trigger: "exit[0]", Spec: 1 << 31, Since: NoTime}}, Arming: true, ArmedThrough: "kim", Release: 12}
	b := h.Append(nil)
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

// The library reads what is written here, and what it writes is read here: also nil for empty lists, and numbers as wide as
// their types, as earlier releases wrote them.
func TestHeadAgainstLibrary(t *testing.T) {
	heads := func(h Head) bool {
		for i := range h.Outbox {
			h.Outbox[i].Partition &= 1<<31 - 1
		}
		if h.Arming {
			h.Moments = nil
		}
		return agree(t, &h, DecodeHead)
	}
	claims := func(c Claim) bool { return agree(t, &c, DecodeClaim) }
	for _, f := range []any{heads, claims} {
		if err := quick.Check(f, nil); err != nil {
			t.Error(err)
		}
	}
}

func agree[T interface{ Append([]byte) []byte }](t *testing.T, v T, decode func([]byte) (T, error)) bool {
	var theirs bytes.Buffer
	theirs.WriteByte(HeadFormat)
	enc := msgpack.NewEncoder(&theirs)
	enc.UseArrayEncodedStructs(true)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	read := reflect.New(reflect.TypeOf(v).Elem())
	if err := msgpack.Unmarshal(v.Append(nil)[1:], read.Interface()); err != nil {
		t.Fatal(err)
	}
	for _, b := range [][]byte{theirs.Bytes(), read.Interface().(T).Append(nil)} {
		got, err := decode(b)
		if err != nil || !bytes.Equal(got.Append(nil), v.Append(nil)) {
			t.Logf("%x gives %+v, %v", b, got, err)
			return false
		}
	}
	return true
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
	b := c.Append(nil)
	if got, err := DecodeClaim(b); err != nil || *got != *c {
		t.Fatalf("got %+v, %v", got, err)
	}
}
