// Package audit says whether an engine did what the cart workload's journeys ask for, by reading the source topic and the
// action topic and nothing else. It has a decoder, a reading of the language and a per-customer machine of its own, and
// shares no line with the engine: what both get wrong in the same way would otherwise look right.
//
// Actions are matched by customer, cause and template, never by action id alone: an engine that loses one action and
// gives another its id would pass. Ids are checked after that.
//
// What a customer gets follows from the customer's events alone, with one exception: live, an event that arrives after a
// later timer of its customer fired cannot undo it. So where an event with a time at or before a reminder's due moment
// was appended behind that moment, less a small slack, the auditor lets the reminder stand or be missing, follows what
// was seen from there on, and counts the case as undecided. Everywhere else there is one right answer.
//
// It takes two moments from the brokers: when an event was appended and when an action was. Both topics must therefore
// have message.timestamp.type=LogAppendTime.
package audit

import "time"

// Record is one of the topics' records, as the auditor needs it. Its memory may be used again after the call.
type Record struct {
	Partition  int32
	Offset     int64
	Appended   int64 // milliseconds since 1970, by the broker
	Key, Value []byte
	Headers    map[string]string
}

// Rules are what the auditor knows of the workload beside the journeys themselves.
type Rules struct {
	Await   time.Duration // of j2
	Slack   time.Duration // how far around a due moment an arrival leaves it open whether the timer or the event was first
	Until   int64         // milliseconds since 1970: a timer due later may have fired or not; zero: all must have
	Down    []Span        // when no engine was at work: timers due then are left out of the lateness
	Letters bool          // the dead-letter topic is given too: each malformed record must be in it, once
}

// Span is a time from and to, in milliseconds since 1970, both inclusive.
type Span struct{ From, To int64 }

// slack of Rules where none is given: how long a record may be on its way from a broker's stamp to an engine's hands.
const defaultSlack = time.Second
