package batch

// parsed is a record's fields as they are on the wire.
type parsed struct {
	timeDelta, offsetDelta int64
	key, value             []byte
	headers                []byte
}

// Reasons are constants, so that a record that is well costs nothing.
const (
	badVarint  = "a number is cut off or too long"
	badLength  = "its length goes beyond the batch"
	badKey     = "its key's length goes beyond the record"
	badValue   = "its value's length goes beyond the record"
	badHeaders = "its headers do not fill the record"
)

// varint reads a zig-zag number at b[i:] and says where it ends, -1 if nowhere. Deltas and lengths are one byte long
// more often than not.
func varint(b []byte, i int) (int64, int) {
	if i < len(b) && b[i] < 0x80 {
		u := uint64(b[i])
		return int64(u>>1) ^ -int64(u&1), i + 1
	}
	return longVarint(b, i)
}

func longVarint(b []byte, i int) (int64, int) {
	var u uint64
	for shift := uint(0); shift < 70; shift += 7 {
		if i >= len(b) {
			return 0, -1
		}
		c := b[i]
		i++
		if shift == 63 && c > 1 {
			return 0, -1
		}
		u |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return int64(u>>1) ^ -int64(u&1), i
		}
	}
	return 0, -1
}

// field reads a length and so many bytes at b[i:]; a length of -1 is null. It ends at -1 if it does not fit.
func field(b []byte, i int) ([]byte, int) {
	n, i := varint(b, i)
	if i < 0 || n < -1 || n > int64(len(b)-i) {
		return nil, -1
	}
	if n < 0 {
		return nil, i
	}
	end := i + int(n)
	return b[i:end:end], end
}

// parse reads the record at the beginning of b, and how many bytes it takes; or says why it cannot.
func parse(b []byte) (p parsed, size int, reason string) {
	length, i := varint(b, 0)
	if i < 0 {
		return p, 0, badVarint
	}
	if length < 0 || length > int64(len(b)-i) {
		return p, 0, badLength
	}
	size = i + int(length)
	b = b[:size]
	i++ // attributes: none are defined
	if p.timeDelta, i = varint(b, i); i < 0 {
		return p, 0, badVarint
	}
	if p.offsetDelta, i = varint(b, i); i < 0 {
		return p, 0, badVarint
	}
	if p.key, i = field(b, i); i < 0 {
		return p, 0, badKey
	}
	if p.value, i = field(b, i); i < 0 {
		return p, 0, badValue
	}
	if i == size || b[i] == 0 && i+1 != size {
		return p, 0, badHeaders
	}
	p.headers = b[i:size:size]
	return p, size, ""
}

// Headers gives the record's headers; nil when it has none. They share the record's memory. Few records have any that
// somebody reads, so only this checks them.
func (r *Record) Headers() ([]RecordHeader, error) {
	if len(r.rawHeaders) == 0 || len(r.rawHeaders) == 1 && r.rawHeaders[0] == 0 {
		return nil, nil
	}
	b := r.rawHeaders
	n, i := varint(b, 0)
	// A header takes two bytes at least: a count cannot make us allocate more than the record's size allows.
	if i < 0 || n < 0 || n > int64(len(b)-i)/2 {
		return nil, corrupt(r.Offset, "a record's number of headers: %s", badHeaders)
	}
	hs := make([]RecordHeader, 0, n)
	for range n {
		key, at := field(b, i)
		if at < 0 || key == nil {
			return nil, corrupt(r.Offset, "a record's header key: %s", badHeaders)
		}
		value, end := field(b, at)
		if end < 0 {
			return nil, corrupt(r.Offset, "the value of a record's header %q: %s", key, badHeaders)
		}
		hs = append(hs, RecordHeader{Key: string(key), Value: value})
		i = end
	}
	if i != len(b) {
		return nil, corrupt(r.Offset, "a record's headers: %s", badHeaders)
	}
	return hs, nil
}
