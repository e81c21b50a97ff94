package engine

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wend/connectors"
)

// fakeCluster answers what the tests of line, leaders and fetcher ask.
type fakeCluster struct {
	connectors.Cluster

	mu       sync.Mutex
	leader   map[connectors.TopicPartition]int32 // -1: none
	metadata int                                 // how often it was asked for
	produce  func(broker int32, batches []connectors.Batch) []connectors.Produced
	fetch    func(ctx context.Context, req *connectors.FetchRequest) ([]connectors.Fetched, error)
}

func (c *fakeCluster) Metadata(context.Context, ...string) (*connectors.Metadata, error) {
	time.Sleep(time.Millisecond)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.metadata++
	m := &connectors.Metadata{}
	for tp, leader := range c.leader {
		m.Topics = append(m.Topics, connectors.Topic{Name: tp.Topic, Partitions: []connectors.Partition{{ID: tp.Partition, Leader: leader}}})
	}
	return m, nil
}

func (c *fakeCluster) lead(tp connectors.TopicPartition, broker int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leader[tp] = broker
}

func (c *fakeCluster) Produce(_ context.Context, broker int32, batches []connectors.Batch, _ time.Duration) []connectors.Produced {
	return c.produce(broker, batches)
}

func (c *fakeCluster) Fetch(ctx context.Context, req *connectors.FetchRequest) ([]connectors.Fetched, error) {
	return c.fetch(ctx, req)
}

func actionsPartition(p int32) connectors.TopicPartition {
	return connectors.TopicPartition{Topic: "actions", Partition: p}
}

func TestLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &fakeCluster{leader: map[connectors.TopicPartition]int32{actionsPartition(0): 1, actionsPartition(1): 1, actionsPartition(2): 2}}
		var mu sync.Mutex
		var requests []string
		carrying := map[int32]bool{}
		c.produce = func(broker int32, batches []connectors.Batch) []connectors.Produced {
			mu.Lock()
			if carrying[broker] {
				t.Errorf("two requests at once to broker %d", broker)
			}
			carrying[broker] = true
			mu.Unlock()
			time.Sleep(10 * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			carrying[broker] = false
			text := fmt.Sprintf("%d:", broker)
			out := make([]connectors.Produced, len(batches))
			for i, b := range batches {
				text += fmt.Sprintf(" %s@%d", b.Bytes, b.Partition)
				out[i] = connectors.Produced{TopicPartition: b.TopicPartition}
				if string(b.Bytes) == "moved" && broker == 1 {
					out[i].Code = connectors.NotLeader
				}
			}
			requests = append(requests, text)
			return out
		}
		var wg sync.WaitGroup
		m, _ := c.Metadata(t.Context())
		n := newLine(t.Context(), &wg, c, newLeaders(c, m), time.Second)
		done := map[string]connectors.Code{}
		submit := func(p int32, text string) {
			n.submit(connectors.Batch{TopicPartition: actionsPartition(p), Bytes: []byte(text)}, func(r connectors.Produced) {
				mu.Lock()
				defer mu.Unlock()
				if _, twice := done[text]; twice {
					t.Errorf("%s answered twice", text)
				}
				done[text] = r.Code
			})
		}
		submit(0, "a")
		synctest.Wait() // it is on its way; what comes now waits for the next request
		submit(0, "b")
		submit(0, "c") // not in one request with b
		submit(1, "d")
		submit(2, "e") // another broker's
		wg.Wait()
		slices.Sort(requests)
		if want := []string{"1: a@0", "1: b@0 d@1", "1: c@0", "2: e@2"}; !slices.Equal(requests, want) {
			t.Errorf("requests %q, want %q", requests, want)
		}
		requests = nil
		c.lead(actionsPartition(1), 2)
		submit(1, "moved")
		wg.Wait()
		submit(1, "again") // the answer has raised a doubt
		wg.Wait()
		if want := []string{"1: moved@1", "2: again@1"}; !slices.Equal(requests, want) || done["moved"] != connectors.NotLeader || done["again"] != connectors.OK {
			t.Errorf("requests %q, want %q", requests, want)
		}
		requests = nil
		submit(7, "nowhere")
		wg.Wait()
		if len(requests) > 0 || verdict(connectors.Produced{Code: done["nowhere"]}) != notTaken {
			t.Errorf("a partition without a leader: requests %q, code %v", requests, done["nowhere"])
		}
	})
}

func TestLineBoundsARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &fakeCluster{leader: map[connectors.TopicPartition]int32{}}
		for p := range int32(4) {
			c.leader[actionsPartition(p)] = 1
		}
		var sizes []int
		c.produce = func(_ int32, batches []connectors.Batch) []connectors.Produced {
			time.Sleep(time.Millisecond)
			n := 0
			for _, b := range batches {
				n += len(b.Bytes)
			}
			sizes = append(sizes, n>>20)
			return make([]connectors.Produced, len(batches))
		}
		var wg sync.WaitGroup
		m, _ := c.Metadata(t.Context())
		n := newLine(t.Context(), &wg, c, newLeaders(c, m), time.Second)
		n.submit(connectors.Batch{TopicPartition: actionsPartition(0), Bytes: []byte("first")}, func(connectors.Produced) {})
		synctest.Wait()
		for p, mb := range []int{20, 10, 5, 3} { // more than a request takes goes alone
			n.submit(connectors.Batch{TopicPartition: actionsPartition(int32(p)), Bytes: make([]byte, mb<<20)}, func(connectors.Produced) {})
		}
		wg.Wait()
		if want := []int{0, 20, 15, 3}; !slices.Equal(sizes, want) {
			t.Errorf("requests of %v MiB, want %v", sizes, want)
		}
	})
}

func TestLeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &fakeCluster{leader: map[connectors.TopicPartition]int32{actionsPartition(0): 1, actionsPartition(1): -1}}
		l := newLeaders(c, &connectors.Metadata{})
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if b, err := l.of(t.Context(), actionsPartition(0)); b != 1 || err != nil {
					t.Error(b, err)
				}
			})
		}
		wg.Wait()
		if c.metadata != 1 {
			t.Errorf("ten who wait asked %d times", c.metadata)
		}
		l.doubt(actionsPartition(0), 5) // who is not believed to lead says nothing about who does
		if b, ok := l.known(actionsPartition(0)); b != 1 || !ok {
			t.Error("an answer of the leader before last shook the present one")
		}
		l.doubt(actionsPartition(0), 1)
		if _, ok := l.known(actionsPartition(0)); ok {
			t.Error("still believed")
		}
		if _, err := l.of(t.Context(), actionsPartition(1)); err == nil {
			t.Error("a leader where there is none")
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := l.of(ctx, actionsPartition(1)); err == nil {
			t.Error("went on when it was over")
		}
	})
}
