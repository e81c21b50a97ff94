package schemas

import "unsafe"

// DocumentReader reads documents one after another into the same memory. Whoever holds customers as bytes and looks at
// each for a moment pays neither for allocations nor for the collector, and touches one piece of memory that nobody has
// looked at lately instead of dozens.
type DocumentReader struct {
	doc    Document
	mem    *memory
	recent Recent // Note's
}

// NewDocumentReader makes a reader. It is not for several goroutines.
func NewDocumentReader() *DocumentReader {
	m := &memory{shares: true, recent: make([]byte, 0, recentLimit*recentSize), trail: make([]byte, 0, trailLimit*trailSize)}
	m.journeys.keep, m.entered.keep, m.enrollments.keep, m.early.keep, m.texts.keep = true, true, true, true, true
	m.visits.keep, m.sent.keep, m.variants.keep, m.counts.keep, m.times.keep, m.fields.keep = true, true, true, true, true, true
	m.deferred.keep, m.tallies.keep = true, true
	m.series.keep, m.summed.keep, m.buckets.keep, m.amounts.keep = true, true, true, true
	m.scores.keep, m.since.keep, m.looks.keep = true, true, true
	m.timers.keep = true
	return &DocumentReader{mem: m}
}

// Read is DecodeDocument, but that the document is valid only until the next call and only while b is not changed: its
// texts are part of b. It may be changed like any other document. States in journeys are read when they are asked for: what
// is wrong with one Document.Journeys.Err tells then.
func (x *DocumentReader) Read(b []byte) (*Document, error) {
	x.reset()
	r := reader{b: b, pos: 1, mem: x.mem, texts: unsafe.String(unsafe.SliceData(b), len(b))}
	if err := x.doc.read(b, &r); err != nil {
		return nil, err
	}
	return &x.doc, nil
}

// Note appends to dst the document b as it is when an event was handled that leaves nothing in it but its id and its time: what
// Read, Recent.Seen and Add, the later of the times and Append would make of it, without reading the rest, of which most
// documents consist. apart is what Recent.Attach wants, and ids as many as Recent.Crowded asks about.
//
// seen says that the event was handled before. Where ok is false the document has to be read: it has no ids or, with one more,
// too many, or it is not of the form that Append gives it. In both cases dst is given back as it was.
func (x *DocumentReader) Note(dst, b, apart []byte, id string, at int64, ids int) (doc []byte, seen, ok bool) {
	if len(b) < 2 || b[0] != documentFormat && b[0] != documentFormatApart || b[1]&0xf0 != 0x80 {
		return dst, false, false
	}
	r, known := reader{b: b, pos: 2}, &x.recent
	*known = Recent{}
	if r.uint() != keyDocTime {
		return dst, false, false
	}
	was := r.int()
	if r.uint() != keyDocRecent || known.set(r.bin(), x.mem.recent) != nil {
		return dst, false, false
	}
	if b[0] == documentFormatApart {
		if r.uint() != keyDocApart {
			return dst, false, false
		}
		known.before = int(min(r.uint(), recentLimit))
	}
	if r.err != nil || len(known.entries) == 0 || known.Attach(apart) != nil {
		return dst, false, false
	}
	if known.Seen(id, was) {
		return dst, true, true
	}
	now := max(was, at)
	known.Add(id, now)
	if known.Crowded(ids) {
		return dst, false, false
	}
	dst = appendInt(append(dst, b[0], b[1], keyDocTime), now)
	dst = known.append(append(dst, keyDocRecent))
	if known.before > 0 {
		dst = appendUint(append(dst, keyDocApart), uint64(known.before))
	}
	return append(dst, b[r.pos:]...), false, true
}

// Empty is NewDocument in the same memory, valid until the next call.
func (x *DocumentReader) Empty() *Document {
	x.reset()
	x.doc.Recent.entries = x.mem.recent[:0]
	return &x.doc
}

func (x *DocumentReader) reset() {
	x.doc = Document{Time: NoTime, Trail: Trail{x.mem.trail[:0]}} // room for decisions, where there are none yet
	m := x.mem
	m.journeys.used, m.entered.used, m.enrollments.used, m.early.used, m.texts.used = 0, 0, 0, 0, 0
	m.visits.used, m.sent.used, m.variants.used, m.counts.used, m.times.used, m.fields.used = 0, 0, 0, 0, 0, 0
	m.deferred.used, m.tallies.used = 0, 0
	m.series.used, m.summed.used, m.buckets.used, m.amounts.used = 0, 0, 0, 0
	m.scores.used, m.since.used, m.looks.used = 0, 0, 0
	m.timers.used = 0
}

// memory is where the lists of a document go.
type memory struct {
	shares      bool   // texts are part of what is read; else a copy of it
	recent      []byte // room for all ids; nil: new memory
	trail       []byte // room for all decisions
	journeys    slab[JourneyState]
	entered     slab[Entered]
	enrollments slab[Enrollment]
	early       slab[Early]
	texts       slab[string]
	visits      slab[Visit]
	sent        slab[Sent]
	variants    slab[Variant]
	counts      slab[Count]
	timers      slab[TriggerTimer]
	times       slab[int64]
	fields      slab[Field]
	deferred    slab[Deferred]
	tallies     slab[Tally]
	series      slab[Series]
	summed      slab[Summed]
	buckets     slab[Bucket]
	amounts     slab[Amount]
	scores      slab[ScoreState]
	since       slab[Since]
	looks       slab[uint64]
}

// slab gives out lists from one piece of memory. A list has no more room to grow than was asked for, so growing one never
// writes into another.
type slab[T any] struct {
	buf  []T
	used int
	keep bool // false: each list is memory of its own
}

// mostKept bounds what a slab keeps: one giant document must not stay for ever.
const mostKept = 4096

func (s *slab[T]) take(n int) []T { return s.takeRoom(n, 0) }

// takeRoom gives out a list of n with room for some more: what events mostly make longer need not move then.
func (s *slab[T]) takeRoom(n, more int) []T {
	all := n + more
	if !s.keep || all > mostKept {
		return make([]T, n)
	}
	if s.used+all > len(s.buf) { // what was given out of the old piece stays as it is
		s.buf, s.used = make([]T, min(max(16, 2*len(s.buf), all), mostKept)), 0
	}
	x := s.buf[s.used : s.used+all : s.used+all]
	s.used += all
	clear(x)
	return x[:n]
}
