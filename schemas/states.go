package schemas

import (
	"fmt"
	"slices"
	"unsafe"
)

// States are a customer's states in journeys, in order of Journey.
//
// Of the journeys in which a customer has been, an event concerns few. So a DocumentReader leaves each state as the bytes that
// it found, until somebody asks for it (At), and a state that nobody has asked for is written as it was read: what a
// document costs does not grow with the journeys that have nothing to do with the event.
type States struct {
	list []JourneyState
	mem  *memory // where states that are still bytes go
	err  error
}

// sealed is a state as it was read: what must be known of it at every event, and its bytes. The zero value: it was opened.
type sealed struct {
	bytes   []byte
	due     int64  // JourneyState.soonest
	version uint64 // JourneyState.version
}

// What stands for no enrollment, and for enrollments of more versions than one.
const (
	noVersion       = 0
	severalVersions = 1<<64 - 1
)

// Len is of how many journeys there is a state.
func (s *States) Len() int { return len(s.list) }

// Name is the journey of state i.
func (s *States) Name(i int) string { return s.list[i].Journey }

// At gives state i, which may be changed, and is valid until Insert or Delete. Where its bytes are damaged it is empty
// but for the name, and Err says so.
func (s *States) At(i int) *JourneyState {
	x := &s.list[i]
	if x.sealed.bytes != nil {
		s.open(x)
	}
	return x
}

// Soonest is a moment before which no timer of state i is due, mostly that of the first; Never where there is none.
func (s *States) Soonest(i int) int64 {
	if x := &s.list[i]; x.sealed.bytes != nil {
		return x.sealed.due
	}
	return s.list[i].soonest()
}

// Version is that of state i's enrollments, running and ended, where all are of one; some is false where there are none,
// one where there is more than one.
func (s *States) Version(i int) (version uint64, some, one bool) {
	x := &s.list[i]
	if version = x.sealed.version; x.sealed.bytes == nil {
		version = x.version()
	}
	return version, version != noVersion, version != severalVersions
}

// Insert makes an empty state of a journey at place i.
func (s *States) Insert(i int, journey string) *JourneyState {
	s.list = slices.Insert(s.list, i, JourneyState{Journey: journey})
	return &s.list[i]
}

// Delete takes state i away.
func (s *States) Delete(i int) { s.list = slices.Delete(s.list, i, i+1) }

// Err says what was wrong with the bytes of a state that was asked for: then what was made of the document is void.
func (s *States) Err() error { return s.err }

func (s *States) open(x *JourneyState) {
	name, was := x.Journey, x.sealed
	*x = JourneyState{}
	r := reader{b: was.bytes, mem: s.mem}
	if s.mem.shares {
		r.texts = unsafe.String(unsafe.SliceData(was.bytes), len(was.bytes))
	}
	r.state(x)
	switch {
	case r.err != nil:
	case r.pos < len(was.bytes):
		r.fail("bytes behind the state")
	case x.soonest() < was.due, x.version() != was.version:
		r.fail("another due time or version than is said of the state")
	}
	if r.err != nil {
		*x = JourneyState{}
		if s.err == nil {
			s.err = fmt.Errorf("read document: state of journey %q: %w", name, r.err)
		}
	}
	x.Journey = name
}

// openAll leaves nothing for later.
func (s *States) openAll() error {
	for i := range s.list {
		s.At(i)
	}
	s.mem = nil
	return s.err
}

// soonest is the least due time of the state's timers as they are written.
func (s *JourneyState) soonest() int64 {
	due := int64(Never)
	for k := range s.Running {
		due = min(due, s.Running[k].Due)
		for n := range s.Running[k].Deferred {
			due = min(due, s.Running[k].Deferred[n].Due)
		}
	}
	for k := range s.Ended {
		for n := range s.Ended[k].Deferred {
			due = min(due, s.Ended[k].Deferred[n].Due)
		}
	}
	for k := range s.Timers {
		due = min(due, s.Timers[k].Due)
	}
	return due
}

// version is that of all enrollments, noVersion without any, severalVersions where they differ (or are of none).
func (s *JourneyState) version() uint64 {
	v := uint64(noVersion)
	for _, list := range [...][]Enrollment{s.Running, s.Ended} {
		for k := range list {
			switch x := list[k].Version; {
			case x == noVersion || v != noVersion && v != x:
				return severalVersions
			default:
				v = x
			}
		}
	}
	return v
}

// append writes [journey, bytes, due, version]; the last two are left out where there is nothing to say.
func (s *States) append(dst []byte) []byte {
	dst = appendArray(dst, len(s.list))
	for i := range s.list {
		x := &s.list[i]
		due, version := x.sealed.due, x.sealed.version
		if x.sealed.bytes == nil {
			due, version = x.soonest(), x.version()
		}
		n := byte(2)
		switch {
		case version != noVersion:
			n = 4
		case due != Never:
			n = 3
		}
		dst = appendString(append(dst, 0x90|n), x.Journey)
		if x.sealed.bytes != nil {
			dst = append(appendBin(dst, len(x.sealed.bytes)), x.sealed.bytes...)
		} else {
			dst = appendSized(dst, x)
		}
		if n > 2 {
			dst = appendInt(dst, due)
		}
		if n > 3 {
			dst = appendUint(dst, version)
		}
	}
	return dst
}

// appendSized writes a state as bytes. How many they are is known behind them: there is room for the number of few, and
// for that of many room is made.
func appendSized(dst []byte, x *JourneyState) []byte {
	at := len(dst)
	dst = x.append(append(dst, 0xc4, 0))
	n := len(dst) - at - 2
	switch {
	case n < 1<<8:
		dst[at+1] = byte(n)
	case n < 1<<16:
		dst = slices.Insert(dst, at, 0)
		appendBin(dst[:at], n)
	default:
		dst = slices.Insert(dst, at, 0, 0, 0)
		appendBin(dst[:at], n)
	}
	return dst
}

// states reads what append wrote, without opening anything.
func (r *reader) states() States {
	s := States{list: r.mem.journeys.takeRoom(r.array(leastSealed), 1), mem: r.mem}
	for i := range s.list {
		x := &s.list[i]
		n := r.array(1)
		x.Journey = r.stringOf(n, 0)
		if n > 1 {
			x.sealed.bytes = r.bin()
		}
		x.sealed.due = Never
		if n > 2 {
			x.sealed.due = r.int()
		}
		if n > 3 {
			x.sealed.version = r.uint()
		}
		r.rest(n, 4)
		if len(x.sealed.bytes) == 0 {
			r.fail("a state without bytes")
		}
		if i > 0 && s.list[i-1].Journey >= x.Journey {
			r.fail("journeys out of order")
		}
		if r.err != nil {
			return States{}
		}
	}
	return s
}
