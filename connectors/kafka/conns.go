package kafka

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// conns are the open connections of a client. Transport has a goroutine per connection and no way to wait for them; each
// closes its connection when it ends, so having no open connection means that none is left.
type conns struct {
	dial  func(ctx context.Context, network, address string) (net.Conn, error)
	plain bool // no TLS: what is read is Kafka's own bytes

	mu struct {
		sync.Mutex
		open   map[*conn]struct{}
		closed bool
		empty  chan struct{} // closed when closed and open is empty
	}
}

// greetingMax is more than the answer to a connection's first request, for the broker's versions, can be.
const greetingMax = 1 << 20

type conn struct {
	net.Conn
	set   *conns
	once  sync.Once
	err   error
	heard int // bytes of the first answer's size
	size  uint32
}

// Read looks at the size of the first answer. kafka-go believes it, and the lengths behind it: of a peer that is no
// Kafka, or wants TLS, it would allocate gigabytes before it finds out.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	for i := 0; i < n && c.heard < 4; i++ {
		c.size = c.size<<8 | uint32(b[i])
		c.heard++
		if c.heard == 4 && c.set.plain && c.size > greetingMax {
			return 0, fmt.Errorf("what answers at %s does not speak Kafka, or expects TLS", c.RemoteAddr())
		}
	}
	return n, err
}

// address of a connection, by which it is found behind what kafka-go puts around it.
type address struct {
	net.Addr
	conn *conn
}

// LocalAddr implements net.Conn.
func (c *conn) LocalAddr() net.Addr { return address{c.Conn.LocalAddr(), c} }

// writePieces writes all pieces, in one call of the system where nothing stands between. The slice itself is used up.
func writePieces(to protocolConn, pieces net.Buffers) error {
	w := io.Writer(to)
	if a, ok := to.LocalAddr().(address); ok && a.conn.set.plain {
		w = a.conn.Conn
	}
	_, err := pieces.WriteTo(w)
	return err
}

func (s *conns) open(ctx context.Context, network, address string) (net.Conn, error) {
	inner, err := s.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: inner, set: s}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.closed {
		inner.Close()
		return nil, ErrClosed
	}
	if s.mu.open == nil {
		s.mu.open = map[*conn]struct{}{}
	}
	s.mu.open[c] = struct{}{}
	return c, nil
}

func (c *conn) Close() error {
	c.once.Do(func() {
		c.err = c.Conn.Close()
		c.set.mu.Lock()
		defer c.set.mu.Unlock()
		delete(c.set.mu.open, c)
		if c.set.mu.empty != nil && len(c.set.mu.open) == 0 {
			close(c.set.mu.empty)
			c.set.mu.empty = nil
		}
	})
	return c.err
}

// close refuses new connections, breaks those in use, and waits until their users have closed them.
func (s *conns) close() {
	s.mu.Lock()
	if s.mu.closed {
		s.mu.Unlock()
		return
	}
	s.mu.closed = true
	var left chan struct{}
	if len(s.mu.open) > 0 {
		left = make(chan struct{})
		s.mu.empty = left
	}
	for c := range s.mu.open {
		c.Conn.Close()
	}
	s.mu.Unlock()
	if left == nil {
		return
	}
	// The sockets are closed whatever happens; a bound, so that a fault of the library cannot hold up a shutdown.
	select {
	case <-left:
	case <-time.After(5 * time.Second):
	}
}
