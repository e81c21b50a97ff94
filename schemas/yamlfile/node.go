package yamlfile

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Kind of a Node.
type Kind uint8

const (
	Null Kind = iota
	Bool
	Int
	Float
	String
	List
	Map
	Bad // what is wrong with it was reported; every As… gives false without another word
)

// Node is a value of a file. Nodes are read-only: one that an alias names is shared.
type Node struct {
	Pos             // where it begins: at the opening quote or bracket, or at the first key or item
	TextPos Pos     // of a scalar: where Text begins, behind an opening quote; of a block scalar, in its first line
	Kind    Kind    //
	Text    string  // of every scalar: its text, unquoted and unescaped, also of a number
	Plain   bool    // a scalar without quotes
	Bool    bool    // Kind Bool
	Int     int64   // Kind Int
	Float   float64 // Kind Float; of an Int the same number
	Items   []*Node // Kind List
	Entries []Entry // Kind Map, in the file's order, behind them what `<<` brings; no x- keys

	layout layout
	pieces []piece // of layout folded, in order; none where only the beginning has a known place
	size   int     // nodes in it with every alias followed
	depth  int     // levels in it with every alias followed
}

// Entry is a key and its value. Keys are texts, whatever they look like.
type Entry struct {
	Key    string
	KeyPos Pos
	Value  *Node

	alone bool // in {…} and without a colon: perhaps the rest of an unquoted text with a comma
}

// layout says how a scalar's text lies in its file.
type layout uint8

const (
	folded   layout = iota // escapes or line breaks: in pieces
	verbatim               // byte for byte from TextPos on, on one line
	literal                // |: line for line, at one indentation
)

// At returns the place of Text[offset:], as exactly as the way it was written allows.
func (n *Node) At(offset int) Pos {
	offset = min(max(offset, 0), len(n.Text))
	at, before := n.TextPos, n.Text[:offset]
	switch n.layout {
	case literal:
		at.Line += strings.Count(before, "\n")
		before = before[strings.LastIndexByte(before, '\n')+1:]
		fallthrough
	case verbatim:
		at.Col += utf8.RuneCountInString(before)
	case folded:
		for _, p := range slices.Backward(n.pieces) {
			if p.offset <= offset {
				p.at.Col += utf8.RuneCountInString(n.Text[p.offset:offset])
				return p.at
			}
		}
	}
	return at
}

// Value returns the node as plain values: nil, bool, int64, float64, string, []any, map[string]any.
func (n *Node) Value() any {
	switch n.Kind {
	case Bool:
		return n.Bool
	case Int:
		return n.Int
	case Float:
		return n.Float
	case String:
		return n.Text
	case List:
		l := make([]any, len(n.Items))
		for i, item := range n.Items {
			l[i] = item.Value()
		}
		return l
	case Map:
		m := make(map[string]any, len(n.Entries))
		for _, e := range n.Entries {
			m[e.Key] = e.Value.Value()
		}
		return m
	}
	return nil
}

// Lookup returns the entry of that key, or nil.
func (n *Node) Lookup(key string) *Entry {
	for i := range n.Entries {
		if n.Entries[i].Key == key {
			return &n.Entries[i]
		}
	}
	return nil
}

// number says how a plain scalar that begins like a number reads in the core schema: Int with its digits and base,
// Float, Null for .inf and .nan, which are no values here, and String.
func number(text string) (kind Kind, digits string, base int) {
	unsigned := strings.TrimLeft(text[:1], "+-") + text[1:]
	switch unsigned {
	case ".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN":
		return Null, "", 0
	}
	if d, ok := strings.CutPrefix(text, "0o"); ok && only(d, "01234567") {
		return Int, d, 8
	}
	if d, ok := strings.CutPrefix(text, "0x"); ok && only(d, "0123456789abcdefABCDEF") {
		return Int, d, 16
	}
	const decimal = "0123456789"
	if only(unsigned, decimal) {
		return Int, text, 10
	}
	mantissa, exponent := unsigned, ""
	if i := strings.IndexAny(unsigned, "eE"); i >= 0 {
		mantissa, exponent = unsigned[:i], unsigned[i+1:]
		if exponent != "" && (exponent[0] == '+' || exponent[0] == '-') {
			exponent = exponent[1:]
		}
		if !only(exponent, decimal) {
			return String, "", 0
		}
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if only(whole+fraction, decimal) {
		return Float, "", 10
	}
	return String, "", 0
}

func only(text, letters string) bool { return text != "" && strings.Trim(text, letters) == "" }

// resolve gives a plain scalar its kind by YAML 1.2's core schema, which knows none of 1.1's `on`, `yes`, `0777`,
// `09:00` and dates. It returns false for a number that has no value here.
func (n *Node) resolve() bool {
	switch n.Text {
	case "", "~", "null", "Null", "NULL":
		n.Kind = Null
		return true
	case "true", "True", "TRUE":
		n.Kind, n.Bool = Bool, true
		return true
	case "false", "False", "FALSE":
		n.Kind = Bool
		return true
	}
	n.Kind = String
	switch c := n.Text[0]; {
	case c >= '0' && c <= '9', c == '-', c == '+', c == '.':
	default:
		return true
	}
	kind, digits, base := number(n.Text)
	switch kind {
	case Null:
		return false
	case Float:
		return n.float(n.Text)
	case String:
		return true
	}
	i, err := strconv.ParseInt(digits, base, 64)
	if err != nil {
		// Beyond 64 bits a number is fractional, as in JSON.
		return base == 10 && n.float(digits)
	}
	n.Kind, n.Int, n.Float = Int, i, float64(i)
	return true
}

func (n *Node) float(text string) bool {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) {
		return false
	}
	n.Kind, n.Float = Float, f
	return true
}
