package schemas

import (
	"fmt"
	"strconv"
)

// AppendJSON adds the action as it stands on a topic and in simulate's output: one JSON object, always the same bytes.
func (a *Action) AppendJSON(dst []byte) []byte {
	dst = appendQuoted(append(dst, `{"action_id":`...), a.ID)
	dst = appendQuoted(append(dst, `,"journey":`...), a.Journey)
	dst = strconv.AppendUint(append(dst, `,"version":`...), a.Version, 10)
	dst = appendQuoted(append(dst, `,"step":`...), a.Step)
	dst = appendQuoted(append(dst, `,"customer_id":`...), a.Customer)
	dst = appendQuoted(append(dst, `,"channel":`...), a.Channel)
	dst = appendQuoted(append(dst, `,"template":`...), a.Template)

	dst = append(dst, `,"params":{`...)
	for i := range a.Params {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendQuoted(dst, a.Params[i].Name), ':')
		dst = AppendJSON(dst, a.Params[i].Value)
	}

	dst = append(dst, `},"variant":{`...)
	first := true
	for i := range a.Variant {
		if a.lastOf(i) {
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = append(appendQuoted(dst, a.Variant[i].Split), ':')
			dst = appendQuoted(dst, a.Variant[i].Arm)
		}
	}

	dst = append(dst, `},"cause":{`...)
	if a.Cause.EventID != "" {
		dst = append(appendQuoted(append(dst, `"event_id":`...), a.Cause.EventID), ',')
	}
	dst = appendQuoted(append(dst, `"type":`...), a.Cause.Type)
	dst = strconv.AppendInt(append(dst, `,"ts":`...), a.Cause.Time, 10)

	dst = strconv.AppendInt(append(dst, `},"decided_at":`...), a.DecidedAt, 10)
	dst = append(dst, `,"expires_at":`...)
	if a.ExpiresAt == 0 {
		dst = append(dst, "null"...)
	} else {
		dst = strconv.AppendInt(dst, a.ExpiresAt, 10)
	}
	dst = strconv.AppendBool(append(dst, `,"transactional":`...), a.Transactional)
	return append(dst, '}')
}

// lastOf reports whether no later variant is of the same split: an object has each name once.
func (a *Action) lastOf(i int) bool {
	for j := i + 1; j < len(a.Variant); j++ {
		if a.Variant[j].Split == a.Variant[i].Split {
			return false
		}
	}
	return true
}

// DecodeAction reads what AppendJSON wrote, for a delivery worker. Fields that it does not know are passed over, others
// than action_id, customer_id and channel may be missing. The action shares no memory with b. The error is a
// *DecodeError.
func DecodeAction(b []byte) (*Action, error) {
	// Deeper than events may be: values can have grown in a profile.
	s := scanner{text: string(b), depth: maxDepth}
	i := s.space(0)
	if i >= len(s.text) || s.text[i] != '{' {
		s.fail(i, "expected one object")
		return nil, s.err
	}
	end, members := s.checkMembers(i, 1)
	if end != failed {
		if end = s.space(end); end < len(s.text) {
			s.fail(end, "expected nothing behind the object")
		}
	}
	if s.err != nil {
		return nil, s.err
	}
	p := parts{scanner: s, members: members}
	a := &Action{
		ID:            p.string("action_id"),
		Journey:       p.string("journey"),
		Step:          p.string("step"),
		Customer:      p.string("customer_id"),
		Channel:       p.string("channel"),
		Template:      p.string("template"),
		DecidedAt:     p.int("decided_at"),
		ExpiresAt:     p.int("expires_at"),
		Transactional: p.bool("transactional"),
		Version:       p.uint("version"),
	}
	for _, m := range p.object("params").members {
		v, _ := p.read(m.at)
		a.Params = a.Params.Set(m.name, v)
	}
	variant := p.object("variant")
	for _, m := range variant.members {
		a.Variant = append(a.Variant, Variant{m.name, variant.string(m.name)})
	}
	cause := p.object("cause")
	a.Cause = Cause{EventID: cause.string("event_id"), Type: cause.string("type"), Time: cause.int("ts")}
	for _, x := range []*parts{&p, &variant, &cause} {
		if x.wrong != nil {
			return nil, x.wrong
		}
	}
	for _, x := range []struct{ name, value string }{{"action_id", a.ID}, {"customer_id", a.Customer}, {"channel", a.Channel}} {
		if x.value == "" {
			return nil, &DecodeError{x.name + " is missing or empty: an action needs it"}
		}
	}
	return a, nil
}

// parts reads members of a checked object, and keeps the first that is not of the type asked for. Null is as missing.
type parts struct {
	scanner
	members []member
	wrong   *DecodeError
}

func (p *parts) get(name string) any {
	for i := len(p.members) - 1; i >= 0; i-- {
		if p.members[i].name == name {
			v, _ := p.read(p.members[i].at)
			return v
		}
	}
	return nil
}

func (p *parts) bad(name, want string) {
	if p.wrong == nil {
		p.wrong = &DecodeError{fmt.Sprintf("%s: expected %s", name, want)}
	}
}

func (p *parts) string(name string) string {
	v := p.get(name)
	text, ok := v.(string)
	if v != nil && !ok {
		p.bad(name, "a string")
	}
	return text
}

func (p *parts) int(name string) int64 {
	v := p.get(name)
	n, ok := v.(int64)
	if v != nil && !ok {
		p.bad(name, "a whole number")
	}
	return n
}

func (p *parts) uint(name string) uint64 {
	switch v := p.get(name).(type) {
	case nil:
		return 0
	case int64:
		if v >= 0 {
			return uint64(v)
		}
	case float64: // from 2^63 on; nothing counts that far
		if v >= 1<<63 && v < 1<<64 {
			return uint64(v)
		}
	}
	p.bad(name, "a whole number from 0 up")
	return 0
}

func (p *parts) bool(name string) bool {
	v := p.get(name)
	is, ok := v.(bool)
	if v != nil && !ok {
		p.bad(name, "true or false")
	}
	return is
}

func (p *parts) object(name string) parts {
	for i := len(p.members) - 1; i >= 0; i-- {
		if at := p.members[i].at; p.members[i].name == name {
			switch p.text[at] {
			case '{':
				_, list := p.checkMembers(at, 1)
				return parts{scanner: p.scanner, members: list}
			case 'n':
			default:
				p.bad(name, "an object")
			}
			break
		}
	}
	return parts{}
}

// ActionID names a decision: JOURNEY/CUSTOMER[/KEY]/ENROLLMENT-NUMBER/STEP/VISIT. In each part a slash, a percent sign,
// a space, a control byte and every byte that is not ASCII is a percent sign and two upper-case hexadecimal digits, so
// no two decisions have one name: slashes stand only between parts, and whether there are five or six of them tells
// whether there is a key. The enrollment's number and the visit count from 1.
func ActionID(journey, customer, key string, hasKey bool, enrollment uint64, step string, visit uint64) string {
	var room [160]byte
	return string(AppendActionID(room[:0], journey, customer, key, hasKey, enrollment, step, visit))
}

// AppendActionID appends what ActionID gives.
func AppendActionID(dst []byte, journey, customer, key string, hasKey bool, enrollment uint64, step string, visit uint64) []byte {
	b := append(appendEscaped(dst, journey), '/')
	b = append(appendEscaped(b, customer), '/')
	if hasKey {
		b = append(appendEscaped(b, key), '/')
	}
	b = append(strconv.AppendUint(b, enrollment, 10), '/')
	b = append(appendEscaped(b, step), '/')
	return strconv.AppendUint(b, visit, 10)
}

func appendEscaped(dst []byte, part string) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(part) {
		c := part[i]
		if c <= ' ' || c >= 0x7f || c == '/' || c == '%' {
			dst = append(dst, '%', hex[c>>4], hex[c&0xf])
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}
