// Package expr is the expressions of the journey language: CEL, type-checked when a workspace loads, with the
// language's own arithmetic (whole and fractional numbers together), durations, times and missing fields.
// It knows names and values, never journeys.
package expr

import (
	"time"

	"wend/schemas"
)

// Scope says which names an expression may use.
type Scope struct {
	Event, Enter, Profile, Sent, Now bool
	Sends                            []string // ids that `sent` knows
}

// Type of a profile attribute.
type Type uint8

const (
	String Type = iota
	Int
	Double
	Bool
	Date
	Timestamp
	List
	Map
)

// Attribute is a declared name of the profile. As values are kept, a date is text YYYY-MM-DD and reads as text (time(x)
// makes a timestamp of it); a timestamp is RFC 3339 text or milliseconds and reads as a timestamp. The zeros, which
// absent ones read as: "", 0, 0.0, false, "" for a date, 1970-01-01T00:00:00Z for a timestamp, [] and {}. A stored value
// of another type than the declared one counts as absent.
type Attribute struct {
	Name string
	Type Type
}

// Error is a problem of an expression at a byte offset of its source.
type Error struct {
	Offset  int
	Message string
}

func (e *Error) Error() string { return e.Message }

// Source gives fields by name. schemas.Fields and schemas.Body are sources.
type Source interface {
	Field(name string) (any, bool)
	Map() map[string]any
}

// Vars are the values that an evaluation reads. A nil Source has no fields.
type Vars struct {
	Event   Source
	Enter   Source
	Profile schemas.Fields
	Sent    []schemas.Sent
	State   State // nil: scores, segments and windows fail
	Now     int64 // ms
	Zone    *time.Location
}

// Reads is what an expression may read: the top-level fields of the two events, the attributes (timezone too where the
// customer's zone matters), scores and segments by their place in Names and windows by that in Env.Windows, all in order,
// each once. All: the whole value may be needed.
type Reads struct {
	Event    []string
	EventAll bool
	Enter    []string
	EnterAll bool
	Profile  []string
	Scores   []int
	Segments []int
	Windows  []int
}
