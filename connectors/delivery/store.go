package delivery

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Outcome is how it ended with an action.
type Outcome byte

const (
	Sent    Outcome = 's'
	Failed  Outcome = 'f'
	Expired Outcome = 'e' // its expires_at had passed before anybody could try
)

// Record is what is remembered of an action.
type Record struct {
	Outcome Outcome
	At      int64 // ms, when the answer came
}

// Store remembers answers by action id, in a Pebble of its own. Safe for concurrent use.
type Store struct{ db *pebble.DB }

// OpenStore opens or makes the store in dir. FS nil is the machine's.
func OpenStore(dir string, fs vfs.FS) (*Store, error) {
	if fs == nil {
		fs = vfs.Default
	}
	o := &pebble.Options{FS: fs, FormatMajorVersion: pebble.FormatNewest, Logger: quiet{}}
	o.Levels[0].FilterPolicy = bloom.FilterPolicy(10)
	o.EnsureDefaults()
	db, err := pebble.Open(dir, o)
	if err != nil {
		return nil, fmt.Errorf("store of delivered actions: opening %s: %w", dir, err)
	}
	return &Store{db}, nil
}

// Close gives the store back.
func (s *Store) Close() error { return s.db.Close() }

// Lookup gives what is remembered of an action.
func (s *Store) Lookup(id string) (r Record, ok bool, err error) {
	v, closer, err := s.db.Get(idKey(id))
	if errors.Is(err, pebble.ErrNotFound) {
		return r, false, nil
	}
	if err != nil {
		return r, false, fmt.Errorf("store of delivered actions: %w", err)
	}
	r, err = decodeRecord(v)
	return r, err == nil, errors.Join(err, closer.Close())
}

// Remember records answers; when it returns nil they outlive the machine.
func (s *Store) Remember(records map[string]Record) error {
	if len(records) == 0 {
		return nil
	}
	b := s.db.NewBatch()
	for id, r := range records {
		v := binary.BigEndian.AppendUint64([]byte{byte(r.Outcome)}, uint64(r.At))
		if err := b.Set(idKey(id), v, nil); err != nil {
			return errors.Join(fmt.Errorf("store of delivered actions: %w", err), b.Close())
		}
	}
	if err := b.Commit(pebble.Sync); err != nil {
		return fmt.Errorf("store of delivered actions: %w", err)
	}
	return nil
}

// Retention is how long an answer is remembered. An action that comes again later than that is tried again: topics are
// read again so late only by hand.
const Retention = 30 * 24 * time.Hour

// Forget drops what is older than Retention, and says how much.
func (s *Store) Forget(now time.Time) (n int, err error) {
	before := now.Add(-Retention).UnixMilli()
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{'a'}, UpperBound: []byte{'b'}})
	if err != nil {
		return 0, fmt.Errorf("store of delivered actions: %w", err)
	}
	for it.First(); it.Valid() && err == nil; it.Next() {
		var r Record
		if r, err = decodeRecord(it.Value()); err == nil && r.At < before {
			n++
			err = s.db.Delete(it.Key(), pebble.NoSync) // what a crash brings back is dropped next time
		}
	}
	if err = errors.Join(err, it.Error(), it.Close()); err != nil {
		return n, fmt.Errorf("store of delivered actions: %w", err)
	}
	return n, nil
}

// Keys are 'a' and the action's id, so that other kinds may follow.
func idKey(id string) []byte { return append([]byte{'a'}, id...) }

func decodeRecord(v []byte) (Record, error) {
	if len(v) != 9 {
		return Record{}, fmt.Errorf("store of delivered actions: a record of %d bytes: delete the directory if nothing else reads it", len(v))
	}
	return Record{Outcome: Outcome(v[0]), At: int64(binary.BigEndian.Uint64(v[1:]))}, nil
}

// quiet keeps Pebble's own lines to itself: what goes wrong comes back as an error.
type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}

// Fatalf takes the place of one that ends the process: Pebble goes on, with an error to its caller.
func (quiet) Fatalf(string, ...any) {}
