package kafka

import "io"

// stream takes an answer apart while it comes off the connection, which buffers small reads. After the first error,
// which is kept, all it gives is zero.
type stream struct {
	src     io.Reader
	left    int // bytes of the answer still to come
	scratch []byte
	err     error
}

// into fills b.
func (s *stream) into(b []byte) {
	if s.err != nil {
		return
	}
	if len(b) > s.left {
		s.err = errShort
		return
	}
	if _, err := io.ReadFull(s.src, b); err != nil {
		s.err = unexpected(err)
		return
	}
	s.left -= len(b)
}

// piece gives the next n bytes to be decoded, before the next piece is asked for.
func (s *stream) piece(n int) decoder {
	if s.err == nil && (n < 0 || n > s.left) {
		s.err = errShort
	}
	if s.err != nil {
		return decoder{err: s.err}
	}
	if cap(s.scratch) < n {
		s.scratch = make([]byte, n, max(n, 256))
	}
	s.scratch = s.scratch[:n]
	s.into(s.scratch)
	return decoder{b: s.scratch, err: s.err}
}

// count is the length of an array whose elements, of at least least bytes each, are yet to come; a null array is empty.
func (s *stream) count(n int32, least int) int {
	if s.err == nil && int(n) > s.left/least {
		s.err = errShort
	}
	if n < 0 || s.err != nil {
		return 0
	}
	return int(n)
}

// rest goes past what is left, and gives the first error.
func (s *stream) rest() error {
	if s.err == nil && s.left > 0 {
		_, err := io.CopyN(io.Discard, s.src, int64(s.left))
		s.err = unexpected(err)
	}
	return s.err
}
