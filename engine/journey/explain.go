package journey

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"wend/engine/journey/expr"
	"wend/schemas"
	"wend/schemas/yamlfile"
)

// DecidedJudged is apart from the other kinds, as it is no decision but how one came about: a condition was judged, and
// Decision.Judged says how. It comes only with Effects.Explaining.
const DecidedJudged DecisionKind = 255

// judged traces how a condition was judged.
func (s *stepper) judged(c *expr.Condition, j *plan, en *schemas.Enrollment, step string) {
	d := Decision{Kind: DecidedJudged, Step: step}
	if j != nil {
		d = s.about(DecidedJudged, j, en, step)
	}
	e := c.Explain(s.bind(j, en))
	d.Judged, d.Detail = &e, e.String()
	s.trace(d)
}

// tooFew traces that an event was counted and did not complete the trigger.
func (s *stepper) tooFew(j *plan, t *trigger, key string) {
	if !s.out.Explaining {
		return
	}
	d := s.about(DecidedJudged, j, nil, "enter")
	d.Key = cloneString(key)
	d.Detail = fmt.Sprintf("counted: %d times within %s are not there yet", t.times, yamlfile.FormatDuration(t.within))
	s.trace(d)
}

// draw is the detail of a refusal by the rollout, where it is asked for.
func (s *stepper) draw(r Refusal, j *plan) string {
	if r != RefusedRollout || !s.out.Explaining {
		return ""
	}
	return fmt.Sprintf("the draw is %d of %d, and those below %d may enter", bucket(j.name, rolloutDraw, s.customer), buckets, j.rollout)
}

// armDraw is what an explanation says of an arm taken.
func (s *stepper) armDraw(bucket uint32, n *node, arm int) string {
	if !s.out.Explaining {
		return ""
	}
	from := uint32(0)
	if arm > 0 {
		from = n.arms[arm-1].below
	}
	return fmt.Sprintf(": the draw is %d of %d, and those from %d to %d take it", bucket, buckets, from, n.arms[arm].below-1)
}

// ExplainOptions say what Explain is asked.
type ExplainOptions struct {
	Customer string
	Journey  string         // "": all
	Until    int64          // as of SimulateOptions
	Format   schemas.Format // of the log
}

// Explanation is why a customer got what they got, or why not.
type Explanation struct {
	Customer string
	Events   int // of the customer in the log
	Moments  []Moment
	Journeys []Outcome // by name
}

// Moment is an event of the customer, or a time at which timers fired, with what was decided.
type Moment struct {
	Time      int64          // the customer's time of the decisions
	Event     *schemas.Cause // nil: timers alone
	Decisions []Decision
}

// Outcome is what came of one journey for the customer.
type Outcome struct {
	Journey  string
	Entered  int
	Sent     int
	Withheld int
	Goals    int
	Refused  []Count   // entries by reason, in the order of Refusals
	Exits    []Count   // by reason, in order of name
	Nearest  *Decision // of a customer who never entered: the condition of the last refusal, as it was judged; may be nil
	Last     string    // of a customer who never entered: the detail of the last refusal, such as the draw
	Wanted   []string  // event types that open it, where none of them came
}

// Count is how often something was the reason.
type Count struct {
	Reason string
	Times  int
}

// Explain simulates a log (see ReadLog) for one customer, and gives every decision with what decided it. The error is one
// of reading, or says that time would not end.
func Explain(p *Program, log io.Reader, o ExplainOptions, skipped func(line int, reason string)) (*Explanation, error) {
	x := NewExplainer(p, o)
	if err := ReadLog(log, o.Format, func(l *LogLine) { x.Offer(&l.Event) }, skipped); err != nil {
		return nil, fmt.Errorf("explain: %w", err)
	}
	return x.Finish()
}

// Explainer explains a customer whose events are offered one by one.
type Explainer struct {
	p     *Program
	o     ExplainOptions
	sim   *Simulation
	out   *Explanation
	taken int
	seen  map[string]bool // event types

	newest int64 // time of the newest event of any customer
}

// NewExplainer begins an explanation.
func NewExplainer(p *Program, o ExplainOptions) *Explainer {
	return &Explainer{
		p: p, o: o, out: &Explanation{Customer: o.Customer}, seen: map[string]bool{}, newest: schemas.NoTime,
		sim: NewSimulation(p, SimulateOptions{Until: o.Until, Trace: true, Explain: true}),
	}
}

// Offer handles the next event; those of other customers are passed over. Nothing of its memory is kept.
func (x *Explainer) Offer(ev *schemas.Event) {
	x.newest = max(x.newest, ev.Time)
	if ev.Customer == x.o.Customer {
		x.event(ev)
	}
}

// Finish lets time run on to the end and sums up. The error says that time would not end; the explanation is there all
// the same.
func (x *Explainer) Finish() (*Explanation, error) {
	if x.o.Until == schemas.NoTime && x.out.Events > 0 {
		x.sim.Advance(x.o.Customer, x.newest) // what recurs for ever ends with the log
	}
	err := x.sim.Finish()
	x.take(nil)
	x.outcomes()
	return x.out, err
}

func (x *Explainer) event(ev *schemas.Event) {
	x.out.Events++
	x.seen[strings.Clone(ev.Type)] = true
	x.sim.Offer(ev)
	x.take(&schemas.Cause{EventID: strings.Clone(ev.EventID()), Type: strings.Clone(ev.Type), Time: ev.Time})
}

// take makes moments of the decisions since the last: what timers decided ahead of the event stands before it. Timers
// fire before the event's time, so what was decided at an earlier time than the customer's now is theirs; a late event
// moves no time and fires none.
func (x *Explainer) take(event *schemas.Cause) {
	now := x.sim.Customer(x.o.Customer).Time
	var with *Moment
	if event != nil {
		with = &Moment{Time: now, Event: event}
	}
	fresh := x.sim.trace[x.taken:]
	x.taken = len(x.sim.trace)
	for i := range fresh {
		d := fresh[i].Decision
		if x.o.Journey != "" && d.Journey != x.o.Journey && d.Journey != "" {
			continue
		}
		if with != nil && d.Time == now {
			with.Decisions = append(with.Decisions, d)
			continue
		}
		if n := len(x.out.Moments); n == 0 || x.out.Moments[n-1].Event != nil || x.out.Moments[n-1].Time != d.Time {
			x.out.Moments = append(x.out.Moments, Moment{Time: d.Time})
		}
		m := &x.out.Moments[len(x.out.Moments)-1]
		m.Decisions = append(m.Decisions, d)
	}
	if with != nil {
		x.out.Moments = append(x.out.Moments, *with)
	}
}

// outcomes sums up.
func (x *Explainer) outcomes() {
	for _, j := range x.p.byName {
		if x.o.Journey == "" || x.o.Journey == j.name {
			x.out.Journeys = append(x.out.Journeys, x.outcome(j))
		}
	}
}

func (x *Explainer) outcome(j *plan) Outcome {
	out := Outcome{Journey: j.name}
	refused, exits := map[string]int{}, map[string]int{}
	var judged *Decision
	for i := range x.out.Moments {
		for k := range x.out.Moments[i].Decisions {
			d := &x.out.Moments[i].Decisions[k]
			if d.Journey != j.name {
				continue
			}
			switch d.Kind {
			case DecidedEntered:
				out.Entered++
			case DecidedRefused:
				refused[d.Reason]++
				out.Nearest, out.Last = nil, d.Detail
				if d.Reason == RefusedCondition.String() {
					out.Nearest = judged
				}
			case DecidedSent:
				out.Sent++
			case DecidedWithheld:
				out.Withheld++
			case DecidedGoal:
				out.Goals++
			case DecidedExit:
				exits[d.Reason]++
			case DecidedJudged:
				if d.Step == "enter" {
					judged = d
					if d.Judged == nil {
						out.Last = d.Detail // counted
					}
				}
			}
		}
	}
	for _, r := range Refusals() {
		if n := refused[r.String()]; n > 0 {
			out.Refused = append(out.Refused, Count{r.String(), n})
		}
	}
	out.Exits = byReason(exits)
	if out.Entered > 0 {
		out.Nearest, out.Last = nil, ""
	} else if len(refused) == 0 {
		out.Wanted = x.wanted(j)
	}
	return out
}

func byReason(of map[string]int) []Count {
	var out []Count
	for reason, n := range of {
		out = append(out, Count{reason, n})
	}
	slices.SortFunc(out, func(a, b Count) int { return strings.Compare(a.Reason, b.Reason) })
	return out
}

// wanted are the event types that open a journey, where none of them came.
func (x *Explainer) wanted(j *plan) []string {
	var names []string
	for name, t := range x.p.types {
		if !j.enter.wants(t.id) {
			continue
		}
		if x.seen[name] {
			return nil
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
