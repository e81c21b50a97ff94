package statestore

import (
	"errors"
	"math"

	"github.com/cockroachdb/pebble/v2"
)

// Get appends the customer's document to dst, whose memory is the caller's, and says whether there is one.
func (s *Store) Get(customer string, dst []byte) (doc []byte, ok bool, err error) {
	return s.lookup(kindDocument, customer, dst)
}

// IDs appends to dst what of the customer's document is kept apart, and says whether there is something.
func (s *Store) IDs(customer string, dst []byte) (ids []byte, ok bool, err error) {
	return s.lookup(kindIDs, customer, dst)
}

// Meta gives the value under a name, in memory of its own, and whether there is one.
func (s *Store) Meta(name string) (value []byte, ok bool, err error) {
	return s.lookup(kindMeta, name, nil)
}

func (s *Store) lookup(kind byte, name string, dst []byte) ([]byte, bool, error) {
	if err := s.enter(); err != nil {
		return dst, false, err
	}
	defer s.leave()
	key := s.keys.Get().(*[]byte)
	*key = appendKey((*key)[:0], kind, name)
	dst, ok, err := s.get(*key, dst)
	s.keys.Put(key)
	if err := s.lost("read", err); err != nil {
		return dst, false, err
	}
	return dst, ok, nil
}

func (s *Store) get(key, dst []byte) ([]byte, bool, error) {
	v, closer, err := s.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return dst, false, nil
	}
	if err != nil {
		return dst, false, err
	}
	dst = append(dst, v...)
	return dst, true, closer.Close()
}

// EachOwed calls f with every outbox record, by journal key in the order of its bytes (which is not the order of
// sequences: "10" comes before "9"), until f returns an error, which is returned as it is. The value is f's until it
// returns. What is applied meanwhile is not seen.
func (s *Store) EachOwed(f func(key string, value []byte) error) error {
	return s.each(kindOwed, f)
}

// EachDocument calls f with every document, by customer in the order of bytes, like EachOwed.
func (s *Store) EachDocument(f func(customer string, doc []byte) error) error {
	return s.each(kindDocument, f)
}

// Customers appends to into the customers who have a document, in the order of bytes, from behind after on ("" is before
// all), at most limit.
func (s *Store) Customers(after string, limit int, into []string) ([]string, error) {
	if limit <= 0 {
		return into, nil
	}
	lower := []byte{kindDocument}
	if after != "" {
		lower = append(appendKey(nil, kindDocument, after), 0)
	}
	end := len(into) + limit
	err := s.scan(lower, []byte{kindDocument + 1}, func(key []byte, _ *pebble.Iterator) (bool, error) {
		into = append(into, string(key[1:]))
		return len(into) < end, nil
	})
	return into, err
}

func (s *Store) each(kind byte, f func(string, []byte) error) error {
	var stop error
	err := s.scan([]byte{kind}, []byte{kind + 1}, func(key []byte, it *pebble.Iterator) (bool, error) {
		value, err := it.ValueAndErr()
		if err != nil {
			return false, err
		}
		stop = f(string(key[1:]), value)
		return stop == nil, nil
	})
	if stop != nil {
		return stop
	}
	return err
}

// scan calls f with the keys from lower to below upper until it wants no more.
func (s *Store) scan(lower, upper []byte, f func([]byte, *pebble.Iterator) (more bool, err error)) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return s.lost("scan", err)
	}
	for ok := it.First(); ok && err == nil; {
		var more bool
		if more, err = f(it.Key(), it); !more {
			break
		}
		ok = it.Next()
	}
	return s.lost("scan", errors.Join(err, it.Close()))
}

// Timers appends to into the timers behind after that are due at or before through, in their order, at most limit.
func (s *Store) Timers(after Cursor, through int64, limit int, into []Timer) ([]Timer, error) {
	if limit <= 0 {
		return into, nil
	}
	upper := []byte{kindTimer + 1}
	if through < math.MaxInt64 {
		upper = appendTimer(upper[:0], through+1, "")
	}
	lower := appendBehind(nil, after)
	if string(lower) >= string(upper) {
		return into, nil
	}
	end := len(into) + limit
	err := s.scan(lower, upper, func(key []byte, _ *pebble.Iterator) (bool, error) {
		t, err := parseTimer(key)
		if err != nil {
			return false, err
		}
		into = append(into, t)
		return len(into) < end, nil
	})
	return into, err
}

// NextTimer gives the first timer behind after, and whether there is one.
func (s *Store) NextTimer(after Cursor) (Timer, bool, error) {
	var one [1]Timer
	ts, err := s.Timers(after, math.MaxInt64, 1, one[:0])
	if err != nil || len(ts) == 0 {
		return Timer{}, false, err
	}
	return ts[0], true, nil
}

// Metrics are numbers about a Store. What concerns the cache is of all Stores that share it.
type Metrics struct {
	DiskBytes     uint64
	MemTableBytes uint64
	ReadAmp       int // layers that a read may have to look into
	L0Sublevels   int
	Debt          uint64 // bytes that compactions have still to write, an estimate
	CacheBytes    int64
	CacheHits     int64
	CacheMisses   int64
	Flushes       int64
	Compactions   int64
}

// Metrics gives the numbers of now; all zero when the Store is broken or closed.
func (s *Store) Metrics() Metrics {
	if err := s.enter(); err != nil {
		return Metrics{}
	}
	defer s.leave()
	m := s.db.Metrics()
	return Metrics{
		DiskBytes:     m.DiskSpaceUsage(),
		MemTableBytes: m.MemTable.Size,
		ReadAmp:       m.ReadAmp(),
		L0Sublevels:   int(m.Levels[0].Sublevels),
		Debt:          m.Compact.EstimatedDebt,
		CacheBytes:    m.BlockCache.Size,
		CacheHits:     m.BlockCache.Hits,
		CacheMisses:   m.BlockCache.Misses,
		Flushes:       m.Flush.Count,
		Compactions:   m.Compact.Count,
	}
}
