package oracle

import (
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
)

// Versions, pauses and resumptions of the oracle: what is said of them in the language's page and docs/versions.md.

// change is a deploy, a pause or a resumption.
type change struct {
	before   int   // the line of the log, from 0
	at       int64 // later than all before it
	pause    string
	resume   string
	spread   int64
	journeys []map[string]any // a deploy
	policies map[string]any
	edits    []edit // that make it of the release before
}

func (x *change) String() string {
	switch {
	case x.pause != "":
		return fmt.Sprintf("--- change %d %d pause %s\n", x.before, x.at, x.pause)
	case x.resume != "":
		return fmt.Sprintf("--- change %d %d resume %s %d\n", x.before, x.at, x.resume, x.spread)
	}
	s := scenario{journeys: x.journeys}
	return fmt.Sprintf("--- change %d %d deploy\n%s--- policies of it\n%s", x.before, x.at, s.journeysYAML(), printYAML(x.policies))
}

// readChange reads what String prints; the policies are a part of their own.
func readChange(t *testing.T, head, body string) *change {
	words := strings.Fields(head)
	number := func(i int) int64 {
		n, err := strconv.ParseInt(words[i], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	x := &change{before: int(number(0)), at: number(1)}
	switch words[2] {
	case "pause":
		x.pause = words[3]
	case "resume":
		x.resume, x.spread = words[3], number(4)
	default:
		x.journeys = readYAML(t, body)
	}
	return x
}

// canonical is what a tree means, for comparing: without comments of any kind, durations as their length.
func canonical(v any, without ...string) string {
	switch x := v.(type) {
	case map[string]any:
		var parts []string
		for _, k := range keysOf(x) {
			if x[k] == nil || k == "on_update" && x[k] == "pin" || k == "description" || strings.HasPrefix(k, "x-") || slices.Contains(without, k) {
				continue
			}
			text := canonical(x[k])
			if s, ok := x[k].(string); ok && slices.Contains([]string{"wait", "for", "within", "after", "expire", "spread", "offset"}, k) && s != "forever" {
				text = fmt.Sprint(span(s))
			}
			parts = append(parts, k+": "+text)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []any:
		var parts []string
		for _, e := range x {
			parts = append(parts, canonical(e))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return flow(v)
}

// status of a journey, in all versions.
type status struct {
	paused          bool
	resumed, spread int64
}

func (o *oracle) paused(j *journey) bool { return o.status[j.name] != nil && o.status[j.name].paused }

// firing is when something of an enrollment comes to pass that is due and was armed at a moment, and how much later that is;
// false: it is held.
func (o *oracle) firing(c *customer, j *journey, due, armed int64) (at, held int64, ok bool) {
	s := o.status[j.name]
	switch {
	case s == nil:
		return due, 0, true
	case s.paused:
		return 0, 0, false
	case s.resumed == 0 || armed >= s.resumed:
		return due, 0, true
	}
	at = s.resumed
	if s.spread > 0 {
		at += int64(hash(j.name, "resume", c.name) % uint64(s.spread))
	}
	if due >= at {
		return due, 0, true
	}
	o.fired["resume: what was due comes to pass"]++
	return at, at - due, true
}

// hold keeps what leads on from an await until the journey is resumed.
func (o *oracle) hold(c *customer, r *run, t *trigger, ev *event) {
	o.fired["pause: an await is decided"]++
	r.held, r.due, r.forever = &held{t, ev}, c.time, false
}

// versions are those in which somebody may be, the newest first.
func (j *journey) versions() []*journey { return append([]*journey{j}, j.pinned...) }

// all are the triggers of these, each once where versions wait for the same at the same place.
func (j *journey) all() []*trigger {
	all := j.triggers()
	for _, old := range j.pinned {
		for _, t := range old.triggers() {
			if t != old.enter && t.kind != "on" && !slices.ContainsFunc(all, func(x *trigger) bool { return x.same == t.same && x.kind == t.kind }) {
				all = append(all, t)
			}
		}
	}
	return all
}

// settle has an enrollment keep of its events what its version reads.
func (r *run) settle() {
	if r.event != r.settled {
		r.event = r.j.kept("event", r.event)
		r.settled = r.event
	}
	if r.enter != r.opener {
		r.enter = r.j.kept("enter", r.enter)
		r.opener = r.enter
	}
}

// kept is an event with the fields that the version reads somewhere, as `event` or as `enter`.
func (j *journey) kept(as string, ev *event) *event {
	if j.version == 0 || ev == nil {
		return ev
	}
	less := *ev
	less.fields = map[string]any{}
	if j.reads == nil {
		j.reads = map[string]bool{}
		for _, name := range regexp.MustCompile(`\b(?:event|enter)\.[a-z]+`).FindAllString(strings.ReplaceAll(flow(j.tree), ".?", "."), -1) {
			j.reads[name] = true
		}
	}
	for k, v := range ev.fields {
		switch k {
		case "type", "ts", "event_id", "customer_id":
			less.fields[k] = v
		default:
			if j.reads[as+"."+k] {
				less.fields[k] = v
			}
		}
	}
	return &less
}

// number gives the journeys of the first release their versions.
func (o *oracle) number() {
	for _, j := range o.ws.journeys {
		j.version = 1
		o.known[j.name] = []*journey{j}
	}
	o.begin(0)
}

// begin notes which triggers without an event come with a deploy.
func (o *oracle) begin(at int64) {
	begun := map[string]int64{}
	for _, j := range o.ws.journeys {
		for _, t := range j.all() {
			if was, known := o.begun[t.same]; known {
				begun[t.same] = was
			} else if t.kind != "on" {
				begun[t.same] = at
			}
		}
	}
	o.begun = begun
}

func (o *oracle) change(x *change) {
	for _, name := range keysOf(o.customers) {
		o.timers(o.customers[name], x.at+1, x.at+1)
	}
	status := func(name string) *status {
		if o.status[name] == nil {
			o.status[name] = &status{}
		}
		return o.status[name]
	}
	switch {
	case x.pause != "":
		o.fired["pause"]++
		status(x.pause).paused = true
	case x.resume != "":
		o.fired["resume"]++
		s := status(x.resume)
		s.paused, s.resumed, s.spread = false, x.at, x.spread
	default:
		o.deploy(x)
	}
}

func (o *oracle) deploy(x *change) {
	o.fired["deploy"]++
	was := o.ws
	o.ws = readWorkspace(&scenario{journeys: x.journeys, profile: o.profile, policies: x.policies})
	o.deployed = x.at
	for i, j := range o.ws.journeys {
		all := o.known[j.name]
		n := len(all)
		if n > 0 && canonical(all[n-1].tree) == canonical(j.tree) {
			o.fired["deploy: of the same"]++
			o.ws.journeys[i] = all[n-1]
			all[n-1].gone = false
			continue
		}
		j.version = 1
		if n > 0 {
			j.version = all[n-1].version + 1
		}
		o.known[j.name] = append(all, j)
	}
	for _, name := range keysOf(o.known) {
		newest := o.known[name][len(o.known[name])-1]
		if !slices.Contains(o.ws.journeys, newest) {
			newest.gone = true
			o.ws.journeys = append(o.ws.journeys, newest)
		}
		newest.pinned = nil
		for i, old := range o.known[name][:len(o.known[name])-1] {
			if !slices.ContainsFunc(o.known[name][i+1:], func(j *journey) bool { return j.update != "pin" }) {
				newest.pinned = append(newest.pinned, old)
			}
		}
	}
	sort.SliceStable(o.ws.journeys, func(i, k int) bool {
		a, b := o.ws.journeys[i], o.ws.journeys[k]
		if a.priority != b.priority {
			return a.priority > b.priority
		}
		return a.name < b.name
	})
	o.windows = lookWindows(o.ws)
	o.begin(x.at)
	for _, name := range keysOf(o.customers) {
		c := o.customers[name]
		c.depth, c.inHand = 0, nil
		o.tally(c, x)
		goesOver := o.goesOver(c)
		o.rearm(c, was)
		o.lead(c, func() {
			for _, j := range o.ws.journeys {
				o.passOver(c, j)
			}
			c.changed = true
		})
		if goesOver { // what is due by the customer's time now passes ahead of whatever comes
			o.timers(c, c.time+1, c.time+1)
		}
	}
}

// goesOver says whether an enrollment of the customer, which may have ended but is remembered, is in a version in which none
// stays.
func (o *oracle) goesOver(c *customer) bool {
	return slices.ContainsFunc(o.ws.journeys, func(head *journey) bool {
		return slices.ContainsFunc(c.state(head).all, func(r *run) bool {
			return !slices.Contains(head.versions(), r.j) && (r.running || c.time < r.expires || len(r.waiting) > 0)
		})
	})
}

// wanted says whether a customer waits for a trigger without an event: of a version that nobody enters only who is in it, or
// remembered there.
func (o *oracle) wanted(c *customer, head *journey, t *trigger) bool {
	return t.j == head && !head.gone || slices.ContainsFunc(c.state(head).all, func(r *run) bool {
		return (r.running || !r.goal && c.time < r.expires || len(r.waiting) > 0) && slices.ContainsFunc(r.j.triggers(), func(x *trigger) bool { return x != r.j.enter && x.same == t.same })
	})
}

// rearm: what a version waits for goes on as it was, trigger for trigger; what only the new one waits for begins now.
func (o *oracle) rearm(c *customer, before *workspace) {
	was, since := map[string]bool{}, map[string]*standing{}
	for _, j := range o.ws.journeys {
		for _, t := range j.all() {
			switch {
			case t.kind == "becomes":
				value, known := c.was[t.same]
				if !known {
					o.fired["deploy: becomes begins with the present value"]++
					value = holds(t.becomes, o.scope(c, t.j, nil, nil))
				}
				was[t.same] = value
			case t.kind == "on":
			case !o.wanted(c, j, t):
				since[t.same] = &standing{dead: true, fireds: map[string]bool{}}
			case c.since[t.same] != nil && !c.since[t.same].dead:
				since[t.same] = c.since[t.same]
			default:
				since[t.same] = o.begins(c, t, before)
			}
		}
	}
	c.was, c.since = was, since
	c.leaves = nil
	for _, ev := range c.events {
		for _, w := range o.windows[ev.kind] {
			if ev.ts+w > c.time {
				c.leaves = append(c.leaves, leaves{ev.ts + w, ev})
			}
		}
	}
}

// begins is how a trigger stands that comes with a deploy.
func (o *oracle) begins(c *customer, t *trigger, before *workspace) *standing {
	s := &standing{begins: o.deployed, after: max(c.time, o.deployed) - 1, fireds: map[string]bool{}}
	for _, j := range before.journeys {
		for _, old := range j.triggers() {
			if j.name != t.j.name || old.place != t.place || old.kind != t.kind || c.since[old.same] == nil || c.since[old.same].dead {
				continue
			}
			x := c.since[old.same]
			if t.kind == "inactive" && slices.Equal(old.silent, t.silent) { // the same silence, of another length
				o.fired["deploy: a silence of another length"]++
				s.last, s.has, s.fired = x.last, x.has, x.fired
			}
			if t.kind == "date" && old.date == t.date {
				s.fireds = x.fireds
			}
		}
	}
	return s
}

// passOver has those go on in a journey's newest version, or leave, who do not stay in theirs.
func (o *oracle) passOver(c *customer, head *journey) {
	for _, r := range slices.Clone(c.state(head).all) {
		switch {
		case slices.Contains(head.versions(), r.j):
		case !r.running:
			r.recount(head)
			r.j = head
		case head.update == "exit":
			o.fired["deploy: left, updated"]++
			r.recount(head)
			r.j = head
			o.leave(c, head, r, "updated")
		default:
			o.follow(c, r, head)
		}
	}
}

// recount leaves an enrollment the counted events of triggers that count the same.
func (r *run) recount(to *journey) {
	unused := map[*trigger][]int64{}
	for old, times := range r.unused {
		var same []*trigger
		for _, t := range to.triggers() {
			if t != to.enter && t.times > 0 && t.events == old.events {
				same = append(same, t)
			}
		}
		i := slices.IndexFunc(same, func(t *trigger) bool { return t.place == old.place })
		if i >= 0 {
			unused[same[i]] = times
		} else if len(same) > 0 {
			unused[same[0]] = times
		}
	}
	r.unused = unused
}

// find gives the step of that id, and the frames in which whoever stands there is: the lists around it, each with where it
// goes on, and the repeats.
func find(steps []*step, id string, around []frame, repeat *step) (*step, []frame) {
	for i, s := range steps {
		here := append(slices.Clone(around), frame{steps: steps, next: i + 1, repeat: repeat})
		if s.id == id && (s.kind == "wait" || s.kind == "await" || s.kind == "repeat") {
			return s, here
		}
		inner := func(list []*step, repeat *step) (*step, []frame) { return find(list, id, here, repeat) }
		for _, list := range s.branches() {
			if found, frames := inner(list, nil); found != nil {
				return found, frames
			}
		}
		if s.kind == "repeat" {
			if found, frames := inner(s.do, s); found != nil {
				return found, frames
			}
		}
	}
	return nil, nil
}

// branches are the lists of steps that one leads to, but for the rounds of a repeat.
func (s *step) branches() (lists [][]*step) {
	for _, a := range s.arms {
		lists = append(lists, a.do)
	}
	if s.await != nil {
		for _, t := range s.await.events {
			lists = append(lists, t.do)
		}
		lists = append(lists, s.await.do, s.await.timeout)
	}
	return lists
}

// ahead says whether an enrollment may still come to a step of its version, from where it stands.
func (r *run) ahead(want *step) bool {
	var in func(steps []*step) bool
	in = func(steps []*step) bool {
		return slices.ContainsFunc(steps, func(s *step) bool {
			return s == want || s.kind == "repeat" && in(s.do) || slices.ContainsFunc(s.branches(), in)
		})
	}
	if slices.ContainsFunc(r.at.branches(), in) {
		return true
	}
	return slices.ContainsFunc(r.frames, func(f frame) bool {
		return in(f.steps[f.next:]) || f.repeat != nil && in(f.repeat.do)
	})
}

// goesOn is the step of a version where somebody goes on who was at, or in, one of that id.
func goesOn(to *journey, id string) *step {
	s, _ := find(to.steps, id, nil, nil)
	if s == nil && to.moves[id] != "" {
		s, _ = find(to.steps, to.moves[id], nil, nil)
	}
	return s
}

func (o *oracle) follow(c *customer, r *run, to *journey) {
	from, old := r.j, r.at
	r.recount(to)
	r.j = to
	at := goesOn(to, old.id)
	if at == nil || at.kind == "repeat" {
		o.fired["follow: the step is gone"]++
		o.leave(c, to, r, "step_removed")
		return
	}
	moved := at.id != old.id
	if moved {
		o.fired["follow: moved"]++
	}
	_, frames := find(to.steps, at.id, nil, nil)
	for i := range frames {
		for _, f := range r.frames {
			if f.repeat != nil && frames[i].repeat != nil && goesOn(to, f.repeat.id) == frames[i].repeat {
				frames[i].round = f.round
			}
		}
	}
	r.frames = frames
	for _, early := range r.came {
		fits := map[*trigger]bool{}
		for _, s := range from.awaits {
			goes := goesOn(to, s.id)
			for _, t := range s.await.events {
				if x := sameEvent(goes, t); early.fits[t] && x != nil {
					fits[x] = true
				}
			}
		}
		early.fits = fits
	}
	for _, text := range strings.Split(flow(to.tree), `count(\"`)[1:] {
		kind, rest, _ := strings.Cut(text, `\", \"`)
		if strings.HasPrefix(rest, `enter\"`) && !strings.Contains(flow(from.tree), `count(\"`+kind+`\", \"enter\"`) {
			o.fired["follow: a window since the entry begins"]++
			if r.from == nil {
				r.from = map[string]int{}
			}
			r.from[kind] = len(c.events)
		}
	}
	r.at, r.await = at, nil
	if at.await != nil {
		r.await = at
	}
	lost := false
	if h := r.held; h != nil {
		switch {
		case h.ev == nil && at.await != nil && old.await.until == at.await.until && at.await.until != "":
		case h.ev != nil && sameEvent(at, h.t) != nil:
			h.t = sameEvent(at, h.t)
		default:
			o.fired["follow: what was held is none of the await's"]++
			r.held, lost, r.resets = nil, true, 0
		}
	}
	if !o.lasts(c, r, old, lost) {
		o.leave(c, to, r, "past")
		return
	}
	if r.held != nil || r.await == nil || !moved {
		return
	}
	for _, early := range r.came {
		for _, t := range r.await.await.events {
			if !early.moved && t.since && !t.reset && early.fits[t] {
				o.fired["follow: moved, and an event had come"]++
				r.take(early, r.await.await)
				r.do(t.do)
				o.run(c, to, r)
				return
			}
		}
	}
}

// sameEvent is the event of an await that asks for the same as one of an older version's.
func sameEvent(s *step, old *trigger) *trigger {
	if s == nil || s.await == nil || old == nil {
		return nil
	}
	for _, t := range s.await.events {
		if t.events == old.events {
			return t
		}
	}
	return nil
}

// lasts works out when an enrollment's step is due now; false: it has the customer leave, as it is past.
func (o *oracle) lasts(c *customer, r *run, old *step, anew bool) bool {
	switch {
	case r.held != nil:
		return true
	case anew:
	case r.await == nil && old.await == nil && canonical(map[string]any{"wait": old.tree["wait"]}) == canonical(map[string]any{"wait": r.at.tree["wait"]}):
		return true
	case r.await != nil && old.await != nil && old.await.within == r.await.await.within && old.await.forever == r.await.await.forever:
		return true
	}
	o.fired["follow: due otherwise"]++
	if r.await != nil {
		from := r.arrived
		if r.resets > 0 && old.await != nil && !old.await.forever {
			o.fired["follow: a restarted await is due otherwise"]++
			from = r.restarted
		}
		r.forever = r.await.await.forever
		r.due = max(from+r.await.await.within, o.deployed)
		if !r.forever && r.due == o.deployed {
			o.fired["follow: past by the deploy"]++
		}
		return true
	}
	s := o.inside(c, r.j, r)
	s.at = r.arrived
	due, _ := o.waits(c, r.j, r, r.at.wait, s)
	if r.at.wait.past && due <= r.arrived {
		o.fired["follow: past, and out"]++
		return false
	}
	if due < o.deployed {
		o.fired["follow: past by the deploy"]++
	}
	r.resets, r.forever, r.due = 0, false, max(due, o.deployed)
	return true
}

// tally counts where customers stand whose journey an edit is of.
func (o *oracle) tally(c *customer, x *change) {
	for _, e := range x.edits {
		st := c.states[e.journey]
		if st == nil {
			continue
		}
		for _, r := range st.all {
			for _, where := range o.places(c, r, x.at) {
				if e.mode == "follow" {
					o.fired["edit: "+e.kind+": "+where]++
				} else {
					o.fired["edit with "+e.mode+": "+where]++
				}
			}
			if r.running && slices.Contains(e.ids, r.at.id) {
				o.fired["edit: "+e.kind+": at the very step, with "+e.mode]++
			}
		}
	}
}

// places are those of one enrollment.
func (o *oracle) places(c *customer, r *run, now int64) (all []string) {
	if len(r.waiting) > 0 {
		all = append(all, putOff)
	}
	switch {
	case !r.running && c.time < r.expires:
		return append(all, hasLeft)
	case !r.running:
		return all
	case o.paused(r.j) && r.held != nil:
		return append(all, pausedDecided)
	case o.paused(r.j) && !r.forever && r.due <= now:
		return append(all, pausedDue)
	}
	if slices.ContainsFunc(r.frames, func(f frame) bool { return f.repeat != nil && f.round > 0 }) {
		all = append(all, inRound)
	}
	if r.await != nil {
		return append(all, inAwait)
	}
	return append(all, inWait)
}
