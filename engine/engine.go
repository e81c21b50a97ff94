package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"wend/connectors"
	"wend/engine/journey"
	"wend/schemas"
	"wend/statestore"
)

// Engine runs a workspace's journeys on the shards that the fleet gives to this process.
type Engine struct {
	cfg      *Config
	base     *running // where APP.control has no release
	cluster  connectors.Cluster
	group    connectors.Group
	listener *Listener
	world    *World
	owner    string

	// Clock is the shards' clock, of which they use the wall's and the monotonic reading: the machine's, unless a test sets
	// another one before Run. Safe for concurrent use.
	Clock func() time.Time

	ctx      context.Context // of the carriers: outlives the shards, which pay what they owe when stopped
	carriers sync.WaitGroup
	leaders  *leaders
	journal  *line
	actions  *line
	fetcher  *fetcher
	tailer   *fetcher // of journals, for standbys
	control  *control
	cache    *statestore.Cache

	inbox      chan func() // to the engine's goroutine
	stopped    chan struct{}
	runners    map[int32]*runner
	running    *running // what shards that begin decide by
	routes     *routes
	known      map[int32]View // views on the disk that no runner has opened
	generation int32
	fleet      *Fleet
	failure    error
	cancel     context.CancelFunc

	mu struct {
		sync.Mutex
		assigned bool      // an assignment has come
		shards   []*runner // to be owned
		all      []*runner // that were ever started
		running  *running
		world    *World // as it was looked at last
		instance string // in the group; "" before Run
	}
}

// New makes an engine for the world that LookAround found. Nothing happens before Run. program is what it runs while
// APP.control has no release.
func New(cfg *Config, program *journey.Program, world *World, cluster connectors.Cluster, group connectors.Group, listener Listener) *Engine {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	base := &running{program: program, name: 1}
	e := &Engine{
		cfg: cfg, base: base, running: base, routes: world.routes, cluster: cluster, group: group, listener: listener.filled(), world: world,
		owner: fmt.Sprintf("%s, process %d", host, os.Getpid()), Clock: time.Now,
		inbox: make(chan func(), 64), stopped: make(chan struct{}), runners: map[int32]*runner{},
	}
	e.mu.running, e.mu.world = base, world
	return e
}

// viewMemTable is the size of a view's memtable in bytes. A batch of half of it or more becomes a table without going
// through it: what a shard settles after it was behind.
const viewMemTable = 8 << 20

// sourcePace is how long the source is left alone behind an answer that brought little. Records come one by one to partitions that
// are asked for together, and without it each is a request, a unit and more requests of its own, which cost more time, ours and
// the brokers', than the wait: half of it, for an event that just missed an answer.
const sourcePace = 500 * time.Microsecond

// tailPace is how often standbys ask for what is new: what a takeover has still to read is no more than that, and one
// request brings all of a broker's.
const tailPace = 100 * time.Millisecond

// produceTimeout is how long brokers may wait for their replicas before they answer.
const produceTimeout = 10 * time.Second

// Run works until ctx ends, then finishes what is decided and returns nil; or returns why it had to stop. It is called
// once. It holds the data directory alone meanwhile.
func (e *Engine) Run(ctx context.Context) error {
	instance, err := LoadInstance(e.cfg.DataDir, e.cfg.Instance)
	if err != nil {
		return err
	}
	defer instance.Close()
	e.mu.Lock()
	e.mu.instance = instance.ID
	e.mu.Unlock()

	carrying, stopCarrying := context.WithCancel(context.WithoutCancel(ctx))
	defer stopCarrying()
	e.ctx = carrying
	e.leaders = newLeaders(e.cluster, e.world.Cluster)
	e.journal = newLine(carrying, &e.carriers, e.cluster, e.leaders, produceTimeout)
	e.actions = newLine(carrying, &e.carriers, e.cluster, e.leaders, produceTimeout)
	e.fetcher = newFetcher(carrying, &e.carriers, e.cluster, e.leaders)
	e.fetcher.retry = func(tp connectors.TopicPartition, err error, tries int) {
		e.listener.Retry(tp.Partition, tp, "fetch", err, tries)
	}
	e.fetcher.settled, e.fetcher.clock, e.fetcher.pace = e.Ready, e.Clock, sourcePace
	e.tailer = newFetcher(carrying, &e.carriers, e.cluster, e.leaders)
	e.tailer.retry, e.tailer.settled, e.tailer.pace = e.fetcher.retry, func() bool { return true }, tailPace
	e.control = e.newControl()
	e.cache = statestore.NewCache(e.cacheBytes() / 8)
	defer e.cache.Close()

	ctx, e.cancel = context.WithCancel(ctx)
	defer e.cancel()
	e.known = readKnownViews(e.cfg.DataDir)
	e.fleet = NewFleet(FleetConfig{Group: e.cfg.App, InstanceID: instance.ID, Topic: e.cfg.Source.Topic, Partitions: e.world.Partitions,
		Standbys: int32(e.cfg.Standby), SessionTimeout: e.cfg.Kafka.SessionTimeout, LeaveOnStop: true, UserData: e.views}, e.group,
		FleetListener{
			Assigned:          func(a Assigned) { e.tell(func() { e.assigned(ctx, a) }) },
			HeartbeatAnswered: func(h HeartbeatAnswered) { e.tell(func() { e.heartbeat(h) }) },
			Retrying: func(err error, _ time.Duration) {
				e.listener.Retry(-1, connectors.TopicPartition{Topic: e.cfg.Source.Topic}, "group", err, 1)
			},
		})
	member, leave := context.WithCancel(carrying)
	defer leave()
	membership := make(chan error, 1)
	left := make(chan struct{})
	e.carriers.Go(func() {
		defer close(left)
		membership <- e.fleet.Run(member)
	})
	e.carriers.Go(func() { e.commitOffsets(ctx) })
	e.carriers.Go(func() { e.watchWorld(ctx) })
	e.carriers.Go(func() { e.noteViews(ctx) })
	e.carriers.Go(e.control.run)

	var failed error
	for failed == nil && ctx.Err() == nil {
		select {
		case f := <-e.inbox:
			f()
			failed = e.failure
		case err := <-membership:
			if ctx.Err() == nil {
				failed = err
			}
		case <-ctx.Done():
		}
	}
	// The group hears of it last: whoever is given a shard then finds nothing left to do.
	e.cancel()
	e.drain()
	e.writeKnownViews()
	leave()
	<-left
	stopCarrying()
	e.carriers.Wait()
	return failed
}

// drain waits for the shards to finish, hearing them meanwhile.
func (e *Engine) drain() {
	all := make(chan struct{})
	go func() {
		for _, r := range e.runners {
			<-r.ended
		}
		close(all)
	}()
	for {
		select {
		case <-e.inbox: // nothing that is said now changes anything
		case <-all:
			close(e.stopped)
			return
		}
	}
}

// tell has f run on the engine's goroutine.
func (e *Engine) tell(f func()) {
	select {
	case e.inbox <- f:
	case <-e.stopped:
	}
}

func (e *Engine) start(ctx context.Context, id int32) *runner {
	decoder, err := schemas.NewDecoder(e.cfg.Source.Format)
	if err != nil {
		e.failure = fmt.Errorf("engine: source.format: %w", err)
	}
	r := &runner{engine: e, box: newMailbox(), ended: make(chan struct{})}
	r.committed.Store(-1)
	r.reach.Store(-1)
	r.shard = newShard(shardConfig{
		id: id, app: e.cfg.App, owner: e.owner, program: e.running.program, running: e.running, routes: e.routes, decoder: decoder,
		source:    connectors.TopicPartition{Topic: e.cfg.Source.Topic, Partition: id},
		journal:   connectors.TopicPartition{Topic: e.cfg.Journal, Partition: id},
		clusterID: e.world.Cluster.ClusterID, sourceID: e.world.sourceID, journalID: e.world.journalID,
		partitioner: partitioner(e.cfg.Source.Partitioner, e.world.Partitions), skipGaps: e.cfg.OnGap == GapSkip, onLoss: e.cfg.OnLoss,
		deleteRetention: e.world.deleteRetention,
		dir:             viewDir(e.cfg.DataDir, id), views: e.keptViews(),
		cacheBytes: int(e.cacheBytes() / 8 * 7 / int64(e.world.Partitions)), limits: e.topics().limits(e.cfg),
	}, nil, e.listener)
	r.shard.env = r.env()
	e.runners[id] = r
	e.mu.Lock()
	e.mu.all = append(e.mu.all, r)
	e.mu.Unlock()
	go r.run(ctx) // ended tells when it has
	return r
}

// cacheBytes is what the shards' documents and the blocks of their views have together. Documents have most of it: a block is
// read where there is no document.
func (e *Engine) cacheBytes() int64 {
	if e.cfg.Cache == 0 {
		return 256 << 20
	}
	return e.cfg.Cache
}

func (e *Engine) keptViews() views { return pebbleViews{Cache: e.cache, MemTableBytes: viewMemTable} }

func partitioner(name string, partitions int32) func([]byte) int32 {
	switch name {
	case Murmur2:
		return func(c []byte) int32 { return connectors.Murmur2Partition(c, partitions) }
	case CRC32:
		return func(c []byte) int32 { return connectors.CRC32Partition(c, partitions) }
	}
	return nil
}

func (e *Engine) failedShard(err error) { e.failure = errors.Join(e.failure, err) }

// Ready says whether the engine works on every shard that it was given.
func (e *Engine) Ready() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.mu.shards {
		if !r.working.Load() {
			return false
		}
	}
	return e.mu.assigned
}

// readOnce reads a chunk of a partition, and waits for records so long where there are none.
func (e *Engine) readOnce(tp connectors.TopicPartition, from int64, wait time.Duration) (connectors.Fetched, error) {
	broker, err := e.leaders.of(e.ctx, tp)
	if err != nil {
		return connectors.Fetched{}, err
	}
	answers, err := e.cluster.Fetch(e.ctx, &connectors.FetchRequest{Broker: broker,
		Positions: []connectors.Position{{TopicPartition: tp, Offset: from, LeaderEpoch: -1}}, MaxWait: wait, MaxBytes: fetchBytes / 4, PartitionMax: fetchBytes / 4})
	if err == nil && len(answers) != 1 {
		err = fmt.Errorf("engine: %d answers for one partition", len(answers))
	}
	if err != nil {
		e.leaders.doubt(tp, broker)
		return connectors.Fetched{}, err
	}
	switch answers[0].Code {
	case connectors.OK, connectors.OffsetOutOfRange:
	default:
		e.leaders.doubt(tp, broker)
	}
	return answers[0], nil
}

func (e *Engine) listOffset(tp connectors.TopicPartition, at int64) (int64, error) {
	o, _, err := e.cluster.ListOffset(e.ctx, tp, at)
	if err != nil {
		if broker, ok := e.leaders.known(tp); ok {
			e.leaders.doubt(tp, broker)
		}
		_, _ = e.leaders.of(e.ctx, tp) // the cluster learns of leaders by Metadata; the caller tries again
	}
	return o, err
}

// commitOffsets notes about once a second how far the shards have come, for lag tools alone.
func (e *Engine) commitOffsets(ctx context.Context) {
	said := map[int32]int64{}
	for sleep(ctx, time.Second) == nil {
		e.mu.Lock()
		shards := e.mu.shards
		e.mu.Unlock()
		var next []connectors.Position
		for _, r := range shards {
			if o := r.committed.Load(); o >= 0 && said[r.shard.id] != o+1 {
				next = append(next, connectors.Position{TopicPartition: r.shard.source, Offset: o, LeaderEpoch: -1})
				said[r.shard.id] = o + 1
			}
		}
		if len(next) == 0 {
			continue
		}
		id := e.fleet.Member()
		if err := e.cluster.CommitOffsets(ctx, e.cfg.App, id.Generation, id.MemberID, id.InstanceID, next); err != nil && ctx.Err() == nil {
			e.listener.Retry(-1, connectors.TopicPartition{Topic: e.cfg.Source.Topic}, "commit offsets", err, 1)
			clear(said)
		}
	}
}
