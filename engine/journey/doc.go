// Package journey is the pure core of Wend: it reads what authors write, and decides what one input of one customer
// brings about. It knows no clock, chance, goroutine, log or network; files only where Load reads a workspace. It never
// knows of records, partitions, shards or the journal.
//
// # Stages
//
//	Load     files → Workspace: the tree of what the author wrote, with places
//	Compile  Workspace → Program: named stages (compile.go); every expression checked, steps laid out in a flat table
//	Step     Program, document, input → the document changed, and Effects: actions and what was decided
//
// Problems of the first two come all at once, each with its place. Simulation, RunTests and the shard drive the same
// Step.
//
// # What Step promises
//
// It is a function of its arguments. The same program, document and inputs give the same actions, with the same ids, and
// the same document, on every machine. It does not panic, whatever the document holds, so that one from another version
// of the workspace, or a damaged one, harms no other customer: an enrollment that stands at a step which the program no
// longer has leaves with the reason step_removed when it is next looked at; one in a journey that the program does not
// have stays as it is, and its timers stand still.
//
// # Duties of the caller of Step
//
//  1. One goroutine has a document at a time, and one has an Effects. A Program may be shared.
//  2. Give the same customer id with a document each time: action ids and sticky draws are made of it.
//  3. Give a customer's events in the order of the source. Before an event Step itself fires what is due before it.
//  4. Give Input{Until: t} only once everything that the source had up to t has been given to Step: a timer that fires
//     ahead of an event which should have come before it cannot be called back. Clock inputs below the next event's time
//     change nothing but when things happen.
//  5. While Effects.More is set, call Step again with the same input: it stopped at MaxTimers so that what is committed
//     together stays bounded. Between the calls the document may be committed.
//  6. Commit before anything is heard: when Effects.Changed is set, the document and the actions of the same Steps are
//     stored together, or neither. A document stored without its actions has lost them; actions without the document
//     are made again.
//  7. Publish the actions of a customer in their order. Their ids name the decision: to decide again gives the same.
//  8. After each Step that changed it, arm a timer for NextDue(customer, document). An old one need not be cancelled: a Step with
//     nothing due does nothing.
//  9. An event's memory may be used again after Step; an action's and a decision's may be kept.
//  10. A document belongs to no program: the next one, or an older one, goes on with it.
//  11. When a program with other triggers that wait for a moment takes over (Armed is another), remember since when each
//     of its Moments is there, give that in Input.Since from then on, and give every Stale document one Step: for whom no
//     event comes no timer is armed otherwise.
//  12. When another release takes over (CompileRelease), give Steps before a point of the journal the former program, and
//     those behind it the new one. Keep in Release.Older every version in which Inside finds somebody, and for each
//     journey those between that and the newest. Give every Stale document one Step, and look at NextDue of all: a
//     document that needs no Step may be due earlier than before, as when its journey goes on after a pause.
package journey
