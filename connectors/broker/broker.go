// Package broker is Kafka within the process: the real wire protocol on a loopback port, for the demo, for tests, and
// for trying journeys on a laptop. It is franz-go's kfake with a data directory, capped at the protocol of Apache Kafka
// 4.1, against which Wend is proven.
//
// It is for development, and no place for what must not be lost. What it does otherwise than Apache Kafka:
//
//   - it fences a producer id when an epoch is given out, on every partition at once; Kafka when a higher epoch is
//     written, per partition;
//   - after kill -9 it has forgotten sequences, or has them wrong; it remembers them over Close;
//   - sequences go from 2³¹-2 to 0; Kafka's from 2³¹-1;
//   - message.timestamp.type=LogAppendTime is stored and shown, but batches keep the producer's time;
//   - compaction runs hourly and never takes the last batch (log.cleaner.backoff.ms in Configs);
//   - nothing is replicated, whatever the replication factor says.
package broker

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kversion"
)

// Options of an embedded broker. The zero value is one broker on a free loopback port, in memory.
type Options struct {
	Listen  string            // host:port of the first broker; "127.0.0.1:0" when empty. Beyond loopback only if it says so
	Nodes   int               // brokers, 1 when zero; those after the first on free ports of the same host
	Dir     string            // where topics are kept over restarts; empty: nowhere
	Topics  []Topic           // created unless they are there
	Configs map[string]string // of the broker, as Kafka names them
	Log     io.Writer         // the broker's warnings; nil: nobody hears them
}

// Topic is one to create at the start.
type Topic struct {
	Name       string
	Partitions int32
	Configs    map[string]string
}

// Broker is a running one. Its goroutines end with Close.
type Broker struct {
	cluster *kfake.Cluster
	addrs   []string
	lock    io.Closer
	once    sync.Once
	err     error
}

// Start begins to serve, on what is in Dir if there is something.
func Start(o Options) (*Broker, error) {
	b, err := start(o)
	if err != nil {
		return nil, fmt.Errorf("embedded broker: %w", err)
	}
	return b, nil
}

func start(o Options) (_ *Broker, err error) {
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	host, port, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen address %q is not host:port", o.Listen)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil {
		return nil, fmt.Errorf("listen address %q: the port is not a number up to 65535 (0: any free one)", o.Listen)
	} else {
		port = strconv.FormatUint(n, 10)
	}
	if o.Nodes <= 0 {
		o.Nodes = 1
	}

	for _, t := range o.Topics {
		if t.Name == "" || t.Partitions < 1 {
			return nil, fmt.Errorf("topic %q of %d partitions: a topic has a name and at least one partition", t.Name, t.Partitions)
		}
	}

	b := &Broker{}
	defer func() {
		if err != nil && b.lock != nil {
			b.lock.Close()
		}
	}()
	first := true
	options := []kfake.Opt{
		kfake.NumBrokers(o.Nodes),
		kfake.ClusterID("wend-embedded"),
		kfake.DefaultNumPartitions(4),
		kfake.GroupMinSessionTimeout(time.Second),
		kfake.MaxVersions(kversion.V4_1_0()),
		kfake.BrokerConfigs(o.Configs),
		kfake.ListenFn(func(network, _ string) (net.Listener, error) {
			p := "0"
			if first {
				p, first = port, false
			}
			return net.Listen(network, net.JoinHostPort(host, p))
		}),
	}
	if o.Log != nil {
		options = append(options, kfake.WithLogger(kfake.BasicLogger(o.Log, kfake.LogLevelWarn)))
	}
	if o.Dir != "" {
		if b.lock, err = lock(o.Dir); err != nil {
			return nil, err
		}
		options = append(options, kfake.DataDir(filepath.Join(o.Dir, "data")))
	}
	if b.cluster, err = kfake.NewCluster(options...); err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("%s is in use: stop what listens there, or choose another port (0: any free one): %w", o.Listen, err)
		}
		return nil, err
	}
	b.addrs = b.cluster.ListenAddrs()
	for _, t := range o.Topics {
		if b.cluster.TopicInfo(t.Name) != nil {
			continue
		}
		if err = b.cluster.CreateTopic(t.Name, t.Partitions, t.Configs); err != nil {
			b.cluster.Close()
			return nil, fmt.Errorf("create topic %q: %w", t.Name, err)
		}
	}
	return b, nil
}

// lock keeps a second process off the directory: two would write the same segments.
func lock(dir string) (io.Closer, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	l, err := vfs.Default.Lock(filepath.Join(dir, "LOCK"))
	if err != nil {
		return nil, fmt.Errorf("directory %s is in use by another broker: stop that one, or choose another directory: %w", dir, err)
	}
	return l, nil
}

// Addr is host:port of the first broker.
func (b *Broker) Addr() string { return b.addrs[0] }

// Addrs is host:port of every broker.
func (b *Broker) Addrs() []string { return append([]string(nil), b.addrs...) }

// Compact compacts compacted topics now.
func (b *Broker) Compact() { b.cluster.Compact() }

// MoveLeader makes broker node (0 the first) the leader of a partition.
func (b *Broker) MoveLeader(topic string, partition, node int32) error {
	if err := b.cluster.MoveTopicPartition(topic, partition, node); err != nil {
		return fmt.Errorf("embedded broker: move leader of %s/%d to %d: %w", topic, partition, node, err)
	}
	return nil
}

// Close writes what is kept in Dir and ends connections. It may be called twice.
func (b *Broker) Close() error {
	b.once.Do(func() {
		b.cluster.Close()
		if b.lock != nil {
			b.err = b.lock.Close()
		}
	})
	return b.err
}
