// Package replay runs a log of events through the pure core on all processors. It knows nothing of Kafka.
//
// The naive way takes the log as it lies: each event finds its customer's document, which a hundred thousand others have
// driven out of the processor's caches since, and the misses cost more than the decision. They are also many documents for
// the collector to walk over, and one goroutine. But customers are independent of one another. So a stretch of the log is
// read first, and its events are dealt out to parts by a hash of their customers, each part's in the order of the log; then one
// part after the other is run, whose few documents stay where they are close, and are let go of when the log has ended.
// Both are done by several goroutines, block by block and part by part. What comes of it does not depend on how many
// they are, on how the log is cut into blocks and stretches, or on which customers meet in a part.
//
// Memory: a stretch of the log with 48 bytes for each event. The documents of a log of one stretch, which is most logs, are
// never all there at once; those of a longer one are, between stretches.
package replay

import (
	"fmt"
	"hash/maphash"
	"io"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"

	"wend/engine/journey"
	"wend/schemas"
)

// Part simulates some of the customers. One goroutine at a time uses it.
type Part interface {
	// Offer is given the events of the part's customers in the order of the log, each with the number of its line. Nothing of
	// its memory is the part's to keep.
	Offer(line int, ev *schemas.Event)
	// Finish says that the log has ended, and when its newest event was. It returns nil, or what kept it from finishing.
	Finish(newest int64) *Failure
}

// Failure is what kept a part from finishing, and the number of the line with the first event of the customer concerned:
// of several failures the first in the log counts.
type Failure struct {
	Line int
	Err  error
}

// Options say how a log is read.
type Options struct {
	Format  schemas.Format
	Workers int // goroutines; 0: as many as there are processors

	size sizes // of the zero value: usual
}

// sizes are those of what a log is cut into.
type sizes struct {
	stretch, block int // bytes of the log, at least
	parts          int
}

// A part's events of a usual stretch, and its documents, fit a second-level cache.
var usual = sizes{stretch: 128 << 20, block: 1 << 20, parts: 512}

// Run reads a log, as journey.ReadLog does, and gives its events to parts, of which it makes as many as it needs, from several
// goroutines, and which it returns in no order. Lines that are no event go to skipped in their order. It also returns the
// first failure of a part, if any; or else an error of reading, or of a format that cannot be read: then parts were not
// told to finish.
func Run[P Part](log io.Reader, o Options, part func() P, skipped func(line int, reason string)) ([]P, *Failure, error) {
	r, err := newRun(log, o)
	if err != nil {
		return nil, nil, fmt.Errorf("the log: %w", err)
	}
	var failed *Failure
	for !r.in.done {
		r.read()
		r.join(skipped)
		failed = r.play(func() Part { return part() })
	}
	var parts []P
	for _, p := range r.parts {
		if p != nil {
			parts = append(parts, p.(P))
		}
	}
	return parts, failed, r.in.err
}

type run struct {
	size    sizes
	in      lines
	parsers []*parser // of a goroutine each
	parts   []Part    // nil: not needed yet
	blocks  []*block  // of the stretch in hand
	spare   []*block
	last    int64 // time of the last event so far, for those without
	newest  int64
}

func newRun(log io.Reader, o Options) (*run, error) {
	if o.Workers < 1 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.size == (sizes{}) {
		o.size = usual
	}
	r := &run{size: o.size, parts: make([]Part, o.size.parts), last: schemas.NoTime, newest: schemas.NoTime}
	r.in = lines{r: log, least: o.size.block, used: make(chan []byte, o.Workers+1), next: 1}
	seed := maphash.MakeSeed()
	for range o.Workers {
		d, err := schemas.NewDecoder(o.Format)
		if err != nil {
			return nil, err
		}
		r.parsers = append(r.parsers, &parser{decoder: d, seed: seed, parts: o.size.parts})
	}
	return r, nil
}

// read reads the next stretch. One goroutine reads, the others take apart what it has read.
func (r *run) read() {
	r.spare, r.blocks = append(r.spare, r.blocks...), r.blocks[:0]
	var group sync.WaitGroup
	work := make(chan *block)
	for _, p := range r.parsers {
		group.Go(func() {
			for b := range work {
				p.parse(b)
				select {
				case r.in.used <- b.raw:
				default:
				}
				b.raw = nil
			}
		})
	}
	for size := 0; size < r.size.stretch && !r.in.done; {
		b := &block{}
		if n := len(r.spare); n > 0 {
			b, r.spare = r.spare[n-1], r.spare[:n-1]
		}
		r.in.fill(b)
		size += len(b.raw)
		r.blocks = append(r.blocks, b)
		work <- b
	}
	close(work)
	group.Wait()
}

// join brings the blocks of the stretch together: what each needs to know of those before it.
func (r *run) join(skipped func(line int, reason string)) {
	for _, b := range r.blocks {
		b.lent = r.last
		for _, p := range b.problems {
			switch {
			case !p.timeless:
				skipped(p.line, p.reason)
			case b.lent == schemas.NoTime:
				skipped(p.line, journey.NoTimeToLend)
			}
		}
		if b.last != schemas.NoTime {
			r.last = b.last
		}
		r.newest = max(r.newest, b.newest)
	}
}

// play gives the events of the stretch to their parts, and tells the parts when it was the last.
func (r *run) play(part func() Part) *Failure {
	var group sync.WaitGroup
	var next atomic.Int64
	failures := make([]*Failure, len(r.parts))
	for _, p := range r.parsers {
		group.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(r.parts) {
					return
				}
				r.playPart(i, p.decoder, part)
				if r.parts[i] != nil && r.in.done && r.in.err == nil {
					failures[i] = r.parts[i].Finish(r.newest)
				}
			}
		})
	}
	group.Wait()
	var first *Failure
	for _, f := range failures {
		if f != nil && (first == nil || f.Line < first.Line) {
			first = f
		}
	}
	return first
}

func (r *run) playPart(i int, d *schemas.Decoder, part func() Part) {
	var ev schemas.Event
	for _, b := range r.blocks {
		for k := b.starts[i]; k < b.starts[i+1]; k++ {
			x := &b.records[k]
			d.Again(b.textOf(k), &x.marks, &ev)
			if ev.Time == schemas.NoTime {
				if b.lent == schemas.NoTime {
					continue
				}
				ev.Time = b.lent
			}
			if ev.ID == "" {
				ev.ID = strconv.Itoa(x.line)
			}
			if r.parts[i] == nil {
				r.parts[i] = part()
			}
			r.parts[i].Offer(x.line, &ev)
		}
	}
}
