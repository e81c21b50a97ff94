package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/engine/journey"
	"wend/schemas"
)

func eachRecord(raw []byte, f func(*batch.Record) error) error {
	var r batch.Reader
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
	for _, x := range l.batches {
		if err := eachRecord(x.raw, f); err != nil {
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
}

func (s *sim) replay() (*simOracle, error) {
	o := &simOracle{documents: map[string][]byte{}, actions: map[string][]string{}}
	var fx journey.Effects
	decide := func(customer string, in journey.Input) (fits bool, err error) {
		doc := schemas.NewDocument()
		if raw := o.documents[customer]; raw != nil {
			if doc, err = schemas.DecodeDocument(raw); err != nil {
				return false, err
			}
		}
		fx.Reset()
		for fx.More = true; fx.More; {
			s.program.Step(customer, doc, in, &fx)
		}
		raw := doc.Append(nil)
		if len(raw) > s.document {
			return false, nil
		}
		if !fx.Changed {
			return true, nil
		}
		o.documents[customer] = raw
		for i := range fx.Actions {
			key := customer + "/" + fx.Actions[i].Channel
			o.actions[key] = append(o.actions[key], fx.Actions[i].ID)
		}
		return true, nil
	}
	var ev schemas.Event
	err := s.broker.log(s.source).each(func(r *batch.Record) error {
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
	for customer := range o.documents {
		if err == nil {
			_, err = decide(customer, journey.Input{Until: s.wall})
		}
	}
	return o, err
}

// audit holds what is on the topics against the oracle: every action once, each customer's in order; every dead letter
// once, in order; the documents byte for byte.
func (s *sim) audit() error {
	want, err := s.replay()
	if err != nil {
		return err
	}
	got := &simOracle{documents: map[string][]byte{}, actions: map[string][]string{}}
	for tp, l := range s.broker.logs {
		switch tp.Topic {
		case "actions", "mails":
			err = l.each(func(r *batch.Record) error {
				a, err := schemas.DecodeAction(r.Value)
				if err != nil {
					return err
				}
				if route := s.routes.channels[a.Channel]; route.topic != tp.Topic || connectors.Murmur2Partition(r.Key, route.partitions) != tp.Partition || string(r.Key) != a.Customer {
					return fmt.Errorf("an action of %s by %s on %v", a.Customer, a.Channel, tp)
				}
				key := a.Customer + "/" + a.Channel
				got.actions[key] = append(got.actions[key], a.ID)
				return nil
			})
		case "dead":
			err = l.each(func(r *batch.Record) error {
				hs, err := r.Headers()
				for _, h := range hs {
					if h.Key == "offset" {
						got.dead = append(got.dead, string(h.Value))
					}
				}
				return err
			})
		case s.journal.Topic:
			err = l.each(func(r *batch.Record) error {
				if customer, ok := strings.CutPrefix(string(r.Key), "c/"); ok {
					got.documents[customer] = bytes.Clone(r.Value)
				}
				return nil
			})
		}
		if err != nil {
			return err
		}
	}
	for key, ids := range want.actions {
		if !slices.Equal(ids, got.actions[key]) {
			return fmt.Errorf("actions of %s: want\n%s\ngot\n%s", key, strings.Join(ids, "\n"), strings.Join(got.actions[key], "\n"))
		}
	}
	for key, ids := range got.actions {
		if want.actions[key] == nil {
			return fmt.Errorf("actions of %s that nobody wants: %v", key, ids)
		}
	}
	if !slices.Equal(want.dead, got.dead) {
		return fmt.Errorf("dead letters: want of offsets %v, got %v", want.dead, got.dead)
	}
	for customer, raw := range want.documents {
		if !bytes.Equal(raw, got.documents[customer]) {
			return fmt.Errorf("the document of %s: want\n%x\ngot\n%x", customer, raw, got.documents[customer])
		}
	}
	return nil
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
