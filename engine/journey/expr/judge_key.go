package expr

import (
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// An expression without variables of its own has the same value each time, until something changes that it reads: so facts
// are kept by its text, written in one way: operands of == in order, > as <, whatever its author wrote.

// key names an expression.
type key struct {
	text   string // "" where it is not to be remembered
	reads  reads
	turned bool // it is true where what the text says is not: a != b, of which the text is a == b
}

// reads is what an expression depends on.
type reads struct {
	event, enter, state, now, sent bool
	profile                        []string
}

func (r *reads) add(o reads) {
	r.event, r.enter, r.state, r.now, r.sent = r.event || o.event, r.enter || o.enter, r.state || o.state, r.now || o.now, r.sent || o.sent
	r.profile = unite(r.profile, o.profile)
}

// In keys the two events are single bytes, so that one can be put for the other. Constants are quoted and never hold them.
const eventByte, enterByte = "\x01", "\x02"

func asEnter(text string) string { return strings.ReplaceAll(text, eventByte, enterByte) }
func asEvent(text string) string { return strings.ReplaceAll(text, enterByte, eventByte) }

// hasOf is the field of which has(field) asks.
func hasOf(text string) string { return text[len("has(") : len(text)-1] }

// shown is a key for readers.
func shown(text string) string {
	return strings.NewReplacer(eventByte, "event", enterByte, "enter").Replace(text)
}

// maxKey bounds the text of a key; longer expressions are not remembered.
const maxKey = 300

func (c *compiled) keyOf(j *Judge, x ast.Expr) key {
	known := j.keys[c]
	if known == nil {
		known = map[int64]key{}
		j.keys[c] = known
	}
	if k, ok := known[x.ID()]; ok {
		return k
	}
	k := c.makeKey(j, x)
	if len(k.text) > maxKey {
		k.text = ""
	}
	known[x.ID()] = k
	return k
}

func (c *compiled) makeKey(j *Judge, x ast.Expr) key {
	switch x.Kind() {
	case ast.LiteralKind:
		switch v := x.AsLiteral().(type) {
		case types.String:
			return key{text: strconv.Quote(string(v))}
		case types.Int, types.Double, types.Bool:
			return key{text: literalKey(v)}
		case types.Null:
			return key{text: "null"}
		}
	case ast.IdentKind:
		switch name := x.AsIdent(); name {
		case "event":
			return key{text: eventByte, reads: reads{event: true}}
		case "enter":
			return key{text: enterByte, reads: reads{enter: true}}
		case "now":
			return key{text: name, reads: reads{now: true}}
		case "sent":
			return key{text: name, reads: reads{sent: true}}
		case zoneVar:
			return key{text: "zone", reads: reads{profile: []string{"timezone"}}}
		case stateVar, "score", "segment":
			return key{text: name, reads: reads{state: true}}
		case "profile":
			return key{text: name} // the attribute follows
		}
	case ast.SelectKind:
		return c.selectKey(j, x)
	case ast.ListKind:
		return c.callKey(j, "list", x.AsList().Elements())
	case ast.CallKind:
		call := x.AsCall()
		args := call.Args()
		if name := call.FunctionName(); call.IsMemberFunction() {
			return c.callKey(j, "."+name, append([]ast.Expr{call.Target()}, args...))
		} else if len(args) == 2 {
			return c.binaryKey(j, name, args)
		}
		return c.callKey(j, call.FunctionName(), args)
	}
	return key{} // a variable of a macro, or what holds one
}

func literalKey(v any) string {
	switch v := v.(type) {
	case types.Int:
		return strconv.FormatInt(int64(v), 10)
	case types.Double:
		return strconv.FormatFloat(float64(v), 'e', -1, 64) // never the text of a whole one
	case types.Bool:
		return strconv.FormatBool(bool(v))
	}
	return ""
}

func (c *compiled) selectKey(j *Judge, x ast.Expr) key {
	s := x.AsSelect()
	k := c.keyOf(j, s.Operand())
	if k.text == "" {
		return key{}
	}
	switch k.text {
	case "profile":
		k.reads.profile = []string{s.FieldName()}
	case "segment":
		k.reads.add(c.segmentReads(j, s.FieldName(), 0))
	}
	k.text += "." + s.FieldName()
	if s.IsTestOnly() {
		k.text = "has(" + k.text + ")"
	}
	return k
}

// segmentReads is what the condition of a segment depends on.
func (c *compiled) segmentReads(j *Judge, name string, deep int) reads {
	r := reads{state: true}
	i, ok := c.explainer.env.provider.places[name]
	if !ok || i >= len(j.segments) || j.segments[i] == nil || deep > len(j.segments) {
		return r
	}
	of := j.segments[i].Reads()
	r.profile = slices.Clone(of.Profile)
	for _, m := range of.Segments {
		for other, at := range c.explainer.env.provider.places {
			if at == m {
				r.add(c.segmentReads(j, other, deep+1))
			}
		}
	}
	return r
}

func (c *compiled) callKey(j *Judge, name string, args []ast.Expr) key {
	var out key
	texts := make([]string, len(args))
	for i, x := range args {
		k := c.keyOf(j, x)
		if k.text == "" {
			return key{}
		}
		texts[i] = k.text
		out.reads.add(k.reads)
	}
	out.text = name + "(" + strings.Join(texts, ", ") + ")"
	return out
}

func (c *compiled) binaryKey(j *Judge, name string, args []ast.Expr) key {
	l, r := c.keyOf(j, args[0]), c.keyOf(j, args[1])
	if l.text == "" || r.text == "" {
		return key{}
	}
	reads := l.reads
	reads.add(r.reads)
	if name == operators.Index && args[1].Kind() == ast.LiteralKind {
		if s, ok := args[1].AsLiteral().(types.String); ok && namePattern().MatchString(string(s)) {
			return key{text: l.text + "." + string(s), reads: reads} // as with a dot
		}
		return key{text: l.text + "[" + r.text + "]", reads: reads}
	}
	if w, ok := c.windowOf(name, args[0]); ok {
		return key{text: w.String(), reads: reads}
	}
	turned := name == operators.NotEquals
	switch name {
	case operators.Greater, operators.GreaterEquals:
		name = map[string]string{operators.Greater: operators.Less, operators.GreaterEquals: operators.LessEquals}[name]
		l, r = r, l
	case operators.Equals, operators.NotEquals:
		if name = operators.Equals; r.text < l.text {
			l, r = r, l
		}
	}
	if symbol, ok := operators.FindReverseBinaryOperator(name); ok {
		name = " " + symbol + " "
		return key{"(" + l.text + name + r.text + ")", reads, turned}
	}
	return key{text: name + "(" + l.text + ", " + r.text + ")", reads: reads}
}

// windowOf is the window of a call of count, sum, last or seen.
func (c *compiled) windowOf(name string, number ast.Expr) (Window, bool) {
	switch name {
	case "@count", "@sum", "@last", "@seen":
		if n, ok := number.AsLiteral().(types.Int); ok {
			return c.explainer.env.windows.get(int(n)), true
		}
	}
	return Window{}, false
}
