package schemas

import (
	"encoding/binary"
	"math"
)

// What is remembered of a customer for windows, scores and conditions that turn true: parts of a Document.

// Series is what windows remember of the customer's events of one type.
type Series struct {
	Type  string
	Last  int64    // the newest event time
	Times []int64  // the newest event times, ascending, as far back as a window reaches
	Sums  []Summed // in order of Field
	Older []Bucket // in order of (Within, Index): events that Times has no room for
}

// Summed is a field that is summed over the events of a Series.
type Summed struct {
	Field  string
	Values []Amount // of the events at Times; the zero Amount where the field is no number
	Older  []Amount // of the events in Older
}

// Bucket counts events of a 64th of a window.
type Bucket struct {
	Within int64 // the window, ms
	Index  int64 // counted from 1970
	Count  uint64
}

// Amount is a sum: its whole numbers and its fractional ones.
type Amount struct {
	Whole      int64
	Fraction   float64
	Fractional bool // a fractional number is in it
}

// ScoreState is a score of the customer.
type ScoreState struct {
	Name  string
	Value float64
	Last  int64 // the newest time of an event that counted; no meaning while Due is Never
	Due   int64 // when idle takes from it next, or Never where it never did
}

// Since is what an enrollment counts of the events that were handled after the one that opened it.
type Since struct {
	Type   string
	Field  string // "": how many; else the sum of that field
	Amount Amount
}

func (s *Series) append(dst []byte) []byte {
	dst = appendInt(appendString(append(dst, 0x95), s.Type), s.Last)
	dst = appendTimes(dst, s.Times)
	dst = appendArray(dst, len(s.Sums))
	for i := range s.Sums {
		f := &s.Sums[i]
		dst = appendString(append(dst, 0x93), f.Field)
		dst = appendAmounts(appendAmounts(dst, f.Values), f.Older)
	}
	dst = appendArray(dst, len(s.Older))
	for i := range s.Older {
		b := &s.Older[i]
		dst = appendUint(appendInt(appendInt(append(dst, 0x93), b.Within), b.Index), b.Count)
	}
	return dst
}

func appendAmounts(dst []byte, list []Amount) []byte {
	dst = appendArray(dst, len(list))
	for _, a := range list {
		dst = a.append(dst)
	}
	return dst
}

// append writes a number where one says it all, else both.
func (a Amount) append(dst []byte) []byte {
	switch {
	case !a.Fractional && math.Float64bits(a.Fraction) == 0:
		return appendInt(dst, a.Whole)
	case a.Fractional && a.Whole == 0:
		return appendDouble(dst, a.Fraction)
	}
	return appendBool(appendDouble(appendInt(append(dst, 0x93), a.Whole), a.Fraction), a.Fractional)
}

func appendDouble(dst []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, 0xcb), math.Float64bits(f))
}

func (s *ScoreState) append(dst []byte) []byte {
	if s.Due == Never {
		return appendDouble(appendString(append(dst, 0x92), s.Name), s.Value)
	}
	dst = appendDouble(appendString(append(dst, 0x94), s.Name), s.Value)
	return appendInt(appendInt(dst, s.Last), s.Due)
}

func appendSince(dst []byte, list []Since) []byte {
	dst = appendArray(dst, len(list))
	for i := range list {
		x := &list[i]
		dst = x.Amount.append(appendString(appendString(append(dst, 0x93), x.Type), x.Field))
	}
	return dst
}

// appendLooks writes numbers that do not get shorter by being small.
func appendLooks(dst []byte, looks []uint64) []byte {
	dst = appendBin(dst, 8*len(looks))
	for _, x := range looks {
		dst = binary.BigEndian.AppendUint64(dst, x)
	}
	return dst
}

func (r *reader) series() []Series {
	all := r.mem.series.take(r.array(leastEntry))
	for i := range all {
		s := &all[i]
		n := r.array(1)
		s.Type = r.stringOf(n, 0)
		s.Last = r.intOf(n, 1)
		if n > 2 {
			s.Times = r.times()
		}
		if n > 3 {
			s.Sums = r.summed()
		}
		if n > 4 {
			if m := r.array(leastEntry); m > 0 {
				s.Older = r.mem.buckets.take(m)
			}
			for k := range s.Older {
				b := &s.Older[k]
				n := r.array(1)
				b.Within = r.intOf(n, 0)
				b.Index = r.intOf(n, 1)
				if n > 2 {
					b.Count = r.uint()
				}
				r.rest(n, 3)
			}
		}
		r.rest(n, 5)
		if i > 0 && all[i-1].Type >= s.Type {
			r.fail("series out of order")
		}
		if r.err != nil {
			return nil
		}
	}
	return all
}

func (r *reader) summed() []Summed {
	n := r.array(leastEntry)
	if n == 0 {
		return nil
	}
	all := r.mem.summed.take(n)
	for i := range all {
		n := r.array(1)
		all[i].Field = r.stringOf(n, 0)
		if n > 1 {
			all[i].Values = r.amounts()
		}
		if n > 2 {
			all[i].Older = r.amounts()
		}
		r.rest(n, 3)
		if r.err != nil {
			return nil
		}
	}
	return all
}

func (r *reader) amounts() []Amount {
	n := r.array(1)
	if n == 0 {
		return nil
	}
	all := r.mem.amounts.take(n)
	for i := range all {
		if all[i] = r.amount(); r.err != nil {
			return nil
		}
	}
	return all
}

func (r *reader) amount() (a Amount) {
	if r.pos >= len(r.b) {
		r.fail("the end, too early,")
		return a
	}
	switch c := r.b[r.pos]; {
	case c == 0xcb:
		return Amount{Fraction: r.float(), Fractional: true}
	case c&0xf0 == 0x90:
		n := r.array(1)
		a.Whole = r.intOf(n, 0)
		if n > 1 {
			a.Fraction = r.float()
		}
		if n > 2 {
			a.Fractional = r.bool()
		}
		r.rest(n, 3)
		return a
	}
	return Amount{Whole: r.int()}
}

func (r *reader) float() float64 {
	if r.byte() != 0xcb {
		r.fail("no fractional number")
		return 0
	}
	return math.Float64frombits(r.big(8))
}

func (r *reader) scores() []ScoreState {
	all := r.mem.scores.take(r.array(leastEntry))
	for i := range all {
		s := &all[i]
		n := r.array(1)
		s.Name, s.Due = r.stringOf(n, 0), Never
		if n > 1 {
			s.Value = r.float()
		}
		s.Last = r.intOf(n, 2)
		if n > 3 {
			s.Due = r.int()
		}
		r.rest(n, 4)
		if i > 0 && all[i-1].Name >= s.Name {
			r.fail("scores out of order")
		}
		if r.err != nil {
			return nil
		}
	}
	return all
}

func (r *reader) since() []Since {
	all := r.mem.since.take(r.array(leastEntry))
	for i := range all {
		n := r.array(1)
		all[i].Type = r.stringOf(n, 0)
		all[i].Field = r.stringOf(n, 1)
		if n > 2 {
			all[i].Amount = r.amount()
		}
		r.rest(n, 3)
		if r.err != nil {
			return nil
		}
	}
	return all
}

func (r *reader) looks() []uint64 {
	b := r.bin()
	if len(b)%8 != 0 {
		r.fail("conditions of an impossible length")
		return nil
	}
	all := r.mem.looks.take(len(b) / 8)
	for i := range all {
		all[i] = binary.BigEndian.Uint64(b[8*i:])
	}
	return all
}
