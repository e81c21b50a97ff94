package schemas

import (
	"encoding/binary"
	"errors"
)

const (
	trailLimit = 16
	trailSize  = 12 // of an entry; see Trail.Note for its bytes
	trailMark  = 1<<48 - 1
)

// TrailReach is how many decisions in a row, all different, leave nothing of what was remembered ahead of them.
const TrailReach = 2 * trailLimit

// Trail remembers the newest decisions on a customer of which nothing else in the document tells: entries that were
// refused, sends that a policy stopped or put off, enrollments that ended. It is there for whoever asks later why, and no
// decision depends on it.
//
// The naive way is a list of records with texts: longer than all the rest of the document, and a piece of garbage for
// each event that a journey refuses, which are most. Here a decision is 12 bytes, and the same one again only counts and
// takes the newest place, so that a customer who is refused at every event has one entry of it. Names are hashes: the
// program that is asked knows the names that there are. It grows with use, to 16 entries; then the oldest goes.
type Trail struct {
	entries []byte // trailSize each, oldest first
}

// TrailEntry is a decision as it is remembered.
type TrailEntry struct {
	Journey uint32 // a hash of its name, of which 24 bits count
	Code    uint8  // what was decided, as the program names it
	Detail  uint16 // a hash of what else belongs to it
	Times   int    // how often since it is remembered; 255 stands for that or more
	At      int64  // customer's time of the last, ms since 1970
}

// Note remembers a decision at now, the customer's time in milliseconds. Nothing is allocated but room for a further
// entry, where there is none.
func (t *Trail) Note(now int64, journey uint32, code uint8, detail uint16) {
	mark := uint64(journey)&(1<<24-1) | uint64(code)<<24 | uint64(detail)<<32
	times := uint64(1)
	drop := -1
	for i := 0; i < len(t.entries); i += trailSize {
		if x := binary.LittleEndian.Uint64(t.entries[i:]); x&trailMark == mark {
			times = min(x>>48&0xff+1, 255)
			drop = i
			break
		}
	}
	if drop < 0 && len(t.entries) >= trailLimit*trailSize {
		drop = 0
	}
	if drop >= 0 {
		t.entries = append(t.entries[:drop], t.entries[drop+trailSize:]...)
	}
	if n := len(t.entries); n+trailSize > cap(t.entries) {
		t.grow(min(max(2*n, 2*trailSize), trailLimit*trailSize))
	}
	t.append(now, mark, times)
}

func (t *Trail) grow(to int) {
	grown := make([]byte, len(t.entries), to)
	copy(grown, t.entries)
	t.entries = grown
}

// append writes the mark in 6 bytes, a byte that counts, and the low 40 bits of the time.
func (t *Trail) append(now int64, mark, times uint64) {
	t.entries = binary.LittleEndian.AppendUint64(t.entries, mark|times<<48|uint64(now)<<56)
	t.entries = binary.LittleEndian.AppendUint32(t.entries, uint32(now>>8))
}

// NoteEach is Note for each of some journeys in turn, of which no two among the last TrailReach may be the same in the bits
// that count. What cannot be left of them in the end is not written, so many cost no more than some.
func (t *Trail) NoteEach(now int64, journeys []uint32, code uint8, detail uint16) {
	// One that follows on trailLimit others finds them alone, and so is new; and of the first of those only what is still
	// there in the end has to know whether it was.
	known := journeys[:min(len(journeys), trailLimit)]
	fresh := journeys[len(known):]
	if len(journeys) >= TrailReach {
		known, fresh = nil, journeys[len(journeys)-trailLimit:]
	}
	for _, j := range known {
		t.Note(now, j, code, detail)
	}
	if len(fresh) == 0 {
		return
	}
	stay := 0
	if len(known) > 0 {
		stay = copy(t.entries, t.entries[len(fresh)*trailSize:])
	}
	t.entries = t.entries[:stay]
	if cap(t.entries) < trailLimit*trailSize {
		t.grow(trailLimit * trailSize)
	}
	for _, j := range fresh {
		t.append(now, uint64(j)&(1<<24-1)|uint64(code)<<24|uint64(detail)<<32, 1)
	}
}

// All gives what is remembered, oldest first, to whom the customer's time is now. What is older than 34 years is taken
// for younger.
func (t *Trail) All(now int64) []TrailEntry {
	var all []TrailEntry
	for i := 0; i < len(t.entries); i += trailSize {
		x, high := binary.LittleEndian.Uint64(t.entries[i:]), binary.LittleEndian.Uint32(t.entries[i+8:])
		low := x>>56 | uint64(high)<<8
		all = append(all, TrailEntry{
			Journey: uint32(x) & (1<<24 - 1), Code: uint8(x >> 24), Detail: uint16(x >> 32), Times: int(x >> 48 & 0xff),
			At: now - int64((uint64(now)-low)&(1<<40-1)),
		})
	}
	return all
}

// set takes the bytes that stand in a document, into room if that is not nil.
func (t *Trail) set(b, room []byte) error {
	if len(b)%trailSize != 0 || len(b) > trailLimit*trailSize {
		return errors.New("decisions of an impossible length")
	}
	t.entries = append(room[:0], b...)
	return nil
}
