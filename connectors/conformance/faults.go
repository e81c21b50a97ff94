package conformance

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wend/connectors"
	"wend/connectors/kafka"
)

// cutter opens connections whose answers can be cut short.
type cutter struct {
	open atomic.Int64

	mu    sync.Mutex
	after int // bytes of answers that still get through, on all connections together; negative: all
}

// let says how many more bytes of answers get through; whichever connection gets the next one ends. Negative: all do.
func (c *cutter) let(after int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.after = after
}

// takes says how many of n bytes that have come get through, and counts them.
func (c *cutter) takes(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.after < 0 {
		return n
	}
	n = min(n, c.after)
	c.after -= n
	return n
}

func (c *cutter) dial(ctx context.Context, network, address string) (net.Conn, error) {
	inner, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c.open.Add(1)
	return &cut{Conn: inner, by: c}, nil
}

type cut struct {
	net.Conn
	by   *cutter
	once sync.Once
}

// Read cuts what has come, not what it asks for: a client reads answers to questions of its own (who leads what) beside
// the test's, and may have waited for one since before the cut.
func (c *cut) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if let := c.by.takes(n); let < n {
		c.Conn.Close()
		return let, net.ErrClosed
	}
	return n, err
}

func (c *cut) Close() error {
	c.once.Do(func() { c.by.open.Add(-1) })
	return c.Conn.Close()
}

func (s *suite) faults(t *testing.T) {
	topic := s.topic(t, 2, nil)
	tp := at(topic, 0)
	usable := func(t *testing.T, c *kafka.Client) {
		t.Helper()
		before := s.latest(t, at(topic, 1))
		if p := s.put(t, c, at(topic, 1), plain("x")); p.Err != nil || p.Code != connectors.OK || p.BaseOffset != before {
			t.Fatalf("the next call: %+v, want offset %d", p, before)
		}
		f, err := c.Fetch(context60(t), s.request(t, at(topic, 1), before))
		if err != nil || f[0].TopicPartition != at(topic, 1) || f[0].HighWatermark != before+1 {
			t.Fatalf("the next fetch: %+v %v", f, err)
		}
	}
	t.Run("a cancelled long poll frees its connection", func(t *testing.T) {
		dials := &cutter{after: -1}
		c := s.open(t, kafka.Options{Dial: dials.dial})
		usable(t, c)
		before := dials.open.Load()
		req := s.request(t, tp, s.latest(t, tp))
		req.MaxWait = 10 * patience
		for range 5 {
			ctx, cancel := context.WithCancel(context.Background()) // no deadline, which would end the wait too
			ended := make(chan error, 1)
			go func() {
				_, err := c.Fetch(ctx, req)
				ended <- err
			}()
			time.Sleep(50 * time.Millisecond)
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Fatalf("got %v", err)
			}
			usable(t, c)
		}
		s.until(t, "the polls' connections are closed", func() bool { return dials.open.Load() <= before+1 })
	})
	t.Run("a timeout ends the wait, and the next call is answered", func(t *testing.T) {
		c := s.open(t, kafka.Options{})
		req := s.request(t, tp, s.latest(t, tp))
		req.MaxWait = 10 * patience
		ctx, cancel := context.WithTimeout(context60(t), 100*time.Millisecond)
		defer cancel()
		_, err := c.Fetch(ctx, req)
		if err == nil || connectors.Classify(err) != connectors.Ambiguous {
			t.Fatalf("got %v", err)
		}
		usable(t, c)
	})
	t.Run("an answer cut short", func(t *testing.T) {
		dials := &cutter{after: -1}
		c := s.open(t, kafka.Options{Dial: dials.dial})
		s.mustPut(t, tp, plain("something to fetch"))
		for _, length := range []int{0, 2, 4, 9, 30, 80} {
			usable(t, c)
			dials.let(length)
			_, err := c.Fetch(context60(t), s.request(t, tp, 0))
			dials.let(-1)
			if err == nil || connectors.Classify(err) != connectors.Ambiguous {
				t.Fatalf("after %d bytes: %v", length, err)
			}
			usable(t, c)
			dials.let(length)
			_, err = c.Metadata(context60(t), topic)
			dials.let(-1)
			if err == nil {
				t.Fatalf("metadata after %d bytes", length)
			}
			s.until(t, "metadata is answered again", func() bool { _, err := c.Metadata(context60(t), topic); return err == nil })
		}
	})
	t.Run("a produce answer lost, the same bytes again", func(t *testing.T) {
		dials := &cutter{after: -1}
		c := s.open(t, kafka.Options{Dial: dials.dial})
		usable(t, c)
		p := s.producer(t, unique("id"))
		var last int64
		for i := range int32(5) {
			b := sequenced(p, i, "once")
			broker, _ := s.leader(t, tp)
			before := s.latest(t, tp)
			dials.let(3)
			lost := c.Produce(context60(t), broker, []connectors.Batch{{TopicPartition: tp, Bytes: b}}, 5*time.Second)[0]
			dials.let(-1)
			if lost.Err == nil || lost.Class() != connectors.Ambiguous {
				t.Fatalf("%+v", lost)
			}
			again := s.put(t, c, tp, b)
			if again.Err != nil || again.Code != connectors.OK || again.BaseOffset != before {
				t.Fatalf("again: %+v, want offset %d", again, before)
			}
			last = again.BaseOffset
		}
		want(t, "end", s.latest(t, tp), last+1)
	})
	t.Run("a closed client", func(t *testing.T) {
		c := s.open(t, kafka.Options{})
		usable(t, c)
		req := s.request(t, tp, s.latest(t, tp))
		req.MaxWait = 10 * patience
		ended := make(chan error, 1)
		ctx := context60(t)
		go func() {
			_, err := c.Fetch(ctx, req)
			ended <- err
		}()
		time.Sleep(50 * time.Millisecond)
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; !errors.Is(err, kafka.ErrClosed) {
			t.Errorf("the call under way: %v", err)
		}
		if _, err := c.Metadata(ctx); !errors.Is(err, kafka.ErrClosed) {
			t.Errorf("a call afterwards: %v", err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("nobody there", func(t *testing.T) {
		c := s.open(t, kafka.Options{Brokers: []string{"127.0.0.1:1"}})
		if _, err := c.Metadata(context60(t)); err == nil || connectors.Classify(err) != connectors.Ambiguous {
			t.Errorf("got %v", err)
		}
	})
}
