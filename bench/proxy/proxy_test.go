package proxy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// broker answers each request with its correlation id and its body, and counts what it got by api key.
func broker(t *testing.T, got chan<- uint16) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for {
					frame, err := readFrame(c)
					if err != nil {
						return
					}
					got <- binary.BigEndian.Uint16(frame)
					if _, err := c.Write(withSize(frame[4:])); err != nil {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

func readFrame(r io.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	frame := make([]byte, binary.BigEndian.Uint32(size[:]))
	_, err := io.ReadFull(r, frame)
	return frame, err
}

func withSize(frame []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(frame))), frame...)
}

func request(key uint16, id uint32, body []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, key)
	b = binary.BigEndian.AppendUint16(b, 9)
	return withSize(append(binary.BigEndian.AppendUint32(b, id), body...))
}

func TestDropsEveryThirdProduceAnswer(t *testing.T) {
	got := make(chan uint16, 100)
	p, err := Listen("127.0.0.1:0", broker(t, got), Faults{Lose: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	large := bytes.Repeat([]byte("x"), 300<<10)
	var lost []uint32
	var conn net.Conn
	for id := uint32(1); id <= 18; id++ {
		if conn == nil {
			if conn, err = net.Dial("tcp", p.Addr()); err != nil {
				t.Fatal(err)
			}
		}
		key := uint16(id % 2) // 0 is produce: 2, 4, ... of which the third, sixth and ninth are lost
		if _, err := conn.Write(request(key, id, large)); err != nil {
			t.Fatal(err)
		}
		frame, err := readFrame(conn)
		if k := <-got; k != key {
			t.Fatalf("the broker got %d, not %d", k, key)
		}
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
				t.Logf("the cut shows as %v", err)
			}
			lost = append(lost, id)
			_ = conn.Close()
			conn = nil
			continue
		}
		if binary.BigEndian.Uint32(frame) != id || !bytes.Equal(frame[4:], large) {
			t.Fatalf("answer %d came changed", id)
		}
	}
	if conn != nil {
		_ = conn.Close()
	}
	if len(lost) != 3 || lost[0] != 6 || lost[1] != 12 || lost[2] != 18 {
		t.Errorf("lost %v", lost)
	}
	if dropped, of := p.Dropped(); dropped != 3 || of != 9 {
		t.Errorf("%d of %d", dropped, of)
	}
}

func TestRefusesWhatIsNotKafka(t *testing.T) {
	p, err := Listen("127.0.0.1:0", broker(t, make(chan uint16, 1)), Faults{})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := readFrame(conn); err == nil {
		t.Error("an answer")
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

func TestUpstreamDown(t *testing.T) {
	p, err := Listen("127.0.0.1:0", "127.0.0.1:1", Faults{Lose: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("something came")
	}
}
