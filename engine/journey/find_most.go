package journey

import (
	"slices"
	"strconv"
	"strings"

	"wend/schemas/yamlfile"
)

// How much a customer can get. One enrollment is followed along all its ways, round by round, with the least time that each
// takes: what no way brings about in a time no customer gets in it. An event that is awaited may come at once, a wait until
// some time may take none.

// maxMostStates bounds the ways of one enrollment that are looked at, in steps with the rounds that they are reached in.
const maxMostStates = 20_000

// maxMost is how many sends are counted at most.
const maxMost = 200

// Most is how many sends one enrollment of a journey can bring about within 24 hours.
type Most struct {
	Journey string
	Channel string // "": of all channels
	Sends   int
	Bound   bool   // the search came to its bound: there may be more
	Again   string // how often a customer can enter in that time, in words
}

// Contest is a cap with the journeys whose sends it counts.
type Contest struct {
	Pos    yamlfile.Pos // of the cap
	Name   string       // cap:sms/24h
	Max    int
	Per    string // as it is written
	Shares []Share
}

// Share is how many sends that a cap counts one enrollment of a journey can bring about in the time of the cap.
type Share struct {
	Journey string
	Sends   int
}

const oneDay = 24 * 60 * 60 * 1000

// most is what every journey can bring about in a day, in order of name: by channel and, of several, in all.
func (f *finder) most() []Most {
	var out []Most
	for _, p := range f.c.byName() {
		var channels []string
		for name := range p.chans {
			channels = append(channels, name)
		}
		slices.Sort(channels)
		if len(channels) > 1 {
			channels = append(channels, allChannels)
		}
		for _, name := range channels {
			n, bound := f.mostOf(p, oneDay, func(s *sendNode) bool { return name == allChannels || s.channel == name })
			out = append(out, Most{Journey: p.plan.name, Channel: name, Sends: n, Bound: bound, Again: p.entries()})
		}
	}
	return out
}

// contests are the caps, in order of place.
func (f *finder) contests() []Contest {
	src := f.c.ws.Policies
	if src == nil {
		return nil
	}
	var out []Contest
	add := func(caps []Cap, l *limits, counts func(*sendNode) bool) {
		for i, limit := range l.list {
			per := limit.per
			if per == 0 {
				per = oneDay
			}
			x := Contest{Pos: caps[i].Pos, Name: limit.name, Max: limit.max, Per: limit.text}
			for _, p := range f.c.byName() {
				if n, _ := f.mostOf(p, per, func(s *sendNode) bool { return !s.transactional && counts(s) }); n > 0 {
					x.Shares = append(x.Shares, Share{p.plan.name, n})
				}
			}
			out = append(out, x)
		}
	}
	for _, ch := range src.Channels {
		if of := f.c.p.policies.channels[ch.Name.Value]; of != nil {
			add(ch.Caps, &of.caps, func(s *sendNode) bool { return s.policy == of })
		}
	}
	add(src.All, &f.c.p.policies.all, func(*sendNode) bool { return true })
	return out
}

func (c *compiler) byName() []*planner {
	plans := slices.Clone(c.plans)
	slices.SortFunc(plans, func(a, b *planner) int { return strings.Compare(a.plan.name, b.plan.name) })
	return plans
}

// entries says how often a customer can enter in a day.
func (p *planner) entries() string {
	each := "each entry"
	if p.plan.key != nil {
		each = "each " + p.src.Enter.Key.Value
	}
	switch {
	case p.plan.key == nil && p.plan.again == AgainNever:
		return "once ever"
	case p.plan.key == nil && p.plan.again == AgainInterval && p.plan.after >= oneDay:
		return "once in " + yamlfile.FormatDuration(p.plan.after)
	}
	return each
}

// mostOf is how many sends that count one enrollment can bring about within a time, and whether the search came to its bound.
func (f *finder) mostOf(p *planner, within int64, counts func(*sendNode) bool) (sends int, bound bool) {
	if !slices.ContainsFunc(p.plan.nodes, func(n node) bool { return n.op == opSend && counts(n.send) }) {
		return 0, false
	}
	x := &ways{p: p, never: f.never, within: within + p.putOff(counts), counts: counts, known: map[string][]int64{}}
	x.from(wayAt{at: p.plan.start})
	return min(x.best, maxMost), x.bound || x.best > maxMost
}

// putOff is how long quiet hours may put a send that counts off: so much more lies within a time. The hour more is for a
// change of the clocks.
func (p *planner) putOff(counts func(*sendNode) bool) int64 {
	const hour, day = 60 * 60 * 1000, 24 * 60 * 60 * 1000
	longest := int64(0)
	for i := range p.plan.nodes {
		n := &p.plan.nodes[i]
		if n.op != opSend || n.send.transactional || !counts(n.send) || n.send.policy == nil {
			continue
		}
		if q := n.send.policy.quiet; q != nil && q.Defer {
			longest = max(longest, (int64(q.To-q.From)+day)%day+hour)
		}
	}
	return longest
}

// ways are those of one enrollment.
type ways struct {
	p      *planner
	never  map[*Step]bool
	within int64
	counts func(*sendNode) bool
	known  map[string][]int64 // by place
	best   int
	bound  bool
}

// wayAt is a step, and what was on the way there that counts.
type wayAt struct {
	at     int32
	rounds []wayRound // of the repeats around it, the outermost first
	left   leftBy
}

type wayRound struct {
	step int32
	n    uint64
}

// leftBy says whether the enrollment has left already.
type leftBy uint8

const (
	stillIn leftBy = iota
	leftByExit
	leftByGoal
)

func (a wayAt) key() string {
	b := strconv.AppendInt(nil, int64(a.at), 36)
	b = append(b, '/', byte('0'+a.left))
	for _, r := range a.rounds {
		b = strconv.AppendUint(append(b, '/'), r.n, 36)
	}
	return string(b)
}

// to is another step, in the same rounds.
func (a wayAt) to(at int32) wayAt { return wayAt{at, a.rounds, a.left} }

// from is the shortest times from a place to the first send that counts, the second and so on, below the time looked at.
func (x *ways) from(a wayAt) []int64 {
	goal := x.p.plan.goal
	if a.at == end {
		if a.left != leftByGoal && goal != nil && goal.within > 0 && goal.times == 0 {
			return x.from(wayAt{at: goal.do, left: leftByGoal}) // the goal is looked at behind the end too
		}
		return nil
	}
	key := a.key()
	if times, ok := x.known[key]; ok {
		return times
	}
	if len(x.known) >= maxMostStates {
		x.bound = true
		return nil
	}
	x.known[key] = nil
	n := &x.p.plan.nodes[a.at]
	var times []int64
	lead := func(to wayAt, wait int64) {
		for k, ms := range x.from(to) {
			if ms = later(ms, wait); ms >= x.within {
				break
			}
			if k == len(times) {
				times = append(times, ms)
			} else {
				times[k] = min(times[k], ms)
			}
		}
	}
	step := x.p.stepOf(a.at)
	if n.cond != nil && !x.p.sure[step] {
		lead(a.to(n.next), 0)
	}
	switch {
	case x.p.never[step] || x.never[step]:
		lead(a.to(n.next), 0)
	case n.op == opWait || n.op == opAwait:
		x.standing(n, a.at, func(to int32, wait int64) { lead(a.to(to), wait) })
		if goal != nil {
			lead(wayAt{at: goal.do, left: leftByGoal}, 0)
		}
		for i := range x.p.plan.exits {
			lead(wayAt{at: x.p.plan.exits[i].do, left: leftByExit}, 0)
		}
	case n.op == opRepeat:
		inner := append(slices.Clone(a.rounds), wayRound{a.at, 1})
		lead(wayAt{n.repeat.body, inner, a.left}, 0)
	case n.op == opAgain && len(a.rounds) > 0:
		outer := a.rounds[:len(a.rounds)-1]
		if last := a.rounds[len(a.rounds)-1]; last.n < n.repeat.times {
			lead(wayAt{n.repeat.body, append(slices.Clone(outer), wayRound{last.step, last.n + 1}), a.left}, 0)
		}
		lead(wayAt{n.next, outer, a.left}, 0)
	case n.op == opExit:
		lead(wayAt{at: end, left: max(a.left, leftByExit)}, 0)
	case n.op == opSend && x.counts(n.send):
		lead(a.to(n.next), 0)
		times = append([]int64{0}, times...)
		if len(times) > maxMost+1 {
			times = times[:maxMost+1]
		}
		x.best = max(x.best, len(times))
	default:
		for _, to := range x.p.successors(a.at) {
			lead(a.to(to), 0)
		}
	}
	x.known[key] = times
	return times
}

// standing are the ways on from a wait or an await, with the least time that each takes.
func (x *ways) standing(n *node, at int32, way func(to int32, wait int64)) {
	if n.op == opWait {
		if n.wait.takesTime() {
			way(n.next, n.wait.length)
		} else {
			way(n.next, 0)
		}
		return
	}
	all := x.p.successors(at)
	for i, to := range all {
		if i == len(all)-1 && !n.await.forever() { // the timeout
			way(to, n.await.within)
		} else {
			way(to, 0)
		}
	}
}
