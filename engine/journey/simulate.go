package journey

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"wend/schemas"
	"wend/schemas/yamlfile"
)

// SimulateOptions say how far and how loudly a simulation runs.
type SimulateOptions struct {
	// Until is the moment, inclusive, up to which time runs on when the log has ended, in ms since 1970;
	// schemas.NoTime: until no timer is left, but what recurs for ever only to the newest event of the log.
	Until   int64
	Trace   bool           // collect decisions
	Explain bool           // with Trace: also how each condition was judged
	Format  schemas.Format // of the log; the zero value is json with the default fields
}

// maxIdle is how many timers of one customer may fire behind the log's end when no end was given: a journey that
// enters itself again and again would go on for ever.
const maxIdle = 100_000

// Traced is a decision and whose it is.
type Traced struct {
	Customer string
	Decision
}

// Append adds the decision as a line of a trace that shows several customers, with its end.
func (d *Traced) Append(dst []byte) []byte {
	dst = time.UnixMilli(d.Time).UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
	dst = append(append(append(dst, ' '), d.Customer...), ' ')
	return append(append(dst, d.Text()...), '\n')
}

// Simulation drives Step over a log of events in virtual time: the same Step as live, with the log in place of the
// source. The log is taken as it lies. Customers are independent of one another, so each has a document and nothing
// else is shared: a customer's timers fire ahead of that customer's next later event, as they do live.
type Simulation struct {
	p         *Program
	o         SimulateOptions
	customers map[string]*simulated
	order     []*simulated // as they came
	newest    int64        // time of the newest event
	effects   Effects
	counters  Counters
	actions   []simulatedAction
	trace     []simulatedDecision
	finished  bool
	sorted    []schemas.Action
	traced    []Traced
}

type simulated struct {
	name string
	doc  *schemas.Document
	made int // actions and decisions so far
}

type simulatedAction struct {
	schemas.Action
	order int
}

type simulatedDecision struct {
	Traced
	order int
}

// NewSimulation begins a simulation.
func NewSimulation(p *Program, o SimulateOptions) *Simulation {
	s := &Simulation{p: p, o: o, customers: map[string]*simulated{}, newest: schemas.NoTime}
	s.effects.Tracing, s.effects.Explaining = o.Trace, o.Explain
	return s
}

// Offer handles the next event of the log. Nothing of its memory is kept.
func (s *Simulation) Offer(ev *schemas.Event) {
	s.newest = max(s.newest, ev.Time)
	c := s.customer(ev.Customer)
	s.step(c, Input{Event: ev})
}

// Advance fires the customer's timers that are due at or before until. Ahead of an event it changes nothing but when
// things happen.
func (s *Simulation) Advance(customer string, until int64) {
	s.step(s.customer(customer), Input{Until: until})
}

// Customer gives the customer's document as it stands; it is made where there is none. Changing it is for whoever sets
// up a test, before the first event.
func (s *Simulation) Customer(name string) *schemas.Document { return s.customer(name).doc }

func (s *Simulation) customer(name string) *simulated {
	c := s.customers[name]
	if c == nil {
		c = &simulated{name: strings.Clone(name), doc: schemas.NewDocument()}
		s.customers[c.name] = c
		s.order = append(s.order, c)
	}
	return c
}

func (s *Simulation) step(c *simulated, in Input) {
	for {
		s.p.Step(c.name, c.doc, in, &s.effects)
		s.collect(c)
		if !s.effects.More {
			return
		}
	}
}

func (s *Simulation) collect(c *simulated) {
	e := &s.effects
	for i := range e.Actions {
		s.actions = append(s.actions, simulatedAction{e.Actions[i], c.made})
		c.made++
	}
	for i := range e.Decisions {
		s.trace = append(s.trace, simulatedDecision{Traced{c.name, e.Decisions[i]}, c.made})
		c.made++
	}
	s.counters.add(&e.Counters)
	more := e.More
	e.Reset()
	e.More = more
}

func (c *Counters) add(o *Counters) {
	c.Events += o.Events
	c.Duplicates += o.Duplicates
	c.Emitted += o.Emitted
	c.Cut += o.Cut
	c.Timers += o.Timers
	c.Entered += o.Entered
	c.Left += o.Left
	c.Goals += o.Goals
	c.Sent += o.Sent
	c.Withheld += o.Withheld
	c.Stopped += o.Stopped
	c.Deferred += o.Deferred
	c.LeftOut += o.LeftOut
	c.Failed += o.Failed
	for i := range c.Refused {
		c.Refused[i] += o.Refused[i]
	}
}

// Customers is of how many customers there have been events.
func (s *Simulation) Customers() int { return len(s.order) }

// Finish lets time run on to the end. An error says that it would not end, and what to do; what was decided until then
// can still be read.
func (s *Simulation) Finish() error {
	if s.finished {
		return nil
	}
	s.finished = true
	for i := range s.order {
		if err := s.FinishCustomer(i, s.newest); err != nil {
			return err
		}
	}
	return nil
}

// FinishCustomer does Finish's work for one customer, of those whom there are by their first events. newest is the time of
// the newest event of the whole log, of which the simulation may have seen a part: where what recurs for ever ends.
func (s *Simulation) FinishCustomer(i int, newest int64) error {
	c := s.order[i]
	if s.o.Until != schemas.NoTime {
		s.step(c, Input{Until: s.o.Until})
		return nil
	}
	s.effects.ended = false
	s.step(c, Input{Until: newest})
	s.effects.ended = true
	s.p.stopRecurring(c.doc)
	for fired := s.counters.Timers; ; {
		due := s.p.NextDue(c.name, c.doc)
		if due == schemas.Never {
			return nil
		}
		if s.counters.Timers-fired >= maxIdle {
			return fmt.Errorf("simulate: timers of the customer %s do not come to an end (%d fired behind the last event): a journey starts itself again and again; say with --until how far time runs",
				yamlfile.Quote(c.name), maxIdle)
		}
		s.step(c, Input{Until: due})
	}
}

// Actions are the actions by decided_at, customer, decision. Call it after Finish; the slice is the simulation's.
func (s *Simulation) Actions() []schemas.Action {
	if len(s.sorted) == len(s.actions) {
		return s.sorted
	}
	sort.SliceStable(s.actions, func(i, k int) bool {
		a, b := &s.actions[i], &s.actions[k]
		switch {
		case a.DecidedAt != b.DecidedAt:
			return a.DecidedAt < b.DecidedAt
		case a.Customer != b.Customer:
			return a.Customer < b.Customer
		}
		return a.order < b.order
	})
	s.sorted = make([]schemas.Action, len(s.actions))
	for i := range s.actions {
		s.sorted[i] = s.actions[i].Action
	}
	return s.sorted
}

// Take hands over the actions since the last Take, each customer's in order of decision, and forgets them: they are not
// among Actions then. So a long log can be followed without keeping all that it brings about.
func (s *Simulation) Take(each func(*schemas.Action)) {
	for i := range s.actions {
		each(&s.actions[i].Action)
	}
	clear(s.actions)
	s.actions = s.actions[:0]
}

// TakeTrace is Take for decisions.
func (s *Simulation) TakeTrace(each func(*Traced)) {
	for i := range s.trace {
		each(&s.trace[i].Traced)
	}
	clear(s.trace)
	s.trace = s.trace[:0]
}

// Trace are the decisions by time, customer, decision. Call it after Finish; the slice is the simulation's.
func (s *Simulation) Trace() []Traced {
	if len(s.traced) == len(s.trace) {
		return s.traced
	}
	sort.SliceStable(s.trace, func(i, k int) bool {
		a, b := &s.trace[i], &s.trace[k]
		switch {
		case a.Time != b.Time:
			return a.Time < b.Time
		case a.Customer != b.Customer:
			return a.Customer < b.Customer
		}
		return a.order < b.order
	})
	s.traced = make([]Traced, len(s.trace))
	for i := range s.trace {
		s.traced[i] = s.trace[i].Traced
	}
	return s.traced
}

// Counters are the sums over all customers.
func (s *Simulation) Counters() Counters { return s.counters }
