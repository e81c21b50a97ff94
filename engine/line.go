package engine

import (
	"context"
	"runtime"
	"sync"
	"time"

	"wend/connectors"
)

// line carries produce requests: per broker one at a time, with whatever the shards have ready meanwhile, one batch per
// partition. So a request is as large as the round trip is slow, and brokers see few of them. There is a line for the
// journal and one for the action topics. A broker's goroutine lives while there is something to carry.
type line struct {
	cluster connectors.Cluster
	leaders *leaders
	ctx     context.Context // ends what is under way
	wg      *sync.WaitGroup
	timeout time.Duration

	mu struct {
		sync.Mutex
		waiting map[int32][]parcel // by broker
		busy    map[int32]bool
	}
}

type parcel struct {
	connectors.Batch
	done func(connectors.Produced)
}

// lineBytes bounds one request; brokers refuse what is over socket.request.max.bytes, 100 MB by default.
const lineBytes = 16 << 20

func newLine(ctx context.Context, wg *sync.WaitGroup, c connectors.Cluster, l *leaders, timeout time.Duration) *line {
	n := &line{cluster: c, leaders: l, ctx: ctx, wg: wg, timeout: timeout}
	n.mu.waiting = map[int32][]parcel{}
	n.mu.busy = map[int32]bool{}
	return n
}

// submit has the batch sent to its partition's leader. done is called once, on another goroutine.
func (n *line) submit(b connectors.Batch, done func(connectors.Produced)) {
	p := parcel{b, done}
	if broker, ok := n.leaders.known(b.TopicPartition); ok {
		n.put(broker, p)
		return
	}
	n.wg.Go(func() {
		broker, err := n.leaders.of(n.ctx, b.TopicPartition)
		if err != nil { // it was not sent: a definite answer
			done(connectors.Produced{TopicPartition: b.TopicPartition, Code: connectors.LeaderNotAvailable, Message: err.Error()})
			return
		}
		n.put(broker, p)
	})
}

func (n *line) put(broker int32, p parcel) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mu.waiting[broker] = append(n.mu.waiting[broker], p)
	if !n.mu.busy[broker] {
		n.mu.busy[broker] = true
		n.wg.Go(func() { n.carry(broker) })
	}
}

// carry sends what waits for the broker, request after request, until nothing does.
func (n *line) carry(broker int32) {
	for {
		for range 4 { // whoever was handed events by the same answer is about to submit too
			runtime.Gosched()
		}
		load := n.load(broker)
		if load == nil {
			return
		}
		batches := make([]connectors.Batch, len(load))
		for i := range load {
			batches[i] = load[i].Batch
		}
		answers := n.cluster.Produce(n.ctx, broker, batches, n.timeout)
		for i, p := range load {
			a := answers[i]
			if v := verdict(a); v == doubtful || v == notTaken || a.Code == connectors.UnknownTopicOrPartition {
				n.leaders.doubt(p.TopicPartition, broker)
			}
			p.done(a)
		}
	}
}

// load takes the next request's batches, at most one a partition; nil: nothing waits, and the broker is no longer busy.
func (n *line) load(broker int32) []parcel {
	n.mu.Lock()
	defer n.mu.Unlock()
	waiting := n.mu.waiting[broker]
	if len(waiting) == 0 {
		delete(n.mu.busy, broker)
		delete(n.mu.waiting, broker)
		return nil
	}
	var load, rest []parcel
	bytes := 0
	for _, p := range waiting {
		if len(load) > 0 && bytes+len(p.Bytes) > lineBytes || holds(load, p.TopicPartition) {
			rest = append(rest, p)
			continue
		}
		bytes += len(p.Bytes)
		load = append(load, p)
	}
	n.mu.waiting[broker] = rest
	return load
}

func holds(load []parcel, tp connectors.TopicPartition) bool {
	for i := range load {
		if load[i].TopicPartition == tp {
			return true
		}
	}
	return false
}
