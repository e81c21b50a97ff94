package schemas

import (
	"encoding/binary"
	"errors"

	"github.com/cespare/xxhash/v2"
)

const (
	recentLimit = 64                  // ids remembered of a customer
	recentFor   = 24 * 60 * 60 * 1000 // ms; an id handled exactly that long ago still counts
	recentSize  = 8 + 4               // of an entry: hash, and the low 32 bits of the time it was handled
)

// Recent remembers the ids of the customer's last 64 events, and when each was handled, for 24 hours.
//
// The naive way is a map from id to time: for the median customer it would be larger than all the rest of the
// document, for the collector 64 pointers to follow, and for the codec 64 texts. Here an id is its 64-bit xxHash (XXH64,
// seed 0), in one piece of memory without pointers that is also what stands in the document, so that encoding it is one
// copy. It grows with use, from two entries to 64.
//
// Two different ids of one customer have the same hash with odds of 2^-64, so an event is taken for a duplicate
// wrongly with odds of at most 64 × 2^-64 = 2^-58: at a billion events a day, once in about 800,000 years. The hash is
// not keyed: who may write a customer's events can make two ids collide, and harms no more than by sending the id twice.
//
// Entries are in the order of handling, oldest first. Times never go back and none is more than 24 hours older than
// the newest, so 32 bits (49 days) of each are enough beside the whole of the newest.
type Recent struct {
	newest  int64  // when the last entry was handled; no meaning without entries
	entries []byte // recentSize each
}

// Len is how many ids are remembered, 0 to 64.
func (r *Recent) Len() int { return len(r.entries) / recentSize }

// Seen reports whether an event of that id was handled not more than 24 hours before now, the customer's time in
// milliseconds, and is among the last 64. The empty id was never seen.
func (r *Recent) Seen(id string, now int64) bool {
	if id == "" || len(r.entries) == 0 {
		return false
	}
	hash := xxhash.Sum64String(id)
	// Newest first: what comes twice mostly does so soon. No id stands twice, since Add drops what Seen finds too old.
	for i := len(r.entries) - recentSize; i >= 0; i -= recentSize {
		if binary.LittleEndian.Uint64(r.entries[i:]) == hash {
			return !older(r.at(i), now)
		}
	}
	return false
}

// Add remembers the id of an event handled at now, the customer's time in milliseconds. The empty id takes no place
// (an event without one of its own has Event.EventID).
func (r *Recent) Add(id string, now int64) {
	if id == "" {
		return
	}
	drop := 0
	if n := len(r.entries); n > 0 {
		now = max(now, r.newest) // the caller's time never goes back; if it did, entries would claim the future
		for drop < n && older(r.at(drop), now) {
			drop += recentSize
		}
		if drop == 0 && n == recentLimit*recentSize {
			drop = recentSize
		}
	}
	if drop > 0 {
		r.entries = r.entries[:copy(r.entries, r.entries[drop:])]
	}
	if n := len(r.entries); n+recentSize > cap(r.entries) {
		grown := make([]byte, n, min(max(2*n, 2*recentSize), recentLimit*recentSize))
		copy(grown, r.entries)
		r.entries = grown
	}
	r.newest = now
	r.entries = binary.LittleEndian.AppendUint64(r.entries, xxhash.Sum64String(id))
	r.entries = binary.LittleEndian.AppendUint32(r.entries, uint32(now))
}

// at gives the whole time of the entry that begins at byte i.
func (r *Recent) at(i int) int64 {
	low := binary.LittleEndian.Uint32(r.entries[i+8:])
	return r.newest - int64(uint32(r.newest)-low)
}

// older reports whether at is more than 24 hours before now. The difference is taken unsigned, where it cannot
// overflow.
func older(at, now int64) bool { return now > at && uint64(now)-uint64(at) > recentFor }

// append adds the form in a document: the newest time, big-endian, and the entries as they are.
func (r *Recent) append(dst []byte) []byte {
	dst = appendBin(dst, 8+len(r.entries))
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.newest))
	return append(dst, r.entries...)
}

// set takes what append wrote, into room if that is not nil.
func (r *Recent) set(b, room []byte) error {
	if len(b) < 8 || (len(b)-8)%recentSize != 0 || len(b)-8 > recentLimit*recentSize {
		return errors.New("recent event ids of an impossible length")
	}
	r.newest = int64(binary.BigEndian.Uint64(b))
	r.entries = room[:0]
	if room == nil && len(b) > 8 {
		r.entries = make([]byte, 0, len(b)-8)
	}
	r.entries = append(r.entries, b[8:]...)
	return nil
}
