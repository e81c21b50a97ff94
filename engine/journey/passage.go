package journey

import (
	"hash/fnv"
	"reflect"

	"wend/schemas"
)

// versions are what a head knows of its journey's other versions.
type versions struct {
	gone     bool       // the workspace does not have the journey: nobody enters
	older    []*plan    // somebody may be pinned to them, ascending
	passages []*passage // of the others those inside go on to another, ascending by from
	unknown  *passage   // of versions that the release does not name; nil: they stand still, or go by the head
}

// of returns the plan by which an enrollment of a version goes; nil: it stands still until it changes over, or for good.
func (j *plan) of(version uint64) *plan {
	if version == j.version || j.unknown == nil && !j.gone {
		return j
	}
	for _, o := range j.older {
		if o.version == version {
			return o
		}
	}
	return nil
}

// all are the head's plan and those of its pinned versions.
func (j *plan) all() []*plan { return append([]*plan{j}, j.older...) }

// passage returns how the enrollments of a version go on in another; nil: they do not.
func (j *plan) passage(version uint64) *passage {
	if version == j.version || j.unknown == nil && len(j.passages) == 0 {
		return nil
	}
	for _, x := range j.passages {
		if x.from == version {
			return x
		}
	}
	if j.of(version) != nil {
		return nil
	}
	return j.unknown
}

// definition is a version's tree.
type definition struct {
	version uint64
	src     *Journey
}

// passage is the way from one version to the next that has those inside go on in it, or leave.
type passage struct {
	from, to uint64
	exit     bool
	old      *outline // nil: of a version that nobody knows any more
	new      *outline
	moves    map[string]string
}

func newPassage(from, to definition) *passage {
	x := &passage{from: from.version, to: to.version, exit: from.src != nil && to.src.OnUpdate == onUpdateExit, new: newOutline(to.src)}
	if from.src != nil {
		x.old = newOutline(from.src)
	}
	x.moves = make(map[string]string, len(to.src.Moves))
	for _, m := range to.src.Moves {
		x.moves[m.Old.Value] = m.New.Value
	}
	return x
}

// outline is of a version's tree what following needs.
type outline struct {
	src     *Journey
	steps   map[string]*Step    // waits, awaits and repeats, by id
	repeats map[string][]string // of waits and awaits, the repeats around them
	counts  map[string]uint64   // triggers that count, by their place in documents: what they count, as a hash
}

func newOutline(src *Journey) *outline {
	o := &outline{src: src, steps: map[string]*Step{}, repeats: map[string][]string{}, counts: map[string]uint64{}}
	o.walk(src.Steps, nil)
	if g := src.Goal; g != nil && g.Times > 0 {
		o.counts[placeGoal] = sameEvents(g)
	}
	for i, x := range src.Exits {
		if x.Times > 0 {
			o.counts[place("exit", i)] = sameEvents(x)
		}
	}
	return o
}

func (o *outline) walk(steps []*Step, around []string) {
	for _, s := range steps {
		id := s.Place
		if s.OwnID != nil {
			id = s.OwnID.Value
		}
		inner := around
		switch {
		case s.Wait != nil || s.Await != nil:
			o.steps[id], o.repeats[id] = s, around
		case s.Repeat != nil:
			o.steps[id] = s
			inner = append(around[:len(around):len(around)], id)
		}
		for _, list := range s.lists() {
			o.walk(list, inner)
		}
	}
}

// stands says whether an enrollment can stand at a step of that id.
func (o *outline) stands(id string) bool {
	s := o.steps[id]
	return s != nil && s.Repeat == nil
}

// meaningOf is a hash of what parts of the tree mean.
func meaningOf(parts ...any) uint64 {
	h := fnv.New64a()
	for _, x := range parts {
		meaning{h}.value(reflect.ValueOf(x))
	}
	return h.Sum64()
}

// sameEvents names the events that a trigger asks for, not what follows.
func sameEvents(t *Trigger) uint64 {
	bare := *t
	bare.Do, bare.Reason = nil, nil
	return meaningOf(bare)
}

// sameLength says whether two steps last equally long: then an enrollment's due time stays what it is.
func sameLength(a, b *Step) bool {
	switch {
	case a == nil || b == nil:
		return true // nothing is known of how it was
	case a.Wait != nil && b.Wait != nil:
		return meaningOf(*a.Wait) == meaningOf(*b.Wait)
	case a.Await != nil && b.Await != nil:
		return a.Await.Within == b.Await.Within && a.Await.Forever == b.Await.Forever
	}
	return false
}

// follow gives the id under which a step of the old version goes on in the new one; false: it is gone.
func (x *passage) follow(id string) (string, bool) {
	if x.new.steps[id] != nil {
		return id, true
	}
	to, ok := x.moves[id]
	return to, ok && x.new.steps[to] != nil
}

// event gives the place, among the events of an await of the new version, of one that the old version's had; -1: it is gone.
func (x *passage) event(from, to string, index int) int {
	n := x.new.steps[to]
	if n == nil || n.Await == nil || index < 0 {
		return -1
	}
	if x.old == nil {
		if index >= max(1, len(n.Await.Events)) {
			return -1
		}
		return index
	}
	o := x.old.steps[from]
	switch {
	case o == nil || o.Await == nil:
		return -1
	case o.Await.Until != nil:
		if n.Await.Until == nil || o.Await.Until.Value != n.Await.Until.Value {
			return -1
		}
		return index
	case index >= len(o.Await.Events):
		return -1
	}
	want := sameEvents(o.Await.Events[index])
	for i, t := range n.Await.Events {
		if sameEvents(t) == want {
			return i
		}
	}
	return -1
}

// early gives what is kept of a match for an await of the old version in the new one; false: nothing.
func (x *passage) early(e schemas.Early) (schemas.Early, bool) {
	to, ok := x.follow(e.Step)
	if !ok {
		return e, false
	}
	index := x.event(e.Step, to, e.Index)
	e.Step, e.Index = to, index
	return e, index >= 0
}
