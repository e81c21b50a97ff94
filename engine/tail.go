package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"wend/schemas"
)

// tail is where the view stands: the part of the journal's end that must outlive a restart, kept in the view.
type tail struct {
	position   int64  // journal offset behind the last batch that the view has
	producerID int64  // of the journal, from its claims; 0: no claim seen
	epoch      int16  // the highest under that id
	appended   int64  // broker's time of the last batch, ms
	whole      int64  // broker's time up to which nothing is missing, ms; not later than appended, 0 while begun is not
	begun      int64  // wall clock when reading from the beginning began, ms; 0: the view has been whole since
	head       []byte // the newest
	first      int64  // journal offset of the first claim under producerID, as far as claims tell
	indexed    uint64 // names the program by which all of the timer index was made (running.name); 0: by several
}

// tailRecord is tail as the view keeps it.
type tailRecord struct {
	_msgpack   struct{} `msgpack:",as_array"` //nolint:unused // tells the codec to write an array
	Position   int64
	ProducerID int64
	Epoch      int16
	Appended   int64
	Begun      int64
	Head       []byte
	Whole      int64
	First      int64
	Indexed    uint64
}

const metaTail = "tail"

// put writes the tail into a batch, and gives the memory of what it wrote, which was scratch's.
func (t *tail) put(b viewBatch, scratch []byte) []byte {
	raw := t.append(scratch[:0])
	b.PutMeta(metaTail, raw)
	return raw
}

// append writes what MessagePack makes of a tailRecord, by hand: it is written with each unit.
func (t *tail) append(dst []byte) []byte {
	number := func(v int64) { dst = binary.BigEndian.AppendUint64(append(dst, 0xd3), uint64(v)) }
	dst = append(dst, 0x99) // a list of nine
	number(t.position)
	number(t.producerID)
	dst = binary.BigEndian.AppendUint16(append(dst, 0xd1), uint16(t.epoch))
	number(t.appended)
	number(t.begun)
	switch n := len(t.head); {
	case t.head == nil:
		dst = append(dst, 0xc0)
	case n < 1<<8:
		dst = append(dst, 0xc4, byte(n))
	case n < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, 0xc5), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint32(append(dst, 0xc6), uint32(n))
	}
	dst = append(dst, t.head...)
	number(t.whole)
	number(t.first)
	return binary.BigEndian.AppendUint64(append(dst, 0xcf), t.indexed)
}

func readTail(v view) (tail, error) {
	raw, ok, err := v.Meta(metaTail)
	if err != nil || !ok {
		return tail{}, err
	}
	var r tailRecord
	if err := msgpack.Unmarshal(raw, &r); err != nil {
		return tail{}, damagedView(fmt.Errorf("engine: the view's position: %w", err))
	}
	var newer *schemas.UnknownFormatError
	if _, err := schemas.DecodeHead(r.Head); len(r.Head) > 0 && err != nil && !errors.As(err, &newer) {
		return tail{}, damagedView(fmt.Errorf("engine: the view's head: %w", err))
	}
	if r.Whole == 0 && r.Begun == 0 { // written before this was kept
		r.Whole = r.Appended
	}
	return tail{r.Position, r.ProducerID, r.Epoch, r.Appended, r.Whole, r.Begun, r.Head, r.First, r.Indexed}, nil
}

// stale says that tombstones may have been removed since the view was whole, so that it may hold what is gone (rule 2).
// now is a moment by our clock.
func (t *tail) stale(now time.Time, deleteRetention time.Duration) bool {
	half := deleteRetention.Milliseconds() / 2
	if t.begun != 0 { // a restore under way since then
		return max(now.UnixMilli(), t.appended)-t.begun > half
	}
	return t.appended-t.whole > half
}

// complete notes that the view has all that the journal had at a moment not before that of its last batch.
//
// Whoever goes by it later compares with a batch appended after that moment. So it must have been read to its very end:
// of a journal that was read to where it once ended, a tombstone may be gone that is younger than the last batch read
// and older than the next one.
func (t *tail) complete() { t.begun, t.whole = 0, t.appended }
