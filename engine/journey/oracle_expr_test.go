package journey

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// The oracle's own reading of expressions: a corner of the language that is large enough for journeys. It walks over the
// text each time and knows nothing of CEL.
//
//	or    = and { "||" and }        cmp  = sum [ ("=="|"!="|"<"|"<="|">"|">="|"in") sum ]
//	and   = not { "&&" not }        sum  = atom { "+" atom }
//	not   = ["!"] cmp               atom = "(" or ")" | "has(" path ")" | literal | path | "now"

// outcome is a value, or why there is none.
type outcome struct {
	value   any
	missing bool // it reads what is not there
	failed  bool
}

// oracleInstant is a timestamp as long as it is one.
type oracleInstant int64

type oracleScope struct {
	event, enter map[string]any
	profile      map[string]any
	sent         map[string]map[string]any
	now          int64
	zone         *time.Location
}

type oracleParser struct {
	text  string
	at    int
	scope *oracleScope
}

// oracleTypes are the attributes of the generated profile.
func oracleTypes() map[string]string {
	return map[string]string{"p": "int", "q": "double", "s": "string", "b": "bool", "m": "map", "tags": "list", "timezone": "string", "consent": "map"}
}

func oracleZero(kind string) any {
	switch kind {
	case "int":
		return int64(0)
	case "double":
		return float64(0)
	case "string":
		return ""
	case "bool":
		return false
	case "list":
		return []any{}
	}
	return map[string]any{}
}

func evalOracle(text string, scope *oracleScope) outcome {
	p := &oracleParser{text: text, scope: scope}
	v := p.or()
	p.space()
	if p.at != len(p.text) {
		panic(fmt.Sprintf("the oracle can't read %q at %d", text, p.at))
	}
	return v
}

// holdsOracle: a condition that depends on what is not there is false as a whole, one that fails is false.
func holdsOracle(text string, scope *oracleScope) bool {
	v := evalOracle(text, scope)
	b, _ := v.value.(bool)
	return !v.missing && !v.failed && b
}

func (p *oracleParser) space() {
	for p.at < len(p.text) && p.text[p.at] == ' ' {
		p.at++
	}
}

func (p *oracleParser) take(token string) bool {
	p.space()
	if strings.HasPrefix(p.text[p.at:], token) {
		p.at += len(token)
		return true
	}
	return false
}

func (p *oracleParser) or() outcome {
	left := p.and()
	for p.take("||") {
		left = either(left, p.and(), true)
	}
	return left
}

func (p *oracleParser) and() outcome {
	left := p.not()
	for p.take("&&") {
		left = either(left, p.not(), false)
	}
	return left
}

// either joins two sides: one that is `wins` decides, whatever the other reads.
func either(a, b outcome, wins bool) outcome {
	for _, x := range []outcome{a, b} {
		if x.value == any(wins) {
			return x
		}
	}
	for _, x := range []outcome{a, b} {
		if x.missing || x.failed {
			return outcome{missing: a.missing || b.missing, failed: a.failed || b.failed}
		}
		if _, ok := x.value.(bool); !ok {
			return outcome{failed: true}
		}
	}
	return outcome{value: !wins}
}

func (p *oracleParser) not() outcome {
	p.space()
	if p.at+1 < len(p.text) && p.text[p.at] == '!' && p.text[p.at+1] != '=' {
		p.at++
		v := p.comparison()
		if b, ok := v.value.(bool); ok {
			return outcome{value: !b}
		}
		if v.missing {
			return v
		}
		return outcome{failed: true}
	}
	return p.comparison()
}

func (p *oracleParser) comparison() outcome {
	left := p.sum()
	for _, op := range []string{"==", "!=", "<=", ">=", "<", ">", "in "} {
		if !p.take(op) {
			continue
		}
		right := p.sum()
		if left.missing || right.missing {
			return outcome{missing: true}
		}
		if left.failed || right.failed {
			return outcome{failed: true}
		}
		return compareOracle(op, left.value, right.value)
	}
	return left
}

func compareOracle(op string, a, b any) outcome {
	switch op {
	case "==":
		return outcome{value: equalOracle(a, b)}
	case "!=":
		return outcome{value: !equalOracle(a, b)}
	case "in ":
		list, ok := b.([]any)
		if !ok {
			return outcome{failed: true}
		}
		for _, x := range list {
			if equalOracle(a, x) {
				return outcome{value: true}
			}
		}
		return outcome{value: false}
	}
	var order int
	switch {
	case isNumber(a) && isNumber(b):
		order = cmp.Compare(numberOf(a), numberOf(b))
	case isText(a) && isText(b):
		order = strings.Compare(a.(string), b.(string))
	default:
		x, ok := a.(oracleInstant)
		y, also := b.(oracleInstant)
		if !ok || !also {
			return outcome{failed: true}
		}
		order = int(max(-1, min(1, x-y)))
	}
	return outcome{value: map[string]bool{"<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}[op]}
}

func isText(v any) bool { _, ok := v.(string); return ok }

func isNumber(v any) bool {
	switch v.(type) {
	case int64, float64:
		return true
	}
	return false
}

func numberOf(v any) float64 {
	if n, ok := v.(int64); ok {
		return float64(n)
	}
	return v.(float64)
}

func equalOracle(a, b any) bool {
	if isNumber(a) && isNumber(b) {
		return numberOf(a) == numberOf(b)
	}
	return fmt.Sprintf("%T %v", a, a) == fmt.Sprintf("%T %v", b, b)
}

func (p *oracleParser) sum() outcome {
	left := p.atom()
	for p.take("+ ") {
		right := p.atom()
		switch {
		case left.missing || right.missing:
			left = outcome{missing: true}
		case left.failed || right.failed:
			left = outcome{failed: true}
		case isText(left.value) && isText(right.value):
			left = outcome{value: left.value.(string) + right.value.(string)}
		case !isNumber(left.value) || !isNumber(right.value):
			left = outcome{failed: true}
		default:
			x, whole := left.value.(int64)
			y, also := right.value.(int64)
			if !whole || !also {
				left = outcome{value: numberOf(left.value) + numberOf(right.value)}
			} else if s := x + y; (s > x) == (y > 0) {
				left = outcome{value: s}
			} else {
				left = outcome{failed: true}
			}
		}
	}
	return left
}

func (p *oracleParser) atom() outcome {
	switch {
	case p.take("("):
		v := p.or()
		p.take(")")
		return v
	case p.take("has("):
		path := p.path()
		p.take(")")
		return p.has(path)
	case p.take(`"`):
		end := strings.IndexByte(p.text[p.at:], '"')
		s := p.text[p.at : p.at+end]
		p.at += end + 1
		return outcome{value: s}
	}
	p.space()
	if c := p.text[p.at]; c >= '0' && c <= '9' || c == '-' {
		from := p.at
		for p.at < len(p.text) && strings.IndexByte("-.0123456789", p.text[p.at]) >= 0 {
			p.at++
		}
		if n, err := strconv.ParseInt(p.text[from:p.at], 10, 64); err == nil {
			return outcome{value: n}
		}
		f, _ := strconv.ParseFloat(p.text[from:p.at], 64)
		return outcome{value: f}
	}
	path := p.path()
	switch path[0] {
	case "true", "false":
		return outcome{value: path[0] == "true"}
	case "null":
		return outcome{}
	case "now":
		return outcome{value: oracleInstant(p.scope.now)}
	}
	return p.read(path)
}

// path is names with dots, or sent["id"].
func (p *oracleParser) path() []string {
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
		if p.at == len(p.text) || p.text[p.at] != '.' {
			return path
		}
		p.at++
	}
}

func (p *oracleParser) read(path []string) outcome {
	s := p.scope
	var at any
	switch path[0] {
	case "event":
		at = s.event
	case "enter":
		at = s.enter
	case "sent":
		x, ok := s.sent[path[1]]
		if !ok {
			return outcome{missing: true}
		}
		return outcome{value: x[path[2]]}
	case "profile":
		v, ok := s.profile[path[1]]
		if !ok {
			v = oracleZero(oracleTypes()[path[1]])
		}
		at, path = v, path[1:]
	default:
		panic("the oracle knows no " + strings.Join(path, "."))
	}
	for _, name := range path[1:] {
		m, ok := at.(map[string]any)
		if !ok {
			return outcome{failed: true}
		}
		if at, ok = m[name]; !ok {
			return outcome{missing: true}
		}
	}
	return outcome{value: at}
}

func (p *oracleParser) has(path []string) outcome {
	s := p.scope
	switch path[0] {
	case "profile":
		_, ok := s.profile[path[1]]
		return outcome{value: ok}
	case "sent":
		_, ok := s.sent[path[1]]
		return outcome{value: ok}
	case "enter":
		_, ok := s.enter[path[1]]
		return outcome{value: ok}
	}
	_, ok := s.event[path[1]]
	return outcome{value: ok}
}

// templateOracle gives the value of a text with {{ }}.
func templateOracle(text string, scope *oracleScope) (any, bool) {
	open, end := strings.Index(text, "{{"), strings.Index(text, "}}")
	switch {
	case open < 0:
		return text, true
	case open == 0 && end == len(text)-2:
		v := evalOracle(text[2:end], scope)
		if v.missing || v.failed {
			return nil, false
		}
		if at, ok := v.value.(oracleInstant); ok {
			return instantText(at, scope.zone), true
		}
		return v.value, true
	}
	var b strings.Builder
	for open >= 0 {
		end := strings.Index(text, "}}")
		b.WriteString(text[:open])
		if v := evalOracle(text[open+2:end], scope); !v.missing && !v.failed {
			b.WriteString(textOracle(v.value, scope.zone))
		}
		text = text[end+2:]
		open = strings.Index(text, "{{")
	}
	return b.String() + text, true
}

func instantText(at oracleInstant, zone *time.Location) string {
	return time.UnixMilli(int64(at)).In(zone).Format("2006-01-02T15:04:05.999999999Z07:00")
}

func textOracle(v any, zone *time.Location) string {
	switch x := v.(type) {
	case nil:
		return ""
	case string:
		return x
	case oracleInstant:
		return instantText(x, zone)
	case float64:
		if x == math.Trunc(x) && math.Abs(x) < 1e15 {
			return strconv.FormatInt(int64(x), 10)
		}
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	return jsonOracle(v)
}
