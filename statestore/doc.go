// Package statestore is a shard's view: the customers' documents, the timer index and the journal position they stand
// at, in a Pebble of its own. It knows keys and bytes, never journeys.
//
// # What is where
//
// One byte says what a key is; what follows it is the key's own. This table is the format, version 1:
//
//	c CUSTOMER        a document, as Batch.PutDocument got it
//	f                 the format's version, written before anything else
//	i CUSTOMER        what of the document is kept apart, as Batch.PutIDs got it
//	m NAME            small values: head, journal position, claim
//	o KEY             an outbox record under its journal key, o/TOPIC/PARTITION/SEQUENCE
//	t DUE CUSTOMER    a timer, empty; DUE is 8 bytes, big-endian, sign bit flipped, so that bytes sort as times do
//
// # What is on disk after a crash
//
// The journal is the write-ahead log, and Pebble's own is off. Then after a crash the view is what it was right after
// one of its batches: nothing torn, nothing applied later without what was applied before. In Pebble v2.1:
//
//   - a batch lies in one memtable whole (memTable.prepare reserves all of its space, or the memtable is rotated
//     first), and a memtable is flushed only when every batch in it is (readyForFlush counts writers);
//   - a batch larger than half a memtable is a flushable of its own, queued behind the memtable it follows;
//   - a flush takes a prefix of that queue (DB.flush1), syncs its tables, and becomes visible by one record of the
//     manifest, synced too; a compaction rewrites only what a flush brought;
//   - the manifest carries the highest sequence number, so the next process writes above everything that is there.
//
// A view may so be behind the journal by what memtables hold: a few of Options.MemTableBytes, or less where the owner
// calls Flush. Pebble's documentation calls the option untested, though its metamorphic tests run with it; the crash
// tests here are for that. Close without a flush would lose the memtables: Close flushes.
//
// # When the disk fails
//
// The first failed write or read makes the Store broken: every call from then on returns that error, nobody hangs, and
// no process ends (see disk, for what Pebble would do). On disk the view is a prefix then, as after a crash; in memory it
// may be ahead of that in ways that nobody can mend. So the owner closes it. What ErrDamaged is in cannot be opened
// again: Destroy it, and read the journal. Behind any other error it may be opened again when the disk works.
//
// # Who may call
//
// Apply, Erase and the Batch belong to one goroutine, the shard's. Everything else may be called from any, at any time;
// behind Close everything returns ErrClosed.
package statestore
