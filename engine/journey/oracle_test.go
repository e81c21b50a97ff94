package journey

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// The oracle is a second interpreter of journeys, written from the language's page: slow, plain, and with nothing of
// the compiled program but the tree that parse makes. It keeps every event that it ever saw, and asks it again.

type oracle struct {
	ws        *Workspace
	journeys  []*Journey // by priority, then name
	customers map[string]*oracleCustomer
	lines     []oracleLine
	seq       int
	fired     map[string]int // how often each construct came into play
	work      int
}

// oracleLine is something decided: an action, or what a test may ask for.
type oracleLine struct {
	at       int64
	customer string
	seq      int
	text     string
}

type oracleCustomer struct {
	name    string
	time    int64
	began   bool
	ids     []oracleID
	profile map[string]any
	states  map[string]*oracleState
	queue   *[]oracleEvent // where emitted events go
}

type oracleID struct {
	id string
	at int64
}

type oracleEvent struct {
	id, kind string
	ts       int64
	fields   map[string]any // with the four that all have
	depth    int
}

type oracleState struct {
	entries int
	last    map[string]int64   // the last entry of each key
	unused  map[string][]int64 // of enter: times … within
	all     []*oracleRun       // ever, oldest first
}

type oracleRun struct {
	number  int
	key     string
	entered int64
	holdout bool
	enter   oracleEvent
	event   oracleEvent // its cause
	running bool
	goal    bool // reached

	frames []oracleFrame // what is left to do, innermost last
	await  *Step         // where it stands, if at an await
	wait   *Step         // ... at a wait
	due    int64
	forever,
	standing bool
	resets int

	came    []*oracleCame
	visits  map[string]int
	sent    map[string]map[string]any
	variant map[string]any
	unused  map[*Trigger][]int64
}

type oracleFrame struct {
	steps []*Step
	next  int
}

// oracleCame is an event that came to an enrollment, and which `since: enter` events it was one for, judged then.
type oracleCame struct {
	ev    oracleEvent
	fits  map[*Trigger]bool
	moved bool
}

func newOracle(ws *Workspace) *oracle {
	o := &oracle{ws: ws, customers: map[string]*oracleCustomer{}, fired: map[string]int{}}
	o.journeys = slices.Clone(ws.Journeys)
	sort.Slice(o.journeys, func(i, k int) bool {
		a, b := o.journeys[i], o.journeys[k]
		if a.Priority != b.Priority {
			return a.Priority > b.Priority
		}
		return a.Name.Value < b.Name.Value
	})
	return o
}

// simulate reads a log as it lies and runs time on to until.
func (o *oracle) simulate(log string, until int64) {
	last, began := int64(0), false
	for i, line := range strings.Split(strings.TrimRight(log, "\n"), "\n") {
		d := json.NewDecoder(strings.NewReader(line))
		d.UseNumber()
		var m map[string]any
		if d.Decode(&m) != nil {
			o.fired["line: no event"]++
			continue
		}
		fields := plainJSON(m).(map[string]any)
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
		last, began = ts, true
		fields["ts"], fields["event_id"] = ts, id
		o.offer(customer, oracleEvent{id: id, kind: kind, ts: ts, fields: fields})
	}
	for _, c := range o.customers {
		o.timers(c, until+1)
	}
	sort.SliceStable(o.lines, func(i, k int) bool {
		a, b := o.lines[i], o.lines[k]
		if a.at != b.at {
			return a.at < b.at
		}
		if a.customer != b.customer {
			return a.customer < b.customer
		}
		return a.seq < b.seq
	})
}

func plainJSON(v any) any {
	switch x := v.(type) {
	case json.Number:
		if !strings.ContainsAny(string(x), ".eE") {
			n, _ := strconv.ParseInt(string(x), 10, 64)
			return n
		}
		f, _ := x.Float64()
		return f
	case []any:
		for i := range x {
			x[i] = plainJSON(x[i])
		}
	case map[string]any:
		for k := range x {
			x[k] = plainJSON(x[k])
		}
	}
	return v
}

func jsonOracle(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return strings.TrimSpace(b.String())
}

func (o *oracle) say(c *oracleCustomer, format string, args ...any) {
	o.seq++
	o.lines = append(o.lines, oracleLine{c.time, c.name, o.seq, fmt.Sprintf(format, args...)})
}

// offer is "What happens to one event of one customer, in order".
func (o *oracle) offer(customer string, ev oracleEvent) {
	c := o.customers[customer]
	if c == nil {
		c = &oracleCustomer{name: customer, profile: map[string]any{}, states: map[string]*oracleState{}}
		o.customers[customer] = c
	}
	o.timers(c, ev.ts) // 1: due before the event's time
	for i := max(0, len(c.ids)-64); i < len(c.ids); i++ {
		if c.ids[i].id == ev.id { // 2
			if c.time-c.ids[i].at <= 24*3600*1000 {
				o.fired["duplicate"]++
				return
			}
			o.fired["duplicate: too old to be one"]++
		}
	}
	switch {
	case !c.began || ev.ts > c.time:
		c.time, c.began = ev.ts, true
	case ev.ts < c.time:
		o.fired["late event"]++
	default:
		o.fired["event at the same instant"]++
	}
	c.ids = append(c.ids, oracleID{ev.id, c.time})
	o.handle(c, ev)
}

// handle is 3 to 5.
func (o *oracle) handle(c *oracleCustomer, ev oracleEvent) {
	if o.work++; o.work > 3_000 {
		panic(errTooMuch)
	}
	o.update(c, ev)
	var emitted []oracleEvent
	c.queue = &emitted
	for _, j := range o.journeys {
		o.journey(c, j, ev)
	}
	o.emitted(c, emitted)
}

// A case is none when its journeys start one another too often, or when an event is counted so late that the program may
// have forgotten its companions (see counting.go).
var errTooMuch = fmt.Errorf("this is no case")

func (o *oracle) emitted(c *oracleCustomer, list []oracleEvent) {
	for _, ev := range list {
		if ev.depth > 8 {
			o.fired["emit: cut at the ninth link"]++
			continue
		}
		o.fired["emit: handled"]++
		o.handle(c, ev)
	}
}

// timers fires what is due before a moment, oldest first; at one instant in the order of journeys, then enrollments.
func (o *oracle) timers(c *oracleCustomer, before int64) {
	for {
		var run *oracleRun
		var of *Journey
		for _, j := range o.journeys {
			st := c.states[j.Name.Value]
			if st == nil {
				continue
			}
			for _, r := range st.all {
				if r.running && r.standing && !r.forever && r.due < before {
					if run != nil && r.due == run.due {
						o.fired["timer: two at one instant"]++
					}
					if run == nil || r.due < run.due {
						run, of = r, j
					}
				}
			}
		}
		if run == nil {
			return
		}
		if o.work++; o.work > 3_000 {
			panic(errTooMuch)
		}
		c.time = max(c.time, run.due)
		var emitted []oracleEvent
		c.queue = &emitted
		depth := 0
		if run.await != nil {
			o.fired["await: timeout"]++
			run.frames = append(run.frames, oracleFrame{steps: run.await.Await.Timeout})
		} else {
			o.fired["wait: timer"]++
		}
		o.run(c, of, run, depth)
		o.emitted(c, emitted)
	}
}

func (o *oracle) update(c *oracleCustomer, ev oracleEvent) {
	for _, u := range o.ws.Profile.Updates {
		if !listed(u.On, ev.kind) {
			continue
		}
		scope := o.scope(c, nil, ev.fields, nil, nil)
		if u.If != nil && !holdsOracle(u.If.Value, scope) {
			continue
		}
		o.fired["profile: update"]++
		if u.SetAll != nil {
			v := evalOracle(u.SetAll.Value, scope)
			m, _ := v.value.(map[string]any)
			for k, x := range m {
				o.set(c, k, x)
			}
			continue
		}
		o.sets(c, u.Set, scope)
	}
}

func (o *oracle) sets(c *oracleCustomer, list []Assign, scope *oracleScope) {
	values := map[string]any{}
	for _, a := range list {
		if v, ok := o.value(a.Value, scope); ok {
			values[a.Name.Value] = v
		}
	}
	for k, v := range values {
		o.set(c, k, v)
	}
}

func (o *oracle) set(c *oracleCustomer, name string, v any) {
	kind, ok := oracleTypes()[name]
	if !ok {
		o.fired["profile: undeclared"]++
		return
	}
	if v == nil {
		o.fired["profile: null removes"]++
		delete(c.profile, name)
		return
	}
	fits := false
	switch x := v.(type) {
	case int64:
		fits = kind == "int" || kind == "double"
		if kind == "double" {
			o.fired["profile: whole value for a double"]++
			v = float64(x)
		}
	case float64:
		fits = kind == "double"
	case string:
		fits = kind == "string"
	case bool:
		fits = kind == "bool"
	case []any:
		fits = kind == "list"
	case map[string]any:
		fits = kind == "map"
		old, _ := c.profile[name].(map[string]any)
		v = mergeOracle(old, x)
		o.fired["profile: map merged"]++
	}
	if !fits {
		o.fired["profile: another type"]++
		return
	}
	c.profile[name] = v
}

func mergeOracle(old, over map[string]any) map[string]any {
	m := map[string]any{}
	for k, v := range old {
		m[k] = v
	}
	for k, v := range over {
		if v == nil {
			delete(m, k)
		} else if x, ok := v.(map[string]any); ok {
			was, _ := m[k].(map[string]any)
			m[k] = mergeOracle(was, x)
		} else {
			m[k] = v
		}
	}
	return m
}

func listed(on []Text, kind string) bool {
	for _, t := range on {
		if t.Value == kind {
			return true
		}
	}
	return false
}

func (o *oracle) zone(c *oracleCustomer, j *Journey) *time.Location {
	names := []string{}
	if name, ok := c.profile["timezone"].(string); ok {
		names = append(names, name)
	}
	if j != nil && j.Timezone != nil {
		names = append(names, j.Timezone.Value)
	}
	for _, name := range names {
		if z, err := time.LoadLocation(name); err == nil && name != "" {
			return z
		}
		o.fired["zone: unknown"]++
	}
	return time.UTC
}

func (o *oracle) scope(c *oracleCustomer, j *Journey, event, enter map[string]any, sent map[string]map[string]any) *oracleScope {
	return &oracleScope{event: event, enter: enter, profile: c.profile, sent: sent, now: c.time, zone: o.zone(c, j)}
}
