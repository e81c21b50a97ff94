package engine

import (
	"encoding/binary"
	"math"
)

// memberStateVersion leads the bytes. A later version may append fields; readers pass over what they do not know.
// Version 1 had no standbys; its bytes are read as an empty state.
const memberStateVersion = 2

// AppendMemberState encodes s behind dst: the version, then varints (encoding/binary). Kafka keeps what all members of
// a group say in one record of a megabyte at most, so partitions are written as differences, and times as those from
// the latest: a view takes about seven bytes.
func AppendMemberState(dst []byte, s *MemberState) []byte {
	dst = append(dst, memberStateVersion)
	dst = binary.AppendVarint(dst, int64(s.Partitions))
	dst = binary.AppendVarint(dst, int64(s.Generation))
	dst = binary.AppendUvarint(dst, uint64(s.Attempt))
	dst = binary.AppendVarint(dst, int64(s.Standbys))
	dst = appendPartitions(appendPartitions(dst, s.Owned), s.Standby)
	dst = binary.AppendUvarint(dst, uint64(len(s.Views)))
	latest := int64(0)
	for _, v := range s.Views {
		latest = max(latest, v.Whole)
	}
	dst = binary.AppendVarint(dst, latest)
	last := int64(0)
	for _, v := range s.Views {
		dst = binary.AppendVarint(dst, int64(v.Partition)-last)
		dst = binary.AppendVarint(dst, v.Offset)
		dst = binary.AppendVarint(dst, latest-v.Whole)
		last = int64(v.Partition)
	}
	return dst
}

func appendPartitions(dst []byte, list []int32) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(list)))
	last := int64(0)
	for _, p := range list {
		dst = binary.AppendVarint(dst, int64(p)-last)
		last = int64(p)
	}
	return dst
}

// DecodeMemberState decodes what AppendMemberState wrote, by this version or a later one; false if b is no such thing,
// then the state is empty.
func DecodeMemberState(b []byte) (MemberState, bool) {
	if len(b) == 0 || b[0] < memberStateVersion {
		return MemberState{}, false
	}
	r := varints{b: b[1:], ok: true}
	s := MemberState{Partitions: r.int32(), Generation: r.int32(), Attempt: uint32(r.uint(math.MaxUint32)), Standbys: r.int32()}
	s.Owned, s.Standby = r.partitions(), r.partitions()
	// Each entry takes three bytes at least, so a count above what is left is none: garbage cannot make us allocate.
	n := r.uint(uint64(len(r.b)) / 3)
	latest := r.int()
	if n > 0 {
		s.Views = make([]View, n)
		last := int32(0)
		for i := range s.Views {
			last = r.after(last)
			s.Views[i] = View{Partition: last, Offset: r.int(), Whole: latest - r.int()}
		}
	}
	if !r.ok {
		return MemberState{}, false
	}
	return s, true
}

// varints reads varints until one is not there or out of its range; from then on it gives zeros.
type varints struct {
	b  []byte
	ok bool
}

func (r *varints) int() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.b, r.ok = nil, false
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *varints) int32() int32 {
	v := r.int()
	if v != int64(int32(v)) {
		r.b, r.ok = nil, false
		return 0
	}
	return int32(v)
}

// after reads a partition that is written as the difference from another.
func (r *varints) after(last int32) int32 {
	d := r.int()
	p := int64(last) + d
	if p != int64(int32(p)) || d > math.MaxUint32 || d < -math.MaxUint32 {
		r.b, r.ok = nil, false
		return 0
	}
	return int32(p)
}

// partitions reads a list of them, nil when it is empty.
func (r *varints) partitions() []int32 {
	n := r.uint(uint64(len(r.b)))
	if n == 0 {
		return nil
	}
	list, last := make([]int32, n), int32(0)
	for i := range list {
		last = r.after(last)
		list[i] = last
	}
	return list
}

func (r *varints) uint(most uint64) uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > most {
		r.b, r.ok = nil, false
		return 0
	}
	r.b = r.b[n:]
	return v
}
