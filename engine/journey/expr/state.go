package expr

import (
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Names are what expressions may call by name besides the language's own words.
type Names struct {
	Attributes []Attribute
	Scores     []Score
	Segments   []string

	// Plain leaves every condition to the interpreter alone. It comes to the same, slower: tests compare with it.
	Plain bool
}

// Score is a name of `score`.
type Score struct {
	Name  string
	Whole bool // its values are whole numbers
}

// State is what is remembered of a customer besides the profile. Scores and segments are asked for by their place in
// Names, windows by their place in Env.Windows. It is asked while an expression is evaluated, and may evaluate others.
type State interface {
	Score(i int) float64
	Segment(i int) bool
	Count(window int) int64
	Sum(window int) Sum
	Last(window int) (ms int64, ok bool)
	Seen(window int) bool
}

// Sum is a sum of whole and fractional numbers.
type Sum struct {
	Whole      int64
	Fraction   float64
	Fractional bool // a fractional number is in it
	Overflow   bool // the whole ones do not fit 64 bits
}

// Add adds another sum.
func (s *Sum) Add(o Sum) {
	n := s.Whole + o.Whole
	s.Overflow = s.Overflow || o.Overflow || o.Whole > 0 && n < s.Whole || o.Whole < 0 && n > s.Whole
	s.Whole = n
	s.Fraction += o.Fraction
	s.Fractional = s.Fractional || o.Fractional
}

// AddValue adds what is a number.
func (s *Sum) AddValue(v any) {
	switch x := v.(type) {
	case int64:
		s.Add(Sum{Whole: x})
	case float64:
		s.Add(Sum{Fraction: x, Fractional: true})
	}
}

func (s Sum) value() ref.Val {
	switch {
	case s.Overflow:
		return types.NewErr("the whole number does not fit 64 bits")
	case s.Fractional:
		return types.Double(s.Fraction + float64(s.Whole))
	}
	return types.Int(s.Whole)
}

// The names of the types of `score` and `segment`.
const (
	scoreTypeName   = "wend.score"
	segmentTypeName = "wend.segment"
)

// stateVar is the name under which the customer's state reaches functions. No author can write it.
const stateVar = "@state"

var (
	scoreType   = types.NewObjectType(scoreTypeName)
	segmentType = types.NewObjectType(segmentTypeName)
	stateType   = types.NewOpaqueType("wend.state")
)

// state is what `score`, `segment` and the functions of windows read.
type state struct {
	object
	kind *types.Type
	of   State
}

func (s *state) Equal(other ref.Val) ref.Val { return types.Bool(other == ref.Val(s)) }
func (s *state) Type() ref.Type              { return s.kind }
func (s *state) Value() any                  { return s }

// errNoState is what a name of the state gives where an evaluation was given none.
func errNoState() ref.Val { return types.NewErr("nothing is known of the customer") }

func stateOf(target any) State {
	if s, ok := target.(*state); ok {
		return s.of
	}
	return nil
}

// scoreFields are the fields of `score`.
func scoreFields(scores []Score) map[string]*types.FieldType {
	fields := map[string]*types.FieldType{}
	for i, sc := range scores {
		t := types.DoubleType
		if sc.Whole {
			t = types.IntType
		}
		fields[sc.Name] = &types.FieldType{
			Type:  t,
			IsSet: func(any) bool { return true },
			GetFrom: func(target any) (any, error) {
				s := stateOf(target)
				if s == nil {
					return errNoState(), nil
				}
				if sc.Whole {
					return int64(s.Score(i)), nil
				}
				return s.Score(i), nil
			},
		}
	}
	return fields
}

// segmentFields are the fields of `segment`.
func segmentFields(segments []string) map[string]*types.FieldType {
	fields := map[string]*types.FieldType{}
	for i, name := range segments {
		fields[name] = &types.FieldType{
			Type:  types.BoolType,
			IsSet: func(any) bool { return true },
			GetFrom: func(target any) (any, error) {
				s := stateOf(target)
				if s == nil {
					return errNoState(), nil
				}
				return s.Segment(i), nil
			},
		}
	}
	return fields
}

// timestamp is an instant as CEL has them.
func timestamp(ms int64) ref.Val {
	at := time.UnixMilli(ms).UTC()
	if !inRange(at) {
		return types.NewErr("the time is outside the years 1 to 9999")
	}
	return types.Timestamp{Time: at}
}
