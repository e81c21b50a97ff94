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
	documents map[string][]byte
	actions   map[string][]string // by customer and channel: action ids in order
	dead      []string            // offsets

	program *journey.Program
	since   []int64
	effects journey.Effects
}

// step gives what a customer's document becomes; its actions are in effects. fits is false where it would be too large.
func (o *simOracle) step(s *sim, customer string, in journey.Input) (raw []byte, fits bool, err error) {
	doc := schemas.NewDocument()
	if raw := o.documents[customer]; raw != nil {
		if doc, err = schemas.DecodeDocument(raw); err != nil {
			return nil, false, err
		}
	}
	in.Since = o.since
	o.effects.Reset()
	for o.effects.More = true; o.effects.More; {
		o.program.Step(customer, doc, in, &o.effects)
	}
	raw = doc.Append(nil)
	return raw, len(raw) <= s.document, nil
}

// keep takes what the last step has made.
func (o *simOracle) keep(customer string, raw []byte) {
	if !o.effects.Changed {
		return
	}
	o.documents[customer] = raw
	for i := range o.effects.Actions {
		key := customer + "/" + o.effects.Actions[i].Channel
		o.actions[key] = append(o.actions[key], o.effects.Actions[i].ID)
	}
}

func (s *sim) replay() (*simOracle, error) {
	o := &simOracle{documents: map[string][]byte{}, actions: map[string][]string{}, program: s.program}
	decide := func(customer string, in journey.Input) (bool, error) {
		raw, fits, err := o.step(s, customer, in)
		if fits && err == nil {
			o.keep(customer, raw)
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
			fits, err = decide(strings.Clone(ev.Customer), journey.Input{Event: &ev})
		}
		if !fits {
			o.dead = append(o.dead, strconv.FormatInt(r.Offset, 10))
		}
		return err
	})
	if err == nil {
		err = changeOver(math.MaxInt64)
	}
	for customer := range o.documents {
		if err == nil {
			_, err = decide(customer, journey.Input{Until: s.wall})
		}
	}
	return o, err
}

// simGot is what has come to the topics.
type simGot struct {
	actions map[string][]string // by customer and channel: action ids in the order they came, over all partitions
	where   map[string]int32    // by customer and channel: the partition of the newest
	dead    []string            // offsets
}

// appended hears of each batch that a broker takes.
func (s *sim) appended(tp connectors.TopicPartition, raw []byte) {
	if tp == s.journal && s.releases.on {
		s.journaledUnit(raw)
	}
	if tp == s.journal || tp == s.source {
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
			id = string(h.Value)
		case h.Key == "channel":
			channel = string(h.Value)
		case h.Key == "offset" && tp.Topic == "dead":
			s.got.dead = append(s.got.dead, string(h.Value))
		}
	}
	if err != nil || tp.Topic == "dead" {
		return err
	}
	if s.seed%16 == 0 {
		if a, err := schemas.DecodeAction(r.Value); err != nil || a.ID != id || a.Channel != channel || a.Customer != string(r.Key) {
			return fmt.Errorf("%v does not hold what its headers say (%w)", a, err)
		}
	}
	to := s.routes.channels[channel]
	if to.topic != tp.Topic || to.partitions < 3 && connectors.Murmur2Partition(r.Key, to.partitions) != tp.Partition && s.routes == s.former {
		return fmt.Errorf("an action of %s by %s", r.Key, channel)
	}
	if s.got.actions == nil {
		s.got.actions, s.got.where = map[string][]string{}, map[string]int32{}
	}
	key := string(r.Key) + "/" + channel
	if before, some := s.got.where[key]; some && before != tp.Partition {
		s.tally[sawMovedOn]++
	}
	s.got.actions[key], s.got.where[key] = append(s.got.actions[key], id), tp.Partition
	return nil
}

// audit holds what is on the topics against the oracle: every action once, each customer's in order; every dead letter
// once, in order; the documents byte for byte.
func (s *sim) audit() error {
	want, err := s.replay()
	if err != nil {
		s.fail("the oracle: %w", err)
		return s.failed
	}
	got := &s.got
	documents := map[string][]byte{}
	if err := s.broker.log(s.journal).each(func(r *batch.Record) error {
		if len(r.Key) > len(keyDocument) && string(r.Key[:len(keyDocument)]) == string(keyDocument) {
			documents[string(r.Key[len(keyDocument):])] = bytes.Clone(r.Value)
		}
		return nil
	}); err != nil {
		s.fail("the journal: %w", err)
		return s.failed
	}
	for _, key := range slices.Sorted(maps.Keys(want.actions)) {
		ids := want.actions[key]
		if !slices.Equal(ids, got.actions[key]) {
			s.wrong(unequal(ids, got.actions[key]), "actions of %s: want\n%s\ngot\n%s", key, strings.Join(ids, "\n"), strings.Join(got.actions[key], "\n"))
		}
	}
	for key, ids := range got.actions {
		if want.actions[key] == nil {
			s.wrong("actions nobody wants", "%s %v", key, ids)
		}
	}
	if !slices.Equal(want.dead, got.dead) {
		s.wrong("dead letters", "want of offsets %v, got %v", want.dead, got.dead)
	}
	for _, customer := range slices.Sorted(maps.Keys(want.documents)) {
		raw := want.documents[customer]
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
