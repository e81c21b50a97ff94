package schemas

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md), as much as documents need. Written by hand
// because a document is encoded for nearly every event: appending to a buffer, without reflection or allocation.

// maxDepth bounds lists and maps inside one another, so that no document can exhaust the stack of who reads it. The
// encoder cuts what is deeper to nil, so that whatever it wrote can be read again. Events are bounded far below.
const maxDepth = 10_000

// roomAhead bounds the entries that a list or map gets room for before they are read. Their number is what the bytes
// say, and each of thousands of lists inside one another could say as many as there are bytes left.
const roomAhead = 16

func appendUint(dst []byte, v uint64) []byte {
	switch {
	case v < 1<<7:
		return append(dst, byte(v))
	case v < 1<<8:
		return append(dst, 0xcc, byte(v))
	case v < 1<<16:
		return append(dst, 0xcd, byte(v>>8), byte(v))
	case v < 1<<32:
		return append(dst, 0xce, byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xcf), v)
}

func appendInt(dst []byte, v int64) []byte {
	switch {
	case v >= 0:
		return appendUint(dst, uint64(v))
	case v >= -32:
		return append(dst, byte(v))
	case v >= math.MinInt8:
		return append(dst, 0xd0, byte(v))
	case v >= math.MinInt16:
		return append(dst, 0xd1, byte(v>>8), byte(v))
	case v >= math.MinInt32:
		return append(dst, 0xd2, byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xd3), uint64(v))
}

func appendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, 0xc3)
	}
	return append(dst, 0xc2)
}

func appendString(dst []byte, s string) []byte {
	switch n := len(s); {
	case n < 32:
		dst = append(dst, 0xa0|byte(n))
	case n < 1<<8:
		dst = append(dst, 0xd9, byte(n))
	case n < 1<<16:
		dst = append(dst, 0xda, byte(n>>8), byte(n))
	default:
		dst = append(dst, 0xdb, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return append(dst, s...)
}

// appendBin adds the header of n bytes.
func appendBin(dst []byte, n int) []byte {
	switch {
	case n < 1<<8:
		return append(dst, 0xc4, byte(n))
	case n < 1<<16:
		return append(dst, 0xc5, byte(n>>8), byte(n))
	}
	return append(dst, 0xc6, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

func appendArray(dst []byte, n int) []byte {
	switch {
	case n < 16:
		return append(dst, 0x90|byte(n))
	case n < 1<<16:
		return append(dst, 0xdc, byte(n>>8), byte(n))
	}
	return append(dst, 0xdd, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

func appendMap(dst []byte, n int) []byte {
	switch {
	case n < 16:
		return append(dst, 0x80|byte(n))
	case n < 1<<16:
		return append(dst, 0xde, byte(n>>8), byte(n))
	}
	return append(dst, 0xdf, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

// appendValue adds a value, maps in order of their keys. What is no value is written as nil.
func appendValue(dst []byte, v any, depth int) []byte {
	switch v := v.(type) {
	case bool:
		return appendBool(dst, v)
	case int64:
		return appendInt(dst, v)
	case float64:
		return binary.BigEndian.AppendUint64(append(dst, 0xcb), math.Float64bits(v))
	case string:
		return appendString(dst, v)
	case []any:
		if depth == maxDepth {
			return append(dst, 0xc0)
		}
		dst = appendArray(dst, len(v))
		for _, x := range v {
			dst = appendValue(dst, x, depth+1)
		}
		return dst
	case map[string]any:
		if depth == maxDepth {
			return append(dst, 0xc0)
		}
		dst = appendMap(dst, len(v))
		var few [8]string
		for _, k := range sortedKeys(few[:0], v) {
			dst = appendString(dst, k)
			dst = appendValue(dst, v[k], depth+1)
		}
		return dst
	}
	return append(dst, 0xc0)
}

func sortedKeys(keys []string, m map[string]any) []string {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// reader takes MessagePack apart. The first thing that is wrong is kept in err, and from then on it stands at the end
// of the bytes, where every read gives a zero and every count is none: callers look at err once.
//
// The texts that it gives out are parts of one copy of the bytes: one piece of memory for the collector instead of
// dozens.
type reader struct {
	b     []byte
	pos   int
	err   error
	texts string // copy of b from byte base on, made when the first text is read
	base  int
	mem   *memory // where the parts of a document go
}

func (r *reader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%s at byte %d", what, r.pos)
	}
	r.pos = len(r.b)
}

func (r *reader) byte() byte {
	if r.pos >= len(r.b) {
		r.fail("the end, too early,")
		return 0xc1 // never used by MessagePack
	}
	c := r.b[r.pos]
	r.pos++
	return c
}

// big reads an unsigned big-endian number of 1, 2, 4 or 8 bytes.
func (r *reader) big(n int) uint64 {
	if len(r.b)-r.pos < n {
		r.fail("the end, too early,")
		return 0
	}
	b := r.b[r.pos : r.pos+n]
	r.pos += n
	switch n {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.BigEndian.Uint16(b))
	case 4:
		return uint64(binary.BigEndian.Uint32(b))
	}
	return binary.BigEndian.Uint64(b)
}

// integer reads a whole number whose first byte was c: its 64 bits, and whether it is negative.
func (r *reader) integer(c byte) (v uint64, negative, ok bool) {
	switch {
	case c < 0x80:
		return uint64(c), false, true
	case c >= 0xe0:
		return uint64(int64(int8(c))), true, true
	}
	switch c {
	case 0xcc, 0xcd, 0xce, 0xcf:
		return r.big(1 << (c - 0xcc)), false, true
	case 0xd0:
		v = uint64(int64(int8(r.big(1))))
	case 0xd1:
		v = uint64(int64(int16(r.big(2))))
	case 0xd2:
		v = uint64(int64(int32(r.big(4))))
	case 0xd3:
		v = r.big(8)
	default:
		return 0, false, false
	}
	return v, int64(v) < 0, true
}

func (r *reader) int() int64 {
	v, negative, ok := r.integer(r.byte())
	if !ok || !negative && v > math.MaxInt64 {
		r.fail("no signed whole number")
		return 0
	}
	return int64(v)
}

func (r *reader) uint() uint64 {
	if r.pos < len(r.b) && r.b[r.pos] < 0x80 { // all keys of maps are such
		r.pos++
		return uint64(r.b[r.pos-1])
	}
	v, negative, ok := r.integer(r.byte())
	if !ok || negative {
		r.fail("no whole number from 0 up")
		return 0
	}
	return v
}

func (r *reader) bool() bool {
	c := r.byte()
	if c != 0xc2 && c != 0xc3 {
		r.fail("neither true nor false")
	}
	return c == 0xc3
}

// count reads the header of an array (or of a map, with width 2 where each entry is two values), and refuses one of
// more entries than the bytes left can hold at the least size of an entry, before anything is allocated for it.
func (r *reader) count(c byte, fix byte, wide byte, least int) int {
	var n uint64
	switch {
	case c&0xf0 == fix:
		n = uint64(c & 0x0f)
	case c == wide:
		n = r.big(2)
	case c == wide+1:
		n = r.big(4)
	default:
		r.fail("neither the array nor the map that belongs here")
		return 0
	}
	if n > uint64((len(r.b)-r.pos)/least) {
		r.fail("more entries than there are bytes")
		return 0
	}
	return int(n)
}

func (r *reader) array(least int) int { return r.count(r.byte(), 0x90, 0xdc, least) }
func (r *reader) mapping(least int) int {
	return r.count(r.byte(), 0x80, 0xde, least)
}

func (r *reader) length(c byte) (n uint64, ok bool) {
	switch {
	case c&0xe0 == 0xa0:
		return uint64(c & 0x1f), true
	case c >= 0xd9 && c <= 0xdb:
		return r.big(1 << (c - 0xd9)), true
	}
	return 0, false
}

func (r *reader) string() string { return r.text(r.byte()) }

// text reads the text whose first byte was c.
func (r *reader) text(c byte) string {
	n, ok := r.length(c)
	if !ok {
		r.fail("no text")
		return ""
	}
	if n > uint64(len(r.b)-r.pos) {
		r.fail("a text longer than what is left")
		return ""
	}
	if n == 0 {
		return ""
	}
	if r.texts == "" {
		r.texts, r.base = string(r.b[r.pos:]), r.pos
	}
	from := r.pos - r.base
	r.pos += int(n)
	return r.texts[from : from+int(n)]
}

// bin reads bytes; they are part of what is read.
func (r *reader) bin() []byte {
	c := r.byte()
	if c < 0xc4 || c > 0xc6 {
		r.fail("no bytes")
		return nil
	}
	n := r.big(1 << (c - 0xc4))
	if n > uint64(len(r.b)-r.pos) {
		r.fail("more bytes than are left")
		return nil
	}
	r.pos += int(n)
	return r.b[r.pos-int(n) : r.pos]
}

// value reads a value, see appendValue.
func (r *reader) value(depth int) any {
	c := r.byte()
	switch {
	case c == 0xc0:
		return nil
	case c == 0xc2:
		return false
	case c == 0xc3:
		return true
	case c == 0xcb:
		return math.Float64frombits(r.big(8))
	case c&0xe0 == 0xa0 || c >= 0xd9 && c <= 0xdb:
		return r.text(c)
	case c&0xf0 == 0x90 || c == 0xdc || c == 0xdd:
		n := r.count(c, 0x90, 0xdc, 1)
		if depth == maxDepth {
			r.fail("a value too deep")
			return nil
		}
		list := make([]any, 0, min(n, roomAhead))
		for range n {
			list = append(list, r.value(depth+1))
			if r.err != nil {
				return nil
			}
		}
		return list
	case c&0xf0 == 0x80 || c == 0xde || c == 0xdf:
		n := r.count(c, 0x80, 0xde, 2)
		if depth == maxDepth {
			r.fail("a value too deep")
			return nil
		}
		m := make(map[string]any, min(n, roomAhead))
		for range n {
			k := r.string()
			m[k] = r.value(depth + 1)
			if r.err != nil {
				return nil
			}
		}
		return m
	}
	v, negative, ok := r.integer(c)
	if !ok || !negative && v > math.MaxInt64 {
		r.fail("no value")
		return nil
	}
	return int64(v)
}

// skip passes over anything that MessagePack can say: what a later release may have put there.
func (r *reader) skip(depth int) {
	if depth == maxDepth {
		r.fail("a value too deep")
		return
	}
	c := r.byte()
	var n uint64 // bytes that follow
	switch {
	case c < 0x80, c >= 0xe0, c == 0xc0, c == 0xc2, c == 0xc3:
		return
	case c&0xf0 == 0x80 || c == 0xde || c == 0xdf:
		for range 2 * r.count(c, 0x80, 0xde, 2) {
			if r.skip(depth + 1); r.err != nil {
				return
			}
		}
		return
	case c&0xf0 == 0x90 || c == 0xdc || c == 0xdd:
		for range r.count(c, 0x90, 0xdc, 1) {
			if r.skip(depth + 1); r.err != nil {
				return
			}
		}
		return
	case c >= 0xc4 && c <= 0xc6: // bin
		n = r.big(1 << (c - 0xc4))
	case c >= 0xc7 && c <= 0xc9: // ext
		n = r.big(1<<(c-0xc7)) + 1
	case c == 0xca:
		n = 4
	case c == 0xcb:
		n = 8
	case c >= 0xcc && c <= 0xcf: // uint
		n = 1 << (c - 0xcc)
	case c >= 0xd0 && c <= 0xd3: // int
		n = 1 << (c - 0xd0)
	case c >= 0xd4 && c <= 0xd8: // fixext
		n = 1<<(c-0xd4) + 1
	default:
		var ok bool
		if n, ok = r.length(c); !ok {
			r.fail("a byte that MessagePack does not use")
			return
		}
	}
	if n > uint64(len(r.b)-r.pos) {
		r.fail("the end, too early,")
		return
	}
	r.pos += int(n)
}
