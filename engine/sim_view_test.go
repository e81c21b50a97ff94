package engine

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"wend/statestore"
)

// mapDisk is a directory that a view of maps is kept in. What was flushed survives a crash; of what was applied since,
// so many batches from the first on as are drawn: statestore promises no more and no less.
type mapDisk struct {
	flushed mapState
	applied []mapChanges // since
	memory  *simMemory   // nil: the heap
}

// mapState is what a view holds.
type mapState struct {
	documents, ids, meta, owed mapTable
	timers                     []statestore.Timer
}

// mapTable is a map, in order of its keys: there are few.
type mapTable []mapChange

// mapChanges is a batch: what is put, by key; nil: taken away.
type mapChanges struct {
	documents, ids, meta, owed []mapChange
	timers                     []statestore.Timer
	remove                     bool
	through                    statestore.Cursor
}

type mapChange struct {
	key   string
	value []byte // nil: none; never written to
}

func (t mapTable) place(key string) (at int, found bool) {
	for at < len(t) && t[at].key < key {
		at++
	}
	return at, at < len(t) && t[at].key == key
}

func (t mapTable) get(key string) (value []byte, found bool) {
	at, found := t.place(key)
	if found {
		value = t[at].value
	}
	return value, found
}

func (t *mapTable) apply(changes []mapChange) {
	for _, x := range changes {
		switch at, found := t.place(x.key); {
		case found && x.value == nil:
			*t = slices.Delete(*t, at, at+1)
		case found:
			(*t)[at].value = x.value
		case x.value != nil:
			*t = slices.Insert(*t, at, x)
		}
	}
}

func (m *mapState) clone() mapState {
	return mapState{slices.Clone(m.documents), slices.Clone(m.ids), slices.Clone(m.meta), slices.Clone(m.owed), slices.Clone(m.timers)}
}

func (m *mapState) apply(c *mapChanges) {
	m.documents.apply(c.documents)
	m.ids.apply(c.ids)
	m.meta.apply(c.meta)
	m.owed.apply(c.owed)
	if c.remove { // before the inserts, whichever was called first
		n, found := slices.BinarySearchFunc(m.timers, c.through, statestore.Timer.Compare)
		if found {
			n++
		}
		m.timers = slices.Delete(m.timers, 0, n)
	}
	for _, t := range c.timers {
		if i, found := slices.BinarySearchFunc(m.timers, t, statestore.Timer.Compare); !found {
			m.timers = slices.Insert(m.timers, i, t)
		}
	}
}

func (c *mapChanges) empty() mapChanges {
	return mapChanges{documents: c.documents[:0], ids: c.ids[:0], meta: c.meta[:0], owed: c.owed[:0], timers: c.timers[:0]}
}

func (d *mapDisk) flush() {
	for i := range d.applied {
		d.flushed.apply(&d.applied[i])
		d.memory.leave(&d.applied[i])
	}
	d.applied = d.applied[:0]
}

// lose empties the directory.
func (d *mapDisk) lose() { *d = mapDisk{memory: d.memory} }

// crash leaves all but the last batches that no flush has seen.
func (d *mapDisk) crash(lost int) {
	d.applied = d.applied[:max(0, len(d.applied)-lost)]
	d.flush()
}

// mapViews is views with one directory.
type mapViews struct{ disk *mapDisk }

func (v mapViews) open(string) (view, error) {
	v.disk.flush()
	return &mapView{disk: v.disk, state: v.disk.flushed.clone()}, nil
}

func (v mapViews) destroy(string) error {
	v.disk.lose()
	return nil
}

func (v mapViews) scrub(string) error { return nil }

// mapView is a view of maps, for the simulation.
type mapView struct {
	disk   *mapDisk
	state  mapState
	closed bool
}

func (v *mapView) use() error {
	if v.closed {
		return statestore.ErrClosed
	}
	return nil
}

func (v *mapView) Get(customer string, dst []byte) ([]byte, bool, error) {
	doc, ok := v.state.documents.get(customer)
	return append(dst, doc...), ok, v.use()
}

func (v *mapView) IDs(customer string, dst []byte) ([]byte, bool, error) {
	ids, ok := v.state.ids.get(customer)
	return append(dst, ids...), ok, v.use()
}

func (v *mapView) Meta(name string) ([]byte, bool, error) {
	value, ok := v.state.meta.get(name)
	return slices.Clone(value), ok, v.use()
}

func (v *mapView) Customers(after string, limit int, into []string) ([]string, error) {
	for _, x := range v.state.documents {
		if x.key > after && limit > 0 {
			into = append(into, x.key)
			limit--
		}
	}
	return into, v.use()
}

func (v *mapView) EachOwed(f func(string, []byte) error) error {
	if err := v.use(); err != nil {
		return err
	}
	for _, x := range v.state.owed {
		if err := f(x.key, x.value); err != nil {
			return err
		}
	}
	return nil
}

func (v *mapView) Timers(after statestore.Cursor, through int64, limit int, into []statestore.Timer) ([]statestore.Timer, error) {
	for _, t := range v.state.timers {
		if limit > 0 && t.Compare(after) > 0 && t.Due <= through {
			into = append(into, t)
			limit--
		}
	}
	return into, v.use()
}

func (v *mapView) NextTimer(after statestore.Cursor) (statestore.Timer, bool, error) {
	for _, t := range v.state.timers {
		if t.Compare(after) > 0 {
			return t, true, v.use()
		}
	}
	return statestore.Timer{}, false, v.use()
}

// Erase takes away the timers of customers without a document, and flushes.
func (v *mapView) Erase(customers ...string) error {
	if err := v.use(); err != nil {
		return err
	}
	v.disk.flush()
	for _, m := range []*mapState{&v.state, &v.disk.flushed} {
		m.timers = slices.DeleteFunc(m.timers, func(t statestore.Timer) bool {
			_, some := m.documents.get(t.Customer)
			return !some && slices.Contains(customers, t.Customer)
		})
	}
	return nil
}

func (v *mapView) Flush() error {
	v.disk.flush()
	return v.use()
}

func (v *mapView) Close() error {
	if !v.closed {
		v.disk.flush()
		v.closed = true
	}
	return nil
}

func (*mapView) Relax() {}

func (v *mapView) newBatch() viewBatch { return &mapBatch{view: v, changes: v.disk.memory.batch()} }

// mapBatch is what one batch changes in a view of maps.
type mapBatch struct {
	view     *mapView
	changes  mapChanges
	err      error
	consumed bool
}

func (b *mapBatch) put(into *[]mapChange, key string, value []byte) {
	if b.consumed {
		b.err = errors.New("the batch was applied and not reset")
		return
	}
	*into = append(*into, mapChange{key, value})
}

// some gives a copy, never nil.
func (b *mapBatch) some(value []byte) []byte { return b.view.disk.memory.copy(value) }

func (b *mapBatch) PutDocument(customer string, doc []byte) {
	b.put(&b.changes.documents, customer, b.some(doc))
}
func (b *mapBatch) DeleteDocument(customer string) { b.put(&b.changes.documents, customer, nil) }
func (b *mapBatch) PutIDs(customer string, ids []byte) {
	b.put(&b.changes.ids, customer, b.some(ids))
}
func (b *mapBatch) DeleteIDs(customer string)         { b.put(&b.changes.ids, customer, nil) }
func (b *mapBatch) PutMeta(name string, value []byte) { b.put(&b.changes.meta, name, b.some(value)) }
func (b *mapBatch) PutOwed(key string, value []byte)  { b.put(&b.changes.owed, key, b.some(value)) }
func (b *mapBatch) DeleteOwed(key string)             { b.put(&b.changes.owed, key, nil) }
func (b *mapBatch) Reset() {
	*b = mapBatch{view: b.view, changes: b.changes.empty()}
}
func (b *mapBatch) Close() {
	if b.view != nil {
		b.view.disk.memory.leave(&b.changes)
	}
	*b = mapBatch{consumed: true}
}
func (b *mapBatch) RemoveTimersThrough(c statestore.Cursor) {
	if !b.changes.remove || c.Compare(b.changes.through) > 0 {
		b.changes.remove, b.changes.through = true, c
	}
}

func (b *mapBatch) PutTimer(due int64, customer string) {
	if customer == "" || b.consumed {
		b.err = errors.New("a timer without a customer, or a batch that was applied and not reset")
		return
	}
	b.changes.timers = append(b.changes.timers, statestore.Timer{Due: due, Customer: customer})
}

func (b *mapBatch) Apply() error {
	if err := errors.Join(b.view.use(), b.err); err != nil {
		return err
	}
	if b.consumed {
		return errors.New("the batch was applied and not reset")
	}
	b.consumed = true
	b.view.state.apply(&b.changes)
	b.view.disk.applied = append(b.view.disk.applied, b.changes)
	b.changes = b.view.disk.memory.batch()
	return nil
}

// Both kinds of view do the same under the same operations: what the simulation sees with one holds for the other.
func TestViewsDoTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fs := vfs.NewCrashableMem()
		disk := &mapDisk{}
		open := func() [2]view {
			a, err := pebbleViews{FS: fs, MemTableBytes: 64 << 10}.open("view")
			if err != nil {
				t.Fatal(err)
			}
			b, err := mapViews{disk}.open("view")
			if err != nil {
				t.Fatal(err)
			}
			return [2]view{a, b}
		}
		vs := open()
		batches := [2]viewBatch{vs[0].newBatch(), vs[1].newBatch()}
		fresh := true // not applied since the last Reset
		closeBoth := func() {
			for i := range vs {
				batches[i].Close()
				if err := vs[i].Close(); err != nil {
					t.Fatal(err)
				}
				if _, _, err := vs[i].Get("a", nil); !errors.Is(err, statestore.ErrClosed) {
					t.Fatalf("view %d says behind its Close: %v", i, err)
				}
			}
		}
		defer func() { closeBoth() }()
		reopen := func() {
			vs = open()
			batches, fresh = [2]viewBatch{vs[0].newBatch(), vs[1].newBatch()}, true
		}
		name := rapid.SampledFrom([]string{"a", "ab", "b", "c"})
		due := rapid.Int64Range(-2, 4)
		value := rapid.SliceOfN(rapid.Byte(), 0, 3)
		cursor := func(t *rapid.T) statestore.Cursor {
			return statestore.Cursor{Due: due.Draw(t, "due"), Customer: rapid.SampledFrom([]string{"", "a", "ab", "b"}).Draw(t, "customer")}
		}
		put := func(f func(viewBatch)) {
			if !fresh {
				for _, b := range batches {
					b.Reset()
				}
				fresh = true
			}
			f(batches[0])
			f(batches[1])
		}
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				if a, b := showView(t, vs[0]), showView(t, vs[1]); a != b {
					t.Fatalf("Pebble has\n%s\nthe maps have\n%s", a, b)
				}
			},
			"put document": func(t *rapid.T) {
				n, v := name.Draw(t, "customer"), value.Draw(t, "document")
				put(func(b viewBatch) { b.PutDocument(n, v) })
			},
			"delete document": func(t *rapid.T) {
				n := name.Draw(t, "customer")
				put(func(b viewBatch) { b.DeleteDocument(n) })
			},
			"put ids": func(t *rapid.T) {
				n, v := name.Draw(t, "customer"), value.Draw(t, "ids")
				put(func(b viewBatch) { b.PutIDs(n, v) })
			},
			"delete ids": func(t *rapid.T) {
				n := name.Draw(t, "customer")
				put(func(b viewBatch) { b.DeleteIDs(n) })
			},
			"put meta": func(t *rapid.T) {
				n, v := name.Draw(t, "name"), value.Draw(t, "value")
				put(func(b viewBatch) { b.PutMeta(n, v) })
			},
			"put owed": func(t *rapid.T) {
				n, v := name.Draw(t, "key"), value.Draw(t, "value")
				put(func(b viewBatch) { b.PutOwed(n, v) })
			},
			"delete owed": func(t *rapid.T) {
				n := name.Draw(t, "key")
				put(func(b viewBatch) { b.DeleteOwed(n) })
			},
			"put timer": func(t *rapid.T) {
				d, n := due.Draw(t, "due"), name.Draw(t, "customer")
				put(func(b viewBatch) { b.PutTimer(d, n) })
			},
			"remove timers": func(t *rapid.T) {
				c := cursor(t)
				put(func(b viewBatch) { b.RemoveTimersThrough(c) })
			},
			"put nobody's timer": func(t *rapid.T) {
				put(func(b viewBatch) { b.PutTimer(1, "") })
				a, b := batches[0].Apply(), batches[1].Apply()
				if a == nil || b == nil {
					t.Fatalf("a timer without a customer was taken: %v, %v", a, b)
				}
				fresh = false
			},
			"apply": func(t *rapid.T) {
				a, b := batches[0].Apply(), batches[1].Apply()
				if (a == nil) != (b == nil) || (a == nil) != fresh {
					t.Fatalf("Pebble: %v, maps: %v, reset before: %v", a, b, fresh)
				}
				fresh = false
			},
			"timers": func(t *rapid.T) {
				c, through, limit := cursor(t), due.Draw(t, "through"), rapid.IntRange(0, 4).Draw(t, "limit")
				a, errA := vs[0].Timers(c, through, limit, nil)
				b, errB := vs[1].Timers(c, through, limit, nil)
				if errA != nil || errB != nil || !slices.Equal(a, b) {
					t.Fatalf("Pebble: %v %v, maps: %v %v", a, errA, b, errB)
				}
				x, anyA, errA := vs[0].NextTimer(c)
				y, anyB, errB := vs[1].NextTimer(c)
				if errA != nil || errB != nil || x != y || anyA != anyB {
					t.Fatalf("Pebble: %v %v %v, maps: %v %v %v", x, anyA, errA, y, anyB, errB)
				}
			},
			"erase": func(t *rapid.T) {
				of := rapid.SliceOfN(name, 0, 2).Draw(t, "customers")
				if err := errors.Join(vs[0].Erase(of...), vs[1].Erase(of...)); err != nil {
					t.Fatal(err)
				}
			},
			"open again": func(*rapid.T) {
				closeBoth()
				reopen()
			},
			"crash": func(t *rapid.T) {
				if rapid.Bool().Draw(t, "flushed") {
					for _, v := range vs {
						if err := v.(interface{ Flush() error }).Flush(); err != nil {
							t.Fatal(err)
						}
					}
				}
				after := fs.CrashClone(vfs.CrashCloneCfg{})
				disk.crash(math.MaxInt) // what Pebble loses on this filesystem: all that was not flushed
				closeBoth()
				fs = after
				reopen()
			},
			"destroy": func(t *rapid.T) {
				closeBoth()
				if err := errors.Join(pebbleViews{FS: fs}.destroy("view"), mapViews{disk}.destroy("view")); err != nil {
					t.Fatal(err)
				}
				reopen()
			},
		})
	})
}

// showView is all that can be read of a view.
func showView(t *rapid.T, v view) string {
	text := ""
	for _, n := range []string{"a", "ab", "b", "c"} {
		doc, ok, err := v.Get(n, []byte("before"))
		ids, parted, err2 := v.IDs(n, []byte("before"))
		meta, some, err3 := v.Meta(n)
		if err := errors.Join(err, err2, err3); err != nil {
			t.Fatal(err)
		}
		text += fmt.Sprintf("%s: %q %v, %q %v, %q %v\n", n, doc, ok, ids, parted, meta, some)
	}
	if err := v.EachOwed(func(key string, value []byte) error {
		text += fmt.Sprintf("owed %s: %q\n", key, value)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	timers, err := v.Timers(statestore.Cursor{}, math.MaxInt64, math.MaxInt, nil)
	if err != nil {
		t.Fatal(err)
	}
	stop := errors.New("enough")
	n := 0
	err = v.EachOwed(func(string, []byte) error { n++; return stop })
	return text + fmt.Sprint(timers, n, errors.Is(err, stop))
}
