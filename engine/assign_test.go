package engine

import (
	"maps"
	"math/rand"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func drawMembers(t *rapid.T, partitions int32, least int) []Member {
	n := rapid.IntRange(least, 7).Draw(t, "members")
	partition := rapid.Int32Range(-1, partitions) // one too low and one too high among them
	members := make([]Member, n)
	for i := range members {
		id := string(rune('a' + i))
		members[i] = Member{ID: "m-" + id, State: MemberState{
			Generation: rapid.Int32Range(0, 3).Draw(t, "generation"),
			Owned:      rapid.SliceOfN(partition, 0, int(partitions)).Draw(t, "owned"),
			Views: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) View {
				return View{partition.Draw(t, "partition"), rapid.Int64Range(-1, 50).Draw(t, "offset"), rapid.Int64Range(0, 3).Draw(t, "whole")}
			}), 0, int(partitions)).Draw(t, "views"),
			Standby: rapid.SliceOfN(partition, 0, int(partitions)).Draw(t, "standby"),
		}}
		if rapid.Bool().Draw(t, "static") {
			members[i].InstanceID = "i-" + id
		}
	}
	return members
}

// owners is the naive reading of who has what: the highest generation that claims it.
func owners(partitions int32, members []Member) map[int32]int32 {
	highest := map[int32]int32{}
	for _, m := range members {
		for _, p := range m.State.Owned {
			if g, ok := highest[p]; p >= 0 && p < partitions && (!ok || m.State.Generation > g) {
				highest[p] = m.State.Generation
			}
		}
	}
	return highest
}

// active is an assignment without its standbys.
func active(shares map[string]Shares) map[string][]int32 {
	if shares == nil {
		return nil
	}
	out := map[string][]int32{}
	for id, s := range shares {
		out[id] = s.Active
	}
	return out
}

func kept(partitions int32, members []Member, got map[string][]int32) int {
	highest := owners(partitions, members)
	n := 0
	for _, m := range members {
		for _, p := range got[m.ID] {
			if slices.Contains(m.State.Owned, p) && m.State.Generation == highest[p] {
				n++
			}
		}
	}
	return n
}

func TestAssignIsCompleteBalancedAndIndependentOfOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		partitions := rapid.Int32Range(0, 24).Draw(t, "partitions")
		members := drawMembers(t, partitions, 1)
		standbys := rapid.IntRange(0, 3).Draw(t, "standbys")
		shares := Assign(partitions, standbys, members)
		got := active(shares)
		var all []int32
		for _, m := range members {
			ps, ok := got[m.ID]
			if n := len(ps); !ok || n != int(partitions)/len(members) && n != int(partitions)/len(members)+1 {
				t.Fatalf("%s has %v of %d among %d", m.ID, ps, partitions, len(members))
			}
			if !slices.IsSorted(ps) {
				t.Fatalf("%s has %v, not ascending", m.ID, ps)
			}
			all = append(all, ps...)
		}
		slices.Sort(all)
		for p := range partitions {
			if len(all) != int(partitions) || all[p] != p {
				t.Fatalf("not each exactly once: %v", all)
			}
		}
		shuffled := slices.Clone(members)
		rand.New(rand.NewSource(rapid.Int64().Draw(t, "seed"))).Shuffle(len(shuffled), func(i, j int) {
			shuffled[i], shuffled[j] = shuffled[j], shuffled[i]
		})
		if again := Assign(partitions, standbys, shuffled); !reflect.DeepEqual(shares, again) {
			t.Fatalf("another order gave another assignment: %v, %v", shares, again)
		}
	})
}

// The oracle tries every balanced assignment of a small group.
func TestAssignMovesTheFewest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		partitions := rapid.Int32Range(0, 7).Draw(t, "partitions")
		members := drawMembers(t, partitions, 1)
		members = members[:min(len(members), 3)]
		best := 0
		try := map[string][]int32{}
		var place func(p int32)
		place = func(p int32) {
			if p == partitions {
				for _, m := range members {
					if n := len(try[m.ID]); n < int(partitions)/len(members) || n > (int(partitions)+len(members)-1)/len(members) {
						return
					}
				}
				// Two claims of one generation are no state that the protocol gives; then either may be the owner.
				best = max(best, kept(partitions, members, try))
				return
			}
			for _, m := range members {
				try[m.ID] = append(try[m.ID], p)
				place(p + 1)
				try[m.ID] = try[m.ID][:len(try[m.ID])-1]
			}
		}
		for i := range members {
			members[i].State.Generation = int32(i) // no two the same
		}
		place(0)
		if got := kept(partitions, members, active(Assign(partitions, 1, members))); got != best {
			t.Fatalf("keeps %d in place, %d would do", got, best)
		}
	})
}

func TestAssignAMemberThatComesOrGoesMovesOnlyItsShare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		partitions := rapid.Int32Range(1, 64).Draw(t, "partitions")
		members := drawMembers(t, partitions, 2)
		n := int32(len(members))
		settle := func(members []Member, generation int32) {
			got := Assign(partitions, 1, members)
			for i := range members {
				m := &members[i]
				m.State.Owned, m.State.Standby, m.State.Generation = got[m.ID].Active, got[m.ID].Standby, generation
			}
		}
		settle(members[1:], 4)
		before := map[string][]int32{}
		for _, m := range members[1:] {
			before[m.ID] = m.State.Owned
		}
		members[0].State.Owned, members[0].State.Standby = nil, nil
		if moved := partitions - int32(kept(partitions, members, active(Assign(partitions, 1, members)))); moved > (partitions+n-1)/n {
			t.Fatalf("a member that came moved %d of %d among %d", moved, partitions, n)
		}
		settle(members, 5)
		gone := int32(len(members[0].State.Owned))
		rest := slices.Clone(members[1:])
		if moved := partitions - int32(kept(partitions, rest, active(Assign(partitions, 1, rest)))); moved != gone {
			t.Fatalf("a member that went had %d, %d moved", gone, moved)
		}
		settle(rest, 6)
		same := map[string]Shares{}
		for _, m := range rest {
			same[m.ID] = Shares{m.State.Owned, m.State.Standby}
		}
		if again := Assign(partitions, 1, rest); !reflect.DeepEqual(again, same) {
			t.Fatalf("nothing changed, and yet %v became %v", same, again)
		}
	})
}

// The freshest of those who could have it gets what must move: for none of the moved partitions there is another member
// with a nearer view that has room for it, or holds in its place a moved one that is farther from it.
func TestAssignPrefersTheFreshest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		partitions := rapid.Int32Range(1, 12).Draw(t, "partitions")
		members := drawMembers(t, partitions, 2)
		for i := range members {
			members[i].State.Generation = int32(i) // no two the same: whose claim counts is plain
		}
		got := active(Assign(partitions, 0, members))
		highest := owners(partitions, members)
		a := newAssigning(int(partitions), members) // for the lags alone
		share := int(partitions) / len(members)
		larger := int(partitions) % len(members)
		for _, m := range members {
			if len(got[m.ID]) > share {
				larger--
			}
		}
		moved := func(i int, p int32) bool { // i was not its owner before
			m := a.members[i]
			return !slices.Contains(m.State.Owned, p) || m.State.Generation != highest[p]
		}
		for i, m := range a.members {
			for _, p := range got[m.ID] {
				if !moved(i, p) {
					continue
				}
				for j, other := range a.members {
					if a.lagOf(j, p) >= a.lagOf(i, p) {
						continue
					}
					if n := len(got[other.ID]); n < share || n == share && larger > 0 {
						t.Fatalf("%d went to %s, %d behind; %s has room and is %d behind", p, m.ID, a.lagOf(i, p), other.ID, a.lagOf(j, p))
					}
					for _, q := range got[other.ID] {
						if moved(j, q) && a.lagOf(j, q) > a.lagOf(j, p) {
							t.Fatalf("%d went to %s and not to %s, which is nearer but got %d, from which it is farther", p, m.ID, other.ID, q)
						}
					}
				}
			}
		}
	})
}

func TestAssignStandbys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		partitions := rapid.Int32Range(0, 24).Draw(t, "partitions")
		members := drawMembers(t, partitions, 1)
		standbys := rapid.IntRange(0, 4).Draw(t, "standbys")
		got := Assign(partitions, standbys, members)
		want := min(standbys, len(members)-1)
		count := map[int32]int{}
		least, most := int(partitions)+1, 0
		for _, m := range members {
			s := got[m.ID]
			least, most = min(least, len(s.Standby)), max(most, len(s.Standby))
			if !slices.IsSorted(s.Standby) || len(slices.Compact(slices.Clone(s.Standby))) != len(s.Standby) {
				t.Fatalf("%s is standby of %v", m.ID, s.Standby)
			}
			for _, p := range s.Standby {
				count[p]++
				if slices.Contains(s.Active, p) {
					t.Fatalf("%s is owner and standby of %d", m.ID, p)
				}
			}
		}
		for p := range partitions {
			if count[p] != want {
				t.Fatalf("%d has %d standbys, not %d", p, count[p], want)
			}
		}
		if most-least > 1 {
			t.Fatalf("one member has %d, another %d", least, most)
		}
	})
}

// A member dies: what it owned goes to its standbys as far as the balance permits, and standbys that need not move stay.
func TestAssignWarmTakeover(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 6).Draw(t, "members")
		partitions := int32(n*(n-1)) * rapid.Int32Range(1, 4).Draw(t, "times") // so that the balance permits it
		var members []Member
		for i := range n {
			members = append(members, Member{ID: string(rune('a' + i))})
		}
		for generation := range int32(3) {
			got := Assign(partitions, 1, members)
			for i := range members {
				m := &members[i]
				m.State.Generation, m.State.Owned, m.State.Standby, m.State.Views = generation, got[m.ID].Active, got[m.ID].Standby, nil
				for _, p := range m.State.Owned {
					m.State.Views = append(m.State.Views, View{p, 100, 9})
				}
				for _, p := range m.State.Standby {
					m.State.Views = append(m.State.Views, View{p, 99, 9})
				}
			}
		}
		dead := rapid.IntRange(0, n-1).Draw(t, "dead")
		alive := slices.Delete(slices.Clone(members), dead, dead+1)
		got := Assign(partitions, 1, alive)
		for _, m := range alive {
			for _, p := range got[m.ID].Active {
				if !slices.Contains(m.State.Owned, p) && !slices.Contains(m.State.Standby, p) {
					t.Fatalf("%d went to %s, which has no view of it: before %+v, now %+v", p, m.ID, members, got)
				}
			}
		}
	})
}

func TestAssignCases(t *testing.T) {
	m := func(id string, generation int32, owned []int32, views ...View) Member {
		return Member{ID: "m-" + id, InstanceID: id, State: MemberState{Generation: generation, Owned: owned, Views: views}}
	}
	for _, c := range []struct {
		name       string
		partitions int32
		members    []Member
		want       map[string][]int32
	}{
		{"nobody", 4, nil, nil},
		{"alone", 3, []Member{m("a", 0, nil)}, map[string][]int32{"m-a": {0, 1, 2}}},
		{"fresh", 5, []Member{m("b", 0, nil), m("a", 0, nil)}, map[string][]int32{"m-a": {0, 2, 4}, "m-b": {1, 3}}},
		{"more members than partitions", 1, []Member{m("a", 0, nil), m("b", 2, []int32{0})}, map[string][]int32{"m-a": nil, "m-b": {0}}},
		{"all restarted: each gets what it has the view of", 4,
			[]Member{m("a", 0, nil, View{1, 100, 0}, View{3, 90, 0}), m("b", 0, nil, View{0, 5, 0}, View{2, 7, 0})},
			map[string][]int32{"m-a": {1, 3}, "m-b": {0, 2}}},
		{"the more recent view of two", 2,
			[]Member{m("a", 0, nil, View{0, 10, 0}, View{1, 10, 0}), m("b", 0, nil, View{0, 11, 0}, View{1, 3, 0})},
			map[string][]int32{"m-a": {1}, "m-b": {0}}},
		{"lag counts, not the offset", 2,
			[]Member{m("a", 0, nil, View{0, 1000, 0}, View{1, 5, 0}), m("b", 0, nil, View{0, 1001, 0}, View{1, 0, 0})},
			map[string][]int32{"m-a": {1}, "m-b": {0}}},
		{"of two that reach as far, the one known whole last", 1,
			[]Member{m("a", 0, nil, View{0, 10, 100}), m("b", 0, nil, View{0, 10, 200})},
			map[string][]int32{"m-a": nil, "m-b": {0}}},
		{"an owner stays, whoever has the better view", 2,
			[]Member{m("a", 3, []int32{0}, View{0, 1, 0}), m("b", 3, []int32{1}, View{0, 99, 0})},
			map[string][]int32{"m-a": {0}, "m-b": {1}}},
		{"what must go goes to a warm standby", 4,
			[]Member{m("a", 3, []int32{0, 1, 2, 3}), m("b", 0, nil, View{1, 50, 0}, View{0, 20, 0})},
			map[string][]int32{"m-a": {2, 3}, "m-b": {0, 1}}},
		{"a stalled member's claim is stale", 2,
			[]Member{m("a", 4, []int32{0, 1}), m("b", 5, []int32{1})},
			map[string][]int32{"m-a": {0}, "m-b": {1}}},
		{"of equals the lower instance id, which outlives restarts, not the member id", 1,
			[]Member{{ID: "m-1", InstanceID: "z"}, {ID: "m-2", InstanceID: "y"}}, map[string][]int32{"m-1": nil, "m-2": {0}}},
		{"a claim of no partition and a claim twice", 2,
			[]Member{m("a", 4, []int32{-1, 7, 0, 0}), m("b", 5, []int32{1, 1, 1})},
			map[string][]int32{"m-a": {0}, "m-b": {1}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := active(Assign(c.partitions, 0, c.members)); !maps.EqualFunc(got, c.want, slices.Equal) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

func TestMemberStateRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := MemberState{
			Partitions: rapid.Int32().Draw(t, "partitions"), Generation: rapid.Int32().Draw(t, "generation"),
			Attempt: rapid.Uint32().Draw(t, "attempt"), Standbys: rapid.Int32().Draw(t, "standbys"),
		}
		if standby := rapid.SliceOf(rapid.Int32()).Draw(t, "standby"); len(standby) > 0 {
			want.Standby = standby
		}
		if owned := rapid.SliceOf(rapid.Int32()).Draw(t, "owned"); len(owned) > 0 {
			want.Owned = owned
		}
		for range rapid.IntRange(0, 5).Draw(t, "views") {
			want.Views = append(want.Views, View{rapid.Int32().Draw(t, "partition"), rapid.Int64().Draw(t, "offset"), rapid.Int64().Draw(t, "whole")})
		}
		b := AppendMemberState(nil, &want)
		if got, ok := DecodeMemberState(append(b, "of a later version"...)); !ok || !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v, %v; want %+v", got, ok, want)
		}
		if _, ok := DecodeMemberState(b[:len(b)-1]); ok {
			t.Fatal("cut off, and yet decoded")
		}
	})
}

func FuzzDecodeMemberState(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{2, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Add(AppendMemberState(nil, &MemberState{Partitions: 4, Owned: []int32{0, 1}, Views: []View{{1, 2, 3}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, ok := DecodeMemberState(b)
		if !ok && !reflect.DeepEqual(s, MemberState{}) {
			t.Fatalf("garbage gave %+v", s)
		}
		Assign(5, 2, []Member{{ID: "m", State: s}, {ID: "n"}})
	})
}
