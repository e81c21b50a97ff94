// Package proxy is a TCP proxy in front of a Kafka broker that does what networks do: it loses answers, holds up or holds
// back what goes through, and cuts connections. An answer to a produce request that is lost leaves the client without
// knowledge whether its batch was appended (it was). The proxy knows Kafka's framing and the first fields of a request, nothing behind them, and rewrites
// nothing: the broker needs a listener that is advertised under the proxy's address.
package proxy

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// Proxy is one that listens. Its owner calls Close.
type Proxy struct {
	upstream string
	listener net.Listener
	answers  atomic.Int64 // to produce requests
	dropped  atomic.Int64

	mu      sync.Mutex
	faults  Faults
	changed chan struct{}     // closed when faults are replaced, then made anew
	ended   chan struct{}     // closed by the first Close
	open    map[net.Conn]bool // nil once closed
	serves  sync.WaitGroup
}

const (
	produceKey = 0
	maxFrame   = 256 << 20
	mostPeek   = 512 // holds the first topic of a produce request
)

// Listen begins to forward connections to upstream, with the faults given.
func Listen(addr, upstream string, f Faults) (*Proxy, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	p := &Proxy{upstream: upstream, faults: f, listener: l, open: map[net.Conn]bool{}, changed: make(chan struct{}), ended: make(chan struct{})}
	p.serves.Go(p.accept)
	return p, nil
}

// Addr is where it listens.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Dropped is how many answers were discarded so far, of how many.
func (p *Proxy) Dropped() (dropped, of int64) { return p.dropped.Load(), p.answers.Load() }

// Close cuts every connection and waits until nothing of the proxy is left.
func (p *Proxy) Close() error {
	err := p.listener.Close()
	p.mu.Lock()
	open := p.open
	p.open = nil
	if open != nil {
		close(p.ended)
	}
	p.mu.Unlock()
	for c := range open {
		_ = c.Close() // it is cut: what it says about it is of no use
	}
	p.serves.Wait()
	return err
}

func (p *Proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		p.serves.Go(func() { p.serve(c) })
	}
}

// hold notes a connection, so that Close can cut it; false when Close was there first.
func (p *Proxy) hold(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil {
		_ = c.Close()
		return false
	}
	p.open[c] = true
	return true
}

func (p *Proxy) release(c net.Conn) {
	p.mu.Lock()
	delete(p.open, c)
	p.mu.Unlock()
	_ = c.Close()
}

func (p *Proxy) serve(client net.Conn) {
	if !p.hold(client) {
		return
	}
	defer p.release(client)
	var d net.Dialer
	broker, err := d.DialContext(context.Background(), "tcp", p.upstream)
	if err != nil || !p.hold(broker) {
		return // the client sees a closed connection, as from a broker that is down
	}
	defer p.release(broker)
	produces := &produces{ids: map[uint32]bool{}}
	var both sync.WaitGroup
	both.Go(func() {
		_ = forward(broker, client, 8, func(head []byte) bool {
			var produce []byte
			if binary.BigEndian.Uint16(head) == produceKey {
				produces.add(binary.BigEndian.Uint32(head[4:]))
				produce = head
			}
			p.disturb(produce)
			return true
		})
		_ = broker.Close() // either end gone ends both
	})
	both.Go(func() {
		_ = forward(client, broker, 4, func(head []byte) bool {
			if produces.take(binary.BigEndian.Uint32(head)) && p.loses() {
				return false
			}
			p.disturb(nil)
			return true
		})
		_ = client.Close()
	})
	both.Wait()
}

// produces are the correlation ids of produce requests under way on a connection.
type produces struct {
	mu  sync.Mutex
	ids map[uint32]bool
}

func (p *produces) add(id uint32) {
	p.mu.Lock()
	p.ids[id] = true
	p.mu.Unlock()
}

func (p *produces) take(id uint32) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.ids[id]
	delete(p.ids, id)
	return was
}

var errLost = errors.New("this answer is to be lost")

// forward copies frames of a 4-byte size and so many bytes, until one end is gone or pass, which sees the first bytes
// behind the size, says no: at least `peek`, up to mostPeek where the frame has them.
func forward(to io.Writer, from io.Reader, peek int, pass func(head []byte) bool) error {
	r, w := bufio.NewReaderSize(from, 64<<10), bufio.NewWriterSize(to, 64<<10)
	for {
		head, err := r.Peek(4 + peek)
		if err != nil {
			return err
		}
		size := int64(binary.BigEndian.Uint32(head))
		if size < int64(peek) || size > maxFrame {
			return fmt.Errorf("a frame of %d bytes is none of Kafka's", size)
		}
		if head, err = r.Peek(4 + int(min(size, mostPeek))); err != nil {
			return err
		}
		if !pass(head[4:]) {
			return errLost
		}
		if _, err := io.CopyN(w, r, 4+size); err != nil {
			return err
		}
		if r.Buffered() < 4+peek { // nothing follows at once
			if err := w.Flush(); err != nil {
				return err
			}
		}
	}
}
