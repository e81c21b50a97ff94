package statestore

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Store is a shard's view. See the package's documentation for what holds after a crash, and who may call what.
type Store struct {
	dir         string
	db          *pebble.DB
	listener    Listener
	memTable    int
	compactions *compactions
	keys        sync.Pool // *[]byte, to look keys up with

	inside atomic.Int64 // calls under way
	closed atomic.Bool
	left   chan struct{} // a call ended behind Close

	failed   chan struct{} // closed with cause set
	cause    atomic.Pointer[error]
	progress chan struct{} // something was flushed or compacted

	flushing sync.Mutex
	dirty    atomic.Bool // applied since the last flush began
	large    atomic.Bool // batches were applied whose memory Pebble may still hold: Relax

	// Apply's alone.
	low     []byte // no timer's key is below it
	pending int    // bytes applied since memory was looked at
}

// Open opens the view in dir, and makes an empty one where there is none. Only one Store of one process may have a
// directory open.
func Open(dir string, o Options) (*Store, error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.MemTableBytes <= 0 {
		o.MemTableBytes = defaultMemTable
	}
	s := &Store{
		dir:      dir,
		listener: o.Listener,
		memTable: o.MemTableBytes,
		failed:   make(chan struct{}),
		progress: make(chan struct{}, 1),
		left:     make(chan struct{}, 1),
		low:      []byte{kindTimer},
		keys:     sync.Pool{New: func() any { b := make([]byte, 0, 64); return &b }},
	}
	err := checkManifest(dir, o.FS)
	var db *pebble.DB
	if err == nil {
		db, err = openPebble(dir, s.pebbleOptions(o))
	}
	if err != nil {
		return nil, s.wrap("open", unreadable(errors.Join(err, s.broken())))
	}
	s.db = db
	if err = s.broken(); err == nil {
		err = s.checkFormat(o.ReadOnly)
	}
	if err == nil {
		err = s.broken()
	}
	if err != nil {
		_ = closePebble(db) // the first error is the one that tells
		return nil, s.wrap("open", unreadable(err))
	}
	s.compactions.begin()
	return s, nil
}

// openPebble turns a panic of Pebble's into an error: what is on the disk may be anything.
func openPebble(dir string, o *pebble.Options) (db *pebble.DB, err error) {
	defer func() {
		if r := recover(); r != nil {
			db, err = nil, panicked(r)
		}
	}()
	return pebble.Open(dir, o)
}

func (s *Store) checkFormat(readOnly bool) error {
	v, ok, err := s.get([]byte{kindFormat}, nil)
	if err != nil {
		return err
	}
	if ok && string(v) == formatVersion {
		return nil
	}
	if ok {
		return fmt.Errorf("%w: its format is version %q, this program knows %q: use the newer program, or delete the "+
			"directory and the journal is read instead", ErrForeign, v, formatVersion)
	}
	it, err := s.db.NewIter(nil)
	if err != nil {
		return err
	}
	some := it.First()
	if err := it.Close(); err != nil {
		return err
	}
	if some {
		return fmt.Errorf("%w: the directory holds something else", ErrForeign)
	}
	if readOnly {
		return nil
	}
	return s.db.Set([]byte{kindFormat}, []byte(formatVersion), pebble.NoSync)
}

// Close writes what is in memory to disk and ends the background work. It returns an error if the first could not be;
// the view is closed nevertheless, and on disk as after a crash. A second Close does nothing.
func (s *Store) Close() error {
	err := s.Flush()
	if errors.Is(err, ErrClosed) {
		return nil
	}
	if errors.Is(err, pebble.ErrReadOnly) {
		err = nil
	}
	if s.closed.Swap(true) {
		return nil
	}
	for s.inside.Load() > 0 {
		<-s.left
	}
	return errors.Join(err, s.wrap("close", closePebble(s.db)))
}

// closePebble turns a panic of Pebble's into an error: it may come from what it holds after a failure.
func closePebble(db *pebble.DB) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = panicked(r)
		}
	}()
	return db.Close()
}

// Flush writes everything applied before the call to disk, synced: what a crash from then on leaves is no older.
func (s *Store) Flush() error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	s.flushing.Lock()
	defer s.flushing.Unlock()
	if !s.dirty.Swap(false) {
		return nil
	}
	done, err := s.db.AsyncFlush()
	if err != nil {
		return s.lost("flush", err)
	}
	select {
	case <-done:
	case <-s.failed:
	}
	return s.wrap("flush", s.broken())
}

// Relax has memory of large batches given back, in the background. Pebble holds what was flushed, with the batch, in the array
// beneath its queue of memtables until that is made anew, which is when some more have come: where nothing comes, never.
func (s *Store) Relax() {
	if s.large.Swap(false) {
		go func() {
			for range relaxFlushes {
				if s.touch() != nil || s.Flush() != nil { // whoever uses the Store next is told
					return
				}
			}
		}()
	}
}

// relaxFlushes is how many memtables it takes: one behind the batch, and as many as the array may have room for.
const relaxFlushes = 10

// touch puts what is there already, so that there is something to flush.
func (s *Store) touch() error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	err := s.db.Set([]byte{kindFormat}, []byte(formatVersion), pebble.NoSync)
	s.dirty.Store(true)
	return s.lost("relax", err)
}

// enter holds off Close until leave, and tells what keeps the Store from working. It is no lock, so that a func called
// by EachDocument may call the Store.
func (s *Store) enter() error {
	s.inside.Add(1)
	err := s.broken()
	if s.closed.Load() {
		err = ErrClosed
	}
	if err != nil {
		s.leave()
		return s.wrap("use", err)
	}
	return nil
}

func (s *Store) leave() {
	if s.inside.Add(-1) == 0 && s.closed.Load() {
		select {
		case s.left <- struct{}{}:
		default:
		}
	}
}

func (s *Store) wake() {
	select {
	case s.progress <- struct{}{}:
	default:
	}
}

// wait lets Apply wait while the disk is too far behind, and tells how it failed if it did. Looking costs some
// microseconds, so it is done once per half a memtable.
func (s *Store) wait(b *Batch) error {
	s.pending += b.Bytes() + len(b.entries)*perEntry
	if s.pending < s.memTable/2 {
		return nil
	}
	s.pending = 0
	var began time.Time
	for {
		m := s.db.Metrics()
		reason := ""
		switch {
		case m.MemTable.Size >= uint64(stopFactor*s.memTable):
			reason = "memtables are full"
		case m.Levels[0].Sublevels >= stopLayers:
			reason = "level 0 is full"
		}
		if reason == "" {
			break
		}
		if began.IsZero() {
			began = time.Now()
			if s.listener.StallBegin != nil {
				s.listener.StallBegin(reason)
			}
		}
		select {
		case <-s.progress:
		case <-s.failed:
			return s.broken()
		}
	}
	if !began.IsZero() && s.listener.StallEnd != nil {
		s.listener.StallEnd(time.Since(began))
	}
	return nil
}
