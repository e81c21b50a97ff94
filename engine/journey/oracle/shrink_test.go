package oracle

import (
	"encoding/json"
	"slices"
	"strings"
)

// shrink takes a failing case apart as long as it goes on failing: whole lines and journeys first, then any key and any
// entry of the trees, sides of conditions, and fields of events. It stops when nothing can be taken away, or after so many tries.
func shrink(s *scenario, fails func(*scenario) bool) *scenario {
	tries := 3_000
	for again := true; again && tries > 0; {
		again = false
		smaller(s, func(t *scenario) bool {
			tries--
			if tries < 0 || !fails(t) {
				return tries > 0
			}
			s, again = t, true
			return false
		})
	}
	return s
}

// smaller yields cases with something taken away, until it is told to stop.
func smaller(s *scenario, yield func(*scenario) bool) {
	for size := len(s.log) / 2; size >= 1; size /= 2 {
		for i := 0; i+size <= len(s.log); i += size {
			t := *s
			t.log = slices.Delete(slices.Clone(s.log), i, i+size)
			t.changes = nil
			for _, x := range s.changes { // they stay where they were between the lines
				y := *x
				y.before -= min(size, max(0, x.before-i))
				t.changes = append(t.changes, &y)
			}
			if !yield(&t) {
				return
			}
		}
	}
	for i, x := range s.changes {
		t := *s
		if t.changes = slices.Delete(slices.Clone(s.changes), i, i+1); len(t.changes) > 0 && !yield(&t) {
			return
		}
		for k := range x.journeys {
			also := func(journeys ...map[string]any) bool {
				y := *x
				y.journeys = slices.Concat(x.journeys[:k], journeys, x.journeys[k+1:])
				t := *s
				t.changes = slices.Clone(s.changes)
				t.changes[i] = &y
				return yield(&t)
			}
			if len(x.journeys) > 1 && !also() {
				return
			}
			for _, less := range lesser(x.journeys[k]) {
				if !also(mapOf(less)) {
					return
				}
			}
		}
	}
	for i := range s.journeys {
		t := *s
		if t.journeys = slices.Delete(slices.Clone(s.journeys), i, i+1); len(t.journeys) > 0 && !yield(&t) {
			return
		}
		for _, x := range lesser(s.journeys[i]) {
			t := *s
			t.journeys = slices.Clone(s.journeys)
			t.journeys[i] = mapOf(x)
			if !yield(&t) {
				return
			}
		}
	}
	for _, x := range lesser(s.policies) {
		t := *s
		if t.policies = mapOf(x); !yield(&t) {
			return
		}
	}
	for _, x := range lesser(s.profile) {
		t := *s
		if t.profile = mapOf(x); !yield(&t) {
			return
		}
	}
	for i, line := range s.log {
		for _, l := range thinner(line) {
			t := *s
			t.log = slices.Clone(s.log)
			t.log[i] = l
			if !yield(&t) {
				return
			}
		}
	}
}

// lesser gives copies of a tree with one thing less.
func lesser(v any) (all []any) {
	switch x := v.(type) {
	case map[string]any:
		for _, k := range keysOf(x) {
			m := map[string]any{}
			for name, e := range x {
				if name != k {
					m[name] = e
				}
			}
			all = append(all, m)
		}
		for _, k := range keysOf(x) {
			for _, e := range lesser(x[k]) {
				m := map[string]any{}
				for name, old := range x {
					m[name] = old
				}
				m[k] = e
				all = append(all, m)
			}
		}
	case []any:
		for i := range x {
			all = append(all, slices.Delete(slices.Clone(x), i, i+1))
			if steps := inner(x[i]); steps != nil {
				all = append(all, slices.Concat(x[:i], steps, x[i+1:]))
			}
		}
		for i := range x {
			for _, e := range lesser(x[i]) {
				l := slices.Clone(x)
				l[i] = e
				all = append(all, l)
			}
		}
	case string:
		for _, op := range []string{") && (", ") || ("} {
			if left, right, ok := strings.Cut(x, op); ok {
				all = append(all, strings.TrimPrefix(left, "("), strings.TrimSuffix(right, ")"))
			}
		}
	}
	return all
}

// inner are the steps inside a step, which may stand in its place.
func inner(v any) []any {
	m := mapOf(v)
	for _, kind := range []string{"branch", "choose"} {
		for _, a := range listOf(m[kind]) {
			return listOf(mapOf(a)["do"])
		}
	}
	for _, a := range listOf(mapOf(m["split"])["arms"]) {
		return listOf(mapOf(a)["do"])
	}
	return listOf(mapOf(m["repeat"])["do"])
}

// thinner gives an event with one field less.
func thinner(line string) (all []string) {
	d := json.NewDecoder(strings.NewReader(line))
	d.UseNumber()
	var m map[string]any
	if d.Decode(&m) != nil {
		return nil
	}
	for _, k := range keysOf(m) {
		v := m[k]
		delete(m, k)
		all = append(all, asJSON(m))
		m[k] = v
	}
	return all
}
