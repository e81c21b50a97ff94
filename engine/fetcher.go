package engine

import (
	"context"
	"sync"
	"time"

	"wend/connectors"
	"wend/connectors/batch"
)

// fetcher reads the source for all shards: per broker one long poll over the partitions that it leads and whose shards
// have room. Nothing is paused by a rebalance: a partition is fetched while its shard works.
type fetcher struct {
	cluster connectors.Cluster
	leaders *leaders
	ctx     context.Context
	wg      *sync.WaitGroup
	retry   func(tp connectors.TopicPartition, err error, tries int)
	settled func() bool   // false while shards are about to join the poll: then polls are short
	pace    time.Duration // a poll that brought little is followed by the next one only after this
	clock   func() time.Time

	mu struct {
		sync.Mutex
		feeds   map[connectors.TopicPartition]*feed
		running map[int32]bool
	}
}

// feed is one partition's place in the polls.
type feed struct {
	next        int64 // -1: nothing is wanted
	leaderEpoch int32
	turn        int  // counts the calls of from: answers to earlier positions are not delivered
	refusals    int  // answers in a row that say neither records nor their end
	finding     bool // its leader is looked for, or will be after a while
	shard       *shard
	deliver     func(f connectors.Fetched, asked time.Time)
}

const (
	fetchWait    = 500 * time.Millisecond // the longest that an answer takes when there are no records
	shortWait    = 20 * time.Millisecond  // the same while a shard was left out of the poll and may want to be in the next
	fetchBytes   = 16 << 20               // of one answer
	fetchEach    = 2 << 20                // of one partition in it
	backlogBytes = 4 << 20                // a shard with so much to do is left out
)

func newFetcher(ctx context.Context, wg *sync.WaitGroup, c connectors.Cluster, l *leaders) *fetcher {
	f := &fetcher{cluster: c, leaders: l, ctx: ctx, wg: wg, clock: time.Now}
	f.mu.feeds = map[connectors.TopicPartition]*feed{}
	f.mu.running = map[int32]bool{}
	return f
}

// from has a partition's records fetched for a shard from an offset on; a negative one ends it. Each answer is delivered
// with the moment before it was asked for: what it says of the partition's end was so at that moment or later.
func (f *fetcher) from(s *shard, tp connectors.TopicPartition, offset int64, leaderEpoch int32, deliver func(f connectors.Fetched, asked time.Time)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.mu.feeds[tp]
	if x == nil {
		if offset < 0 {
			return
		}
		x = &feed{}
		f.mu.feeds[tp] = x
	}
	x.next, x.leaderEpoch, x.shard, x.deliver = offset, leaderEpoch, s, deliver
	x.turn++
	if offset < 0 {
		delete(f.mu.feeds, tp)
		return
	}
	f.followLocked(tp, x)
}

// followLocked has a feed polled where it is led, or its leader looked for.
func (f *fetcher) followLocked(tp connectors.TopicPartition, x *feed) {
	if broker, ok := f.leaders.known(tp); ok {
		f.startLocked(broker)
	} else if !x.finding {
		x.finding = true
		f.wg.Go(func() { f.find(tp) })
	}
}

func (f *fetcher) startLocked(broker int32) {
	if !f.mu.running[broker] {
		f.mu.running[broker] = true
		f.wg.Go(func() { f.poll(broker) })
	}
}

// find looks for a partition's leader until it is known or nobody wants it, and has it polled.
func (f *fetcher) find(tp connectors.TopicPartition) {
	for tries := 1; ; tries++ {
		broker, err := f.leaders.of(f.ctx, tp)
		f.mu.Lock()
		x := f.mu.feeds[tp]
		if x == nil || f.ctx.Err() != nil {
			f.mu.Unlock()
			return
		}
		if err == nil {
			x.finding = false
			f.startLocked(broker)
			f.mu.Unlock()
			return
		}
		f.mu.Unlock()
		f.retry(tp, err, tries)
		if sleep(f.ctx, backoff(tries)) != nil {
			return
		}
	}
}

// place is a feed as a poll took it up.
type place struct {
	feed *feed
	turn int
}

// poll is a broker's goroutine: it ends when the broker leads nothing that is wanted.
func (f *fetcher) poll(broker int32) {
	tries := 0
	for {
		positions, places, held := f.positions(broker)
		if len(positions) == 0 {
			if !held {
				return
			}
			if sleep(f.ctx, shortWait/4) != nil {
				return
			}
			continue
		}
		wait := fetchWait
		if held || !f.settled() {
			wait = shortWait
		}
		asked := f.clock()
		answers, err := f.cluster.Fetch(f.ctx, &connectors.FetchRequest{Broker: broker, Positions: positions, MaxWait: wait,
			MaxBytes: fetchBytes, PartitionMax: fetchEach, ReadCommitted: true})
		if f.ctx.Err() != nil {
			return
		}
		if err != nil {
			tries++
			f.retry(positions[0].TopicPartition, err, tries)
			for _, p := range positions {
				f.lost(p.TopicPartition, broker, 0)
			}
			if sleep(f.ctx, backoff(tries)) != nil {
				return
			}
			continue
		}
		tries = 0
		most := 0
		for i := range answers {
			most = max(most, len(answers[i].Batches))
			f.answer(&answers[i], asked, places, broker)
		}
		if most < fetchEach/4 && sleep(f.ctx, f.pace) != nil {
			return
		}
	}
}

// lost has another leader looked for after a while, and the partition left out of the polls until then.
func (f *fetcher) lost(tp connectors.TopicPartition, broker int32, wait time.Duration) {
	f.mu.Lock()
	if x := f.mu.feeds[tp]; x != nil {
		x.finding = true
	}
	f.mu.Unlock()
	f.leaders.doubt(tp, broker)
	f.wg.Go(func() {
		if sleep(f.ctx, wait) == nil {
			f.find(tp)
		}
	})
}

func (f *fetcher) positions(broker int32) (positions []connectors.Position, places map[connectors.TopicPartition]place, held bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	places = make(map[connectors.TopicPartition]place, len(f.mu.feeds))
	for tp, x := range f.mu.feeds {
		if x.next < 0 {
			continue
		}
		if b, ok := f.leaders.known(tp); !ok || b != broker {
			f.followLocked(tp, x) // others ask for leaders too: no answer to a poll may ever say that this one moved
			continue
		}
		if x.shard.backlog.Load() >= backlogBytes {
			held = true
			continue
		}
		positions = append(positions, connectors.Position{TopicPartition: tp, Offset: x.next, LeaderEpoch: -1})
		places[tp] = place{x, x.turn}
	}
	if len(positions) == 0 && !held {
		delete(f.mu.running, broker)
	}
	return positions, places, held
}

func (f *fetcher) answer(a *connectors.Fetched, asked time.Time, places map[connectors.TopicPartition]place, broker int32) {
	next, epoch := int64(-1), int32(-1)
	if a.Code == connectors.OK {
		next, epoch = behind(a.Batches)
	}
	f.mu.Lock()
	p := places[a.TopicPartition]
	if p.feed == nil || p.feed.turn != p.turn || f.mu.feeds[a.TopicPartition] != p.feed {
		f.mu.Unlock()
		a.Release()
		return
	}
	x := p.feed
	shard, deliver := x.shard, x.deliver
	switch {
	case a.Code == connectors.OffsetOutOfRange:
		x.next = -1 // the shard decides where to go on
	case next >= 0:
		x.next, x.leaderEpoch = max(next, x.next), epoch
	}
	if a.Code == connectors.OK {
		x.refusals = 0
	} else {
		x.refusals++
	}
	refusals := x.refusals
	f.mu.Unlock()
	switch a.Code {
	case connectors.OK, connectors.OffsetOutOfRange:
		shard.backlog.Add(int64(len(a.Batches))) // here, not when the shard hears of it: it may be busy for long
		deliver(*a, asked)
	default:
		a.Release()
		f.retry(a.TopicPartition, a.Problem(), refusals)
		wait := time.Duration(0) // the first may only be about a leader that moved
		if refusals > 1 || a.Code.Class() == connectors.Refused {
			wait = backoff(refusals)
		}
		f.lost(a.TopicPartition, broker, wait)
	}
}

// behind is the offset behind the last batch of raw, and that batch's leader epoch; -1 when there is none.
func behind(raw []byte) (next int64, epoch int32) {
	next = -1
	for len(raw) > 0 {
		i, err := batch.ReadInfo(raw)
		if err != nil || i.Size > len(raw) {
			break // the shard's reader says what is wrong
		}
		next, epoch = i.LastOffset+1, i.LeaderEpoch
		raw = raw[i.Size:]
	}
	return next, epoch
}
