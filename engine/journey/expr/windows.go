package expr

import (
	"fmt"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Window is a use of count, sum, last or seen, whose arguments are constants.
type Window struct {
	Kind   WindowKind
	Type   string // of events
	Field  string // of WindowSum
	Within int64  // ms; 0: ever, or since the entry
	Enter  bool   // since the entry
}

// WindowKind is the function of a Window.
type WindowKind uint8

const (
	WindowCount WindowKind = iota
	WindowSum
	WindowLast
	WindowSeen
)

// windowSet gives each Window that expressions use a number. Expressions are compiled by several goroutines.
type windowSet struct {
	mu   sync.Mutex
	list []Window
	at   map[Window]int
}

func (s *windowSet) number(w Window) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.at[w]
	if !ok {
		i = len(s.list)
		s.list = append(s.list, w)
		s.at[w] = i
	}
	return i
}

func (s *windowSet) get(i int) Window {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list[i]
}

// Windows are those that expressions of the environment use, as Reads.Windows numbers them.
func (e *Env) Windows() []Window {
	e.windows.mu.Lock()
	defer e.windows.mu.Unlock()
	return append([]Window(nil), e.windows.list...)
}

// sinceEnter is the window that begins with the entry.
const sinceEnter = "enter"

// maxWindow keeps what is counted back from any time within 64 bits, and is longer than a customer lives.
const maxWindow = 200 * 365 * day

// windowMacros declares count, sum, last and seen. Their arguments are constants: the parser turns a call into one of
// a function of windowFunctions, which takes the number of its window.
func windowMacros(set *windowSet) cel.EnvOption {
	macro := func(name string, kind WindowKind, args int) cel.Macro {
		return cel.GlobalMacro(name, args, func(h cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *common.Error) {
			w := Window{Kind: kind}
			texts := make([]string, len(args))
			for i, a := range args {
				if texts[i] = literalText(a); texts[i] == "" {
					return nil, nil // the walker reports it
				}
			}
			w.Type = texts[0]
			if kind == WindowSum {
				w.Field = texts[1]
			}
			if len(args) > 1 {
				last := len(args) - 1
				if texts[last] == sinceEnter {
					w.Enter = true
				} else if d, err := parseDuration(texts[last]); err != nil || d <= 0 || d.Milliseconds() > maxWindow {
					return nil, h.NewError(args[last].ID(), fmt.Sprintf("%q is not a window: write a duration above 0 of at most 200 years, such as 10m, or enter", texts[last]))
				} else {
					w.Within = d.Milliseconds()
				}
			}
			return h.NewCall("@"+name, h.NewLiteral(types.Int(set.number(w))), h.NewIdent(stateVar)), nil
		})
	}
	return cel.Macros(
		macro("count", WindowCount, 2), macro("sum", WindowSum, 3), macro("last", WindowLast, 1),
		macro("seen", WindowSeen, 1), macro("seen", WindowSeen, 2),
	)
}

// windowFunctions are what windowMacros make calls of.
func windowFunctions() []cel.EnvOption {
	function := func(name string, result *cel.Type, of func(w int, s State) ref.Val) cel.EnvOption {
		return cel.Function("@"+name, cel.Overload("wend_"+name, []*cel.Type{cel.IntType, stateType}, result,
			cel.BinaryBinding(func(w, from ref.Val) ref.Val {
				s := stateOf(from)
				if s == nil {
					return errNoState()
				}
				return of(int(w.(types.Int)), s)
			})))
	}
	return []cel.EnvOption{
		function("count", cel.IntType, func(w int, s State) ref.Val { return types.Int(s.Count(w)) }),
		function("sum", cel.DynType, func(w int, s State) ref.Val { return s.Sum(w).value() }),
		function("seen", cel.BoolType, func(w int, s State) ref.Val { return types.Bool(s.Seen(w)) }),
		function("last", cel.TimestampType, func(w int, s State) ref.Val {
			ms, ok := s.Last(w)
			if !ok {
				return types.NewErr("no such key: last")
			}
			return timestamp(ms)
		}),
	}
}

func literalText(x ast.Expr) string {
	if x.Kind() != ast.LiteralKind {
		return ""
	}
	t, _ := x.AsLiteral().(types.String)
	return string(t)
}

// windowUsage shows how a function of windows is written, or is "" for another name.
func windowUsage(name string) string {
	switch name {
	case "count":
		return `count("browse", "10m")`
	case "sum":
		return `sum("purchase", "price", "30d")`
	case "last":
		return `last("purchase")`
	case "seen":
		return `seen("purchase") or seen("reply", "enter")`
	}
	return ""
}

// String is the call as it is written in the language.
func (w Window) String() string {
	name := [...]string{"count", "sum", "last", "seen"}[w.Kind]
	s := fmt.Sprintf("%s(%q", name, w.Type)
	if w.Kind == WindowSum {
		s += fmt.Sprintf(", %q", w.Field)
	}
	switch {
	case w.Enter:
		s += fmt.Sprintf(", %q", sinceEnter)
	case w.Within > 0:
		s += fmt.Sprintf(", %q", formatDuration(time.Duration(w.Within)*time.Millisecond))
	}
	return s + ")"
}
