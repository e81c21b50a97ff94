package oracle

import (
	"fmt"
	"slices"
)

// Step 4 of the oracle: what one journey does with one event, or with a look that found something.

// bucket is that of a sticky draw: FNV-1a of the texts with a zero byte behind each, then MurmurHash3's finalizer.
func bucket(journey, draw, customer string) float64 {
	return float64(hash(journey, draw, customer) % 10_000)
}

func hash(texts ...string) uint64 {
	h := uint64(14695981039346656037)
	for _, s := range texts {
		for i := range len(s) {
			h = (h ^ uint64(s[i])) * 1099511628211
		}
		h *= 1099511628211
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// spreadOf is how much later than the others a customer's schedule is.
func spreadOf(j *journey, c *customer, t *trigger) int64 {
	if t.spread == 0 {
		return 0
	}
	place := t.place
	if t == j.enter {
		place = ""
	}
	return int64(hash(j.name, "spread/"+place, c.name) % uint64(t.spread))
}

// offeredTo is what `event` is in the conditions of a trigger.
func (o *oracle) offeredTo(c *customer, t *trigger, ev *event) *event {
	if ev != nil {
		return ev
	}
	return &event{kind: t.kind, ts: c.time, fields: map[string]any{"type": t.kind, "ts": c.time}}
}

// fits: type, of and if; or what turned, and if.
func (o *oracle) fits(c *customer, j *journey, r *run, t *trigger, l *look) bool {
	switch {
	case l.turned[t.same] && t.kind != "on":
	case t.kind == "on" && l.ev != nil && listed(t.on, l.ev.kind):
		if t.of != "" {
			id, _ := l.ev.fields["action_id"].(string)
			if !slices.Contains(r.everIDs[t.of], id) {
				return false
			}
			o.fired["of: this very send"]++
		}
	default:
		return false
	}
	return holds(t.cond, o.scope(c, j, r, o.offeredTo(c, t, l.ev).fields))
}

// counts adds an event to unused ones and says whether it completes N within the window; these are used up.
func counts(unused []int64, ts int64, n int, within int64) ([]int64, bool) {
	unused = append(slices.Clone(unused), ts)
	slices.Sort(unused)
	for i := 0; i+n <= len(unused); i++ {
		if unused[i+n-1]-unused[i] <= within {
			return slices.Delete(unused, i, i+n), true
		}
	}
	return unused, false
}

func tooLate(c *customer, ev *event) {
	if c.time-ev.ts > day {
		panic(errTooLate)
	}
}

// fires is fits and, where the trigger counts, the count.
func (o *oracle) fires(c *customer, j *journey, r *run, t *trigger, l *look) bool {
	if !o.fits(c, j, r, t, l) {
		return false
	}
	if t.times == 0 {
		return true
	}
	tooLate(c, l.ev)
	var ok bool
	r.unused[t], ok = counts(r.unused[t], l.ev.ts, t.times, t.within)
	if ok {
		o.fired["times within, in goal or exit"]++
	}
	return ok
}

// journey is step 4 for one of them: head is its newest version.
func (o *oracle) journey(c *customer, head *journey, l *look) {
	st := c.state(head)
	inside := slices.Clone(st.all)
	winner := o.winner(c, st, l)
	for _, r := range inside {
		if r != winner && !r.running && r.mayTakeBack() && o.wouldLeave(c, r.j, r, winner, l) {
			o.fired["deferred: an event that would have made it leave"]++
			o.takeBack(c, r.j, r)
		}
	}
	if winner != nil {
		o.fired["goal: by "+winner.j.goal.kind]++
		o.reach(c, winner.j, winner, l.ev)
	}
	for _, r := range inside {
		if r.running {
			o.offerTo(c, r.j, r, l)
		}
	}
	if t := head.enter; !head.gone && (t.kind == "on" && l.ev != nil && listed(t.on, l.ev.kind) || t.kind != "on" && l.turned[t.same]) {
		o.enter(c, head, st, o.offeredTo(c, t, l.ev))
	}
}

// mayTakeBack: it has deferred sends that its triggers drop.
func (r *run) mayTakeBack() bool {
	return slices.ContainsFunc(r.waiting, func(d *deferred) bool { return !d.stays })
}

// wouldLeave: an event came that would have made it leave, had it not ended before. Of a goal that means as the newest that it fits.
func (o *oracle) wouldLeave(c *customer, j *journey, r, winner *run, l *look) bool {
	if g := j.goal; g != nil && !o.attributed(c, j, r) && (winner == nil || winner.number < r.number || g.times > 0) {
		if o.fires(c, j, r, g, l) && (winner == nil || winner.number < r.number) {
			return true
		}
	}
	for _, x := range j.exits {
		if o.fires(c, j, r, x, l) {
			return true
		}
	}
	return false
}

// takeBack drops its deferred sends but those of a trigger's own `do`.
func (o *oracle) takeBack(c *customer, j *journey, r *run) {
	r.waiting = slices.DeleteFunc(r.waiting, func(d *deferred) bool {
		if !d.stays {
			o.stopped(c, j, r, d, "exited")
		}
		return !d.stays
	})
}

// attributed: its goal may be reached, also when it has ended.
func (o *oracle) attributed(c *customer, j *journey, r *run) bool {
	t := j.goal
	return t != nil && !r.goal && (r.running || c.time < r.expires)
}

// winner is the newest enrollment whose goal it is.
func (o *oracle) winner(c *customer, st *state, l *look) (winner *run) {
	for i := len(st.all) - 1; i >= 0; i-- {
		r := st.all[i]
		j, t := r.j, r.j.goal
		switch {
		case t == nil:
		case !o.attributed(c, j, r):
			if !r.running && !r.goal && t.times == 0 && t.within > 0 && o.fits(c, j, r, t, l) {
				o.fired["goal: no longer looked for"]++
			}
		case winner != nil && t.times == 0:
			if o.fits(c, j, r, t, l) {
				o.fired["goal: another it would fit goes on"]++
			}
		case o.fires(c, j, r, t, l) && winner == nil:
			winner = r
		}
	}
	return winner
}

// reach is what happens to the enrollment that reaches its goal: at once if it has ended, in its turn if it runs.
func (o *oracle) reach(c *customer, j *journey, r *run, ev *event) {
	r.goal = true
	if !r.running {
		o.fired["goal: of an ended enrollment"]++
		o.doGoal(c, j, r, ev)
	}
}

func (o *oracle) doGoal(c *customer, j *journey, r *run, ev *event) {
	o.fired["goal"]++
	r.running = false
	o.say(c, "%s#%d goal", j.name, r.number)
	o.takeBack(c, j, r)
	o.trailing(c, j, r, j.goal, ev)
}

// trailing does what a goal or exit trigger says.
func (o *oracle) trailing(c *customer, j *journey, r *run, t *trigger, ev *event) string {
	switch {
	case ev != nil && t.kind == "on":
		r.event = ev
	case r.forgot && t.kind != "on":
		o.fired["goal: by no event, where none is remembered"]++
		r.event = o.offeredTo(c, t, ev)
	}
	if len(t.do) > 0 {
		o.fired["do of "+t.stands()]++
	}
	r.leaving, r.frames = true, []frame{{steps: t.do}}
	return o.steps(c, j, r)
}

func (o *oracle) leave(c *customer, j *journey, r *run, reason string) {
	r.running, r.standing, r.held = false, false, nil
	r.forgot = j.goal == nil || j.goal.kind == "on"
	if t := j.goal; t != nil && t.times == 0 && t.within > 0 {
		r.expires = r.entered + t.within
	}
	o.say(c, "%s#%d exit %s", j.name, r.number, reason)
}

// exits ends an enrollment by a trigger.
func (o *oracle) exits(c *customer, j *journey, r *run, x *trigger, ev *event) {
	o.fired["exit: by "+x.kind]++
	o.takeBack(c, j, r)
	reason := x.kind
	if x.kind == "on" {
		reason = ev.kind
	}
	if said := o.trailing(c, j, r, x, ev); said != "" {
		reason = said
	}
	if x.reason != "" {
		reason = x.reason
	}
	o.leave(c, j, r, reason)
}

func (o *oracle) offerTo(c *customer, j *journey, r *run, l *look) {
	if r.goal {
		o.doGoal(c, j, r, l.ev)
		return
	}
	for _, x := range j.exits {
		if o.fires(c, j, r, x, l) {
			o.exits(c, j, r, x, l.ev)
			return
		}
	}
	decided := r.held != nil || !r.forever && r.due < c.time // it stands there because the journey is paused
	if r.await != nil && l.holds[r] && !decided {
		if o.paused(j) {
			o.hold(c, r, nil, nil)
			return
		}
		o.fired["await until: turned true"]++
		r.frames = append(r.frames, frame{steps: r.await.await.do})
		o.run(c, j, r)
		return
	}
	if l.ev == nil {
		return
	}
	if r.await != nil && !decided {
		for i, t := range r.await.await.events {
			if !o.fits(c, j, r, t, l) {
				continue
			}
			if slices.ContainsFunc(r.await.await.events[i+1:], func(t *trigger) bool { return o.fits(c, j, r, t, l) }) {
				o.fired["await: of two that fit the first listed"]++
			}
			if t.reset {
				if r.resets == 100 {
					o.fired["await: reset ignored"]++
					break
				}
				o.fired["await: reset"]++
				r.resets++
				r.event, r.restarted = l.ev, c.time
				r.settle()
				if !r.await.await.forever {
					r.due = c.time + r.await.await.within
					o.armed++
					r.armed = o.armed
				}
				return
			}
			if o.paused(j) {
				o.hold(c, r, t, j.kept("event", l.ev))
				return
			}
			o.fired["await: event"]++
			r.event = l.ev
			r.frames = append(r.frames, frame{steps: t.do})
			o.run(c, j, r)
			return
		}
	}
	early := &came{ev: j.kept("event", l.ev), fits: map[*trigger]bool{}}
	for _, s := range j.awaits {
		if r.ahead(s) { // also the very one, in another round
			for _, t := range s.await.events {
				if t.since && o.fits(c, j, r, t, l) {
					early.fits[t] = true
				}
			}
		}
	}
	r.came = append(r.came, early)
}

// fireTrigger is a trigger without an event whose time has come.
func (o *oracle) fireTrigger(c *customer, j *journey, t *trigger) {
	if !o.wanted(c, j, t) {
		c.standing(t).dead = true
		return
	}
	o.fired[t.kind+": fires, in "+t.stands()]++
	o.lead(c, func() { o.journey(c, j, &look{turned: map[string]bool{t.same: true}}) })
}

func (o *oracle) enter(c *customer, j *journey, st *state, ev *event) {
	t := j.enter
	refuse := func(reason string) {
		o.fired["refused "+reason]++
		o.say(c, "%s refused %s", j.name, reason)
	}
	s := o.scope(c, j, nil, ev.fields)
	if !holds(t.cond, s) {
		refuse("condition")
		return
	}
	key := ""
	if t.key != "" {
		switch x := eval(t.key, s).v.(type) {
		case string:
			key = x
		case int64, bool:
			key = fmt.Sprint(x)
		}
		if key == "" {
			refuse("key")
			return
		}
		if _, text := eval(t.key, s).v.(string); !text {
			o.fired["key: a number or a boolean"]++
		}
	}
	if t.times > 0 {
		tooLate(c, ev)
		var ok bool
		if st.unused[key], ok = counts(st.unused[key], ev.ts, t.times, t.within); !ok {
			return
		}
		o.fired["times within, in enter"]++
	}
	running, ofKey := 0, false
	for _, r := range st.all {
		if r.running {
			running++
			ofKey = ofKey || r.key == key
		}
	}
	last, before := st.last[key]
	switch {
	case o.paused(j):
		refuse("paused")
	case bucket(j.name, "rollout", c.name) >= float64(int(j.rollout*10_000+0.5)):
		refuse("rollout")
	case j.again == "never" && before:
		refuse("entered_before")
	case (j.again == "after_exit" || j.again == "after") && ofKey:
		refuse("already_enrolled")
	case j.again == "after" && before && c.time-last < j.after:
		refuse("too_soon")
	case running >= 25:
		refuse("limit")
	default:
		o.fired["entered by "+t.kind]++
		if before {
			o.fired["entered again, "+j.again]++
		}
		if ofKey {
			o.fired["entered while enrolled"]++
		}
		st.entries++
		st.last[key] = c.time
		r := &run{
			j: j, number: st.entries, key: key, entered: c.time, opened: len(c.events), enter: ev, event: ev, running: true,
			holdout: bucket(j.name, "holdout", c.name) < float64(int(j.holdout*10_000+0.5)),
			visits:  map[string]int{}, sent: map[string]map[string]any{}, everIDs: map[string][]string{}, variant: map[string]any{}, unused: map[*trigger][]int64{},
			frames: []frame{{steps: j.steps}},
		}
		o.say(c, "%s#%d entered", j.name, r.number)
		st.all = append(st.all, r)
		o.run(c, j, r)
	}
}
