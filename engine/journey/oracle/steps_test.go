package oracle

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The steps of the oracle.

// run takes an enrollment on to its next wait or its end.
func (o *oracle) run(c *customer, j *journey, r *run) {
	r.standing, r.await = false, nil
	reason := o.steps(c, j, r)
	if r.standing {
		return
	}
	if reason == "" {
		reason = "completed"
	}
	o.leave(c, j, r, reason)
}

func (r *run) do(steps []*step) { r.frames = append(r.frames, frame{steps: steps}) }

// stand makes it wait; due is not asked for where it does so for ever.
func (o *oracle) stand(c *customer, r *run, s *step, due int64, forever bool) {
	o.armed++
	r.standing, r.due, r.forever, r.armed, r.resets = true, due, forever, o.armed, 0
	r.at, r.arrived = s, c.time
	r.settle()
	if s.await != nil {
		r.await = s
	}
}

// steps goes on until the enrollment stands, nothing is left, or an exit says why.
func (o *oracle) steps(c *customer, j *journey, r *run) string {
	for len(r.frames) > 0 {
		if o.work++; o.work > maxWork {
			panic(errTooMuch)
		}
		f := &r.frames[len(r.frames)-1]
		if f.next == len(f.steps) {
			if f.repeat != nil {
				o.fired["repeat: round"]++
				f.round++
				done := f.repeat.until != "" && holds(f.repeat.until, o.inside(c, j, r))
				if done {
					o.fired["repeat: until"]++
				}
				if !done && f.round < f.repeat.times {
					f.next = 0
					continue
				}
			}
			r.frames = r.frames[:len(r.frames)-1]
			continue
		}
		st := f.steps[f.next]
		f.next++
		s := o.inside(c, j, r)
		if !holds(st.cond, s) {
			o.fired["step passed over"]++
			continue
		}
		switch st.kind {
		case "wait":
			due, forward := o.waits(c, j, r, st.wait, s)
			if forward {
				o.stand(c, r, st, due, false)
				return ""
			}
			if st.wait.past {
				o.fired["wait: past exit"]++
				return "past"
			}
			o.fired["wait: passes at once"]++
		case "await":
			if o.awaits(c, r, st, s) {
				return ""
			}
		case "branch":
			for _, a := range st.arms {
				if holds(a.cond, s) {
					o.fired[map[bool]string{true: "branch: else", false: "branch: if"}[a.cond == ""]]++
					r.do(a.do)
					break
				}
			}
		case "choose":
			o.choose(r, st, s)
		case "split":
			o.split(c, j, r, st)
		case "repeat":
			if slices.ContainsFunc(r.frames, func(f frame) bool { return f.repeat != nil }) {
				o.fired["repeat: in another"]++
			}
			r.frames = append(r.frames, frame{steps: st.do, repeat: st})
		case "send":
			o.send(c, j, r, st, s)
		case "set":
			o.fired["set"]++
			o.sets(c, st.set, s)
		case "tag", "untag":
			o.fired[st.kind]++
			o.tag(c, st.tags, st.kind == "tag")
		case "emit":
			o.fired["emit"]++
			id := o.id(c, j, r, st)
			fields := o.fields(st.with, s)
			fields["type"], fields["ts"], fields["event_id"], fields["customer_id"] = st.emit, c.time, id, c.name
			*c.queue = append(*c.queue, &event{id: id, kind: st.emit, ts: c.time, fields: fields, depth: c.depth + 1})
		case "exit":
			o.fired["exit step"]++
			return st.reason
		}
	}
	return ""
}

// waits says until when, and whether that lies ahead.
func (o *oracle) waits(c *customer, j *journey, r *run, w *wait, s *scope) (due int64, forward bool) {
	if w.until != "" {
		v := toTime(eval(w.until, s), s)
		at, ok := v.v.(instant)
		if !v.ok || !ok {
			o.fired["wait: until cannot be read"]++
			return 0, false
		}
		o.fired["wait: until"]++
		return int64(at), int64(at) > s.now()
	}
	due = s.now() + w.length
	if w.since {
		o.fired["wait: since enter"]++
		due = r.entered + w.length
	}
	if w.hasTime {
		o.fired[fmt.Sprintf("wait: at %t on %t", w.at != "", len(w.on) > 0)]++
		zone := o.zone(c, j)
		due = o.almanac.waitUntil(due, w.at, w.on, zone)
		if w.at != "" {
			o.changeOfClocks("wait", due, clock(w.at), zone)
		}
	}
	return due, due > s.now()
}

// take leads on by an event that came before. It counts for no other await, nor does one of the same id, which came so late
// that it was no duplicate any more; and who does not come back to the await keeps no other for it.
func (r *run) take(early *came, at *await) {
	again := slices.ContainsFunc(r.frames, func(f frame) bool { return f.repeat != nil && f.repeat.times > 1 })
	for _, x := range r.came {
		x.moved = x.moved || x.ev.id == early.ev.id
		for _, t := range at.events {
			if !again {
				delete(x.fits, t)
			}
		}
	}
	r.event, r.settled = early.ev, early.ev
}

// awaits says whether the enrollment stands at it.
func (o *oracle) awaits(c *customer, r *run, st *step, s *scope) bool {
	a := st.await
	if a.until != "" && holds(a.until, s) {
		o.fired["await until: at once"]++
		r.do(a.do)
		return false
	}
	for _, early := range r.came {
		if early.moved {
			continue
		}
		for _, t := range a.events {
			if t.since && !t.reset && early.fits[t] {
				o.fired["await: since enter"]++
				r.take(early, a)
				r.do(t.do)
				return false
			}
		}
	}
	if !a.forever && a.within == 0 {
		r.do(a.timeout)
		return false
	}
	if a.forever {
		o.fired["await: forever"]++
	}
	o.stand(c, r, st, c.time+a.within, a.forever)
	return true
}

func (o *oracle) choose(r *run, st *step, s *scope) {
	var best *arm
	most := math.Inf(-1)
	for i := range st.arms {
		a := &st.arms[i]
		if !holds(a.cond, s) {
			continue
		}
		v := eval(a.score, s)
		if !v.ok || !isNumber(v.v) {
			o.fired["choose: a score that fails"]++
			continue
		}
		if best == nil || number(v.v) > most {
			best, most = a, number(v.v)
		}
	}
	if best == nil {
		o.fired["choose: none"]++
		return
	}
	o.fired["choose"]++
	r.do(best.do)
}

func (o *oracle) split(c *customer, j *journey, r *run, st *step) {
	var sum, below float64
	for _, a := range st.arms {
		sum += a.weight
	}
	b := bucket(j.name, "split/"+st.name, c.name)
	for _, a := range st.arms {
		if below += a.weight; b < below/sum*10_000 {
			o.fired["split"]++
			variant := map[string]any{st.name: a.name}
			for k, v := range r.variant {
				if k != st.name {
					variant[k] = v
				}
			}
			r.variant = variant
			r.do(a.do)
			return
		}
	}
}

func (o *oracle) tag(c *customer, names []string, add bool) {
	old := listOf(c.profile["tags"])
	list := []any{}
	for _, x := range old {
		if add || !slices.ContainsFunc(names, func(t string) bool { return t == x }) {
			list = append(list, x)
		}
	}
	for _, t := range names {
		if add && !slices.Contains(list, any(t)) {
			list = append(list, t)
		}
	}
	if len(list) != len(old) {
		c.changed = true
	}
	delete(c.profile, "tags")
	if len(list) > 0 {
		c.profile["tags"] = list
	}
}

// value of a tree in whose texts {{ }} may stand.
func (o *oracle) value(v any, s *scope) (any, bool) {
	switch x := v.(type) {
	case string:
		filled, ok := fill(x, s)
		if !ok {
			o.fired["value left out"]++
		}
		return filled, ok
	case []any:
		list := []any{}
		for _, e := range x {
			if y, ok := o.value(e, s); ok {
				list = append(list, y)
			}
		}
		return list, true
	case map[string]any:
		return o.fields(x, s), true
	}
	return v, true
}

func (o *oracle) fields(with map[string]any, s *scope) map[string]any {
	m := map[string]any{}
	for name, v := range with {
		if x, ok := o.value(v, s); ok {
			m[name] = x
		}
	}
	return m
}

// id is JOURNEY/CUSTOMER[/KEY]/ENROLLMENT-NUMBER/STEP/VISIT.
func (o *oracle) id(c *customer, j *journey, r *run, st *step) string {
	if r.visits[st.id]++; r.visits[st.id] > 1 {
		o.fired["visit: not the first"]++
	}
	parts := []string{j.name, c.name}
	if j.enter.key != "" {
		parts = append(parts, r.key)
	}
	parts = append(parts, strconv.Itoa(r.number), st.id, strconv.Itoa(r.visits[st.id]))
	for i, p := range parts {
		var b strings.Builder
		for k := range len(p) {
			if ch := p[k]; ch == '/' || ch == '%' || ch <= ' ' || ch >= 0x7f {
				fmt.Fprintf(&b, "%%%02X", ch)
			} else {
				b.WriteByte(ch)
			}
		}
		parts[i] = b.String()
	}
	return strings.Join(parts, "/")
}

// deferred is a send that waits for the end of quiet hours, or is just being decided.
type deferred struct {
	st      *step
	action  map[string]any
	reached int64
	due     int64
	armed   int64
	at      int64 // when it was put off
	stays   bool  // of a trigger's own `do`
}

// left is a send that caps count.
type left struct {
	channel, journey string
	at               int64
}

func (o *oracle) send(c *customer, j *journey, r *run, st *step, s *scope) {
	id := o.id(c, j, r, st)
	cause := map[string]any{"type": r.event.kind, "ts": r.event.ts}
	if r.event.id != "" {
		cause["event_id"] = r.event.id
	}
	d := &deferred{st: st, reached: c.time, stays: r.leaving, action: map[string]any{
		"action_id": id, "journey": j.name, "version": j.version, "step": st.id, "customer_id": c.name, "channel": st.send.channel,
		"template": st.send.template, "params": o.fields(st.with, s), "variant": r.variant, "cause": cause, "transactional": st.send.transactional,
	}}
	if r.holdout {
		o.fired["send: withheld"]++
		o.say(c, "%s#%d withheld %s", j.name, r.number, st.id)
		r.departs(d, c.time)
		return
	}
	o.decide(c, j, r, d)
}

// departs notes what `sent` and `of` know.
func (r *run) departs(d *deferred, at int64) {
	id := d.action["action_id"].(string)
	r.sent[d.st.id] = map[string]any{"action_id": id, "at": instant(at)}
	r.everIDs[d.st.id] = append(r.everIDs[d.st.id], id)
}

func (o *oracle) stopped(c *customer, j *journey, r *run, d *deferred, reason string) {
	kind, per, isCap := strings.Cut(reason, "/")
	if isCap {
		if kind != "cap:all" {
			kind = "cap:channel"
		}
		if per != "day" {
			per = "rolling"
		}
		kind += "/" + per
	}
	o.fired["send: stopped by "+kind]++
	o.say(c, "%s#%d stopped %s %s", j.name, r.number, d.st.id, reason)
}

// decide passes a send through consent, quiet hours and caps.
func (o *oracle) decide(c *customer, j *journey, r *run, d *deferred) {
	ch := o.ws.channels[d.st.send.channel]
	if ch == nil {
		ch = &channel{}
	}
	zone := o.zone(c, nil)
	expire := d.st.send.expire
	if expire == 0 {
		expire = ch.expire
	}
	if ch.consent != "" && !holds(ch.consent, o.scope(c, nil, nil, nil)) {
		if d.st.send.transactional {
			o.fired["transactional: without consent"]++
		}
		o.stopped(c, j, r, d, "consent")
		return
	}
	if d.st.send.transactional {
		o.passes(c, ch, d, zone)
	} else {
		if ch.from != "" && isQuiet(ch, c.time, zone) {
			if ch.drop {
				o.stopped(c, j, r, d, "quiet_hours")
				return
			}
			if c.waiting() >= 256 {
				o.fired["send: more than 256 deferred"]++
				o.stopped(c, j, r, d, "quiet_hours")
				return
			}
			o.fired["send: deferred"]++
			if d.due != 0 {
				o.fired["send: deferred once more"]++
			}
			o.armed++
			d.due, d.armed, d.at = quietEnd(ch, c.time, zone), o.armed, c.time
			r.waiting = append(r.waiting, d)
			return
		}
		for _, rule := range ch.caps {
			if o.full(c, rule, d.st.send.channel, zone) {
				o.competed(c, j, d.st.send.channel)
				o.stopped(c, j, r, d, "cap:"+d.st.send.channel+"/"+rule.per)
				return
			}
		}
		for _, rule := range o.ws.all {
			if o.full(c, rule, "", zone) {
				o.competed(c, j, "")
				o.stopped(c, j, r, d, "cap:all/"+rule.per)
				return
			}
		}
		c.sends = append(c.sends, left{d.st.send.channel, j.name, c.time})
	}
	d.action["version"], d.action["decided_at"], d.action["expires_at"] = r.j.version, c.time, nil
	switch {
	case expire > 0:
		o.fired["send: expire"]++
		d.action["expires_at"] = d.reached + expire
	case ch.from != "":
		o.fired["send: expires with the next quiet hours"]++
		d.action["expires_at"] = quietStart(ch, c.time, zone)
	}
	o.fired["send"]++
	r.departs(d, c.time)
	o.say(c, "%s", asJSON(d.action))
}

// waiting is how many sends of the customer wait for the end of quiet hours.
func (c *customer) waiting() int {
	n := 0
	for _, st := range c.states {
		for _, r := range st.all {
			n += len(r.waiting)
		}
	}
	return n
}

// full: as many as may have left in the last `per`, or on the customer's day.
func (o *oracle) full(c *customer, rule capRule, channel string, zone *time.Location) bool {
	n := 0
	for _, x := range c.sends {
		if channel != "" && x.channel != channel {
			continue
		}
		if rule.length > 0 && c.time-x.at < rule.length || rule.length == 0 && midnight(shows(x.at, zone)) == midnight(shows(c.time, zone)) {
			n++
		}
	}
	return n >= rule.max
}

// fireDeferred is the end of the quiet hours for a send.
func (o *oracle) fireDeferred(c *customer, j *journey, r *run, d *deferred) {
	r.waiting = slices.DeleteFunc(r.waiting, func(x *deferred) bool { return x == d })
	expire := d.st.send.expire
	if ch := o.ws.channels[d.st.send.channel]; expire == 0 && ch != nil {
		expire = ch.expire
	}
	if expire > 0 && c.time-d.reached >= expire {
		o.stopped(c, j, r, d, "expired")
		return
	}
	o.fired["send: deferred decided"]++
	o.decide(c, j, r, d)
}
