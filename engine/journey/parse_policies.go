package journey

import (
	"strings"

	"wend/engine/journey/localtime"
	"wend/schemas/yamlfile"
)

// mostCap bounds `max`: as many moments are kept in a customer's document.
const mostCap = 10_000

// parsePolicies reads policies.yaml.
func parsePolicies(n *yamlfile.Node, ps *yamlfile.Problems) *Policies {
	p := &parser{ps: ps}
	out := &Policies{}
	errors := countErrors(*ps)
	defer func() { out.Broken = countErrors(*ps) > errors }()
	m, ok := n.AsMap(ps, "policies")
	if !ok {
		return out
	}
	if v := m.Get("timezone"); v != nil {
		out.Timezone = p.zone(v)
	}
	if v := m.Get("channels"); v != nil && v.Kind != yamlfile.Null {
		if v.Kind != yamlfile.Map {
			v.Wrong(ps, "channels and their policies, {name: {caps: [...]}}")
		}
		for i := range v.Entries {
			p.channel(&v.Entries[i], out)
		}
	}
	if v := m.Get("all"); v != nil && v.Kind != yamlfile.Null {
		if all, ok := v.AsMap(ps, "all"); ok {
			all.Refuse("%q is a channel's own, under channels: all has caps alone", "consent", "quiet", "expire")
			if v := all.Get("caps"); v != nil {
				out.All = p.caps(v)
			}
			all.Done()
		}
	}
	m.Done()
	return out
}

// channel reads one entry of channels. A channel of which nothing is said is listed all the same.
func (p *parser) channel(e *yamlfile.Entry, out *Policies) {
	if !isLabel(e.Key) {
		p.ps.Errorf(e.KeyPos, "expected a channel's name of at most 100 letters, digits, `_`, `-` and `.`, found %s", yamlfile.Quote(e.Key))
		return
	}
	c := &ChannelPolicy{Name: Text{Pos: e.KeyPos, Value: e.Key}}
	out.Channels = append(out.Channels, c)
	if e.Value.Kind == yamlfile.Null {
		return
	}
	m, ok := e.Value.AsMap(p.ps, "a channel")
	if !ok {
		return
	}
	if v := m.Get("consent"); v != nil {
		c.Consent = p.consent(v)
	}
	if v := m.Get("quiet"); v != nil {
		c.Quiet = p.quiet(v)
	}
	if v := m.Get("caps"); v != nil {
		c.Caps = p.caps(v)
	}
	if v := m.Get("expire"); v != nil {
		c.Expire, _ = v.AsDuration(p.ps, 1)
	}
	m.Done()
}

// consent reads a condition. It is about the customer alone, which no example of another condition shows.
func (p *parser) consent(n *yamlfile.Node) *Text {
	if n.Kind == yamlfile.Bool {
		return p.condition(n)
	}
	return p.expression(n, "a condition like profile.consent.sms")
}

// quiet reads `{from: "22:00", to: "08:00", then: defer}`; nil where a part of it can't be read.
func (p *parser) quiet(n *yamlfile.Node) *Quiet {
	m, ok := n.AsMap(p.ps, "quiet")
	if !ok {
		return nil
	}
	q := &Quiet{Defer: true}
	good := true
	for _, part := range []struct {
		key string
		to  *localtime.Clock
	}{{"from", &q.From}, {"to", &q.To}} {
		v := m.Need(part.key)
		if v == nil {
			good = false
			continue
		}
		text, ok := v.AsText(p.ps, `a time of day like "22:00"`)
		if ok {
			if *part.to, ok = localtime.ParseClock(text); !ok {
				v.Wrong(p.ps, `a time of day from "00:00" to "23:59"`)
			}
		}
		good = good && ok
	}
	if v := m.Get("then"); v != nil {
		s, ok := v.AsOneOf(p.ps, "defer", "drop")
		q.Defer = s == "defer"
		good = good && ok
	}
	m.Done()
	if good && q.From == q.To {
		p.ps.Errorf(n.Pos, "quiet hours from %s to %s are none, or all of the day: give two times", q.From, q.To)
		good = false
	}
	if !good {
		return nil
	}
	return q
}

// caps reads a list of `{max: 3, per: 24h}`, which may be empty.
func (p *parser) caps(n *yamlfile.Node) (all []Cap) {
	for _, item := range list(n, p.ps, "a list of caps, each `{max: 3, per: 24h}`") {
		m, ok := item.AsMap(p.ps, "a cap")
		if !ok {
			continue
		}
		c := Cap{Pos: item.Pos}
		good := false
		if v := m.Need("max"); v != nil {
			most, ok := v.AsInt(p.ps, "a whole number", 0, mostCap)
			c.Max, good = int(most), ok
			if ok && most == 0 {
				p.ps.Warnf(v.Pos, "nothing gets past a cap whose max is 0")
			}
		}
		v := m.Need("per")
		switch {
		case v == nil:
			good = false
		case v.Kind == yamlfile.String && v.Text == "day":
			c.Text = v.Text
		case v.Kind == yamlfile.String && !strings.ContainsAny(v.Text, "0123456789"):
			v.Wrong(p.ps, "a duration like 24h, or day for the customer's calendar day")
			good = false
		default:
			c.Per, ok = v.AsDuration(p.ps, 1)
			c.Text = v.Text
			good = good && ok
		}
		m.Done()
		if good {
			all = append(all, c)
		}
	}
	return all
}
