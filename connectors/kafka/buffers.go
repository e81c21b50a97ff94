package kafka

import (
	"math/bits"
	"sync"

	"wend/connectors"
)

// buffers is memory for what fetch answers bring, lent to who reads it and used again: under load it is most of what a
// process would allocate. There is a pool for each power of two; what nobody wants for a while the collector takes, so
// they hold about as much as was lent at one time not long ago.
type buffers struct {
	pools    [sizes]sync.Pool    // of *[]byte, whole
	released func(memory []byte) // before it is used again; nil: nobody looks
}

// What is lent, in bytes: less is not worth it, and more comes too seldom.
const (
	leastLent = 4 << 10
	mostLent  = leastLent << (sizes - 1)
	sizes     = 13
)

// lend gives n bytes of any content, and their lease; nil where they are the borrower's for good.
func (p *buffers) lend(n int) ([]byte, *connectors.Lease) {
	if n < leastLent || n > mostLent {
		return make([]byte, n), nil
	}
	var memory []byte
	if free, ok := p.pools[size(n)].Get().(*[]byte); ok {
		memory = *free
	} else {
		memory = make([]byte, leastLent<<size(n))
	}
	return memory[:n:n], connectors.NewLease(memory, p.back)
}

func (p *buffers) back(memory []byte) {
	if p.released != nil {
		p.released(memory)
	}
	p.pools[size(len(memory))].Put(&memory)
}

// size is the pool of memory that holds n bytes.
func size(n int) int { return bits.Len(uint(n-1) / leastLent) }
