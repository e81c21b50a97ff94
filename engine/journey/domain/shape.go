package domain

// Shape is what a value may be, with what its fields may be where it is a map. A nil Shape is of anything.
type Shape struct {
	Self   Set               // Absent in it: it need not be there
	Fields map[string]*Shape // nil: nothing is known of any
	Rest   *Shape            // every other field: nil is anything
}

// Field is what a field of the value may be.
func (s *Shape) Field(name string) *Shape {
	if s == nil {
		return nil
	}
	if f, ok := s.Fields[name]; ok {
		return f
	}
	return s.Rest
}

// Values is what the value may be.
func (s *Shape) Values() Set {
	if s == nil {
		return Anything()
	}
	return s.Self
}
