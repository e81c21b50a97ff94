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
				return View{partition.Draw(t, "partition"), rapid.Int64Range(-1, 50).Draw(t, "offset")}
			}), 0, int(partitions)).Draw(t, "views"),
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
		got := Assign(partitions, members)
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
		if again := Assign(partitions, shuffled); !reflect.DeepEqual(got, again) {
			t.Fatalf("another order gave another assignment: %v, %v", got, again)
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
		if got := kept(partitions, members, Assign(partitions, members)); got != best {
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
			got := Assign(partitions, members)
			for i := range members {
				members[i].State.Owned, members[i].State.Generation = got[members[i].ID], generation
			}
		}
		settle(members[1:], 4)
		before := map[string][]int32{}
		for _, m := range members[1:] {
			before[m.ID] = m.State.Owned
		}
		members[0].State.Owned = nil
		if moved := partitions - int32(kept(partitions, members, Assign(partitions, members))); moved > (partitions+n-1)/n {
			t.Fatalf("a member that came moved %d of %d among %d", moved, partitions, n)
		}
		settle(members, 5)
		gone := int32(len(members[0].State.Owned))
		rest := slices.Clone(members[1:])
		if moved := partitions - int32(kept(partitions, rest, Assign(partitions, rest))); moved != gone {
			t.Fatalf("a member that went had %d, %d moved", gone, moved)
		}
		settle(rest, 6)
		same := map[string][]int32{}
		for _, m := range rest {
			same[m.ID] = m.State.Owned
		}
		if again := Assign(partitions, rest); !maps.EqualFunc(again, same, slices.Equal) {
			t.Fatalf("nothing changed, and yet %v became %v", same, again)
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
			[]Member{m("a", 0, nil, View{1, 100}, View{3, 90}), m("b", 0, nil, View{0, 5}, View{2, 7})},
			map[string][]int32{"m-a": {1, 3}, "m-b": {0, 2}}},
		{"the more recent view of two", 2,
			[]Member{m("a", 0, nil, View{0, 10}, View{1, 10}), m("b", 0, nil, View{0, 11}, View{1, 3})},
			map[string][]int32{"m-a": {1}, "m-b": {0}}},
		{"lag counts, not the offset", 2,
			[]Member{m("a", 0, nil, View{0, 1000}, View{1, 5}), m("b", 0, nil, View{0, 1001}, View{1, 0})},
			map[string][]int32{"m-a": {1}, "m-b": {0}}},
		{"an owner stays, whoever has the better view", 2,
			[]Member{m("a", 3, []int32{0}, View{0, 1}), m("b", 3, []int32{1}, View{0, 99})},
			map[string][]int32{"m-a": {0}, "m-b": {1}}},
		{"what must go goes to a warm standby", 4,
			[]Member{m("a", 3, []int32{0, 1, 2, 3}), m("b", 0, nil, View{1, 50}, View{0, 20})},
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
			if got := Assign(c.partitions, c.members); !maps.EqualFunc(got, c.want, slices.Equal) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

func TestMemberStateRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := MemberState{
			Partitions: rapid.Int32().Draw(t, "partitions"), Generation: rapid.Int32().Draw(t, "generation"),
			Attempt: rapid.Uint32().Draw(t, "attempt"),
		}
		if owned := rapid.SliceOf(rapid.Int32()).Draw(t, "owned"); len(owned) > 0 {
			want.Owned = owned
		}
		for range rapid.IntRange(0, 5).Draw(t, "views") {
			want.Views = append(want.Views, View{rapid.Int32().Draw(t, "partition"), rapid.Int64().Draw(t, "offset")})
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
	f.Add([]byte{1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Add(AppendMemberState(nil, &MemberState{Partitions: 4, Owned: []int32{0, 1}, Views: []View{{1, 2}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, ok := DecodeMemberState(b)
		if !ok && !reflect.DeepEqual(s, MemberState{}) {
			t.Fatalf("garbage gave %+v", s)
		}
		Assign(5, []Member{{ID: "m", State: s}, {ID: "n"}})
	})
}
