package journey

import (
	"slices"
	"sort"

	"wend/engine/journey/expr"
	"wend/schemas"
)

// Windows: count, sum, last and seen.
//
// A document keeps a series of each event type that a window of the program looks at: the newest time, and as far back
// as the longest window reaches the times of the newest events, with the values of the fields that are summed. In a
// window of up to maxExact events all are among them. What is older than those goes into buckets, of each window its own.
//
// The value of a window is a function of the events that came and of now, not of when they came: with more than maxExact
// events inside, every bucket counts in full of which an instant is inside.
const (
	maxExact = 128
	// One more is kept than is counted: it tells whether the window has more.
	maxTimes = maxExact + 1
	// windowBuckets are those of a window; they are aligned to 1970.
	windowBuckets = 64
	// farthest bounds the times that buckets are reckoned for, so that nothing overflows: 285,000 years from 1970.
	farthest = 1 << 53
)

// window is a compiled expr.Window.
type window struct {
	kind   expr.WindowKind
	typ    *typeIndex
	field  string
	within int64 // ms; 0: ever
	enter  bool
}

// series is what the program's windows want of an event type.
type series struct {
	fields  []string // that are summed in windows of time, sorted
	windows []int64  // their lengths, ms, ascending
	reach   int64    // ms; how old an event may be and still lie in a bucket of which an instant is in a window
}

// since is what a journey's enrollments count of an event type.
type since struct {
	plan   *plan
	fields []string // sorted; "": how many came
}

func findSeries(list []schemas.Series, kind string) (int, bool) {
	for i := range list {
		if list[i].Type >= kind {
			return i, list[i].Type == kind
		}
	}
	return len(list), false
}

// age is how much older t is than now, 0 for what is not.
func age(now, t int64) uint64 {
	if t >= now {
		return 0
	}
	return uint64(now) - uint64(t)
}

// bucketOf is the bucket of an instant: floor(t / (within/64)).
func bucketOf(t, within int64) int64 {
	t = max(-farthest, min(t, farthest))
	whole, rest := t/within, t%within
	if rest < 0 {
		whole, rest = whole-1, rest+within
	}
	return whole*windowBuckets + rest*windowBuckets/within
}

// bucketStart is the first instant of a bucket.
func bucketStart(index, within int64) int64 {
	whole, rest := index/windowBuckets, index%windowBuckets
	if rest < 0 {
		whole, rest = whole-1, rest+windowBuckets
	}
	return whole*within + (rest*within+windowBuckets-1)/windowBuckets
}

// oldestBucket is the first bucket of which an instant is in the window.
func oldestBucket(now, within int64) int64 {
	return bucketOf(max(-farthest, min(now, farthest))-within+1, within)
}

// record does the first part of point 3 with the event in hand.
func (s *stepper) record(t *typeIndex) {
	if t.series != nil {
		s.recordSeries(t)
	}
	s.touched(t.watch)
	for i := range t.since {
		s.recordSince(t, &t.since[i])
	}
}

func (s *stepper) recordSeries(t *typeIndex) {
	at, found := findSeries(s.doc.Series, t.name)
	if !found {
		s.doc.Series = slices.Insert(s.doc.Series, at, schemas.Series{Type: t.name, Last: s.ev.Time})
	}
	x, want := &s.doc.Series[at], t.series
	x.Last = max(x.Last, s.ev.Time)
	tidySeries(x, want, s.doc.Time)
	if want.reach == 0 || age(s.doc.Time, s.ev.Time) >= uint64(want.reach) {
		return
	}
	i := len(x.Times)
	for i > 0 && x.Times[i-1] > s.ev.Time {
		i--
	}
	x.Times = slices.Insert(x.Times, i, s.ev.Time)
	for k := range x.Sums {
		f := &x.Sums[k]
		v, _ := s.offered.Field(f.Field)
		f.Values = slices.Insert(f.Values, i, amountOf(v))
	}
	if len(x.Times) > maxTimes {
		moveToBuckets(x, want, s.doc.Time)
	}
}

// tidySeries brings a series into the form that the program wants, and forgets what no window reaches any more.
func tidySeries(x *schemas.Series, want *series, now int64) {
	if !slices.EqualFunc(x.Sums, want.fields, func(f schemas.Summed, name string) bool {
		return f.Field == name && len(f.Values) == len(x.Times) && len(f.Older) == len(x.Older)
	}) {
		// Another program wrote it: what it did not sum counts from now on.
		sums := make([]schemas.Summed, len(want.fields))
		for i, name := range want.fields {
			f := schemas.Summed{Field: name, Values: make([]schemas.Amount, len(x.Times)), Older: make([]schemas.Amount, len(x.Older))}
			for k := range x.Sums {
				if x.Sums[k].Field == name {
					copy(f.Values, x.Sums[k].Values)
					copy(f.Older, x.Sums[k].Older)
				}
			}
			sums[i] = f
		}
		x.Sums = sums
	}
	drop := 0
	for drop < len(x.Times) && age(now, x.Times[drop]) >= uint64(want.reach) {
		drop++
	}
	if drop > 0 {
		x.Times = slices.Delete(x.Times, 0, drop)
		for k := range x.Sums {
			x.Sums[k].Values = slices.Delete(x.Sums[k].Values, 0, drop)
		}
	}
	stay := 0
	for i := range x.Older {
		b := &x.Older[i]
		if _, wanted := slices.BinarySearch(want.windows, b.Within); !wanted || b.Index < oldestBucket(now, b.Within) {
			continue
		}
		x.Older[stay] = *b
		for k := range x.Sums {
			x.Sums[k].Older[stay] = x.Sums[k].Older[i]
		}
		stay++
	}
	x.Older = x.Older[:stay]
	for k := range x.Sums {
		x.Sums[k].Older = x.Sums[k].Older[:stay]
	}
}

// moveToBuckets makes room: the oldest time goes to the buckets of the windows that it still is in.
func moveToBuckets(x *schemas.Series, want *series, now int64) {
	t := x.Times[0]
	for _, within := range want.windows {
		index := bucketOf(t, within)
		if index < oldestBucket(now, within) {
			continue
		}
		at := sort.Search(len(x.Older), func(i int) bool {
			b := &x.Older[i]
			return b.Within > within || b.Within == within && b.Index >= index
		})
		if at == len(x.Older) || x.Older[at].Within != within || x.Older[at].Index != index {
			x.Older = slices.Insert(x.Older, at, schemas.Bucket{Within: within, Index: index})
			for k := range x.Sums {
				x.Sums[k].Older = slices.Insert(x.Sums[k].Older, at, schemas.Amount{})
			}
		}
		x.Older[at].Count++
		for k := range x.Sums {
			addAmount(&x.Sums[k].Older[at], x.Sums[k].Values[0])
		}
	}
	x.Times = slices.Delete(x.Times, 0, 1)
	for k := range x.Sums {
		x.Sums[k].Values = slices.Delete(x.Sums[k].Values, 0, 1)
	}
}

// recordSince counts the event in hand for the enrollments of a journey that count it.
func (s *stepper) recordSince(t *typeIndex, c *since) {
	at, found := findState(s.doc, c.plan.name)
	if !found {
		return
	}
	js := s.doc.Journeys.At(at)
	head := c.plan.head
	for _, field := range c.fields {
		amount := schemas.Amount{Whole: 1}
		if field != "" {
			v, _ := s.offered.Field(field)
			amount = amountOf(v)
		}
		for _, list := range [...][]schemas.Enrollment{js.Running, js.Ended} {
			for i := range list {
				if head.of(list[i].Version) != c.plan {
					continue
				}
				addSince(&list[i].Since, t.name, field, amount)
			}
		}
	}
}

func addSince(list *[]schemas.Since, kind, field string, amount schemas.Amount) {
	at, found := slices.BinarySearchFunc(*list, schemas.Since{Type: kind, Field: field}, func(a, b schemas.Since) int {
		switch {
		case a.Type != b.Type && a.Type < b.Type, a.Type == b.Type && a.Field < b.Field:
			return -1
		case a.Type != b.Type || a.Field != b.Field:
			return 1
		}
		return 0
	})
	if !found {
		*list = slices.Insert(*list, at, schemas.Since{Type: kind, Field: field})
	}
	addAmount(&(*list)[at].Amount, amount)
}

func amountOf(v any) schemas.Amount {
	switch x := v.(type) {
	case int64:
		return schemas.Amount{Whole: x}
	case float64:
		return schemas.Amount{Fraction: x, Fractional: true}
	}
	return schemas.Amount{}
}

// addAmount adds; whole numbers beyond 64 bits stay at their bound, where one more of them is an overflow.
func addAmount(to *schemas.Amount, a schemas.Amount) {
	n := to.Whole + a.Whole
	switch {
	case a.Whole > 0 && n < to.Whole:
		n = 1<<63 - 1
	case a.Whole < 0 && n > to.Whole:
		n = -1 << 63
	}
	to.Whole = n
	to.Fraction += a.Fraction
	to.Fractional = to.Fractional || a.Fractional
}

func sumOf(a schemas.Amount) expr.Sum {
	return expr.Sum{Whole: a.Whole, Fraction: a.Fraction, Fractional: a.Fractional}
}

// lookBack is how many events are in a window of time, and their sum where it sums.
func (s *stepper) lookBack(w *window) (n int64, sum expr.Sum) {
	now := s.doc.Time
	young := func(t int64) bool { return age(now, t) < uint64(w.within) }
	from := int64(schemas.Never) // the first instant of which something counts
	if at, found := findSeries(s.doc.Series, w.typ.name); found {
		x := &s.doc.Series[at]
		var values, older []schemas.Amount
		if w.kind == expr.WindowSum {
			for k := range x.Sums {
				if x.Sums[k].Field == w.field {
					values, older = x.Sums[k].Values, x.Sums[k].Older
				}
			}
		}
		first := len(x.Times)
		if more := len(x.Times) - maxTimes; more >= 0 && young(x.Times[more]) {
			oldest := oldestBucket(now, w.within)
			from = bucketStart(oldest, w.within)
			for i := range x.Older {
				if b := &x.Older[i]; b.Within == w.within && b.Index >= oldest {
					n += int64(b.Count)
					if i < len(older) {
						sum.Add(sumOf(older[i]))
					}
				}
			}
			first = sort.Search(len(x.Times), func(i int) bool { return x.Times[i] >= from })
		} else {
			for first > 0 && young(x.Times[first-1]) {
				first--
			}
		}
		n += int64(len(x.Times) - first)
		for i := first; i < len(values) && i < len(x.Times); i++ {
			sum.Add(sumOf(values[i]))
		}
	}
	// The event in hand counts, also where it is late.
	if s.ev != nil && s.typ == w.typ && !young(s.ev.Time) && s.ev.Time < from {
		n++
		if w.kind == expr.WindowSum {
			v, _ := s.offered.Field(w.field)
			sum.AddValue(v)
		}
	}
	return n, sum
}

// sinceEntry is what the enrollment in hand counted.
func (s *stepper) sinceEntry(w *window, field string) schemas.Amount {
	if s.bound != nil {
		for i := range s.bound.Since {
			if x := &s.bound.Since[i]; x.Type == w.typ.name && x.Field == field {
				return x.Amount
			}
		}
	}
	return schemas.Amount{}
}
