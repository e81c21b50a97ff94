package engine

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"wend/connectors/batch"
	"wend/engine/journey"
	"wend/schemas"
	"wend/statestore"
)

// simFeed is what an owner wants of APP.control.
type simFeed struct {
	next    int64
	deliver func(commands)
	told    int64 // deliver knows all below; -1: nothing yet
}

// pollControl tells the owner what its process has read and it does not know.
func (s *sim) pollControl(o *simOwner) {
	p, f := &o.process, &o.control
	if to := s.readable(p); to > p.next {
		s.readOn(p, to)
		if p.running != nil {
			o.shard.learn(p.running)
		}
	}
	if f.deliver == nil || f.told == p.next {
		return
	}
	var all []command
	for i := range p.list {
		if p.list[i].offset >= max(f.next, f.told) {
			all = append(all, p.list[i])
		}
	}
	f.told = p.next
	deliver, told := f.deliver, commands{list: all, next: f.told, running: p.running}
	o.answers = append(o.answers, simReply{call: func() { deliver(told) }})
}

// readable says how far a process has read APP.control by now; mostly it is to its end.
func (s *sim) readable(p *simReader) int64 {
	end := s.broker.log(s.commands).end
	switch {
	case s.calm:
	case p.asleep > 0:
		p.asleep--
		return p.next
	case p.next < end && s.chance(s.plan.faults[faultControl]):
		p.asleep = s.draw(100)
		return p.next + int64(s.draw(int(end-p.next)))
	}
	return end
}

func (s *sim) command(key string, value []byte) {
	var b batch.Builder
	b.Reset(batch.Header{ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1, Timestamp: s.wall})
	b.Append([]byte(key), value)
	raw := b.Finish()
	in, err := batch.ReadInfo(raw)
	if err != nil {
		s.t.Fatal(err)
	}
	s.broker.log(s.commands).append(raw, in, s.wall)
}

// controlSim is a sim in which customers are forgotten, and a history of its journal, whatever compaction takes.
type controlSim struct {
	*sim
	asked   []string // customers, by number of the command
	offsets []int64  // of the commands
	over    []bool   // the tombstone is written
	units   []simUnit
	seen    int64 // journal offset
}

// simUnit is a unit as it stood in the journal.
type simUnit struct {
	head      *schemas.Head
	documents map[string][]byte // nil: a tombstone
	ids       map[string][]byte // what is apart of these, in the same way
}

func (s *controlSim) forgetSomebody() {
	customer := fmt.Sprintf("c%d", s.rng.IntN(4)) // one of them is nobody
	value, err := (&schemas.Forget{Customer: customer, Asked: s.wall}).Append(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.offsets = append(s.offsets, s.broker.log(s.commands).end)
	s.note("command %d: forget %s", s.offsets[len(s.offsets)-1], customer)
	s.command(schemas.ControlKey(schemas.ControlForget, fmt.Sprint(len(s.asked))), value)
	s.asked, s.over = append(s.asked, customer), append(s.over, false)
}

// watch reads what came to the journal, and does what `wend forget` does when a command is done.
func (s *controlSim) watch() {
	for _, x := range s.broker.log(s.journal).batches {
		if x.info.BaseOffset < s.seen {
			continue
		}
		u := simUnit{documents: map[string][]byte{}, ids: map[string][]byte{}}
		err := eachRecord(x.raw, func(r *batch.Record) (err error) {
			if string(r.Key) == "h" {
				u.head, err = schemas.DecodeHead(r.Value)
			}
			if customer, ok := strings.CutPrefix(string(r.Key), "c/"); ok {
				u.documents[customer] = bytes.Clone(r.Value)
			}
			if customer, ok := strings.CutPrefix(string(r.Key), "i/"); ok {
				u.ids[customer] = bytes.Clone(r.Value)
			}
			return err
		})
		if err != nil {
			s.fail("%w", err)
		}
		s.seen = x.info.LastOffset + 1
		if u.head != nil {
			s.units = append(s.units, u)
		}
	}
	if len(s.units) == 0 {
		return
	}
	erased := s.units[len(s.units)-1].head.Erased
	for i, at := range s.offsets {
		if !s.over[i] && erased > at {
			s.over[i] = true
			s.note("command %d is done", at)
			s.command(schemas.ControlKey(schemas.ControlForget, fmt.Sprint(i)), nil)
		}
	}
}

// orphans holds that no timer names a customer of whom nothing is known.
func (s *controlSim) orphans(o *simOwner) {
	x := o.shard
	if x.phase != phaseRunning || x.flying != nil || len(x.held) > 0 || len(x.unsettled) > 0 || x.open.any() || len(x.orders.debts) > 0 {
		return
	}
	due, err := x.view.Timers(statestore.Cursor{}, math.MaxInt64, 1000, nil)
	if err != nil {
		s.fail("%w", err)
	}
	for _, d := range due {
		if _, ok, err := x.view.Get(d.Customer, nil); err != nil || !ok {
			s.fail("%s: the index names %s, who is forgotten: %w", o.name, d.Customer, errors.Join(err))
		}
	}
}

// replay reads source and commands straight through, in the order in which the journal's heads say they were taken.
func (s *controlSim) replay() error {
	docs, ids, actions := map[string]*schemas.Document{}, map[string][]byte{}, map[string][]string{}
	var fx journey.Effects
	step := func(customer string, in journey.Input) error {
		doc := docs[customer]
		if doc == nil {
			doc = schemas.NewDocument()
		}
		before := doc.Append(nil)
		fx.Reset()
		for fx.More = true; fx.More; {
			s.program.Step(customer, doc, in, &fx)
		}
		parted, err := apart(doc)
		if err != nil {
			return err
		}
		if !fx.Changed || len(doc.Append(nil)) > s.document {
			if doc, err = schemas.DecodeDocument(before); err == nil {
				err = doc.Recent.Attach(ids[customer])
			}
			if docs[customer] != nil {
				docs[customer] = doc
			}
			return err
		}
		if docs[customer] = doc; parted != nil {
			ids[customer] = parted
		}
		for i := range fx.Actions {
			key := customer + "/" + fx.Actions[i].Channel
			actions[key] = append(actions[key], fx.Actions[i].ID)
		}
		return nil
	}
	var events []batch.Record
	err := s.broker.log(s.source).each(func(r *batch.Record) error {
		events = append(events, batch.Record{Offset: r.Offset, Timestamp: r.Timestamp, Value: bytes.Clone(r.Value)})
		return nil
	})
	last, left := map[string][]byte{}, map[string][]byte{}
	var position, control, erased int64
	for _, u := range s.units {
		h := u.head
		if h.Control < control || h.Erased < erased || h.Erased > h.Control {
			return fmt.Errorf("unit %d: commands up to %d obeyed and %d erased behind %d and %d", h.Unit, h.Control, h.Erased, control, erased)
		}
		for ; position < h.Sources[0].Offset; position++ {
			var ev schemas.Event
			r := &events[position]
			if s.decoder.Decode(r.Value, schemas.Origin{Topic: s.source.Topic, Offset: r.Offset, Timestamp: r.Timestamp}, &ev) == nil {
				err = errors.Join(err, step(strings.Clone(ev.Customer), journey.Input{Event: &ev}))
			}
		}
		for i, at := range s.offsets {
			customer := s.asked[i]
			if at < control || at >= h.Control {
				continue
			}
			if raw := last[customer]; raw != nil { // whose timers may have fired since the last event
				was, e := schemas.DecodeDocument(raw)
				if err = errors.Join(err, e); err == nil && (docs[customer] == nil || !bytes.Equal(docs[customer].Append(nil), raw)) {
					err = step(customer, journey.Input{Until: was.Time})
				}
				if got, ok := u.documents[customer]; !ok || got != nil {
					return fmt.Errorf("unit %d obeys command %d, and %s is still there", h.Unit, at, customer)
				}
				if err == nil && !bytes.Equal(docs[customer].Append(nil), raw) {
					return fmt.Errorf("%s was forgotten in unit %d as\n%x\nand not\n%x", customer, h.Unit, raw, docs[customer].Append(nil))
				}
			}
			delete(docs, customer)
			delete(ids, customer)
			last[customer] = nil
		}
		for customer, raw := range u.documents {
			if raw == nil && h.Control == control {
				return fmt.Errorf("unit %d forgets %s, and nobody asked for it", h.Unit, customer)
			}
			last[customer] = raw
		}
		for customer, b := range u.ids {
			left[customer] = b
		}
		for customer, b := range left {
			if b != nil && last[customer] == nil {
				return fmt.Errorf("unit %d: %s is gone, and %d bytes of event ids are left", h.Unit, customer, len(b))
			}
		}
		control, erased = h.Control, h.Erased
	}
	if end := s.broker.log(s.commands).end; control != end || erased != end {
		return fmt.Errorf("commands up to %d are obeyed and up to %d erased of %d", control, erased, end)
	}
	for customer := range docs {
		err = errors.Join(err, step(customer, journey.Input{Until: s.wall}))
	}
	for customer, raw := range last {
		if doc := docs[customer]; (doc == nil) != (raw == nil) || doc != nil && !bytes.Equal(doc.Append(nil), raw) {
			if doc == nil {
				return fmt.Errorf("%s is there and should not be", customer)
			}
			return fmt.Errorf("the document of %s is\n%x\nand should be\n%x", customer, raw, doc.Append(nil))
		}
	}
	got := map[string][]string{}
	for _, l := range s.broker.logs {
		if l.tp.Topic == "actions" || l.tp.Topic == "mails" {
			err = errors.Join(err, l.each(func(r *batch.Record) error {
				a, err := schemas.DecodeAction(r.Value)
				if err == nil {
					got[a.Customer+"/"+a.Channel] = append(got[a.Customer+"/"+a.Channel], a.ID)
				}
				return err
			}))
		}
	}
	for key := range got {
		if actions[key] == nil {
			return fmt.Errorf("actions of %s that nobody wants: %v", key, got[key])
		}
	}
	for key, ids := range actions {
		if !slices.Equal(ids, got[key]) {
			return fmt.Errorf("actions of %s: want\n%v\ngot\n%v", key, ids, got[key])
		}
	}
	return err
}

func runControlSim(t testing.TB, p *journey.Program, seed uint64) (*controlSim, error) {
	s := &controlSim{sim: newSim(t, p, seed, "")}
	for range 1500 {
		s.step()
		if s.rng.IntN(60) == 0 {
			s.forgetSomebody()
		}
		s.watch()
		for _, o := range s.living() {
			s.orphans(o)
		}
		if s.failed != nil {
			break
		}
	}
	err := s.failed
	if err == nil {
		err = s.settle()
	}
	if err == nil {
		err = s.obeyAll()
	}
	if err == nil {
		err = s.replay()
	}
	for _, o := range s.living() {
		s.kill(o, false)
	}
	return s, errors.Join(err, s.failed)
}

// obeyAll lets the last owner finish what was asked.
func (s *controlSim) obeyAll() error {
	o := s.owners[len(s.owners)-1]
	for range 1000 {
		s.watch()
		end := s.broker.log(s.commands).end
		if n := len(s.units); n > 0 && s.units[n-1].head.Erased == end && s.failed == nil {
			return nil
		}
		for len(s.requests) > 0 {
			s.carry(&s.requests, 0)
		}
		s.poll(o)
		s.pass(o, true)
		s.pause(10 * time.Millisecond)
	}
	return errors.Join(s.failed, errors.New("not every command is obeyed"))
}

func TestForgottenUnderAnySchedule(t *testing.T) {
	p := simProgram(t)
	seeds := uint64(min(*simSeeds, 250)) / 5 // erasing opens views again and again
	if testing.Short() {
		seeds /= 10
	}
	first := uint64(1)
	if *simSeed != 0 {
		first, seeds = *simSeed, *simSeed
	}
	forgotten := 0
	for seed := first; seed <= seeds; seed++ {
		s, err := runControlSim(t, p, seed)
		if err != nil {
			tail := s.trace[max(0, len(s.trace)-60):]
			t.Fatalf("schedule %d: %v; before that:\n%s", seed, err, strings.Join(tail, "\n"))
		}
		for _, u := range s.units {
			for _, raw := range u.documents {
				if raw == nil {
					forgotten++
				}
			}
		}
	}
	if forgotten == 0 {
		t.Error("nobody was forgotten: the test tests nothing")
	}
	t.Logf("%d schedules, %d times somebody was forgotten", seeds-first+1, forgotten)
}
