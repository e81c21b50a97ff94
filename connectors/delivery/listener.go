package delivery

import (
	"time"

	"wend/connectors"
	"wend/schemas"
)

// Listener hears what a worker does. Nil functions are not called; they must be quick.
type Listener struct {
	Answered   func(a *schemas.Action, r Record, err error) // for the first time, and recorded; err says why it failed
	Again      func(a *schemas.Action, r Record)            // it was answered before: nothing was tried
	Assigned   func(topic string, partitions []int32)
	Retrying   func(doing string, err error, after time.Duration)
	DeadLetter func(tp connectors.TopicPartition, offset int64, reason string)
	Gap        func(tp connectors.TopicPartition, from, to int64) // the topic no longer had these
}

func (l *Listener) answered(a *schemas.Action, r Record, err error) {
	if l.Answered != nil {
		l.Answered(a, r, err)
	}
}

func (l *Listener) again(a *schemas.Action, r Record) {
	if l.Again != nil {
		l.Again(a, r)
	}
}

func (l *Listener) assigned(topic string, partitions []int32) {
	if l.Assigned != nil {
		l.Assigned(topic, partitions)
	}
}

func (l *Listener) retrying(doing string, err error, after time.Duration) {
	if l.Retrying != nil {
		l.Retrying(doing, err, after)
	}
}

func (l *Listener) deadLetter(tp connectors.TopicPartition, offset int64, reason string) {
	if l.DeadLetter != nil {
		l.DeadLetter(tp, offset, reason)
	}
}

func (l *Listener) gap(tp connectors.TopicPartition, from, to int64) {
	if l.Gap != nil {
		l.Gap(tp, from, to)
	}
}
