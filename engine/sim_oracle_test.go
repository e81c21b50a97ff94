package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/engine/journey"
	"wend/schemas"
)

func eachRecord(raw []byte, f func(*batch.Record) error) error {
	return readRecords(new(batch.Reader), raw, f)
}

func readRecords(r *batch.Reader, raw []byte, f func(*batch.Record) error) error {
	r.Reset(raw, 0, nil)
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = f(rec)
		}
		if err != nil {
			return err
		}
	}
}

func (l *simLog) each(f func(*batch.Record) error) error {
	var r batch.Reader
	for _, x := range l.batches {
		if err := readRecords(&r, x.raw, f); err != nil {
			return err
		}
	}
	return nil
}

// simOracle is what reading the log straight through gives.
type simOracle struct {
	customers map[string]*simCustomer
	actions   map[string][]string // by customer and channel: action ids in order
	dead      []string            // offsets

	program *journey.Program
	since   []int64
	effects journey.Effects
	raw     []byte // of the document that the last step left
	ids     []byte // what it took apart; nil: nothing
}

// simCustomer is a customer as the oracle has it.
type simCustomer struct {
	name string
	raw  []byte            // the document; nil: there is none
	ids  []byte            // what of it is apart
	doc  *schemas.Document // as the step that made raw left it; nil: to be read from raw
}

func (o *simOracle) customer(name string) *simCustomer {
	c := o.customers[name]
	if c == nil {
		c = &simCustomer{name: strings.Clone(name)}
		o.customers[c.name] = c
	}
	return c
}

// step gives what a customer's document becomes; its actions are in effects. fits is false where it would be too large.
// An owner reads the document from its bytes at each step. The oracle does so now and then, for it takes long, and else
// goes on with what the step before left: should bytes not hold all of that, the two differ.
func (o *simOracle) step(s *sim, customer string, in journey.Input) (fits bool, err error) {
	c := o.customer(customer)
	doc := c.doc
	switch c.doc = nil; {
	case c.raw == nil:
		doc = schemas.NewDocument()
	case doc == nil || s.thorough():
		if doc, err = schemas.DecodeDocument(c.raw); err == nil {
			err = doc.Recent.Attach(c.ids)
		}
		if err != nil {
			return false, err
		}
	}
	in.Since = o.since
	o.effects.Reset()
	for o.effects.More = true; o.effects.More; {
		o.program.Step(c.name, doc, in, &o.effects)
	}
	if o.ids, err = apart(doc); err != nil {
		return false, err
	}
	o.raw = doc.Append(o.raw[:0])
	if o.effects.Changed || bytes.Equal(o.raw, c.raw) {
		c.doc = doc
	}
	return len(o.raw) <= s.document, nil
}

// simIDs is how many ids of events a document has before the older ones are apart.
const simIDs = 2

// apart takes the older ids apart where an owner would, and says which; nil: it would not.
func apart(doc *schemas.Document) ([]byte, error) {
	if !doc.Recent.Crowded(simIDs) {
		return nil, nil
	}
	ids := doc.Recent.Split(nil)
	return ids, doc.Recent.Attach(ids)
}

// thorough says whether this is a schedule in which is done what takes too long for each.
func (s *sim) thorough() bool { return s.seed%16 == 0 }

// keep takes what the last step has made of the customer.
func (o *simOracle) keep(s *sim, customer string) {
	if !o.effects.Changed {
		return
	}
	c := o.customers[customer]
	c.raw = append(c.raw[:0], o.raw...)
	if o.ids != nil {
		c.ids = o.ids
	}
	for i := range o.effects.Actions {
		key := s.pair(customer, o.effects.Actions[i].Channel)
		o.actions[key] = append(o.actions[key], o.effects.Actions[i].ID)
	}
}

// leave has the customer stay as before the last step.
func (o *simOracle) leave(customer string) { o.customers[customer].doc = nil }

func (s *sim) replay() (*simOracle, error) {
	o := &simOracle{customers: map[string]*simCustomer{}, actions: map[string][]string{}, program: s.program}
	decide := func(customer string, in journey.Input) (bool, error) {
		fits, err := o.step(s, customer, in)
		if fits && err == nil {
			o.keep(s, customer)
		} else {
			o.leave(customer)
		}
		return fits, err
	}
	changes := s.releases.changes
	changeOver := func(before int64) (err error) {
		for len(changes) > 0 && changes[0].position <= before && err == nil {
			err = o.changeOver(s, &changes[0])
			changes = changes[1:]
		}
		return err
	}
	var ev schemas.Event
	err := s.broker.log(s.source).each(func(r *batch.Record) error {
		if err := changeOver(r.Offset); err != nil {
			return err
		}
		fits := true
		err := s.decoder.Decode(r.Value, schemas.Origin{Topic: s.source.Topic, Offset: r.Offset, Timestamp: r.Timestamp}, &ev)
		var unusable *schemas.DecodeError
		if errors.As(err, &unusable) {
			fits, err = false, nil
		} else if err == nil {
			fits, err = decide(ev.Customer, journey.Input{Event: &ev})
		}
		if !fits {
			o.dead = append(o.dead, strconv.FormatInt(r.Offset, 10))
		}
		return err
	})
	if err == nil {
		err = changeOver(math.MaxInt64)
	}
	for customer, c := range o.customers {
		if err == nil && c.raw != nil {
			_, err = decide(customer, journey.Input{Until: s.wall})
		}
	}
	return o, err
}

// simGot is what has come to the topics.
type simGot struct {
	actions map[string]*simArrived // by customer and channel
	dead    []string               // offsets
}

type simArrived struct {
	ids   []string // of actions in the order they came, over all partitions
	where int32    // the partition of the newest
}

// of gives the ids of a customer's actions by a channel.
func (g *simGot) of(key string) []string {
	if a := g.actions[key]; a != nil {
		return a.ids
	}
	return nil
}

// appended hears of each batch that a broker takes, as its log keeps it.
func (s *sim) appended(tp connectors.TopicPartition, raw []byte) {
	if tp == s.journal {
		s.journaledUnit(raw)
		return
	}
	if err := readRecords(&s.reader, raw, func(r *batch.Record) error { return s.arrived(tp, r) }); err != nil {
		s.wrong("actions", "on %v: %w", tp, err)
	}
}

// arrived takes a record's word for what it is from its headers, which name the action; that the value says the same is
// looked at now and then, for it takes long.
func (s *sim) arrived(tp connectors.TopicPartition, r *batch.Record) error {
	var id, channel string
	hs, err := r.Headers()
	for _, h := range hs {
		switch {
		case h.Key == "action_id":
			id = s.memory.text(h.Value)
		case h.Key == "channel":
			channel = s.name(h.Value)
		case h.Key == "offset" && tp.Topic == "dead":
			s.got.dead = append(s.got.dead, s.memory.text(h.Value))
		}
	}
	if err != nil || tp.Topic == "dead" {
		return err
	}
	if s.thorough() {
		if a, err := schemas.DecodeAction(r.Value); err != nil || a.ID != id || a.Channel != channel || a.Customer != string(r.Key) {
			return fmt.Errorf("%v does not hold what its headers say (%w)", a, err)
		}
	}
	to := s.routes.channels[channel]
	if to.topic != tp.Topic || to.partitions < 3 && connectors.Murmur2Partition(r.Key, to.partitions) != tp.Partition && s.routes == s.former {
		return fmt.Errorf("an action of %s by %s", r.Key, channel)
	}
	key := s.pair(s.name(r.Key), channel)
	of := s.got.actions[key]
	if of == nil {
		if s.got.actions == nil {
			s.got.actions = map[string]*simArrived{}
		}
		of = &simArrived{where: tp.Partition}
		s.got.actions[key] = of
	}
	if of.where != tp.Partition {
		s.tally[sawMovedOn]++
	}
	of.ids, of.where = append(of.ids, id), tp.Partition
	return nil
}

// name gives the text that the bytes are, the same for the same: there are few.
func (k *simKit) name(b []byte) string {
	t, known := k.names[string(b)]
	if !known {
		if k.names == nil {
			k.names = map[string]string{}
		}
		t = string(b)
		k.names[t] = t
	}
	return t
}

// pair names what belongs to a customer and a channel.
func (k *simKit) pair(customer, channel string) string {
	k.pairing = append(append(append(k.pairing[:0], customer...), '/'), channel...)
	return k.name(k.pairing)
}

// audit holds what is on the topics against the oracle: every action once, each customer's in order; every dead letter
// once, in order; the documents byte for byte.
func (s *sim) audit() error {
	want, err := s.replay()
	if err != nil {
		s.fail("the oracle: %w", err)
		return s.failed
	}
	got, documents := &s.got, s.documents
	for _, key := range slices.Sorted(maps.Keys(want.actions)) {
		ids := want.actions[key]
		if came := got.of(key); !slices.Equal(ids, came) {
			s.wrong(unequal(ids, came), "actions of %s: want\n%s\ngot\n%s", key, strings.Join(ids, "\n"), strings.Join(came, "\n"))
		}
	}
	for key, of := range got.actions {
		if want.actions[key] == nil {
			s.wrong("actions nobody wants", "%s %v", key, of.ids)
		}
	}
	if !slices.Equal(want.dead, got.dead) {
		s.wrong("dead letters", "want of offsets %v, got %v", want.dead, got.dead)
	}
	for _, customer := range slices.Sorted(maps.Keys(want.customers)) {
		raw := want.customers[customer].raw
		if !bytes.Equal(raw, documents[customer]) {
			s.wrong("documents", "of %s: want\n%x\ngot\n%x", customer, raw, documents[customer])
		}
	}
	return s.failed
}

// unequal names what is wrong with a customer's actions.
func unequal(want, got []string) string {
	switch sorted := slices.Sorted(slices.Values(got)); {
	case len(slices.Compact(sorted)) < len(got):
		return "actions repeated"
	case len(got) < len(want):
		return "actions missing"
	}
	return "actions out of order"
}

// show tells what an action batch holds.
func (s *sim) show(raw []byte) string {
	in, err := batch.ReadInfo(raw)
	text := fmt.Sprintf("%d+%d:", in.BaseSequence, in.Count)
	err = errors.Join(err, eachRecord(raw, func(r *batch.Record) error {
		if a, err := schemas.DecodeAction(r.Value); err == nil {
			text += " " + a.ID
		} else {
			text += " dead"
		}
		return nil
	}))
	if err != nil {
		text += " " + err.Error()
	}
	return text
}
