package proxy

import (
	"bytes"
	"net"
	"time"
)

// Faults are what a proxy does to all its connections. The zero value forwards everything at once.
type Faults struct {
	Lose  int           // every so many-th answer to a produce request is discarded, its connection cut; below 1: none
	Delay time.Duration // for which each request and each answer is held up
	Hold  bool          // nothing goes through in either direction, and new connections get no answer

	// Produce requests whose first topic is this one are held up for so long, and with them what follows on their
	// connection. No two topics of a test may have names of which one holds the other.
	Slow      string
	SlowDelay time.Duration
}

// Set replaces the faults. What Hold has held back goes on its way when it is lifted, so that a broker gets requests whose
// sender has long given them up.
func (p *Proxy) Set(f Faults) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = f
	close(p.changed)
	p.changed = make(chan struct{})
}

// Cut closes every connection.
func (p *Proxy) Cut() {
	p.mu.Lock()
	open := make([]net.Conn, 0, len(p.open))
	for c := range p.open {
		open = append(open, c)
	}
	p.mu.Unlock()
	for _, c := range open {
		_ = c.Close() // it is cut: what it says about it is of no use
	}
}

// disturb holds up a frame as the faults say. produce is the beginning of a produce request, nil for anything else.
func (p *Proxy) disturb(produce []byte) {
	for delayed := false; ; {
		p.mu.Lock()
		f, changed := p.faults, p.changed
		p.mu.Unlock()
		if f.Slow != "" && bytes.Contains(produce, []byte(f.Slow)) {
			f.Delay += f.SlowDelay
		}
		switch {
		case f.Hold:
			select {
			case <-changed:
			case <-p.ended:
				return
			}
		case f.Delay > 0 && !delayed:
			delayed = true
			t := time.NewTimer(f.Delay)
			select {
			case <-t.C:
			case <-p.ended:
			}
			t.Stop()
		default:
			return
		}
	}
}

// loses counts an answer to a produce request and says whether it is one to lose.
func (p *Proxy) loses() bool {
	n := p.answers.Add(1)
	p.mu.Lock()
	every := int64(p.faults.Lose)
	p.mu.Unlock()
	if every < 1 || n%every != 0 {
		return false
	}
	p.dropped.Add(1)
	return true
}
