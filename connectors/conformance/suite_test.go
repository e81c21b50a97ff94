package conformance

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"wend/connectors/broker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEmbedded(t *testing.T) {
	b, err := broker.Start(broker.Options{Nodes: 3, Configs: map[string]string{"log.cleaner.backoff.ms": "200"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	Run(t, b.Addrs()[:1])
}

// reading says when somebody waits for bytes.
type reading struct {
	net.Conn
	begun chan struct{}
}

func (r *reading) Read(b []byte) (int, error) {
	close(r.begun)
	return r.Conn.Read(b)
}

// A cut holds on all connections, those too that have waited for an answer since before it.
func TestCutter(t *testing.T) {
	c := &cutter{after: -1}
	got := make(chan string)
	var far []net.Conn
	for range 2 {
		broker, client := net.Pipe()
		t.Cleanup(func() { broker.Close() })
		r := &reading{client, make(chan struct{})}
		go func() {
			b := make([]byte, 100)
			n, err := (&cut{Conn: r, by: c}).Read(b)
			got <- fmt.Sprint(string(b[:n]), err)
		}()
		<-r.begun
		far = append(far, broker)
	}
	c.let(3)
	for i, want := range []string{fmt.Sprint("one", net.ErrClosed), fmt.Sprint("", net.ErrClosed)} {
		go func() { _, _ = far[i].Write([]byte("one answer")) }() // most of it nobody reads: it ends when the pipe is closed
		if g := <-got; g != want {
			t.Errorf("connection %d: %q, want %q", i, g, want)
		}
	}
}

func TestReal(t *testing.T) {
	brokers := os.Getenv("WEND_TEST_KAFKA")
	if brokers == "" {
		t.Skip("WEND_TEST_KAFKA names no Kafka: host:port, several with commas")
	}
	Run(t, strings.Split(brokers, ","))
}
