package schemas

import "sort"

// A value is what events, profiles and parameters are made of: nil, bool, int64, float64, string, []any or
// map[string]any of such values. A JSON number without fraction and exponent that fits 64 bits is an int64, any other
// a float64. Nothing else may stand in an any of this package.

// Field is a named value.
type Field struct {
	Name  string
	Value any
}

// Fields are named values in order of their names, each name once. A slice rather than a map: small, few pointers, and
// encoded the same way each time.
type Fields []Field

func (f Fields) find(name string) (int, bool) {
	i := sort.Search(len(f), func(i int) bool { return f[i].Name >= name })
	return i, i < len(f) && f[i].Name == name
}

// Field returns the value of that name, and whether there is one.
func (f Fields) Field(name string) (any, bool) {
	if i, ok := f.find(name); ok {
		return f[i].Value, true
	}
	return nil, false
}

// Set puts the value under the name and returns the fields, which may share f's memory.
func (f Fields) Set(name string, value any) Fields {
	i, ok := f.find(name)
	if ok {
		f[i].Value = value
		return f
	}
	f = append(f, Field{})
	copy(f[i+1:], f[i:])
	f[i] = Field{name, value}
	return f
}

// Delete takes the name away and returns the fields, which share f's memory.
func (f Fields) Delete(name string) Fields {
	i, ok := f.find(name)
	if !ok {
		return f
	}
	copy(f[i:], f[i+1:])
	f[len(f)-1] = Field{}
	return f[:len(f)-1]
}

// Map returns the fields as a map of their own.
func (f Fields) Map() map[string]any {
	m := make(map[string]any, len(f))
	for _, x := range f {
		m[x.Name] = x.Value
	}
	return m
}
