package journey

import (
	"slices"

	"wend/engine/journey/expr"
)

// windows lays out what documents keep of events: of each type that a window looks at, and of each field that one sums.
func (c *compiler) windows() {
	all := c.env.Windows()
	for _, w := range all {
		c.typeID(w.Type)
		t := c.p.types[w.Type]
		c.p.windows = append(c.p.windows, window{kind: w.Kind, typ: t, field: w.Field, within: w.Within, enter: w.Enter})
		if w.Enter {
			continue // counted by enrollments
		}
		if t.series == nil {
			t.series = &series{}
		}
		if w.Within == 0 {
			continue
		}
		t.series.windows = append(t.series.windows, w.Within)
		t.series.reach = max(t.series.reach, w.Within+w.Within/windowBuckets+1)
		if w.Kind == expr.WindowSum {
			t.series.fields = append(t.series.fields, w.Field)
		}
	}
	for _, t := range c.p.types {
		if t.series != nil {
			t.series.windows, t.series.fields = distinct(t.series.windows), distinct(t.series.fields)
		}
	}
	for _, p := range c.plans {
		p.since(all)
	}
}

// since tells the types of windows since the entry that the journey's enrollments count them.
func (p *planner) since(all []expr.Window) {
	fields := map[string][]string{}
	for i := range p.windows {
		switch w := all[i]; {
		case !w.Enter:
		case w.Kind == expr.WindowSum:
			fields[w.Type] = append(fields[w.Type], w.Field)
		default:
			fields[w.Type] = append(fields[w.Type], "")
		}
	}
	for kind, list := range fields {
		t := p.c.p.types[kind]
		t.since = append(t.since, since{p.plan, distinct(list)})
	}
}

func distinct[T int64 | string](list []T) []T {
	slices.Sort(list)
	return slices.Compact(list)
}
