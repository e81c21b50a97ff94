package schemas

import (
	"fmt"
	"math"
)

// Heads and claims are MessagePack arrays behind a format byte, an element for each field in the order of the struct. A
// format adds elements at the end of an array only. Written by hand like documents: every unit carries a head, and
// whoever reads a journal reads all of them.

// headElements, outboxElements and claimElements are how many elements each array has, by format.
var (
	headElements   = [HeadFormat + 1]int{1: 11, 2: 12, 3: 16, 4: 17, 5: 17}
	outboxElements = [HeadFormat + 1]int{1: 5, 2: 7, 3: 7, 4: 7, 5: 7}
	claimElements  = [HeadFormat + 1]int{1: 3, 2: 4, 3: 4, 4: 4, 5: 4}
)

// Append writes the head with its leading format byte.
func (h *Head) Append(dst []byte) []byte {
	dst = appendArray(append(dst, HeadFormat), headElements[HeadFormat])
	dst = appendUint(dst, h.Unit)
	dst = appendInt(dst, h.Clock)
	dst = appendString(dst, h.ClusterID)
	dst = appendID(dst, h.SourceID)
	dst = appendID(dst, h.JournalID)
	dst = appendArray(dst, len(h.Sources))
	for i := range h.Sources {
		p := &h.Sources[i]
		dst = appendArray(dst, 3)
		dst = appendString(dst, p.Topic)
		dst = appendInt(dst, p.Offset)
		dst = appendInt(dst, int64(p.LeaderEpoch))
	}
	dst = appendInt(dst, h.Control)
	dst = appendInt(dst, h.ActionProducerID)
	dst = appendInt(dst, int64(h.ActionProducerEpoch))
	dst = appendArray(dst, len(h.Outbox))
	for i := range h.Outbox {
		p := &h.Outbox[i]
		dst = appendArray(dst, outboxElements[HeadFormat])
		dst = appendString(dst, p.Topic)
		dst = appendInt(dst, int64(p.Partition))
		dst = appendInt(dst, p.Next)
		dst = appendInt(dst, p.Acked)
		dst = appendInt(dst, p.LookFrom)
		dst = appendInt(dst, p.ProducerID)
		dst = appendInt(dst, int64(p.ProducerEpoch))
	}
	dst = appendInt(dst, h.FreshProducerID)
	dst = appendInt(dst, h.Erased)
	dst = appendUint(dst, h.Armed)
	dst = appendArray(dst, len(h.Moments))
	for i := range h.Moments {
		m := &h.Moments[i]
		dst = appendArray(dst, 4)
		dst = appendString(dst, m.Journey)
		dst = appendString(dst, m.Trigger)
		dst = appendUint(dst, uint64(m.Spec))
		dst = appendInt(dst, m.Since)
	}
	dst = appendBool(dst, h.Arming)
	dst = appendString(dst, h.ArmedThrough)
	return appendUint(dst, h.Release)
}

// DecodeHead reads what Append wrote, now or in an earlier format. A format of tomorrow is an *UnknownFormatError.
func DecodeHead(b []byte) (*Head, error) {
	h := new(Head)
	return h, decodeFormatted(b, "head", h.read)
}

func (h *Head) read(r *reader, format byte) {
	r.elements(headElements[format])
	h.Unit, h.Clock = r.uint(), r.int()
	h.ClusterID = r.string()
	h.SourceID, h.JournalID = r.id(), r.id()
	h.Sources = list[SourcePosition](r, 3)
	for i := range h.Sources {
		r.elements(3)
		h.Sources[i] = SourcePosition{Topic: r.string(), Offset: r.int(), LeaderEpoch: int32(r.within(math.MinInt32, math.MaxInt32))}
	}
	h.Control = r.int()
	h.ActionProducerID, h.ActionProducerEpoch = r.int(), r.epoch()
	h.Outbox = list[OutboxPosition](r, outboxElements[format])
	for i := range h.Outbox {
		r.elements(outboxElements[format])
		p := &h.Outbox[i]
		*p = OutboxPosition{Topic: r.string(), Partition: int32(r.within(0, math.MaxInt32)), Next: r.int(), Acked: r.int(), LookFrom: r.int()}
		if format >= 2 {
			p.ProducerID, p.ProducerEpoch = r.int(), r.epoch()
		}
	}
	h.FreshProducerID = r.int()
	if format >= 2 {
		h.Erased = r.int()
	}
	if format >= 3 {
		h.Armed = r.uint()
		h.Moments = list[MomentSince](r, 4)
		for i := range h.Moments {
			r.elements(4)
			h.Moments[i] = MomentSince{Journey: r.string(), Trigger: r.string(), Spec: uint32(r.within(0, math.MaxUint32)), Since: r.int()}
		}
		h.Arming, h.ArmedThrough = r.bool(), r.string()
	}
	if format >= 4 {
		h.Release = r.uint()
	}
}

// Append writes the claim with its leading format byte.
func (c *Claim) Append(dst []byte) []byte {
	dst = appendArray(append(dst, HeadFormat), claimElements[HeadFormat])
	dst = appendString(dst, c.Owner)
	dst = appendID(dst, c.Nonce)
	dst = appendInt(dst, int64(c.Epoch))
	return appendInt(dst, c.First)
}

// DecodeClaim reads what Append wrote, like DecodeHead.
func DecodeClaim(b []byte) (*Claim, error) {
	c := new(Claim)
	return c, decodeFormatted(b, "claim", c.read)
}

func (c *Claim) read(r *reader, format byte) {
	r.elements(claimElements[format])
	*c = Claim{Owner: r.string(), Nonce: r.id(), Epoch: r.epoch(), First: -1}
	if format >= 2 {
		c.First = r.int()
	}
}

func appendID(dst []byte, id [16]byte) []byte { return append(appendBin(dst, len(id)), id[:]...) }

func (r *reader) id() (id [16]byte) {
	b := r.bin()
	if len(b) != len(id) {
		r.fail("no id of 16 bytes")
		return id
	}
	return [16]byte(b)
}

// within reads a whole number of a range.
func (r *reader) within(least, most int64) int64 {
	v := r.int()
	if v < least || v > most {
		r.fail(fmt.Sprintf("%d, not from %d to %d,", v, least, most))
		return 0
	}
	return v
}

func (r *reader) epoch() int16 { return int16(r.within(math.MinInt16, math.MaxInt16)) }

// elements reads the header of an array of n elements.
func (r *reader) elements(n int) {
	if got := r.array(1); got != n {
		r.fail(fmt.Sprintf("an array of %d elements, not %d,", got, n))
	}
}

// list reads the header of a list whose entries are arrays of n elements, and makes room for it. An earlier release wrote
// an empty one as nil.
func list[T any](r *reader, n int) []T {
	c := r.byte()
	if c == 0xc0 {
		return nil
	}
	if count := r.count(c, 0x90, 0xdc, n+1); count > 0 {
		return make([]T, count)
	}
	return nil
}

func decodeFormatted(b []byte, what string, read func(r *reader, format byte)) error {
	if len(b) == 0 {
		return fmt.Errorf("schemas: empty %s", what)
	}
	if b[0] == 0 || b[0] > HeadFormat {
		return &UnknownFormatError{what, b[0]}
	}
	r := reader{b: b, pos: 1}
	read(&r, b[0])
	if r.err == nil && r.pos < len(b) {
		r.fail("more than belongs here")
	}
	if r.err != nil {
		return fmt.Errorf("schemas: decode %s: %w", what, r.err)
	}
	return nil
}
