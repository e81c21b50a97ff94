package engine

import (
	"cmp"
	"slices"
)

// standbys gives each member the partitions to keep a warm view of: n members for each, none of them its owner.
func (a *assigning) standbys(n int) [][]int32 {
	w := &warming{assigning: a, n: max(n, 0), on: make([][]int, len(a.owner)), warm: make([][]int32, len(a.members))}
	if w.n == 0 {
		return w.warm
	}
	total := w.n * len(a.owner)
	w.most = (total + len(a.members) - 1) / len(a.members)
	w.keep()
	w.placeByView()
	w.placeRest()
	w.level()
	return w.warm
}

// warming is the state of standbys.
type warming struct {
	*assigning
	n    int
	most int       // what a member gets at most before the others have theirs
	on   [][]int   // by partition: its standbys
	warm [][]int32 // by member
}

// may says whether a member could be a standby of the partition.
func (w *warming) may(p int32, member int) bool {
	return w.owner[p] != member && !slices.Contains(w.on[p], member)
}

func (w *warming) give(p int32, member int) {
	w.on[p] = append(w.on[p], member)
	w.warm[member] = append(w.warm[member], p)
}

func (w *warming) offer(p int32, member int) {
	if len(w.on[p]) < w.n && len(w.warm[member]) < w.most && w.may(p, member) {
		w.give(p, member)
	}
}

// keep leaves standbys where they are, the nearest first.
func (w *warming) keep() {
	var all []candidate
	for i, m := range w.members {
		for _, p := range m.State.Standby {
			if w.knows(p) {
				all = append(all, candidate{p, i, w.lagOf(i, p), w.whole[i][p]})
			}
		}
	}
	slices.SortFunc(all, func(x, y candidate) int {
		return cmp.Or(cmp.Compare(x.lag, y.lag), cmp.Compare(y.whole, x.whole), cmp.Compare(x.partition, y.partition), cmp.Compare(x.member, y.member))
	})
	for _, c := range all {
		w.offer(c.partition, c.member)
	}
}

func (w *warming) placeByView() {
	for _, c := range w.candidates(w.may) {
		w.offer(c.partition, c.member)
	}
}

// over says by how many the member would be above what it should get.
func (w *warming) over(member int) int { return max(0, len(w.warm[member])+1-w.most) }

func (w *warming) placeRest() {
	inherits := make([]map[int]int, len(w.members)) // by member: how many it has of each owner's
	for i, ps := range w.warm {
		inherits[i] = map[int]int{}
		for _, p := range ps {
			inherits[i][w.owner[p]]++
		}
	}
	for p := range w.on {
		owner := w.owner[p]
		for len(w.on[p]) < w.n {
			best := -1
			for i := range w.members {
				if !w.may(int32(p), i) {
					continue
				}
				if best < 0 || cmp.Or(cmp.Compare(w.over(i), w.over(best)),
					cmp.Compare(len(w.has[i])+inherits[i][owner], len(w.has[best])+inherits[best][owner]),
					cmp.Compare(len(w.warm[i]), len(w.warm[best]))) < 0 {
					best = i
				}
			}
			w.give(int32(p), best)
			inherits[best][owner]++
		}
	}
}

// level has members that have too many pass on to those that have too few until no two differ by more than one. What
// one has too many the other may not be allowed to have (it owns it), so each looks for a way through others, by
// breadth-first search: the shortest, which moves the fewest.
func (w *warming) level() {
	for {
		from, to := 0, 0
		for i := range w.warm {
			if len(w.warm[i]) > len(w.warm[from]) {
				from = i
			}
			if len(w.warm[i]) < len(w.warm[to]) {
				to = i
			}
		}
		if len(w.warm[from])-len(w.warm[to]) < 2 || !w.pass(from) {
			return
		}
	}
}

// pass moves one partition away from a member, along a way that ends at one with at least two fewer; false: there is no way.
func (w *warming) pass(from int) bool {
	type step struct {
		before    int
		partition int32
	}
	way := make([]step, len(w.members))
	reached := make([]bool, len(w.members))
	reached[from] = true
	for queue := []int{from}; len(queue) > 0; queue = queue[1:] {
		i := queue[0]
		if len(w.warm[i]) <= len(w.warm[from])-2 {
			for i != from {
				s := way[i]
				w.take(s.partition, s.before)
				w.give(s.partition, i)
				i = s.before
			}
			return true
		}
		for _, p := range w.warm[i] {
			for j := range w.members {
				if !reached[j] && w.may(p, j) {
					reached[j], way[j] = true, step{i, p}
					queue = append(queue, j)
				}
			}
		}
	}
	return false
}

func (w *warming) take(p int32, member int) {
	w.on[p] = slices.DeleteFunc(w.on[p], func(i int) bool { return i == member })
	w.warm[member] = slices.DeleteFunc(w.warm[member], func(q int32) bool { return q == p })
}
