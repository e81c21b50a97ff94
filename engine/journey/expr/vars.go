package expr

import (
	"errors"
	"reflect"
	"sync"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"

	"wend/schemas"
)

// The names of an expression are resolved against Vars as they are asked for: no map is built, and a field that no
// expression reads is never looked up.

// zoneVar is the name under which the customer's zone reaches functions. No author can write it.
const zoneVar = "@zone"

// activation is the state of one evaluation. It is taken from a pool, used by one goroutine, and put back.
type activation struct {
	vars    *Vars
	event   fields
	enter   fields
	profile profile
	sent    sentAll
	score   state
	segment state
	state   state
	zone    zone
}

// pool of activations: scratch memory, nothing of which outlives an evaluation.
var pool = sync.Pool{New: func() any { return new(activation) }}

func newActivation(v *Vars) *activation {
	a := pool.Get().(*activation)
	a.vars = v
	a.event.src, a.enter.src = v.Event, v.Enter
	a.profile.fields = v.Profile
	a.sent.list = v.Sent
	a.zone.loc = v.Zone
	a.score.kind, a.segment.kind, a.state.kind = scoreType, segmentType, stateType
	a.score.of, a.segment.of, a.state.of = v.State, v.State, v.State
	return a
}

func (a *activation) release() {
	*a = activation{}
	pool.Put(a)
}

// ResolveName implements cel.Activation.
func (a *activation) ResolveName(name string) (any, bool) {
	switch name {
	case "event":
		return &a.event, true
	case "enter":
		return &a.enter, true
	case "profile":
		return &a.profile, true
	case "sent":
		return &a.sent, true
	case "now":
		return types.Timestamp{Time: time.UnixMilli(a.vars.Now).UTC()}, true
	case "score":
		return &a.score, true
	case "segment":
		return &a.segment, true
	case stateVar:
		return &a.state, true
	case zoneVar:
		return &a.zone, true
	}
	return nil, false
}

// Parent implements cel.Activation.
func (a *activation) Parent() interpreter.Activation { return nil }

// errUnknown is what a name gives while an expression is looked at for being constant.
var errUnknown = errors.New("not known before it runs")

// blank is the activation in which nothing is known.
type blank struct{ unknown ref.Val }

func (b blank) ResolveName(name string) (any, bool) {
	switch name {
	case "event", "enter", "profile", "sent", "now", "score", "segment", stateVar, zoneVar:
		return b.unknown, true
	}
	return nil, false
}

func (blank) Parent() interpreter.Activation { return nil }

// object is what the values of the language's own names have in common: they can be compared with nothing and turned
// into nothing.
type object struct{}

func (object) ConvertToNative(reflect.Type) (any, error) {
	return nil, errors.New("this is not a value by itself")
}

func (object) ConvertToType(ref.Type) ref.Val { return types.NewErr("this is not a value by itself") }

// fields is an event: a map from names to values that is read field by field.
type fields struct{ src Source }

// FindStringKey gives the interpreter a field as it is, so that a path through nested maps boxes only its end.
func (f *fields) FindStringKey(name string) (any, bool) {
	if f.src == nil {
		return nil, false
	}
	return f.src.Field(name)
}

// whole returns the event as a CEL map, for everything but looking up a field.
func (f *fields) whole() traits.Mapper {
	m := map[string]any{}
	if f.src != nil {
		m = f.src.Map()
	}
	return types.DefaultTypeAdapter.NativeToValue(m).(traits.Mapper)
}

func (f *fields) ConvertToNative(t reflect.Type) (any, error) { return f.whole().ConvertToNative(t) }
func (f *fields) ConvertToType(t ref.Type) ref.Val            { return f.whole().ConvertToType(t) }
func (f *fields) Equal(other ref.Val) ref.Val {
	same, failed := equal(f, other)
	if failed != nil {
		return failed
	}
	return types.Bool(same)
}
func (f *fields) Type() ref.Type { return types.MapType }
func (f *fields) Value() any     { return f.whole().Value() }
func (f *fields) Contains(key ref.Val) ref.Val {
	_, found := f.Find(key)
	return types.Bool(found)
}
func (f *fields) Get(key ref.Val) ref.Val {
	v, found := f.Find(key)
	if !found {
		return types.NewErr("no such key: %v", key.Value())
	}
	return v
}
func (f *fields) Find(key ref.Val) (ref.Val, bool) {
	name, ok := key.(types.String)
	if !ok {
		return nil, false
	}
	v, found := f.FindStringKey(string(name))
	if !found {
		return nil, false
	}
	return types.DefaultTypeAdapter.NativeToValue(v), true
}
func (f *fields) Size() ref.Val             { return f.whole().Size() }
func (f *fields) Iterator() traits.Iterator { return f.whole().Iterator() }

// profile is the customer's attributes. Its fields are read through the accessors of its type (see attributes).
type profile struct {
	object
	fields schemas.Fields
}

func (p *profile) Equal(other ref.Val) ref.Val { return types.Bool(other == ref.Val(p)) }
func (p *profile) Type() ref.Type              { return profileType }
func (p *profile) Value() any                  { return p }

// sentAll is `sent`: a map from send ids to what left last under them.
type sentAll struct {
	object
	list []schemas.Sent
}

// FindStringKey looks a send up.
func (s *sentAll) FindStringKey(id string) (any, bool) {
	for i := range s.list {
		if s.list[i].ID == id {
			return &sentOne{sent: s.list[i]}, true
		}
	}
	return nil, false
}

func (s *sentAll) Find(key ref.Val) (ref.Val, bool) {
	id, ok := key.(types.String)
	if !ok {
		return nil, false
	}
	if v, found := s.FindStringKey(string(id)); found {
		return v.(ref.Val), true
	}
	return nil, false
}
func (s *sentAll) Get(key ref.Val) ref.Val {
	if v, found := s.Find(key); found {
		return v
	}
	return types.NewErr("no such key: %v", key.Value())
}
func (s *sentAll) Contains(key ref.Val) ref.Val {
	_, found := s.Find(key)
	return types.Bool(found)
}
func (s *sentAll) Size() ref.Val { return types.Int(len(s.list)) }
func (s *sentAll) Iterator() traits.Iterator {
	return types.NewDynamicList(types.DefaultTypeAdapter, []any{}).Iterator()
}
func (s *sentAll) Equal(other ref.Val) ref.Val { return types.Bool(other == ref.Val(s)) }
func (s *sentAll) Type() ref.Type              { return types.MapType }
func (s *sentAll) Value() any                  { return s }

// sentOne is one action that left.
type sentOne struct {
	object
	sent schemas.Sent
}

func (s *sentOne) Equal(other ref.Val) ref.Val {
	o, ok := other.(*sentOne)
	return types.Bool(ok && o.sent.ActionID == s.sent.ActionID)
}
func (s *sentOne) Type() ref.Type { return sentType }
func (s *sentOne) Value() any     { return s }

// zone carries the customer's zone to functions.
type zone struct {
	object
	loc *time.Location
}

func (z *zone) Equal(other ref.Val) ref.Val { return types.Bool(other == ref.Val(z)) }
func (z *zone) Type() ref.Type              { return zoneType }
func (z *zone) Value() any                  { return z }
