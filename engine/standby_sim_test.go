package engine

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/schemas"
	"wend/statestore"
)

// warmSim is the simulation with a fleet's changes of mind: owners are told to yield, standbys follow the journal on the
// second disk, and are told to own.
type warmSim struct {
	*sim
	tails    map[*simOwner]*simTail
	compared int // views held against the journal
	promoted int // standbys that were told to own
}

// simTail is what a standby asked for.
type simTail struct {
	next    int64
	deliver func(connectors.Fetched)
}

func newWarmSim(s *sim) *warmSim { return &warmSim{sim: s, tails: map[*simOwner]*simTail{}} }

// enlist lets an owner be a standby too.
func (w *warmSim) enlist(o *simOwner) *simTail {
	t := w.tails[o]
	if t == nil {
		t = &simTail{next: -1}
		w.tails[o] = t
		o.shard.env.tail = func(offset int64, deliver func(connectors.Fetched)) { t.next, t.deliver = offset, deliver }
	}
	return t
}

func (w *warmSim) step() {
	w.sim.step()
	for _, o := range w.living() {
		if o.asleep > 0 || w.failed != nil {
			continue
		}
		t := w.enlist(o)
		now := w.now(o)
		switch n := w.rng.IntN(1000); {
		case n < 150 && o.shard.phase == phaseStandby && t.next >= 0:
			w.feed(o, t)
		case n < 157 && o.shard.phase == phaseStandby:
			w.note("%s is told to own", o.name)
			w.promoted++
			o.shard.begin(now)
		case n < 165 && o.shard.phase != phaseStandby && len(w.living()) > 1:
			w.note("%s is told to yield", o.name)
			o.shard.enter(now)
			o.shard.yield()
		case n < 170 && o.shard.phase == phaseRunning && o.shard.yielding:
			w.note("%s is given the shard back", o.name)
			o.shard.begin(now)
		case n < 700 && o.shard.phase == phaseIdle && w.claimed(o):
			w.note("%s is told to stand by", o.name)
			o.again = false
			o.shard.standBy(now)
		}
	}
}

// claimed says whether somebody else owns the shard, or is about to.
func (w *warmSim) claimed(by *simOwner) bool {
	return slices.ContainsFunc(w.living(), func(o *simOwner) bool {
		return o != by && (o.shard.phase == phaseRunning || o.shard.phase == phaseClaiming)
	})
}

// feed delivers some of the journal.
func (w *warmSim) feed(o *simOwner, t *simTail) {
	o.shard.enter(w.now(o))
	f, _ := w.broker.read(w.journal, t.next, 1+w.rng.IntN(5))
	if next, _ := behind(f.Batches); next >= 0 {
		t.next = next
	} else if f.Code != connectors.OK {
		t.next = -1
	}
	o.shard.backlog.Add(int64(len(f.Batches)))
	t.deliver(f)
	current := w.wall-o.shard.claim.tail.appended < simDay/2 // else tombstones may be gone, which only a claim finds
	if current && o.shard.phase == phaseStandby && o.shard.claim.caughtUp && o.shard.claim.tail.position == w.broker.log(w.journal).end {
		w.compared++
		if err := w.compare(o.shard); err != nil {
			w.fail("%s, a standby: %w", o.name, err)
		}
	}
	if b := o.shard.backlog.Load(); b != 0 {
		w.fail("%s: %d bytes are said to wait", o.name, b)
	}
}

// compare holds a view that is at the journal's end against a straight reading of it.
func (w *warmSim) compare(s *shard) error {
	documents, ids, owed := map[string][]byte{}, map[string][]byte{}, map[string][]byte{}
	var head []byte
	if err := w.broker.log(w.journal).each(func(r *batch.Record) error {
		switch key := string(r.Key); {
		case key == string(keyHead):
			head = bytes.Clone(r.Value)
		case strings.HasPrefix(key, string(keyDocument)):
			documents[key[len(keyDocument):]] = bytes.Clone(r.Value)
		case strings.HasPrefix(key, string(keyIDs)):
			ids[key[len(keyIDs):]] = bytes.Clone(r.Value)
		case strings.HasPrefix(key, string(keyOwed)) && r.Value == nil:
			delete(owed, key)
		case strings.HasPrefix(key, string(keyOwed)):
			owed[key] = bytes.Clone(r.Value)
			return batch.Restamp(owed[key], 0, -1, -1)
		}
		return nil
	}); err != nil {
		return err
	}
	if !bytes.Equal(head, s.claim.tail.head) {
		return errors.New("another head than the journal's")
	}
	timers, err := s.view.Timers(statestore.Cursor{}, math.MaxInt64, 1<<20, nil)
	if err != nil {
		return err
	}
	first := map[string]int64{}
	for _, t := range timers {
		if _, ok := first[t.Customer]; !ok {
			first[t.Customer] = t.Due
		}
	}
	for customer, want := range documents {
		got, _, err := s.view.Get(customer, nil)
		if err != nil || !bytes.Equal(got, want) {
			return fmt.Errorf("customer %s: %d bytes, the journal has %d: %w", customer, len(got), len(want), err)
		}
		if got, _, err := s.view.IDs(customer, nil); err != nil || !bytes.Equal(got, ids[customer]) {
			return fmt.Errorf("customer %s: %d bytes of ids are apart, the journal has %d: %w", customer, len(got), len(ids[customer]), err)
		}
		if len(want) == 0 {
			continue
		}
		doc, err := schemas.DecodeDocument(want)
		if err != nil {
			return err
		}
		due := s.program.NextDue(customer, doc)
		if at, ok := first[customer]; due != schemas.Never && (!ok || at > due) {
			return fmt.Errorf("customer %s is due at %d, the index has %d (any: %v)", customer, due, at, ok)
		}
	}
	if len(head) == 0 {
		return nil
	}
	decoded, err := schemas.DecodeHead(head)
	if err != nil {
		return err
	}
	// A batch that the head does not owe is passed over wherever it stands (rule 6).
	owes := func(key string) (bool, error) {
		tp, first, err := parseOwedKey(key)
		return slices.ContainsFunc(decoded.Outbox, func(o schemas.OutboxPosition) bool {
			return o.Topic == tp.Topic && o.Partition == tp.Partition && o.Acked <= first && first < o.Next
		}), err
	}
	if err := s.view.EachOwed(func(key string, value []byte) error {
		value = bytes.Clone(value) // a former owner's may have the time at which it was sent
		if err := batch.Restamp(value, 0, -1, -1); err != nil {
			return err
		}
		if due, err := owes(key); err != nil || due && !bytes.Equal(value, owed[key]) {
			return fmt.Errorf("owed %s: not what the journal has: %w", key, err)
		}
		delete(owed, key)
		return nil
	}); err != nil {
		return err
	}
	for key := range owed {
		if due, err := owes(key); err != nil || due {
			return fmt.Errorf("owed %s: the view does not have it: %w", key, err)
		}
	}
	return nil
}

// Whatever the order in which members are told to own, to yield and to stand by, and whatever fails meanwhile: the
// result is that of reading the log straight through, and a standby at the journal's end has what the journal has.
func TestStandbysUnderAnySchedule(t *testing.T) {
	p := simProgram(t)
	seeds := uint64(min(*simSeeds, 250))
	if testing.Short() {
		seeds /= 10
	}
	compared, promoted := 0, 0
	for seed := uint64(1); seed <= seeds; seed++ {
		if *simSeed != 0 {
			seed, seeds = *simSeed, *simSeed
		}
		w := newWarmSim(newSim(t, p, seed, ""))
		for range 1500 {
			w.step()
			if w.failed != nil {
				break
			}
		}
		err := w.failed
		if err == nil {
			err = w.settle()
		}
		if err == nil {
			err = w.audit()
		}
		for _, o := range w.living() {
			w.kill(o, false)
		}
		if err = errors.Join(err, w.failed); err != nil {
			t.Fatalf("schedule %d: %v; before that:\n%s", seed, err, strings.Join(w.trace[max(0, len(w.trace)-40):], "\n"))
		}
		compared, promoted = compared+w.compared, promoted+w.promoted
	}
	if compared == 0 || promoted == 0 {
		t.Fatalf("%d views compared, %d standbys promoted: this shows nothing", compared, promoted)
	}
	t.Logf("%d views compared, %d standbys promoted", compared, promoted)
}

// An idle owner that was told to yield appends nothing that could be refused: it sees the other's claim by itself.
func TestAnIdleOwnerSeesItsSuccessor(t *testing.T) {
	p := simProgram(t)
	s := newSim(t, p, 3, "")
	s.calm = true
	s.start()
	a, dropped := s.owners[0], false
	a.shard.env.dropped = func(string) { dropped = true }
	until := func(what string, ok func() bool) {
		t.Helper()
		for range 2000 {
			for len(s.requests) > 0 {
				s.carry(&s.requests, 0)
			}
			for _, o := range s.owners {
				s.pass(o, true)
			}
			if ok() {
				return
			}
			s.wall += 10
			s.mono += 10_000_000
		}
		t.Fatalf("never: %s", what)
	}
	until("a owns", func() bool { return a.shard.phase == phaseRunning })
	a.shard.yield()
	for range 500 {
		s.pass(a, true)
		s.wall += 10
		s.mono += 10_000_000
	}
	if a.shard.phase != phaseRunning {
		t.Fatal("a stopped before anybody had claimed")
	}
	s.start()
	b := s.owners[1]
	until("b owns and a has stopped", func() bool { return b.shard.phase == phaseRunning && dropped })
}
