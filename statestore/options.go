package statestore

import (
	"fmt"
	"runtime"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Options of a Store. The zero value is a store on disk with a small cache of its own.
type Options struct {
	FS    vfs.FS // nil: the disk
	Cache *Cache // shared by the shards of a process; nil: 8 MiB of its own

	// MemTableBytes is how much is gathered before it is written to disk, 0: 32 MiB. Up to stopFactor times as much is
	// held in memory, and read again from the journal after a crash.
	MemTableBytes int

	ReadOnly bool // nothing is written; Open fails where there is no store
	Listener Listener
}

// Listener is told what happens in the background. Every func may be nil, and is called from any goroutine, with locks
// held: it must return at once and not call the Store.
type Listener struct {
	Broken     func(error)                                       // once: the Store is of no use any more, and why
	StallBegin func(reason string)                               // Apply waits for the disk
	StallEnd   func(waited time.Duration)                        // and goes on
	DiskSlow   func(op, path string, took time.Duration)         // one operation took over 5 s
	Flushed    func(took time.Duration, bytes uint64, err error) // a memtable went to disk
	Compacted  func(took time.Duration, bytes uint64, err error)
}

// Cache is what the Stores of a process share: memory for blocks, open files, and the processors, of which compactions
// have half. Close it after them.
type Cache struct {
	blocks *pebble.Cache
	files  *pebble.FileCache
	turns  *turns
}

// openFiles is for all shards together; a view of a million customers has some twenty tables.
const openFiles = 2048

// NewCache makes a cache of so many bytes of blocks, uncompressed. It is filled as it is used.
func NewCache(bytes int64) *Cache {
	return &Cache{blocks: pebble.NewCache(max(bytes, 1<<20)), files: pebble.NewFileCache(4, openFiles),
		turns: &turns{free: max(1, runtime.GOMAXPROCS(0)/2)}}
}

// Close gives the memory back. Stores still open keep it until they are closed.
func (c *Cache) Close() {
	c.files.Unref()
	c.blocks.Unref()
}

const (
	defaultMemTable = 32 << 20
	blockBytes      = 8 << 10
	indexBytes      = 64 << 10

	// Apply waits, itself, when so many memtables are full or so many layers lie on level 0. Pebble's own limits are
	// beyond, because its wait has no end when the disk has failed.
	stopFactor   = 4
	stopLayers   = 24
	pebbleFactor = 4 * stopFactor
	pebbleLayers = 1000

	// fewCompactions is how many Pebble has at a time while it is not behind.
	fewCompactions = 1
)

func (s *Store) pebbleOptions(o Options) *pebble.Options {
	p := &pebble.Options{
		FS:                          disk{o.FS, s},
		FormatMajorVersion:          pebble.FormatNewest,
		DisableWAL:                  true,
		ReadOnly:                    o.ReadOnly,
		MemTableSize:                uint64(s.memTable),
		MemTableStopWritesThreshold: pebbleFactor,
		// Customers come in any order: whatever is compacted from level 0 rewrites all of what lies below, so it is to be more.
		L0CompactionThreshold:      8,
		L0StopWritesThreshold:      pebbleLayers,
		LBaseMaxBytes:              64 << 20,
		CompactionConcurrencyRange: func() (int, int) { return fewCompactions, 2 },
		Logger:                     logger{s},
		EventListener:              s.events(o.Listener),
	}
	if o.Cache != nil {
		p.Cache, p.FileCache = o.Cache.blocks, o.Cache.files
	}
	for i := range p.Levels {
		p.Levels[i].BlockSize = blockBytes
		p.Levels[i].IndexBlockSize = indexBytes
		// The last level too: a customer never seen before is asked for once, and must not cost a read.
		p.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		p.Levels[i].FilterType = pebble.TableFilter
		p.Levels[i].Compression = func() *sstable.CompressionProfile { return sstable.NoCompression }
	}
	s.compactions = &compactions{s: s, turns: &turns{free: 2}}
	if o.Cache != nil {
		s.compactions.turns = o.Cache.turns
	}
	p.Experimental.CompactionScheduler = s.compactions
	return p
}

func (s *Store) events(l Listener) *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: func(err error) { s.fail(err) },
		DataCorruption: func(i pebble.DataCorruptionInfo) {
			s.fail(fmt.Errorf("corrupt file %s: %w: %w", i.Path, ErrDamaged, i.Details))
		},
		DiskSlow: func(i pebble.DiskSlowInfo) {
			if l.DiskSlow != nil {
				l.DiskSlow(i.OpType.String(), i.Path, i.Duration)
			}
		},
		FlushEnd: func(i pebble.FlushInfo) {
			s.wake()
			if l.Flushed != nil {
				l.Flushed(i.TotalDuration, i.InputBytes, i.Err)
			}
		},
		CompactionEnd: func(i pebble.CompactionInfo) {
			s.wake()
			if l.Compacted != nil {
				var n uint64
				for _, t := range i.Output.Tables {
					n += t.Size
				}
				l.Compacted(i.TotalDuration, n, i.Err)
			}
		},
	}
}
