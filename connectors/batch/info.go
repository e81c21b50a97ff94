package batch

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
)

// Info is what the head of a batch says. Offsets in a batch that was produced but not yet appended begin at 0.
type Info struct {
	BaseOffset  int64
	LastOffset  int64 // of the batch as it was appended: stays when compaction takes records away
	LeaderEpoch int32 // of the leader that appended it, -1 before

	ProducerID    int64 // NoProducer: not from an idempotent producer
	ProducerEpoch int16
	BaseSequence  int32

	Count         int32 // records in it, fewer than offsets after compaction, even none
	BaseTimestamp int64 // ms
	MaxTimestamp  int64 // ms
	LogAppendTime bool  // the broker stamped: MaxTimestamp is every record's time
	Transactional bool
	Control       bool // markers of transactions, not records
	Codec         uint8
	Size          int // bytes, all of it
}

// Error says which batch cannot be read, and why. The bytes are not what a broker should have sent: reading them again
// may help (a broken connection, a broken disk of one replica), skipping them loses records.
type Error struct {
	Offset int64  // of the batch, or of the record whose headers are wrong
	Reason string // what is wrong
	Err    error  // of the codec, else nil
}

func (e *Error) Error() string {
	s := fmt.Sprintf("records at offset %d: %s", e.Offset, e.Reason)
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

func corrupt(offset int64, format string, args ...any) *Error {
	return &Error{Offset: offset, Reason: fmt.Sprintf(format, args...)}
}

// ReadInfo reads the head of the first batch in b, which must hold the whole batch, and checks what can be checked
// without reading the records. The checksum is Verify's.
func ReadInfo(b []byte) (Info, error) {
	in, whole, err := readInfo(b)
	if err != nil {
		return Info{}, err
	}
	if !whole {
		return Info{}, corrupt(in.BaseOffset, "cut off: %d bytes of %d", len(b), max(in.Size, headerSize))
	}
	return in, nil
}

// readInfo tells a batch that was cut off (whole false, no error) from one that is wrong. Of a batch cut off it knows
// at most base offset and size.
func readInfo(b []byte) (in Info, whole bool, err error) {
	if len(b) < lengthEnd {
		return Info{}, false, nil
	}
	in.BaseOffset = int64(binary.BigEndian.Uint64(b))
	length := int(int32(binary.BigEndian.Uint32(b[atLength:])))
	// Magic before length: an older message is shorter, and its age is the better reason.
	if len(b) > atMagic && b[atMagic] != magic {
		if b[atMagic] < magic {
			return in, false, corrupt(in.BaseOffset, "message format %d, from before Kafka 0.11, is not supported: "+
				"copy the topic with a current client, or let its retention pass", b[atMagic])
		}
		return in, false, corrupt(in.BaseOffset, "message format %d is unknown, 2 is expected", b[atMagic])
	}
	if length < headerSize-lengthEnd {
		return in, false, corrupt(in.BaseOffset, "its length %d is shorter than its head", length)
	}
	in.Size = lengthEnd + length
	if len(b) < in.Size {
		return in, false, nil
	}
	attributes := binary.BigEndian.Uint16(b[atAttributes:])
	last := int32(binary.BigEndian.Uint32(b[atLastDelta:]))
	in.LeaderEpoch = int32(binary.BigEndian.Uint32(b[atEpoch:]))
	in.ProducerID = int64(binary.BigEndian.Uint64(b[atProducer:]))
	in.ProducerEpoch = int16(binary.BigEndian.Uint16(b[atProdEpoch:]))
	in.BaseSequence = int32(binary.BigEndian.Uint32(b[atSequence:]))
	in.Count = int32(binary.BigEndian.Uint32(b[atCount:]))
	in.BaseTimestamp = int64(binary.BigEndian.Uint64(b[atBaseTime:]))
	in.MaxTimestamp = int64(binary.BigEndian.Uint64(b[atMaxTime:]))
	in.LogAppendTime = attributes&logAppendTimeBit != 0
	in.Transactional = attributes&transactionalBit != 0
	in.Control = attributes&controlBit != 0
	in.Codec = uint8(attributes & codecMask)
	in.LastOffset = in.BaseOffset + int64(last)
	switch {
	case in.BaseOffset < 0 || in.BaseOffset > math.MaxInt64-math.MaxInt32-1:
		return in, false, corrupt(in.BaseOffset, "no offset can be that")
	case last < 0:
		return in, false, corrupt(in.BaseOffset, "its last offset lies %d before its first", -int64(last))
	case in.Count < 0 || int64(in.Count) > int64(last)+1:
		return in, false, corrupt(in.BaseOffset, "%d records in %d offsets", in.Count, int64(last)+1)
	case in.Codec > CodecZstd:
		return in, false, corrupt(in.BaseOffset, "compression codec %d is unknown", in.Codec)
	}
	return in, true, nil
}

// checksum makes no table: MakeTable gives the same one every time, and with it the processor's own instruction.
func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// Verify checks the checksum of the batch, which must be all of b: for a batch that was kept in the meantime.
func Verify(b []byte) error {
	in, err := ReadInfo(b)
	if err != nil {
		return err
	}
	if in.Size != len(b) {
		return corrupt(in.BaseOffset, "%d bytes follow it", len(b)-in.Size)
	}
	return verify(b, in.BaseOffset)
}

func verify(b []byte, offset int64) error {
	want, got := binary.BigEndian.Uint32(b[atCRC:]), checksum(b[atAttributes:])
	if want != got {
		return corrupt(offset, "its checksum is %08x, that of its bytes %08x", want, got)
	}
	return nil
}

// Restamp moves the batch, which must be all of b, to another time and producer in place: its base timestamp becomes ms,
// its records keep their distance from it, and the checksum follows. Nothing is changed when b is not one whole batch.
func Restamp(b []byte, ms, producerID int64, producerEpoch int16) error {
	in, err := ReadInfo(b)
	if err != nil {
		return err
	}
	if in.Size != len(b) {
		return corrupt(in.BaseOffset, "%d bytes follow it", len(b)-in.Size)
	}
	binary.BigEndian.PutUint64(b[atBaseTime:], uint64(ms))
	binary.BigEndian.PutUint64(b[atMaxTime:], uint64(ms+(in.MaxTimestamp-in.BaseTimestamp)))
	binary.BigEndian.PutUint64(b[atProducer:], uint64(producerID))
	binary.BigEndian.PutUint16(b[atProdEpoch:], uint16(producerEpoch))
	binary.BigEndian.PutUint32(b[atCRC:], checksum(b[atAttributes:]))
	return nil
}
