package schemas

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unsafe"
)

// Format says how a source's records are to be read as events.
type Format struct {
	Name string // json, which "" is too, segment or cloudevents

	// Dotted paths of the four fields that an event is made of; "" is the default of each: see DefaultFormat.
	ID, Customer, Type, Time string
}

// DefaultFormat is a format with the paths of its fields; false where there is none of that name.
//
// In segment's, the track, identify and page calls of Segment, a call's type counts where it has no event, and its
// anonymousId where it has no userId. In cloudevents, events of CloudEvents 1.0 as JSON objects, the subject is the customer.
func DefaultFormat(name string) (Format, bool) {
	switch name {
	case "", "json":
		return Format{name, "event_id", "customer_id", "type", "ts"}, true
	case "segment":
		return Format{name, "messageId", "userId", "event", "timestamp"}, true
	case "cloudevents":
		return Format{name, "id", "subject", "type", "time"}, true
	}
	return Format{}, false
}

// Origin is where a record stands in the source, and its timestamp in milliseconds: of a record without one any
// negative number, and NoTime where there are no records at all (see Decode).
type Origin struct {
	Topic     string
	Partition int32
	Offset    int64
	Timestamp int64
}

// DecodeError says why a record is no event. Reason is for the one who looks into the dead-letter topic: what is wrong
// and what would be right. What it quotes of the record stands in Go's double quotes, numbers too, so that a log can hide it.
type DecodeError struct{ Reason string }

func (e *DecodeError) Error() string { return e.Reason }

// Decoder turns records into events. It has buffers of its own, so it serves one goroutine, and one event at a time.
type Decoder struct {
	fields [2 * eventFields]field // the four; then what is looked at where one of them is not there, nothing without a path
	buf    []byte
	body   body
	marks  EventMarks
}

// The fields that an event is made of.
const (
	fieldID = iota
	fieldCustomer
	fieldType
	fieldTime
	eventFields
)

// field is a named field of events: its path, taken apart, and as the user wrote it.
type field struct {
	path []string
	name string
}

// NewDecoder makes a decoder of a format, or says what of the format it cannot do.
func NewDecoder(f Format) (*Decoder, error) {
	def, ok := DefaultFormat(f.Name)
	if !ok {
		return nil, fmt.Errorf("event format %q is not supported: use json, segment or cloudevents", f.Name)
	}
	d := new(Decoder)
	if f.Name == "segment" {
		if f.Customer == "" || f.Customer == def.Customer {
			d.fields[eventFields+fieldCustomer] = field{[]string{"anonymousId"}, "anonymousId"}
		}
		if f.Type == "" || f.Type == def.Type {
			d.fields[eventFields+fieldType] = field{[]string{"type"}, "type"}
		}
	}
	for _, x := range []struct {
		field           int
		name, path, def string
	}{
		{fieldID, "id", f.ID, def.ID},
		{fieldCustomer, "customer", f.Customer, def.Customer},
		{fieldType, "type", f.Type, def.Type},
		{fieldTime, "time", f.Time, def.Time},
	} {
		if x.path == "" {
			x.path = x.def
		}
		to := &d.fields[x.field]
		*to = field{strings.Split(x.path, "."), x.path}
		for _, part := range to.path {
			if part == "" {
				return nil, fmt.Errorf("event field %s: %q is no path of names with dots between them", x.name, x.path)
			}
		}
	}
	for k := range d.fields {
		if path := d.fields[k].path; len(path) > 0 {
			d.body.wanted[k] = path[0]
		}
	}
	return d, nil
}

// Decode reads a record's value into ev, and changes all of ev. The value may be reused afterwards; ev's texts and
// fields are valid until the next Decode.
//
// A missing (or null) time is the record's timestamp, and a time later than that counts as it. A record without a
// timestamp bounds nothing, but then the event needs a time of its own. With Origin.Timestamp NoTime neither holds:
// an event without a time gets NoTime, for a caller who knows better.
//
// The error is a *DecodeError, and ev is then of no use: the value is not one JSON object as RFC 8259 has it (see
// scanner for what that leaves open), customer or type is missing, null, empty or of another type, or id or time is
// there and of another type.
func (d *Decoder) Decode(value []byte, from Origin, ev *Event) error {
	if len(value) == 0 {
		return &DecodeError{"the record has no value: expected a JSON object"}
	}
	d.buf = append(d.buf[:0], value...)
	d.begin(unsafe.String(&d.buf[0], len(d.buf)))
	s := &d.body.scanner

	i := s.space(0)
	if i >= len(s.text) || s.text[i] != '{' {
		s.fail(i, "expected one object")
		return s.err
	}
	end := d.body.readMembers(i)
	if end == failed {
		return s.err
	}
	if end = s.space(end); end < len(s.text) {
		s.fail(end, "expected nothing behind the object")
		return s.err
	}

	var at [eventFields]*span
	for k := range at {
		if at[k] = d.body.find(k, d.fields[k].path); at[k] == nil {
			at[k] = d.body.find(eventFields+k, d.fields[eventFields+k].path)
		}
	}
	ev.Topic, ev.Partition, ev.Offset, ev.Body = from.Topic, from.Partition, from.Offset, &d.body
	var err error
	if ev.Customer, err = d.body.name(&d.fields[fieldCustomer], at[fieldCustomer], true, true); err != nil {
		return err
	}
	if ev.Type, err = d.body.name(&d.fields[fieldType], at[fieldType], false, true); err != nil {
		return err
	}
	if ev.ID, err = d.body.name(&d.fields[fieldID], at[fieldID], true, false); err != nil {
		return err
	}
	if ev.Time, err = d.body.when(&d.fields[fieldTime], at[fieldTime], from.Timestamp); err != nil {
		return err
	}
	d.marks = EventMarks{at[fieldID].place(), at[fieldCustomer].place(), at[fieldType].place(), ev.Time}
	return nil
}

// begin turns to another text, and lets go of what was read of the last.
func (d *Decoder) begin(text string) {
	d.body.scanner = scanner{text: text, depth: eventDepth}
	clear(d.body.values)
	d.body.values = d.body.values[:0]
	d.body.unread = false
}

// name reads a customer, an id (where a whole number counts as its digits) or a type; nil is one that is not there.
func (b *body) name(f *field, v *span, digits, must bool) (string, error) {
	if v == nil {
		if must {
			return "", &DecodeError{fmt.Sprintf("%s is missing: an event needs it", f.name)}
		}
		return "", nil
	}
	switch c := b.text[v.at]; {
	case c == '"':
		text := b.string(v)
		if text == "" && must {
			return "", &DecodeError{fmt.Sprintf("%s is empty: an event needs it", f.name)}
		}
		return text, nil
	case digits && (c == '-' || c >= '0' && c <= '9'):
		if text := b.text[v.at:v.end]; whole(text) {
			return wholeNumber(text), nil
		}
	}
	if digits {
		return "", &DecodeError{fmt.Sprintf("%s is %s: expected a string or a whole number", f.name, b.show(v.at))}
	}
	return "", &DecodeError{fmt.Sprintf("%s is %s: expected a string", f.name, b.show(v.at))}
}

// wholeNumber gives a whole number as it is part of a name: the two zeros are one.
func wholeNumber(text string) string {
	if text == "-0" {
		return "0"
	}
	return text
}

// The first instant that RFC 3339 can write, 0000-01-01T00:00:00Z. What is earlier is no time of an event, and would
// overflow what calculates with it.
const firstTime = -62_167_219_200_000

// when reads the event's time; nil is one that is not there.
func (b *body) when(f *field, v *span, stamp int64) (int64, error) {
	if v == nil {
		if stamp < 0 && stamp != NoTime {
			return 0, &DecodeError{fmt.Sprintf("%s is missing, and the record has no timestamp: one of them is needed", f.name)}
		}
		return stamp, nil
	}
	ms, ok := int64(0), false
	switch c := b.text[v.at]; {
	case c == '"':
		ms, ok = parseTime(b.string(v))
	case c == '-' || c >= '0' && c <= '9':
		text := b.text[v.at:v.end]
		if ms, ok = fewDigits(text); ok { // the rule
			break
		}
		var err error
		if ms, err = strconv.ParseInt(text, 10, 64); err == nil {
			ok = true
			break
		}
		// 1.7e12 is a whole number of milliseconds too, and what is beyond 64 bits is later than anything.
		if n, _ := strconv.ParseFloat(text, 64); n == math.Trunc(n) && n >= firstTime {
			ms, ok = math.MaxInt64, true
			if n < 1<<63 {
				ms = int64(n)
			}
		}
	}
	if !ok || ms < firstTime {
		return 0, &DecodeError{fmt.Sprintf("%s is %s: expected milliseconds since 1970 or RFC 3339, as 2026-03-01T10:00:00Z", f.name, b.show(v.at))}
	}
	if stamp >= 0 && ms > stamp {
		return stamp, nil
	}
	return ms, nil
}

// parseTime reads RFC 3339, whose T and Z may also be small. The time package takes more than that (hours of one digit,
// a comma), so the form is looked at first.
func parseTime(text string) (int64, bool) {
	const form = "0000-00-00T00:00:00"
	rest, ok := digitsLike(text, form)
	if !ok {
		return 0, false
	}
	if strings.HasPrefix(rest, ".") {
		n := 1
		for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
			n++
		}
		if n == 1 || n == len(rest) {
			return 0, false
		}
		rest = rest[n:]
	}
	if rest != "Z" && rest != "z" && !isOffset(rest) {
		return 0, false
	}
	if text[10] == 't' || rest == "z" {
		text = strings.ToUpper(text)
	}
	t, err := time.Parse(time.RFC3339, text)
	return t.UnixMilli(), err == nil
}

// isOffset reports whether the text is an offset from UTC, as +08:00.
func isOffset(text string) bool {
	if len(text) != len("+00:00") || text[0] != '+' && text[0] != '-' {
		return false
	}
	_, ok := digitsLike(text[1:], "00:00")
	return ok && text[1:3] <= "23" && text[4:] <= "59"
}

// digitsLike takes a text of this form, where 0 stands for any digit, from the beginning of a longer one.
func digitsLike(text, form string) (rest string, ok bool) {
	if len(text) < len(form) {
		return "", false
	}
	for i := range len(form) {
		c := text[i]
		switch form[i] {
		case '0':
			ok = c >= '0' && c <= '9'
		case 'T':
			ok = c == 'T' || c == 't'
		default:
			ok = c == form[i]
		}
		if !ok {
			return "", false
		}
	}
	return text[len(form):], true
}

// show gives what stands at a place, for a message.
func (b *body) show(at int) string {
	switch b.text[at] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case 't':
		return "true"
	case 'f':
		return "false"
	case '"':
		text, _ := b.readString(at)
		return strconv.Quote(clip(text))
	}
	return fmt.Sprintf("the number %q", clip(b.number(at)))
}
