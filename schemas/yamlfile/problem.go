// Package yamlfile reads the YAML files that a user writes: YAML 1.2, every value with its position, every problem
// of a file reported at once. It knows nothing of what the files mean.
package yamlfile

import (
	"fmt"
	"sort"
)

// Pos is a place in a file; Line and Col count from 1, Col in characters, as editors do.
type Pos struct {
	File string
	Line int
	Col  int
}

// String is file:line:col; a place without lines, such as a flag, is its name alone.
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Severity of a problem.
type Severity uint8

const (
	Error   Severity = iota // it cannot work
	Warning                 // it is only odd; never changes an exit status
)

func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// Problem is something wrong in a file: where, what, and what would be right.
type Problem struct {
	Pos
	Severity Severity
	Message  string
}

// String is the problem as `wend check` prints it: file:line:col: error: message.
func (p Problem) String() string {
	return p.Pos.String() + ": " + p.Severity.String() + ": " + p.Message
}

// Problems collects what is wrong in a workspace.
type Problems []Problem

// Errorf adds an error.
func (ps *Problems) Errorf(at Pos, format string, args ...any) {
	*ps = append(*ps, Problem{at, Error, fmt.Sprintf(format, args...)})
}

// Warnf adds a warning.
func (ps *Problems) Warnf(at Pos, format string, args ...any) {
	*ps = append(*ps, Problem{at, Warning, fmt.Sprintf(format, args...)})
}

// Failed says whether an error is among them.
func (ps Problems) Failed() bool {
	for _, p := range ps {
		if p.Severity == Error {
			return true
		}
	}
	return false
}

// Sort orders by file, line, column.
func (ps Problems) Sort() {
	sort.SliceStable(ps, func(i, j int) bool {
		a, b := ps[i], ps[j]
		switch {
		case a.File != b.File:
			return a.File < b.File
		case a.Line != b.Line:
			return a.Line < b.Line
		}
		return a.Col < b.Col
	})
}
