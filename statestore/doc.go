// Package statestore is a shard's view: the customers' documents, the timer index and the journal position they stand
// at, in a Pebble of its own. It knows keys and bytes, never journeys.
//
// The journal is its write-ahead log: nothing waits for fsync, a crash loses only what the journal still holds, and
// what is read after a crash is a prefix of what was applied.
package statestore
