package journey

import (
	"slices"
	"strings"
)

// circles finds journeys that start one another without end: each of their entries, by an event that nothing refuses, leads
// at once to the event that starts the next. The engine cuts such a chain at its ninth link, so the last ones are lost.
func (f *finder) circles() {
	type start struct {
		p    *planner
		step *Step // that emits
	}
	by := map[string][]start{} // by the type that opens the journey
	for _, p := range f.c.plans {
		if p.src.Broken || !p.open() {
			continue
		}
		for _, s := range p.src.Steps {
			if s.If != nil || !s.passes() {
				break
			}
			if s.Emit != nil {
				for _, on := range p.src.Enter.On {
					by[on.Value] = append(by[on.Value], start{p, s})
				}
			}
		}
	}
	told := map[*Step]bool{}
	var follow func(kind string, path []start)
	follow = func(kind string, path []start) {
		if len(path) > maxChain {
			return
		}
		for _, next := range by[kind] {
			if i := slices.IndexFunc(path, func(s start) bool { return s.step == next.step }); i >= 0 {
				var names []string
				for _, s := range path[i:] {
					names = append(names, s.p.plan.name)
					if told[s.step] {
						return
					}
				}
				told[next.step] = true
				f.report(Finding{Kind: Endless, Journey: next.p.plan.name, Step: next.p.ids[next.step]}, next.step.Emit.Type.Pos,
					"%s leads to this %s again at once, by %s: the chain is cut at its ninth link; give it a wait, or `enter` an `if`",
					next.step.Emit.Type.Value, next.step.Emit.Type.Value, strings.Join(names, ", "))
				continue
			}
			follow(next.step.Emit.Type.Value, append(slices.Clone(path), next))
		}
	}
	for _, p := range f.c.plans {
		for _, on := range p.src.Enter.On {
			follow(on.Value, nil)
		}
	}
}

// open says whether nothing refuses an event of the types that open the journey.
func (p *planner) open() bool {
	e := p.src.Enter
	switch {
	case len(e.On) == 0 || e.If != nil || e.Key != nil || e.Times > 0 || p.plan.rollout < buckets:
		return false
	case e.Again == AgainAlways:
		return true
	}
	// After its end; and it has ended when what it emitted is handled.
	return e.Again == AgainAfterExit && !slices.ContainsFunc(p.src.Steps, func(s *Step) bool { return !s.passes() && s.Exit == nil })
}

// passes says whether an enrollment goes on from the step at once, by one way.
func (s *Step) passes() bool {
	return s.Send != nil || s.Set != nil || s.Tag != nil || s.Untag != nil || s.Emit != nil
}
