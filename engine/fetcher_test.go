package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wend/connectors"
	"wend/connectors/batch"
)

// fetchStand is a fetcher over partitions of "events" that have a record at each offset below end, two in a batch.
type fetchStand struct {
	*fetcher
	cluster *fakeCluster
	wg      sync.WaitGroup
	mu      sync.Mutex
	end     map[int32]int64
	code    map[int32]connectors.Code
	asked   []string
	got     []string

	follow bool // a broker answers for partitions that it does not lead, as Kafka's followers do
}

func eventsPartition(p int32) connectors.TopicPartition {
	return connectors.TopicPartition{Topic: "events", Partition: p}
}

func newFetchStand(t *testing.T, ctx context.Context) *fetchStand {
	s := &fetchStand{end: map[int32]int64{0: 4, 1: 4}, code: map[int32]connectors.Code{}}
	s.cluster = &fakeCluster{leader: map[connectors.TopicPartition]int32{eventsPartition(0): 1, eventsPartition(1): 1}}
	s.cluster.fetch = func(ctx context.Context, req *connectors.FetchRequest) (out []connectors.Fetched, err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		var text string
		var some, again bool
	look:
		text, out = fmt.Sprintf("%d:", req.Broker), nil
		slices.SortFunc(req.Positions, func(a, b connectors.Position) int { return int(a.Partition - b.Partition) })
		for _, p := range req.Positions {
			text += fmt.Sprintf(" %d@%d", p.Offset, p.Partition)
			f := connectors.Fetched{TopicPartition: p.TopicPartition, Code: s.code[p.Partition], LastStable: s.end[p.Partition]}
			s.cluster.mu.Lock()
			if s.cluster.leader[p.TopicPartition] != req.Broker && !s.follow {
				f.Code = connectors.NotLeader
			}
			s.cluster.mu.Unlock()
			if f.Code == connectors.OK && p.Offset < s.end[p.Partition] {
				var b batch.Builder
				b.Reset(batch.Header{ProducerID: batch.NoProducer})
				b.Append(nil, []byte("x"))
				b.Append(nil, []byte("y"))
				f.Batches = b.Take()
				f.Batches[7] = byte(p.Offset)
			}
			some = some || f.Batches != nil || f.Code != connectors.OK
			out = append(out, f)
		}
		if !some && !again {
			s.mu.Unlock()
			err = sleep(ctx, req.MaxWait)
			s.mu.Lock()
			again = true
			goto look
		}
		s.asked = append(s.asked, text)
		return out, err
	}
	m, err := s.cluster.Metadata(ctx)
	if err != nil {
		t.Fatal(err)
	}
	s.fetcher = newFetcher(ctx, &s.wg, s.cluster, newLeaders(s.cluster, m))
	s.retry = func(connectors.TopicPartition, error, int) {}
	s.settled = func() bool { return true }
	return s
}

// want has a partition fetched; what comes is noted under a name.
func (s *fetchStand) want(sh *shard, offset int64, name string) {
	s.from(sh, sh.source, offset, -1, func(f connectors.Fetched, _ time.Time) {
		s.mu.Lock()
		defer s.mu.Unlock()
		next, _ := behind(f.Batches)
		if f.Code != connectors.OK || next >= 0 {
			s.got = append(s.got, fmt.Sprintf("%s %d to %d code %d", name, f.Partition, next, f.Code))
		}
	})
}

func (s *fetchStand) take() (asked, got []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked, got = s.asked, s.got
	s.asked, s.got = nil, nil
	return asked, got
}

func TestFetcher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := newFetchStand(t, ctx)
		a, b := &shard{shardConfig: shardConfig{source: eventsPartition(0)}}, &shard{shardConfig: shardConfig{source: eventsPartition(1)}}
		expect := func(what string, want ...string) {
			t.Helper()
			time.Sleep(5 * time.Second) // of the test's own clock
			synctest.Wait()
			_, got := s.take()
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%s: got %q, want %q", what, got, want)
			}
		}

		s.want(a, 0, "a")
		expect("one after another", "a 0 to 2 code 0", "a 0 to 4 code 0")
		if n := a.backlog.Load(); n == 0 {
			t.Error("what was delivered is not in the backlog")
		}

		s.want(a, 2, "again")
		s.mu.Lock()
		s.end[0] = 6 // the poll under way will have something behind what is wanted now
		s.mu.Unlock()
		expect("from where it is wanted now", "again 0 to 4 code 0", "again 0 to 6 code 0")

		b.backlog.Store(backlogBytes)
		s.want(b, 0, "b")
		expect("nobody who has enough")
		b.backlog.Store(0)
		expect("who has room again", "b 1 to 2 code 0", "b 1 to 4 code 0")

		s.mu.Lock()
		s.code[1] = connectors.OffsetOutOfRange
		s.mu.Unlock()
		expect("out of range is said once", "b 1 to -1 code 1")
		s.take()
		time.Sleep(time.Second)
		if asked, _ := s.take(); slices.ContainsFunc(asked, func(x string) bool { return strings.Contains(x, "@1") }) {
			t.Errorf("asked on where there is nothing: %q", asked)
		}
		s.mu.Lock()
		s.code[1] = connectors.OK
		s.mu.Unlock()
		s.want(b, 2, "b")
		expect("after the gap", "b 1 to 4 code 0")

		s.cluster.lead(eventsPartition(1), 2)
		s.mu.Lock()
		s.end[1] = 6
		s.mu.Unlock()
		expect("from another leader", "b 1 to 6 code 0")

		s.mu.Lock()
		s.code[1] = connectors.TopicAuthorizationFailed
		s.end[0], s.end[1] = 8, 8
		s.mu.Unlock()
		expect("the others, while one is refused", "again 0 to 8 code 0")
		time.Sleep(time.Minute)
		asked, _ := s.take()
		tries := len(slices.DeleteFunc(asked, func(x string) bool { return !strings.Contains(x, "@1") }))
		if tries == 0 || tries > 30 {
			t.Errorf("what is refused was asked for %d times in a minute", tries)
		}
		s.mu.Lock()
		s.code[1] = connectors.OK
		s.mu.Unlock()
		time.Sleep(5 * time.Second) // until the next try
		expect("once it is granted", "b 1 to 8 code 0")

		s.want(a, -1, "")
		s.want(b, -1, "")
		time.Sleep(time.Second)
		s.take()
		time.Sleep(5 * time.Second)
		if asked, _ := s.take(); len(asked) > 0 {
			t.Errorf("nobody wants anything, and it asks %q", asked)
		}
		cancel()
		s.wg.Wait()
	})
}

// A leader moves, and whoever asks for another partition's learns of it before a poll is refused, if one is at all.
func TestFetcherFollowsWhatOthersLearn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := newFetchStand(t, ctx)
		s.follow = true
		a := &shard{shardConfig: shardConfig{source: eventsPartition(0)}}
		s.want(a, 4, "a")
		time.Sleep(time.Second)
		for i, broker := range []int32{2, 3, 1} {
			s.cluster.lead(eventsPartition(0), broker)
			s.leaders.doubt(eventsPartition(1), 1)
			if i == 1 {
				s.leaders.doubt(eventsPartition(0), 2)
				time.Sleep(time.Second)
			}
			if _, err := s.leaders.of(ctx, eventsPartition(1)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			s.take()
			end := int64(6 + 2*i)
			s.mu.Lock()
			s.end[0] = end
			s.mu.Unlock()
			time.Sleep(time.Second)
			asked, got := s.take()
			if want := []string{fmt.Sprintf("a 0 to %d code 0", end)}; !slices.Equal(got, want) {
				t.Errorf("from broker %d: got %q, want %q", broker, got, want)
			}
			for _, text := range asked {
				if !strings.HasPrefix(text, fmt.Sprintf("%d:", broker)) {
					t.Errorf("led by %d, it asked %q", broker, text)
				}
			}
		}
		cancel()
		s.wg.Wait()
	})
}

// An answer to what was wanted before lies elsewhere in the partition: to hear it would be to skip records.
func TestShardHearsOnlyWhatItWants(t *testing.T) {
	var delivers []func(connectors.Fetched, time.Time)
	s := newShard(shardConfig{}, &env{fetchFrom: func(_ int64, _ int32, d func(connectors.Fetched, time.Time)) { delivers = append(delivers, d) }}, Listener{}.filled())
	s.phase = phaseRunning
	deliver := func(i int) {
		s.backlog.Add(3)
		delivers[i](connectors.Fetched{Batches: []byte("abc"), LastStable: 20}, time.Time{})
	}
	s.want(10, -1)
	deliver(0)
	s.want(5, -1)
	deliver(0)
	if len(s.queue) != 1 || s.backlog.Load() != 3 {
		t.Errorf("%d answers, backlog %d", len(s.queue), s.backlog.Load())
	}
	s.forgetFetched()
	deliver(1)
	if len(s.queue) != 1 || s.backlog.Load() != 3 {
		t.Errorf("%d answers, backlog %d", len(s.queue), s.backlog.Load())
	}
	s.phase = phaseIdle
	deliver(1)
	if len(s.queue) != 1 || s.backlog.Load() != 3 {
		t.Errorf("%d answers, backlog %d", len(s.queue), s.backlog.Load())
	}
}
