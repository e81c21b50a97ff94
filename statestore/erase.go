package statestore

import (
	"context"

	"github.com/cockroachdb/pebble/v2"
)

// Erase removes the customers' documents and every timer of theirs, and rewrites the tables that held them. It reads the
// whole index of timers, and waits for the disk.
//
// What Pebble deletes stays in its files: in the tables until something compacts them, as bounds of tables in its
// manifest until there are two newer ones. So after Erase the owner calls Close, and EraseManifests.
func (s *Store) Erase(customers ...string) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	keys, err := s.traces(customers)
	if err != nil {
		return s.wrap("erase", err)
	}
	b := s.db.NewBatch()
	for _, k := range keys {
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
	for _, k := range keys {
		if err := s.db.Compact(context.Background(), k, append(k[:len(k):len(k)], 0), false); err != nil {
			return s.wrap("erase", err)
		}
		if err := s.broken(); err != nil {
			return s.wrap("erase", err)
		}
	}
	return nil
}

// traces are the keys that name the customers, there or not.
func (s *Store) traces(customers []string) ([][]byte, error) {
	of := make(map[string]bool, len(customers))
	var keys [][]byte
	for _, c := range customers {
		of[c] = true
		keys = append(keys, appendKey(nil, kindDocument, c))
	}
	err := s.scan([]byte{kindTimer}, []byte{kindTimer + 1}, func(key []byte, _ *pebble.Iterator) (bool, error) {
		if len(key) > timerHead && of[string(key[timerHead:])] {
			keys = append(keys, append([]byte(nil), key...))
		}
		return true, nil
	})
	return keys, err
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
