package journey

import (
	"fmt"
	"slices"
)

// Step 4 of the oracle: what one journey does with one event.

// offered is the scope of a trigger's condition: `event` is the one offered.
func (o *oracle) offered(c *oracleCustomer, j *Journey, r *oracleRun, ev oracleEvent) *oracleScope {
	return o.scope(c, j, ev.fields, r.enter.fields, r.sent)
}

func (o *oracle) inside(c *oracleCustomer, j *Journey, r *oracleRun) *oracleScope {
	return o.scope(c, j, r.event.fields, r.enter.fields, r.sent)
}

// fits: type, of and if.
func (o *oracle) fits(c *oracleCustomer, j *Journey, r *oracleRun, t *Trigger, ev oracleEvent) bool {
	if !listed(t.On, ev.kind) {
		return false
	}
	if t.Of != nil {
		sent, ok := r.sent[t.Of.Value]
		if !ok || sent["action_id"] != ev.fields["action_id"] {
			return false
		}
		o.fired["of: this very send"]++
	}
	if t.If != nil {
		return holdsOracle(t.If.Value, o.offered(c, j, r, ev))
	}
	return true
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

func tooLate(c *oracleCustomer, ev oracleEvent) {
	if c.time-ev.ts > countLate {
		panic(errTooMuch)
	}
}

// fires is fits and, where the trigger counts, the count.
func (o *oracle) fires(c *oracleCustomer, j *Journey, r *oracleRun, t *Trigger, ev oracleEvent) bool {
	if !o.fits(c, j, r, t, ev) {
		return false
	}
	if t.Times == 0 {
		return true
	}
	tooLate(c, ev)
	var ok bool
	r.unused[t], ok = counts(r.unused[t], ev.ts, t.Times, t.Within)
	if ok {
		o.fired["times within, in goal or exit"]++
	}
	return ok
}

// journey is step 4 for one of them.
func (o *oracle) journey(c *oracleCustomer, j *Journey, ev oracleEvent) {
	st := c.states[j.Name.Value]
	if st == nil {
		st = &oracleState{last: map[string]int64{}, unused: map[string][]int64{}}
		c.states[j.Name.Value] = st
	}
	inside := slices.Clone(st.all)
	if winner := o.winner(c, j, st, ev); winner != nil && !winner.running {
		o.fired["goal: of an ended enrollment"]++
		o.goal(c, j, winner, ev)
	} else if winner != nil {
		winner.goal = true
	}
	for _, r := range inside {
		if r.running {
			o.offerTo(c, j, r, ev)
		}
	}
	if listed(j.Enter.On, ev.kind) {
		o.enter(c, j, st, ev)
	}
}

// winner is the newest enrollment whose goal the event is.
func (o *oracle) winner(c *oracleCustomer, j *Journey, st *oracleState, ev oracleEvent) (winner *oracleRun) {
	if j.Goal == nil {
		return nil
	}
	for i := len(st.all) - 1; i >= 0; i-- {
		r := st.all[i]
		open := r.running || j.Goal.Times == 0 && j.Goal.Within > 0 && c.time-r.entered < j.Goal.Within
		if r.goal || !open || winner != nil && j.Goal.Times == 0 {
			if winner != nil && !r.goal && open && o.fits(c, j, r, j.Goal, ev) {
				o.fired["goal: another it would fit goes on"]++
			}
			continue
		}
		if o.fires(c, j, r, j.Goal, ev) && winner == nil {
			winner = r
		}
	}
	return winner
}

func (o *oracle) goal(c *oracleCustomer, j *Journey, r *oracleRun, ev oracleEvent) {
	o.fired["goal"]++
	r.goal, r.running = true, false
	o.say(c, "%s#%d goal", j.Name.Value, r.number)
	r.event = ev
	r.frames = []oracleFrame{{steps: j.Goal.Do}}
	o.steps(c, j, r, ev.depth)
}

func (o *oracle) leave(c *oracleCustomer, j *Journey, r *oracleRun, reason string) {
	r.running, r.standing = false, false
	o.say(c, "%s#%d exit %s", j.Name.Value, r.number, reason)
}

func (o *oracle) offerTo(c *oracleCustomer, j *Journey, r *oracleRun, ev oracleEvent) {
	if r.goal {
		o.goal(c, j, r, ev)
		return
	}
	for _, x := range j.Exits {
		if !o.fires(c, j, r, x, ev) {
			continue
		}
		o.fired["exit trigger"]++
		r.event = ev
		reason := ev.kind
		if x.Reason != nil {
			reason = x.Reason.Value
		}
		r.frames = []oracleFrame{{steps: x.Do}}
		if said := o.steps(c, j, r, ev.depth); said != "" && x.Reason == nil {
			reason = said
		}
		o.leave(c, j, r, reason)
		return
	}
	came := &oracleCame{ev: ev, fits: map[*Trigger]bool{}}
	if r.await != nil {
		for _, t := range r.await.Await.Events {
			if !o.fits(c, j, r, t, ev) {
				continue
			}
			if t.Reset {
				if r.resets == 100 {
					o.fired["reset: ignored"]++
					break
				}
				o.fired["reset"]++
				r.resets++
				r.event = ev
				if !r.await.Await.Forever {
					r.due = c.time + r.await.Await.Within
				}
				return
			}
			o.fired["await: event"]++
			r.event = ev
			r.frames = append(r.frames, oracleFrame{steps: t.Do})
			o.run(c, j, r, ev.depth)
			return
		}
	}
	walkSteps(j.Steps, func(s *Step) {
		if s.Await != nil && s != r.await {
			for _, t := range s.Await.Events {
				if t.Since && o.fits(c, j, r, t, ev) {
					came.fits[t] = true
				}
			}
		}
	})
	r.came = append(r.came, came)
}

func (o *oracle) enter(c *oracleCustomer, j *Journey, st *oracleState, ev oracleEvent) {
	refuse := func(reason string) {
		o.fired["refused "+reason]++
		o.say(c, "%s refused %s", j.Name.Value, reason)
	}
	scope := o.scope(c, j, ev.fields, nil, nil)
	if j.Enter.If != nil && !holdsOracle(j.Enter.If.Value, scope) {
		refuse("condition")
		return
	}
	key := ""
	if j.Enter.Key != nil {
		v := evalOracle(j.Enter.Key.Value, scope)
		switch x := v.value.(type) {
		case string:
			key = x
		case int64, bool:
			key = fmt.Sprint(x)
		}
		if key == "" {
			refuse("key")
			return
		}
	}
	if j.Enter.Times > 0 {
		tooLate(c, ev)
		var ok bool
		if st.unused[key], ok = counts(st.unused[key], ev.ts, j.Enter.Times, j.Enter.Within); !ok {
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
	switch again := j.Enter.Again; {
	case bucket(j.Name.Value, "rollout", c.name) >= uint32(j.Rollout*10_000+0.5):
		refuse("rollout")
	case again == AgainNever && before:
		refuse("entered_before")
	case (again == AgainAfterExit || again == AgainInterval) && ofKey:
		refuse("already_enrolled")
	case again == AgainInterval && before && c.time-last < j.Enter.AgainAfter:
		refuse("too_soon")
	case running >= 25:
		refuse("limit")
	default:
		o.fired["entered"]++
		st.entries++
		st.last[key] = c.time
		r := &oracleRun{
			number: st.entries, key: key, entered: c.time, enter: ev, event: ev, running: true,
			holdout: bucket(j.Name.Value, "holdout", c.name) < uint32(j.Holdout*10_000+0.5),
			visits:  map[string]int{}, sent: map[string]map[string]any{}, variant: map[string]any{}, unused: map[*Trigger][]int64{},
			frames: []oracleFrame{{steps: j.Steps}},
		}
		st.all = append(st.all, r)
		o.run(c, j, r, ev.depth)
	}
}
