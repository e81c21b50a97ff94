package property

import "slices"

// shrink makes a timeline smaller while it still breaks what it is looked for: events go, in runs and one by one, gaps become
// nothing or a rounder one, fields and attributes go or take the first value that there is. It ends when no such change
// is left, so the result is smallest in the sense that taking away any one thing makes it hold.
func shrink(v *vocabulary, t Timeline, breaks func(*Timeline) bool) Timeline {
	for changed := true; changed; {
		changed = false
		try := func(change func(t *Timeline)) bool {
			smaller := t.clone()
			change(&smaller)
			if !breaks(&smaller) {
				return false
			}
			t, changed = smaller, true
			return true
		}
		for run := len(t.Events) / 2; run >= 1; run /= 2 {
			for i := 0; i+run <= len(t.Events); {
				if !try(func(t *Timeline) { t.drop(i, run) }) {
					i++
				}
			}
		}
		for i := range t.Events {
			for _, gap := range v.rounder(t.Events[i].Gap) {
				if try(func(t *Timeline) { t.Events[i].Gap = gap }) {
					break
				}
			}
			for k := 0; k < len(t.Events[i].Fields); {
				if try(func(t *Timeline) { t.Events[i].Fields = slices.Delete(t.Events[i].Fields, k, k+1) }) {
					continue
				}
				for _, value := range v.values {
					if value == t.Events[i].Fields[k].Value || try(func(t *Timeline) { t.Events[i].Fields[k].Value = value }) {
						break // values come in one order, so this ends
					}
				}
				k++
			}
		}
		for k := 0; k < len(t.Profile); {
			if !try(func(t *Timeline) { t.Profile = slices.Delete(t.Profile, k, k+1) }) {
				k++
			}
		}
	}
	return t
}

// drop takes a run of events away; what follows keeps its time, so that one change does not bring about another.
func (t *Timeline) drop(i, run int) {
	gap := int64(0)
	for _, e := range t.Events[i : i+run] {
		gap += e.Gap
	}
	t.Events = slices.Delete(t.Events, i, i+run)
	if i > 0 && i < len(t.Events) {
		t.Events[i].Gap += gap
	}
}

// rounder are the gaps to try in place of one: none, then those that a person would write, ascending.
func (v *vocabulary) rounder(gap int64) []int64 {
	var out []int64
	for _, g := range v.gaps {
		if g < gap && (g%1000 == 0 || gap%1000 != 0) {
			out = append(out, g)
		}
	}
	return out
}
