package engine

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/cockroachdb/pebble/v2/vfs"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/engine/journey"
	"wend/schemas"
	"wend/statestore"
)

var (
	simSeeds = flag.Int("sim.seeds", 250, "schedules to run")
	simRare  = flag.Bool("sim.rare", false, "look also for what few schedules show")
	simSeed  = flag.Uint64("sim.seed", 0, "run this schedule alone, and show its trace")
)

// sim runs the real shard and publisher of several owners under a seeded scheduler against simBroker. Everything that may
// happen is drawn. Owners may be killed with what they had in memory, sleep, or go on as zombies after another took over;
// their clocks are set; directories are lost; requests are carried out late, twice or never, answers lost; brokers forget
// what they may forget, and compact. Whatever the schedule, the result must be exactly that of reading the log straight
// through (sim_oracle_test.go): no event is older than the log, so there is no race that a timer could win.
type sim struct {
	t        testing.TB
	rng      *rand.Rand
	broker   *simBroker
	program  *journey.Program
	decoder  *schemas.Decoder
	routes   *routes
	wall     int64         // the true time, ms
	mono     time.Duration // the true time, running on
	owners   []*simOwner
	disks    map[string]*vfs.MemFS
	requests []func() // what brokers will carry out
	events   int      // produced to the source
	document int      // limit of a document
	trace    []string
	source   connectors.TopicPartition
	journal  connectors.TopicPartition
	failed   error
	calm     bool // nothing goes wrong any more

	broken string              // the protection that is taken out
	faults func(vfs.FS) vfs.FS // what disks are made of that fail; nil: none does
}

type simOwner struct {
	name    string
	shard   *shard
	alive   bool
	fetch   int64
	deliver func(connectors.Fetched)
	answers []func()
	dir     string
	again   bool // dropped: begin when drawn
	asleep  int  // for so many draws it does nothing
	control simFeed
	skew    int64         // of its wall clock, ms
	slept   time.Duration // which its monotonic clock did not see
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

func TestSimTime(t *testing.T) {
	a, b := simTime(1_700_000_000_123, time.Second), simTime(1_700_000_000_200, 3*time.Second)
	if a.UnixMilli() != 1_700_000_000_123 || b.Sub(a) != 2*time.Second || b.Round(0).Sub(a.Round(0)) != 77*time.Millisecond || elapsed(a, b) != 2*time.Second {
		t.Fatal(a, b, b.Sub(a))
	}
}

func (s *sim) now(o *simOwner) time.Time { return simTime(s.wall+o.skew, s.mono-o.slept) }

// pause lets time pass. No request stays on its way for half an hour: connections end before.
func (s *sim) pause(d time.Duration) {
	for d >= time.Hour/2 && len(s.requests) > 0 {
		i := s.rng.IntN(len(s.requests))
		f := s.requests[i]
		s.requests = append(s.requests[:i], s.requests[i+1:]...)
		f()
	}
	s.wall += d.Milliseconds()
	s.mono += d
}

var simFiles = map[string]string{
	"journeys/now.yaml":   "journey: now\nenter: {on: purchase, again: always}\nsteps:\n  - {send: shop, template: thanks}\n",
	"journeys/later.yaml": "journey: later\nenter: {on: purchase, again: always}\nsteps:\n  - wait: 3ms\n  - {send: mail, template: reminder, with: {n: \"{{ profile.purchases }}\"}}\n  - wait: 5ms\n",
	"journeys/cart.yaml":  "journey: cart\nenter: {on: add_to_cart, again: after_exit}\nexit: [{on: purchase}]\nsteps:\n  - wait: 30ms\n  - {send: shop, template: cart}\n",
	"journeys/nap.yaml": "journey: nap\nenter: {on: add_to_cart, again: always}\nsteps:\n  - await:\n      within: 15ms\n      events:\n        - {on: browse, reset: true}\n        - on: purchase\n          do: [{send: mail, template: bought}]\n" +
		"      timeout: [{send: mail, template: nap}]\n",
	"profile.yaml": "attributes: {purchases: int, note: string}\nupdate:\n  - {on: purchase, set: {purchases: \"{{ profile.purchases + 1 }}\"}}\n  - {on: note, set: event.traits}\n",
}

func simProgram(t testing.TB) *journey.Program {
	t.Helper()
	dir := t.TempDir()
	for name, text := range simFiles {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ws, problems := journey.Load(dir)
	if problems.Failed() {
		t.Fatal(problems)
	}
	p, problems := journey.Compile(ws)
	if p == nil {
		t.Fatal(problems)
	}
	return p
}

func newSim(t testing.TB, p *journey.Program, seed uint64, broken string) *sim {
	s := &sim{t: t, rng: rand.New(rand.NewPCG(seed, 1)), program: p, wall: 1_700_000_000_000, disks: map[string]*vfs.MemFS{}, broken: broken,
		source: connectors.TopicPartition{Topic: "events"}, journal: connectors.TopicPartition{Topic: "shop.journal"}, document: 6000,
		routes: &routes{channels: map[string]route{"shop": {"actions", 2}, "mail": {"mails", 1}}, deadLetter: route{"dead", 1}}}
	s.broker = newSimBroker(func() int64 { return s.wall })
	s.broker.log(s.journal).stamped = true
	switch broken {
	case "fence":
		s.broker.unfenced = s.journal.Topic
	case "sequences":
		s.broker.unfenced = "actions"
	}
	var err error
	if s.decoder, err = schemas.NewDecoder(DefaultConfig().Source.Format); err != nil {
		t.Fatal(err)
	}
	if s.rng.IntN(4) == 0 {
		s.longAgo()
	}
	s.broker.forgetful = s.rng.IntN(3) == 0
	return s
}

// longAgo has the journal begin near the end of the epochs, and the sequences near the end of what the wire carries.
func (s *sim) longAgo() {
	epoch := int16(lastEpoch - s.rng.IntN(4))
	s.broker.producers["shop/0"] = connectors.Producer{ID: 900, Epoch: epoch}
	put := func(sequence int32, key, value []byte, err error) {
		var b batch.Builder
		b.Reset(batch.Header{ProducerID: 900, ProducerEpoch: epoch, BaseSequence: sequence, Timestamp: s.wall})
		b.Append(key, value)
		if r := s.broker.produce(s.journal, b.Finish()); err != nil || r.Code != connectors.OK {
			s.t.Fatal(err, r.Code)
		}
	}
	claim, err := (&schemas.Claim{Owner: "long ago", Epoch: epoch}).Append(nil)
	put(0, keyClaim, claim, err)
	next := int64(5)<<31 - int64(s.rng.IntN(30))
	head, err := (&schemas.Head{Unit: 1, Clock: schemas.NoTime, Sources: []schemas.SourcePosition{{Topic: "events", LeaderEpoch: -1}}, ActionProducerID: 901, FreshProducerID: 902,
		Outbox: []schemas.OutboxPosition{{Topic: "actions", Next: next, Acked: next}, {Topic: "mails", Next: next, Acked: next}}}).Append(nil)
	put(1, keyHead, head, err)
	s.broker.nextID = 2000
}

func (s *sim) note(format string, args ...any) {
	s.trace = append(s.trace, fmt.Sprintf(format, args...))
}

func (s *sim) fail(format string, args ...any) {
	s.failed = errors.Join(s.failed, fmt.Errorf(format, args...))
}

func (s *sim) start() {
	o := &simOwner{name: fmt.Sprintf("owner%d", len(s.owners)), alive: true, fetch: -1, dir: fmt.Sprintf("disk%d", s.rng.IntN(2))}
	for _, x := range s.owners {
		if x.alive && x.dir == o.dir { // one process a directory
			o.dir = map[string]string{"disk0": "disk1", "disk1": "disk0"}[o.dir]
		}
	}
	if !s.calm && s.rng.IntN(6) == 0 {
		o.skew = int64(s.rng.IntN(4_000_000) - 1_000_000)
		if -6000 < o.skew && o.skew < 6000 { // a clock that is a little off is believed
			o.skew = 0
		}
	}
	if s.disks[o.dir] == nil {
		s.disks[o.dir] = vfs.NewCrashableMem()
	}
	decoder, err := schemas.NewDecoder(DefaultConfig().Source.Format)
	if err != nil {
		s.t.Fatal(err)
	}
	l := limits{events: 1 + s.rng.IntN(6), soft: 64 << 10, effect: 64 << 10, document: s.document, action: 64 << 10, outbox: 1 << 20,
		behind: []int{1, 300, 1 << 20}[s.rng.IntN(3)], unsettled: []int{500, 1 << 20}[s.rng.IntN(2)], fires: 1 + s.rng.IntN(6), owedFires: []int{1, 1000, 1 << 20}[s.rng.IntN(3)]}
	if s.rng.IntN(3) == 0 {
		l.outbox = 200
	}
	cfg := shardConfig{app: "shop", owner: o.name, program: s.program, decoder: decoder, source: s.source, journal: s.journal, routes: s.routes,
		deleteRetention: 24 * time.Hour, dir: o.dir, views: pebbleViews{FS: s.faulty(s.disks[o.dir]), MemTableBytes: 256 << 10}, cacheBytes: []int{0, 2000, 100000}[s.rng.IntN(3)],
		limits: l}
	o.shard = newShard(cfg, nil, Listener{
		Unit: func(_ int32, u UnitInfo) {
			s.note("%s: unit %d is journaled: %d events, %d timers, up to %d; clock %d, true time %d", o.name, u.Number, u.Events, u.Timers, u.Next, o.shard.timers.clock, s.wall)
		},
		Lost: func(_ int32, tp connectors.TopicPartition, n int64, err error) {
			s.fail("%s: %d actions lost on %v: %w", o.name, n, tp, err)
		},
		Gap: func(_ int32, from, to int64) { s.fail("%s: a gap from %d to %d", o.name, from, to) },
		Retry: func(_ int32, _ connectors.TopicPartition, doing string, err error, _ int) {
			s.note("%s: %s again: %v", o.name, doing, err)
		},
		DeadLetter: func(_ int32, _ string, _ int32, offset int64, reason string) {
			s.note("%s: dead letter %d: %s", o.name, offset, reason)
			if offset < 0 {
				s.fail("%s: %s", o.name, reason)
			}
		},
	}.filled())
	o.shard.env = s.env(o)
	s.owners = append(s.owners, o)
	s.note("%s starts on %s, %d ms off, units of %d", o.name, o.dir, o.skew, l.events)
	o.shard.begin(s.now(o))
}

// request has the broker carry something out some time, and the owner hear of it some time, if it can.
func (s *sim) request(o *simOwner, what string, do func() func()) {
	s.requests = append(s.requests, func() {
		answer := do()
		s.note("broker: %s of %s", what, o.name)
		if o.alive {
			o.answers = append(o.answers, answer)
		}
	})
}

func (s *sim) fate(n int) int {
	if s.calm {
		return n
	}
	return s.rng.IntN(n)
}

func (s *sim) env(o *simOwner) *env {
	produce := func(what string, tp connectors.TopicPartition, raw []byte, done func(connectors.Produced)) {
		own := append([]byte(nil), raw...)
		lost := func() { done(connectors.Produced{TopicPartition: tp, Err: errLostAnswer}) }
		carry := func() connectors.Produced {
			r := s.broker.produce(tp, own)
			s.note("broker: %s of %s to %s/%d: code %d at %d", what, o.name, tp.Topic, tp.Partition, r.Code, r.BaseOffset)
			return r
		}
		switch s.fate(20) {
		case 0: // lost on the way, the owner hears of a broken connection
			s.request(o, what+" (lost)", func() func() { return lost })
		case 1: // carried out, the answer lost
			s.request(o, what+" (answer lost)", func() func() { carry(); return lost })
		case 2: // the connection breaks; the request lingers and is carried out late
			s.request(o, what+" (late)", func() func() { return lost })
			s.requests = append(s.requests, func() { carry() })
		default:
			s.request(o, what, func() func() {
				r := carry()
				return func() { done(r) }
			})
		}
	}
	return &env{
		append: func(raw []byte, done func(connectors.Produced)) {
			s.sabotageAppend(o)
			if u := o.shard.flying; u != nil && u.tries == 1 {
				for _, ab := range u.actions {
					s.note("%s: unit %d has for %v %s", o.name, u.number, ab.lane.TopicPartition, s.show(ab.bytes))
				}
			}
			produce("append", s.journal, raw, done)
		},
		publish: func(tp connectors.TopicPartition, raw []byte, done func(connectors.Produced)) {
			s.journaled(tp, raw)
			produce("publish "+s.show(raw), tp, raw, done)
		},
		check: func(_ int64, done func(int64, error)) {
			if s.fate(20) == 0 {
				s.request(o, "check (lost)", func() func() { return func() { done(0, errLostAnswer) } })
				return
			}
			s.request(o, "check", func() func() {
				end := s.broker.log(s.source).end
				return func() { done(end, nil) }
			})
		},
		read: func(tp connectors.TopicPartition, from int64, done func(connectors.Fetched, error)) {
			if s.fate(20) == 0 {
				s.request(o, "read (lost)", func() func() { return func() { done(connectors.Fetched{}, errLostAnswer) } })
				return
			}
			s.request(o, fmt.Sprintf("read %s from %d", tp.Topic, from), func() func() {
				f, err := s.broker.read(tp, from, 1+s.rng.IntN(8))
				if s.broken == "nonce" && tp == s.journal {
					f.Batches = withNonce(f.Batches, o.shard.claim.nonce)
				}
				return func() { done(f, err) }
			})
		},
		offset: func(tp connectors.TopicPartition, at int64, done func(int64, error)) {
			if s.fate(20) == 0 {
				s.request(o, "offset (lost)", func() func() { return func() { done(0, errLostAnswer) } })
				return
			}
			s.request(o, "offset of "+tp.Topic, func() func() {
				end, err := int64(0), error(nil)
				if at == connectors.Latest {
					end, err = s.broker.latest(tp)
				}
				if s.broken == "end" && at == connectors.Latest && tp != s.journal { // what a fetch would say
					end, err = s.broker.log(tp).visible(), nil
				}
				if p := o.shard.pub; p != nil && tp != s.journal && tp != s.source {
					l := p.lane(tp.Topic, tp.Partition)
					if l.lookFrom >= 0 && s.broken == "look" {
						end, err = l.lookFrom, nil // there is nothing to see
					}
				}
				return func() { done(end, err) }
			})
		},
		producer: func(id string, done func(connectors.Producer, error)) {
			switch s.fate(12) {
			case 0:
				s.request(o, "producer (lost)", func() func() { s.broker.initProducer(id); return func() { done(connectors.Producer{}, errLostAnswer) } })
				return
			case 1: // the id had expired
				if !strings.Contains(id, "after") {
					delete(s.broker.producers, id)
				}
			}
			same := s.fate(3) == 0
			s.request(o, "producer", func() func() {
				if p, ok := s.broker.producers[id]; ok && same { // another is given the same
					return func() { done(p, nil) }
				}
				p := s.broker.initProducer(id)
				return func() { done(p, nil) }
			})
		},
		fetchFrom: func(offset int64, _ int32, deliver func(connectors.Fetched)) {
			o.fetch, o.deliver = offset, deliver
		},
		controlFrom: func(offset int64, deliver func(commands)) { o.control = simFeed{offset, deliver, -1} },
		dropped:     func(reason string) { s.note("%s drops: %s", o.name, reason); o.again = true },
		failed:      func(err error) { s.fail("%s: %w", o.name, err) },
		ready:       func() { s.note("%s works with epoch %d", o.name, o.shard.claim.epoch) },
	}
}

// journaled holds that what is published is owed according to the journal.
func (s *sim) journaled(tp connectors.TopicPartition, raw []byte) {
	if s.broken != "" {
		return
	}
	in, err := batch.ReadInfo(raw)
	if err != nil {
		s.fail("published: %w", err)
		return
	}
	var head *schemas.Head
	for i := len(s.broker.log(s.journal).batches) - 1; i >= 0 && head == nil; i-- {
		if err := eachRecord(s.broker.log(s.journal).batches[i].raw, func(r *batch.Record) (err error) {
			if string(r.Key) == "h" {
				head, err = schemas.DecodeHead(r.Value)
			}
			return err
		}); err != nil {
			s.fail("%w", err)
			return
		}
	}
	if head != nil {
		for _, o := range head.Outbox {
			if o.Topic == tp.Topic && o.Partition == tp.Partition && unwrap(in.BaseSequence, o.Next)+int64(in.Count) <= o.Next {
				return
			}
		}
	}
	s.fail("%v: %d actions from sequence %d are published and not journaled", tp, in.Count, in.BaseSequence)
}

func (s *sim) produceEvent() {
	customer := fmt.Sprintf("c%d", s.rng.IntN(3))
	id := s.events
	if s.events > 0 && s.rng.IntN(12) == 0 {
		id = s.rng.IntN(s.events) // told again
	}
	kind := []string{"purchase", "purchase", "purchase", "browse", "browse", "add_to_cart", "add_to_cart", "note"}[s.rng.IntN(8)]
	value := fmt.Sprintf(`{"event_id":"e%d","customer_id":%q,"type":%q,"ts":%d`, id, customer, kind, s.wall)
	if kind == "note" { // every other is too large
		value += fmt.Sprintf(`,"traits":{"note":%q}`, strings.Repeat("x", 1000+8000*s.rng.IntN(2)))
	}
	if s.rng.IntN(20) > 0 {
		value += "}"
	} // else nothing that could be read
	s.events++
	var b batch.Builder
	b.Reset(batch.Header{ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1, Timestamp: s.wall})
	b.Append([]byte(customer), []byte(value))
	raw := b.Finish()
	in, err := batch.ReadInfo(raw)
	if err != nil {
		s.t.Fatal(err)
	}
	s.broker.log(s.source).append(raw, in, s.wall)
	s.note("source: %s of %s at %d, ts %d", kind, customer, s.broker.log(s.source).end-1, s.wall)
}

// pass lets the owner hear its answers so far (or some of them) and work.
func (s *sim) pass(o *simOwner, all bool) {
	n := len(o.answers)
	if !all && n > 0 {
		n = 1 + s.rng.IntN(n)
	}
	heard := o.answers[:n:n]
	o.answers = o.answers[n:]
	now := s.now(o)
	o.shard.enter(now)
	for _, f := range heard {
		f()
	}
	if o.again && (all || s.rng.IntN(2) == 0) {
		o.again = false
		o.shard.begin(now)
	}
	s.sabotagePass(o)
	for again, tries := true, 0; again && tries < 3; tries++ {
		again, _ = o.shard.work(now)
	}
}

func (s *sim) poll(o *simOwner) {
	s.pollControl(o)
	if o.fetch < 0 {
		return
	}
	f, _ := s.broker.read(s.source, o.fetch, 1+s.rng.IntN(5))
	if next, _ := behind(f.Batches); next >= 0 {
		o.fetch = next
	}
	o.shard.backlog.Add(int64(len(f.Batches)))
	o.deliver(f)
}

// kill ends an owner. Of what its disk was not told to keep, some is lost.
func (s *sim) kill(o *simOwner, lost bool) {
	s.note("%s is killed", o.name)
	o.alive = false
	o.answers = nil
	s.disks[o.dir] = s.disks[o.dir].CrashClone(vfs.CrashCloneCfg{}) // what was synced, exactly: the same at each run
	if lost {
		s.disks[o.dir] = nil
		s.note("%s is gone", o.dir)
	}
	if err := o.shard.close(); err != nil && s.faults == nil {
		s.fail("%s: %w", o.name, err)
	}
}

func (s *sim) faulty(disk vfs.FS) vfs.FS {
	if s.faults == nil {
		return disk
	}
	return s.faults(disk)
}

func (s *sim) living() (alive []*simOwner) {
	for _, o := range s.owners {
		if o.alive {
			alive = append(alive, o)
		}
	}
	return alive
}

func (s *sim) step() {
	alive := s.living()
	some := func() *simOwner { return alive[s.rng.IntN(len(alive))] }
	switch n := s.rng.IntN(1000); {
	case n < 320 && len(s.requests) > 0:
		i := s.rng.IntN(min(len(s.requests), 4))
		f := s.requests[i]
		s.requests = append(s.requests[:i], s.requests[i+1:]...)
		f()
	case n < 620 && len(alive) > 0:
		if o := some(); o.asleep > 0 {
			o.asleep--
		} else {
			s.pass(o, false)
		}
	case n < 730 && len(alive) > 0:
		s.poll(some())
	case n < 850:
		s.pause(time.Duration(s.rng.IntN(15)) * time.Millisecond)
	case n < 910:
		if s.events < 40 {
			s.produceEvent()
		}
	case n < 935 && len(alive) < 2:
		s.start()
		if len(alive) == 0 && s.rng.IntN(2) == 0 { // both at once
			s.start()
		}
	case n < 945 && len(alive) > 0:
		s.kill(some(), s.rng.IntN(5) == 0)
	case n < 955:
		s.broker.restart()
		s.note("broker restarts")
	case n < 962 && len(alive) > 0:
		o := some()
		o.asleep = s.rng.IntN(60)
		s.note("%s is stalled", o.name)
	case n < 970:
		s.pause(time.Duration(s.rng.IntN(3000)) * time.Millisecond)
	case n < 976:
		tp := []connectors.TopicPartition{s.journal, {Topic: "actions"}, {Topic: "actions", Partition: 1}, {Topic: "mails"}}[s.rng.IntN(4)]
		s.broker.elect(tp, s.rng)
		s.note("another leads %v", tp)
	case n < 982:
		for _, l := range s.broker.logs {
			l.hw = -1
		}
	case n < 985:
		s.note("compaction")
		if err := s.broker.compact(s.journal); err != nil {
			s.t.Fatal(err)
		}
	case n < 988:
		s.broker.largest = []int{0, 400, 800}[s.rng.IntN(3)]
		s.note("largest action batch: %d", s.broker.largest)
	case n < 992 && len(alive) > 0: // a machine sleeps, the world goes on
		o, d := some(), time.Duration(1+s.rng.IntN(4))*time.Hour/2
		s.note("%s's machine sleeps for %v", o.name, d)
		s.pause(d)
		o.slept += d
	case n < 1000 && n >= 997 && len(alive) > 0:
		if o := some(); o.shard.view != nil {
			if err := o.shard.view.(pebbleView).Flush(); err != nil && s.faults == nil {
				s.fail("%w", err)
			}
		}
	case n < 995 && len(alive) > 0:
		o := some()
		by := int64(6000 + s.rng.IntN(3_600_000))
		if s.rng.IntN(3) == 0 {
			by = -by
		}
		o.skew += by
		if -6000 < o.skew && o.skew < 6000 {
			o.skew = 0
		}
		s.note("%s's clock is set, %d ms off", o.name, o.skew)
	case n < 997:
		s.note("a day later")
		s.pause(25 * time.Hour)
	}
}

// settle lets one owner finish everything.
func (s *sim) settle() error {
	for _, o := range s.living() {
		s.kill(o, false)
	}
	s.calm = true
	for _, l := range s.broker.logs {
		l.hw = -1
	}
	s.start()
	o := s.owners[len(s.owners)-1]
	for range 5000 {
		for len(s.requests) > 0 {
			f := s.requests[0]
			s.requests = s.requests[1:]
			f()
		}
		s.pass(o, true)
		s.poll(o)
		s.pass(o, true)
		if s.failed != nil {
			return s.failed
		}
		s.pause(10 * time.Millisecond)
		if o.shard.phase == phaseRunning && o.shard.position == s.broker.log(s.source).end && o.shard.flying == nil && !o.shard.open.any() && o.shard.pub.paid() && o.shard.ackSince.IsZero() {
			if _, some, err := o.shard.view.NextTimer(statestore.Cursor{}); err != nil || !some {
				return err
			}
		}
	}
	return fmt.Errorf("does not settle: phase %d, position %d of %d, owed %v", o.shard.phase, o.shard.position, s.broker.log(s.source).end, !o.shard.pub.paid())
}

func runSim(t testing.TB, p *journey.Program, seed uint64, broken string) (*sim, error) {
	s := newSim(t, p, seed, broken)
	for range 1500 {
		s.step()
		if s.failed != nil {
			break
		}
	}
	err := s.failed
	if err == nil {
		err = s.settle()
	}
	if err == nil {
		err = s.audit()
	}
	for _, o := range s.living() {
		s.kill(o, false)
	}
	return s, errors.Join(err, s.failed)
}

func TestExactlyOnceUnderAnySchedule(t *testing.T) {
	p := simProgram(t)
	if *simSeed != 0 {
		s, err := runSim(t, p, *simSeed, "")
		for _, l := range s.trace {
			t.Log(l)
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	seeds := uint64(*simSeeds)
	if withRace {
		seeds /= 10
	}
	for seed := uint64(1); seed <= seeds; seed++ {
		if s, err := runSim(t, p, seed, ""); err != nil {
			tail := s.trace[max(0, len(s.trace)-40):]
			t.Fatalf("schedule %d (-sim.seed=%d shows all of it): %v; before that:\n%s", seed, seed, err, strings.Join(tail, "\n"))
		}
	}
}

// withNonce makes every claim among the batches look like one's own.
func withNonce(raw []byte, nonce [16]byte) []byte {
	for at := 0; at < len(raw); {
		size := 12 + int(binary.BigEndian.Uint32(raw[at+simAtLength:]))
		b := raw[at : at+size]
		_ = eachRecord(b, func(r *batch.Record) error {
			if string(r.Key) == string(keyClaim) {
				if c, err := schemas.DecodeClaim(r.Value); err == nil {
					if i := strings.Index(string(b), string(c.Nonce[:])); i >= 0 {
						copy(b[i:], nonce[:])
					}
				}
			}
			return nil
		})
		simChecksum(b)
		at += size
	}
	return raw
}
