// Package engine is the shell around the pure core: it brings events from the source to the shards, has journey.Step
// decide, commits each decision to a fenced journal, and publishes what is owed, each action once.
//
// # The order of things
//
// What one unit of work is may be read off unit.go; that its parts happen in this order is what everything rests on.
// docs/protocol.md gives the rules, to which the comments refer by number.
//
//  1. A shard is claimed before anything is read from it that must be true (claim.go, rules 1 and 2).
//  2. A unit's documents, source offset, clock and owed actions are one record batch in the journal (unit.go, rule 3).
//     One batch is in flight, and a batch that is sent again has the same bytes.
//  3. Only when the journal has acknowledged a unit, where it must stand, do its documents go to the view and its actions
//     to the publisher (rule 4). The view may lag, since the journal is its log; memory holds what it lacks.
//  4. The publisher looks at a topic before it sends whenever it cannot know what is there (publisher.go, rules 5 to 9).
//  5. What was acknowledged on an action topic is said in a later unit's head; until then a new owner looks.
//
// # Who does what
//
// A shard and its publisher are one state machine (shard, publisher, claim, timers) on one goroutine (runner), which is
// the only one to touch them. They ask the world through env and hear answers on that goroutine; so a test can hold back,
// lose and reorder all of them (sim_test.go). Goroutines carry: a line takes produce requests to each broker, the
// fetcher polls each broker for all shards, the fleet keeps this process a member of the group. The Engine owns them
// all, and ends them in this order: the shards journal and pay what they have decided, then the carriers stop.
//
// The package never knows what a journey means, and never formats a log line: see Listener.
package engine
