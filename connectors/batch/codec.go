package batch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// codecs keeps the decoders of a Reader: their tables cost more than most batches. Each is made when first wanted.
type codecs struct {
	src       bytes.Reader
	gzip      *gzip.Reader
	lz4       *lz4.Reader
	zstd      *zstd.Decoder
	zstdLimit int
}

var errTooLarge = errors.New("too large")

func tooLarge(limit int) error {
	return fmt.Errorf("%w: more than %d bytes when decompressed", errTooLarge, limit)
}

// decompress gives the records of a batch in memory of their own, at most limit bytes.
func (c *codecs) decompress(codec uint8, src []byte, limit int) ([]byte, error) {
	switch codec {
	case CodecGzip:
		c.src.Reset(src)
		if c.gzip == nil {
			c.gzip = new(gzip.Reader)
		}
		if err := c.gzip.Reset(&c.src); err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		return readAll("gzip", c.gzip, len(src), limit)
	case CodecSnappy:
		return unsnappy(src, limit)
	case CodecLZ4:
		c.src.Reset(src)
		if c.lz4 == nil {
			c.lz4 = lz4.NewReader(&c.src)
		} else {
			c.lz4.Reset(&c.src)
		}
		return readAll("lz4", c.lz4, len(src), limit)
	case CodecZstd:
		return c.unzstd(src, limit)
	}
	return nil, fmt.Errorf("codec %d is unknown", codec)
}

// readAll reads to the end, into memory that grows from a guess of how well records compress.
func readAll(name string, r io.Reader, compressed, limit int) ([]byte, error) {
	dst := make([]byte, 0, min(4*compressed+512, limit+1))
	for {
		n, err := r.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if len(dst) > limit {
			return nil, fmt.Errorf("%s: %w", name, tooLarge(limit))
		}
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if len(dst) == cap(dst) {
			bigger := make([]byte, len(dst), min(2*cap(dst), limit+1))
			copy(bigger, dst)
			dst = bigger
		}
	}
}

func (c *codecs) unzstd(src []byte, limit int) ([]byte, error) {
	if c.zstd == nil || c.zstdLimit != limit {
		// One at a time and no goroutines of its own: then nothing has to be closed.
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(limit)))
		if err != nil {
			return nil, fmt.Errorf("zstd: %w", err)
		}
		c.zstd, c.zstdLimit = d, limit
	}
	dst, err := c.zstd.DecodeAll(src, nil)
	if errors.Is(err, zstd.ErrDecoderSizeExceeded) || errors.Is(err, zstd.ErrWindowSizeExceeded) || err == nil && len(dst) > limit {
		return nil, fmt.Errorf("zstd: %w", tooLarge(limit))
	}
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	return dst, nil
}

// xerialMagic begins what snappy-java's stream writes, which Java clients use: eight bytes, two versions of four bytes,
// then blocks with their length before them. Others write one bare block.
// https://github.com/xerial/snappy-java (SnappyOutputStream)
const (
	xerialMagic = "\x82SNAPPY\x00"
	xerialHead  = len(xerialMagic) + 8
)

func unsnappy(src []byte, limit int) ([]byte, error) {
	if len(src) < xerialHead || string(src[:len(xerialMagic)]) != xerialMagic {
		return unsnappyBlock(nil, src, limit)
	}
	var dst []byte
	for src = src[xerialHead:]; len(src) > 0; {
		if len(src) < 4 {
			return nil, errors.New("snappy: the length of a block is cut off")
		}
		n := binary.BigEndian.Uint32(src)
		src = src[4:]
		if uint64(n) > uint64(len(src)) {
			return nil, fmt.Errorf("snappy: a block of %d bytes, where %d are left", n, len(src))
		}
		var err error
		if dst, err = unsnappyBlock(dst, src[:n], limit); err != nil {
			return nil, err
		}
		src = src[n:]
	}
	return dst, nil
}

// unsnappyBlock appends a block to dst.
func unsnappyBlock(dst, src []byte, limit int) ([]byte, error) {
	n, err := s2.DecodedLen(src)
	if err != nil {
		return nil, fmt.Errorf("snappy: %w", err)
	}
	if n > limit-len(dst) {
		return nil, fmt.Errorf("snappy: %w", tooLarge(limit))
	}
	if cap(dst)-len(dst) < n {
		bigger := make([]byte, len(dst), max(2*cap(dst), len(dst)+n))
		copy(bigger, dst)
		dst = bigger
	}
	into := dst[len(dst) : len(dst)+n : len(dst)+n]
	got, err := s2.Decode(into, src)
	if err != nil {
		return nil, fmt.Errorf("snappy: %w", err)
	}
	if len(got) != n || n > 0 && &got[0] != &into[:1][0] { // Decode allocates when it likes to
		return append(dst, got...), nil
	}
	return dst[:len(dst)+n], nil
}
