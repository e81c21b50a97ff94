package engine

import (
	"encoding/binary"
	"math"
)

// memberStateVersion leads the bytes. A later version may append fields; readers pass over what they do not know.
const memberStateVersion = 1

// AppendMemberState encodes s behind dst: the version, then varints (encoding/binary).
func AppendMemberState(dst []byte, s *MemberState) []byte {
	dst = append(dst, memberStateVersion)
	dst = binary.AppendVarint(dst, int64(s.Partitions))
	dst = binary.AppendVarint(dst, int64(s.Generation))
	dst = binary.AppendUvarint(dst, uint64(s.Attempt))
	dst = binary.AppendUvarint(dst, uint64(len(s.Owned)))
	for _, p := range s.Owned {
		dst = binary.AppendVarint(dst, int64(p))
	}
	dst = binary.AppendUvarint(dst, uint64(len(s.Views)))
	for _, v := range s.Views {
		dst = binary.AppendVarint(dst, int64(v.Partition))
		dst = binary.AppendVarint(dst, v.Offset)
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
	s := MemberState{Partitions: r.int32(), Generation: r.int32(), Attempt: uint32(r.uint(math.MaxUint32))}
	// Each entry takes a byte at least, so a count above what is left is none: garbage cannot make us allocate.
	if n := r.uint(uint64(len(r.b))); n > 0 {
		s.Owned = make([]int32, n)
		for i := range s.Owned {
			s.Owned[i] = r.int32()
		}
	}
	if n := r.uint(uint64(len(r.b)) / 2); n > 0 {
		s.Views = make([]View, n)
		for i := range s.Views {
			s.Views[i] = View{Partition: r.int32(), Offset: r.int()}
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

func (r *varints) uint(most uint64) uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > most {
		r.b, r.ok = nil, false
		return 0
	}
	r.b = r.b[n:]
	return v
}
