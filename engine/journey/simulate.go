package journey

import (
	"io"

	"wend/schemas"
)

// SimulateOptions say how far and how loudly a simulation runs.
type SimulateOptions struct {
	// Until is the moment, inclusive, up to which time runs on when the log has ended; schemas.NoTime: until no timer
	// is left.
	Until  int64
	Trace  bool           // collect decisions
	Format schemas.Format // of the log; the zero value is json with the default fields
}

// Traced is a decision and whose it is.
type Traced struct {
	Customer string
	Decision
}

// Simulation drives Step over a log of events in virtual time.
type Simulation struct{}

// NewSimulation starts one; a zero Until means NoTime is not assumed: give schemas.NoTime.
func NewSimulation(p *Program, o SimulateOptions) *Simulation { return &Simulation{} }

// Offer handles the next event of the log.
func (s *Simulation) Offer(ev *schemas.Event) {}

// Finish runs time on; the error says what to do.
func (s *Simulation) Finish() error { return nil }

// Actions are the actions by decided_at, customer, decision. Call it after Finish.
func (s *Simulation) Actions() []schemas.Action { return nil }

// Trace are the decisions by time, customer, decision.
func (s *Simulation) Trace() []Traced { return nil }

// Counters are the sums over all customers.
func (s *Simulation) Counters() Counters { return Counters{} }

// SimulateLog reads JSON lines, simulates, and hands the actions to out in order. A line that is no event goes to
// skipped. The simulation is returned for its trace and counters.
func SimulateLog(p *Program, r io.Reader, o SimulateOptions, out func(*schemas.Action), skipped func(line int, reason string)) (*Simulation, error) {
	return &Simulation{}, nil
}
