//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"wend/bench/figures"
	"wend/bench/stand"
)

const (
	sampleEvery  = 100 * time.Millisecond
	startTimeout = time.Minute
	idleTimeout  = time.Minute // in which an engine that has not handled everything must handle something
	toldEvery    = 10 * time.Second
)

// round has an engine of its own handle the source, and looks at what it did.
func (r *runner) round(ctx context.Context, source string) (m measured, err error) {
	a := stand.NewApp("throughput-"+r.o.work.name, source)
	if err := r.Create(ctx, a, nil); err != nil {
		return m, err
	}
	member, err := r.NewMember(a, "a", 0)
	if err != nil {
		return m, err
	}
	p, err := r.Start(member)
	if err != nil {
		return m, err
	}
	defer p.End()
	c, err := r.follow(ctx, p)
	if err != nil {
		return m, fmt.Errorf("%w\n%s", err, p.Tail())
	}
	peak := p.Peak()
	if err := p.Stop(time.Minute); err != nil {
		return m, err
	}
	if err := r.check(ctx, a); err != nil {
		return m, err
	}
	if err := os.RemoveAll(member.Data); err != nil {
		return m, err
	}
	if m, err = c.measured(peak, r.Cluster != nil); err != nil {
		return m, err
	}
	return m, r.Remove(ctx, a)
}

// follow samples an engine until it has handled everything.
func (r *runner) follow(ctx context.Context, p *stand.Process) (*course, error) {
	c := &course{records: float64(r.records())}
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	told, moved := time.Now(), time.Now()
	for handled := -1.0; ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-p.Ended:
			return nil, stand.Wrongf("the engine ended by itself: %v", p.Err)
		}
		s, err := r.sample(ctx, p)
		if err != nil {
			if handled < 0 && time.Since(p.Started) < startTimeout && ctx.Err() == nil {
				continue // nobody listens yet
			}
			return nil, err
		}
		done, err := c.add(s)
		if err != nil || done {
			return c, err
		}
		if progress := s.events + s.published; progress > handled {
			handled, moved = progress, s.at
		}
		if s.at.Sub(moved) > idleTimeout {
			return nil, stand.Wrongf("nothing was handled for %v: %.0f of %.0f records, %.0f of %.0f actions published", idleTimeout, s.events, c.records, s.published, s.decided)
		}
		if s.at.Sub(told) > toldEvery {
			told = s.at
			fmt.Printf("%.0f of %.0f records handled\n", s.events, c.records)
		}
	}
}

func (r *runner) sample(ctx context.Context, p *stand.Process) (s sample, err error) {
	m, err := p.Metrics(ctx)
	if err != nil {
		return s, err
	}
	s = sample{at: time.Now(), events: m["wend_events_total"], journal: m["wend_journal_bytes_total"], decided: m["wend_actions_decided_total"], published: m["wend_actions_total"]}
	if s.engine, err = p.CPU(); err != nil {
		return s, err
	}
	s.broker, _, err = r.BrokerCPU()
	return s, err
}

// sample is what an engine had done and used at a moment.
type sample struct {
	at                                  time.Time
	events, journal, decided, published float64
	engine, broker                      time.Duration // of processor
}

// course is an engine's way through a source of so many records.
type course struct {
	records    float64
	first, end *sample // the first in which something was handled; the first of those in which nothing is left
}

// add takes the next sample. It is done when two in succession say that all is handled and published: what is decided is counted
// before what is published of it, but the two are not read at one moment.
func (c *course) add(s sample) (done bool, err error) {
	if s.events > c.records {
		return false, stand.Wrongf("%.0f records were handled, and there are %.0f", s.events, c.records)
	}
	if c.first == nil && s.events > 0 {
		c.first = &s
	}
	if s.events < c.records || s.published != s.decided {
		c.end = nil
		return false, nil
	}
	if c.end != nil {
		return true, nil
	}
	c.end = &s
	return false, nil
}

// measured is what a round came to.
type measured struct {
	perCPU, perSecond float64 // events
	resident          float64 // bytes
	broker            float64 // seconds of processor for an event; 0 where nobody knows
	journal           float64 // bytes for an event
}

// measured is of what was done between the first sample and the last, so what was handled at the first is not counted.
func (c *course) measured(peak int64, broker bool) (m measured, err error) {
	events, wall, cpu := c.end.events-c.first.events, c.end.at.Sub(c.first.at), c.end.engine-c.first.engine
	if events <= 0 || wall <= 0 || cpu <= 0 {
		return m, fmt.Errorf("%.0f of %.0f records were handled between two samples, with %v of processor time: too few to measure", events, c.records, cpu)
	}
	m = measured{perCPU: events / cpu.Seconds(), perSecond: events / wall.Seconds(), resident: float64(peak), journal: (c.end.journal - c.first.journal) / events}
	if broker {
		m.broker = (c.end.broker - c.first.broker).Seconds() / events
	}
	return m, nil
}

const heading = "round  events/CPU-s   events/s  resident MB  broker µs/event  journal B/event"

func (m measured) line(round int) string {
	return fmt.Sprintf("%5d  %12.0f %10.0f %12.0f %16.2f %16.1f", round, m.perCPU, m.perSecond, m.resident/1e6, m.broker*1e6, m.journal)
}

// figuresOf are the medians of rounds.
func figuresOf(work string, all []measured) []figures.Figure {
	middle := func(of func(measured) float64) float64 {
		values := make([]float64, 0, len(all))
		for _, m := range all {
			values = append(values, of(m))
		}
		return figures.Median(values)
	}
	fs := []figures.Figure{
		{Name: work + "/events_per_cpu_s", Value: middle(func(m measured) float64 { return m.perCPU }), Unit: "events/CPU-s"},
		{Name: work + "/events_per_s", Value: middle(func(m measured) float64 { return m.perSecond }), Unit: "events/s"},
		{Name: work + "/resident_mb", Value: middle(func(m measured) float64 { return m.resident / 1e6 }), Unit: "MB"},
		{Name: work + "/journal_bytes_per_event", Value: middle(func(m measured) float64 { return m.journal }), Unit: "B"},
	}
	if broker := middle(func(m measured) float64 { return m.broker * 1e6 }); broker > 0 {
		fs = append(fs, figures.Figure{Name: work + "/broker_us_per_event", Value: broker, Unit: "µs"})
	}
	return fs
}
