package oracle

import "time"

// Step 3 of the oracle: windows, profile updates, scores, and which conditions have turned.

// window are the events of a type in a window: "" ever, "enter" those handled after the one that opened the enrollment, else
// those younger than it and the event in hand; of more than 128, those in a 64th of it of which an instant is inside.
func (s *scope) window(kind, window string) (found []*event) {
	from := 0
	if window == "enter" {
		from = max(s.opened, s.from[kind])
		s.o.fired["window: enter"]++
	}
	young, now := 0, s.c.time
	for _, ev := range s.c.events[from:] {
		if ev.kind != kind {
			continue
		}
		if window == "" || window == "enter" || ev == s.c.inHand || now-ev.ts < span(window) {
			found = append(found, ev)
		}
		if window != "" && window != "enter" && now-ev.ts < span(window) {
			young++
		} else if ev == s.c.inHand && window != "" && window != "enter" {
			s.o.fired["window: of an event in hand, older than it"]++
		}
	}
	if young <= 128 {
		return found
	}
	s.o.fired["window: of more than 128"]++
	found = nil
	for _, ev := range s.c.events {
		if ev.kind == kind && (ev == s.c.inHand || now-lastOf(ev.ts, span(window)) < span(window)) {
			found = append(found, ev)
		}
	}
	return found
}

// lastOf is the last instant of the 64th of a window in which an instant lies, aligned to 1970.
func lastOf(at, window int64) int64 {
	next := at*64/window + 1
	return (next*window+63)/64 - 1
}

func (s *scope) sum(kind, field, window string) result {
	sum := 0.0
	for _, ev := range s.window(kind, window) {
		if v := ev.fields[field]; isNumber(v) {
			sum += number(v)
		}
	}
	return some(sum)
}

func (s *scope) last(kind string) result {
	all := s.window(kind, "")
	if len(all) == 0 {
		return result{}
	}
	newest := all[0].ts
	for _, ev := range all {
		newest = max(newest, ev.ts)
	}
	return some(instant(newest))
}

func (o *oracle) update(c *customer, ev *event) {
	for _, u := range o.ws.updates {
		s := o.scope(c, nil, nil, ev.fields)
		if !listed(u.on, ev.kind) || !holds(u.cond, s) {
			continue
		}
		o.fired["profile: update"]++
		if u.all != "" {
			for name, v := range mapOf(eval(u.all, s).v) {
				o.set(c, name, v)
			}
			continue
		}
		o.sets(c, u.set, s)
	}
}

// sets changes the profile; all values see it as it was before.
func (o *oracle) sets(c *customer, set map[string]any, s *scope) {
	values := map[string]any{}
	for name, v := range set {
		if x, ok := o.value(v, s); ok {
			values[name] = x
		}
	}
	for name, v := range values {
		o.set(c, name, v)
	}
}

func (o *oracle) set(c *customer, name string, v any) {
	kind, declared := o.ws.attributes[name]
	was := asJSON(c.profile[name])
	switch {
	case !declared:
		o.fired["profile: undeclared"]++
		return
	case v == nil:
		o.fired["profile: null removes"]++
		delete(c.profile, name)
	default:
		fitted, ok := fitting(kind, v)
		if !ok {
			o.fired["profile: another type"]++
			return
		}
		if m, ok := fitted.(map[string]any); ok {
			o.fired["profile: map merged"]++
			fitted = merged(mapOf(c.profile[name]), m)
		}
		c.profile[name] = fitted
	}
	if asJSON(c.profile[name]) != was {
		c.changed = true
	}
}

// scoreState is what a customer has of one score.
type scoreState struct {
	points float64
	due    int64
	armed  bool
}

func (o *oracle) scoreOf(c *customer, name string) float64 {
	if st := c.scores[name]; st != nil {
		return st.points
	}
	return 0
}

func (o *oracle) score(c *customer, ev *event) {
	for _, name := range keysOf(o.ws.scores) {
		sc := o.ws.scores[name]
		for _, p := range sc.add {
			if !listed(p.on, ev.kind) || !holds(p.cond, o.scope(c, nil, nil, ev.fields)) {
				continue
			}
			o.fired["score: points"]++
			st := c.scores[name]
			if st == nil {
				st = &scoreState{}
				c.scores[name] = st
			}
			st.points += p.points
			if sc.hasMin && st.points < sc.min {
				o.fired["score: held at its min"]++
				st.points = sc.min
			}
			if sc.idle > 0 {
				if due := ev.ts + sc.idle; !st.armed || due > st.due {
					st.due = due
				}
				st.armed = st.points > sc.min
			}
		}
	}
}

// idle is what a score loses when none of its events came for so long.
func (o *oracle) idle(c *customer, sc *score) {
	o.fired["score: idle"]++
	st := c.scores[sc.name]
	st.due += sc.idle
	if st.points += sc.lose; st.points <= sc.min {
		o.fired["score: idle stops at min"]++
		st.points, st.armed = sc.min, false
	}
}

func (o *oracle) inSegment(c *customer, name string) bool {
	return holds(o.ws.segments[name], o.scope(c, nil, nil, nil))
}

// leaves is a moment at which an event leaves a window that a look reads.
type leaves struct {
	due int64
	ev  *event
}

// leavesOf: each event leaves each window that a look reads once; of more than 128 events a 64th of the window leaves as a whole.
func (o *oracle) leavesOf(c *customer, ev *event) {
	many := 0
	for _, x := range c.events {
		if x.kind == ev.kind {
			many++
		}
	}
	for _, w := range o.windows[ev.kind] {
		if ev.ts+w > c.time {
			c.leaves = append(c.leaves, leaves{ev.ts + w, ev})
		}
		whole := []*event{ev}
		if many == 129 { // from now on those before it do so too
			whole = c.events
		}
		for _, x := range whole {
			if last := lastOf(x.ts, w); many > 128 && x.kind == ev.kind && last+w > c.time {
				c.leaves = append(c.leaves, leaves{last + w, x})
			}
		}
	}
}

// look is which `becomes` conditions have turned true since the last look, and which enrollments stand at an await
// whose condition holds.
type look struct {
	turned map[string]bool // by the trigger's key
	holds  map[*run]bool
	ev     *event // in hand, if any
}

func (l *look) any() bool { return len(l.turned) > 0 || len(l.holds) > 0 }

func (o *oracle) look(c *customer, ev *event) *look {
	l := &look{map[string]bool{}, map[*run]bool{}, ev}
	for _, j := range o.ws.journeys {
		for _, t := range j.all() {
			if t.kind != "becomes" {
				continue
			}
			now := holds(t.becomes, o.scope(c, t.j, nil, nil))
			if now && !c.was[t.same] {
				o.fired["becomes: turned true, in "+t.stands()]++
				l.turned[t.same] = true
			}
			c.was[t.same] = now
		}
		for _, r := range c.state(j).all {
			if r.running && r.await != nil && r.await.await.until != "" && holds(r.await.await.until, o.inside(c, r.j, r)) {
				l.holds[r] = true
			}
		}
	}
	return l
}

// triggers of a journey, in the order in which they are looked at.
func (j *journey) triggers() []*trigger {
	var all []*trigger
	if j.goal != nil {
		all = append(all, j.goal)
	}
	return append(append(all, j.exits...), j.enter)
}

func (t *trigger) stands() string {
	if len(t.place) > 4 && t.place[:4] == "exit" {
		return "exit"
	}
	return t.place
}

// nothingKnown gives each condition the value that it has for a customer of whom nothing is known.
func (o *oracle) nothingKnown(c *customer) {
	blank := &customer{name: c.name, profile: map[string]any{}, scores: map[string]*scoreState{}, was: map[string]bool{}, states: map[string]*state{}}
	for _, j := range o.ws.journeys {
		for _, t := range j.all() {
			if t.kind == "becomes" {
				c.was[t.same] = holds(t.becomes, o.scope(blank, j, nil, nil))
			}
		}
	}
}

// dateOf is the date of a date trigger in the profile.
func (c *customer) dateOf(t *trigger, zone *time.Location) (time.Time, bool) {
	text, ok := c.profile[t.date].(string)
	if !ok {
		return time.Time{}, false
	}
	d, err := time.Parse("2006-01-02", text)
	return d, err == nil
}
