package schemas

import "unsafe"

// EventMarks say where in the text of an event its id, customer and type stand, and when it was: enough to have the
// event again (Decoder.Again) without a look at the rest of the text.
type EventMarks struct {
	id, customer, typ int // places of the values, -1: there is none

	Time int64 // the event's
}

// Marks are those of the event decoded last.
func (d *Decoder) Marks() EventMarks { return d.marks }

// Again reads into ev, and changes all of it, an event that was decoded before: from the same text, and with what Marks
// said of it then. Neither is looked at for mistakes. Unlike Decode it shares the text's memory, which must not change
// while ev is in use; and it says nothing of where the event stands in the source. Fields of the body are looked for
// when one is asked for.
func (d *Decoder) Again(text []byte, m *EventMarks, ev *Event) {
	d.begin(unsafe.String(unsafe.SliceData(text), len(text)))
	d.body.unread = true
	*ev = Event{Time: m.Time, Body: &d.body}
	b := &d.body
	ev.Customer = b.nameAt(m.customer)
	ev.Type = b.nameAt(m.typ)
	ev.ID = b.nameAt(m.id)
}

// nameAt reads again what name read at a place; "" where that is -1.
func (b *body) nameAt(at int) string {
	if at < 0 {
		return ""
	}
	if b.text[at] == '"' {
		text, _ := b.readString(at)
		return text
	}
	return wholeNumber(b.text[at:b.checkNumber(at)])
}
