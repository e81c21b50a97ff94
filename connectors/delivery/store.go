package delivery

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"wend/schemas"
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

// Decision is what an answer belongs to. The id alone is not enough: enrollments of a customer who was forgotten and comes
// back count from 1 again. Every try of a decision has the same bytes, so the same id at another time is another decision.
type Decision struct {
	ActionID  string
	DecidedAt int64 // the customer's time, ms
}

func decisionOf(a *schemas.Action) Decision { return Decision{a.ID, a.DecidedAt} }

// Store remembers answers by decision, in a Pebble of its own. Action ids name customers, who may be forgotten before an
// answer is, so the store holds HMAC-SHA-256 of them under a random key of its own: who has the directory can try ids
// out, and reads none. Safe for concurrent use.
type Store struct {
	db      *pebble.DB
	key     []byte
	removed string
}

// OpenStore opens or makes the store in dir. FS nil is the machine's. What an older version left there is removed:
// Removed says so.
func OpenStore(dir string, fs vfs.FS) (*Store, error) {
	if fs == nil {
		fs = vfs.Default
	}
	s, err := openStore(dir, fs)
	if err != nil {
		return nil, fmt.Errorf("store of delivered actions: opening %s: %w", dir, err)
	}
	return s, nil
}

func openStore(dir string, fs vfs.FS) (*Store, error) {
	s, err := openPebble(dir, fs)
	if err != nil {
		return nil, err
	}
	err = s.loadKey()
	if !errors.Is(err, errPlain) {
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		return s, nil
	}
	// Files and all: what is only deleted stays in them until they are compacted.
	if err := errors.Join(s.Close(), fs.RemoveAll(dir)); err != nil {
		return nil, err
	}
	if s, err = openPebble(dir, fs); err != nil {
		return nil, err
	}
	s.removed = "it held action ids in plain text, as an older version wrote them, and not when they were decided; an action that was answered and not committed is tried once more"
	if err := s.loadKey(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func openPebble(dir string, fs vfs.FS) (*Store, error) {
	o := &pebble.Options{FS: fs, FormatMajorVersion: pebble.FormatNewest, Logger: quiet{}}
	o.Levels[0].FilterPolicy = bloom.FilterPolicy(10)
	o.EnsureDefaults()
	db, err := pebble.Open(dir, o)
	if err != nil {
		return nil, err
	}
	return &Store{db: db}, nil
}

// Keys: keyName has the HMAC's key. answers begin with 'h', then the id's HMAC, then the time of the decision. plain
// began those of an older version, with the id behind it.
const (
	keyName = "key"
	answers = 'h'
	plain   = 'a'
)

// errPlain is loadKey's where an older version has written.
var errPlain = errors.New("action ids in plain text")

// loadKey reads the store's key, or makes one for a store that is new.
func (s *Store) loadKey() error {
	v, closer, err := s.db.Get([]byte(keyName))
	if err == nil {
		s.key = bytes.Clone(v)
		if err := closer.Close(); err != nil {
			return err
		}
		if len(s.key) != sha256.Size {
			return fmt.Errorf("a key of %d bytes: delete the directory; what was answered and not committed is then tried once more", len(s.key))
		}
		return nil
	}
	if !errors.Is(err, pebble.ErrNotFound) {
		return err
	}
	it, err := s.db.NewIter(nil)
	if err != nil {
		return err
	}
	first := byte(0)
	if it.First() {
		first = it.Key()[0]
	}
	switch err := errors.Join(it.Error(), it.Close()); {
	case err != nil:
		return err
	case first == plain:
		return errPlain
	case first != 0:
		return errors.New("its key is missing: delete the directory; what was answered and not committed is then tried once more")
	}
	s.key = make([]byte, sha256.Size)
	if _, err := rand.Read(s.key); err != nil {
		return fmt.Errorf("no randomness: %w", err)
	}
	return s.db.Set([]byte(keyName), s.key, pebble.Sync)
}

// Removed says why what was in the directory had to go; "" when nothing had.
func (s *Store) Removed() string { return s.removed }

// Close gives the store back.
func (s *Store) Close() error { return s.db.Close() }

// Lookup gives what is remembered of a decision.
func (s *Store) Lookup(d Decision) (r Record, ok bool, err error) {
	v, closer, err := s.db.Get(s.answerKey(d))
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
func (s *Store) Remember(records map[Decision]Record) error {
	if len(records) == 0 {
		return nil
	}
	b := s.db.NewBatch()
	for d, r := range records {
		v := binary.BigEndian.AppendUint64([]byte{byte(r.Outcome)}, uint64(r.At))
		if err := b.Set(s.answerKey(d), v, nil); err != nil {
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
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{answers}, UpperBound: []byte{answers + 1}})
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

func (s *Store) answerKey(d Decision) []byte {
	m := hmac.New(sha256.New, s.key)
	m.Write([]byte(d.ActionID)) // a hash takes everything
	k := m.Sum(append(make([]byte, 0, 1+sha256.Size+8), answers))
	return binary.BigEndian.AppendUint64(k, uint64(d.DecidedAt))
}

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
