package cron

import (
	"fmt"
	"strconv"
	"strings"
)

// Error says what is wrong with a text, and where in it.
type Error struct {
	Offset  int // in bytes
	Message string
}

func (e *Error) Error() string { return e.Message }

// field is one of the five.
type field struct {
	name      string
	low, high int
	names     []string // from low on; nil: numbers only
}

var fields = [...]field{
	{"a minute", 0, 59, nil},
	{"an hour", 0, 23, nil},
	{"a day of the month", 1, 31, nil},
	{"a month", 1, 12, []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
	{"a day of the week", 0, 7, []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}},
}

const wanted = "five fields, minute hour day month weekday, like 0 9 8 * *"

// Parse reads five fields with spaces between them. A field is `*` or a list of numbers, ranges `a-b` and steps `*/n`,
// `a-b/n`, `a/n` (from a to the end); months and days of the week may be called by their first three letters, and Sunday
// is 0 or 7. The error is an *Error.
func Parse(text string) (Expr, error) {
	var e Expr
	n, at := 0, 0
	for at < len(text) {
		if text[at] == ' ' || text[at] == '\t' {
			at++
			continue
		}
		if text[at] == '@' {
			return e, &Error{at, fmt.Sprintf("expected %s, not a name for a time", wanted)}
		}
		end := at
		for end < len(text) && text[end] != ' ' && text[end] != '\t' {
			end++
		}
		if n == len(fields) {
			return e, &Error{at, fmt.Sprintf("a sixth field: expected %s", wanted)}
		}
		set, err := fields[n].parse(text[at:end])
		if err != nil {
			err.Offset += at
			return e, err
		}
		given := text[at:end] != "*"
		switch n {
		case 0:
			e.minutes = set
		case 1:
			e.hours = uint32(set)
		case 2:
			if given {
				e.days = uint32(set)
			}
		case 3:
			e.months = uint16(set)
		case 4:
			if given {
				e.weekdays = uint8(set&127 | set>>7)
			}
		}
		n, at = n+1, end
	}
	if n < len(fields) {
		return e, &Error{0, fmt.Sprintf("%s of them: expected %s", count(n), wanted)}
	}
	return e, nil
}

func count(n int) string {
	if n == 1 {
		return "only one field"
	}
	return "only " + strconv.Itoa(n) + " fields"
}

// parse gives the set of a field's numbers.
func (f *field) parse(text string) (set uint64, err *Error) {
	at := 0
	for {
		item, _, more := strings.Cut(text[at:], ",")
		some, err := f.item(item)
		if err != nil {
			err.Offset += at
			return 0, err
		}
		set |= some
		if at += len(item) + 1; !more {
			return set, nil
		}
	}
}

// item reads `*`, a number or a range, perhaps with a step.
func (f *field) item(text string) (set uint64, err *Error) {
	span, stepText, stepped := strings.Cut(text, "/")
	low, high := f.low, f.high
	if span != "*" {
		from, to, ranged := strings.Cut(span, "-")
		if low, err = f.number(from); err != nil {
			return 0, err
		}
		switch {
		case ranged:
			if high, err = f.number(to); err != nil {
				err.Offset += len(from) + 1
				return 0, err
			}
			if high == 0 && low > 0 && f.high == 7 { // a week that ends on Sunday
				high = 7
			}
			if low > high {
				return 0, &Error{0, fmt.Sprintf("a range goes upwards: write %s-%d,%d-%s", from, f.high, f.low, to)}
			}
		case !stepped:
			high = low
		}
	}
	step := 1
	if stepped {
		var bad error
		if step, bad = strconv.Atoi(stepText); bad != nil || step < 1 || step > f.high || stepText[0] == '+' {
			return 0, &Error{len(span) + 1, fmt.Sprintf("expected a step from 1 to %d, found %q", f.high, stepText)}
		}
	}
	for n := low; n <= high; n += step {
		set |= 1 << n
	}
	return set, nil
}

func (f *field) number(text string) (int, *Error) {
	for i, name := range f.names {
		if strings.EqualFold(name, text) {
			return f.low + i, nil
		}
	}
	n, err := strconv.ParseUint(text, 10, 8)
	if err != nil || int(n) < f.low || int(n) > f.high {
		named := ""
		if f.names != nil {
			named = fmt.Sprintf(" or %s to %s", f.names[0], f.names[min(len(f.names), f.high)-1])
		}
		return 0, &Error{0, fmt.Sprintf("expected %s from %d to %d%s, found %q", f.name, f.low, f.high, named, text)}
	}
	return int(n), nil
}
