package expr

import (
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// maxText bounds what replace and join may make, in bytes: both can grow a text by a factor, so a chain of them would
// not be bounded by the length of the expression. (The library's own texts are not used for that reason.)
const maxText = 1 << 20

// textOptions declares functions of texts, by the names and with the meaning of CEL's strings extension. Positions count
// characters.
func textOptions() []cel.EnvOption {
	s, i := cel.StringType, cel.IntType
	list := cel.ListType(s)
	member := func(name string, args []*cel.Type, result *cel.Type, do func(a []ref.Val) ref.Val) cel.EnvOption {
		id := "wend_" + name
		for _, t := range args {
			id += "_" + strings.NewReplacer("(", "_", ")", "").Replace(t.String())
		}
		return cel.Function(name, cel.MemberOverload(id, args, result, cel.FunctionBinding(func(a ...ref.Val) ref.Val { return do(a) })))
	}
	one := func(name string, do func(string) string) cel.EnvOption {
		return member(name, []*cel.Type{s}, s, func(a []ref.Val) ref.Val {
			x, failed := text(a[0])
			if failed != nil {
				return failed
			}
			return types.String(do(x))
		})
	}
	index := func(name string, find func(s, sub string) int) cel.EnvOption {
		return member(name, []*cel.Type{s, s}, i, func(a []ref.Val) ref.Val {
			x, failed := text(a[0])
			if failed != nil {
				return failed
			}
			y, failed := text(a[1])
			if failed != nil {
				return failed
			}
			at := find(x, y)
			if at > 0 {
				at = utf8.RuneCountInString(x[:at])
			}
			return types.Int(at)
		})
	}
	sub := func(a []ref.Val) ref.Val {
		x, failed := text(a[0])
		if failed != nil {
			return failed
		}
		r := []rune(x)
		from, to := types.Int(0), types.Int(len(r))
		var ok bool
		if from, ok = a[1].(types.Int); !ok {
			return types.NewErr("a position is a whole number, not %s", kindOf(a[1]))
		}
		if len(a) > 2 {
			if to, ok = a[2].(types.Int); !ok {
				return types.NewErr("a position is a whole number, not %s", kindOf(a[2]))
			}
		}
		if from < 0 || to > types.Int(len(r)) || from > to {
			return types.NewErr("the position is outside the text")
		}
		return types.String(string(r[from:to]))
	}
	return []cel.EnvOption{
		one("lowerAscii", func(x string) string { return mapASCII(x, 'A', 'Z', 'a'-'A') }),
		one("upperAscii", func(x string) string { return mapASCII(x, 'a', 'z', 'A'-'a') }),
		one("trim", strings.TrimSpace),
		index("indexOf", strings.Index),
		index("lastIndexOf", strings.LastIndex),
		member("substring", []*cel.Type{s, i}, s, sub),
		member("substring", []*cel.Type{s, i, i}, s, sub),
		member("charAt", []*cel.Type{s, i}, s, func(a []ref.Val) ref.Val {
			at, ok := a[1].(types.Int)
			if !ok {
				return types.NewErr("a position is a whole number, not %s", kindOf(a[1]))
			}
			if x, _ := a[0].(types.String); int(at) == utf8.RuneCountInString(string(x)) {
				return types.String("")
			}
			if at < 0 || at > maxText {
				return types.NewErr("the position is outside the text")
			}
			return sub([]ref.Val{a[0], at, at + 1})
		}),
		member("replace", []*cel.Type{s, s, s}, s, func(a []ref.Val) ref.Val {
			x, failed := text(a[0])
			if failed != nil {
				return failed
			}
			old, failed := text(a[1])
			if failed != nil {
				return failed
			}
			with, failed := text(a[2])
			if failed != nil {
				return failed
			}
			if n := strings.Count(x, old); len(with) > 0 && n > (maxText-len(x))/len(with) {
				return types.NewErr("the text is too long")
			}
			return types.String(strings.ReplaceAll(x, old, with))
		}),
		member("split", []*cel.Type{s, s}, list, func(a []ref.Val) ref.Val {
			x, failed := text(a[0])
			if failed != nil {
				return failed
			}
			by, failed := text(a[1])
			if failed != nil {
				return failed
			}
			return types.NewStringList(types.DefaultTypeAdapter, strings.Split(x, by))
		}),
		member("join", []*cel.Type{list}, s, func(a []ref.Val) ref.Val { return join(a[0], types.String("")) }),
		member("join", []*cel.Type{list, s}, s, func(a []ref.Val) ref.Val { return join(a[0], a[1]) }),
	}
}

func text(v ref.Val) (string, ref.Val) {
	x, ok := v.(types.String)
	if !ok {
		return "", types.NewErr("%s is not text", kindOf(v))
	}
	return string(x), nil
}

func mapASCII(s string, from, to byte, by int) string {
	b := []byte(s)
	for i, c := range b {
		if c >= from && c <= to {
			b[i] = byte(int(c) + by)
		}
	}
	return string(b)
}

func join(list, by ref.Val) ref.Val {
	l, ok := list.(traits.Lister)
	if !ok {
		return types.NewErr("%s is not a list", kindOf(list))
	}
	sep, failed := text(by)
	if failed != nil {
		return failed
	}
	var b strings.Builder
	first := true
	for i := l.Iterator(); i.HasNext() == types.True; {
		x, failed := text(i.Next())
		if failed != nil {
			return failed
		}
		if !first {
			b.WriteString(sep)
		}
		first = false
		b.WriteString(x)
		if b.Len() > maxText {
			return types.NewErr("the text is too long")
		}
	}
	return types.String(b.String())
}
