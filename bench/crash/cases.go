//go:build unix

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"wend/bench/audit"
	"wend/bench/stand"
	"wend/bench/workload"
)

// inputTime is how much of the workload the cases with a fixed input send.
const inputTime = 20 * time.Second

// unitSizes runs the same input through the engine with its own unit size and with another one: the ids of the actions
// must be the same.
func (s *runner) unitSizes(ctx context.Context) error {
	base := stand.NewApp("units", "")
	if err := s.Create(ctx, base, nil); err != nil {
		return err
	}
	// The load has passed before the first engine starts, so what is handled together depends on the engine alone.
	load := &workload.Load{Brokers: s.Brokers, Topic: base.Source, Seed: s.o.seed, Customers: s.o.customers, Rate: s.o.rate,
		Count: int(s.o.rate * inputTime.Seconds()), Malformed: s.o.malformed}
	sent, err := load.Run(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("sent %d events and %d records that are none\n", sent.Events, sent.Malformed)
	var failed []error
	var ids [2][]string
	for i, size := range []int{0, s.o.unitEvents} {
		a := base
		if i > 0 {
			a = stand.NewApp("units-"+fmt.Sprint(size), base.Source)
			if err := s.Create(ctx, a, nil); err != nil {
				return err
			}
		}
		if ids[i], err = s.through(ctx, a, size, sent.Last); err != nil {
			failed = append(failed, err)
		}
	}
	// The second run has sentinels that the first had not.
	for i := range ids {
		ids[i] = slices.DeleteFunc(ids[i], func(id string) bool { return strings.Contains(id, "/sentinel") })
	}
	fmt.Printf("units of any size: %d ids; units of %d: %d ids\n", len(ids[0]), s.o.unitEvents, len(ids[1]))
	if !slices.Equal(ids[0], ids[1]) {
		failed = append(failed, stand.Wrongf("the action ids differ with the size of units"))
	}
	return stand.Together(failed...)
}

// through runs the engine over what the source holds, audits, and gives the ids of its actions, sorted.
func (s *runner) through(ctx context.Context, a *stand.App, unitEvents int, last int64) ([]string, error) {
	w, err := s.Watch(ctx, a)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	m, err := s.NewMember(a, "a", unitEvents)
	if err != nil {
		return nil, err
	}
	p, err := s.Start(m)
	if err != nil {
		return nil, err
	}
	if err := p.Ready(ctx, readyTimeout); err != nil {
		return nil, err
	}
	if err := s.Rest(ctx, a, w, last, a.Name, restTimeout); err != nil {
		return nil, err
	}
	fmt.Printf("%s: came to rest after %.1f s\n", a.Name, time.Since(p.Started).Seconds())
	failed := []error{p.Stop(20 * time.Second), s.audited(ctx, a, []audit.Span{{To: p.Started.UnixMilli() + 5000}})}
	var ids []string
	if err := audit.EachRecord(ctx, s.Brokers, a.Actions, func(r *kgo.Record) {
		for _, h := range r.Headers {
			if h.Key == "action_id" {
				ids = append(ids, string(h.Value))
			}
		}
	}); err != nil {
		return nil, err
	}
	slices.Sort(ids)
	return ids, stand.Together(failed...)
}

// downtimeUnread fills carts, ends the engine, has half of the customers buy while it is down, and starts it again when
// all reminders are due: only the other half may get one.
func (s *runner) downtimeUnread(ctx context.Context) error {
	const people = 400
	a := stand.NewApp("downtime", "")
	if err := s.Create(ctx, a, nil); err != nil {
		return err
	}
	w, err := s.Watch(ctx, a)
	if err != nil {
		return err
	}
	defer w.Close()
	m, err := s.NewMember(a, "a", 0)
	if err != nil {
		return err
	}
	p, err := s.Start(m)
	if err != nil {
		return err
	}
	if err := p.Ready(ctx, readyTimeout); err != nil {
		return err
	}
	cl, err := workload.NewProducer(s.Brokers)
	if err != nil {
		return err
	}
	defer cl.Close()
	filled := time.Now().UnixMilli()
	if err := s.each(ctx, cl, a, people, 1, workload.AddToCart); err != nil {
		return err
	}
	ids, err := workload.SendSentinels(ctx, s.Brokers, a.Source, "filled", stand.Partitions)
	if err != nil {
		return err
	}
	if !w.Until(ctx, s.o.await/2, func() bool { return w.Answered(ids) }) {
		return stand.Wrongf("the engine has not handled %d events within %v\n%s", people, s.o.await/2, p.Tail())
	}
	if err := p.Kill(); err != nil {
		return err
	}
	down := time.Now()
	if err := s.each(ctx, cl, a, people, 2, workload.Purchase); err != nil {
		return err
	}
	due := time.UnixMilli(filled).Add(s.o.await)
	if slack := time.Until(due); slack < 2*s.o.slack {
		return fmt.Errorf("the purchases came only %v before the reminders were due: the machine is too slow for --await %v", slack, s.o.await)
	}
	up := due.Add(3 * time.Second)
	if until := down.Add(s.o.down); until.After(up) {
		up = until
	}
	select {
	case <-time.After(time.Until(up)):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if p, err = s.Start(m); err != nil {
		return err
	}
	if err := p.Ready(ctx, readyTimeout); err != nil {
		return err
	}
	fmt.Printf("%d carts filled, %d of them bought while the engine was down for %.1f s, beyond the reminders' due moment\n", people, people/2, p.Started.Sub(down).Seconds())
	failed := []error{s.Rest(ctx, a, w, time.Now().UnixMilli(), "end", restTimeout)}
	failed = append(failed, p.Stop(20*time.Second), s.audited(ctx, a, []audit.Span{{From: down.UnixMilli(), To: time.Now().UnixMilli()}}), s.JournalKept(ctx, a))
	return stand.Together(failed...)
}

// each sends an event of a kind for every step-th of so many customers.
func (s *runner) each(ctx context.Context, cl *kgo.Client, a *stand.App, people, step int, k workload.Kind) error {
	var records []*kgo.Record
	for i := 0; i < people; i += step {
		records = append(records, workload.Record(a.Source, fmt.Sprintf("%v-%d", k, i), fmt.Sprintf("c%d", i), k, time.Now().UnixMilli()))
	}
	return cl.ProduceSync(ctx, records...).FirstErr()
}
