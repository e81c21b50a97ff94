package expr

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// Names are judged on the parsed tree, before the checker sees it: the checker knows neither scopes nor send ids, and
// what it says of an unknown name is of no help to an author.

// walker goes through a parsed expression once: it refuses unknown names and notes what the expression reads.
type walker struct {
	env    *Env
	scope  Scope
	source *source
	locals []string // variables of the macros around the node
	err    *Error   // the first problem

	event, enter, profile     map[string]bool
	eventAll, enterAll        bool
	scores, segments, windows map[int]bool
	paths                     map[int64]path // by the id of a select or index
	loops                     bool           // has a comprehension
	outside                   bool           // reads anything that is known only when it runs
}

// path is how an author wrote a chain of fields.
type path []segment

type segment struct {
	text string // as written: event, .cart, [0]
	key  string // as it stands in an error of the interpreter
}

func (p path) String() string {
	var b strings.Builder
	for _, s := range p {
		b.WriteString(s.text)
	}
	return b.String()
}

// until cuts the path behind the first segment with that key.
func (p path) until(key string) string {
	for i, s := range p {
		if i > 0 && s.key == key {
			return p[:i+1].String()
		}
	}
	return p.String()
}

func newWalker(e *Env, sc Scope, src *source) *walker {
	return &walker{
		env: e, scope: sc, source: src,
		event: map[string]bool{}, enter: map[string]bool{}, profile: map[string]bool{}, paths: map[int64]path{},
		scores: map[int]bool{}, segments: map[int]bool{}, windows: map[int]bool{},
	}
}

func (w *walker) fail(x ast.Expr, format string, args ...any) {
	if w.err == nil {
		w.err = &Error{Offset: w.source.start(x), Message: fmt.Sprintf(format, args...)}
	}
}

func (w *walker) reads() Reads {
	return Reads{
		Event: sortedKeys(w.event), EventAll: w.eventAll,
		Enter: sortedKeys(w.enter), EnterAll: w.enterAll,
		Profile: sortedKeys(w.profile),
		Scores:  sortedNumbers(w.scores), Segments: sortedNumbers(w.segments), Windows: sortedNumbers(w.windows),
	}
}

func (w *walker) local(name string) bool { return slices.Contains(w.locals, name) }

// variable returns the name if x is one of the language's own, not one of a macro.
func (w *walker) variable(x ast.Expr) string {
	if x.Kind() == ast.IdentKind && !w.local(x.AsIdent()) {
		return x.AsIdent()
	}
	return ""
}

func (w *walker) visit(x ast.Expr) {
	if w.err != nil {
		return
	}
	switch x.Kind() {
	case ast.IdentKind:
		w.whole(x)
	case ast.SelectKind:
		s := x.AsSelect()
		w.member(x, s.Operand(), s.FieldName(), "."+s.FieldName())
	case ast.CallKind:
		w.call(x)
	case ast.ListKind:
		for _, e := range x.AsList().Elements() {
			w.visit(e)
		}
	case ast.MapKind:
		for _, e := range x.AsMap().Entries() {
			w.visit(e.AsMapEntry().Key())
			w.visit(e.AsMapEntry().Value())
		}
	case ast.StructKind:
		w.fail(x, "unknown type %s", x.AsStruct().TypeName())
	case ast.ComprehensionKind:
		w.loop(x)
	}
}

func (w *walker) loop(x ast.Expr) {
	c := x.AsComprehension()
	w.loops = true
	w.visit(c.IterRange())
	w.visit(c.AccuInit())
	depth := len(w.locals)
	for _, v := range []string{c.IterVar(), c.IterVar2()} {
		if known(v) {
			w.fail(x, "%s has a meaning already: give the variable another name", v)
		}
	}
	w.locals = append(w.locals, c.AccuVar(), c.IterVar(), c.IterVar2())
	w.visit(c.LoopCondition())
	w.visit(c.LoopStep())
	w.locals = append(w.locals[:depth], c.AccuVar())
	w.visit(c.Result())
	w.locals = w.locals[:depth]
}

// known tells whether a name belongs to the language.
func known(name string) bool {
	switch name {
	case "event", "enter", "profile", "sent", "now", "score", "segment":
		return true
	}
	return false
}

// typeNames are CEL's names of types, which type(x) may be compared with.
func typeName(name string) bool {
	switch name {
	case "bool", "int", "double", "string", "list", "map", "null_type", "type", "optional_type":
		return true
	}
	return false
}

// whole judges a name that stands by itself.
func (w *walker) whole(x ast.Expr) {
	name := w.variable(x)
	if name == "" || (name == zoneVar || name == stateVar) && w.use(x, name) || typeName(name) {
		return
	}
	if !w.use(x, name) {
		return
	}
	switch name {
	case "event":
		w.eventAll = true
	case "enter":
		w.enterAll = true
	case "profile":
		w.fail(x, "the profile is not a value by itself: name an attribute, such as profile.%s", w.env.provider.names[0])
	case "sent":
		w.fail(x, "sent is not a value by itself: name a send and a field, such as sent[\"cart-reminder\"].at")
	case "score":
		w.fail(x, "score is not a value by itself: name one, such as score.lead")
	case "segment":
		w.fail(x, "segment is not a value by itself: name one, such as segment.hot_lead")
	}
}

// use judges whether a name may stand here.
func (w *walker) use(x ast.Expr, name string) bool {
	w.outside = true
	in, where := false, ""
	switch name {
	case zoneVar: // a change of the zone may change the value
		in = true
		w.profile["timezone"] = true
	case stateVar, "score", "segment":
		in = true
	case "event":
		in, where = w.scope.Event, "in the conditions and keys of triggers, and in steps"
	case "enter":
		in, where = w.scope.Enter, "in `goal`, in `exit` and in steps, but not in what opens an enrollment"
	case "profile":
		in, where = w.scope.Profile, "in conditions and in steps"
	case "sent":
		in, where = w.scope.Sent, "in `goal`, in `exit` and in steps, but not in what opens an enrollment"
	case "now":
		in, where = w.scope.Now, "in conditions of events and in steps, but not in `becomes`"
	default:
		if usage := windowUsage(name); usage != "" {
			w.fail(x, "%s is a function: write %s", name, usage)
		} else if w.env.functions[name] {
			w.fail(x, "%s is a function: write %s(...)", name, name)
		} else {
			w.fail(x, "unknown name %s%s", name, didYouMean(name, w.names()))
		}
		return false
	}
	if !in {
		w.fail(x, "%s is not known here: it may be used %s", name, where)
	}
	return in
}

// names are those that may be used here.
func (w *walker) names() []string {
	var names []string
	for _, n := range []struct {
		name string
		in   bool
	}{
		{"event", w.scope.Event}, {"enter", w.scope.Enter}, {"profile", w.scope.Profile}, {"sent", w.scope.Sent}, {"now", w.scope.Now},
		{"score", true}, {"segment", true},
	} {
		if n.in {
			names = append(names, n.name)
		}
	}
	for _, l := range w.locals {
		if l != "" && l[0] != '@' {
			names = append(names, l)
		}
	}
	return names
}

// member judges x, which is operand.name or operand["name"].
func (w *walker) member(x, operand ast.Expr, name, written string) {
	switch v := w.variable(operand); v {
	case "event", "enter":
		if !w.use(operand, v) {
			return
		}
		if v == "event" {
			w.event[name] = true
		} else {
			w.enter[name] = true
		}
		w.paths[x.ID()] = path{{v, v}, {written, name}}
	case "profile":
		if !w.use(operand, v) {
			return
		}
		if _, ok := w.env.provider.profile[name]; !ok {
			w.fail(operand, "unknown attribute profile.%s%s", name, didYouMean(name, w.env.provider.names))
			return
		}
		if written[0] == '[' {
			w.fail(operand, "write profile.%s", name)
			return
		}
		w.profile[name] = true
		w.paths[x.ID()] = path{{v, v}, {written, name}}
	case "sent":
		if !w.use(operand, v) {
			return
		}
		if !slices.Contains(w.scope.Sends, name) {
			hint := didYouMean(name, w.scope.Sends)
			for _, id := range w.scope.Sends {
				if strings.HasPrefix(id, name+"-") {
					hint = fmt.Sprintf("; write sent[%q]", id)
				}
			}
			w.fail(operand, "no send of this journey has the id %s%s", name, hint)
			return
		}
		w.paths[x.ID()] = path{{v, v}, {written, name}}
	case "score", "segment":
		places, read := w.env.provider.scores, w.scores
		if v == "segment" {
			places, read = w.env.provider.places, w.segments
		}
		if !w.use(operand, v) {
			return
		}
		i, ok := places[name]
		switch {
		case !ok:
			w.fail(operand, "no %s is called %s%s (profile.yaml declares them under %ss)", v, name, didYouMean(name, sortedKeys(places)), v)
		case written[0] == '[':
			w.fail(operand, "write %s.%s", v, name)
		default:
			read[i] = true
			w.paths[x.ID()] = path{{v, v}, {written, name}}
		}
	default:
		w.visit(operand)
		w.extend(x, operand, segment{written, name})
	}
}

// extend notes the path of x, which goes on from that of its operand.
func (w *walker) extend(x, operand ast.Expr, s segment) {
	p, ok := w.paths[operand.ID()]
	switch {
	case ok:
	case operand.Kind() == ast.IdentKind:
		p = path{{operand.AsIdent(), operand.AsIdent()}}
	default:
		return
	}
	w.paths[x.ID()] = append(p[:len(p):len(p)], s)
}

func (w *walker) call(x ast.Expr) {
	c := x.AsCall()
	name, args := c.FunctionName(), c.Args()
	switch name {
	case operators.Index, operators.OptIndex, operators.OptSelect:
		if len(args) == 2 {
			w.index(x, args[0], args[1], name)
			return
		}
	}
	if c.IsMemberFunction() {
		target := c.Target()
		// math.abs(x), optional.of(x): the target is the front half of the function's name.
		if v := w.variable(target); v != "" && w.env.functions[v+"."+name] {
			if known(v) {
				w.whole(target)
			}
		} else {
			w.visit(target)
		}
	} else if name[0] != '@' && isName(name) && !w.env.functions[name] {
		if usage := windowUsage(name); usage != "" {
			w.fail(x, "%s() takes constant texts: write %s", name, usage)
		} else {
			w.fail(x, "unknown function %s%s", name, didYouMean(name, w.functions()))
		}
	} else if name == "last" {
		w.fail(x, "last() takes a constant text: write %s", windowUsage(name))
	} else if windowUsage(name[min(1, len(name)):]) != "" && name[0] == '@' {
		w.window(x, args[0])
		return
	}
	for _, a := range args {
		w.visit(a)
	}
}

// window judges a call of a window function, and notes it.
func (w *walker) window(x, number ast.Expr) {
	w.outside = true
	n, _ := number.AsLiteral().(types.Int)
	win := w.env.windows.get(int(n))
	if win.Enter && !w.scope.Enter {
		w.fail(x, "the window \"enter\" is known only in `goal`, in `exit` and in steps: write a duration, such as 10m")
		return
	}
	w.windows[int(n)] = true
	w.paths[x.ID()] = path{{win.String(), "last"}}
}

func isName(s string) bool {
	return s[0] >= 'a' && s[0] <= 'z' || s[0] >= 'A' && s[0] <= 'Z'
}

func (w *walker) functions() []string {
	names := []string{"has", "time", "count", "sum", "last", "seen"}
	for f := range w.env.functions {
		if isName(f) {
			names = append(names, f)
		}
	}
	sort.Strings(names)
	return names
}

// index judges operand[key], operand[?key] and operand.?key.
func (w *walker) index(x, operand, key ast.Expr, op string) {
	if key.Kind() == ast.LiteralKind {
		switch k := key.AsLiteral().(type) {
		case types.String:
			written := "[" + strconv.Quote(string(k)) + "]"
			if op == operators.OptSelect {
				written = "." + string(k)
			}
			w.member(x, operand, string(k), written)
			return
		case types.Double:
			w.fail(key, "an index is a whole number")
			return
		case types.Int:
			w.visit(operand)
			n := strconv.FormatInt(int64(k), 10)
			w.extend(x, operand, segment{"[" + n + "]", n})
			return
		}
	}
	switch v := w.variable(operand); v {
	case "sent":
		if w.use(operand, v) {
			w.fail(key, "the id of a send must be written out, such as sent[\"cart-reminder\"]")
		}
		return
	case "profile":
		if w.use(operand, v) {
			w.fail(operand, "an attribute must be written out, such as profile.%s", w.env.provider.names[0])
		}
		return
	case "score", "segment":
		if w.use(operand, v) {
			w.fail(operand, "the name of a %s must be written out, such as %s.name", v, v)
		}
		return
	}
	w.visit(operand)
	w.visit(key)
	w.extend(x, operand, segment{"[" + w.source.text(key) + "]", ""})
}

// didYouMean suggests the nearest name, if one is near.
func didYouMean(name string, names []string) string {
	best, nearest := "", 3
	if len(name) <= 3 {
		nearest = 2
	}
	for _, n := range names {
		if d := distance(name, n); d < nearest && d < len(n) {
			best, nearest = n, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// distance is Levenshtein's, between short names.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			d := diagonal
			if a[i-1] != b[j-1] {
				d = 1 + min(diagonal, row[j], row[j-1])
			}
			diagonal, row[j] = row[j], d
		}
	}
	return row[len(b)]
}
