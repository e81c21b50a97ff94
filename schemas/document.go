package schemas

import "math"

// NoTime stands for "never" and "not yet" wherever a time in milliseconds is expected.
const NoTime = math.MinInt64

// Never is a due time that no clock reaches.
const Never = math.MaxInt64

// Document is all that is remembered of one customer. One goroutine owns it: the shard's, or the simulation's.
type Document struct {
	Time     int64  // the customer's time: the latest of events handled and timers fired; NoTime before the first
	Recent   Recent // ids of the last 64 events
	Trail    Trail  // the newest decisions, for whoever asks why
	Profile  Fields
	Journeys States
	Tallies  []Tally      // in order of Channel
	Series   []Series     // in order of Type: what windows look back on
	Scores   []ScoreState // in order of Name
	// Looks are the conditions of becomes that were looked at, in order: a hash that names the condition, its lowest bit
	// the value that it had.
	Looks []uint64
	Known uint64 // names what the program that looked last looks at; 0: nothing

	// Armed names the set of triggers, as a program knows them, for which the journeys' Timers are armed; 0: none.
	Armed uint64
}

// NewDocument is what is known of a customer of whom nothing is known.
func NewDocument() *Document { return &Document{Time: NoTime} }

// JourneyState is a customer's state in one journey.
type JourneyState struct {
	Journey string
	Entries uint64       // enrollments so far, over all keys and versions: the last enrollment's number
	Entered []Entered    // what `again: never` and `again: {after: …}` remember; at most 1,000, oldest first
	Counts  []Count      // unused events of `enter: {times, within}`, by key
	Running []Enrollment // oldest first, at most 25
	Ended   []Enrollment // ended, while its goal is looked for or a send is deferred; oldest first
	Timers  []TriggerTimer

	sealed sealed // of States
}

// TriggerTimer is what a trigger that waits for a moment (`inactive`, `date`, `schedule`) knows of the customer.
type TriggerTimer struct {
	Trigger string  // "" for enter; the trigger's place (`goal`, `exit[0]`)
	Spec    uint32  // what it was armed for, as the program names it; another: it stands still until it is armed anew
	Due     int64   // when it fires, or Never
	Of      int64   // of inactive: the time of the newest such event; of date: the day, since 1970; of schedule: the instant
	Fired   []int64 // of date: the days whose date has fired, as far as they can come again; oldest first
}

// Entered remembers an entry.
type Entered struct {
	Key string // "" without `key`
	At  int64  // the last entry under that key
}

// Count holds the unused events of a `times … within` trigger.
type Count struct {
	Trigger string  // "" for enter; the trigger's place (`goal`, `exit[0]`) in an enrollment
	Key     string  // "" without `key`
	Times   []int64 // event times, ascending
}

// Enrollment is one customer's run of a journey.
type Enrollment struct {
	Number  uint64
	Version uint64
	Key     string
	Entered int64 // customer's time of the entry
	Holdout bool

	Enter      Fields // fields of the opening event that the journey reads, without those of EnterCause
	EnterCause Cause
	Event      Fields // fields, which the journey's steps read, of the event that moved the enrollment last
	Cause      Cause  // that event

	Step    string // the id of the `wait` or `await` where it stands
	Arrived int64  // customer's time of reaching that step
	Due     int64  // when that step's time is up, or Never
	Resets  int    // how often an `await` was restarted here
	Armed   uint64 // order in which timers were armed, within the customer

	Early   []Early  // matches of `since: enter` events of awaits that are not reached yet; the oldest match each
	Held    []Early  // while its journey is paused, the event that leads on from the await where it stands; one at most
	Moved   []string // ids of the events that moved this enrollment before, where an await says `since: enter`
	Visits  []Visit  // how often each step that has an id in actions was reached
	Sent    []Sent
	Variant []Variant
	Counts  []Count
	Rounds  []Visit // the repeats inside which it stands: how many rounds of each were begun
	Expires int64   // of an ended one: when its goal is no longer looked at

	Deferred []Deferred // in the order in which their timers were armed
	Since    []Since    // in order of (Type, Field)
}

// Deferred is a send that quiet hours put off, with what it was when its step was reached.
type Deferred struct {
	Step     string // of the send
	ActionID string
	Channel  string
	Template string
	Params   Fields
	Variant  []Variant
	Cause    Cause
	Reached  int64 // customer's time of reaching the step
	Armed    int64 // customer's time of putting it off, the last time
	Due      int64
	Expire   int64 // ms from Reached, of the send itself; 0: what its channel says when it is due
	Kept     bool  // of the `do` of the trigger by which the enrollment left: no event takes it back
}

// Tally is when sends left that a cap counts: no more of them than policies.yaml asks for.
type Tally struct {
	Channel string  // "" for all channels together
	Times   []int64 // customer's time, ascending
}

// Early is an event that came after the entry and before its await was reached.
type Early struct {
	Step  string // the await
	Index int    // of its `events`
	Cause Cause
	Event Fields
}

// Visit counts how often an enrollment reached a step.
type Visit struct {
	Step  string
	Count uint64
}

// Sent is the last action under a send id.
type Sent struct {
	ID       string // of the send
	ActionID string
	At       int64
	Before   []int64 // the visits of the step whose actions left before, where a repeat leads to it again; ascending
}
