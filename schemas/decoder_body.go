package schemas

import "math/bits"

// body is the fields of the event in hand.
type body struct {
	scanner
	members []member
	unread  bool  // members are those of another text: Again's nobody has asked for yet
	values  []any // of the members that were asked for

	wanted [2 * eventFields]string // names of members where paths of the decoder's fields begin, "" for none
	chosen [2 * eventFields]int    // the numbers of these members, from 1; 0: there is none
	leads  []lead
}

// lead is what stands in front of a member's value, from behind the value before it on: a comma, a name, a colon, and
// white space.
//
// The naive way is to check each name, and then to look among the members for those that are wanted. But a producer
// writes the same names in the same order again and again. So what stood in front of the value of that number in an
// event before is looked for first: where the same bytes stand again they need no check, the place of the value is known
// before they have been looked at, and which fields the name is for is known too.
type lead struct {
	text     [longestLead]byte
	size     uint8 // of text; 0: nothing is known
	from, to uint8 // the name, in text
	fields   uint8 // see fieldsOf
}

// What is longer, and what has a higher number than mostLeads, is checked each time: who writes that shall not hold
// memory for good.
const (
	longestLead = 52
	mostLeads   = 256
)

// readMembers notes the members of the object that begins at i, and returns the place behind it or failed.
func (b *body) readMembers(i int) (end int) {
	text := b.text
	b.unread = false
	b.members = b.members[:0]
	b.chosen = [2 * eventFields]int{}
	for i++; ; {
		if i < len(text) && text[i] == '}' {
			return i + 1
		}
		var name string
		var at int
		var fields uint8
		k := len(b.members)
		if k < len(b.leads) && b.leads[k].begins(text[i:]) {
			l := &b.leads[k]
			name, at, fields = text[i+int(l.from):i+int(l.to)], b.space(i+int(l.size)), l.fields
		} else {
			found, then := b.checkName(i)
			if found.at == 0 {
				return then
			}
			name, at = b.string(&found), then
			fields = b.fieldsOf(name)
			b.learn(k, i, at, &found, fields)
		}

		if at < len(text) && text[at] == '"' { // as check would do, but most values are strings
			i = b.checkString(at)
		} else {
			i = b.check(at, 1)
		}
		if i == failed {
			return failed
		}
		if k < cap(b.members) {
			b.members = b.members[:k+1]
		} else {
			b.members = append(b.members, member{})
		}
		m := &b.members[k]
		m.name, m.at, m.end, m.escapes, m.read = name, at, i, b.escapes, 0
		for ; fields != 0; fields &= fields - 1 {
			b.chosen[bits.TrailingZeros8(fields)] = k + 1
		}
	}
}

func (l *lead) begins(text string) bool {
	return l.size > 0 && len(text) >= int(l.size) && text[:l.size] == string(l.text[:l.size])
}

// learn notes what stands in front of the value of member k, between from and to, with its name.
func (b *body) learn(k, from, to int, name *span, fields uint8) {
	if k == len(b.leads) && k < mostLeads {
		b.leads = append(b.leads, lead{})
	}
	if k >= len(b.leads) {
		return
	}
	l := &b.leads[k] // what it says is right also if it stays
	if to-from <= len(l.text) && !name.escapes {
		l.size = uint8(copy(l.text[:], b.text[from:to]))
		l.from, l.to, l.fields = uint8(name.at+1-from), uint8(name.end-1-from), fields
	}
}

// fieldsOf gives the fields whose paths begin with a name: a bit for each.
func (b *body) fieldsOf(name string) (fields uint8) {
	for k := range b.wanted {
		if b.wanted[k] == name && name != "" {
			fields |= 1 << k
		}
	}
	return fields
}

// find gives the value of field k, whose path this is: nil where it is not there or null.
func (b *body) find(k int, path []string) *span {
	if b.chosen[k] == 0 {
		return nil
	}
	v := &b.members[b.chosen[k]-1].span
	for _, part := range path[1:] {
		if v == nil || b.text[v.at] != '{' {
			return nil
		}
		_, list := b.checkMembers(v.at, 0)
		v = nil
		for i := range list { // the last of one name counts
			if list[i].name == part {
				v = &list[i].span
			}
		}
	}
	if v != nil && b.text[v.at] == 'n' {
		return nil
	}
	return v
}

// Field implements Body. A value is read once; lists and maps are then the same each time, and not the caller's to
// change.
func (b *body) Field(name string) (any, bool) {
	if b.unread {
		b.readMembers(b.space(0))
	}
	for i := len(b.members) - 1; i >= 0; i-- { // the last of one name counts
		m := &b.members[i]
		if m.name == name {
			if m.read == 0 {
				v, _ := b.read(m.at)
				b.values = append(b.values, v)
				m.read = len(b.values)
			}
			return b.values[m.read-1], true
		}
	}
	return nil, false
}

// Map implements Body.
func (b *body) Map() map[string]any {
	if b.unread {
		b.readMembers(b.space(0))
	}
	all := make(map[string]any, len(b.members))
	for i := range b.members {
		v, _ := b.Field(b.members[i].name)
		all[b.members[i].name] = v
	}
	return all
}
