package journey

import (
	"math"
	"sort"

	"wend/engine/journey/expr"
	"wend/schemas/yamlfile"
)

// Compile makes a Program of a workspace, or nil when a problem is an error. What Load reports is not reported again, so
// after problems of Load both lists together are all that is wrong, and the Program is not to be used. Problems of all
// stages come together, warnings too, in order of place.
func Compile(ws *Workspace) (*Program, yamlfile.Problems) { return compile(&Release{Current: ws}) }

func compile(r *Release) (*Program, yamlfile.Problems) {
	c := newCompiler(r)
	if !c.run() {
		return nil, c.problems
	}
	return c.p, c.problems
}

func newCompiler(r *Release) *compiler {
	ws := r.Current
	c := &compiler{ws: ws, release: r, p: &Program{types: map[string]*typeIndex{}, plain: r.Plain}}
	if ws.Profile == nil {
		whole := *ws
		whole.Profile = &Profile{}
		c.ws = &whole
	}
	return c
}

// run makes the program, and reports whether it may be used.
func (c *compiler) run() bool {
	for _, stage := range stages {
		stage.run(c)
	}
	c.problems.Sort()
	c.p = c.p.Under(c.release.Status, c.release.Deployed)
	return !c.failed && !c.problems.Failed()
}

// stages in their order; each reads what those before it made. A stage goes on after a problem wherever the rest can
// still be checked, so that an author sees everything at once.
var stages = []struct {
	name string
	run  func(*compiler)
}{
	{"attributes", (*compiler).attributes}, // what profile.* may read: before any expression
	{"policies", (*compiler).policies},     // channels, and the zone that journeys fall back on
	{"journeys", (*compiler).journeys},     // names, order, shares, zones
	{"identify", (*compiler).identify},     // step ids, so that `of` and `sent` can be resolved
	{"triggers", (*compiler).triggers},     // expressions of triggers and steps are checked here,
	{"updates", (*compiler).updates},       // and those of profile.yaml here
	{"state", (*compiler).state},           // segments and scores
	{"windows", (*compiler).windows},       // what documents keep of events: from all expressions
	{"looks", (*compiler).looks},           // who reads what: needs windows, scores and segments
	{"moments", (*compiler).moments},       // of all triggers that wait for one
	{"keep", (*compiler).keep},             // what enrollments keep: from all reads of a journey
	{"reach", (*compiler).reach},           // needs the node table
	{"crowded", (*compiler).crowded},       // sends against caps: needs the node table
	{"index", (*compiler).index},           // event types to journeys
	{"tests", (*compiler).tests},
}

// compiler is the state of one Compile.
type compiler struct {
	ws       *Workspace
	release  *Release
	p        *Program
	env      *expr.Env
	problems yamlfile.Problems
	plans    []*planner   // in the order of Program.plans, behind each those of its older versions
	channels []string     // that policies.yaml lists, in the file's order
	scores   []*Score     // in order of name
	members  []expr.Reads // what segments read
	broken   bool         // a send of the journey in hand could not be read, as Load reported
	failed   bool         // an expression has a problem, reported or not
}

// planner compiles one journey.
type planner struct {
	c        *compiler
	src      *Journey
	plan     *plan
	older    []*planner       // pinned versions, ascending; of a head alone
	sends    []string         // ids, in the order of the file
	ids      map[*Step]string // every step's id
	nodes    map[*Step]int32  // where a step was laid out
	never    map[any]bool     // *Step, *Arm, *Trigger whose condition never holds
	sure     map[any]bool     // ... always holds
	enter    map[string]bool  // top-level fields of enter.* that are read
	event    map[string]bool  // of event.* in steps
	all      struct{ enter, event bool }
	sent     bool              // an expression may look at any send
	awaits   []*expr.Condition // of `await: {until}`
	becoming []becoming
	windows  map[int]bool    // that its expressions inside an enrollment read
	of       map[string]bool // sends that an `of` names
	chans    map[string]struct{}
	steps    []*Step // by node; made by stepOf

	loops  []int32 // the nodes behind the bodies of repeats
	rounds int     // how often the steps being laid out are reached at most, up to maxEarly
}

// builtin attributes are there undeclared.
var builtin = []expr.Attribute{{Name: "tags", Type: expr.List}, {Name: "consent", Type: expr.Map}, {Name: "timezone", Type: expr.String}}

var attributeTypes = map[string]expr.Type{
	"string": expr.String, "int": expr.Int, "double": expr.Double, "bool": expr.Bool, "date": expr.Date,
	"timestamp": expr.Timestamp, "list": expr.List, "map": expr.Map,
}

func (c *compiler) attributes() {
	c.p.profile = map[string]expr.Type{}
	for _, b := range builtin {
		c.p.profile[b.Name] = b.Type
	}
	var declared []expr.Attribute
	{
		for _, a := range c.ws.Profile.Attributes {
			t, ok := attributeTypes[a.Type.Value]
			if _, twice := c.p.profile[a.Name.Value]; !ok || twice {
				continue // reported by Load
			}
			c.p.profile[a.Name.Value] = t
			declared = append(declared, expr.Attribute{Name: a.Name.Value, Type: t})
		}
	}
	env, err := expr.NewEnv(c.names(declared))
	if err != nil {
		at := yamlfile.Pos{File: "profile.yaml", Line: 1, Col: 1}
		if len(c.ws.Profile.Attributes) > 0 {
			at = c.ws.Profile.Attributes[0].Name.Pos
		}
		c.problems.Errorf(at, "the attributes cannot be used: %v", err)
		env, _ = expr.NewEnv(expr.Names{})
	}
	c.env = env
}

func (c *compiler) journeys() {
	seen := map[string]bool{}
	var heads []*planner
	for _, src := range c.ws.Journeys {
		if seen[src.Name.Value] { // reported by Load
			continue
		}
		seen[src.Name.Value] = true
		heads = append(heads, c.planner(src, c.release.Versions[src.Name.Value], nil))
	}
	heads = c.older(heads)
	for _, p := range heads {
		c.p.byName = append(c.p.byName, p.plan)
	}
	sort.Slice(c.p.byName, func(i, k int) bool { return c.p.byName[i].name < c.p.byName[k].name })
	sort.SliceStable(heads, func(i, k int) bool {
		a, b := heads[i].src, heads[k].src
		if a.Priority != b.Priority {
			return a.Priority > b.Priority
		}
		return a.Name.Value < b.Name.Value
	})
	for rank, p := range heads {
		p.plan.rank = int32(rank)
		c.p.plans = append(c.p.plans, p.plan)
		c.plans = append(c.plans, p)
		for _, o := range p.older {
			o.plan.rank = int32(rank)
			c.plans = append(c.plans, o)
		}
	}
}

// planner makes the planner of a version of a journey; of an older one head is the planner of the newest.
func (c *compiler) planner(src *Journey, version uint64, head *planner) *planner {
	j := &plan{
		name:     src.Name.Value,
		version:  version,
		trail:    trailJourney(src.Name.Value),
		rollout:  share(src.Rollout),
		holdout:  share(src.Holdout),
		keyed:    src.Enter != nil && src.Enter.Key != nil,
		standing: map[string]int32{},
		keepSent: map[string]bool{},
		start:    end,
		zone:     c.p.policies.zone,
	}
	if j.head = j; head != nil {
		j.head = head.plan
	}
	if src.Timezone != nil {
		zone, ok := expr.LoadZone(src.Timezone.Value)
		if ok {
			j.zone = zone
		} else {
			c.problems.Errorf(src.Timezone.Pos, "no time zone is called %s: give a name of the tz database like Europe/Berlin", yamlfile.Quote(src.Timezone.Value))
		}
	}
	return &planner{
		c: c, src: src, plan: j, windows: map[int]bool{},
		ids: map[*Step]string{}, nodes: map[*Step]int32{}, never: map[any]bool{}, sure: map[any]bool{},
		enter: map[string]bool{}, event: map[string]bool{}, of: map[string]bool{}, chans: map[string]struct{}{},
		rounds: 1,
	}
}

// share turns 0..1 into buckets, to the nearest.
func share(x float64) uint32 {
	return uint32(math.Round(math.Max(0, math.Min(1, x)) * buckets))
}

func (c *compiler) identify() {
	for _, p := range c.plans {
		p.walk(func(s *Step) {
			id := s.Place
			switch {
			case s.OwnID != nil:
				id = s.OwnID.Value
			case s.Send != nil:
				id = s.Send.Template.Value
			}
			p.ids[s] = id
			if s.Send != nil {
				p.sends = append(p.sends, id)
				p.chans[s.Send.Channel.Value] = struct{}{}
			}
		})
	}
	all := map[string]struct{}{}
	for _, p := range c.plans {
		for name := range p.chans {
			all[name] = struct{}{}
		}
	}
	for name := range all {
		c.p.channels = append(c.p.channels, name)
	}
	sort.Strings(c.p.channels)
}

// walk calls f for every step of the journey in the order of the file, those of goal and exits first.
func (p *planner) walk(f func(*Step)) {
	if p.src.Goal != nil {
		walkSteps(p.src.Goal.Do, f)
	}
	for _, t := range p.src.Exits {
		walkSteps(t.Do, f)
	}
	walkSteps(p.src.Steps, f)
}

func walkSteps(steps []*Step, f func(*Step)) {
	for _, s := range steps {
		f(s)
		for _, list := range s.lists() {
			walkSteps(list, f)
		}
	}
}

// lists are the step's own lists of steps, in the order of the language.
func (s *Step) lists() [][]*Step {
	var l [][]*Step
	switch {
	case s.Await != nil:
		for _, t := range s.Await.Events {
			l = append(l, t.Do)
		}
		l = append(l, s.Await.Do, s.Await.Timeout)
	case s.Branch != nil:
		for _, a := range s.Branch {
			l = append(l, a.Do)
		}
	case s.Split != nil:
		for i := range s.Split.Arms {
			l = append(l, s.Split.Arms[i].Do)
		}
	case s.Choose != nil:
		for _, c := range s.Choose {
			l = append(l, c.Do)
		}
	case s.Repeat != nil:
		l = append(l, s.Repeat.Do)
	}
	return l
}

// typeID returns the number of an event type, and makes its index.
func (c *compiler) typeID(name string) int32 {
	t, ok := c.p.types[name]
	if !ok {
		t = &typeIndex{name: name, id: int32(len(c.p.types))}
		c.p.types[name] = t
	}
	return t.id
}
