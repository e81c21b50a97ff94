package expr

import (
	"maps"
	"slices"

	"wend/engine/journey/domain"
)

// Judge says what conditions can come to, without evaluating them: by an abstract interpretation over sets of values, along
// what is known where a condition stands. It says only what it can prove. A Judge is used by one goroutine.
//
// # How
//
// Known is a set of facts: for an expression without variables, such as event.price or count("browse", "10m"), the values
// that it may have. Assume narrows them by a condition that holds, or that does not; where a fact is left with no value
// the assumption cannot be. So a condition never holds where assuming that it does cannot be, and always holds where the
// opposite cannot be. What a fact came from is kept with it, and is the proof.
type Judge struct {
	segments []*Condition
	scores   []domain.Set
	left     int // steps of work
	keys     map[*compiled]map[int64]key
}

// maxJudged bounds the work of one judgement, in nodes of expressions looked at. Beyond it nothing is proved.
const maxJudged = 20_000

// NewJudge returns a judge for conditions of one Env: the conditions of its segments and the values of its scores stand in
// the order of Names. A nil condition is of a segment of which nothing is known.
func NewJudge(segments []*Condition, scores []domain.Set) *Judge {
	return &Judge{segments: segments, scores: scores, keys: map[*compiled]map[int64]key{}}
}

// Event is what is known of an event before any condition is looked at.
type Event struct {
	Shapes []*domain.Shape // it is of one of them; none: anything
	Types  []string        // its type is one of these; none: any
}

// Known is what is known where a condition stands. It does not change; a nil Known says that nobody comes there.
type Known struct {
	facts        map[string]fact
	event, enter Event
	same         bool // event is enter
}

// fact is what an expression may come to.
type fact struct {
	set   domain.Set
	reads reads
	from  []int
}

// maxFacts bounds what is known at a place; further facts are left out.
const maxFacts = 256

// At is what is known of a place where these are the events, before any condition.
func At(event, enter Event) *Known { return &Known{event: event, enter: enter} }

// Entered is what the first step of an enrollment knows: its event is the one that entered, of which k knows something.
func (k *Known) Entered() *Known {
	if k == nil {
		return nil
	}
	out := &Known{facts: make(map[string]fact, len(k.facts)), event: k.event, enter: k.event, same: true}
	for name, f := range k.facts {
		f.reads.event, f.reads.enter = false, f.reads.enter || f.reads.event
		out.facts[asEnter(name)] = f
	}
	return out
}

// Moved is what is known once another event, or one of several, has taken the place of `event`.
func (k *Known) Moved(to Event) *Known {
	if k == nil {
		return nil
	}
	out := k.Forget(func(r Volatile) bool { return r.Event })
	out.event, out.same = to, false
	return out
}

// Volatile is what a fact depends on.
type Volatile struct {
	Event   bool     // but not where it is the event that entered
	Profile []string // attributes
	State   bool     // scores, windows
	Now     bool
	Sent    bool
}

// Forget leaves out the facts for which gone is true.
func (k *Known) Forget(gone func(Volatile) bool) *Known {
	if k == nil {
		return nil
	}
	out := &Known{facts: make(map[string]fact, len(k.facts)), event: k.event, enter: k.enter, same: k.same}
	for name, f := range k.facts {
		if !gone(Volatile{Event: f.reads.event, Profile: f.reads.profile, State: f.reads.state, Now: f.reads.now, Sent: f.reads.sent}) {
			out.facts[name] = f
		}
	}
	return out
}

// apart makes the facts of `event` ones of their own where it was the event that entered.
func (k *Known) apart() *Known {
	if !k.same {
		return k
	}
	out := k.clone()
	for name, f := range k.facts {
		if f.reads.enter && !f.reads.event {
			f.reads.event = true
			out.facts[asEvent(name)] = f
		}
	}
	out.same = false
	return out
}

func (k *Known) clone() *Known {
	out := *k
	out.facts = maps.Clone(k.facts)
	if out.facts == nil {
		out.facts = map[string]fact{}
	}
	return &out
}

// Join is what is known where two ways meet.
func Join(a, b *Known) *Known {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	if a.same != b.same {
		a, b = a.apart(), b.apart()
	}
	out := &Known{facts: map[string]fact{}, event: joinEvents(a.event, b.event), enter: a.enter, same: a.same}
	for name, f := range a.facts {
		g, ok := b.facts[name]
		if !ok {
			continue
		}
		f.set, f.from = f.set.Union(g.set), unite(f.from, g.from)
		out.facts[name] = f
	}
	return out
}

func joinEvents(a, b Event) Event {
	var out Event
	if len(a.Shapes) > 0 && len(b.Shapes) > 0 {
		out.Shapes = append(slices.Clone(a.Shapes), b.Shapes...)
	}
	if len(a.Types) > 0 && len(b.Types) > 0 {
		out.Types = unite(a.Types, b.Types)
	}
	return out
}

func unite[T int | string](a, b []T) []T {
	out := append(slices.Clone(a), b...)
	slices.Sort(out)
	return slices.Compact(out)
}

// Assume is what is known where the condition was found to hold, or not to hold; nil where that cannot be. from names the
// condition in proofs.
func (j *Judge) Assume(k *Known, c *Condition, holds bool, from int) *Known {
	if k == nil || c == nil {
		return k
	}
	want := domain.True
	if !holds {
		want = domain.False | domain.Error
	}
	return j.assumed(k, c.c, c.root(), want, from, nil)
}

// Fits is what is known where the expression came to one of the values.
func (j *Judge) Fits(k *Known, x *Expression, values domain.Set, from int) *Known {
	if k == nil || x == nil {
		return k
	}
	j.left = maxJudged
	a := &assumption{j: j, c: x.c, from: from, proof: map[string]Fact{}}
	return a.fits(k.clone(), x.c.explainer.checked.NativeRep().Expr(), values)
}
