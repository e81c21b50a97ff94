package statestore

import (
	"bytes"
	"context"
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// eraseRounds bounds how often Erase looks what is left. One round rewrites what a compaction had only moved, but a table
// that is not on the last level yet may need one per level, and Pebble compacts on its own meanwhile.
const eraseRounds = 10

// Erase takes what was deleted of the customers out of the files: it rewrites the tables that held it. Of a customer who
// has no document every timer goes too, and the whole index of timers is rewritten, for where the removed ones were is
// not known. It waits for the disk.
//
// What Pebble deletes stays in its files: in the tables until something compacts them, as bounds of tables in its
// manifest until there are two newer ones. So after Erase the owner calls Close, and EraseManifests.
func (s *Store) Erase(customers ...string) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	return s.wrap("erase", s.erase(customers))
}

func (s *Store) erase(customers []string) error {
	timers, spans, err := s.traces(customers)
	if err != nil {
		return err
	}
	b := s.db.NewBatch()
	for _, k := range timers {
		if err := b.Delete(k, nil); err != nil {
			return errors.Join(err, b.Close())
		}
	}
	if err := s.applyNow(b); err != nil {
		return err
	}
	spans = append(spans, span{[]byte{kindTimer}, []byte{kindTimer + 1}})
	for _, sp := range spans {
		if err := s.compact(sp); err != nil {
			return err
		}
	}
	for range eraseRounds {
		left, err := s.tombs(spans)
		if err != nil || len(left) == 0 {
			return err
		}
		for _, key := range left {
			if err := s.rewrite(key); err != nil {
				return err
			}
		}
	}
	return errors.New("tables keep what was deleted, however often they are compacted")
}

// span is the keys from the first on, before the second.
type span struct{ from, to []byte }

func only(key []byte) span { return span{key, append(key[:len(key):len(key)], 0)} }

func (s *Store) compact(sp span) error {
	if err := s.db.Compact(whole{context.Background(), s}, sp.from, sp.to, false); err != nil {
		return err
	}
	return s.broken()
}

// whole is a context that ends when the Store breaks. From then on nothing is compacted (see compactions), and Pebble
// would wait for that for ever.
type whole struct {
	context.Context
	s *Store
}

func (w whole) Done() <-chan struct{} { return w.s.failed }
func (w whole) Err() error            { return w.s.broken() }

// applyNow applies a batch and has it on the disk.
func (s *Store) applyNow(b *pebble.Batch) error {
	if err := s.db.Apply(b, pebble.NoSync); err != nil {
		return errors.Join(err, b.Close())
	}
	s.dirty.Store(true)
	if err := b.Close(); err != nil {
		return err
	}
	return s.Flush()
}

// tombs are the first keys of the tables that reach into the spans and have tombstones: each of them names a key that is
// gone, and may cover it further down. A compaction leaves them where it has nothing to merge a table with, since it
// moves that to another level as it is.
func (s *Store) tombs(spans []span) (first [][]byte, err error) {
	seen := make(map[string]bool)
	for _, sp := range spans {
		levels, err := s.db.SSTables(pebble.WithProperties(), pebble.WithKeyRangeFilter(sp.from, sp.to))
		if err != nil {
			return nil, err
		}
		for _, tables := range levels {
			for _, t := range tables {
				if key := t.Smallest.UserKey; t.Properties.NumDeletions > 0 && !seen[string(key)] {
					seen[string(key)] = true
					first = append(first, bytes.Clone(key))
				}
			}
		}
	}
	return first, nil
}

// rewrite has the table that begins with the key merged with others that say of the key what holds already. There are two
// of these, because the table may be gone by now: Pebble rewrites what is mostly tombstones when it finds the time. One
// alone, with nothing to be merged with, would be moved to where the table was, and be the next to be found.
func (s *Store) rewrite(key []byte) error {
	value, there, err := s.get(key, nil)
	if err != nil {
		return err
	}
	for range 2 {
		b := s.db.NewBatch()
		if there {
			err = b.Set(key, value, nil)
		} else {
			err = b.Delete(key, nil)
		}
		if err != nil {
			return errors.Join(err, b.Close())
		}
		if err := s.applyNow(b); err != nil {
			return err
		}
	}
	return s.compact(only(key))
}

// traces are the timers of the customers who have no document, and where the documents are, or were.
func (s *Store) traces(customers []string) (timers [][]byte, documents []span, err error) {
	of := make(map[string]bool, len(customers))
	for _, c := range customers {
		k := appendKey(nil, kindDocument, c)
		documents = append(documents, only(k), only(appendKey(nil, kindIDs, c)))
		_, there, err := s.get(k, nil)
		if err != nil {
			return nil, nil, err
		}
		of[c] = !there
	}
	err = s.scan([]byte{kindTimer}, []byte{kindTimer + 1}, func(key []byte, _ *pebble.Iterator) (bool, error) {
		if len(key) > timerHead && of[string(key[timerHead:])] {
			timers = append(timers, append([]byte(nil), key...))
		}
		return true, nil
	})
	return timers, documents, err
}

// EraseManifests makes the manifests of a closed Store anew, twice: Pebble keeps the one before the last.
func EraseManifests(dir string, o Options) error {
	for range 2 {
		s, err := Open(dir, o)
		if err != nil {
			return err
		}
		if err := s.Close(); err != nil {
			return err
		}
	}
	return nil
}
