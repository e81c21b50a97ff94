package journey

import (
	"wend/engine/journey/expr"
	"wend/schemas"
)

// Input is what Step is given: an event, or a moment up to which timers fire. It is the only time that Step sees.
type Input struct {
	// Event to handle, or nil: then what is due at or before Until fires. Step keeps nothing of its memory.
	Event *schemas.Event
	Until int64 // ms since 1970; counts only without an Event

	// Since is from when on each of the program's Moments counts, in their order: for customers who have no timer of it
	// yet, nothing before that is made up for. Those that are missing have counted ever since.
	Since []int64
}

// Effects is what Steps of one owner decided, and the memory they work in. The zero value is ready. It belongs to one
// goroutine; one Effects serves any number of customers, programs and Steps. Steps append until Reset.
type Effects struct {
	// Actions in the order of decision. They, and all they point to, share no memory with events, documents or the
	// next Step (but see Reusing); the slice itself is used again after Reset.
	Actions []schemas.Action

	// Reusing has Steps make texts and lists in memory that they use again from Reset on: actions and documents that were
	// stepped are void then. It is for whoever writes both down after each Step, and does not trace.
	Reusing bool

	// Duplicate: the last Step's event was known already. Timers ahead of it may have fired all the same.
	Duplicate bool
	// Changed: a Step since Reset changed its document. False means that its bytes are what they were.
	Changed bool
	// More: the last Step stopped before its input was used up, because it fired MaxTimers timers; the event, if there
	// is one, has not been looked at. Call Step again with the same input (after committing, if the caller likes).
	More bool

	Counters Counters

	// Tracing makes Steps say what they decided. It costs memory for each decision.
	Tracing   bool
	Decisions []Decision // in order; only with Tracing
	// Explaining, beside Tracing, also says of each condition how it was judged: with what it read, which costs many times
	// as much as judging it; and of each draw the customer's bucket.
	Explaining bool

	ended bool // what recurs for ever is armed no more
	step  stepper
}

// MaxTimers is how many timers one Step fires at most, so that a unit stays bounded: after an outage a schedule has as many
// instants to make up for as it missed.
const MaxTimers = 256

// Reset forgets actions, decisions, flags and counters, and keeps the memory and Tracing. What the caller took from
// the slices stays valid; the slices themselves are used again.
func (e *Effects) Reset() {
	clear(e.Actions)
	clear(e.Decisions)
	e.Actions, e.Decisions = e.Actions[:0], e.Decisions[:0]
	e.Duplicate, e.Changed, e.More = false, false, false
	e.Counters = Counters{}
	e.step.scratch.again()
}

// Counters count decisions since Reset, traced or not.
type Counters struct {
	Events     uint64 // handled: neither duplicates nor emitted ones
	Duplicates uint64
	Emitted    uint64 // emitted events handled
	Cut        uint64 // emitted events not handled: the chain was too deep or the round too long
	Timers     uint64 // fired
	Entered    uint64
	Left       uint64 // Entered minus Left are inside
	Goals      uint64 // also of enrollments that had ended
	Sent       uint64
	Withheld   uint64 // sends of the control group
	Stopped    uint64 // sends that a policy stopped
	Deferred   uint64 // times that quiet hours put a send off
	LeftOut    uint64 // values that failed, read what is not there, or do not fit the profile
	Failed     uint64 // conditions that failed otherwise than by a missing field
	Refused    [refusals]uint64
}

// Refusal is why an entry was refused: the first reason of the language's list that holds.
type Refusal uint8

// In the order in which they are looked at. NotRefused is no reason.
const (
	NotRefused Refusal = iota
	RefusedCondition
	RefusedKey
	RefusedPaused
	RefusedRollout
	RefusedEnteredBefore
	RefusedAlreadyEnrolled
	RefusedTooSoon
	RefusedLimit

	refusals
)

var refusalNames = [refusals]string{
	"", "condition", "key", "paused", "rollout", "entered_before", "already_enrolled", "too_soon", "limit",
}

func (r Refusal) String() string {
	if r >= refusals {
		return "unknown"
	}
	return refusalNames[r]
}

// Refusals are the reasons there are, in order.
func Refusals() []Refusal {
	all := make([]Refusal, 0, refusals-1)
	for r := RefusedCondition; r < refusals; r++ {
		all = append(all, r)
	}
	return all
}

// DecisionKind says what a Decision is about.
type DecisionKind uint8

const (
	DecidedDuplicate DecisionKind = iota // the event was known
	DecidedProfile                       // an update or a step changed the profile; Detail: the name
	DecidedEntered                       // an enrollment began
	DecidedRefused                       // an entry was refused; Reason
	DecidedMoved                         // an event moved an enrollment on from Step (an await), or reset it (Detail "reset")
	DecidedTimer                         // the time of Step was up
	DecidedReached                       // an enrollment reached Step; its `if`, if any, held
	DecidedPassed                        // Step was passed over: its `if` did not hold
	DecidedArm                           // a branch, split or choose took an arm, a repeat or wait a way on; Detail: which
	DecidedWaiting                       // an enrollment stands at Step, until Due
	DecidedStopped                       // a policy stopped a send; Reason: which, Detail: the send
	DecidedDeferred                      // quiet hours put a send off, until Due
	DecidedSent                          // Action is the action
	DecidedWithheld                      // the send of an enrollment in the holdout; Action is what would have been sent
	DecidedGoal                          // the goal was reached; Detail "after its end" where the enrollment had ended
	DecidedExit                          // an enrollment ended otherwise than by its goal; Reason
	DecidedLeftOut                       // a value was left out; Detail: name and why
	DecidedFailed                        // a condition failed; Detail: why
	DecidedEmitted                       // an event was emitted; Detail: its type
	DecidedCut                           // an emitted event was not handled; Detail: why
	DecidedZone                          // profile.timezone is no time zone; Detail: the name
	DecidedScore                         // a score changed; Detail: its name and value
	DecidedTurned                        // a condition of becomes turned; Detail: true or false
	DecidedRound                         // a further round of a repeat began; Detail: which
	DecidedUpdated                       // an enrollment goes on in another version; Detail: which, Due
	DecidedHeld                          // what would have led on from Step waits until the journey is resumed; Detail: the event's type

	decisionKinds
)

var decisionNames = [decisionKinds]string{
	"duplicate", "profile", "entered", "refused", "moved", "timer", "reached", "passed", "arm", "waiting", "stopped",
	"deferred", "sent", "withheld", "goal", "exit", "left_out", "failed", "emitted", "cut", "zone", "score", "turned", "round", "updated", "held",
}

func (k DecisionKind) String() string {
	if k == DecidedJudged {
		return "judged"
	}
	if k >= decisionKinds {
		return "unknown"
	}
	return decisionNames[k]
}

// Decision is one entry of the trace.
type Decision struct {
	Kind       DecisionKind
	Time       int64  // the customer's time
	Journey    string // "" where no journey is concerned
	Enrollment uint64 // number; 0 where none is concerned
	Key        string
	Step       string // the step's id
	Reason     string // of a refusal or an exit; the policy that stopped or put off a send
	Detail     string // text for people
	Due        int64  // of DecidedWaiting and DecidedDeferred; schemas.Never: until an event comes
	Cause      schemas.Cause
	Action     *schemas.Action // of DecidedSent and DecidedWithheld
	Judged     *expr.Explanation

	plan *plan
	node int32 // of DecidedReached, DecidedPassed and DecidedArm
	arm  int32
}
