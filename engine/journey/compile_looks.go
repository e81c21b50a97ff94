package journey

import (
	"hash/fnv"
	"slices"
	"strconv"

	"wend/engine/journey/expr"
	"wend/schemas/yamlfile"
)

// names are those that expressions may use: of the profile, of scores and of segments.
func (c *compiler) names(attributes []expr.Attribute) expr.Names {
	names := expr.Names{Attributes: attributes, Plain: c.release.Plain}
	c.scores = slices.Clone(c.ws.Profile.Scores)
	slices.SortFunc(c.scores, func(a, b *Score) int {
		switch {
		case a.Name.Value < b.Name.Value:
			return -1
		case a.Name.Value > b.Name.Value:
			return 1
		}
		return 0
	})
	for _, s := range c.scores {
		names.Scores = append(names.Scores, expr.Score{Name: s.Name.Value, Whole: s.whole()})
	}
	for _, s := range c.ws.Profile.Segments {
		names.Segments = append(names.Segments, s.Name.Value)
	}
	return names
}

// whole says whether the score is always a whole number.
func (s *Score) whole() bool {
	is := func(f float64) bool { return f == float64(int64(f)) }
	if s.HasMin && !is(s.Min) || s.Idle != nil && !is(s.Idle.Points) {
		return false
	}
	return !slices.ContainsFunc(s.Add, func(a *ScoreAdd) bool { return !is(a.Points) })
}

// state compiles scores and segments.
func (c *compiler) state() {
	c.p.scores = make([]score, len(c.scores)) // never grows: event types point into it
	for i, src := range c.scores {
		s := &c.p.scores[i]
		*s = score{name: src.Name.Value, whole: src.whole(), min: src.Min, hasMin: src.HasMin}
		if src.Idle != nil {
			s.after, s.idle = src.Idle.After, src.Idle.Points
			c.p.idles = true
		}
		for k, a := range src.Add {
			add := scoreAdd{score: s, place: "scores." + s.name + ".add[" + strconv.Itoa(k) + "]", points: a.Points}
			if a.If != nil {
				add.cond = c.condition(a.If, outside)
			}
			var types []string
			for _, on := range a.On {
				if !slices.Contains(types, on.Value) {
					types = append(types, on.Value)
					c.typeID(on.Value)
					t := c.p.types[on.Value]
					t.scores = append(t.scores, add)
				}
			}
		}
	}
	for _, src := range c.ws.Profile.Segments {
		s := segment{name: src.Name.Value, place: "segments." + src.Name.Value}
		s.cond = c.condition(src.If, derived)
		var reads expr.Reads
		if s.cond != nil {
			reads = s.cond.Reads()
		}
		c.p.segments = append(c.p.segments, s)
		c.members = append(c.members, reads)
	}
	c.circles()
}

// condition compiles a condition that stands in no journey.
func (c *compiler) condition(t *Text, sc expr.Scope) *expr.Condition {
	cond, err := c.env.Condition(t.Value, sc)
	if err != nil {
		c.wrong(t, err)
	} else if v, ok := cond.Constant(); ok {
		c.problems.Warnf(t.Pos, "this condition is always %v", v)
	}
	return cond
}

// circles finds segments that need themselves.
func (c *compiler) circles() {
	const unseen, open, done = 0, 1, 2
	state := make([]int, len(c.members))
	var path []int
	var visit func(i int)
	visit = func(i int) {
		state[i] = open
		path = append(path, i)
		for _, k := range c.members[i].Segments {
			switch state[k] {
			case unseen:
				visit(k)
			case open:
				circle := ""
				for _, x := range path[slices.Index(path, k):] {
					circle += c.ws.Profile.Segments[x].Name.Value + " → "
				}
				src := c.ws.Profile.Segments[i]
				c.problems.Errorf(src.If.Pos, "segments can't use one another in a circle: %s%s", circle, c.ws.Profile.Segments[k].Name.Value)
			}
		}
		path = path[:len(path)-1]
		state[i] = done
	}
	for i := range c.members {
		if state[i] == unseen {
			visit(i)
		}
	}
}

// becoming is a compiled `becomes`, before it has its place among the looks.
type becoming struct {
	place string
	text  string
	cond  *expr.Condition
}

func (p *planner) becomes(t *Trigger, place string) {
	b := becoming{place: place, text: t.Becomes.Value, cond: p.c.condition(t.Becomes, derived)}
	if b.cond != nil {
		p.becoming = append(p.becoming, b)
	}
}

// looks numbers the conditions that are looked at in the order of journeys, and tells what they read who reads it.
func (c *compiler) looks() {
	if c.failed || c.problems.Failed() {
		return // a circle of segments, or what was not compiled
	}
	c.p.watched = map[string]watchers{}
	for _, p := range c.plans {
		j := p.plan
		j.untils = noLook
		number := func(t *trigger) {
			for _, b := range p.becoming {
				if b.place == t.place {
					t.look = c.lookOf(j, b)
				}
			}
		}
		if j.goal != nil {
			number(j.goal)
		}
		for i := range j.exits {
			number(&j.exits[i])
		}
		if !p.pinned() {
			number(&j.enter)
		}
		if len(p.awaits) > 0 {
			j.untils = int32(len(c.p.looks))
			c.p.looks = append(c.p.looks, look{plan: j})
			for _, cond := range p.awaits {
				c.watch(j.untils, cond.Reads())
			}
		}
	}
	c.known()
}

// lookOf gives the look at a condition, which versions of a journey share where it is the same in both.
func (c *compiler) lookOf(j *plan, b becoming) int32 {
	place := b.place
	if j.zone.String() != j.head.zone.String() {
		place += "@" + j.zone.String() // dates begin at other moments
	}
	name := lookName(j.name, place, b.text)
	for i := len(c.p.looks) - 1; i >= 0 && c.p.looks[i].plan.head == j.head; i-- {
		if l := &c.p.looks[i]; l.cond != nil && l.name == name {
			return int32(i)
		}
	}
	id := int32(len(c.p.looks))
	c.p.looks = append(c.p.looks, look{plan: j, cond: b.cond, name: name, place: placeName(b.place)})
	c.watch(id, b.cond.Reads())
	return id
}

// placeName is a trigger's place as traces call it.
func placeName(place string) string {
	if place == "" {
		return "enter"
	}
	return place
}

// lookName names a condition in documents: where it stands and what it says. One that says something else is another.
func lookName(journey, place, text string) uint64 {
	h := fnv.New64a()
	for _, s := range [...]string{journey, place, text} {
		_, _ = h.Write([]byte(s))
		_, _ = h.Write([]byte{0})
	}
	return h.Sum64() &^ 1
}

// watch makes a look one that what it reads tells of changes, also through segments.
func (c *compiler) watch(id int32, r expr.Reads) {
	add := func(w watchers) watchers {
		if n := len(w); n > 0 && w[n-1] == id {
			return w
		}
		return append(w, id)
	}
	seen := make([]bool, len(c.members))
	var visit func(r expr.Reads)
	visit = func(r expr.Reads) {
		for _, name := range r.Profile {
			c.p.watched[name] = add(c.p.watched[name])
		}
		for _, i := range r.Scores {
			c.p.scores[i].watch = add(c.p.scores[i].watch)
		}
		for _, i := range r.Windows {
			w := &c.p.windows[i]
			w.typ.watch = add(w.typ.watch)
			if w.within == 0 {
				continue
			}
			at := slices.IndexFunc(c.p.leaving, func(l leaving) bool { return l.typ == w.typ && l.within == w.within })
			if at < 0 {
				at = len(c.p.leaving)
				c.p.leaving = append(c.p.leaving, leaving{typ: w.typ, within: w.within})
			}
			c.p.leaving[at].watch = add(c.p.leaving[at].watch)
		}
		for _, i := range r.Segments {
			if !seen[i] {
				seen[i] = true
				visit(c.members[i])
			}
		}
	}
	visit(r)
}

// known names all that documents remember for this program besides profile and journeys, and what it means.
func (c *compiler) known() {
	h := fnv.New64a()
	n := 0
	say := func(parts ...string) {
		n++
		for _, s := range parts {
			_, _ = h.Write([]byte(yamlfile.Quote(s)))
		}
	}
	for i := range c.p.looks {
		say("look", strconv.FormatUint(c.p.looks[i].name, 16), c.p.looks[i].plan.name)
	}
	for _, s := range c.ws.Profile.Segments {
		if len(c.p.looks) > 0 {
			say("segment", s.Name.Value, s.If.Value)
		}
	}
	for i := range c.p.scores {
		say("score", c.p.scores[i].name)
	}
	for _, w := range c.env.Windows() {
		say("window", w.String())
	}
	if n > 0 {
		c.p.known = h.Sum64() | 1
	}
}
