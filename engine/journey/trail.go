package journey

import (
	"slices"

	"wend/schemas"
)

// What the document remembers of decisions (schemas.Trail), so that a running fleet can say of any customer why they got
// nothing, without a trace: entries refused, sends stopped, put off or withheld, and enrollments that ended.

// Codes of decisions in documents: a number once given is never used for anything else.
const (
	trailRefused   = 0 // and trailRefusals
	trailStopped   = 16
	trailDeferred  = 17
	trailWithheld  = 18
	trailGoal      = 32
	trailGoalAfter = 33 // reached by an enrollment that had ended
	trailExit      = 40
)

// trailRefusals are the codes of refusals; Refusals themselves stand in the order of the language's list, which may grow.
var trailRefusals = [refusals]uint8{
	RefusedCondition: 1, RefusedKey: 2, RefusedPaused: 3, RefusedRollout: 4, RefusedEnteredBefore: 5, RefusedAlreadyEnrolled: 6,
	RefusedTooSoon: 7, RefusedLimit: 8,
}

// trailJourney is what documents call a journey there.
func trailJourney(name string) uint32 { return uint32(draw(name, "", "")) & (1<<24 - 1) }

// trailDetail is what documents call a step with what stopped it, or a reason of leaving.
func trailDetail(step, reason string) uint16 {
	h := uint32(2166136261) // FNV-1a
	for _, t := range [...]string{step, reason} {
		for i := 0; i < len(t); i++ {
			h = (h ^ uint32(t[i])) * 16777619
		}
		h *= 16777619
	}
	return uint16(h ^ h>>16)
}

// note remembers a decision in the document.
func (s *stepper) note(j *plan, code uint8, detail uint16) {
	s.tellRefused()
	s.doc.Trail.Note(s.doc.Time, j.trail, code, detail)
}

// Remembered is a decision that a document remembers: of several that are alike the last.
type Remembered struct {
	At      int64 // customer's time, ms since 1970
	Kind    DecisionKind
	Journey string // "" of a journey that the program does not have
	Step    string // of a send; "" where the program has none that fits
	Reason  string // as of a Decision; "" where the program has none that fits
	Times   int    // how often; 255 stands for that or more
}

// Known says whether the program knows what was decided; else Kind is none of the kinds.
func (r *Remembered) Known() bool { return r.Kind < decisionKinds }

// Remembered gives what the document remembers of decisions, oldest first, under the names that the program has.
func (p *Program) Remembered(doc *schemas.Document) []Remembered {
	var all []Remembered
	for _, x := range doc.Trail.All(doc.Time) {
		r := Remembered{At: x.At, Times: x.Times, Kind: decisionKinds}
		var j *plan
		if i := slices.IndexFunc(p.byName, func(j *plan) bool { return j.trail == x.Journey }); i >= 0 {
			j = p.byName[i]
			r.Journey = j.name
		}
		switch x.Code {
		case trailStopped, trailDeferred, trailWithheld:
			r.Kind = map[uint8]DecisionKind{trailStopped: DecidedStopped, trailDeferred: DecidedDeferred, trailWithheld: DecidedWithheld}[x.Code]
			r.Step, r.Reason = p.trailSend(j, x.Detail)
		case trailGoal, trailGoalAfter:
			r.Kind = DecidedGoal
		case trailExit:
			r.Kind = DecidedExit
			for _, reason := range p.exitReasons(j) {
				if trailDetail("", reason) == x.Detail {
					r.Reason = reason
					break
				}
			}
		default:
			if i := slices.Index(trailRefusals[:], x.Code); i > 0 {
				r.Kind, r.Reason = DecidedRefused, Refusal(i).String()
			}
		}
		all = append(all, r)
	}
	return all
}

// trailSend finds a send of the journey with what may have stopped it.
func (p *Program) trailSend(j *plan, detail uint16) (step, reason string) {
	if j == nil {
		return "", ""
	}
	reasons := append([]string{""}, p.policies.stopped()...)
	for i := range j.nodes {
		if j.nodes[i].op != opSend {
			continue
		}
		for _, reason := range reasons {
			if trailDetail(j.nodes[i].id, reason) == detail {
				return j.nodes[i].id, reason
			}
		}
	}
	return "", ""
}

// exitReasons are those for which enrollments of a journey may leave.
func (p *Program) exitReasons(j *plan) []string {
	all := []string{reasonCompleted, reasonPast, reasonStepRemoved, reasonUpdated, becomesType.name}
	if j == nil {
		return all
	}
	for i := range j.exits {
		all = append(all, j.exits[i].reason)
	}
	for i := range j.nodes {
		if j.nodes[i].op == opExit {
			all = append(all, j.nodes[i].reason)
		}
	}
	for _, m := range j.moments {
		all = append(all, m.typ.name)
	}
	names := make([]string, 0, len(p.types))
	for name := range p.types {
		names = append(names, name)
	}
	slices.Sort(names) // of two that have one hash the same is named each time
	return append(all, names...)
}
