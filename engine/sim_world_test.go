package engine

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/cockroachdb/pebble/v2/vfs"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/engine/journey"
	"wend/schemas"
)

// sim is one schedule: the real shards and publishers of several owners against simBroker. Everything that may happen is
// drawn. Owners may be killed with what they had in memory, sleep, or go on as zombies after another took over; their
// clocks are set; directories are lost; requests are carried out late, twice or never, answers lost; brokers forget what
// they may forget, and compact. Whatever the schedule, the result must be exactly that of reading the log straight
// through (sim_oracle_test.go): no event is older than the log, so there is no race that a timer could win.
type sim struct {
	*simKit
	simTask
	t        testing.TB // of a test that has a sim of its own; else nil
	plan     simPlan
	broker   *simBroker
	wall     int64         // the true time, ms
	mono     time.Duration // the true time, running on
	owners   []*simOwner
	alive    []*simOwner // living's memory
	dirs     [3]simDir
	disks    map[string]*vfs.MemFS // of the directories, where views are Pebble's
	faults   func(vfs.FS) vfs.FS   // what disks are made of that fail; nil: none does
	routes   *routes
	former   *routes // before a topic grew
	got      simGot
	releases simReleases
	control  simControl
	owner    *simOwner    // who was the last to begin working
	requests []simRequest // what brokers will carry out, soon
	adrift   []simRequest // what they will carry out some time: the connection is gone
	events   int          // produced to the source
	document int          // limit of a document, bytes
	lastOff  int          // batches that the view loses when the schedule ends

	head      schemas.Head      // the journal's newest
	documents map[string][]byte // as the journal has them: what compaction leaves

	trace  []string
	failed error // a simFailure
	tally  simTally
}

// simTask says which schedule is to be run, and how.
type simTask struct {
	seed    uint64
	again   []simBlock // instead of drawing
	broken  string     // the protection that is taken out
	pebble  bool       // views are Pebble's, on a filesystem in memory
	tracing bool
}

// simKit is what schedules run one after another have in common.
type simKit struct {
	simChoices
	program *journey.Program // of simFiles

	variants []*journey.Workspace
	hashes   map[*journey.Journey]string // of variants
	programs map[string]*journey.Program // of releases, whatever their status

	decoder  *schemas.Decoder
	source   connectors.TopicPartition
	journal  connectors.TopicPartition
	commands connectors.TopicPartition // APP.control
	builder  batch.Builder
	reader   batch.Reader
	text     []byte
	memory   simMemory
	names    map[string]string // of name
	pairing  []byte
}

// simFailure is what went wrong in a schedule. Of the same kind are schedules that show the same.
type simFailure struct {
	kind string
	err  error
}

func (f *simFailure) Error() string { return f.kind + ": " + f.err.Error() }

type simOwner struct {
	name    string
	shard   *shard
	alive   bool
	fetch   int64
	deliver func(connectors.Fetched, time.Time)
	polled  func() // an answer to a poll, on its way
	answers []simReply
	heard   []simReply // pass's memory
	dir     *simDir
	again   bool          // dropped: begin when drawn
	asleep  int           // for so many draws it does nothing
	skew    int64         // of its wall clock, ms
	slept   time.Duration // which its monotonic clock did not see
	calls   int           // that it still makes before it dies; negative: any
	looked  map[connectors.TopicPartition]bool
	control simFeed
	process simReader
}

// simDir is a directory for a view.
type simDir struct {
	name string
	maps mapDisk
	used bool

	stood []byte // with Pebble: what the view said of where it stood, when its owner was killed
}

// simTime is a time as a process has it: wall clock and monotonic clock.
func simTime(wall int64, mono time.Duration) time.Time {
	const unixToWall = (1969*365 + 1969/4 - 1969/100 + 1969/400 - (1884*365 + 1884/4 - 1884/100 + 1884/400)) * 86400
	var t time.Time
	bits := (*struct { // time.Time; TestSimTime sees when it changes
		wall uint64
		ext  int64
	})(unsafe.Pointer(&t))
	bits.wall = 1<<63 | uint64(wall/1000+unixToWall)<<30 | uint64(wall%1000)*1_000_000
	bits.ext = int64(mono)
	return t
}

func (s *sim) now(o *simOwner) time.Time { return simTime(s.wall+o.skew, s.mono-o.slept) }

func (s *sim) note(format string, args ...any) {
	if s.tracing {
		s.trace = append(s.trace, fmt.Sprintf(format, args...))
	}
}

// wrong notes what went wrong first: what follows from it says less.
func (s *sim) wrong(kind, format string, args ...any) {
	if s.failed == nil {
		s.failed = &simFailure{kind, fmt.Errorf(format, args...)}
	}
}

// fail is wrong for what has no kind.
func (s *sim) fail(format string, args ...any) { s.wrong("simulation", format, args...) }

// newSim makes a schedule for a test that has steps and looks of its own.
func newSim(t testing.TB, p *journey.Program, seed uint64, broken string) *sim {
	s := newSimKit(t, p).schedule(simTask{seed: seed, broken: broken, tracing: true})
	s.t, s.plan.weights[stepGrow], s.releases = t, 0, simReleases{}
	s.control = simControl{}
	s.broker.logs = slices.DeleteFunc(s.broker.logs, func(l *simLog) bool { return l.tp == s.commands })
	return s
}

// schedule makes a schedule.
func (k *simKit) schedule(task simTask) *sim {
	s := &sim{simKit: k, simTask: task, wall: 1_700_000_000_000, documents: map[string][]byte{}, disks: map[string]*vfs.MemFS{}, document: 3000}
	s.reset(task.seed, task.again)
	s.memory.reset()
	s.plan = drawPlan(task.seed, task.broken)
	s.next()
	s.broker = newSimBroker(func() int64 { return s.wall })
	s.broker.tally, s.broker.memory = &s.tally, &s.memory
	s.broker.appended = s.appended
	s.routes = &routes{channels: map[string]route{"shop": {"actions", 2}, "mail": {"mails", 1}}, deadLetter: route{"dead", 1}}
	s.former = s.routes
	s.broker.log(s.journal).stamped = true
	if s.broken == "claim" {
		s.broker.unfenced = s.journal.Topic
	}
	for i := range s.dirs {
		s.dirs[i].name = [...]string{"disk0", "disk1", "disk2"}[i]
		s.dirs[i].maps.memory = &s.memory
	}
	if s.chance(s.plan.faults[faultLongAgo]) {
		s.longAgo()
	}
	if s.plan.weights[stepDeploy] > 0 {
		s.beginReleases()
	}
	s.broker.forgetful = s.chance(s.plan.faults[faultForgetful])
	if s.chance(s.plan.faults[faultBehind]) {
		s.lastOff = s.draw(4)
	}
	return s
}

// longAgo has the journal begin near the end of the epochs, and the sequences near the end of what the wire carries.
func (s *sim) longAgo() {
	epoch := int16(lastEpoch - s.draw(4))
	s.broker.producers["shop/0"] = connectors.Producer{ID: 900, Epoch: epoch}
	put := func(sequence int32, key, value []byte) {
		s.builder.Reset(batch.Header{ProducerID: 900, ProducerEpoch: epoch, BaseSequence: sequence, Timestamp: s.wall})
		s.builder.Append(key, value)
		if r := s.broker.produce(s.journal, s.builder.Finish()); r.Code != connectors.OK {
			s.fail("long ago: %v", r.Code)
		}
	}
	claim := (&schemas.Claim{Owner: "long ago", Epoch: epoch, First: -1}).Append(nil)
	put(0, claimKey(900), claim)
	next := int64(5)<<31 - 1 - int64(s.draw(10))
	var moments []schemas.MomentSince
	for _, m := range s.program.Moments() {
		moments = append(moments, schemas.MomentSince{Journey: m.Journey, Trigger: m.Trigger, Spec: m.Spec, Since: schemas.NoTime})
	}
	head := (&schemas.Head{Unit: 1, Clock: schemas.NoTime, Armed: s.program.Armed(), Moments: moments, Sources: []schemas.SourcePosition{{Topic: "events", LeaderEpoch: -1}}, ActionProducerID: 901, FreshProducerID: 902,
		Outbox: []schemas.OutboxPosition{{Topic: "actions", Next: next, Acked: next}, {Topic: "mails", Next: next, Acked: next}}}).Append(nil)
	put(1, keyHead, head)
	s.broker.nextID = 2000
	s.note("the journal has epoch %d, the next sequence of actions is %d", epoch, next)
}

// start begins an owner with a directory that nobody has.
func (s *sim) start() {
	o := &simOwner{name: fmt.Sprintf("owner%d", len(s.owners)), alive: true, fetch: -1, calls: -1}
	at := s.draw(s.plan.disks)
	for s.dirs[at].used {
		at = (at + 1) % s.plan.disks
	}
	o.dir = &s.dirs[at]
	o.dir.used = true
	if s.chance(s.plan.faults[faultSkew]) {
		s.setClock(o)
	}
	l := limits{events: 6 - s.draw(6), soft: 64 << 10, effect: 64 << 10, document: s.document, ids: simIDs, action: 64 << 10, outbox: 1 << 20,
		behind: []int{1 << 20, 300, 1}[s.draw(3)], unsettled: []int{1 << 20, 500}[s.draw(2)], held: []int{1 << 20, 300, 0}[s.draw(3)],
		fires: 6 - s.draw(6), onTheWay: []int{1 << 20, 1000, 1}[s.draw(3)]}
	if s.draw(3) == 1 {
		l.outbox = 200
	}
	known := s.routes
	if s.draw(3) == 2 {
		known = s.former
	}
	to := s.readable(&o.process)
	if s.releases.on {
		to = max(to, 1) // `wend run` has deployed its own, or found what was deployed
	}
	s.readOn(&o.process, to)
	cfg := shardConfig{app: "shop", owner: o.name, program: s.program, running: o.process.running, decoder: s.decoder, source: s.source, journal: s.journal, routes: known,
		deleteRetention: 24 * time.Hour, dir: o.dir.name, views: s.views(o), cacheBytes: []int{100000, 0, 2000}[s.draw(3)], limits: l}
	if cfg.running != nil {
		cfg.program = cfg.running.program
	}
	o.shard = newShard(cfg, nil, s.listener(o))
	o.shard.env = s.env(o)
	s.owners = append(s.owners, o)
	if len(s.living()) == 3 {
		s.tally[sawThree]++
	}
	s.note("%s starts on %s, %d ms off, units of %d", o.name, o.dir.name, o.skew, l.events)
	o.shard.begin(s.now(o))
}

// views gives the owner's kind of view. That one is thrown away before its time is only for age: nothing else is wrong
// with it here.
func (s *sim) views(o *simOwner) views {
	if s.faults != nil {
		s.pebble = true
	}
	if !s.pebble {
		return simViews{mapViews{&o.dir.maps}, s, o.dir}
	}
	if s.disks[o.dir.name] == nil {
		s.disks[o.dir.name] = vfs.NewCrashableMem()
	}
	var fs vfs.FS = s.disks[o.dir.name]
	if s.faults != nil {
		fs = s.faults(fs)
	}
	return simViews{pebbleViews{FS: fs, MemTableBytes: 256 << 10}, s, o.dir}
}

type simViews struct {
	views
	sim *sim
	dir *simDir
}

// open sees whether a view came back without something that it had before the crash.
func (v simViews) open(dir string) (view, error) {
	opened, err := v.views.open(dir)
	if err != nil || v.dir.stood == nil {
		return opened, err
	}
	if stands, _, err := opened.Meta(metaTail); err == nil && !bytes.Equal(stands, v.dir.stood) {
		v.sim.tally[sawViewBehind]++
	}
	v.dir.stood = nil
	return opened, nil
}

func (v simViews) destroy(dir string) error {
	v.sim.tally[sawStale]++
	return v.views.destroy(dir)
}

func (s *sim) listener(o *simOwner) *Listener {
	return Listener{
		Restoring: func(_ int32, r RestoreInfo) {
			if r.From == 0 && r.Position == r.End {
				s.tally[sawFromNothing]++
			}
		},
		Claimed: func(int32, int16, int64, time.Duration) { s.claimed(o) },
		Unit: func(_ int32, u UnitInfo) {
			s.tally[sawUnit]++
			s.tally[sawTimer] += u.Timers
			s.tally[sawDuplicate] += u.Duplicates
			if u.Events == 0 && u.Timers == 0 {
				s.tally[sawIdleHead]++
			}
			if s.tracing {
				s.note("%s: unit %d is journaled: %d events, %d timers, up to %d; clock %d, true time %d", o.name, u.Number, u.Events, u.Timers, u.Next, o.shard.timers.clock, s.wall)
			}
		},
		Published: func(_ int32, tp connectors.TopicPartition, n int, _ []int64, _ time.Time) {
			if o.shard.pub.lane(tp.Topic, tp.Partition).state == laneLooking {
				s.tally[sawFound]++
				s.note("%s: the look finds %d actions on %s/%d", o.name, n, tp.Topic, tp.Partition)
			}
		},
		Looked: func(_ int32, tp connectors.TopicPartition) {
			s.tally[sawLook]++
			s.note("%s looks at %s/%d", o.name, tp.Topic, tp.Partition)
		},
		RefusedSequence: func(int32, connectors.TopicPartition, connectors.Code) { s.tally[sawRefused]++ },
		Lost: func(_ int32, tp connectors.TopicPartition, n int64, err error) {
			s.wrong("actions lost", "%s: %d actions on %v: %w", o.name, n, tp, err)
		},
		Gap: func(_ int32, from, to int64) { s.wrong("gap", "%s: from %d to %d", o.name, from, to) },
		Release: func(_ int32, from, to uint64) {
			if from != to {
				s.tally[sawChangeOver]++
				s.note("%s decides by release %d, and not by %d any more", o.name, to, from)
			}
		},
		Retry: func(_ int32, _ connectors.TopicPartition, doing string, err error, _ int) {
			if doing == "read the commands" {
				s.tally[sawControlBehind]++
			}
			s.note("%s: %s again: %v", o.name, doing, err)
		},
		DeadLetter: func(_ int32, _ string, _ int32, offset int64, reason string) {
			s.tally[sawDeadLetter]++
			if strings.Contains(reason, "would grow") {
				s.tally[sawTooLarge]++
			}
			s.note("%s: dead letter %d: %s", o.name, offset, reason)
			if offset < 0 {
				s.wrong("timers held up", "%s: %s", o.name, reason)
			}
		},
		ClockStep: func(_ int32, by time.Duration) {
			s.tally[sawClockStep]++
			s.note("%s: its clock went %v ahead", o.name, by)
		},
	}.filled()
}

// claimed hears that an owner begins to work.
func (s *sim) claimed(o *simOwner) {
	s.tally[sawClaim]++
	if s.owner != nil && s.owner != o {
		s.tally[sawTakeover]++
	}
	s.owner, o.looked = o, nil
	if o.shard.timers.skew > 0 {
		s.tally[sawClockAhead]++
	}
	if slices.ContainsFunc(o.shard.pub.lanes, func(l *lane) bool { return len(l.queue) > 0 }) {
		s.tally[sawInherited]++
	}
	s.note("%s works with epoch %d", o.name, o.shard.claim.epoch)
}

func (s *sim) env(o *simOwner) *env {
	return &env{
		append: func(raw []byte, done func(connectors.Produced)) {
			raw = s.sabotageAppend(o, raw)
			if u := o.shard.flying; s.tracing && u != nil && u.tries == 1 {
				for _, ab := range u.actions {
					s.note("%s: unit %d has for %s/%d %s", o.name, u.number, ab.lane.Topic, ab.lane.Partition, s.show(ab.bytes))
				}
			}
			what := "unit"
			if o.shard.phase == phaseClaiming {
				what = "claim"
			}
			s.produce(o, what, s.journal, raw, done)
		},
		publish: func(tp connectors.TopicPartition, raw []byte, done func(connectors.Produced)) {
			s.journaled(tp, raw)
			s.produce(o, "publish", tp, s.sabotagePublish(o, tp, raw), done)
		},
		check: func(done func(int64, error)) {
			s.tally[sawCheck]++
			lossy(s, o, "source's end", done, func() (int64, error) { return s.broker.log(s.source).end, nil })
		},
		read: func(tp connectors.TopicPartition, from int64, done func(connectors.Fetched, error)) {
			lossy(s, o, s.traced("read ", tp.Topic), done, func() (connectors.Fetched, error) {
				n := 8 - s.draw(8)
				if s.broken == "epoch" {
					n = 1
				}
				f, err := s.broker.read(tp, from, n)
				return s.sabotageRead(o, tp, f), err
			})
		},
		offset: func(tp connectors.TopicPartition, at int64, done func(int64, error)) {
			lossy(s, o, s.traced("offset of ", tp.Topic), done, func() (end int64, err error) {
				if at == connectors.Latest {
					end, err = s.broker.latest(tp)
				}
				if tp == s.journal && err == nil && s.chance(s.plan.faults[faultStale]) { // a leader that has slept through an election
					s.tally[sawStaleEnd]++
					return int64(s.draw(int(end) + 1)), nil
				}
				if err != nil {
					s.tally[sawBehind]++
				}
				return s.sabotageOffset(o, tp, at, end, err)
			})
		},
		producer: func(id string, done func(connectors.Producer, error)) { s.initProducer(o, id, done) },
		fetchFrom: func(offset int64, _ int32, deliver func(connectors.Fetched, time.Time)) {
			o.fetch, o.deliver, o.polled = offset, deliver, nil
		},
		controlFrom: func(offset int64, deliver func(commands)) {
			o.control = simFeed{offset, deliver, -1}
			if s.broken == "release" { // the head does not say how far APP.control was obeyed, and which release that made
				o.shard.orders.obeyed, o.shard.head.Control, o.shard.head.Release = 0, 0, 0
			}
		},
		dropped: func(reason string) { s.dropped(o, reason) },
		failed:  func(err error) { s.wrong("shard failed", "%s: %w", o.name, err) },
		ready:   func() {},
	}
}

func (s *sim) dropped(o *simOwner, reason string) {
	s.note("%s drops: %s", o.name, reason)
	switch {
	case strings.HasPrefix(reason, "another member"):
		s.tally[sawRival]++
	case strings.Contains(reason, "over an hour"):
		s.tally[sawHour]++
	case strings.Contains(reason, "was acknowledged at offset"):
		s.tally[sawElsewhere]++
	}
	o.again = true
}

func (s *sim) initProducer(o *simOwner, id string, done func(connectors.Producer, error)) {
	if s.chance(s.plan.faults[faultExpire]) && !strings.Contains(id, "after") {
		s.tally[sawExpiredID]++
		s.note("the id of %s has expired", id)
		delete(s.broker.producers, id)
	}
	if s.chance(s.plan.faults[faultRead]) {
		s.tally[sawReadLost]++
		s.request(o, "producer id (answer lost)", func() simReply {
			s.broker.initProducer(id)
			return simReply{call: func() { done(connectors.Producer{}, errLostAnswer) }}
		})
		return
	}
	same := s.chance(s.plan.faults[faultSameEpoch])
	s.request(o, "producer id", func() simReply {
		p, ok := s.broker.producers[id]
		if !ok || !same {
			p = s.broker.initProducer(id)
		} else {
			s.tally[sawSameEpoch]++
		}
		if s.tracing {
			s.note("%s is given id %d, epoch %d", o.name, p.ID, p.Epoch)
		}
		return simReply{call: func() { done(p, nil) }}
	})
}
