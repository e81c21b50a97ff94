package journey

import (
	"slices"
	"sort"
	"strings"
	"time"

	"wend/engine/journey/expr"
	"wend/schemas/yamlfile"
)

// policies are what policies.yaml asks of sends.
type policies struct {
	zone     *time.Location // of customers whose profile names none
	channels map[string]*channelPolicy
	all      limits
}

// channelPolicy is what is asked of the sends of a channel.
type channelPolicy struct {
	name    string
	consent *expr.Condition // nil: none needed
	quiet   *Quiet          // nil: none
	caps    limits
	expire  int64 // ms, 0: never
}

// limits are the caps of a channel, or of all together.
type limits struct {
	list   []limit
	most   int   // the largest max: so many moments have to be kept
	window int64 // ms; what is older no cap asks for
}

type limit struct {
	max  int
	per  int64  // ms; 0: the customer's calendar day
	text string // per, as it is written
	name string // cap:sms/24h
}

// dayWindow is longer than any calendar day: one may have 25 hours, and longer ones there were.
const dayWindow = 50 * 60 * 60 * 1000

// policies compiles policies.yaml. It comes before the journeys, whose zones fall back on its.
func (c *compiler) policies() {
	utc, _ := expr.LoadZone("UTC")
	c.p.policies = policies{zone: utc, channels: map[string]*channelPolicy{}}
	src := c.ws.Policies
	if src == nil {
		return
	}
	if src.Timezone != nil {
		if zone, ok := expr.LoadZone(src.Timezone.Value); ok {
			c.p.policies.zone = zone
		}
	}
	for _, from := range src.Channels {
		name := from.Name.Value
		x := &channelPolicy{name: name, quiet: from.Quiet, caps: newLimits(name, from.Caps), expire: from.Expire}
		if from.Consent != nil {
			x.consent = c.consent(from.Consent)
		}
		c.p.policies.channels[name] = x
		c.channels = append(c.channels, name)
	}
	c.p.policies.all = newLimits("all", src.All)
}

func (c *compiler) consent(t *Text) *expr.Condition {
	cond, err := c.env.Condition(t.Value, derived)
	if err != nil {
		c.wrong(t, err)
		return nil
	}
	if v, ok := cond.Constant(); ok {
		c.problems.Warnf(t.Pos, "this condition is always %v", v)
	}
	return cond
}

func newLimits(of string, caps []Cap) limits {
	var l limits
	for _, c := range caps {
		l.list = append(l.list, limit{max: c.Max, per: c.Per, text: c.Text, name: "cap:" + of + "/" + c.Text})
		l.most = max(l.most, c.Max)
		if c.Per == 0 {
			l.window = max(l.window, dayWindow)
		}
		l.window = max(l.window, c.Per)
	}
	return l
}

// nearChannel warns of a channel that policies.yaml does not list and that looks like one which it does.
func (c *compiler) nearChannel(t Text) {
	if c.p.policies.channels[t.Value] != nil || c.ws.Policies == nil || c.ws.Policies.Broken {
		return
	}
	if hint := yamlfile.DidYouMean(t.Value, c.channels); hint != "" {
		c.problems.Warnf(t.Pos, "policies.yaml lists no channel %s%s", yamlfile.Quote(t.Value), hint)
	}
}

// checkStopped finds the policies that a test names and that are none.
func (c *compiler) checkStopped(t *Test) {
	if c.ws.Policies != nil && c.ws.Policies.Broken {
		return
	}
	for i := range t.Expect {
		e := t.Expect[i].Stopped
		if e == nil {
			continue
		}
		if names := c.p.policies.stopped(); !slices.Contains(names, e.Value) {
			hint := yamlfile.DidYouMean(e.Value, names)
			if hint == "" {
				hint = ": there are " + strings.Join(names, ", ")
			}
			c.problems.Errorf(e.Pos, "nothing stops a send under the name %s%s", yamlfile.Quote(e.Value), hint)
		}
	}
}

// stopped are the names under which the trace has what stops a send.
func (p *policies) stopped() []string {
	names := []string{stoppedConsent, stoppedQuiet, stoppedExpired, stoppedExited}
	for _, l := range p.all.list {
		names = append(names, l.name)
	}
	for _, c := range p.channels {
		for _, l := range c.caps.list {
			names = append(names, l.name)
		}
	}
	sort.Strings(names)
	return names
}
