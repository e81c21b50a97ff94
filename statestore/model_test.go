package statestore

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"
)

// model is what a view means: maps.
type model struct {
	docs, ids, meta, owed map[string]string
	timers                map[Timer]bool
}

func newModel() *model {
	return &model{docs: map[string]string{}, ids: map[string]string{}, meta: map[string]string{}, owed: map[string]string{}, timers: map[Timer]bool{}}
}

func (m *model) clone() *model {
	return &model{maps.Clone(m.docs), maps.Clone(m.ids), maps.Clone(m.meta), maps.Clone(m.owed), maps.Clone(m.timers)}
}

// String is the whole state, to compare and to show.
func (m *model) String() string {
	var b strings.Builder
	for name, part := range map[string]map[string]string{"c": m.docs, "i": m.ids, "m": m.meta, "o": m.owed} {
		for _, k := range slices.Sorted(maps.Keys(part)) {
			fmt.Fprintf(&b, "%s %q %.20q %d\n", name, k, part[k], len(part[k]))
		}
	}
	for _, t := range m.sorted(Cursor{}, math.MaxInt64) {
		fmt.Fprintf(&b, "t %d %q\n", t.Due, t.Customer)
	}
	lines := strings.SplitAfter(b.String(), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func (m *model) sorted(after Cursor, through int64) []Timer {
	var ts []Timer
	for t := range m.timers {
		if t.Compare(after) > 0 && t.Due <= through {
			ts = append(ts, t)
		}
	}
	slices.SortFunc(ts, Timer.Compare)
	return ts
}

// read reads a whole Store through its public methods.
func read(s *Store) (*model, error) {
	m := newModel()
	put := func(into map[string]string) func(string, []byte) error {
		return func(k string, v []byte) error { into[k] = string(v); return nil }
	}
	if err := s.EachDocument(put(m.docs)); err != nil {
		return nil, err
	}
	var customers []string
	for after, more := "", true; more; { // in portions, which leave nobody out and name nobody twice
		portion, err := s.Customers(after, 3, nil)
		if err != nil {
			return nil, err
		}
		if more = len(portion) == 3; len(portion) > 0 {
			after = portion[len(portion)-1]
		}
		customers = append(customers, portion...)
	}
	if want := slices.Sorted(maps.Keys(m.docs)); !slices.Equal(customers, want) {
		return nil, fmt.Errorf("the customers are %q, want %q", customers, want)
	}
	if err := s.EachOwed(put(m.owed)); err != nil {
		return nil, err
	}
	for _, name := range customerNames {
		v, ok, err := s.IDs(name, nil)
		if err != nil {
			return nil, err
		}
		if ok {
			m.ids[name] = string(v)
		}
	}
	for _, name := range metaNames {
		v, ok, err := s.Meta(name)
		if err != nil {
			return nil, err
		}
		if ok {
			m.meta[name] = string(v)
		}
	}
	ts, err := s.Timers(Cursor{}, math.MaxInt64, math.MaxInt32, nil)
	for _, t := range ts {
		m.timers[t] = true
	}
	return m, err
}

var (
	metaNames     = []string{"h", "position"}
	customerNames = []string{"a", "b", "ab", "a\x00", "z\xff", "\x00", "kim"}
)

// The few values make collisions; 0 and the ends of int64 are where cursors and keys go wrong.
var (
	someCustomer = rapid.SampledFrom(customerNames)
	someDue      = rapid.OneOf(rapid.Int64Range(-3, 5), rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64, -1 << 40, 1 << 40}))
	someOwed     = rapid.SampledFrom([]string{"o/actions.log/0/9", "o/actions.log/0/10", "o/actions.push/3/1"})
)

// step puts a random change into both.
func step(t *rapid.T, b *Batch, m *model, removal *Cursor, fresh map[Timer]bool) {
	value := func() string {
		return strings.Repeat(rapid.StringN(1, 3, 8).Draw(t, "value"), rapid.SampledFrom([]int{1, 1, 10, 700}).Draw(t, "times"))
	}
	switch c := someCustomer.Draw(t, "customer"); rapid.IntRange(0, 12).Draw(t, "op") {
	case 0, 1, 2:
		v := value()
		b.PutDocument(c, []byte(v))
		m.docs[c] = v
	case 3:
		b.DeleteDocument(c)
		delete(m.docs, c)
	case 10, 11:
		v := value()
		b.PutIDs(c, []byte(v))
		m.ids[c] = v
	case 12:
		b.DeleteIDs(c)
		delete(m.ids, c)
	case 4, 5, 6:
		due := someDue.Draw(t, "due")
		b.PutTimer(due, c)
		fresh[Timer{due, c}] = true
	case 7:
		cursor := Cursor{someDue.Draw(t, "due"), rapid.SampledFrom([]string{"", c}).Draw(t, "through")}
		b.RemoveTimersThrough(cursor)
		if cursor.Compare(*removal) > 0 {
			*removal = cursor
		}
	case 8:
		k, v := someOwed.Draw(t, "key"), value()
		b.PutOwed(k, []byte(v))
		m.owed[k] = v
	case 9:
		k := someOwed.Draw(t, "key")
		b.DeleteOwed(k)
		delete(m.owed, k)
	}
}

// unit fills a batch and takes the model to what must be there behind it.
func unit(t *rapid.T, b *Batch, m *model, number int) {
	var removal Cursor
	fresh := map[Timer]bool{}
	for range rapid.IntRange(0, 12).Draw(t, "changes") {
		step(t, b, m, &removal, fresh)
	}
	maps.DeleteFunc(m.timers, func(t Timer, _ bool) bool { return t.Compare(removal) <= 0 })
	maps.Copy(m.timers, fresh)
	position := fmt.Sprint(number)
	b.PutMeta("position", []byte(position))
	m.meta["position"] = position
}

// TestModel holds a Store against the maps, over reopening and flushes.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fs := vfs.NewMem()
		open := func() (*Store, *Batch) {
			s, err := Open("view", Options{FS: fs, MemTableBytes: 64 << 10})
			if err != nil {
				t.Fatal(err)
			}
			return s, s.NewBatch()
		}
		s, b := open()
		defer func() { _ = s.Close() }()
		m := newModel()
		for i := range rapid.IntRange(1, 30).Draw(t, "units") {
			unit(t, b, m, i)
			if err := s.Apply(b); err != nil {
				t.Fatal(err)
			}
			b.Reset()
			switch rapid.IntRange(0, 9).Draw(t, "then") {
			case 0:
				if err := s.Flush(); err != nil {
					t.Fatal(err)
				}
			case 1:
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s, b = open()
			}
			c := someCustomer.Draw(t, "read")
			got, ok, err := s.Get(c, []byte("before"))
			want, wantOK := m.docs[c]
			if err != nil || ok != wantOK || string(got) != "before"+want {
				t.Fatalf("Get(%q) = %q, %v, %v; want %q, %v", c, got, ok, err, "before"+want, wantOK)
			}
			after := Cursor{someDue.Draw(t, "after"), rapid.SampledFrom([]string{"", "a", "ab", "kim"}).Draw(t, "customer")}
			through, limit := someDue.Draw(t, "through"), rapid.IntRange(0, 5).Draw(t, "limit")
			wantTimers := m.sorted(after, through)
			wantTimers = wantTimers[:min(limit, len(wantTimers))]
			timers, err := s.Timers(after, through, limit, nil)
			if err != nil || !slices.Equal(timers, wantTimers) {
				t.Fatalf("Timers(%v, %d, %d) = %v, %v; want %v", after, through, limit, timers, err, wantTimers)
			}
			next, ok, err := s.NextTimer(after)
			if all := m.sorted(after, math.MaxInt64); err != nil || ok != (len(all) > 0) || ok && next != all[0] {
				t.Fatalf("NextTimer(%v) = %v, %v, %v; want the first of %v", after, next, ok, err, all)
			}
		}
		got, err := read(s)
		if err != nil || got.String() != m.String() {
			t.Fatalf("%v\ngot\n%s\nwant\n%s", err, got, m)
		}
	})
}

// TestManyTimers goes through the range removal, which the model's few timers do not reach.
func TestManyTimers(t *testing.T) {
	for _, n := range []int{pointLimit - 1, pointLimit, pointLimit + 1, 3 * pointLimit} {
		s, err := Open("view", Options{FS: vfs.NewMem()})
		if err != nil {
			t.Fatal(err)
		}
		b := s.NewBatch()
		apply := func() {
			t.Helper()
			if err := s.Apply(b); err != nil {
				t.Fatal(err)
			}
			b.Reset()
		}
		for i := range n + 10 {
			b.PutTimer(int64(i), "kim")
		}
		apply()
		b.PutTimer(3, "late") // below the cursor, in the batch that removes
		b.RemoveTimersThrough(Timer{int64(n - 1), "kim"})
		apply()
		b.PutTimer(-7, "later") // and behind it
		apply()
		got, err := s.Timers(Cursor{}, math.MaxInt64, 3, nil)
		if want := []Timer{{-7, "later"}, {3, "late"}, {int64(n), "kim"}}; err != nil || !slices.Equal(got, want) {
			t.Errorf("of %d: %v, %v; want %v", n, got, err, want)
		}
		b.RemoveTimersThrough(Timer{3, "late"})
		apply()
		if got, _, err := s.NextTimer(Cursor{}); err != nil || got != (Timer{int64(n), "kim"}) {
			t.Errorf("of %d: first %v, %v", n, got, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
