package journey

import (
	"fmt"
	"slices"
	"strings"

	"wend/engine/journey/domain"
	"wend/engine/journey/expr"
	"wend/schemas/yamlfile"
)

// await walks the ways that lead on from an await.
func (w *walk) await(k *expr.Known, s *Step, n *node) *expr.Known {
	a := s.Await
	waiting := w.waited(k)
	var out *expr.Known
	if a.Until != nil {
		// Judged on arrival and again and again: never only if never of all that is not known of later.
		v := w.judge.Judge(k, n.await.until)
		if v.Never {
			v = w.judge.Judge(waiting, n.await.until)
		}
		if _, constant := n.await.until.Constant(); !constant {
			w.tell(v, n.await.until, a.Until, w.p.src.Name.Value, n.id)
		}
		if v.Always {
			return w.steps(k, a.Do)
		}
		if !v.Never {
			out = w.steps(waiting, a.Do) // what others did of the profile at that moment is not known
		}
	}
	over := waiting // at the deadline, `event` is what it was, or what restarted the await
	for i, t := range a.Events {
		e := &n.await.events[i]
		w.schema(t)
		w.of(t)
		to := waiting.Moved(w.event(t.On))
		if t.If != nil {
			w.look(to, e.cond, t.If, w.p.src.Name.Value, e.place)
			to = w.judge.Assume(to, e.cond, true, w.number(t.If))
		}
		if to != nil && w.taken(waiting, t, e, w.p.src.Exits, w.p.plan.exits, a.Events[:i], n.await.events[:i]) {
			to = nil
		}
		if t.Of != nil && !w.left[t.Of.Value] {
			to = nil
		}
		if e.since {
			to = w.waited(to) // it was judged when it came
		}
		if e.reset {
			over = expr.Join(over, w.waited(to))
			continue
		}
		out = expr.Join(out, w.steps(to, t.Do))
	}
	if !a.Forever {
		out = expr.Join(out, w.steps(over, a.Timeout))
	}
	return out
}

// taken says whether no event that the trigger is for gets to it, because other triggers, which are offered it first, take
// each of them; it reports that, and each type of several of which it is so.
func (w *walk) taken(k *expr.Known, t *Trigger, c *trigger, exits []*Trigger, xs []trigger, earlier []*Trigger, es []trigger) bool {
	gone := 0
	for i := range t.On {
		at := k.Moved(w.event(t.On[i : i+1]))
		var by *Trigger
		take := func(list []*Trigger, compiled []trigger) {
			for m, x := range list {
				if at == nil || x.Of != nil || x.Times > 0 || !slices.ContainsFunc(x.On, func(on Text) bool { return on.Value == t.On[i].Value }) {
					continue
				}
				rest := (*expr.Known)(nil)
				if x.If != nil {
					rest = w.judge.Assume(at, compiled[m].cond, false, w.number(x.If))
				}
				if rest != nil && w.judge.Assume(rest, c.cond, true, 0) != nil {
					at = rest
					continue
				}
				if w.judge.Assume(at, c.cond, true, 0) != nil {
					by = x
				}
				at = nil
			}
		}
		take(exits, xs)
		if !c.since { // else an event that came ahead of the await may count for each of its events
			take(earlier, es)
		}
		if by == nil {
			continue
		}
		gone++
		w.report(Finding{Kind: Unmatched, Journey: w.p.src.Name.Value, Step: c.place}, t.On[i].Pos,
			"no %s gets here: the trigger at %s takes each of them first", t.On[i].Value, w.near(by.Pos, t.File))
	}
	return gone > 0 && gone == len(t.On)
}

// near is a place, for a reader of the file.
func (w *walk) near(at yamlfile.Pos, file string) string {
	if at.File == file {
		return fmt.Sprintf("%d:%d", at.Line, at.Col)
	}
	return at.String()
}

// of reports feedback that no send can have, because none of that id leaves ahead of it or the schema of the event has no
// id of a send.
func (w *walk) of(t *Trigger) {
	if t.Of == nil {
		return
	}
	if !w.left[t.Of.Value] {
		w.report(Finding{Kind: Unmatched, Journey: w.p.src.Name.Value}, t.Of.Pos, "no event fits this `of`: no send %s comes ahead of it", t.Of.Value)
		return
	}
	for _, on := range t.On {
		if s := w.c.ws.Events[on.Value]; s != nil && s.Shape.Field("action_id").Values().Kinds&domain.Text == 0 {
			w.report(Finding{Kind: Unmatched, Journey: w.p.src.Name.Value}, t.Of.Pos,
				"no %s fits this `of`: by %s its action_id is no text", on.Value, s.File)
		}
	}
}

// schema reports types that none of the given schemas is of.
func (w *walk) schema(t *Trigger) {
	if len(w.c.ws.Events) == 0 {
		return
	}
	for _, on := range t.On {
		if w.c.ws.Events[on.Value] != nil || w.own(on.Value) {
			continue
		}
		var names []string
		for name := range w.c.ws.Events {
			names = append(names, name)
		}
		slices.Sort(names)
		w.report(Finding{Kind: Unmatched, Journey: w.p.src.Name.Value}, on.Pos, "events/ has no schema of an event type %s%s", yamlfile.Quote(on.Value), yamlfile.DidYouMean(on.Value, names))
	}
}

// own says whether the type is one that Wend or its delivery brings about: emitted by a step, or feedback on a channel.
func (w *walk) own(kind string) bool {
	if i := strings.LastIndexByte(kind, '_'); i > 0 && slices.Contains(w.c.p.channels, kind[:i]) {
		switch kind[i:] {
		case "_sent", "_failed", "_opened", "_clicked":
			return true
		}
	}
	emitted := false
	for _, p := range w.c.plans {
		p.walk(func(s *Step) { emitted = emitted || s.Emit != nil && s.Emit.Type.Value == kind })
	}
	return emitted
}
