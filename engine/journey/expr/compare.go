package expr

import (
	"cmp"
	"math"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// Comparing is the library's but for numbers: it compares a whole and a fractional one as float64, which finds
// 9007199254740993 equal to 9007199254740992.0, also inside lists. Here a comparison is exact.

// equal tells whether two values are the same: numbers by their worth, lists and maps by their elements. Values of two
// kinds are not. failed is an error of CEL.
func equal(a, b ref.Val) (same bool, failed ref.Val) {
	budget := maxNodes
	same = equalWithin(a, b, &budget)
	if budget < 0 {
		return false, types.NewErr("the values are too large to compare")
	}
	return same, nil
}

// maxNodes bounds walks over a value: [[1]].map(a, [a, a]).map(a, [a, a])… makes a tree that is exponential in the
// length of its expression, though it takes little memory.
const maxNodes = 200_000

func equalWithin(a, b ref.Val, budget *int) bool {
	if *budget--; *budget < 0 {
		return false
	}
	switch x := a.(type) {
	case types.Int:
		switch y := b.(type) {
		case types.Int:
			return x == y
		case types.Double:
			c, ok := compareIntDouble(int64(x), float64(y))
			return ok && c == 0
		}
		return false
	case types.Double:
		switch y := b.(type) {
		case types.Int:
			c, ok := compareIntDouble(int64(y), float64(x))
			return ok && c == 0
		case types.Double:
			return x == y
		}
		return false
	case types.String:
		y, ok := b.(types.String)
		return ok && x == y
	case types.Bool:
		y, ok := b.(types.Bool)
		return ok && x == y
	case types.Null:
		_, ok := b.(types.Null)
		return ok
	case *types.Optional:
		y, ok := b.(*types.Optional)
		if !ok || x.HasValue() != y.HasValue() {
			return false
		}
		return !x.HasValue() || equalWithin(x.GetValue(), y.GetValue(), budget)
	case traits.Lister:
		y, ok := b.(traits.Lister)
		if !ok || x.Size() != y.Size() {
			return false
		}
		i, j := x.Iterator(), y.Iterator()
		for i.HasNext() == types.True && j.HasNext() == types.True {
			if !equalWithin(i.Next(), j.Next(), budget) {
				return false
			}
		}
		return true
	case traits.Mapper:
		y, ok := b.(traits.Mapper)
		if !ok || x.Size() != y.Size() {
			return false
		}
		for i := x.Iterator(); i.HasNext() == types.True; {
			k := i.Next()
			v, found := y.Find(k)
			if !found || !equalWithin(x.Get(k), v, budget) {
				return false
			}
		}
		return true
	}
	return a.Equal(b) == types.True
}

// compareIntDouble orders a whole and a fractional number without rounding either. ok is false for NaN.
func compareIntDouble(i int64, f float64) (order int, ok bool) {
	switch {
	case math.IsNaN(f):
		return 0, false
	case f >= 1<<63:
		return -1, true
	case f < -1<<63:
		return 1, true
	}
	// Within the range the whole part of f is exact as int64, and decides unless it is i.
	whole := math.Trunc(f)
	switch n := int64(whole); {
	case i < n:
		return -1, true
	case i > n:
		return 1, true
	case f > whole:
		return -1, true
	case f < whole:
		return 1, true
	}
	return 0, true
}

// order compares two values that have an order. The error is a CEL error.
func order(a, b ref.Val) (c int, ok bool, failed ref.Val) {
	switch x := a.(type) {
	case types.Int:
		switch y := b.(type) {
		case types.Int:
			return cmp.Compare(x, y), true, nil
		case types.Double:
			c, ok := compareIntDouble(int64(x), float64(y))
			return c, ok, nil
		}
	case types.Double:
		switch y := b.(type) {
		case types.Int:
			c, ok := compareIntDouble(int64(y), float64(x))
			return -c, ok, nil
		case types.Double:
			return cmp.Compare(x, y), x == x && y == y, nil
		}
	case types.String:
		if y, ok := b.(types.String); ok {
			return cmp.Compare(x, y), true, nil
		}
	case types.Timestamp:
		if y, ok := b.(types.Timestamp); ok {
			return x.Time.Compare(y.Time), true, nil
		}
	case types.Duration:
		if y, ok := b.(types.Duration); ok {
			return cmp.Compare(x.Duration, y.Duration), true, nil
		}
	case types.Bool:
		if y, ok := b.(types.Bool); ok {
			switch {
			case x == y:
				return 0, true, nil
			case bool(y):
				return -1, true, nil
			}
			return 1, true, nil
		}
	}
	return 0, false, types.NewErr("%s and %s have no order", kindOf(a), kindOf(b))
}

// member is `in`: an element of a list, a key of a map.
func member(x, in ref.Val) ref.Val {
	switch in := in.(type) {
	case *fields:
		return in.Contains(x)
	case *sentAll:
		return in.Contains(x)
	case traits.Lister:
		for i := in.Iterator(); i.HasNext() == types.True; {
			same, failed := equal(x, i.Next())
			if failed != nil {
				return failed
			}
			if same {
				return types.True
			}
		}
		return types.False
	case traits.Mapper:
		_, found := in.Find(x)
		return types.Bool(found)
	}
	return types.NewErr("nothing is in %s", kindOf(in))
}
