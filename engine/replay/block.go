package replay

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"slices"

	"wend/engine/journey"
	"wend/schemas"
)

// block is some whole lines of the log; once taken apart, its events in order of their parts.
type block struct {
	first int    // number of its first line
	raw   []byte // the lines, until it is taken apart

	text     []byte   // of the events, one behind the other
	records  []record // of the events, in order of parts, within a part in that of the log
	starts   []int    // where in records each part begins; one more for the end
	problems []problem

	last   int64 // time of the last event that has one of its own, or NoTime
	newest int64 // of these events
	lent   int64 // of the last event of the blocks before this one, or NoTime: that of events with NoTime in marks
}

// record is an event in a block.
type record struct {
	end   int // of its text; it begins where the one before ends
	line  int
	marks schemas.EventMarks
}

// problem is a line that is no event, or (timeless) is one only where an event of an earlier block lends it a time.
type problem struct {
	line     int
	reason   string
	timeless bool
}

func (b *block) textOf(i int) []byte {
	from := 0
	if i > 0 {
		from = b.records[i-1].end
	}
	return b.text[from:b.records[i].end]
}

// lines cuts a log into blocks.
type lines struct {
	r     io.Reader
	least int         // bytes of a block, but for the last
	used  chan []byte // memory of blocks that were taken apart
	rest  []byte      // the beginning of a line, read with the block before
	next  int         // number of the line that comes next
	done  bool        // there is no more
	err   error       // then: why, unless because the log has ended
}

// fill reads the next lines into b, at least one unless there is no more.
func (l *lines) fill(b *block) {
	b.first = l.next
	select {
	case b.raw = <-l.used:
	default:
	}
	b.raw = append(b.raw[:0], l.rest...)
	l.rest = l.rest[:0]
	want := l.least
	for idle := 0; ; {
		if len(b.raw) < want {
			if cap(b.raw) < want {
				b.raw = append(make([]byte, 0, want), b.raw...)
			}
			n, err := l.r.Read(b.raw[len(b.raw):want])
			b.raw = b.raw[:len(b.raw)+n]
			if idle++; n > 0 {
				idle = 0
			} else if idle == 100 && err == nil {
				err = io.ErrNoProgress
			}
			if err == nil {
				continue
			}
			if l.done = true; errors.Is(err, io.EOF) {
				return
			}
			l.err = err
		}
		end := bytes.LastIndexByte(b.raw, '\n') + 1
		if end == 0 && !l.done { // a line longer than a block
			want *= 2
			continue
		}
		l.rest = append(l.rest, b.raw[end:]...)
		b.raw = b.raw[:end]
		l.next += bytes.Count(b.raw, []byte{'\n'})
		if l.err != nil {
			l.err = fmt.Errorf("read line %d of the log: %w", l.next, l.err)
		}
		return
	}
}

// parser takes blocks apart. It serves one goroutine.
type parser struct {
	decoder *schemas.Decoder
	seed    maphash.Seed
	parts   int
	found   []found // the events of the block in hand, in the order of the log
	order   []int   // their places, in order of parts
	next    []int   // where in order each part goes on
}

type found struct {
	part     int
	from, to int // in block.raw
	line     int
	marks    schemas.EventMarks
}

func (p *parser) parse(b *block) {
	b.last, b.newest, b.lent = schemas.NoTime, schemas.NoTime, schemas.NoTime
	b.problems, p.found = b.problems[:0], p.found[:0]
	for from, line := 0, b.first; from < len(b.raw); line++ {
		end := len(b.raw)
		if n := bytes.IndexByte(b.raw[from:], '\n'); n >= 0 {
			end = from + n + 1
		}
		p.parseLine(b, line, from, end)
		from = end
	}
	p.deal(b)
}

func (p *parser) parseLine(b *block, line, from, end int) {
	whole := b.raw[from:end]
	text := journey.LineText(line, whole)
	if len(text) == 0 {
		return
	}
	var ev schemas.Event
	// A log has no records, hence no timestamps to bound its times.
	if err := p.decoder.Decode(text, schemas.Origin{Timestamp: schemas.NoTime}, &ev); err != nil {
		b.problems = append(b.problems, problem{line: line, reason: err.Error()})
		return
	}
	x := found{line: line, marks: p.decoder.Marks()}
	switch {
	case ev.Time != schemas.NoTime:
		b.last, b.newest = ev.Time, max(b.newest, ev.Time)
	case b.last != schemas.NoTime:
		x.marks.Time = b.last
	default:
		b.problems = append(b.problems, problem{line: line, timeless: true})
	}
	x.from = from + cap(whole) - cap(text) // text is a part of whole
	x.to = x.from + len(text)
	x.part = int(maphash.String(p.seed, ev.Customer) % uint64(p.parts))
	p.found = append(p.found, x)
}

// deal puts the events that were found into b in order of their parts.
func (p *parser) deal(b *block) {
	if b.starts == nil {
		b.starts = make([]int, p.parts+1)
	}
	clear(b.starts)
	size := 0
	for i := range p.found {
		b.starts[p.found[i].part+1]++
		size += p.found[i].to - p.found[i].from
	}
	for i := range p.parts {
		b.starts[i+1] += b.starts[i]
	}
	p.next = append(p.next[:0], b.starts...)
	p.order = slices.Grow(p.order[:0], len(p.found))[:len(p.found)]
	for i := range p.found {
		n := &p.next[p.found[i].part]
		p.order[*n] = i
		*n++
	}
	if cap(b.text) < size {
		b.text = make([]byte, 0, size)
	}
	if cap(b.records) < len(p.found) {
		b.records = make([]record, 0, len(p.found))
	}
	b.text, b.records = b.text[:0], b.records[:0]
	for _, i := range p.order {
		x := &p.found[i]
		b.text = append(b.text, b.raw[x.from:x.to]...)
		b.records = append(b.records, record{len(b.text), x.line, x.marks})
	}
}
