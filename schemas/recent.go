package schemas

import (
	"encoding/binary"
	"errors"
	"fmt"

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
//
// Of a customer with many events the ids are most of the document, and each event changes one of them. So whoever writes
// documents down keeps the older ones apart (Split): they are written once in many events, and the document says only how
// many there are.
type Recent struct {
	newest  int64  // when the last entry was handled; no meaning without entries
	entries []byte // recentSize each
	apart   idPage // the ids before them, as Split gave them and never changed; nil: none, or they are not at hand
	before  int    // how many these are
}

// Len is how many ids are remembered, 0 to 64.
func (r *Recent) Len() int { return min(recentLimit, len(r.entries)/recentSize+r.before) }

// Seen reports whether an event of that id was handled not more than 24 hours before now, the customer's time in
// milliseconds, and is among the last 64. The empty id was never seen.
func (r *Recent) Seen(id string, now int64) bool {
	if id == "" || len(r.entries) == 0 {
		return false
	}
	hash := xxhash.Sum64String(id)
	if at, found := lastOf(r.entries, hash, r.newest); found {
		return !older(at, now)
	}
	if len(r.apart) == 0 {
		return false
	}
	at, found := r.apart.find(hash, max(0, len(r.entries)/recentSize+r.before-recentLimit))
	return found && !older(at, now)
}

// lastOf gives when the id of that hash was handled last by these entries, none of which is younger than newest. It looks at the
// newest first: what comes twice mostly does so soon, and of an id that stands twice, since what is apart keeps what is too old,
// the newest counts.
func lastOf(entries []byte, hash uint64, newest int64) (at int64, found bool) {
	for i := len(entries) - recentSize; i >= 0; i -= recentSize {
		if binary.LittleEndian.Uint64(entries[i:]) == hash {
			return timeOf(entries[i:], newest), true
		}
	}
	return 0, false
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
		for drop < n && older(timeOf(r.entries[drop:], r.newest), now) {
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

// idPage is the ids that are apart, oldest first: when the newest of them was handled, the low 16 bits of each hash, and then
// the rest of each entry. Of almost every event that is new these bits tell it; so a look reads a sixth of the page, and what it
// has to wait for is that little (ApartReads).
type idPage []byte

const (
	pageHead  = 8
	printSize = 2
	restSize  = recentSize - printSize
)

// ApartReads is how many of the first bytes of what is apart Seen reads at almost every event, at most.
const ApartReads = pageHead + recentLimit*printSize

func (p idPage) n() int        { return (len(p) - pageHead) / recentSize }
func (p idPage) newest() int64 { return int64(binary.BigEndian.Uint64(p)) }

// prints are the low bits of the ids from the first on.
func (p idPage) prints(first int) []byte {
	return p[pageHead+first*printSize : pageHead+p.n()*printSize]
}

// rest is the upper bits and the time of id i.
func (p idPage) rest(i int) []byte {
	at := pageHead + p.n()*printSize + i*restSize
	return p[at : at+restSize]
}

// time is when id i was handled.
func (p idPage) time(i int) int64 {
	return wholeTime(binary.LittleEndian.Uint32(p.rest(i)[restSize-4:]), p.newest())
}

// find gives when the id of that hash was handled last, if it is among those from the first on.
func (p idPage) find(hash uint64, first int) (at int64, found bool) {
	if !anyPrint(p.prints(first), uint16(hash)) {
		return 0, false
	}
	for i := p.n() - 1; i >= first; i-- {
		if binary.LittleEndian.Uint16(p[pageHead+i*printSize:]) != uint16(hash) {
			continue
		}
		if rest := p.rest(i); uint64(binary.LittleEndian.Uint32(rest))|uint64(binary.LittleEndian.Uint16(rest[4:]))<<32 == hash>>16 {
			return p.time(i), true
		}
	}
	return 0, false
}

// anyPrint says whether one of the prints may be that; where none is it mostly says so.
func anyPrint(prints []byte, want uint16) bool {
	const each, high = 0x0001_0001_0001_0001, 0x8000_8000_8000_8000
	all := uint64(want) * each
	for ; len(prints) >= 8; prints = prints[8:] { // four at a time: one that is equal leaves zero, from which 1 is borrowed
		if x := binary.LittleEndian.Uint64(prints) ^ all; (x-each)&^x&high != 0 {
			return true
		}
	}
	for ; len(prints) > 0; prints = prints[printSize:] {
		if binary.LittleEndian.Uint16(prints) == want {
			return true
		}
	}
	return false
}

// Crowded says whether the document itself has more than so many ids, which is at least 1.
func (r *Recent) Crowded(ids int) bool { return len(r.entries) > ids*recentSize }

// Split takes the ids apart and leaves the document the newest. What is apart then is appended to dst, those that were before
// among them, and is to be given to Attach whenever the document was read. The ids that are apart must be attached, and the
// document have more than one itself.
func (r *Recent) Split(dst []byte) (apart []byte) {
	n := len(r.entries)/recentSize - 1 // that go now
	gone := r.entries[:n*recentSize]
	newest := timeOf(gone[len(gone)-recentSize:], r.newest)
	first, were := 0, 0
	if len(r.apart) > 0 {
		first, were = max(0, n+r.before-(recentLimit-1)), r.apart.n()
		for first < were && older(r.apart.time(first), newest) {
			first++
		}
		first = min(first, were)
	}
	dst = binary.BigEndian.AppendUint64(dst, uint64(newest))
	if first < were {
		dst = append(dst, r.apart.prints(first)...)
	}
	for i := 0; i < len(gone); i += recentSize {
		dst = append(dst, gone[i:i+printSize]...)
	}
	if first < were {
		dst = append(dst, r.apart[len(r.apart)-(were-first)*restSize:]...)
	}
	for i := 0; i < len(gone); i += recentSize {
		dst = append(dst, gone[i+printSize:i+recentSize]...)
	}
	r.entries = r.entries[:copy(r.entries, r.entries[n*recentSize:])]
	r.apart, r.before = nil, were-first+n
	return dst
}

// Apart is how many ids are apart, of which Seen knows only when they are attached. 0: none.
func (r *Recent) Apart() int { return r.before }

// Attach gives the ids that are apart, which must stay as they are while the document is in use. An error says that they
// are not this document's.
func (r *Recent) Attach(apart []byte) error {
	want := 0
	if r.before > 0 {
		want = pageHead + r.before*recentSize
	}
	if len(apart) != want {
		return fmt.Errorf("ids of earlier events: %d bytes, and the document wants %d of them", len(apart), want)
	}
	r.apart = apart
	return nil
}

// timeOf gives the whole time of an entry that is not younger than the newest, nor older by 49 days.
func timeOf(entry []byte, newest int64) int64 {
	return wholeTime(binary.LittleEndian.Uint32(entry[8:]), newest)
}

// wholeTime is that for the low 32 bits of its time.
func wholeTime(low uint32, newest int64) int64 { return newest - int64(uint32(newest)-low) }

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
