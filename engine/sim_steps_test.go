package engine

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"wend/connectors"
	"wend/connectors/batch"
)

// simPlan is a schedule's temper: how long it is, and how likely everything is. Each schedule draws its own, with many
// of the faults off and some of them frequent: a short schedule that has everything reaches nothing in depth (Groce et
// al., "Swarm testing", 2012).
type simPlan struct {
	steps    int
	disks    int // directories, and owners at once
	weights  [simStepKinds]int
	faults   [faultKinds]int // of a thousand
	produced [producedKinds]int
}

// Faults that are not steps of their own.
const (
	faultRead = iota
	faultExpire
	faultSameEpoch
	faultSkew
	faultDisk
	faultBehind
	faultGarbled
	faultTwice
	faultLongAgo
	faultForgetful
	faultStale
	faultControl
	faultKinds
)

// Kinds of steps; the first does nothing.
const (
	stepNothing = iota
	stepCarry
	stepPass
	stepPoll
	stepWait
	stepEvent
	stepStart
	stepRounds
	stepKill
	stepKillInPass
	stepStall
	stepAdrift
	stepRestart
	stepElect
	stepCatchUp
	stepSilence
	stepCompact
	stepLargest
	stepPause
	stepSleep
	stepDay
	stepClock
	stepFlush
	stepGrow
	stepDeploy
	stepStatus
	simStepKinds
)

// simWeights are what plans begin with. What comes behind stepRounds goes wrong, and may be off.
var simWeights = [simStepKinds]int{stepCarry: 240, stepPass: 220, stepPoll: 80, stepWait: 90, stepEvent: 90, stepStart: 40, stepRounds: 60,
	stepKill: 12, stepKillInPass: 12, stepStall: 10, stepAdrift: 20, stepRestart: 12, stepElect: 12, stepCatchUp: 10, stepSilence: 8, stepCompact: 6, stepLargest: 6, stepPause: 12,
	stepSleep: 5, stepDay: 4, stepClock: 5, stepFlush: 6, stepGrow: 3, stepDeploy: 6, stepStatus: 6}

// simFaults are the same for faults.
var simFaults = [faultKinds]int{faultRead: 50, faultExpire: 80, faultSameEpoch: 300, faultSkew: 150, faultDisk: 200, faultBehind: 500, faultGarbled: 50, faultTwice: 80, faultLongAgo: 150, faultForgetful: 300, faultStale: 100, faultControl: 300}

func drawPlan(seed uint64, broken string) simPlan {
	rng := rand.New(rand.NewPCG(seed, 2))
	p := simPlan{steps: []int{60, 120, 180, 300}[rng.IntN(4)], disks: 1 + rng.IntN(3), weights: simWeights, faults: simFaults, produced: [producedKinds]int{1000, 50, 50, 50, 25, 25}}
	scale := func(w int) int { return w * []int{0, 0, 0, 1, 1, 2, 4}[rng.IntN(7)] }
	for i := stepRounds + 1; i < simStepKinds; i++ {
		p.weights[i] = scale(p.weights[i])
	}
	p.weights[stepStart] *= 1 + rng.IntN(2)
	for i := range p.faults {
		p.faults[i] = min(scale(p.faults[i]), 900)
	}
	for i := producedWell + 1; i < producedKinds; i++ {
		p.produced[i] = scale(p.produced[i])
	}
	if p.produced[producedLate] > 0 {
		p.weights[stepAdrift] = max(p.weights[stepAdrift], 10)
	}
	if broken != "" {
		p.favor(broken)
	}
	return p
}

// step does what comes next.
func (s *sim) step() {
	alive := s.living()
	kind := s.pick(s.plan.weights[:])
	one := func() *simOwner { return alive[s.draw(len(alive))] }
	if len(alive) == 0 {
		switch kind {
		case stepPass, stepPoll, stepRounds, stepKill, stepKillInPass, stepStall, stepSleep, stepClock, stepFlush:
			return
		}
	}
	switch kind {
	case stepCarry:
		if n := len(s.requests); n > 0 {
			s.carry(&s.requests, s.draw(min(n, 4)))
		}
	case stepPass:
		if o := one(); o.asleep > 0 {
			o.asleep--
		} else {
			s.pass(o, false)
		}
	case stepPoll:
		s.poll(one())
	case stepWait:
		s.pause(time.Duration(s.draw(15)) * time.Millisecond)
	case stepEvent:
		s.produceEvent()
	case stepStart:
		if len(alive) < s.plan.disks {
			s.start()
		}
	case stepRounds:
		s.rounds(one(), 1+s.draw(8), time.Duration(s.draw(60))*time.Millisecond)
	case stepKill:
		s.kill(one(), s.chance(s.plan.faults[faultDisk]))
	case stepKillInPass:
		o := one()
		o.calls = s.draw(6)
		s.tally[sawCrashInPass]++
		s.note("%s works a last time, for %d requests", o.name, o.calls)
		s.pass(o, false)
		s.kill(o, s.chance(s.plan.faults[faultDisk]))
	case stepStall:
		o := one()
		o.asleep = s.draw(60)
		s.tally[sawStall]++
		s.note("%s is stalled", o.name)
	case stepAdrift:
		if n := len(s.adrift); n > 0 {
			s.carry(&s.adrift, s.draw(n))
		}
	case stepSleep: // a machine sleeps, the world goes on
		o, d := one(), time.Duration(1+s.draw(4))*time.Hour/2
		s.tally[sawSleep]++
		s.note("%s's machine sleeps for %v", o.name, d)
		s.pause(d)
		o.slept += d
	case stepClock:
		o := one()
		s.setClock(o)
		s.note("%s's clock is set, %d ms off", o.name, o.skew)
	case stepFlush:
		if v, open := one().shard.view.(interface{ Flush() error }); open {
			if err := v.Flush(); err != nil && s.faults == nil {
				s.fail("%w", err)
			}
		}
	case stepDeploy:
		s.deployOne()
	case stepStatus:
		s.pauseOne()
	case stepPause:
		s.pause(time.Duration(s.draw(3000)) * time.Millisecond)
	case stepDay:
		s.tally[sawDay]++
		s.note("a day later")
		s.pause(25 * time.Hour)
	default:
		s.brokerStep(kind)
	}
}

// brokerStep is a step of the brokers'.
func (s *sim) brokerStep(kind int) {
	switch kind {
	case stepRestart:
		s.tally[sawRestart]++
		s.broker.restart()
		s.note("broker restarts")
	case stepElect:
		tp := s.somewhere()
		s.tally[sawElection]++
		s.broker.elect(tp, s.draw(4))
		s.note("another leads %s/%d", tp.Topic, tp.Partition)
	case stepCatchUp:
		s.broker.catchUp()
	case stepSilence:
		tp := s.somewhere()
		s.tally[sawSilence]++
		s.broker.silence(tp)
		s.note("a replica of %s/%d is silent", tp.Topic, tp.Partition)
	case stepCompact:
		s.note("compaction")
		if err := s.broker.compact(s.journal); err != nil {
			s.fail("compaction: %w", err)
		}
	case stepLargest:
		s.broker.largest = [...]int{0, 400, 800}[s.draw(3)]
		s.note("largest action batch: %d", s.broker.largest)
	case stepGrow:
		s.grow()
	}
}

func (s *sim) somewhere() connectors.TopicPartition {
	return [...]connectors.TopicPartition{s.journal, {Topic: "actions"}, {Topic: "actions", Partition: 1}, {Topic: "mails"}}[s.draw(4)]
}

// grow gives a topic more partitions. Who runs hears of it, or does not yet; who starts may ask a broker that has not.
func (s *sim) grow() {
	channel := [...]string{"shop", "mail"}[s.draw(2)]
	r := &routes{channels: maps.Clone(s.routes.channels), deadLetter: s.routes.deadLetter}
	to := r.channels[channel]
	to.partitions = min(to.partitions+1+int32(s.draw(2)), 7)
	r.channels[channel] = to
	s.tally[sawGrow]++
	s.note("%s has %d partitions", to.topic, to.partitions)
	for _, o := range s.living() {
		if s.draw(3) > 0 {
			o.shard.reroute(r)
		}
	}
	s.former, s.routes = s.routes, r
}

// setClock sets an owner's clock, forward or back. One that is a little off is believed.
func (s *sim) setClock(o *simOwner) {
	by := int64(6000 + s.draw(3_600_000))
	if s.draw(3) == 1 {
		by = -by
	}
	s.tally[sawClockSet]++
	o.skew += by
	if -6000 < o.skew && o.skew < 6000 {
		o.skew = 0
	}
}

// pause lets time pass. No request stays on its way for half an hour: connections end before.
func (s *sim) pause(d time.Duration) {
	for d >= time.Hour/2 && len(s.requests)+len(s.adrift) > 0 {
		if i := s.draw(len(s.requests) + len(s.adrift)); i < len(s.requests) {
			s.carry(&s.requests, i)
		} else {
			s.carry(&s.adrift, i-len(s.requests))
		}
	}
	s.wall += d.Milliseconds()
	s.mono += d
}

// pass lets the owner hear its answers so far (or some of them) and work.
func (s *sim) pass(o *simOwner, all bool) (wake time.Time) {
	n := len(o.answers)
	if !all && n > 0 {
		n -= s.draw(n)
	}
	o.heard = append(o.heard[:0], o.answers[:n]...)
	o.answers = slices.Delete(o.answers, 0, n)
	now := s.now(o)
	o.shard.enter(now)
	for i := range o.heard {
		o.heard[i].hear()
	}
	if o.again && (all || s.draw(2) == 0) {
		o.again = false
		o.shard.begin(now)
	}
	s.pollControl(o)
	s.sabotagePass(o)
	for again, tries := true, 0; again && tries < 3; tries++ {
		again, wake = o.shard.work(now)
	}
	s.observe(o.shard)
	return wake
}

// observe counts what a shard is in.
func (s *sim) observe(sh *shard) {
	if sh.phase != phaseRunning {
		return
	}
	if sh.timers.cursor != sh.timers.far {
		s.tally[sawMovedBack]++
	}
	if len(sh.timers.late) > 0 {
		s.tally[sawLateTimer]++
	}
	if len(sh.held) > 1 {
		s.tally[sawHeld]++
	}
	if len(sh.unsettled) > 1 {
		s.tally[sawTogether]++
	}
	if sh.arming.reindex {
		s.tally[sawReindex]++
	}
	if sh.pub.owedBytes >= sh.limits.outbox {
		s.tally[sawFull]++
	}
}

func (s *sim) poll(o *simOwner) {
	if o.fetch < 0 {
		return
	}
	if o.polled != nil { // the answer comes late: it says how it was
		o.polled()
		o.polled = nil
		return
	}
	asked := s.now(o)
	f, _ := s.broker.read(s.source, o.fetch, 5-s.draw(5))
	if next, _ := behind(f.Batches); next >= 0 {
		o.fetch = next
	}
	if s.draw(4) == 3 {
		f, deliver := f, o.deliver
		o.polled = func() { s.arrive(o, f, asked, deliver) }
		return
	}
	s.arrive(o, f, asked, o.deliver)
}

// arrive has the owner hear the answer to a poll.
func (s *sim) arrive(o *simOwner, f connectors.Fetched, asked time.Time, deliver func(connectors.Fetched, time.Time)) {
	o.shard.backlog.Add(int64(len(f.Batches)))
	o.shard.enter(s.now(o))
	if s.broken == "asked" { // what an answer says is taken for how it is
		asked = s.now(o)
	}
	deliver(f, asked)
}

// rounds lets an owner work undisturbed for a while; what is on its way arrives.
func (s *sim) rounds(o *simOwner, n int, each time.Duration) {
	for ; n > 0 && o.asleep == 0; n-- {
		for len(s.requests) > 0 {
			s.carry(&s.requests, 0)
		}
		s.poll(o)
		s.pass(o, true)
		s.pause(each)
	}
}

// kill ends an owner. Of what its disk was not told to keep, some is lost.
func (s *sim) kill(o *simOwner, lost bool) {
	s.note("%s is killed", o.name)
	s.tally[sawCrash]++
	d := o.dir
	d.used = false
	if s.pebble {
		if o.shard.view != nil {
			d.stood, _, _ = o.shard.view.Meta(metaTail)
		}
		s.disks[d.name] = s.disks[d.name].CrashClone(vfs.CrashCloneCfg{}) // what was synced, exactly: the same at each run
	} else {
		s.crash(&d.maps)
	}
	if lost {
		s.tally[sawDiskLost]++
		s.note("%s is gone", d.name)
		d.maps.lose()
		d.stood = nil
		delete(s.disks, d.name)
	}
	s.end(o)
}

// crash loses some of what a view was not told to keep.
func (s *sim) crash(d *mapDisk) {
	lost := 0
	switch {
	case s.calm:
		lost = s.lastOff
	case s.chance(s.plan.faults[faultBehind]):
		lost = s.draw(len(d.applied) + 1)
	}
	if lost > 0 && len(d.applied) > 0 {
		s.tally[sawViewBehind]++
	}
	d.crash(lost)
}

// end has an owner's shard closed.
func (s *sim) end(o *simOwner) {
	o.alive, o.answers = false, nil
	if err := o.shard.close(); err != nil && s.faults == nil {
		s.fail("%s: %w", o.name, err)
	}
}

func (s *sim) living() []*simOwner {
	alive := s.alive[:0]
	for _, o := range s.owners {
		if o.alive {
			alive = append(alive, o)
		}
	}
	s.alive = alive
	return alive
}

func (s *sim) produceEvent() {
	customer := [...]string{"c0", "c1", "c2"}[s.draw(3)]
	id := s.events
	if s.events > 0 && s.chance(s.plan.faults[faultTwice]) {
		id = s.draw(s.events)
	}
	kind := [...]string{"purchase", "purchase", "scroll", "browse", "browse", "add_to_cart", "add_to_cart", "note"}[s.draw(8)]
	text := append(s.text[:0], `{"event_id":"e`...)
	text = strconv.AppendInt(text, int64(id), 10)
	text = append(append(append(append(text, `","customer_id":"`...), customer...), `","type":"`...), kind...)
	text = strconv.AppendInt(append(text, `","ts":`...), s.wall, 10)
	if kind == "note" { // every other is too large
		text = append(text, `,"traits":{"note":"`...)
		for range 30 + 300*s.draw(2) {
			text = append(text, "xxxxxxxxxx"...)
		}
		text = append(text, `"}`...)
	}
	if !s.chance(s.plan.faults[faultGarbled]) {
		text = append(text, '}')
	} // else nothing that could be read
	s.events++
	s.text = text
	s.builder.Reset(batch.Header{ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1, Timestamp: s.wall})
	s.builder.Append([]byte(customer), text)
	raw := s.builder.Finish()
	in, err := batch.ReadInfo(raw)
	if err != nil {
		s.fail("an event: %w", err)
		return
	}
	s.broker.log(s.source).append(raw, in, s.wall)
	if s.tracing {
		s.note("source: %s of %s at %d, ts %d", kind, customer, s.broker.log(s.source).end-1, s.wall)
	}
}
