package replay

import (
	"fmt"
	"io"

	"wend/engine/journey"
	"wend/schemas"
)

// Simulated is what a simulation decided, as the text that wend simulate prints.
type Simulated struct{ parts []*simulation }

// WriteActions writes the actions as JSON, one a line, by decided_at, customer, decision.
func (s *Simulated) WriteActions(w io.Writer) error {
	return writeSheets(w, s.parts, func(p *simulation) *sheet { return &p.actions })
}

// WriteTrace writes the decisions, one a line with its time and customer ahead, by time, customer, decision. There are some only
// where SimulateOptions asked for them.
func (s *Simulated) WriteTrace(w io.Writer) error {
	return writeSheets(w, s.parts, func(p *simulation) *sheet { return &p.trace })
}

// Simulate simulates a log as journey.SimulateLog does, and the result is the same. What was decided until an error can still be
// written: of an error of reading the trace, of timers that do not come to an end also the actions.
func Simulate(p *journey.Program, log io.Reader, o journey.SimulateOptions, skipped func(line int, reason string)) (*Simulated, error) {
	return simulate(p, log, o, Options{Format: o.Format}, skipped)
}

func simulate(p *journey.Program, log io.Reader, so journey.SimulateOptions, o Options, skipped func(line int, reason string)) (*Simulated, error) {
	parts, failed, err := Run(log, o, func() *simulation { return &simulation{sim: journey.NewSimulation(p, so)} }, skipped)
	done := &Simulated{parts}
	switch {
	case err != nil:
		for _, x := range parts {
			x.actions = sheet{}
		}
		return done, fmt.Errorf("simulate: %w", err)
	case failed != nil:
		for _, x := range parts { // with one customer after the other it would have come no further than to this one
			x.actions.cut(failed.Line)
			x.trace.cut(failed.Line)
		}
		return done, failed.Err
	}
	return done, nil
}

// simulation is a Part whose decisions become text as they are made: then they are neither kept nor sorted as what they were.
type simulation struct {
	sim            *journey.Simulation
	first          []int // line of each customer's first event
	actions, trace sheet
}

// Offer implements Part.
func (s *simulation) Offer(line int, ev *schemas.Event) {
	s.sim.Offer(ev)
	if s.sim.Customers() > len(s.first) {
		s.first = append(s.first, line)
	}
	s.take(0)
}

// Finish implements Part.
func (s *simulation) Finish(newest int64) *Failure {
	defer func() { s.sim = nil }() // only the text is wanted any more
	for i, line := range s.first {
		err := s.sim.FinishCustomer(i, newest)
		s.take(line)
		if err != nil {
			return &Failure{line, err}
		}
	}
	return nil
}

// take writes down what was decided since the last time, behind the log's end for the customer who first came in that line, if any.
func (s *simulation) take(behind int) {
	s.sim.Take(func(a *schemas.Action) {
		s.actions.room()
		s.actions.text = append(a.AppendJSON(s.actions.text), '\n')
		s.actions.end(a.DecidedAt, a.Customer, behind)
	})
	s.sim.TakeTrace(func(d *journey.Traced) {
		s.trace.room()
		s.trace.text = d.Append(s.trace.text)
		s.trace.end(d.Time, d.Customer, behind)
	})
}
