package engine

import (
	"cmp"
	"math"
	"slices"
)

// View says how far this member's local view of a partition's journal reaches.
type View struct {
	Partition int32
	Offset    int64 // the next journal offset to read
	Whole     int64 // broker's time, seconds since 1970, up to which the view was known to miss nothing; 0: never
}

// MemberState is what a member tells the leader when it joins.
type MemberState struct {
	Partitions int32   // of the source topic, as the member knows it
	Generation int32   // in which Owned was assigned
	Attempt    uint32  // makes the bytes differ, to force a rebalance
	Standbys   int32   // of each shard, that the member is configured for
	Owned      []int32 // what the last assignment gave it
	Standby    []int32 // the shards that it gave it as a standby
	Views      []View
}

// Shares is what one member is to do; both lists ascending.
type Shares struct {
	Active  []int32 // own these
	Standby []int32 // keep a warm view of these, which others own
}

// Member is one that shards are assigned to.
type Member struct {
	ID         string // as the coordinator names it
	InstanceID string // as it names itself; stays the same over restarts
	State      MemberState
}

// Assign says which member should own which partition, each of 0..partitions-1 exactly one, and which are its standbys:
// as many as asked for, as far as there are other members than the owner. The result has an entry for every member id;
// it is nil without members.
//
//   - Balanced: no two members differ by more than one.
//   - Sticky: of all balanced assignments it is one of those that move the fewest partitions. Whoever claims a partition
//     in the highest generation has it; a claim of an older generation is that of a member which missed a rebalance.
//   - What must move, or has nobody, goes to the member whose view of it is the most recent, as far as the balance
//     permits: the rest of the journal is what a new owner must read before it begins.
//
// Standbys go by the same rules: balanced among themselves, whoever is one stays one, then the most recent view. What is
// left goes to who has the fewest, and of those to who would inherit the fewest from that owner, so that a death loads
// the survivors evenly.
//
// It depends on what the members say, not on their order: of equals the one with the lower instance id, then member id,
// comes first. Nothing in a member's state is trusted: unknown partitions and repetitions are passed over.
//
// Moves are fewest because each member keeps as much of what it has as its share permits, and the larger shares
// go first to those who have more than the smaller one: each of them saves one move. Views are served nearest first, which is not the
// best sum over all partitions but does not send one far away for the sake of others.
func Assign(partitions int32, standbys int, members []Member) map[string]Shares {
	if len(members) == 0 {
		return nil
	}
	a := newAssigning(int(max(partitions, 0)), members)
	a.claim()
	a.release()
	a.placeByView()
	a.placeRest()
	warm := a.standbys(min(standbys, len(members)-1))
	out := make(map[string]Shares, len(a.members))
	for i, m := range a.members {
		slices.Sort(a.has[i])
		slices.Sort(warm[i])
		out[m.ID] = Shares{a.has[i], warm[i]}
	}
	return out
}

// noLag is the lag of a member that has no view.
const noLag = math.MaxInt64

type assigning struct {
	members []Member // in the order that breaks ties
	owner   []int    // by partition: index of the member, -1 nobody
	has     [][]int32
	lag     []map[int32]int64 // by member: journal records behind the most recent view of the partition
	whole   []map[int32]int64 // by member: View.Whole
	share   int               // what everybody gets at least
	larger  int               // how many may still get one more than that
}

func newAssigning(partitions int, members []Member) *assigning {
	a := &assigning{
		members: slices.Clone(members),
		owner:   make([]int, partitions),
		has:     make([][]int32, len(members)),
		lag:     make([]map[int32]int64, len(members)),
		whole:   make([]map[int32]int64, len(members)),
		share:   partitions / len(members),
		larger:  partitions % len(members),
	}
	slices.SortFunc(a.members, func(x, y Member) int {
		return cmp.Or(cmp.Compare(x.InstanceID, y.InstanceID), cmp.Compare(x.ID, y.ID))
	})
	for p := range a.owner {
		a.owner[p] = -1
	}
	best := make([]int64, partitions)
	for _, m := range a.members {
		for _, v := range m.State.Views {
			if a.knows(v.Partition) {
				best[v.Partition] = max(best[v.Partition], v.Offset)
			}
		}
	}
	for i, m := range a.members {
		a.lag[i], a.whole[i] = map[int32]int64{}, map[int32]int64{}
		for _, v := range m.State.Views {
			if !a.knows(v.Partition) || v.Offset < 0 {
				continue
			}
			a.lag[i][v.Partition] = min(a.lagOf(i, v.Partition), best[v.Partition]-v.Offset)
			a.whole[i][v.Partition] = max(a.whole[i][v.Partition], v.Whole)
		}
	}
	return a
}

func (a *assigning) knows(p int32) bool { return p >= 0 && int(p) < len(a.owner) }

func (a *assigning) lagOf(member int, p int32) int64 {
	if lag, ok := a.lag[member][p]; ok {
		return lag
	}
	return noLag
}

// claim finds who has each partition now.
func (a *assigning) claim() {
	for i, m := range a.members {
		for _, p := range m.State.Owned {
			if !a.knows(p) {
				continue
			}
			j := a.owner[p]
			if j < 0 || m.State.Generation > a.members[j].State.Generation ||
				m.State.Generation == a.members[j].State.Generation && a.lagOf(i, p) < a.lagOf(j, p) {
				a.owner[p] = i
			}
		}
	}
	for p, i := range a.owner {
		if i >= 0 {
			a.has[i] = append(a.has[i], int32(p))
		}
	}
}

// release takes from members what is above their share. First whatever another one has the best view of.
func (a *assigning) release() {
	spare := a.larger // larger shares that nobody has yet
	for _, ps := range a.has {
		if len(ps) > a.share {
			spare--
		}
	}
	var poor []int
	for i, ps := range a.has {
		if len(ps) < a.share || len(ps) == a.share && spare > 0 {
			poor = append(poor, i)
		}
	}
	for i := range a.members {
		share := a.share
		if len(a.has[i]) > share && a.larger > 0 {
			share++
			a.larger--
		}
		if len(a.has[i]) <= share {
			continue
		}
		elsewhere := func(p int32) int64 {
			lag := int64(noLag)
			for _, j := range poor {
				lag = min(lag, a.lagOf(j, p))
			}
			return lag
		}
		slices.SortFunc(a.has[i], func(p, q int32) int {
			return cmp.Or(cmp.Compare(elsewhere(q), elsewhere(p)), cmp.Compare(p, q))
		})
		for _, p := range a.has[i][share:] {
			a.owner[p] = -1
		}
		a.has[i] = a.has[i][:share]
	}
}

// give hands a partition to a member that has room.
func (a *assigning) give(p int32, member int) bool {
	switch n := len(a.has[member]); {
	case n < a.share:
	case n == a.share && a.larger > 0:
		a.larger--
	default:
		return false
	}
	a.has[member] = append(a.has[member], p)
	a.owner[p] = member
	return true
}

// candidate is a member that has a view of a partition.
type candidate struct {
	partition int32
	member    int
	lag       int64
	whole     int64
}

// candidates are all that have a view of what is wanted, the nearest first; of those that reach as far, the one that was
// known to be whole last.
func (a *assigning) candidates(wanted func(p int32, member int) bool) []candidate {
	var all []candidate
	for i := range a.members {
		for p, lag := range a.lag[i] {
			if wanted(p, i) {
				all = append(all, candidate{p, i, lag, a.whole[i][p]})
			}
		}
	}
	slices.SortFunc(all, func(x, y candidate) int {
		return cmp.Or(cmp.Compare(x.lag, y.lag), cmp.Compare(y.whole, x.whole), cmp.Compare(x.partition, y.partition), cmp.Compare(x.member, y.member))
	})
	return all
}

func (a *assigning) placeByView() {
	for _, c := range a.candidates(func(p int32, _ int) bool { return a.owner[p] < 0 }) {
		if a.owner[c.partition] < 0 {
			a.give(c.partition, c.member)
		}
	}
}

func (a *assigning) placeRest() {
	for p := range a.owner {
		if a.owner[p] >= 0 {
			continue
		}
		poorest := 0
		for i := range a.members {
			if len(a.has[i]) < len(a.has[poorest]) {
				poorest = i
			}
		}
		a.give(int32(p), poorest)
	}
}
