package journey

import (
	"fmt"
	"hash/fnv"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"wend/schemas/yamlfile"
)

// Hash names what the journey means, in 32 hexadecimal digits: two that differ only in comments, spaces, the order of
// keys that have none, the way of writing (`60m` and `1h`), `description`, keys that begin with x- or the place in their
// file have the same; any other edit gives another. profile.yaml and policies.yaml are no part of it.
//
// It is taken of the parsed tree, in which what is absent or default is zero and left out: so a part of the language that
// a later release adds leaves the hashes of all journeys without it as they are.
func (j *Journey) Hash() string {
	h := fnv.New128a()
	meaning{h}.value(reflect.ValueOf(j).Elem())
	return fmt.Sprintf("%x", h.Sum(nil))
}

// meaning writes a tree in a form of which no two different trees have the same: each value with its length or kind
// before it, each field with its name.
type meaning struct {
	to interface{ Write([]byte) (int, error) } // a hash, which never fails
}

func (m meaning) word(s string) {
	_, _ = m.to.Write([]byte(strconv.Itoa(len(s)) + ":" + s))
}

// meaningless are the fields that say where or how something was written.
func meaningless(f reflect.StructField) bool {
	switch f.Name {
	case "Description", "Place", "Broken", "LostSend", "Cron": // of a cron Times says what it means
		return true
	}
	return !f.IsExported() && f.Type == reflect.TypeFor[*yamlfile.Node]() || f.Type == reflect.TypeFor[yamlfile.Pos]()
}

func (m meaning) value(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			m.word("nil")
			return
		}
		if v.Kind() == reflect.Interface {
			m.word(v.Elem().Kind().String())
		}
		m.value(v.Elem())
	case reflect.Struct:
		m.word("{")
		for i := range v.NumField() {
			if f, x := v.Type().Field(i), v.Field(i); !meaningless(f) && !x.IsZero() && !(x.Kind() == reflect.Slice && x.Len() == 0) {
				m.word(f.Name)
				m.value(x)
			}
		}
		m.word("}")
	case reflect.Slice, reflect.Array:
		if all, ok := asAssigns(v); ok { // a mapping, whose order means nothing
			all = slices.Clone(all)
			slices.SortStableFunc(all, func(a, b Assign) int { return strings.Compare(a.Name.Value, b.Name.Value) })
			v = reflect.ValueOf(all)
		}
		m.word("[" + strconv.Itoa(v.Len()))
		for i := range v.Len() {
			m.value(v.Index(i))
		}
	case reflect.String:
		m.word(v.String())
	case reflect.Bool:
		m.word(strconv.FormatBool(v.Bool()))
	case reflect.Float64, reflect.Float32:
		m.word(strconv.FormatUint(math.Float64bits(v.Float()), 16))
	default:
		if v.CanInt() {
			m.word(strconv.FormatInt(v.Int(), 10))
		} else {
			m.word(strconv.FormatUint(v.Uint(), 10))
		}
	}
}

func asAssigns(v reflect.Value) ([]Assign, bool) {
	if !v.CanInterface() {
		return nil, false
	}
	all, ok := v.Interface().([]Assign)
	return all, ok
}
