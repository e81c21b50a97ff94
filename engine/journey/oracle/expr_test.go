package oracle

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// The oracle's own reading of expressions: a corner of CEL that is large enough for journeys. It walks over the text each
// time and knows nothing of the library.
//
//	or   = and { "||" and }      rel = sum [ ("=="|"!="|"<"|"<="|">"|">="|"in") sum ]
//	and  = not { "&&" not }      sum = product { ("+"|"-") product }
//	not  = ["!"] rel             product = atom { ("*"|"/"|"%") atom }
//	atom = "(" or ")" | "has(" path ")" | literal | "now" | path [".orValue(" or ")"]
//	     | count("type", "window") | sum("type", "field", "window") | last("type") | seen("type" [, "enter"]) | duration("7d") | time(or)

// result is a value, or none: it failed or reads what is not there.
type result struct {
	v  any
	ok bool
}

func some(v any) result { return result{v, true} }

// scope is what an expression sees.
type scope struct {
	o            *oracle
	c            *customer
	event, enter map[string]any
	sent         map[string]map[string]any
	opened       int            // how many events had been handled when the enrollment was opened
	from         map[string]int // of event types: where later than when the enrollment was opened
	zone         *time.Location
	at           int64 // what `now` is, where it is not the customer's time
}

func (s *scope) now() int64 {
	if s.at != 0 {
		return s.at
	}
	return s.c.time
}

type reader struct {
	text string
	at   int
	s    *scope
}

func eval(text string, s *scope) result {
	if s.o.work++; s.o.work > maxWork {
		panic(errTooMuch)
	}
	p := &reader{text: text, s: s}
	v := p.or()
	p.space()
	if p.at != len(p.text) {
		panic(fmt.Sprintf("the oracle can't read %q at %d", text, p.at))
	}
	return v
}

// holds: none holds; a condition without a value is false.
func holds(text string, s *scope) bool {
	if text == "" {
		return true
	}
	v := eval(text, s)
	return v.ok && v.v == any(true)
}

func (p *reader) space() {
	for p.at < len(p.text) && p.text[p.at] == ' ' {
		p.at++
	}
}

func (p *reader) take(token string) bool {
	p.space()
	if strings.HasPrefix(p.text[p.at:], token) {
		p.at += len(token)
		return true
	}
	return false
}

func (p *reader) need(token string) {
	if !p.take(token) {
		panic(fmt.Sprintf("the oracle can't read %q at %d: no %s", p.text, p.at, token))
	}
}

func (p *reader) or() result {
	left := p.and()
	for p.take("||") {
		left = p.either(left, p.and(), true)
	}
	return left
}

func (p *reader) and() result {
	left := p.not()
	for p.take("&&") {
		left = p.either(left, p.not(), false)
	}
	return left
}

// either joins two sides: one that is `wins` decides, whatever the other reads.
func (p *reader) either(a, b result, wins bool) result {
	for _, x := range []result{a, b} {
		if x.ok && x.v == any(wins) {
			if !a.ok || !b.ok {
				p.s.o.fired["|| and &&: one side decides, the other has no value"]++
			}
			return x
		}
	}
	_, isBool := a.v.(bool)
	_, also := b.v.(bool)
	if a.ok && b.ok && isBool && also {
		return some(!wins)
	}
	return result{}
}

func (p *reader) not() result {
	p.space()
	if p.at+1 < len(p.text) && p.text[p.at] == '!' && p.text[p.at+1] != '=' {
		p.at++
		v := p.rel()
		if b, ok := v.v.(bool); ok && v.ok {
			return some(!b)
		}
		p.s.o.fired["!: of what has no value"]++
		return result{}
	}
	return p.rel()
}

func (p *reader) rel() result {
	left := p.sum()
	for _, op := range []string{"==", "!=", "<=", ">=", "<", ">", "in "} {
		if p.take(op) {
			right := p.sum()
			if !left.ok || !right.ok {
				return result{}
			}
			return compare(op, left.v, right.v)
		}
	}
	return left
}

func compare(op string, a, b any) result {
	switch op {
	case "==":
		return some(equal(a, b))
	case "!=":
		return some(!equal(a, b))
	case "in ":
		list, ok := b.([]any)
		if !ok {
			return result{}
		}
		for _, x := range list {
			if equal(a, x) {
				return some(true)
			}
		}
		return some(false)
	}
	var order int
	switch x := a.(type) {
	case string:
		y, ok := b.(string)
		if !ok {
			return result{}
		}
		order = strings.Compare(x, y)
	case instant:
		y, ok := b.(instant)
		if !ok {
			return result{}
		}
		order = cmp.Compare(x, y)
	case length:
		y, ok := b.(length)
		if !ok {
			return result{}
		}
		order = cmp.Compare(x, y)
	default:
		if !isNumber(a) || !isNumber(b) {
			return result{}
		}
		order = cmp.Compare(number(a), number(b))
	}
	return some(map[string]bool{"<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}[op])
}

func isNumber(v any) bool {
	switch v.(type) {
	case int64, float64:
		return true
	}
	return false
}

func number(v any) float64 {
	if n, ok := v.(int64); ok {
		return float64(n)
	}
	return v.(float64)
}

func equal(a, b any) bool {
	if isNumber(a) && isNumber(b) {
		return number(a) == number(b)
	}
	return fmt.Sprintf("%T %v", a, a) == fmt.Sprintf("%T %v", b, b)
}

func (p *reader) sum() result {
	left := p.product()
	for {
		switch {
		case p.take("+ "):
			left = calculate('+', left, p.product())
		case p.take("- "):
			left = calculate('-', left, p.product())
		default:
			return left
		}
	}
}

func (p *reader) product() result {
	left := p.atom()
	for {
		switch {
		case p.take("* "):
			left = calculate('*', left, p.atom())
		case p.take("/ "):
			left = calculate('/', left, p.atom())
		case p.take("% "):
			left = calculate('%', left, p.atom())
		default:
			return left
		}
	}
}

func calculate(op byte, a, b result) result {
	if !a.ok || !b.ok {
		return result{}
	}
	switch x := a.v.(type) {
	case string:
		if y, ok := b.v.(string); ok && op == '+' {
			return some(x + y)
		}
	case instant:
		switch y := b.v.(type) {
		case length:
			switch op {
			case '+':
				return some(x + instant(y))
			case '-':
				return some(x - instant(y))
			}
		case instant:
			if op == '-' {
				return some(length(x - y))
			}
		}
	case int64:
		if y, ok := b.v.(int64); ok {
			return whole(op, x, y)
		}
	}
	if !isNumber(a.v) || !isNumber(b.v) {
		return result{}
	}
	x, y := number(a.v), number(b.v)
	switch op {
	case '+':
		return some(x + y)
	case '-':
		return some(x - y)
	case '*':
		return some(x * y)
	case '/':
		if y != 0 {
			return some(x / y)
		}
	}
	return result{}
}

func whole(op byte, x, y int64) result {
	switch op {
	case '+':
		if s := x + y; (s > x) == (y > 0) {
			return some(s)
		}
	case '-':
		if s := x - y; (s < x) == (y > 0) {
			return some(s)
		}
	case '*':
		if math.Abs(float64(x)*float64(y)) < 1<<62 {
			return some(x * y)
		}
	case '/':
		if y != 0 {
			return some(float64(x) / float64(y))
		}
	case '%':
		if y != 0 {
			return some(x % y)
		}
	}
	return result{}
}

func (p *reader) literal() string {
	p.need(`"`)
	end := strings.IndexByte(p.text[p.at:], '"')
	s := p.text[p.at : p.at+end]
	p.at += end + 1
	return s
}

func (p *reader) atom() result {
	p.space()
	switch {
	case p.take("("):
		v := p.or()
		p.need(")")
		return v
	case p.take("has("):
		path := p.path()
		p.need(")")
		return p.has(path)
	case p.take("count("):
		kind := p.literal()
		p.need(",")
		p.space()
		window := p.literal()
		p.need(")")
		p.s.o.fired[`window: count`]++
		return some(int64(len(p.s.window(kind, window))))
	case p.take("sum("):
		kind := p.literal()
		p.need(",")
		p.space()
		field := p.literal()
		p.need(",")
		p.space()
		window := p.literal()
		p.need(")")
		p.s.o.fired[`window: sum`]++
		return p.s.sum(kind, field, window)
	case p.take("last("):
		kind := p.literal()
		p.need(")")
		p.s.o.fired[`window: last`]++
		return p.s.last(kind)
	case p.take("seen("):
		kind, window := p.literal(), ""
		if p.take(",") {
			p.space()
			window = p.literal()
		}
		p.need(")")
		p.s.o.fired[`window: seen`]++
		return some(len(p.s.window(kind, window)) > 0)
	case p.take("duration("):
		d := span(p.literal())
		p.need(")")
		return some(length(d))
	case p.take("time("):
		v := p.or()
		p.need(")")
		return toTime(v, p.s)
	case strings.HasPrefix(p.text[p.at:], `"`):
		return some(p.literal())
	}
	if c := p.text[p.at]; c >= '0' && c <= '9' || c == '-' {
		from := p.at
		for p.at < len(p.text) && strings.IndexByte("-.0123456789", p.text[p.at]) >= 0 {
			p.at++
		}
		if n, err := strconv.ParseInt(p.text[from:p.at], 10, 64); err == nil {
			return some(n)
		}
		f, _ := strconv.ParseFloat(p.text[from:p.at], 64)
		return some(f)
	}
	path := p.path()
	switch path[0] {
	case "true", "false":
		return some(path[0] == "true")
	case "null":
		return some(nil)
	case "now":
		return some(instant(p.s.now()))
	}
	if p.take(".orValue(") {
		other := p.or()
		p.need(")")
		if v := p.read(path); v.ok {
			return v
		}
		return other
	}
	return p.read(path)
}

// path is names with dots (also ".?"), or sent["id"].
func (p *reader) path() []string {
	p.space()
	var path []string
	for {
		from := p.at
		for p.at < len(p.text) && (p.text[p.at] >= 'a' && p.text[p.at] <= 'z' || p.text[p.at] >= '0' && p.text[p.at] <= '9' || p.text[p.at] == '_') {
			p.at++
		}
		path = append(path, p.text[from:p.at])
		if strings.HasPrefix(p.text[p.at:], `["`) {
			end := strings.Index(p.text[p.at:], `"]`)
			path = append(path, p.text[p.at+2:p.at+end])
			p.at += end + 2
		}
		if p.at == len(p.text) || p.text[p.at] != '.' || strings.HasPrefix(p.text[p.at:], ".orValue(") {
			return path
		}
		p.at++
		if p.text[p.at] == '?' {
			p.at++
		}
	}
}

func (p *reader) read(path []string) result {
	s := p.s
	var at any
	switch path[0] {
	case "event":
		at = s.event
	case "enter":
		at = s.enter
	case "sent":
		x, ok := s.sent[path[1]]
		s.o.fired[map[bool]string{true: "sent: read", false: "sent: not yet"}[ok]]++
		if !ok {
			return result{}
		}
		return some(x[path[2]])
	case "score":
		return some(s.o.scoreOf(s.c, path[1]))
	case "segment":
		s.o.fired["segment: read"]++
		return some(s.o.inSegment(s.c, path[1]))
	case "profile":
		v, ok := s.c.profile[path[1]]
		kind := s.o.ws.attributes[path[1]]
		if !ok {
			v = zero(kind)
		} else if kind == "timestamp" {
			v = toTime(some(v), s).v
		}
		at, path = v, path[1:]
	default:
		panic("the oracle knows no " + strings.Join(path, "."))
	}
	for _, name := range path[1:] {
		m, ok := at.(map[string]any)
		if !ok {
			return result{}
		}
		if at, ok = m[name]; !ok {
			return result{}
		}
	}
	return some(at)
}

func (p *reader) has(path []string) result {
	s, ok := p.s, false
	switch path[0] {
	case "profile":
		_, ok = s.c.profile[path[1]]
	case "sent":
		_, ok = s.sent[path[1]]
	case "enter":
		_, ok = s.enter[path[1]]
	default:
		_, ok = s.event[path[1]]
	}
	return some(ok)
}

// toTime: a timestamp, milliseconds, RFC 3339, or a date, which is its 00:00 in the customer's zone.
func toTime(v result, s *scope) result {
	if !v.ok {
		return result{}
	}
	switch x := v.v.(type) {
	case instant:
		return v
	case int64:
		return some(instant(x))
	case float64:
		return some(instant(math.Floor(x)))
	case string:
		if d, err := time.Parse("2006-01-02", x); err == nil {
			return some(instant(s.o.almanac.instant(d.UnixMilli(), s.zone)))
		}
		if t, err := time.Parse(time.RFC3339, x); err == nil {
			return some(instant(t.UnixMilli()))
		}
	}
	return result{}
}

// fill gives the value of a text with {{ }}, and whether there is one.
func fill(text string, s *scope) (any, bool) {
	open, end := strings.Index(text, "{{"), strings.Index(text, "}}")
	switch {
	case open < 0:
		return text, true
	case open == 0 && end == len(text)-2:
		v := eval(text[2:end], s)
		if at, ok := v.v.(instant); ok {
			return rfc3339(int64(at), s.zone), true
		}
		return v.v, v.ok
	}
	var b strings.Builder
	for open >= 0 {
		end := strings.Index(text, "}}")
		b.WriteString(text[:open])
		if v := eval(text[open+2:end], s); v.ok {
			b.WriteString(inText(v.v, s.zone))
		}
		text = text[end+2:]
		open = strings.Index(text, "{{")
	}
	return b.String() + text, true
}
