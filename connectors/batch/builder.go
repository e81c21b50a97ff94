package batch

import (
	"encoding/binary"
	"math/bits"
)

// Header is what a batch says of its producer and its time.
type Header struct {
	ProducerID    int64 // NoProducer for a plain one
	ProducerEpoch int16
	BaseSequence  int32 // of the first record; see WireSequence
	Timestamp     int64 // ms; of every record that Append appends
}

// Builder makes one uncompressed batch at a time, record by record, in a buffer that it keeps. The zero value wants a
// Reset first. It does not limit what it holds: a batch must stay under the topic's max.message.bytes, so ask Size or
// SizeWith. Not for several goroutines.
type Builder struct {
	buf   []byte
	head  Header
	count int
	max   int64 // greatest timestamp of the count records
}

// Reset begins a batch. What Finish gave before is void.
func (b *Builder) Reset(h Header) {
	if cap(b.buf) < headerSize {
		b.buf = make([]byte, headerSize, 1024)
	}
	b.buf, b.head, b.count, b.max = b.buf[:headerSize], h, 0, 0
}

// Append appends a record with the batch's time. A nil key is null, a nil value a tombstone. Everything is copied.
func (b *Builder) Append(key, value []byte, headers ...RecordHeader) {
	b.append(b.head.Timestamp, key, value, headers)
}

// AppendAt is Append with a time of the record's own, in ms.
func (b *Builder) AppendAt(timestamp int64, key, value []byte, headers ...RecordHeader) {
	b.append(timestamp, key, value, headers)
}

// AppendRecord appends a record as a Reader gave it, but with the batch's time. Everything is copied, headers as they
// are: nobody looks at them.
func (b *Builder) AppendRecord(r *Record) {
	headers := r.rawHeaders
	if len(headers) == 0 {
		headers = []byte{0}
	}
	b.begin(b.head.Timestamp, r.Key, r.Value, len(headers))
	b.buf = append(b.buf, headers...)
}

func (b *Builder) append(timestamp int64, key, value []byte, headers []RecordHeader) {
	b.begin(timestamp, key, value, headersSize(headers))
	buf := binary.AppendVarint(b.buf, int64(len(headers)))
	for _, h := range headers {
		buf = binary.AppendVarint(buf, int64(len(h.Key)))
		buf = append(buf, h.Key...)
		buf = appendBytes(buf, h.Value)
	}
	b.buf = buf
}

// begin appends a record up to its headers, which have so many bytes.
func (b *Builder) begin(timestamp int64, key, value []byte, headers int) {
	if len(b.buf) < headerSize { // no Reset: still a batch
		b.Reset(b.head)
	}
	if b.count == 0 || timestamp > b.max {
		b.max = timestamp
	}
	timeDelta := timestamp - b.head.Timestamp
	buf := binary.AppendVarint(b.buf, int64(b.bodySize(timeDelta, key, value, headers)))
	buf = append(buf, 0) // attributes: none are defined
	buf = binary.AppendVarint(buf, timeDelta)
	buf = binary.AppendVarint(buf, int64(b.count))
	buf = appendBytes(buf, key)
	b.buf = appendBytes(buf, value)
	b.count++
}

func appendBytes(dst, b []byte) []byte {
	if b == nil {
		return append(dst, 1) // varint -1
	}
	return append(binary.AppendVarint(dst, int64(len(b))), b...)
}

func (b *Builder) bodySize(timeDelta int64, key, value []byte, headers int) int {
	return 1 + varintSize(timeDelta) + varintSize(int64(b.count)) + bytesSize(key) + bytesSize(value) + headers
}

func headersSize(headers []RecordHeader) int {
	n := varintSize(int64(len(headers)))
	for _, h := range headers {
		n += varintSize(int64(len(h.Key))) + len(h.Key) + bytesSize(h.Value)
	}
	return n
}

func bytesSize(b []byte) int {
	if b == nil {
		return 1
	}
	return varintSize(int64(len(b))) + len(b)
}

func varintSize(v int64) int {
	return (bits.Len64(uint64(v<<1)^uint64(v>>63)|1) + 6) / 7
}

// Size is how many bytes Finish would give now; of an empty batch, its head.
func (b *Builder) Size() int { return max(len(b.buf), headerSize) }

// SizeWith is what Size would be after Append of this record.
func (b *Builder) SizeWith(key, value []byte, headers ...RecordHeader) int {
	n := b.bodySize(0, key, value, headersSize(headers))
	return b.Size() + varintSize(int64(n)) + n
}

// Count is how many records there are.
func (b *Builder) Count() int { return b.count }

// Finish gives the batch, whole and with its checksum, or nil when it has no record (a broker refuses an empty batch).
// The memory is valid until the next Reset. More may be appended, and Finish called again.
func (b *Builder) Finish() []byte {
	if b.count == 0 {
		return nil
	}
	buf := b.buf
	be := binary.BigEndian
	be.PutUint64(buf, 0) // the leader puts the offset
	be.PutUint32(buf[atLength:], uint32(len(buf)-lengthEnd))
	be.PutUint32(buf[atEpoch:], ^uint32(0)) // and its epoch
	buf[atMagic] = magic
	be.PutUint16(buf[atAttributes:], 0)
	be.PutUint32(buf[atLastDelta:], uint32(b.count-1))
	be.PutUint64(buf[atBaseTime:], uint64(b.head.Timestamp))
	be.PutUint64(buf[atMaxTime:], uint64(b.max))
	be.PutUint64(buf[atProducer:], uint64(b.head.ProducerID))
	be.PutUint16(buf[atProdEpoch:], uint16(b.head.ProducerEpoch))
	be.PutUint32(buf[atSequence:], uint32(b.head.BaseSequence))
	be.PutUint32(buf[atCount:], uint32(b.count))
	be.PutUint32(buf[atCRC:], checksum(buf[atAttributes:]))
	return buf
}

// Take is Finish, and the memory is the caller's for good. The Builder needs a Reset then.
func (b *Builder) Take() []byte {
	buf := b.Finish()
	if buf != nil {
		b.buf, b.count = nil, 0
	}
	return buf
}
