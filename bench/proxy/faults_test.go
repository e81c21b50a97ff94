package proxy

import (
	"net"
	"testing"
	"time"
)

// answered sends a request and gives the answer once it comes; an error where the connection ends.
func answered(t *testing.T, conn net.Conn, id uint32) <-chan error {
	t.Helper()
	if _, err := conn.Write(request(1, id, []byte("body"))); err != nil {
		t.Fatal(err)
	}
	came := make(chan error, 1)
	go func() {
		_, err := readFrame(conn)
		came <- err
	}()
	return came
}

func TestHoldsBackUntilItIsLifted(t *testing.T) {
	got := make(chan uint16, 10)
	p, err := Listen("127.0.0.1:0", broker(t, got), Faults{Hold: true})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	came := answered(t, conn, 1)
	select {
	case <-got:
		t.Fatal("the broker got it")
	case err := <-came:
		t.Fatal("an answer", err)
	case <-time.After(50 * time.Millisecond):
	}
	p.Set(Faults{Delay: time.Millisecond})
	if err := <-came; err != nil {
		t.Error(err)
	}
	<-got
}

func TestCut(t *testing.T) {
	got := make(chan uint16, 10)
	p, err := Listen("127.0.0.1:0", broker(t, got), Faults{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for id := range uint32(3) {
		conn, err := net.Dial("tcp", p.Addr())
		if err != nil {
			t.Fatal(err)
		}
		if err := <-answered(t, conn, id); err != nil {
			t.Fatal(err)
		}
		p.Cut()
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Error("the connection is open")
		}
		_ = conn.Close()
	}
}

// What is held back when the proxy ends holds nothing up.
func TestCloseWhileHolding(t *testing.T) {
	p, err := Listen("127.0.0.1:0", broker(t, make(chan uint16, 1)), Faults{Hold: true})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	came := answered(t, conn, 1)
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if <-came == nil {
		t.Error("an answer")
	}
}

// Only the produce requests whose first topic is the slow one are held up.
func TestSlowTopic(t *testing.T) {
	got := make(chan uint16, 10)
	p, err := Listen("127.0.0.1:0", broker(t, got), Faults{Slow: "app.actions", SlowDelay: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	dial := func(key uint16, body string) {
		conn, err := net.Dial("tcp", p.Addr())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if _, err := conn.Write(request(key, 1, []byte(body))); err != nil {
			t.Fatal(err)
		}
	}
	dial(produceKey, "app.actions")
	dial(produceKey, "app.journal")
	if key := <-got; key != produceKey {
		t.Error(key)
	}
	dial(1, "app.actions")
	if key := <-got; key != 1 {
		t.Error("the slow topic's request went through")
	}
}
