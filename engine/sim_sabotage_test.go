package engine

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/schemas"
)

// simSabotage is a protection that can be taken out, from outside: what an owner does, hears or remembers is changed at
// the seam to what it would be without.
type simSabotage struct {
	name   string
	within int // schedules, of which one at least must fail
}

var simSabotages = []simSabotage{
	{"claim", 500},
	{"nonce", 20000},
	{"epoch", 1000},
	{"same bytes", 3000},
	{"sequences", 500},
	{"one in flight", 1000},
	{"look", 1000},
	{"look again", 10000},
	{"end", 1000},
	{"hour", 1000},
	{"view first", 1000},
	{"publish first", 500},
	{"cursor", 5000},
	{"late", 30000},
	{"caught up", 500},
	{"asked", 20000},
	{"clock", 2000},
	{"release", 2000},
	{"lease", 500},
}

// favor makes likely what a protection is for: rare things follow each other seldom.
func (p *simPlan) favor(broken string) {
	p.steps = max(p.steps, 120)
	switch broken {
	case "nonce":
		p.quiet()
		p.disks = 3
		p.faults[faultSameEpoch] = 900
		p.weights[stepStart], p.weights[stepRounds], p.weights[stepKill] = 120, 10, 10
	case "epoch":
		p.faults[faultExpire] = 500
		p.faults[faultLongAgo] = 0
		p.weights[stepStart] *= 2
	case "look":
		p.weights[stepDay] = 20
		p.weights[stepKillInPass] = 20
		p.weights[stepStart] *= 2
	case "look again":
		p.disks = 3
		p.produced[producedLate] = 150
		p.weights[stepAdrift], p.weights[stepRestart], p.weights[stepStall] = 30, 30, 20
	case "hour":
		p.disks = max(p.disks, 2)
		p.weights[stepDay], p.weights[stepSleep] = 15, 10
		p.weights[stepStart] *= 2
	case "end":
		p.weights[stepElect] = 40
		p.weights[stepKill] += 20
	case "clock":
		p.weights[stepClock] = 20
	case "release":
		p.quiet()
		p.disks = 3
		p.faults[faultControl] = 900
		p.weights[stepDeploy], p.weights[stepKill], p.weights[stepStart], p.weights[stepEvent] = 20, 20, 120, 150
	case "cursor":
		p.quiet()
		p.steps = 300
		p.weights[stepEvent], p.weights[stepRounds], p.weights[stepKill] = 120, 10, 2
	case "late":
		p.quiet()
		p.steps, p.disks = 300, 1
		p.weights[stepCarry], p.weights[stepWait], p.weights[stepEvent], p.weights[stepRounds] = 150, 150, 120, 30
		p.weights[stepKill], p.weights[stepStart] = 12, 120
	case "same bytes":
		p.quiet()
		p.produced[producedAnswerLost], p.produced[producedNotLeader] = 200, 100
	case "one in flight":
		p.produced[producedLost] = 200
	}
}

// quiet turns off what has nothing to do with the matter.
func (p *simPlan) quiet() {
	clear(p.weights[stepRounds+1:])
	p.faults, p.produced = [faultKinds]int{}, [producedKinds]int{producedWell: 1000}
}

// sabotageAppend does what an owner without a protection would do when a batch goes to the journal, and gives the batch
// that it would send.
func (s *sim) sabotageAppend(o *simOwner, raw []byte) []byte {
	u := o.shard.flying
	switch {
	case s.broken == "epoch" && o.shard.phase == phaseClaiming: // InitProducerID is believed, whatever id it gives
		c := &o.shard.claim
		c.producerID, c.epoch = c.given.ID, c.given.Epoch
		return simProducer(raw, c.producerID, c.epoch)
	case u == nil:
	case s.broken == "same bytes" && u.tries > 1: // what is sent again is collected anew
		o.shard.collectAnew()
		return o.shard.sealed
	case u.tries > 1:
	case s.broken == "view first": // the view does not wait for the acknowledgement
		b := o.shard.view.newBatch()
		for i := range u.documents {
			b.PutDocument(u.documents[i].entry.customer, u.documents[i].bytes)
		}
		if err := b.Apply(); err != nil {
			s.fail("%w", err)
		}
		b.Close()
	case s.broken == "publish first": // nor do the actions
		for _, ab := range u.actions {
			s.broker.produce(ab.lane.TopicPartition, ab.bytes)
		}
	}
	return raw
}

// collectAnew takes what was decided meanwhile into the unit that is sent again, if that leaves its number of records.
func (s *shard) collectAnew() {
	u, next := s.flying, s.open
	if len(next.actions) > 0 || slices.ContainsFunc(next.documents, func(d changed) bool {
		return !slices.ContainsFunc(u.documents, func(old changed) bool { return old.entry == d.entry })
	}) {
		return
	}
	for _, d := range next.documents {
		i := slices.IndexFunc(u.documents, func(old changed) bool { return old.entry == d.entry })
		u.documents[i].bytes = slices.Clone(d.bytes)
		d.entry.unit, d.entry.slot = u.number, int32(i)
	}
	u.timers = append(u.timers, next.timers...)
	if next.anyFired {
		u.fired, u.anyFired = next.fired, true
	}
	s.head.Sources[0].Offset, s.head.Clock = s.position, s.timers.clock
	u.head = s.head.Append(nil)
	u.next = s.position
	next.reset(next.number)
	s.write(u)
}

// sabotagePublish gives the batch that an owner without a protection would publish.
func (s *sim) sabotagePublish(o *simOwner, tp connectors.TopicPartition, raw []byte) []byte {
	switch s.broken {
	case "sequences": // each owner numbers its actions itself
		return simProducer(slices.Clone(raw), int64(5000+slices.Index(s.owners, o)), 0)
	case "one in flight": // the next batch does not wait for this one
		if l := o.shard.pub.lane(tp.Topic, tp.Partition); len(l.queue) > 1 {
			s.produce(o, "publish ahead", tp, l.queue[1].bytes, func(connectors.Produced) {})
		}
	}
	return raw
}

// sabotageRead gives what an owner without a protection would read.
func (s *sim) sabotageRead(o *simOwner, tp connectors.TopicPartition, f connectors.Fetched) connectors.Fetched {
	if tp != s.journal {
		return f
	}
	c := &o.shard.claim
	switch s.broken {
	case "nonce":
		f.Batches = withNonce(f.Batches, c.nonce)
	case "epoch":
		if c.offset >= 0 {
			c.tail.producerID, c.tail.epoch = c.given.ID, c.given.Epoch-1
		}
	}
	return f
}

// sabotageOffset gives what an owner without a protection would hear of a partition's end.
func (s *sim) sabotageOffset(o *simOwner, tp connectors.TopicPartition, at, end int64, err error) (int64, error) {
	if s.broken == "" || o.shard.pub == nil || tp == s.journal || tp == s.source || at != connectors.Latest {
		return end, err
	}
	l := o.shard.pub.lane(tp.Topic, tp.Partition)
	switch {
	case s.broken == "end": // what a fetch would say
		return s.broker.log(tp).visible(), nil
	case l.state != laneLooking:
	case s.broken == "look" && !o.looked[tp]: // a new owner sends at once
		if o.looked == nil {
			o.looked = map[connectors.TopicPartition]bool{}
		}
		o.looked[tp] = true
		return l.lookFrom, nil
	case s.broken == "look again" && l.refusals > 0: // OUT_OF_ORDER is taken for loss, at once
		l.refusals, l.refused = max(l.refusals, 2), l.looked.Add(-2*lossPatience)
		return l.lookFrom, nil
	}
	return end, err
}

// sabotagePass takes away what an owner should have remembered.
func (s *sim) sabotagePass(o *simOwner) {
	if s.broken == "" || o.shard.pub == nil || o.shard.phase != phaseRunning {
		return
	}
	t := &o.shard.timers
	switch s.broken {
	case "lease": // what was fetched is given back when the first of it is read
		if o.shard.reading {
			o.shard.queue[0].Lease.End()
		}
	case "cursor": // an insert below the cursor does not move it back
		if t.cursor != t.far {
			t.cursor, t.known = t.far, false
		}
	case "late": // nor is it kept until the view has who looked at it
		t.late = t.late[:0]
	case "hour": // however long it slept, it takes itself for the owner
		o.shard.lastAck, o.shard.pub.proved = o.shard.now, o.shard.now
	case "caught up": // nobody asks where the source ends
		t.clock = max(t.clock, o.shard.now.UnixMilli()-1)
	case "clock": // the wall clock is believed, wherever it goes
		t.skew, t.probe, t.seen = 0, false, o.shard.now
	}
}

// simProducer puts another producer into a batch.
func simProducer(raw []byte, id int64, epoch int16) []byte {
	binary.BigEndian.PutUint64(raw[simAtProducer:], uint64(id))
	binary.BigEndian.PutUint16(raw[simAtProducer+8:], uint16(epoch))
	simChecksum(raw)
	return raw
}

// withNonce makes every claim among the batches look like one's own.
func withNonce(raw []byte, nonce [16]byte) []byte {
	for at := 0; at < len(raw); {
		size := 12 + int(binary.BigEndian.Uint32(raw[at+simAtLength:]))
		b := raw[at : at+size]
		_ = eachRecord(b, func(r *batch.Record) error {
			if isClaim(string(r.Key)) {
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

// Without a protection some schedule must go wrong, else the simulation could not see it. The bounds are several times
// what it took (docs/simulation.md), so that no change of the simulation makes them hang on a certain seed.
func TestSimulationSeesWhatIsTakenOut(t *testing.T) {
	if testing.Short() {
		t.Skip("schedules by the thousand")
	}
	p := simProgram(t)
	for _, c := range simSabotages {
		t.Run(c.name, func(t *testing.T) {
			seed, ran, _ := explore(t, p, 1, uint64(c.within), simTask{broken: c.name})
			if seed == 0 {
				t.Fatalf("none of %d schedules shows that anything is missing", ran)
			}
			kit := newSimKit(t, p)
			task := simTask{seed: seed, broken: c.name}
			s := kit.run(task)
			if s.failed == nil {
				t.Fatalf("schedule %d shows it only at times", seed)
			}
			t.Logf("after %d schedules, the %dth: %.200v", ran, seed, s.failed)
		})
	}
}

// What is left of a failing schedule fails in the same way, and is much less.
func TestShrink(t *testing.T) {
	p := simProgram(t)
	kinds := []string{"publish first", "caught up"}
	if testing.Short() {
		kinds = kinds[:1]
	}
	for _, broken := range kinds {
		seed, _, _ := explore(t, p, 1, math.MaxUint32, simTask{broken: broken})
		kit := newSimKit(t, p)
		task := simTask{seed: seed, broken: broken}
		s := kit.run(task)
		before := kit.blocks()
		after, short := kit.shorten(task, s.failed, before)
		if short.failed == nil || kindOf(short.failed) != kindOf(s.failed) || 2*len(after) > len(before) {
			t.Errorf("%s: of %d steps of schedule %d %d are left: %v, which was %v", broken, len(before)-1, seed, len(after)-1, short.failed, s.failed)
		}
		t.Logf("%s: %d steps of schedule %d, %d suffice:\n%s\n%v", broken, len(before)-1, seed, len(after)-1, strings.Join(short.trace, "\n"), short.failed)
	}
}
