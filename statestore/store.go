package statestore

import (
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

type Cache struct{}

func NewCache(bytes int64) *Cache { return nil }
func (c *Cache) Close()           {}

type Listener struct {
	BackgroundError func(error)
	Corruption      func(error)
	WriteStallBegin func(reason string)
	WriteStallEnd   func()
	DiskSlow        func(op, path string, took time.Duration)
	Flushed         func(took time.Duration, bytes uint64)
}

type Options struct {
	FS            vfs.FS
	Cache         *Cache
	MemTableBytes int
	ReadOnly      bool
	Listener      Listener
}

type Store struct{}

func Open(dir string, o Options) (*Store, error) { return nil, nil }
func Destroy(dir string, fs vfs.FS) error        { return nil }
func (s *Store) Close() error                    { return nil }
func (s *Store) Flush() error                    { return nil }
func (s *Store) Get(customer string, dst []byte) (doc []byte, ok bool, err error) {
	return nil, false, nil
}
func (s *Store) Meta(name string) (value []byte, ok bool, err error)          { return nil, false, nil }
func (s *Store) EachOwed(f func(key string, value []byte) error) error        { return nil }
func (s *Store) EachDocument(f func(customer string, doc []byte) error) error { return nil }
func (s *Store) Apply(b *Batch) error                                         { return nil }
func (s *Store) NewBatch() *Batch                                             { return nil }
func (s *Store) Timers(after Cursor, through int64, limit int, into []Timer) ([]Timer, error) {
	return nil, nil
}
func (s *Store) NextTimer(after Cursor) (Timer, bool, error) { return Timer{}, false, nil }
func (s *Store) Metrics() Metrics                            { return Metrics{} }

type Batch struct{}

func (b *Batch) PutDocument(customer string, doc []byte) {}
func (b *Batch) DeleteDocument(customer string)          {}
func (b *Batch) PutTimer(due int64, customer string)     {}
func (b *Batch) RemoveTimersThrough(c Cursor)            {}
func (b *Batch) PutMeta(name string, value []byte)       {}
func (b *Batch) PutOwed(key string, value []byte)        {}
func (b *Batch) DeleteOwed(key string)                   {}
func (b *Batch) Empty() bool                             { return true }
func (b *Batch) Reset()                                  {}
func (b *Batch) Close()                                  {}

type Cursor struct {
	Due      int64
	Customer string
}
type Timer = Cursor

type Metrics struct {
	DiskBytes, MemTableBytes uint64
	ReadAmp, L0Sublevels     int
	CacheBytes               int64
	CacheHits, CacheMisses   int64
}
