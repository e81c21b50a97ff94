package journey

import (
	"math/bits"
	"slices"

	"wend/engine/journey/expr"
	"wend/schemas"
)

// Looks: conditions that are acted upon when they turn true (`becomes`) or hold (`await: {until}`), not when they are
// asked for.
//
// A look evaluates only the conditions of which an input has changed: each attribute, score and type of event knows who
// reads it (watchers). After a look every condition of `becomes` has in the document the value that it has then, so that
// evaluating all of them would find nothing more.

// look is a condition that is looked at: one of `becomes`, or all that a journey's awaits have.
type look struct {
	plan  *plan
	cond  *expr.Condition // nil: the awaits of the plan
	name  uint64          // what documents call it: a hash, its lowest bit 0
	place string
}

// noLook is the look of a trigger that is not one of `becomes`.
const noLook int32 = -1

// watchers are the looks that read something: places in Program.looks.
type watchers []int32

// leaving is a window of time that looks read: an event that leaves it may turn them.
type leaving struct {
	typ    *typeIndex
	within int64
	watch  watchers
}

// held is an enrollment whose await holds.
type held struct {
	look   int32
	number uint64
}

// maxLooks is how many rounds of looks may follow from one event or timer. Journeys that turn each other's conditions
// would go on for ever.
const maxLooks = 100

// becomesType is what an entry without an event has for one.
var becomesType = typeIndex{name: "becomes", id: -1}

// touched marks what reads something that changed.
func (s *stepper) touched(w watchers) {
	for _, id := range w {
		s.dirty[id>>6] |= 1 << (id & 63)
		s.stirred = true
	}
}

// advance moves the customer's time on, and marks what reads windows that events leave thereby.
func (s *stepper) advance(to int64) {
	if to <= s.doc.Time {
		return
	}
	for i := range s.p.leaving {
		l := &s.p.leaving[i]
		if nextLeave(s.doc, l, s.doc.Time) <= to {
			s.touched(l.watch)
		}
	}
	s.doc.Time = to
}

// nextLeave is the first moment behind after at which a window may have lost something, or Never.
func nextLeave(doc *schemas.Document, l *leaving, after int64) int64 {
	at, found := findSeries(doc.Series, l.typ.name)
	if !found {
		return schemas.Never
	}
	x := &doc.Series[at]
	i := len(x.Times)
	for i > 0 && later(x.Times[i-1], l.within) > after {
		i--
	}
	if i == len(x.Times) {
		return schemas.Never
	}
	next := later(x.Times[i], l.within)
	if i > len(x.Times)-maxTimes {
		return next
	}
	// There are buckets: the oldest of which something is inside leaves as a whole.
	oldest := bucketOf(x.Times[i], l.within)
	for k := range x.Older {
		if b := &x.Older[k]; b.Within == l.within && b.Index >= oldestBucket(after, l.within) {
			oldest = min(oldest, b.Index)
			break
		}
	}
	if leaves := bucketStart(oldest+1, l.within) + l.within - 1; leaves > after {
		next = min(next, leaves)
	}
	return next
}

// windowTimer finds when an event leaves a window that a look reads. There is nothing to disarm: once the customer's time
// is there it has left.
func windowTimer(p *Program, doc owner, first timer) timer {
	for i := range p.leaving {
		if due := nextLeave(doc.Document, &p.leaving[i], doc.Time); due <= first.due && due != schemas.Never {
			if t := (timer{due: due, rank: profileRank, number: entryNumber}); t.before(&first) {
				first = t
			}
		}
	}
	return first
}

// fireWindow has nothing to do: that the customer's time came there marked who has to look.
func (s *stepper) fireWindow(timer) {}

// know makes the document know what the program looks at. What it does not know takes the present value as the old one:
// that of a customer of whom nothing is known before the first event, and of a journey newly deployed the present one.
// What the program does not remember is forgotten.
func (s *stepper) know() {
	if s.doc.Known == s.p.known {
		return
	}
	s.out.Changed = true
	looks := make([]uint64, 0, len(s.p.looks))
	for id := range s.p.looks {
		l := &s.p.looks[id]
		if l.cond == nil {
			s.touched(watchers{int32(id)})
			continue
		}
		if at, found := findLook(s.doc.Looks, l.name); found {
			looks = append(looks, s.doc.Looks[at])
			s.touched(watchers{int32(id)}) // what its names mean may be new
			continue
		}
		value := l.name
		if holds, _ := s.holds(l.cond, l.plan, nil, l.place); holds {
			value |= 1
		}
		looks = append(looks, value)
	}
	slices.Sort(looks)
	s.doc.Looks, s.doc.Known = looks, s.p.known
	s.doc.Series = slices.DeleteFunc(s.doc.Series, func(x schemas.Series) bool {
		t := s.p.types[x.Type]
		return t == nil || t.series == nil
	})
	s.doc.Scores = slices.DeleteFunc(s.doc.Scores, func(x schemas.ScoreState) bool { return s.p.scoreNamed(x.Name) == nil })
}

func findLook(looks []uint64, name uint64) (int, bool) {
	i, _ := slices.BinarySearch(looks, name)
	return i, i < len(looks) && looks[i]&^1 == name
}

// look evaluates what has changed, and reports whether anything is to be acted upon.
func (s *stepper) look() bool {
	s.turned, s.holding = s.turned[:0], s.holding[:0]
	if !s.stirred {
		return false
	}
	s.stirred = false
	inHand := s.inHand
	s.inHand = false
	for w := range s.dirty {
		for s.dirty[w] != 0 {
			id := int32(w<<6 + bits.TrailingZeros64(s.dirty[w]))
			s.dirty[w] &= s.dirty[w] - 1
			l := &s.p.looks[id]
			if l.cond == nil && s.lookAtAwaits(id, l) || l.cond != nil && s.lookAt(l) {
				s.turned = append(s.turned, id)
			}
		}
	}
	s.inHand = inHand
	return len(s.turned) > 0
}

// lookAt evaluates a condition of `becomes`, and reports whether it turned true.
func (s *stepper) lookAt(l *look) bool {
	at, found := findLook(s.doc.Looks, l.name)
	if !found {
		return false // know saw to it that there is none
	}
	now, _ := s.holds(l.cond, l.plan, nil, l.place)
	if was := s.doc.Looks[at]&1 == 1; now == was {
		return false
	}
	s.doc.Looks[at] ^= 1
	if s.out.Tracing {
		d := s.about(DecidedTurned, l.plan, nil, l.place)
		d.Detail = "false"
		if now {
			d.Detail = "true"
		}
		s.trace(d)
	}
	return now
}

// lookAtAwaits evaluates the conditions that enrollments of a journey await.
func (s *stepper) lookAtAwaits(id int32, l *look) bool {
	at, found := findState(s.doc, l.plan.name)
	if !found {
		return false
	}
	before := len(s.holding)
	for i := range s.doc.Journeys.At(at).Running {
		en := &s.doc.Journeys.At(at).Running[i]
		n, ok := l.plan.standing[en.Step]
		if !ok || l.plan.head.of(en.Version) != l.plan || l.plan.nodes[n].await.until == nil {
			continue
		}
		if ok, _ := s.holds(l.plan.nodes[n].await.until, l.plan, en, en.Step); ok {
			s.holding = append(s.holding, held{id, en.Number})
		}
	}
	return len(s.holding) > before
}

// holdsNow reports whether the look found that what the enrollment awaits holds.
func (s *stepper) holdsNow(j *plan, en *schemas.Enrollment) bool {
	return len(s.holding) > 0 && slices.Contains(s.holding, held{j.untils, en.Number})
}

// turnedTrue reports whether the trigger's condition is one that turned, in the round of its journey.
func (s *stepper) turnedTrue(t *trigger) bool {
	return t.look != noLook && slices.Contains(s.news, t.look)
}

// point4 offers the event in hand, if any, and what turned; then what steps changed is looked at, in rounds without the
// event, until nothing turns.
func (s *stepper) point4(wants *interests) {
	s.round(wants)
	for n := 0; s.stirred; n++ {
		s.setEvent(nil, nil)
		if n == maxLooks {
			clear(s.dirty)
			s.stirred = false
			s.out.Counters.Cut++
			if s.out.Tracing {
				s.trace(Decision{Kind: DecidedCut, Detail: "conditions turned each other more than 100 times"})
			}
			return
		}
		if s.look() {
			s.moment = schemas.Event{Type: becomesType.name, Time: s.doc.Time}
			s.setEvent(&s.moment, &becomesType)
			s.offered.bare = true
			s.round(nil)
		}
	}
}

// round goes through the journeys to which the event matters or of which something turned, in their order; wants is nil
// where there is no event.
func (s *stepper) round(wants *interests) {
	if wants == nil {
		wants = &s.p.nobody
	}
	s.sift(wants)
	for i, k := 0, 0; ; {
		at := s.next(wants, i)
		var j *plan
		if k < len(s.turned) {
			j = s.p.looks[s.turned[k]].plan.head
			at = min(at, wants.from(j.rank))
		}
		s.passOver(wants, i, at)
		i = at
		var t touch
		if at < len(wants.touches) && (j == nil || wants.touches[at].plan.rank <= j.rank) {
			t = wants.touches[at]
			j = t.plan
			i++
		} else if j == nil {
			break
		}
		from := k
		for k < len(s.turned) && s.p.looks[s.turned[k]].plan.head == j {
			k++
		}
		s.news = s.turned[from:k]
		barred := t.enter && s.barred[at/64]>>(at%64)&1 == 1
		t.enter = t.enter && !barred
		s.offer(j, t)
		if barred {
			s.passOver(wants, at, at+1)
		}
	}
	s.tellRefused()
	s.news, s.turned, s.holding = nil, s.turned[:0], s.holding[:0]
}
