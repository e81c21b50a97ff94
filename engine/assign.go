package engine

// View says how far this member's local view of a partition's journal reaches.
type View struct {
	Partition int32
	Offset    int64 // the next journal offset to read
}

// MemberState is what a member tells the leader when it joins.
type MemberState struct {
	Partitions int32   // of the source topic, as the member knows it
	Generation int32   // in which Owned was assigned
	Attempt    uint32  // makes the bytes differ, to force a rebalance
	Owned      []int32 // what the last assignment gave it
	Views      []View
}

// Member is one that shards are assigned to.
type Member struct {
	ID         string // as the coordinator names it
	InstanceID string // as it names itself; stays the same over restarts
	State      MemberState
}

// Assign says which member should own which partition; the result has an entry for each member id.
func Assign(partitions int32, members []Member) map[string][]int32 { return nil }

// AppendMemberState encodes s.
func AppendMemberState(dst []byte, s *MemberState) []byte { return dst }

// DecodeMemberState decodes what AppendMemberState wrote; false if b is no such thing.
func DecodeMemberState(b []byte) (MemberState, bool) { return MemberState{}, false }
