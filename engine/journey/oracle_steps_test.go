package journey

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The steps of the oracle.

// run takes an enrollment on to its next wait or its end.
func (o *oracle) run(c *oracleCustomer, j *Journey, r *oracleRun, depth int) {
	r.standing, r.await, r.wait = false, nil, nil
	reason := o.steps(c, j, r, depth)
	if r.standing {
		return
	}
	if reason == "" {
		reason = "completed"
	}
	o.leave(c, j, r, reason)
}

// steps goes on until the enrollment stands, nothing is left, or an exit says why.
func (o *oracle) steps(c *oracleCustomer, j *Journey, r *oracleRun, depth int) string {
	for len(r.frames) > 0 {
		f := &r.frames[len(r.frames)-1]
		if f.next == len(f.steps) {
			r.frames = r.frames[:len(r.frames)-1]
			continue
		}
		s := f.steps[f.next]
		f.next++
		scope := o.inside(c, j, r)
		if s.If != nil && !holdsOracle(s.If.Value, scope) {
			o.fired["step passed over"]++
			continue
		}
		switch {
		case s.Wait != nil:
			r.due = c.time + s.Wait.For
			if s.Wait.SinceEnter {
				r.due = r.entered + s.Wait.For
				o.fired["wait: since enter"]++
			}
			if r.due <= c.time {
				o.fired["wait: passes at once"]++
				continue
			}
			r.standing, r.wait, r.forever = true, s, false
			return ""
		case s.Await != nil:
			if o.early(c, r, s) {
				continue
			}
			if !s.Await.Forever && s.Await.Within == 0 {
				r.frames = append(r.frames, oracleFrame{steps: s.Await.Timeout})
				continue
			}
			r.standing, r.await, r.forever, r.due, r.resets = true, s, s.Await.Forever, c.time+s.Await.Within, 0
			return ""
		case s.Branch != nil:
			for _, a := range s.Branch {
				if a.If == nil || holdsOracle(a.If.Value, scope) {
					o.fired[map[bool]string{true: "branch: else", false: "branch: if"}[a.If == nil]]++
					r.frames = append(r.frames, oracleFrame{steps: a.Do})
					break
				}
			}
		case s.Split != nil:
			o.split(c, j, r, s.Split)
		case s.Send != nil:
			o.send(c, j, r, s, scope)
		case s.Set != nil:
			o.fired["set"]++
			o.sets(c, s.Set, scope)
		case s.Tag != nil:
			o.tag(c, s.Tag, true)
		case s.Untag != nil:
			o.tag(c, s.Untag, false)
		case s.Emit != nil:
			o.fired["emit"]++
			id := o.id(c, j, r, s)
			fields := o.fields(s.Emit.With, scope)
			fields["type"], fields["ts"], fields["event_id"], fields["customer_id"] = s.Emit.Type.Value, c.time, id, c.name
			*c.queue = append(*c.queue, oracleEvent{id: id, kind: s.Emit.Type.Value, ts: c.time, fields: fields, depth: depth + 1})
		case s.Exit != nil:
			o.fired["exit step"]++
			return s.Exit.Value
		}
	}
	return ""
}

// early takes the oldest event that came before an await which says since: enter was reached.
func (o *oracle) early(c *oracleCustomer, r *oracleRun, s *Step) bool {
	for _, came := range r.came {
		if came.moved {
			continue
		}
		for _, t := range s.Await.Events {
			if t.Since && !t.Reset && came.fits[t] {
				o.fired["await: since enter"]++
				came.moved = true
				r.event = came.ev
				r.frames = append(r.frames, oracleFrame{steps: t.Do})
				return true
			}
		}
	}
	return false
}

func (o *oracle) split(c *oracleCustomer, j *Journey, r *oracleRun, s *Split) {
	var sum, below float64
	for _, a := range s.Arms {
		sum += a.Weight
	}
	b := float64(bucket(j.Name.Value, "split/"+s.Name.Value, c.name))
	for _, a := range s.Arms {
		if below += a.Weight; b < below/sum*10_000 {
			o.fired["split"]++
			r.variant[s.Name.Value] = a.Name.Value
			r.frames = append(r.frames, oracleFrame{steps: a.Do})
			return
		}
	}
}

func (o *oracle) tag(c *oracleCustomer, names []Text, add bool) {
	old, _ := c.profile["tags"].([]any)
	list := []any{}
	for _, x := range old {
		if add || !slices.ContainsFunc(names, func(t Text) bool { return t.Value == x }) {
			list = append(list, x)
		}
	}
	for _, t := range names {
		if add && !slices.Contains(list, any(t.Value)) {
			list = append(list, t.Value)
		}
	}
	o.fired[map[bool]string{true: "tag", false: "untag"}[add]]++
	delete(c.profile, "tags")
	if len(list) > 0 {
		c.profile["tags"] = list
	}
}

func (o *oracle) value(v *Value, scope *oracleScope) (any, bool) {
	switch {
	case v == nil:
		return nil, true
	case v.Kind == TextValue:
		x, ok := templateOracle(v.Text.Value, scope)
		if !ok {
			o.fired["value left out"]++
		}
		return x, ok
	case v.Kind == ListValue:
		list := []any{}
		for _, e := range v.List {
			if x, ok := o.value(e, scope); ok {
				list = append(list, x)
			}
		}
		return list, true
	case v.Kind == MapValue:
		return o.fields(v.Map, scope), true
	}
	return v.Scalar, true
}

func (o *oracle) fields(with []Assign, scope *oracleScope) map[string]any {
	m := map[string]any{}
	for _, a := range with {
		if x, ok := o.value(a.Value, scope); ok {
			m[a.Name.Value] = x
		}
	}
	return m
}

// id is JOURNEY/CUSTOMER[/KEY]/ENROLLMENT-NUMBER/STEP/VISIT.
func (o *oracle) id(c *oracleCustomer, j *Journey, r *oracleRun, s *Step) string {
	step := stepOracle(s)
	r.visits[step]++
	parts := []string{j.Name.Value, c.name}
	if j.Enter.Key != nil {
		parts = append(parts, r.key)
	}
	parts = append(parts, strconv.Itoa(r.number), step, strconv.Itoa(r.visits[step]))
	for i, p := range parts {
		var b strings.Builder
		for k := 0; k < len(p); k++ {
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

func stepOracle(s *Step) string {
	switch {
	case s.OwnID != nil:
		return s.OwnID.Value
	case s.Send != nil:
		return s.Send.Template.Value
	}
	return s.Place
}

func (o *oracle) send(c *oracleCustomer, j *Journey, r *oracleRun, s *Step, scope *oracleScope) {
	id := o.id(c, j, r, s)
	var expires any
	if s.Send.Expire > 0 {
		o.fired["send: expire"]++
		expires = c.time + s.Send.Expire
	}
	action := map[string]any{
		"action_id": id, "journey": j.Name.Value, "version": 0, "step": stepOracle(s), "customer_id": c.name,
		"channel": s.Send.Channel.Value, "template": s.Send.Template.Value, "params": o.fields(s.Send.With, scope),
		"variant": r.variant, "cause": map[string]any{"event_id": r.event.id, "type": r.event.kind, "ts": r.event.ts},
		"decided_at": c.time, "expires_at": expires, "transactional": s.Send.Transactional,
	}
	r.sent[stepOracle(s)] = map[string]any{"action_id": id, "at": oracleInstant(c.time)}
	if r.holdout {
		o.fired["send: withheld"]++
		return
	}
	o.fired["send"]++
	o.say(c, "%s", jsonOracle(action))
}
