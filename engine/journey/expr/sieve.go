package expr

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// Sieve says of many conditions at once which of them an event keeps from holding, by what their terms say of single
// fields. It is immutable.
//
// The plain way is to judge one after the other, which costs as much as there are conditions, though an event fits few of
// them. But all that a field's value can do is to lie among the literals that it is compared with, and for each place
// among them it is known beforehand what every term comes to. So a sieve looks up that place, once for each field, and
// finds there a bit for each condition.
type Sieve struct {
	words  int
	fields []sieveField
}

const (
	maxSieved = 8       // fields
	maxPlaced = 1 << 24 // terms of a field times places among its literals: half a second, some megabytes
)

// sieveField is a field of the event with what its values lead to. Places are counted from below: of k literals in order
// the first is place 1, the second 3, and what lies below, between and above them are 0, 2, … 2k.
type sieveField struct {
	name    string
	texts   []any
	numbers []any

	ofText, ofNumber                             []*place
	absent, null, wrong, right, nan, list, alien *place
}

// place is what the conditions' terms about a field come to for all values of one place, a bit for each condition.
type place struct{ no, unclear, lacking []uint64 }

// NewSieve makes one for conditions, of which some may be nil: those hold. It is nil where none has a term.
func NewSieve(conditions []*Condition) *Sieve {
	b := &sieveBuilder{words: (len(conditions) + 63) / 64, fields: map[string][]sieved{}, known: map[string][]uint64{}}
	for i, c := range conditions {
		if c == nil || c.terms == nil {
			continue
		}
		for k := range c.terms.list {
			t := &c.terms.list[k]
			b.fields[t.field] = append(b.fields[t.field], sieved{i, t})
		}
	}
	b.choose()
	if len(b.names) == 0 {
		return nil
	}
	b.whole = make([]bool, len(conditions))
	for i, c := range conditions {
		b.whole[i] = c != nil && c.terms != nil && c.terms.whole &&
			!slices.ContainsFunc(c.terms.list, func(t term) bool { return !slices.Contains(b.names, t.field) })
	}
	s := &Sieve{words: b.words}
	for _, name := range b.names {
		s.fields = append(s.fields, b.field(name))
	}
	return s
}

// Sift sets in not the bits of those conditions that do not hold for the event, and do not fail either, whatever else they
// read; the others' it clears. not has a bit for each condition. Safe for concurrent use; nothing of src is kept.
func (s *Sieve) Sift(src Source, not []uint64) {
	var at [maxSieved]*place
	for i := range s.fields {
		at[i] = s.fields[i].place(src.Field(s.fields[i].name))
	}
	for w := range not {
		var no, unclear, lacking uint64
		for _, p := range at[:len(s.fields)] {
			no |= p.no[w]
			unclear |= p.unclear[w]
			lacking |= p.lacking[w]
		}
		not[w] = no | lacking&^unclear
	}
}

// place of a value.
func (f *sieveField) place(v any, there bool) *place {
	if !there {
		return f.absent
	}
	switch x := v.(type) {
	case string:
		return f.ofText[placeAmong(f.texts, func(y any) int { return strings.Compare(x, y.(string)) })]
	case int64:
		return f.ofNumber[placeAmong(f.numbers, func(y any) int { c, _ := compareNumbers(v, y); return c })]
	case float64:
		if math.IsNaN(x) {
			return f.nan
		}
		return f.ofNumber[placeAmong(f.numbers, func(y any) int { c, _ := compareNumbers(v, y); return c })]
	case bool:
		if x {
			return f.right
		}
		return f.wrong
	case nil:
		return f.null
	case []any, map[string]any:
		return f.list
	}
	return f.alien
}

// placeAmong finds the place among literals, by how a value stands to one.
func placeAmong(list []any, order func(y any) int) int {
	lo, hi := 0, len(list)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		switch c := order(list[mid]); {
		case c == 0:
			return 2*mid + 1
		case c < 0:
			hi = mid
		default:
			lo = mid + 1
		}
	}
	return 2 * lo
}

// sieveBuilder is the state of one NewSieve.
type sieveBuilder struct {
	words  int
	fields map[string][]sieved
	names  []string            // of fields that are sifted by
	whole  []bool              // of conditions: nothing but what the sieve knows stands in it
	known  map[string][]uint64 // bits that some place has already
}

// sieved is a term of a condition.
type sieved struct {
	condition int
	term      *term
}

// choose takes the fields that most terms are about.
func (b *sieveBuilder) choose() {
	for name, list := range b.fields {
		literals := 0
		for _, s := range list {
			literals += len(s.term.values)
		}
		if 2*literals*len(list) <= maxPlaced {
			b.names = append(b.names, name)
		}
	}
	slices.SortFunc(b.names, func(x, y string) int {
		return cmp.Or(cmp.Compare(len(b.fields[y]), len(b.fields[x])), strings.Compare(x, y))
	})
	b.names = b.names[:min(len(b.names), maxSieved)]
}

func (b *sieveBuilder) field(name string) sieveField {
	f := sieveField{name: name}
	for _, s := range b.fields[name] {
		for _, v := range s.term.values {
			switch v.(type) {
			case string:
				f.texts = append(f.texts, v)
			case int64, float64:
				f.numbers = append(f.numbers, v)
			}
		}
	}
	f.texts, f.numbers = sortLiterals(f.texts), sortLiterals(f.numbers)
	f.ofText, f.ofNumber = b.among(name, f.texts, ""), b.among(name, f.numbers, int64(0))
	value := func(v any, there bool) *place {
		return b.place(name, func(_ int, t *term) outcome { return t.of(v, there) })
	}
	f.absent, f.null, f.wrong, f.right = value(nil, false), value(nil, true), value(false, true), value(true, true)
	f.nan, f.list, f.alien = value(math.NaN(), true), value([]any{}, true), value(struct{}{}, true)
	return f
}

// among makes the places among literals of one kind, of which other is an instance.
func (b *sieveBuilder) among(name string, literals []any, other any) []*place {
	of := make([][]int, len(b.fields[name])) // of each term the places of its literals; nil: they are of another kind
	ordered := false
	for i, s := range b.fields[name] {
		ordered = ordered || s.term.is.ordered()
		for _, v := range s.term.values {
			if alike(v, other) {
				at, _ := slices.BinarySearchFunc(literals, v, compareLiterals)
				of[i] = append(of[i], 2*at+1)
			}
		}
	}
	all := make([]*place, 2*len(literals)+1)
	for p := range all {
		if p > 0 && p%2 == 0 && !ordered {
			all[p] = all[0] // of none of the literals
			continue
		}
		all[p] = b.place(name, func(i int, t *term) outcome {
			if of[i] == nil {
				return t.of(other, true)
			}
			return outcomeOf(slices.ContainsFunc(of[i], func(at int) bool { return t.is.fits(cmp.Compare(p, at)) }))
		})
	}
	return all
}

// alike says whether both are texts, or both are numbers.
func alike(a, b any) bool {
	switch a.(type) {
	case string:
		_, ok := b.(string)
		return ok
	case int64, float64:
		_, ok := b.(string)
		return !ok
	}
	return false
}

// compareLiterals orders two texts, or two numbers.
func compareLiterals(a, b any) int {
	if x, ok := a.(string); ok {
		return strings.Compare(x, b.(string))
	}
	order, _ := compareNumbers(a, b)
	return order
}

// sortLiterals puts texts, or numbers, in order, each once.
func sortLiterals(list []any) []any {
	slices.SortFunc(list, compareLiterals)
	return slices.CompactFunc(list, func(a, b any) bool { return compareLiterals(a, b) == 0 })
}

// place collects what the terms about a field come to.
func (b *sieveBuilder) place(name string, outcome func(i int, t *term) outcome) *place {
	bits := make([]uint64, 3*b.words)
	set := func(kind, i int) { bits[kind*b.words+i/64] |= 1 << (i % 64) }
	for i, s := range b.fields[name] {
		switch outcome(i, s.term) {
		case no:
			set(0, s.condition)
		case unclear:
			set(1, s.condition)
		case lacking:
			if b.whole[s.condition] {
				set(2, s.condition)
			}
		}
	}
	part := func(kind int) []uint64 { return b.share(bits[kind*b.words : (kind+1)*b.words]) }
	return &place{part(0), part(1), part(2)}
}

// share gives the bits that another place has, where they are the same.
func (b *sieveBuilder) share(bits []uint64) []uint64 {
	var key strings.Builder
	for _, w := range bits {
		for shift := 0; shift < 64; shift += 8 {
			key.WriteByte(byte(w >> shift))
		}
	}
	if same, ok := b.known[key.String()]; ok {
		return same
	}
	own := slices.Clone(bits)
	b.known[key.String()] = own
	return own
}
