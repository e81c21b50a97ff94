package batch

import (
	"encoding/binary"
	"errors"
	"io"
	"slices"
)

// DefaultMaxDecompressed is how large a batch may become by decompression, in bytes, unless Reader says otherwise.
const DefaultMaxDecompressed = 64 << 20

// Record is a record as it was read. Key and Value are nil when null. They are slices into what Reset got, or for a
// compressed batch into memory of the batch's own: not to be written to, valid as long as that is.
type Record struct {
	Offset     int64
	Timestamp  int64 // ms; the broker's time when the batch has LogAppendTime
	Key, Value []byte
	rawHeaders []byte // their count and they
}

// Reader reads the batches of a fetch answer and gives what a consumer may see: no control records, nothing of aborted
// transactions, nothing below the offset asked for. A batch that was cut off at the end of the answer is left for the
// next fetch. Nothing is allocated per record. The zero value reads nothing; Reset begins. Not for several goroutines.
type Reader struct {
	MaxDecompressed int // bytes per batch, 0: DefaultMaxDecompressed

	raw  []byte // from the next batch on
	from int64
	next int64
	err  error

	// Of the batch being read.
	info    Info
	open    bool
	rest    []byte // its records still to be read, decompressed
	left    int32
	lastRec int64
	rec     Record

	aborted []AbortedTransaction // by FirstOffset, those not yet reached
	void    []int64              // producer ids within an aborted transaction
	codecs  codecs
}

// Reset begins with the batches in raw, where a fetch from offset from answered them, and the transactions that the
// broker says are aborted; none when uncommitted records are wanted. The Reader keeps raw, and a copy of aborted.
func (r *Reader) Reset(raw []byte, from int64, aborted []AbortedTransaction) {
	r.raw, r.from, r.next, r.err = raw, from, from, nil
	r.info, r.open, r.rest, r.left, r.rec = Info{}, false, nil, 0, Record{}
	r.void = r.void[:0]
	r.aborted = append(r.aborted[:0], aborted...)
	byFirst := func(a, b AbortedTransaction) int {
		switch {
		case a.FirstOffset < b.FirstOffset:
			return -1
		case a.FirstOffset > b.FirstOffset:
			return 1
		}
		return 0
	}
	if !slices.IsSortedFunc(r.aborted, byFirst) {
		slices.SortStableFunc(r.aborted, byFirst)
	}
}

// Next gives the next record, which the next call overwrites; io.EOF behind the last whole batch; or an *Error, and the
// same again from then on.
func (r *Reader) Next() (*Record, error) {
	for {
		for r.left > 0 {
			if err := r.record(); err != nil {
				return nil, err
			}
			if r.rec.Offset >= r.from {
				return &r.rec, nil
			}
		}
		if r.open {
			if len(r.rest) > 0 {
				return nil, r.fail(corrupt(r.info.BaseOffset, "%d bytes follow its last record", len(r.rest)))
			}
			r.close()
		}
		if r.err != nil {
			return nil, r.err
		}
		if err := r.batch(); err != nil {
			return nil, err
		}
	}
}

// Info is the head of the batch that the last record came from, or that the error is about.
func (r *Reader) Info() Info { return r.info }

// NextOffset is where to fetch next: behind the last batch that was read to its end, which Next knows when it is asked
// for the record after its last one. It counts offsets that compaction emptied, control batches and what was skipped.
func (r *Reader) NextOffset() int64 { return r.next }

// Partial says whether bytes of a batch that was cut off are left, which matters when there is nothing else: then the
// fetch's limit was smaller than a batch.
func (r *Reader) Partial() bool { return errors.Is(r.err, io.EOF) && len(r.raw) > 0 }

func (r *Reader) fail(err error) error {
	r.err, r.left, r.rest, r.open = err, 0, nil, false
	return err
}

func (r *Reader) close() {
	r.open, r.rest = false, nil
	r.next = max(r.next, r.info.LastOffset+1)
}

// batch opens the next batch, or goes past it when none of its records is to be seen.
func (r *Reader) batch() error {
	info, whole, err := readInfo(r.raw)
	if err != nil {
		r.info = info
		return r.fail(err)
	}
	if !whole {
		return r.fail(io.EOF)
	}
	r.info = info
	b := r.raw[:info.Size]
	skip := info.LastOffset < r.from
	if info.Control || !skip {
		if err := verify(b, info.BaseOffset); err != nil {
			return r.fail(err)
		}
	}
	if info.ProducerID != NoProducer {
		// As org.apache.kafka.clients.consumer.internals.CompletedFetch does it: what began up to the end of this batch
		// counts for this batch, and a marker ends only what it finds begun.
		for len(r.aborted) > 0 && r.aborted[0].FirstOffset <= info.LastOffset {
			if id := r.aborted[0].ProducerID; !slices.Contains(r.void, id) {
				r.void = append(r.void, id)
			}
			r.aborted = r.aborted[1:]
		}
		if i := slices.Index(r.void, info.ProducerID); i >= 0 {
			if info.Transactional && !info.Control {
				skip = true
			} else if info.Control {
				abort, err := r.isAbort(b)
				if err != nil {
					return r.fail(err)
				}
				if abort {
					r.void = slices.Delete(r.void, i, i+1)
				}
			}
		}
	}
	r.raw = r.raw[info.Size:]
	r.lastRec = info.BaseOffset - 1
	r.open = true
	if skip || info.Control {
		return nil
	}
	records := b[headerSize:]
	if info.Codec != CodecNone && info.Count > 0 {
		limit := r.MaxDecompressed
		if limit <= 0 {
			limit = DefaultMaxDecompressed
		}
		if records, err = r.codecs.decompress(info.Codec, records, limit); err != nil {
			return r.fail(&Error{Offset: info.BaseOffset, Reason: "its records cannot be decompressed", Err: err})
		}
	} else if info.Codec != CodecNone {
		records = nil // an empty stream still has bytes
	}
	r.rest, r.left = records, info.Count
	return nil
}

// isAbort reads the first record of a control batch: its key is a version and a type, 0 for abort.
// https://kafka.apache.org/documentation/#controlbatch
func (r *Reader) isAbort(b []byte) (bool, error) {
	if r.info.Count < 1 {
		return false, nil // compaction took the marker: nothing before it is left either
	}
	if r.info.Codec != CodecNone {
		return false, corrupt(r.info.BaseOffset, "a compressed control batch")
	}
	rec, _, reason := parse(b[headerSize:])
	if reason != "" {
		return false, corrupt(r.info.BaseOffset, "its control record: %s", reason)
	}
	if len(rec.key) < 4 {
		return false, corrupt(r.info.BaseOffset, "its control record has a key of %d bytes", len(rec.key))
	}
	return binary.BigEndian.Uint16(rec.key[2:]) == 0, nil
}

// record reads one record into r.rec.
func (r *Reader) record() error {
	p, n, reason := parse(r.rest)
	if reason != "" {
		return r.fail(corrupt(r.info.BaseOffset, "the record after offset %d: %s", r.lastRec, reason))
	}
	if p.offsetDelta < 0 || p.offsetDelta > r.info.LastOffset-r.info.BaseOffset {
		return r.fail(corrupt(r.info.BaseOffset, "the record after offset %d says it is number %d of %d",
			r.lastRec, p.offsetDelta, r.info.LastOffset-r.info.BaseOffset+1))
	}
	offset := r.info.BaseOffset + p.offsetDelta
	if offset <= r.lastRec {
		return r.fail(corrupt(r.info.BaseOffset, "offset %d comes after %d", offset, r.lastRec))
	}
	r.rest = r.rest[n:]
	r.left--
	r.lastRec = offset
	r.rec.Offset = offset
	r.rec.Timestamp = r.info.BaseTimestamp + p.timeDelta
	if r.info.LogAppendTime {
		r.rec.Timestamp = r.info.MaxTimestamp
	}
	r.rec.Key, r.rec.Value, r.rec.rawHeaders = p.key, p.value, p.headers
	return nil
}
