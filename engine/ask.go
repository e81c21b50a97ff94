package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"wend/schemas"
)

// Asking a shard what it knows of a customer. Only the shard's goroutine may look: the question goes into its mailbox, and
// what comes back is a copy of the document's bytes, which whoever asked decodes. So a question costs the shard one look-up
// and one copy, however large the answer becomes.
//
// What is in memory may be ahead of the journal, and what is not in the journal may never have been: so the answer waits
// until the unit that wrote these bytes is acknowledged. It is what held then. It does not wait for the customer to come
// to rest, for one of whom events keep coming never does.

// question is one that waits for the unit that it is about.
type question struct {
	life int    // of the shard when it was asked
	unit uint64 // that wrote what is answered; 0: it is in the view
	told knowledge
	done func(knowledge, error)
}

// knowledge is what a shard has of a customer.
type knowledge struct {
	shard   int32
	raw     []byte   // the document, a copy; nil: nothing is known
	running *running // what the shard decided by when it was asked
}

// errNotAtWork says that the shard is this process's, and not at work.
var errNotAtWork = errors.New("engine: the shard is being taken up or given away")

// ask puts a question. It comes back with errNotAtWork where the shard is not owned (any more), or ctx's error.
func (r *runner) ask(ctx context.Context, customer string) (knowledge, error) {
	type answer struct {
		knowledge
		err error
	}
	answers := make(chan answer, 1)
	r.box.put(func() {
		r.hear(customer, func(k knowledge, err error) { answers <- answer{k, err} })
	})
	select {
	case a := <-answers:
		return a.knowledge, a.err
	case <-r.ended:
		return knowledge{}, errNotAtWork
	case <-ctx.Done():
		return knowledge{}, ctx.Err()
	}
}

// hear looks the customer up. done is called once, on the shard's goroutine.
func (r *runner) hear(customer string, done func(knowledge, error)) {
	s := r.shard
	if s.phase != phaseRunning && s.phase != phaseStopping {
		done(knowledge{}, errNotAtWork)
		return
	}
	q := question{life: s.life, told: knowledge{shard: s.id, running: s.running}, done: done}
	if e := s.cache.peek(customer); e != nil {
		q.unit, q.told.raw = e.unit, slices.Clone(e.raw)
	} else {
		raw, ok, err := s.view.Get(customer, nil)
		if err != nil { // the shard meets it by itself, and mends the view
			done(knowledge{}, fmt.Errorf("engine: shard %d: load customer: %w", s.id, err))
			return
		}
		if ok {
			q.told.raw = raw
		}
	}
	r.questions = append(r.questions, q)
}

// answer answers what can be answered.
func (r *runner) answer() {
	if len(r.questions) == 0 {
		return
	}
	s := r.shard
	r.questions = slices.DeleteFunc(r.questions, func(q question) bool {
		switch {
		case s.life != q.life || s.phase != phaseRunning && s.phase != phaseStopping:
			q.done(knowledge{}, errNotAtWork)
		case q.unit > s.acknowledgedUnit():
			return false
		default:
			q.done(q.told, nil)
		}
		return true
	})
}

// acknowledgedUnit is the newest unit that the journal has. The shard is at work.
func (s *shard) acknowledgedUnit() uint64 {
	if s.flying != nil {
		return s.flying.number - 1
	}
	return s.open.number - 1
}

// document decodes what is known; nil: nothing.
func (k *knowledge) document() (*schemas.Document, error) {
	if len(k.raw) == 0 {
		return nil, nil
	}
	return schemas.DecodeDocument(k.raw)
}
