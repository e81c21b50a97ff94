package connectors

import "sync/atomic"

// Lease is memory that a Fetched was lent: whoever lent it uses it again when the lease has ended. One that nobody ends
// costs no more than that: the collector takes the memory. It may be ended by any goroutine, and more than once.
type Lease struct {
	memory []byte
	back   func([]byte)
	over   atomic.Bool
}

// NewLease lends memory. At the first End, back is called with it, on the goroutine that ends.
func NewLease(memory []byte, back func([]byte)) *Lease {
	return &Lease{memory: memory, back: back}
}

// End gives the memory back. A nil Lease has none to give.
func (l *Lease) End() {
	if l != nil && !l.over.Swap(true) {
		l.back(l.memory)
	}
}

// Release says that nobody reads Batches any more, nor what was cut out of them: keys, values and headers of records
// that are not compressed. Without it the memory is not used again, and that is all.
func (f *Fetched) Release() {
	f.Batches = nil
	f.Lease.End()
}
