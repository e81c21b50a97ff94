package oracle

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// The oracle is a second interpreter of journeys, written from the language's page: slow, plain, and with nothing of the
// engine. It keeps every event and every send that it ever saw, and asks them again; it finds the next timer by looking at
// everything that could have one.
type oracle struct {
	ws        *workspace
	windows   map[string][]int64 // that looks read, by event type
	almanac   *almanac
	customers map[string]*customer
	lines     []line
	fired     map[string]int // how often each construct came into play
	work      int
	armed     int64 // counts what was armed, to know what was armed first
	recurs    int64 // what recurs for ever does so before this
	status    map[string]*status
	profile   map[string]any
	deployed  int64                 // when the release was that holds
	begun     map[string]int64      // triggers without an event, and the deploys that brought them; 0: they were there from the beginning
	known     map[string][]*journey // every version of a journey that there was, the newest last
	watch     func(before int)      // looks on ahead of each line of the log, and behind the last
}

// line is something decided: an action, or what a test may ask for.
type line struct {
	at       int64
	customer string
	text     string
}

type customer struct {
	name    string
	time    int64
	began   bool
	ids     []handledID
	events  []*event // handled, in order, emitted ones too
	inHand  *event
	profile map[string]any
	changed bool   // the profile, or a score, since the last look
	because string // what a look without an event comes of
	scores  map[string]*scoreState
	was     map[string]bool // what each `becomes` was at the last look, by its key
	leaves  []leaves
	since   map[string]*standing // by the trigger's key
	states  map[string]*state
	sends   []left
	queue   *[]*event // where emitted events go
	depth   int       // emitted events on the way
}

type handledID struct {
	id string
	at int64
}

type event struct {
	id, kind string
	ts       int64
	fields   map[string]any // with the four that all have
	depth    int
}

// standing is how a trigger without an event stands for a customer.
type standing struct {
	last   int64 // inactive: the newest event
	has    bool
	fired  bool  // inactive: of this silence
	after  int64 // schedule: the last instant that fired
	next   int64 // schedule: the one behind it, once looked for
	looked bool
	begins int64  // with the deploy that brought the trigger: nothing of before
	of     string // date: the date and the zone that are armed
	from   int64  // date: armed at
	fireds map[string]bool
	dead   bool // nobody waits for it any more
}

type state struct {
	entries int
	last    map[string]int64   // the last entry of each key
	unused  map[string][]int64 // of enter: times … within
	all     []*run             // ever, oldest first
}

type run struct {
	j       *journey // in the version in which it is
	number  int
	key     string
	entered int64
	opened  int // events handled when it began
	holdout bool
	enter   *event
	event   *event // its cause
	settled *event // the cause, and below what opened it, of which it kept what its version reads
	opener  *event
	running bool
	goal    bool // reached

	frames    []frame // what is left to do, innermost last
	at        *step   // where it stands
	await     *step   // the same, if it is an await
	arrived   int64
	restarted int64          // of an await, last
	held      *held          // what led on from it, had the journey not been paused
	expires   int64          // of one that has ended: its goal is looked for before
	from      map[string]int // of types: how many events had been handled at the deploy that began to count them
	due       int64
	armed     int64
	forever   bool
	standing  bool
	resets    int

	came    []*came
	visits  map[string]int
	sent    map[string]map[string]any
	everIDs map[string][]string // action ids that left, by send
	variant map[string]any
	unused  map[*trigger][]int64
	waiting []*deferred
	leaving bool // it does what a goal or exit trigger says
	forgot  bool // it left under a goal by events, for which its own event is not kept
}

type frame struct {
	steps  []*step
	next   int
	repeat *step
	round  int
}

// held is an event that fits an await, or that the condition of one holds (then ev is nil), in a paused journey.
type held struct {
	t  *trigger
	ev *event
}

// came is an event that came to an enrollment, and which `since: enter` events it was one for, judged then.
type came struct {
	ev    *event
	fits  map[*trigger]bool
	moved bool
}

// A case is none when its journeys start one another too often, or when an event is counted so late that the program may
// have forgotten its companions.
var (
	errTooMuch = errors.New("it does not come to an end")
	errTooLate = errors.New("an event is counted too late")
)

const maxWork = 400_000

func newOracle(s *scenario, a *almanac) *oracle {
	o := &oracle{ws: readWorkspace(s), profile: s.profile, almanac: a, customers: map[string]*customer{}, fired: map[string]int{}, status: map[string]*status{}, known: map[string][]*journey{}}
	if len(s.changes) > 0 {
		o.number()
	}
	o.windows = lookWindows(o.ws)
	return o
}

// lookWindows finds the windows that looks read, by event type: those of `becomes` and `await: {until}`, and of the segments
// that these name.
func lookWindows(w *workspace) map[string][]int64 {
	windows := map[string][]int64{}
	read := map[string]bool{}
	var find func(text string)
	find = func(text string) {
		for _, name := range []string{`count("`, `sum("`} {
			for _, call := range strings.Split(text, name)[1:] {
				call, _, _ = strings.Cut(call, ")")
				parts := strings.Split(call, `"`)
				windows[parts[0]] = append(windows[parts[0]], span(parts[len(parts)-2]))
			}
		}
		for _, rest := range strings.Split(text, "segment.")[1:] {
			end := 0
			for end < len(rest) && (rest[end] >= 'a' && rest[end] <= 'z' || rest[end] >= '0' && rest[end] <= '9' || rest[end] == '_') {
				end++
			}
			if name := rest[:end]; !read[name] {
				read[name] = true
				find(w.segments[name])
			}
		}
	}
	for _, head := range w.journeys {
		for _, t := range head.all() {
			find(t.becomes)
		}
		for _, j := range head.versions() {
			for _, s := range j.awaits {
				find(s.await.until)
			}
		}
	}
	return windows
}

// simulate reads a log as it lies and runs time on to its end.
func (o *oracle) simulate(log []string, until int64, changes []*change) {
	last, began, newest := int64(0), false, int64(0)
	for i, text := range log {
		for ; len(changes) > 0 && changes[0].before <= i; changes = changes[1:] {
			o.change(changes[0])
		}
		if o.watch != nil {
			o.watch(i)
		}
		fields := readJSON(text)
		customer, _ := fields["customer_id"].(string)
		kind, _ := fields["type"].(string)
		ts, has := fields["ts"].(int64)
		if customer == "" || kind == "" || !has && !began {
			o.fired["line: no event"]++
			continue
		}
		if !has {
			o.fired["line: no ts"]++
			ts = last
		}
		id := strconv.Itoa(i + 1)
		switch x := fields["event_id"].(type) {
		case string:
			id = x
		case int64:
			id = strconv.FormatInt(x, 10)
		default:
			o.fired["line: no event_id"]++
		}
		last, newest, began = ts, max(newest, ts), true
		fields["ts"], fields["event_id"] = ts, id
		o.offer(customer, &event{id: id, kind: kind, ts: ts, fields: fields})
	}
	for _, x := range changes {
		o.change(x)
	}
	if o.watch != nil {
		o.watch(len(log))
	}
	o.recurs = until
	if until == forever {
		o.recurs = newest
	}
	for _, name := range keysOf(o.customers) {
		o.timers(o.customers[name], until+1, o.recurs+1)
	}
	sort.SliceStable(o.lines, func(i, k int) bool {
		a, b := o.lines[i], o.lines[k]
		if a.at != b.at {
			return a.at < b.at
		}
		return a.customer < b.customer
	})
}

func (o *oracle) say(c *customer, format string, args ...any) {
	o.lines = append(o.lines, line{c.time, c.name, fmt.Sprintf(format, args...)})
}

func (c *customer) state(j *journey) *state {
	st := c.states[j.name]
	if st == nil {
		st = &state{last: map[string]int64{}, unused: map[string][]int64{}}
		c.states[j.name] = st
	}
	return st
}

func (c *customer) standing(t *trigger) *standing {
	s := c.since[t.same]
	if s == nil {
		s = &standing{fireds: map[string]bool{}}
		c.since[t.same] = s
	}
	return s
}

// offer is "What happens to one event of one customer, in order".
func (o *oracle) offer(name string, ev *event) {
	c := o.customers[name]
	if c == nil {
		c = &customer{name: name, profile: map[string]any{}, scores: map[string]*scoreState{}, was: map[string]bool{}, since: map[string]*standing{}, states: map[string]*state{}}
		o.customers[name] = c
		for _, j := range o.ws.journeys {
			for _, t := range j.all() {
				if t.kind != "on" {
					c.since[t.same] = &standing{begins: o.begun[t.same], fireds: map[string]bool{}, dead: !o.wanted(c, j, t)}
				}
			}
		}
		o.nothingKnown(c)
	}
	o.timers(c, ev.ts, ev.ts)
	o.due(c, ev.ts+1, func(t timer) {
		if t.due == ev.ts {
			o.fired["timer: due at an event's instant"]++
		}
	})
	for _, known := range c.ids[max(0, len(c.ids)-64):] {
		if known.id == ev.id {
			if c.time-known.at <= day {
				o.fired["duplicate"]++
				return
			}
			o.fired["duplicate: too old to be one"]++
		}
	}
	switch {
	case !c.began || ev.ts > c.time:
		c.time = ev.ts
	case ev.ts < c.time:
		o.fired["late event"]++
	default:
		o.fired["event at the same instant"]++
	}
	if !c.began {
		c.began = true
		for _, j := range o.ws.journeys {
			for _, t := range j.all() {
				if t.kind == "schedule" {
					c.standing(t).after = max(c.time, c.standing(t).begins) - 1
				}
			}
		}
	}
	c.ids = append(c.ids, handledID{ev.id, c.time})
	o.handle(c, ev)
}

// handle is 3 to 5.
func (o *oracle) handle(c *customer, ev *event) {
	if o.work += 100; o.work > maxWork {
		panic(errTooMuch)
	}
	c.depth = ev.depth
	c.events, c.inHand = append(c.events, ev), ev
	o.leavesOf(c, ev)
	o.heard(c, ev)
	o.update(c, ev)
	o.score(c, ev)
	c.changed = false
	l := o.look(c, ev)
	o.lead(c, func() {
		for _, j := range o.ws.journeys {
			o.journey(c, j, l)
		}
		c.inHand = nil
		c.changed = c.changed || ev.ts < c.time // it may have been in a window only while in hand
	})
}

// lead does something of step 4, then what of it is looked at when it is through, then step 5.
func (o *oracle) lead(c *customer, do func()) {
	var emitted []*event
	c.queue = &emitted
	do()
	for c.changed {
		if o.work += 100; o.work > maxWork {
			panic(errTooMuch)
		}
		c.changed = false
		because := c.because
		c.because = ""
		if l := o.look(c, nil); l.any() {
			o.fired["a round without an event"]++
			if because != "" {
				o.fired["look: "+because]++
			}
			for _, j := range o.ws.journeys {
				o.journey(c, j, l)
			}
		}
	}
	depth := c.depth
	for _, ev := range emitted {
		if ev.depth > 8 {
			o.fired["emit: cut at the ninth link"]++
			continue
		}
		o.fired["emit: handled"]++
		o.handle(c, ev)
	}
	c.depth = depth
}

// timer is something due. Of two at one instant the one of the lower rank comes first.
type timer struct {
	due  int64
	held int64 // how much later it is than it was, because its journey was paused: then those due earlier come first
	rank [4]int64
	fire func()
}

// Classes of timers at one instant, and what a journey has, in order.
const (
	rankScore = iota
	rankWindow
	rankJourney
)
const (
	rankGoal = iota
	rankExit
	rankRun
	rankEnter
)

// timers fires what is due before a moment, oldest first.
func (o *oracle) timers(c *customer, before, recurs int64) {
	for {
		var next *timer
		o.due(c, recurs, func(t timer) {
			if t.due >= before {
				return
			}
			if next != nil && t.due == next.due {
				o.fired["timer: two at one instant"]++
			}
			if next == nil || t.due < next.due || t.due == next.due && (t.held > next.held || t.held == next.held && slices.Compare(t.rank[:], next.rank[:]) < 0) {
				next = &t
			}
		})
		if next == nil {
			return
		}
		if o.work += 100; o.work > maxWork {
			panic(errTooMuch)
		}
		if next.due < c.time {
			o.fired["timer: due in the past"]++
		}
		c.time, c.depth, c.inHand = max(c.time, next.due), 0, nil
		next.fire()
	}
}

// due yields everything that has a time.
func (o *oracle) due(c *customer, recurs int64, yield func(timer)) {
	for i, name := range keysOf(c.scores) {
		if st := c.scores[name]; st.armed {
			yield(timer{st.due, 0, [4]int64{rankScore, int64(i)}, func() { o.idle(c, o.ws.scores[name]); o.lookAgain(c, "a score idled") }})
		}
	}
	for i, l := range c.leaves {
		yield(timer{l.due, 0, [4]int64{rankWindow, int64(i)}, func() {
			c.leaves = slices.DeleteFunc(c.leaves, func(x leaves) bool { return x == l })
			o.lookAgain(c, "an event left a window")
		}})
	}
	for i, j := range o.ws.journeys {
		for k, t := range j.all() {
			part := int64(rankExit)
			switch t {
			case j.enter:
				part = rankEnter
			case j.goal:
				part = rankGoal
			}
			if at, mark, ok := o.dueOf(c, t.j, t, recurs); ok {
				yield(timer{at, 0, [4]int64{rankJourney, int64(i), part, int64(k)}, func() { mark(); o.fireTrigger(c, j, t) }})
			}
		}
		for _, r := range c.state(j).all {
			if r.running && r.standing && !r.forever {
				if at, held, ok := o.firing(c, j, r.due, r.arrived); ok {
					yield(timer{at, held, [4]int64{rankJourney, int64(i), rankRun, int64(r.number)*1_000_000 + r.armed}, func() { o.fireRun(c, r.j, r) }})
				}
			}
			for _, d := range r.waiting {
				if at, held, ok := o.firing(c, j, d.due, d.at); ok {
					yield(timer{at, held, [4]int64{rankJourney, int64(i), rankRun, int64(r.number)*1_000_000 + d.armed}, func() { o.fireDeferred(c, r.j, r, d) }})
				}
			}
		}
	}
}

// lookAgain is what a score that idles or a window that loses an event leads to: nothing but a look.
func (o *oracle) lookAgain(c *customer, because string) {
	o.lead(c, func() { c.changed, c.because = true, because })
}

// fireRun leads an enrollment on whose wait or await is over.
func (o *oracle) fireRun(c *customer, j *journey, r *run) {
	if h := r.held; h != nil {
		o.fired["resume: what was held leads on"]++
		r.held = nil
		if h.ev == nil {
			r.frames = append(r.frames, frame{steps: r.await.await.do})
		} else {
			r.event, r.settled = h.ev, h.ev
			r.frames = append(r.frames, frame{steps: h.t.do})
		}
	} else if r.await != nil {
		o.fired["await: timeout"]++
		r.frames = append(r.frames, frame{steps: r.await.await.timeout})
	} else {
		o.fired["wait: timer"]++
	}
	o.lead(c, func() { o.run(c, j, r) })
}

// heard tells the triggers that wait for silence.
func (o *oracle) heard(c *customer, ev *event) {
	for _, j := range o.ws.journeys {
		for _, t := range j.all() {
			if t.kind != "inactive" || !o.breaks(t, ev) || !o.wanted(c, j, t) {
				continue
			}
			if s := c.standing(t); !s.has || ev.ts > s.last {
				s.last, s.has, s.fired, s.begins, s.dead = ev.ts, true, false, 0, false
			} else {
				o.fired["inactive: an older event moves nothing"]++
			}
		}
	}
}

// breaks: a type, a list, or any event but CHANNEL_sent, CHANNEL_failed and emitted ones.
func (o *oracle) breaks(t *trigger, ev *event) bool {
	if len(t.silent) > 0 {
		return listed(t.silent, ev.kind)
	}
	return ev.depth == 0 && !strings.HasSuffix(ev.kind, "_sent") && !strings.HasSuffix(ev.kind, "_failed")
}

// dueOf is when a trigger without an event fires next, and what to note then.
func (o *oracle) dueOf(c *customer, j *journey, t *trigger, recurs int64) (at int64, mark func(), ok bool) {
	s := c.standing(t)
	if s.dead {
		return 0, nil, false
	}
	switch t.kind {
	case "inactive":
		return max(s.last+t.silence, s.begins), func() { s.fired = true }, s.has && !s.fired
	case "schedule":
		offset := spreadOf(j, c, t)
		if c.began && !s.looked {
			s.next, s.looked = o.almanac.nextOf(t, s.after, o.zoneOf(j.zone, o.ws.zone)), true
		}
		return s.next + offset, func() {
			o.scheduled(t, s.next, o.zoneOf(j.zone, o.ws.zone))
			s.after, s.looked = s.next, false
		}, c.began && s.next+offset < recurs
	case "date":
		zone := o.zone(c, j)
		date, there := c.dateOf(t, zone)
		if !there {
			s.of = ""
			return 0, nil, false
		}
		if of := date.Format("2006-01-02 ") + zone.String(); of != s.of {
			if s.of != "" {
				o.fired["date: armed anew"]++
			}
			s.of, s.from = of, max(c.time, s.begins)
		}
		from, to := date.Year(), date.Year()
		if t.yearly {
			from, to = max(from, yearOf(c.time)-1), max(from, yearOf(c.time)+2)
		}
		for year := from; year <= to; year++ {
			key := fmt.Sprintf("%d %s", year, date.Format("01-02"))
			at := o.almanac.anniversary(t, date, year, zone)
			if at >= s.from && !s.fireds[key] && (!t.yearly || at < recurs) {
				return at, func() { o.dated(t, date, at, zone); s.fireds[key] = true }, true
			}
		}
	}
	return 0, nil, false
}

func yearOf(at int64) int { return time.UnixMilli(at).UTC().Year() }

func listed(on []string, kind string) bool { return slices.Contains(on, kind) }

// zone is the customer's: the profile's, the journey's if there is one, the policies', UTC.
func (o *oracle) zone(c *customer, j *journey) *time.Location {
	names := []string{textOf(c.profile["timezone"])}
	if j != nil {
		names = append(names, j.zone)
	}
	return o.zoneOf(append(names, o.ws.zone)...)
}

func (o *oracle) zoneOf(names ...string) *time.Location {
	for _, name := range names {
		if z := o.almanac.zone(name); z != nil {
			return z
		}
		if name != "" {
			o.fired["zone: unknown"]++
		}
	}
	return time.UTC
}

// scope of an expression; r is nil before there is an enrollment, j for what is not a journey's.
func (o *oracle) scope(c *customer, j *journey, r *run, event map[string]any) *scope {
	s := &scope{o: o, c: c, event: event, zone: o.zone(c, j)}
	if r != nil {
		s.enter, s.sent, s.opened, s.from = r.enter.fields, r.sent, r.opened, r.from
	}
	return s
}

func (o *oracle) inside(c *customer, j *journey, r *run) *scope {
	return o.scope(c, j, r, r.event.fields)
}
