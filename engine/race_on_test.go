//go:build race

package engine

// withRace says that the race detector looks on. A schedule is one goroutine: there is little for it to see, and it
// makes each ten times as slow.
const withRace = true
