//go:build race

package oracle

// defaultCases are fewer where the race detector looks on: a case is one goroutine, there is little for it to see, and it
// makes each ten times as slow.
const defaultCases = 60
