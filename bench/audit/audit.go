package audit

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/valyala/fastjson"
)

// Audit collects what the topics hold and then compares. Not safe for use from several goroutines.
type Audit struct {
	rules     Rules
	parser    fastjson.Parser
	customers map[string]*log
	letters   map[place]*letter
	report    Report
	next      map[int32]int64 // of the source, per partition
}

// log is what the topics hold of one customer, in their order.
type log struct {
	partition int32 // of the source
	events    []event
	actions   []action
}

type place struct {
	partition int32
	offset    int64
}

type letter struct {
	value  string
	record bool // the source holds a malformed record there
	found  int
}

// New begins an audit.
func New(rules Rules) *Audit {
	if rules.Slack == 0 {
		rules.Slack = defaultSlack
	}
	return &Audit{rules: rules, customers: map[string]*log{}, letters: map[place]*letter{}, next: map[int32]int64{},
		report: Report{Counts: map[Finding]int{}, Immediate: newHistogram(), Lateness: newHistogram()}}
}

func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, 3_600_000, 3) }

func (a *Audit) customer(name string) *log {
	l := a.customers[name]
	if l == nil {
		l = &log{partition: -1}
		a.customers[name] = l
	}
	return l
}

// Event takes a record of the source topic; each partition's come in the order of their offsets, from the first.
func (a *Audit) Event(r Record) {
	if want := a.next[r.Partition]; r.Offset != want {
		a.report.add(Unreadable, "source %d/%d: the record before it is missing (expected offset %d)", r.Partition, r.Offset, want)
	}
	a.next[r.Partition] = r.Offset + 1
	name, e, ok := decodeEvent(&a.parser, &r)
	if !ok {
		a.report.Malformed++
		l := a.letter(place{r.Partition, r.Offset})
		l.record, l.value = true, string(r.Value)
		return
	}
	a.report.Events++
	l := a.customers[string(name)]
	if l == nil {
		l = a.customer(string(name))
	}
	if l.partition >= 0 && l.partition != r.Partition {
		a.report.add(Unreadable, "source %d/%d: customer %s is on partition %d too", r.Partition, r.Offset, name, l.partition)
	}
	l.partition = r.Partition
	l.events = append(l.events, e)
}

// Action takes a record of the action topic; each partition's come in the order of their offsets.
func (a *Audit) Action(r Record) {
	a.report.Actions++
	name, act, ok := decodeAction(&r)
	if !ok {
		a.report.add(Unreadable, "action topic %d/%d is no action: %.200q", r.Partition, r.Offset, r.Value)
		return
	}
	l := a.customer(name)
	l.actions = append(l.actions, act)
}

func (a *Audit) letter(p place) *letter {
	l := a.letters[p]
	if l == nil {
		l = &letter{}
		a.letters[p] = l
	}
	return l
}

// Letter takes a record of the dead-letter topic.
func (a *Audit) Letter(r Record) {
	var p place
	if _, err := fmt.Sscan(r.Headers["partition"], &p.partition); err != nil {
		a.report.add(BadLetter, "dead letter %d/%d: header partition: %v", r.Partition, r.Offset, err)
		return
	}
	if _, err := fmt.Sscan(r.Headers["offset"], &p.offset); err != nil {
		a.report.add(BadLetter, "dead letter %d/%d: header offset: %v", r.Partition, r.Offset, err)
		return
	}
	l := a.letter(p)
	l.found++
	switch {
	case l.found > 1:
		a.report.add(BadLetter, "source %d/%d: dead-lettered again", p.partition, p.offset)
	case !l.record:
		a.report.add(BadLetter, "source %d/%d: dead-lettered, and is an event: %s", p.partition, p.offset, r.Headers["reason"])
	case l.value != string(r.Value):
		a.report.add(BadLetter, "source %d/%d: dead-lettered changed", p.partition, p.offset)
	case r.Headers["reason"] == "":
		a.report.add(BadLetter, "source %d/%d: dead-lettered without a reason", p.partition, p.offset)
	}
}

// Finish compares what must be there with what is. Call it once, when the topics were given to their ends: the source
// first, then the others.
func (a *Audit) Finish() *Report {
	for _, name := range slices.Sorted(maps.Keys(a.customers)) {
		before := a.report.total()
		a.compare(name, a.customers[name])
		a.report.suspect(name, before)
	}
	if a.rules.Letters {
		for _, p := range slices.SortedFunc(maps.Keys(a.letters), func(x, y place) int {
			return cmp.Or(cmp.Compare(x.partition, y.partition), cmp.Compare(x.offset, y.offset))
		}) {
			if l := a.letters[p]; l.record && l.found == 0 {
				a.report.add(BadLetter, "source %d/%d is no event and in no dead letter: %.100q", p.partition, p.offset, l.value)
			}
		}
	}
	a.report.Customers = len(a.customers)
	return &a.report
}

// match is the identity of an action: never its id.
type match struct{ template, cause string }

func (a *Audit) compare(name string, l *log) {
	r := &a.report
	seen := map[match]*action{}
	for i := range l.actions {
		m := match{l.actions[i].template, l.actions[i].cause}
		if seen[m] == nil {
			seen[m] = &l.actions[i]
		}
	}
	s := &shopper{rules: &a.rules, seen: func(template, cause string) *action { return seen[match{template, cause}] }}
	for i := range l.events {
		s.event(&l.events[i])
	}
	s.end()
	r.Undecided += s.undecided
	r.Overtaken += s.overtaken
	r.OvertakenBy = max(r.OvertakenBy, s.by)

	wanted := map[match]int{} // index in s.out
	for i := range s.out {
		wanted[match{s.out[i].template, s.out[i].cause.id}] = i
		r.Expected++
		if s.out[i].timed {
			r.Reminders++
		}
	}
	found := make([]bool, len(s.out))
	ids := map[string]bool{} // an id names its customer, which is checked: it need not be looked for elsewhere
	strangers := []*action{}
	latest := -1
	for i := range l.actions {
		got := &l.actions[i]
		if ids[got.id] {
			r.add(SameID, "customer %s: the id %s a second time, at %s", name, got.id, got.where())
		}
		ids[got.id] = true
		if got.partition != l.actions[0].partition {
			r.add(Disorder, "customer %s: actions on partitions %d and %d", name, l.actions[0].partition, got.partition)
		}
		at, ok := wanted[match{got.template, got.cause}]
		switch {
		case !ok:
			strangers = append(strangers, got)
			continue
		case found[at]:
			r.add(Twice, "customer %s: %s for %s again, at %s", name, got.template, got.cause, got.where())
			continue
		}
		found[at] = true
		w := &s.out[at]
		if at < latest {
			r.add(Disorder, "customer %s: %s for %s, at %s, behind what was decided later (%s for %s)", name, got.template, got.cause, got.where(), s.out[latest].template, s.out[latest].cause.id)
		}
		latest = max(latest, at)
		a.inspect(name, w, got)
	}
	a.unmatched(name, s.out, found, strangers)
}

// inspect looks at an action that has its place.
func (a *Audit) inspect(name string, w *want, got *action) {
	r := &a.report
	if w.timed && got.published < w.decided {
		r.add(Early, "customer %s: %s for %s %d ms before it was due, at %s", name, got.template, got.cause, w.decided-got.published, got.where())
	}
	if got.published < w.cause.appended {
		r.add(Early, "customer %s: %s for %s %d ms before the event was there, at %s", name, got.template, got.cause, w.cause.appended-got.published, got.where())
	}
	if got.decided != w.decided {
		r.add(Content, "customer %s: %s for %s: decided_at %d, not %d, at %s", name, got.template, got.cause, got.decided, w.decided, got.where())
	}
	if id := w.id(name); got.id != id {
		r.add(Content, "customer %s: %s for %s: the id is %s, not %s, at %s", name, got.template, got.cause, got.id, id, got.where())
	}
	if got.journey != w.journey || got.causeType != w.cause.kind.String() || got.causeTS != w.cause.ts {
		r.add(Content, "customer %s: %s for %s: journey %s, cause %s at %d; not %s, %v at %d; at %s", name, got.template, got.cause, got.journey, got.causeType, got.causeTS,
			w.journey, w.cause.kind, w.cause.ts, got.where())
	}
	if got.wrong != "" {
		r.add(Content, "customer %s: %s for %s: %s, at %s", name, got.template, got.cause, got.wrong, got.where())
	}
	if !w.timed {
		_ = r.Immediate.RecordValue(max(0, got.published-w.cause.ts)) // out of range is an hour
		return
	}
	if !slices.ContainsFunc(a.rules.Down, func(d Span) bool { return d.From <= w.decided && w.decided <= d.To }) {
		_ = r.Lateness.RecordValue(max(0, got.published-w.decided))
	}
}

// unmatched names what is missing and what nobody asked for. One of each for the same event is one wrong choice.
func (a *Audit) unmatched(name string, out []want, found []bool, strangers []*action) {
	r := &a.report
	for i := range out {
		if found[i] {
			continue
		}
		w := &out[i]
		at := slices.IndexFunc(strangers, func(s *action) bool { return s.cause == w.cause.id })
		if at >= 0 {
			r.add(WrongTemplate, "customer %s: %s for %s, not %s, at %s", name, strangers[at].template, w.cause.id, w.template, strangers[at].where())
			strangers = slices.Delete(strangers, at, at+1)
			continue
		}
		r.add(Missing, "customer %s: %s for %s, decided at %d (the event lies on partition %d, appended %d)", name, w.template, w.cause.id, w.decided, a.customers[name].partition, w.cause.appended)
	}
	seen := map[match]bool{}
	for _, s := range strangers {
		f := Unexpected
		if m := (match{s.template, s.cause}); seen[m] {
			f = Twice
		} else {
			seen[m] = true
		}
		r.add(f, "customer %s: %s for %s, decided at %d, published %d, at %s", name, s.template, s.cause, s.decided, s.published, s.where())
	}
}

func (a *action) where() string { return fmt.Sprintf("%d/%d", a.partition, a.offset) }

func (k kind) String() string {
	switch k {
	case browse:
		return "browse"
	case addToCart:
		return "add_to_cart"
	case purchase:
		return "purchase"
	}
	return "another type"
}
