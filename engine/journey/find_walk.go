package journey

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"wend/engine/journey/domain"
	"wend/engine/journey/expr"
)

// A journey is walked along its steps once, with what is known where each stands: what the conditions on the way there said,
// as long as nothing can have changed of what they read. A wait keeps what was known of the events, for `enter` never
// changes and `event` only when an event moves the enrollment, and nothing of the profile and of time.

// walk is the walk through one journey.
type walk struct {
	*finder
	p       *planner
	reached map[*Step]bool
	left    map[string]bool // sends that may have left by now
	inside  *expr.Known     // what is known of an enrollment, wherever it is
}

func (w *walk) journey() {
	src := w.p.src
	start := w.entry()
	if start == nil {
		return // its condition is reported: what is behind it need not be
	}
	w.inside = start.Forget(func(v expr.Volatile) bool { return v.Event || v.State || v.Now || v.Sent || len(v.Profile) > 0 })
	w.steps(start, src.Steps)
	w.triggers()
	w.p.walk(func(s *Step) { w.never[s] = w.never[s] || !w.reached[s] })
	was := w.p.flooded()
	if src.Goal != nil {
		w.unreached(src.Goal.Do, was)
	}
	for _, x := range src.Exits {
		w.unreached(x.Do, was)
	}
	w.unreached(src.Steps, was)
}

// entry is what is known at the first step.
func (w *walk) entry() *expr.Known {
	e := w.p.src.Enter
	k := expr.At(w.offered(&e.Trigger), expr.Event{})
	if e.Becomes != nil {
		w.becomes(&e.Trigger, "")
	}
	if e.If != nil {
		w.look(k, w.p.plan.enter.cond, e.If, w.p.src.Name.Value, "enter")
		k = w.judge.Assume(k, w.p.plan.enter.cond, true, w.number(e.If))
	}
	if e.Key != nil && k != nil {
		keys := domain.Of(domain.Int | domain.Bool | domain.Text)
		keys.Texts = domain.Texts{Except: true, List: []string{""}}
		if k = w.judge.Fits(k, w.p.plan.key, keys, w.number(e.Key)); k == nil {
			w.report(Finding{Kind: Unmatched, Journey: w.p.src.Name.Value}, e.Key.Pos,
				"nobody enters: a key is a text that is not empty, a whole number or a boolean, and this is never one for such an event")
		}
	}
	return k.Entered()
}

// offered is what is known of what a trigger is offered.
func (w *walk) offered(t *Trigger) expr.Event {
	switch {
	case len(t.On) > 0:
		return w.event(t.On)
	case t.Inactive != nil:
		return bareEvent("inactive")
	case t.Date != nil:
		return bareEvent("date")
	case t.Schedule != nil:
		return bareEvent("schedule")
	}
	return expr.Event{} // `becomes` leaves it as it was
}

// bareEvent is what there is in place of an event: a type and a time.
func bareEvent(kind string) expr.Event {
	nothing := &domain.Shape{Self: domain.Of(domain.Absent)}
	return expr.Event{Types: []string{kind}, Shapes: []*domain.Shape{{Self: domain.Of(domain.Map), Rest: nothing}}}
}

// becomes judges a condition that is to turn true.
func (w *walk) becomes(t *Trigger, place string) {
	for _, b := range w.p.becoming {
		if b.place == place {
			w.look(expr.At(expr.Event{}, expr.Event{}), b.cond, t.Becomes, w.p.src.Name.Value, placeName(place))
		}
	}
}

// triggers walks the goal and the exits, which are offered events wherever the enrollment is.
func (w *walk) triggers() {
	src, name := w.p.src, w.p.src.Name.Value
	one := func(t *Trigger, c *trigger, place string, earlier []*Trigger, compiled []trigger) {
		k := w.inside.Moved(w.triggering(t))
		if t.Becomes != nil {
			w.becomes(t, place)
		}
		if t.If != nil {
			w.look(k, c.cond, t.If, name, place)
			k = w.judge.Assume(k, c.cond, true, w.number(t.If))
		}
		w.taken(w.inside, t, c, earlier, compiled, nil, nil)
		if place == placeGoal { // those of other enrollments may come first, and change the profile
			k = w.waited(k)
		}
		w.steps(k, t.Do)
	}
	for i, x := range src.Exits {
		one(x, &w.p.plan.exits[i], fmt.Sprintf("exit[%d]", i), src.Exits[:i], w.p.plan.exits[:i])
	}
	if src.Goal != nil {
		one(src.Goal, w.p.plan.goal, placeGoal, nil, nil)
	}
	for _, t := range append(slices.Clone(src.Exits), src.Goal) {
		if t != nil {
			w.of(t)
		}
	}
}

// triggering is what `event` is once a goal or an exit has fired.
func (w *walk) triggering(t *Trigger) expr.Event {
	if len(t.On) > 0 {
		return w.event(t.On)
	}
	return expr.Event{} // a condition or a moment leaves it as it was
}

// steps walks a list, and is what is known behind it; nil where nobody gets there.
func (w *walk) steps(k *expr.Known, steps []*Step) *expr.Known {
	for _, s := range steps {
		at, ok := w.p.nodes[s]
		if k == nil || !ok {
			return nil
		}
		w.reached[s] = true
		n := &w.p.plan.nodes[at]
		over := (*expr.Known)(nil)
		if s.If != nil {
			w.look(k, n.cond, s.If, w.p.src.Name.Value, n.id)
			over = w.judge.Assume(k, n.cond, false, w.number(s.If))
			k = w.judge.Assume(k, n.cond, true, w.number(s.If))
		}
		if k == nil {
			w.never[s] = true
		} else {
			k = w.step(k, s, n)
		}
		k = expr.Join(over, k)
	}
	return k
}

// waited is what a wait leaves known.
func (w *walk) waited(k *expr.Known) *expr.Known {
	return k.Forget(func(v expr.Volatile) bool { return v.State || v.Now || v.Sent || len(v.Profile) > 0 })
}

func (w *walk) step(k *expr.Known, s *Step, n *node) *expr.Known {
	switch {
	case s.Wait != nil:
		return w.waited(k)
	case s.Await != nil:
		return w.await(k, s, n)
	case s.Branch != nil:
		return w.branch(k, s, n)
	case s.Split != nil:
		var out *expr.Known
		for i := range s.Split.Arms {
			out = expr.Join(out, w.steps(k, s.Split.Arms[i].Do))
		}
		return out
	case s.Choose != nil:
		out := k // none may be eligible: a score may fail
		for i, c := range s.Choose {
			way := k
			if c.If != nil {
				w.look(k, n.arms[i].cond, c.If, w.p.src.Name.Value, n.arms[i].place)
				way = w.judge.Assume(k, n.arms[i].cond, true, w.number(c.If))
			}
			out = expr.Join(out, w.steps(way, c.Do))
		}
		return out
	case s.Repeat != nil:
		return w.repeat(k, s, n)
	case s.Send != nil:
		w.left[n.id] = true
		return k.Forget(func(v expr.Volatile) bool { return v.Sent })
	case s.Set != nil:
		return w.set(k, s)
	case s.Tag != nil, s.Untag != nil:
		return w.changed(k, "tags")
	case s.Emit != nil:
		return k // it is handled when this enrollment stands
	}
	return nil
}

// changed is what is known once an attribute has another value.
func (w *walk) changed(k *expr.Known, name string) *expr.Known {
	return k.Forget(func(v expr.Volatile) bool { return slices.Contains(v.Profile, name) })
}

// set knows what is written; the rest it forgets.
func (w *walk) set(k *expr.Known, s *Step) *expr.Known {
	for i := range s.Set {
		k = w.changed(k, s.Set[i].Name.Value)
	}
	for i := range s.Set {
		a := &s.Set[i]
		if a.Value == nil || a.Value.Kind != TextValue || strings.Contains(a.Value.Text.Value, "{{") {
			continue
		}
		// An attribute of a text is that text now.
		text := strconv.Quote(a.Value.Text.Value)
		if strings.Contains(text, `\`) || w.c.p.profile[a.Name.Value] != expr.String {
			continue
		}
		if cond, err := w.c.env.Condition("profile."+a.Name.Value+" == "+text, derived); err == nil {
			if now := w.judge.Assume(k, cond, true, w.number(a.Value.Text)); now != nil {
				k = now
			}
		}
	}
	return k
}

func (w *walk) branch(k *expr.Known, s *Step, n *node) *expr.Known {
	rest, out := k, (*expr.Known)(nil)
	name := w.p.src.Name.Value
	for i, a := range s.Branch {
		if rest == nil {
			break
		}
		way := rest
		if a.If != nil {
			cond := n.arms[i].cond
			v := w.judge.Judge(rest, cond)
			_, constant := cond.Constant()
			// That the last arm takes all that the others left is how one writes it.
			if last := i == len(s.Branch)-1; !constant && (!v.Always || !last || w.judge.Judge(k, cond).Always) {
				w.tell(v, cond, a.If, name, n.arms[i].place)
			}
			way = w.judge.Assume(rest, cond, true, w.number(a.If))
			rest = w.judge.Assume(rest, cond, false, w.number(a.If))
		} else {
			rest = nil
		}
		out = expr.Join(out, w.steps(way, a.Do))
	}
	return expr.Join(out, rest)
}

// repeat walks the body once, knowing only what no round changes.
func (w *walk) repeat(k *expr.Known, s *Step, n *node) *expr.Known {
	if s.Repeat.Times > 1 {
		k = w.waited(k)
		moved := false
		walkSteps(s.Repeat.Do, func(x *Step) {
			if x.Send != nil {
				w.left[w.p.ids[x]] = true // in the round before
			}
			moved = moved || x.Await != nil && len(x.Await.Events) > 0
		})
		if moved {
			k = k.Moved(expr.Event{})
		}
	}
	k = w.steps(k, s.Repeat.Do)
	if s.Repeat.Until != nil {
		w.look(k, n.repeat.until, s.Repeat.Until, w.p.src.Name.Value, n.repeat.place)
	}
	return k
}

// unreached reports the first step of each list that nothing leads to, of those of which compile said nothing.
func (w *walk) unreached(steps []*Step, was []bool) {
	for _, s := range steps {
		n, ok := w.p.nodes[s]
		if !ok || !was[n] {
			return
		}
		if !w.reached[s] {
			w.report(Finding{Kind: Unreachable, Journey: w.p.src.Name.Value, Step: w.p.ids[s]}, s.Pos, "the step %s can't be reached", s.Place)
			return
		}
		for _, list := range s.lists() {
			w.unreached(list, was)
		}
	}
}
