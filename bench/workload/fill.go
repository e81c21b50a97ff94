package workload

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Epoch is the time of a fill's first event, in milliseconds since 1970; each later event is a millisecond behind the one before.
// It is long ago, so that no broker's stamp comes before an event.
const Epoch = int64(1_700_000_000_000)

// Fill writes a topic full as fast as the brokers take it. An event's time is a function of its number, so that every run over the
// topic is the same run.
type Fill struct {
	Brokers string // host:port, with commas
	Topic   string
	Count   int               // events
	Event   func(i int) Event // event i, from 0
	Told    func(sent int)    // hears now and then how many are on their way; may be nil
}

// toldEvery is after how many events Told hears of them.
const toldEvery = 500_000

// Run returns when the brokers have acknowledged all of it.
func (f *Fill) Run(ctx context.Context) error {
	cl, err := NewProducer(f.Brokers)
	if err != nil {
		return fmt.Errorf("fill %s: %w", f.Topic, err)
	}
	defer cl.Close()
	var failed atomic.Pointer[error]
	done := func(_ *kgo.Record, err error) {
		if err != nil {
			failed.CompareAndSwap(nil, &err)
		}
	}
	for i := 0; i < f.Count && ctx.Err() == nil && failed.Load() == nil; i++ {
		e := f.Event(i)
		key := AppendCustomer(make([]byte, 0, 176), e.Customer)
		cl.Produce(ctx, &kgo.Record{Topic: f.Topic, Key: key, Value: AppendJSON(key[len(key):], i, e, Epoch+int64(i))}, done)
		if f.Told != nil && (i+1)%toldEvery == 0 {
			f.Told(i + 1)
		}
	}
	err = cl.Flush(ctx)
	if p := failed.Load(); p != nil {
		err = *p
	}
	if err != nil {
		return fmt.Errorf("fill %s: %w", f.Topic, err)
	}
	return nil
}
