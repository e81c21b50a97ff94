package statestore

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"strings"
)

// The kinds of keys; the package's documentation says what follows each.
const (
	kindDocument = 'c'
	kindFormat   = 'f'
	kindIDs      = 'i'
	kindMeta     = 'm'
	kindOwed     = 'o'
	kindTimer    = 't'
)

const (
	formatVersion = "1"
	timerHead     = 9 // kind and due time
	signBit       = 1 << 63
)

// Cursor is a place in the order of timers: by due time, then by customer. The zero Cursor stands before every timer,
// also those due before 1970. A Cursor without a customer stands before every timer of its due time.
type Cursor struct {
	Due      int64 // ms, may be negative
	Customer string
}

// Timer is one entry of the index, and the cursor that stands on it.
type Timer = Cursor

// Compare is negative when c stands before d, positive when behind it.
func (c Cursor) Compare(d Cursor) int {
	if c.isZero() || d.isZero() {
		switch {
		case c == d:
			return 0
		case c.isZero():
			return -1
		}
		return 1
	}
	if n := cmp.Compare(c.Due, d.Due); n != 0 {
		return n
	}
	return strings.Compare(c.Customer, d.Customer)
}

func (c Cursor) isZero() bool { return c == Cursor{} }

func appendKey(dst []byte, kind byte, name string) []byte {
	return append(append(dst, kind), name...)
}

func appendTimer(dst []byte, due int64, customer string) []byte {
	dst = append(dst, kindTimer)
	dst = binary.BigEndian.AppendUint64(dst, timerOrder(due))
	return append(dst, customer...)
}

// timerOrder gives numbers in the order of due times.
func timerOrder(due int64) uint64 { return uint64(due) ^ signBit }

// appendBehind appends the least key behind the timer on which c stands: the first of all for the zero Cursor.
func appendBehind(dst []byte, c Cursor) []byte {
	if c.isZero() {
		return append(dst, kindTimer)
	}
	return append(appendTimer(dst, c.Due, c.Customer), 0)
}

func parseTimer(key []byte) (Timer, error) {
	if len(key) < timerHead || key[0] != kindTimer {
		return Timer{}, fmt.Errorf("%w: %q is no timer's key", ErrDamaged, key)
	}
	return Timer{
		Due:      int64(binary.BigEndian.Uint64(key[1:]) ^ signBit),
		Customer: string(key[timerHead:]),
	}, nil
}
