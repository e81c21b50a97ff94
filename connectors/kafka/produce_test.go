package kafka

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"wend/connectors"
)

// stuck is a connection on which a large write takes until the deadline, and looks at its bytes once more after that.
type stuck struct {
	net.Conn
	began, pulled chan struct{}
	pull          sync.Once
	changed       chan bool
}

const large = 100 << 10

func (c *stuck) SetDeadline(at time.Time) error {
	if at.Equal(time.Unix(1, 0)) {
		c.pull.Do(func() { close(c.pulled) })
	}
	return c.Conn.SetDeadline(at)
}

func (c *stuck) Write(b []byte) (int, error) {
	if len(b) < large {
		return c.Conn.Write(b)
	}
	before := bytes.Clone(b)
	close(c.began)
	<-c.pulled
	time.Sleep(50 * time.Millisecond) // as long as whoever does not wait may have to do damage
	c.changed <- !bytes.Equal(b, before)
	return 0, os.ErrDeadlineExceeded
}

// TestBatchesAreTheCallersAgain: Produce that gives up while its batches are being written waits until they no longer are.
func TestBatchesAreTheCallersAgain(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	began, changed := make(chan struct{}), make(chan bool, 1)
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		return &stuck{Conn: c, began: began, pulled: make(chan struct{}), changed: changed}, err
	}
	client, err := New(Options{Brokers: cluster.ListenAddrs(), Dial: dial})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-began
		cancel()
	}()
	raw := framed(large)
	p := client.Produce(ctx, 0, []connectors.Batch{{TopicPartition: connectors.TopicPartition{Topic: "t"}, Bytes: raw}}, time.Minute)
	clear(raw) // they are ours
	if len(p) != 1 || !errors.Is(p[0].Err, context.Canceled) {
		t.Errorf("got %+v", p)
	}
	if <-changed {
		t.Error("Produce returned while the batch was being written")
	}
}
