package workload

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

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
	return fill(ctx, f.Brokers, f.Topic, f.Count, f.Told, func(i int) *kgo.Record {
		e := f.Event(i)
		key := AppendCustomer(make([]byte, 0, 176), e.Customer)
		return &kgo.Record{Topic: f.Topic, Key: key, Value: AppendJSON(key[len(key):], i, e, Epoch+int64(i))}
	})
}

// Waiting is the name of customer i of those whom Carts gives carts.
func Waiting(i int) string { return "waiting" + strconv.Itoa(i) }

// Carts gives so many customers a cart each, now, as fast as the brokers take them. told is as Fill.Told.
func Carts(ctx context.Context, brokers, topic string, customers int, told func(sent int)) error {
	return fill(ctx, brokers, topic, customers, told, func(i int) *kgo.Record {
		return Record(topic, "cart-"+strconv.Itoa(i), Waiting(i), AddToCart, time.Now().UnixMilli())
	})
}

func fill(ctx context.Context, brokers, topic string, count int, told func(sent int), record func(i int) *kgo.Record) error {
	cl, err := NewProducer(brokers)
	if err != nil {
		return fmt.Errorf("fill %s: %w", topic, err)
	}
	defer cl.Close()
	var failed atomic.Pointer[error]
	done := func(_ *kgo.Record, err error) {
		if err != nil {
			failed.CompareAndSwap(nil, &err)
		}
	}
	for i := 0; i < count && ctx.Err() == nil && failed.Load() == nil; i++ {
		cl.Produce(ctx, record(i), done)
		if told != nil && (i+1)%toldEvery == 0 {
			told(i + 1)
		}
	}
	err = cl.Flush(ctx)
	if p := failed.Load(); p != nil {
		err = *p
	}
	if err != nil {
		return fmt.Errorf("fill %s: %w", topic, err)
	}
	return nil
}
