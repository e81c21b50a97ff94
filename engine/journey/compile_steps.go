package journey

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"wend/engine/journey/expr"
	"wend/schemas"
	"wend/schemas/yamlfile"
)

// scopes of the language: which names an expression may use, by where it stands.
func (p *planner) inside() expr.Scope {
	return expr.Scope{Event: true, Enter: true, Profile: true, Sent: true, Now: true, Sends: p.sends}
}

// awaited is what an `await: {until}` may read: what does not change but when it is looked at.
func (p *planner) awaited() expr.Scope {
	sc := p.inside()
	sc.Now = false
	return sc
}

// derived is for conditions that hold of a customer, whatever happens.
var derived = expr.Scope{Profile: true}

var outside = expr.Scope{Event: true, Profile: true, Now: true}

func (c *compiler) triggers() {
	for _, p := range c.plans {
		c.broken = p.src.LostSend
		if p.pinned() {
			c.pinned(p)
		} else {
			p.journey()
		}
	}
	c.broken = false
}

func (p *planner) journey() {
	j := p.plan
	j.enter.look = noLook
	if e := p.src.Enter; e != nil && !p.pinned() {
		j.enter = p.trigger(&e.Trigger, outside, "")
		j.again, j.after = e.Again, e.AgainAfter
		if e.Key != nil {
			x, err := p.c.env.Expression(e.Key.Value, outside)
			if err != nil {
				p.c.wrong(e.Key, err)
			}
			j.key = x
		}
	}
	if t := p.src.Goal; t != nil {
		g := p.trigger(t, p.inside(), placeGoal)
		g.do = p.list(t.Do, end)
		j.goal = &g
	}
	for i, t := range p.src.Exits {
		x := p.trigger(t, p.inside(), fmt.Sprintf("exit[%d]", i))
		x.do = p.list(t.Do, end)
		if t.Reason != nil {
			x.reason = t.Reason.Value
		}
		j.exits = append(j.exits, x)
	}
	j.start = p.list(p.src.Steps, end)
	for i := range j.nodes {
		if op := j.nodes[i].op; op == opWait || op == opAwait {
			j.standing[j.nodes[i].id] = int32(i)
		}
	}
}

func (p *planner) trigger(t *Trigger, sc expr.Scope, place string) trigger {
	out := trigger{times: t.Times, within: t.Within, place: place, look: noLook, do: end, reset: t.Reset, since: t.Since, pos: t.Pos}
	if t.Becomes != nil {
		p.becomes(t, place)
	}
	if m := p.moment(t, place); m != nil {
		out.types = append(out.types, m.typ.id)
	}
	for _, on := range t.On {
		id := p.c.typeID(on.Value)
		if !out.wants(id) {
			out.types = append(out.types, id)
		}
		feedback := strings.HasSuffix(on.Value, "_opened") || strings.HasSuffix(on.Value, "_clicked")
		if feedback && place != "" && t.Of == nil && t.If == nil {
			p.c.problems.Warnf(on.Pos, "any %s of the customer counts here: `of: SEND_ID` asks for that of one send", on.Value)
		}
	}
	if t.If != nil {
		out.cond = p.condition(t.If, sc, t, place != "")
	}
	if t.Of != nil {
		out.of = t.Of.Value
		p.of[out.of] = true
	}
	return out
}

// condition compiles an `if`. owner is what it stands on, for the check of what can be reached; noted: it reads what
// an enrollment keeps.
func (p *planner) condition(t *Text, sc expr.Scope, owner any, noted bool) *expr.Condition {
	cond, err := p.c.env.Condition(t.Value, sc)
	if err != nil {
		p.c.wrong(t, err)
		return nil
	}
	if v, ok := cond.Constant(); ok {
		holds, _ := v.(bool)
		p.c.problems.Warnf(t.Pos, "this condition is always %v", holds)
		p.sure[owner], p.never[owner] = holds, !holds
	}
	if noted {
		r := cond.Reads()
		if _, step := owner.(*Trigger); step {
			r.Event, r.EventAll = nil, false // the event offered, which is in hand
		}
		p.note(r, t.Value)
	}
	return cond
}

// wrong reports a problem inside an expression. Where files are broken already, names may be missing for that alone: what
// could be such an error is not reported.
func (c *compiler) wrong(t *Text, err *expr.Error) {
	switch {
	case (strings.Contains(t.Value, "profile") || strings.Contains(t.Value, "score") || strings.Contains(t.Value, "segment")) && c.lost(t.Value):
	case c.broken && strings.Contains(t.Value, "sent"):
	default:
		c.problems.Errorf(t.At(err.Offset), "%s", err.Message)
	}
	c.failed = true
}

// lost says whether the text may name an attribute whose declaration has a problem.
func (c *compiler) lost(text string) bool {
	return c.ws.Profile.Broken || slices.ContainsFunc(c.ws.Profile.Lost, func(name string) bool { return strings.Contains(text, name) })
}

// note remembers what an expression reads of what an enrollment keeps.
func (p *planner) note(r expr.Reads, src string) {
	for _, name := range r.Enter {
		p.enter[name] = true
	}
	for _, name := range r.Event {
		p.event[name] = true
	}
	for _, i := range r.Windows {
		p.windows[i] = true
	}
	p.all.enter = p.all.enter || r.EnterAll
	p.all.event = p.all.event || r.EventAll
	// `sent` may be indexed by anything: a text that mentions it keeps all sends.
	p.sent = p.sent || strings.Contains(src, "sent")
}

// list lays out steps so that the last goes on at next, and returns the first. It works from the last to the first, so
// that every step knows where it goes on.
func (p *planner) list(steps []*Step, next int32) int32 {
	for i := len(steps) - 1; i >= 0; i-- {
		next = p.step(steps[i], next)
	}
	return next
}

func (p *planner) step(s *Step, next int32) int32 {
	at := int32(len(p.plan.nodes))
	p.plan.nodes = append(p.plan.nodes, node{})
	p.nodes[s] = at
	n := node{id: p.ids[s], place: s.Place, pos: s.Pos, next: next}
	if s.If != nil {
		n.cond = p.condition(s.If, p.inside(), s, true)
	}
	switch {
	case s.Wait != nil:
		n.op = opWait
		n.wait = p.wait(s.Wait)
	case s.Await != nil:
		n.op = opAwait
		n.await.within, n.await.rounds = s.Await.Within, p.rounds
		if s.Await.Forever {
			n.await.within = schemas.Never
		}
		for i, t := range s.Await.Events {
			e := p.trigger(t, p.inside(), fmt.Sprintf("%s.await.events[%d]", s.Place, i))
			if t.Reset && t.Since {
				p.c.problems.Warnf(t.Pos, "`since: enter` does nothing beside `reset: true`: there is no deadline to restart before the await is reached")
				e.since = false
			}
			e.do = p.list(t.Do, next)
			n.await.events = append(n.await.events, e)
		}
		n.await.do = end
		if s.Await.Until != nil {
			n.await.until = p.condition(s.Await.Until, p.awaited(), s.Await, true)
			n.await.do = p.list(s.Await.Do, next)
			p.awaits = append(p.awaits, n.await.until)
		}
		n.await.timeout = p.list(s.Await.Timeout, next)
	case s.Branch != nil:
		n.op = opBranch
		for i, a := range s.Branch {
			x := arm{place: fmt.Sprintf("%s.branch[%d]", s.Place, i), pos: a.Pos}
			if a.If != nil {
				x.cond = p.condition(a.If, p.inside(), a, true)
			}
			x.do = p.list(a.Do, next)
			n.arms = append(n.arms, x)
		}
	case s.Split != nil:
		n.op = opSplit
		n.split, n.draw = s.Split.Name.Value, splitDraw+s.Split.Name.Value
		n.arms = p.splitArms(s, next)
	case s.Choose != nil:
		n.op = opChoose
		n.arms = p.choices(s, next)
	case s.Repeat != nil:
		n.op = opRepeat
		n.repeat = p.repeat(s, at, next)
	case s.Send != nil:
		n.op = opSend
		p.c.nearChannel(s.Send.Channel)
		n.send = &sendNode{
			channel: s.Send.Channel.Value, policy: p.c.p.policies.channels[s.Send.Channel.Value], template: s.Send.Template.Value, expire: s.Send.Expire,
			transactional: s.Send.Transactional, with: p.assigns(s.Send.With),
		}
	case s.Set != nil:
		n.op = opSet
		n.set = p.assigns(s.Set)
		p.c.checkSet(s.Set)
	case s.Tag != nil:
		n.op = opTag
		n.tags = texts(s.Tag)
	case s.Untag != nil:
		n.op = opUntag
		n.tags = texts(s.Untag)
	case s.Emit != nil:
		n.op = opEmit
		n.emit = &emitNode{name: s.Emit.Type.Value, with: p.assigns(s.Emit.With)}
	default:
		n.op = opExit
		if s.Exit != nil {
			n.reason = s.Exit.Value
		}
	}
	p.plan.nodes[at] = n
	return at
}

// splitArms lays the arms out in order by their share of the sum of weights. The bounds are rounded, not the shares,
// so that no bucket is lost.
func (p *planner) splitArms(s *Step, next int32) []arm {
	var sum, below float64
	for i := range s.Split.Arms {
		sum += math.Max(0, s.Split.Arms[i].Weight)
	}
	var arms []arm
	for i := range s.Split.Arms {
		a := &s.Split.Arms[i]
		below += math.Max(0, a.Weight)
		x := arm{name: a.Name.Value, place: fmt.Sprintf("%s.split.arms[%d]", s.Place, i), pos: a.Name.Pos, below: share(below / math.Max(sum, math.SmallestNonzeroFloat64))}
		x.do = p.list(a.Do, next)
		arms = append(arms, x)
	}
	return arms
}

func (p *planner) assigns(from []Assign) []assign {
	var out []assign
	for _, a := range from {
		x := assign{name: a.Name.Value}
		if a.Value != nil {
			v := p.c.value(a.Value, p.inside(), p.note)
			x.value, x.static = v, v.constant
		}
		out = append(out, x)
	}
	return out
}

// value compiles a YAML value; note is told what its expressions read.
func (c *compiler) value(from *Value, sc expr.Scope, note func(expr.Reads, string)) *value {
	v := &value{kind: from.Kind}
	switch from.Kind {
	case TextValue:
		if !strings.Contains(from.Text.Value, "{{") {
			v.static, v.constant = from.Text.Value, true
			break
		}
		t, err := c.env.Template(from.Text.Value, sc)
		if err != nil {
			c.wrong(from.Text, err)
			v.constant = true
			break
		}
		v.template = t
		if note != nil {
			note(t.Reads(), from.Text.Value)
		}
	case ListValue:
		v.constant = true
		for _, x := range from.List {
			e := c.value(x, sc, note)
			v.list = append(v.list, e)
			v.constant = v.constant && e.constant
		}
		if v.constant {
			list := make([]any, 0, len(v.list))
			for _, e := range v.list {
				list = append(list, e.static)
			}
			v.static = list
		}
	case MapValue:
		v.constant = true
		m := make(map[string]any, len(from.Map))
		for _, a := range from.Map {
			x := assign{name: a.Name.Value}
			if a.Value != nil {
				x.value = c.value(a.Value, sc, note)
				v.constant = v.constant && x.value.constant
				m[x.name] = x.value.static
			} else {
				m[x.name] = nil
			}
			v.fields = append(v.fields, x)
		}
		if v.constant {
			v.static = m
		}
	default:
		v.static, v.constant = from.Scalar, true
	}
	return v
}

func (c *compiler) updates() {
	for i, src := range c.ws.Profile.Updates {
		u := &update{place: fmt.Sprintf("update[%d]", i)}
		if src.If != nil {
			cond, err := c.env.Condition(src.If.Value, outside)
			if err != nil {
				c.wrong(src.If, err)
			} else if v, ok := cond.Constant(); ok {
				c.problems.Warnf(src.If.Pos, "this condition is always %v", v)
			}
			u.cond = cond
		}
		if src.SetAll != nil {
			x, err := c.env.Expression(src.SetAll.Value, outside)
			if err != nil {
				c.wrong(src.SetAll, err)
			}
			u.all = x
		}
		for _, a := range src.Set {
			x := assign{name: a.Name.Value}
			if a.Value != nil {
				x.value = c.value(a.Value, outside, nil)
				x.static = x.value.constant
			}
			u.set = append(u.set, x)
		}
		c.checkSet(src.Set)
		for _, on := range src.On {
			c.typeID(on.Value)
			t := c.p.types[on.Value]
			if n := len(t.updates); n == 0 || t.updates[n-1] != u {
				t.updates = append(t.updates, u)
			}
		}
	}
}

// checkSet reports names that no profile has, and written values of a wrong type.
func (c *compiler) checkSet(set []Assign) {
	for _, a := range set {
		t, ok := c.p.profile[a.Name.Value]
		if !ok {
			if !c.lost(a.Name.Value) {
				c.problems.Errorf(a.Name.Pos, "no attribute is called %s%s (profile.yaml declares them under attributes)", yamlfile.Quote(a.Name.Value), yamlfile.DidYouMean(a.Name.Value, c.attributeNames()))
			}
			continue
		}
		if a.Value == nil {
			continue
		}
		v := a.Value
		var x any
		switch {
		case v.Kind == ScalarValue:
			x = v.Scalar
		case v.Kind == TextValue && !strings.Contains(v.Text.Value, "{{"):
			x = v.Text.Value
		case v.Kind == ListValue:
			x = []any{}
		case v.Kind == MapValue:
			x = map[string]any{}
		default:
			continue
		}
		if x == nil {
			continue
		}
		if _, ok := fit(t, x); !ok {
			c.problems.Errorf(v.Pos, "the attribute %s is a %s: %s is none", a.Name.Value, typeName(t), describe(x))
		}
	}
}

func (c *compiler) attributeNames() []string {
	var names []string
	for name := range c.p.profile {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func (c *compiler) tests() {
	for _, t := range c.ws.Tests {
		c.checkSet(t.Profile)
		c.checkStopped(t)
	}
}

// own fields of every event are those of its cause and are not kept twice.
func isCauseField(name string) bool {
	switch name {
	case "type", "ts", "event_id", "customer_id":
		return true
	}
	return false
}

func (c *compiler) keep() {
	for _, p := range c.plans {
		j := p.plan
		j.enterFields = selection(p.enter, p.all.enter)
		j.eventFields = selection(p.event, p.all.event)
		for _, id := range p.sends {
			if p.sent || p.of[id] {
				j.keepSent[id] = true
			}
		}
		j.earlyTypes = map[int32]bool{}
		for i := range j.nodes {
			takes := false
			for k := range j.nodes[i].await.events {
				if e := &j.nodes[i].await.events[k]; e.since {
					takes = true
					for _, id := range e.types {
						j.earlyTypes[id] = true
					}
				}
			}
			if takes {
				j.early = min(j.early+j.nodes[i].await.rounds, maxEarly)
			}
		}
	}
}

func selection(names map[string]bool, all bool) keep {
	k := keep{all: all}
	for name := range names {
		if !isCauseField(name) {
			k.names = append(k.names, name)
		}
	}
	sort.Strings(k.names)
	return k
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func texts(from []Text) []string {
	out := make([]string, len(from))
	for i := range from {
		out[i] = from[i].Value
	}
	return out
}

// warnUnreached warns at a place that nothing leads to.
func (p *planner) warnUnreached(at yamlfile.Pos, place string) {
	p.c.problems.Warnf(at, "the step %s can't be reached", place)
}
