package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/segmentio/kafka-go/protocol"
)

// The requests that kafka-go's messages cannot carry (fetch, produce, metadata with topic ids) are written and read
// here. Layouts: https://kafka.apache.org/protocol#protocol_messages

// maxAnswer bounds what a peer can make this process allocate, and catches a peer that does not speak Kafka: the first
// bytes of a TLS alert or an HTTP answer read as a size are far above. No fetch asks for nearly as much.
const maxAnswer = 1 << 30

var errShort = errors.New("the broker's answer ends too early")

// header begins a request: its size is filled in by finish. Flexible requests have tagged fields, here none.
func header(b []byte, api protocol.ApiKey, version int16, id int32, clientID string, flexible bool) []byte {
	b = append(b, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(api))
	b = binary.BigEndian.AppendUint16(b, uint16(version))
	b = binary.BigEndian.AppendUint32(b, uint32(id))
	b = appendString(b, clientID)
	if flexible {
		b = append(b, 0)
	}
	return b
}

func finish(b []byte) []byte {
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b
}

func appendString(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
	return append(b, s...)
}

func appendCompactString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s))+1)
	return append(b, s...)
}

// readAnswer reads one whole answer into memory of its own and gives what lies behind its correlation id.
func readAnswer(conn io.Reader, id int32) ([]byte, error) {
	n, err := beginAnswer(conn, id)
	if err != nil {
		return nil, err
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(conn, b); err != nil {
		return nil, unexpected(err)
	}
	return b, nil
}

// beginAnswer reads the head of an answer and says how many bytes follow it.
func beginAnswer(conn io.Reader, id int32) (int, error) {
	var head [8]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return 0, unexpected(err)
	}
	n := int64(int32(binary.BigEndian.Uint32(head[:])))
	if n < 4 || n > maxAnswer {
		return 0, fmt.Errorf("what answers does not speak Kafka here (or expects TLS): an answer of %d bytes", n)
	}
	if got := int32(binary.BigEndian.Uint32(head[4:])); got != id {
		return 0, fmt.Errorf("the broker answered request %d instead of %d", got, id)
	}
	return int(n) - 4, nil
}

// unexpected keeps a connection closed before an answer from looking like the end of something.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// decoder takes an answer apart. After the first read behind the end every read gives zero and err is set, so a caller
// checks once, and loops over counts that count has checked. Flexible strings and arrays are compact.
type decoder struct {
	b        []byte
	flexible bool
	err      error
}

func (d *decoder) take(n int) []byte {
	if d.err != nil || n < 0 || n > len(d.b) {
		if d.err == nil {
			d.err = errShort
		}
		d.b = nil
		return nil
	}
	v := d.b[:n:n]
	d.b = d.b[n:]
	return v
}

func (d *decoder) int8() int8 {
	if v := d.take(1); v != nil {
		return int8(v[0])
	}
	return 0
}

func (d *decoder) int16() int16 {
	if v := d.take(2); v != nil {
		return int16(binary.BigEndian.Uint16(v))
	}
	return 0
}

func (d *decoder) int32() int32 {
	if v := d.take(4); v != nil {
		return int32(binary.BigEndian.Uint32(v))
	}
	return 0
}

func (d *decoder) int64() int64 {
	if v := d.take(8); v != nil {
		return int64(binary.BigEndian.Uint64(v))
	}
	return 0
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.take(len(d.b) + 1)
		return 0
	}
	d.take(n)
	return v
}

// length of a string, byte sequence or array: -1 for null.
func (d *decoder) length(fixed func() int64) int {
	if d.flexible {
		n := d.uvarint()
		if n > maxAnswer {
			d.take(len(d.b) + 1)
			return -1
		}
		return int(n) - 1
	}
	return int(fixed())
}

func (d *decoder) string() string {
	n := d.length(func() int64 { return int64(d.int16()) })
	if n < 0 {
		return ""
	}
	return string(d.take(n))
}

func (d *decoder) bytes() []byte {
	n := d.length(func() int64 { return int64(d.int32()) })
	if n < 0 {
		return nil
	}
	return d.take(n)
}

// count is the length of an array whose elements take at least least bytes each; a null array is empty.
func (d *decoder) count(least int) int {
	n := d.length(func() int64 { return int64(d.int32()) })
	if n < 0 || d.err != nil {
		return 0
	}
	if n > len(d.b)/least {
		d.take(len(d.b) + 1)
		return 0
	}
	return n
}

func (d *decoder) int32s() []int32 {
	n := d.count(4)
	if n == 0 {
		return nil
	}
	v := make([]int32, n)
	for i := range v {
		v[i] = d.int32()
	}
	return v
}

// tags skips the tagged fields that end every structure of a flexible message.
func (d *decoder) tags() {
	if !d.flexible {
		return
	}
	for n := d.uvarint(); n > 0 && d.err == nil; n-- {
		d.uvarint()
		size := d.uvarint()
		if size > maxAnswer {
			size = maxAnswer
		}
		d.take(int(size))
	}
}
