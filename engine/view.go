package engine

import "wend/statestore"

// view is what a shard asks of its materialised view: documents, timers, what is owed, and where in the journal all
// that stands. It is statestore.Store's contract, whose documentation says what holds: batches are applied whole and in
// order, and a crash leaves what was there behind one of them. It is an interface so that the simulation can run a
// million schedules with a view of maps; the product has one kind, pebbleView.
type view interface {
	Get(customer string, dst []byte) (doc []byte, ok bool, err error)
	IDs(customer string, dst []byte) (ids []byte, ok bool, err error)
	Meta(name string) (value []byte, ok bool, err error)
	Customers(after string, limit int, into []string) ([]string, error)
	EachOwed(f func(key string, value []byte) error) error
	Timers(after statestore.Cursor, through int64, limit int, into []statestore.Timer) ([]statestore.Timer, error)
	NextTimer(after statestore.Cursor) (statestore.Timer, bool, error)
	Erase(customers ...string) error
	Relax()
	newBatch() viewBatch
	Close() error
}

// viewBatch is statestore.Batch together with the view that it is applied to.
type viewBatch interface {
	PutDocument(customer string, doc []byte)
	DeleteDocument(customer string)
	PutIDs(customer string, ids []byte)
	DeleteIDs(customer string)
	PutMeta(name string, value []byte)
	PutOwed(key string, value []byte)
	DeleteOwed(key string)
	PutTimer(due int64, customer string)
	RemoveTimersThrough(c statestore.Cursor)
	Apply() error
	Reset()
	Close()
}

// views is where views are kept, each in a directory.
type views interface {
	open(dir string) (view, error)
	destroy(dir string) error
	scrub(dir string) error // of a closed view: what Erase left behind
}

// pebbleViews keeps views on a filesystem.
type pebbleViews statestore.Options

func (o pebbleViews) open(dir string) (view, error) {
	s, err := statestore.Open(dir, statestore.Options(o))
	if err != nil {
		return nil, err
	}
	return pebbleView{s}, nil
}

func (o pebbleViews) destroy(dir string) error { return statestore.Destroy(dir, o.FS) }

func (o pebbleViews) scrub(dir string) error {
	return statestore.EraseManifests(dir, statestore.Options(o))
}

type pebbleView struct{ *statestore.Store }

func (v pebbleView) newBatch() viewBatch { return &pebbleBatch{v.NewBatch(), v.Store} }

type pebbleBatch struct {
	*statestore.Batch
	store *statestore.Store
}

// Apply is statestore.Store.Apply.
func (b *pebbleBatch) Apply() error { return b.store.Apply(b.Batch) }
