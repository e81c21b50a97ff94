package expr

import (
	"regexp"
	"strings"

	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// What the library says of a problem, in the words of an author. Its texts are no contract: one that is not known here
// is passed on as it is.

// patterns are compiled on each use: this is the way of a mistake, not of an evaluation.
func submatches(pattern, s string) []string { return regexp.MustCompile(pattern).FindStringSubmatch(s) }

// checkMessage rewrites an error of the type checker.
func checkMessage(s string) string {
	if m := submatches(`^found no matching overload for '(.*)' applied to '(.*)'`, s); m != nil {
		return overloadMessage(m[1], m[2])
	}
	if m := submatches(`^undeclared reference to '(.*?)'`, s); m != nil {
		return "unknown function " + m[1]
	}
	if m := submatches(`^undefined field '(.*?)'`, s); m != nil {
		return "there is no field " + m[1]
	}
	if m := submatches(`^expected type '(.*?)' but found '(.*?)'`, s); m != nil {
		return "expected " + typeText(m[1]) + ", not " + typeText(m[2])
	}
	if m := submatches(`^type '(.*?)' does not support field selection`, s); m != nil {
		return typeText(m[1]) + " has no fields"
	}
	if m := submatches(`^expression of type '(.*?)' cannot be range`, s); m != nil {
		return "only lists and maps can be gone through, not " + typeText(m[1])
	}
	return limitMessage(s)
}

// limitMessage rewrites what the library says of the bounds that it was given.
func limitMessage(s string) string {
	switch {
	case strings.Contains(s, "recursion"), strings.Contains(s, "nesting"):
		return "the expression is nested too deeply"
	case strings.Contains(s, "node"):
		return "the expression is too long"
	case strings.HasPrefix(s, "error recovery"):
		return "syntax error"
	case strings.HasPrefix(s, "regex program size"):
		return "the pattern is too large"
	}
	return s
}

func overloadMessage(name, args string) string {
	var kinds, target []string
	if before, after, ok := cutMember(args); ok {
		target = []string{typeText(before)}
		args = after
	}
	for _, a := range splitTypes(strings.TrimSuffix(strings.TrimPrefix(args, "("), ")")) {
		kinds = append(kinds, typeText(a))
	}
	all := append(target, kinds...)
	hint := ""
	if has(all, "text") && has(all, "a timestamp") {
		hint = "; time(x) makes a timestamp of a text"
	}
	if strings.Contains(strings.Join(all, " "), "optional") {
		hint = "; say what counts when it is not there with .orValue(...)"
	}
	op, isOperator := operators.FindReverse(name)
	switch {
	case name == operators.Modulo:
		return "% wants whole numbers, not " + strings.Join(all, " and ")
	case name == operators.Index:
		return "an index does not fit: " + strings.Join(all, " with ")
	case name == operators.Conditional:
		return "both results of ? : must be of one kind after a condition that is true or false, not " + strings.Join(all, ", ")
	case name == "@time":
		return "time() does not take " + all[0]
	case name == "@index":
		return "an index does not fit"
	case isOperator && op != "":
		return op + " does not go with " + strings.Join(all, " and ") + hint
	case target != nil:
		return target[0] + " has no function " + name + "(" + strings.Join(kinds, ", ") + ")" + hint
	}
	return name + "() does not take (" + strings.Join(kinds, ", ") + ")" + hint
}

func has(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// cutMember splits `string.(int)`.
func cutMember(s string) (target, args string, ok bool) {
	if i := strings.Index(s, ".("); i >= 0 && !strings.HasPrefix(s, "(") {
		return s[:i], s[i+1:], true
	}
	return "", s, false
}

// splitTypes splits at the commas that stand in no bracket.
func splitTypes(s string) []string {
	var out []string
	depth, from := 0, 0
	for i, c := range s {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				out = append(out, strings.TrimSpace(s[from:i]))
				from = i + 1
			}
		}
	}
	if rest := strings.TrimSpace(s[from:]); rest != "" {
		out = append(out, rest)
	}
	return out
}

// typeText names one of CEL's types, as it prints them, for a reader.
func typeText(t string) string {
	switch t {
	case "bool":
		return "a boolean"
	case "int", "uint":
		return "a whole number"
	case "double":
		return "a fractional number"
	case "string":
		return "text"
	case "bytes":
		return "bytes"
	case "timestamp", "google.protobuf.Timestamp":
		return "a timestamp"
	case "duration", "google.protobuf.Duration":
		return "a duration"
	case "null", "null_type":
		return "null"
	case "dyn", "any":
		return "any value"
	case profileTypeName:
		return "the profile"
	case sentTypeName:
		return "a send"
	case scoreTypeName:
		return "the scores"
	case segmentTypeName:
		return "the segments"
	}
	switch {
	case strings.HasPrefix(t, "list("):
		return "a list"
	case strings.HasPrefix(t, "map("):
		return "a map"
	case strings.HasPrefix(t, "optional"):
		return "an optional value"
	case strings.HasPrefix(t, "type("):
		return "a type"
	}
	return t
}

// typeWords names a type for a reader.
func typeWords(t *types.Type) string { return typeText(t.String()) }

// syntaxMessage rewrites an error of the parser.
func syntaxMessage(s string) string {
	s, syntax := strings.CutPrefix(s, "Syntax error: ")
	if !syntax {
		return limitMessage(s)
	}
	if i := strings.Index(s, " expecting "); i >= 0 {
		s = s[:i]
	}
	if m := submatches(`^token recognition error at: '((?s).*)'$`, s); m != nil {
		switch t := strings.TrimSpace(m[1]); {
		case strings.HasPrefix(t, "="):
			return "syntax error: write == to compare"
		case strings.HasPrefix(t, "&"), strings.HasPrefix(t, "|"):
			return "syntax error: write && for and, || for or"
		case strings.HasPrefix(t, `"`), strings.HasPrefix(t, "'"):
			return "syntax error: the text " + t + " has no closing quote"
		default:
			return "syntax error: " + t + " means nothing here"
		}
	}
	if strings.Contains(s, "'<EOF>'") {
		return "syntax error: the expression ends too early"
	}
	if m := submatches(`^(?:mismatched|extraneous) input '((?s).*)'$`, s); m != nil {
		switch m[1] {
		case "and":
			return "syntax error: write && for and"
		case "or":
			return "syntax error: write || for or"
		case "not":
			return "syntax error: write ! for not"
		}
		return "syntax error: " + m[1] + " is not expected here"
	}
	return "syntax error: " + s
}

// evalMessage rewrites an error of an evaluation.
func evalMessage(s string) string {
	switch {
	case strings.HasPrefix(s, "no such overload"):
		return "the kinds of the values do not fit"
	case strings.Contains(s, "cost limit exceeded"):
		return "too much work"
	case s == "integer overflow":
		return "the whole number does not fit 64 bits"
	}
	return s
}
