package statestore

import (
	"context"

	"github.com/cockroachdb/pebble/v2"
)

// Erase takes what was deleted of the customers out of the files: it rewrites the tables that held it. Of a customer who
// has no document every timer goes too. It reads the whole index of timers, and waits for the disk.
//
// What Pebble deletes stays in its files: in the tables until something compacts them, as bounds of tables in its
// manifest until there are two newer ones. So after Erase the owner calls Close, and EraseManifests.
func (s *Store) Erase(customers ...string) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	timers, keys, err := s.traces(customers)
	if err != nil {
		return s.wrap("erase", err)
	}
	b := s.db.NewBatch()
	for _, k := range timers {
		if err == nil {
			err = b.Delete(k, nil)
		}
	}
	if err == nil {
		err = s.db.Apply(b, pebble.NoSync)
	}
	if err != nil {
		_ = b.Close() // the first error says more
		return s.wrap("erase", err)
	}
	s.dirty.Store(true)
	if err := s.Flush(); err != nil {
		return err
	}
	for _, k := range append(keys, timers...) {
		if err := s.db.Compact(context.Background(), k, append(k[:len(k):len(k)], 0), false); err != nil {
			return s.wrap("erase", err)
		}
		if err := s.broken(); err != nil {
			return s.wrap("erase", err)
		}
	}
	return nil
}

// traces are the keys of the customers' documents, there or not, and of the timers of those who have none.
func (s *Store) traces(customers []string) (timers, documents [][]byte, err error) {
	of := make(map[string]bool, len(customers))
	for _, c := range customers {
		k := appendKey(nil, kindDocument, c)
		documents = append(documents, k)
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
