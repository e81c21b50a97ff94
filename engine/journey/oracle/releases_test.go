package oracle

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	engine "wend/engine/journey"
	"wend/schemas"
)

// released runs a case with changes through the engine as a shard does: a change is obeyed behind all that was before it,
// and then every customer is looked at.
type released struct {
	programs []*engine.Program // the first, and behind each change
	p        *engine.Program
	since    map[engine.MomentTrigger]int64
	docs     map[string]*schemas.Document
	out      engine.Effects
	trace    []engine.Traced
	told     []string // without a trace: actions, and what each Step counted
	work     int
}

// newReleased compiles the releases of a case, plainly (engine.Release.Plain) or not. Deploys that the engine refuses are
// taken out of it.
func newReleased(s *scenario, plain bool) (*released, string) {
	r := &released{since: map[engine.MomentTrigger]int64{}, docs: map[string]*schemas.Document{}}
	r.out.Tracing = true
	release := &engine.Release{Status: map[string]engine.Status{}}
	newest := map[string]engine.OlderVersion{} // of every journey that there was
	compile := func(journeys []map[string]any, policies map[string]any, at int64) (*engine.Program, string) {
		next := scenario{journeys: journeys}
		ws, problems := engine.LoadFiles(map[string][]byte{
			"journeys/case.yaml": []byte(next.journeysYAML()), "profile.yaml": []byte(printYAML(s.profile)), "policies.yaml": []byte(printYAML(policies)),
		})
		if problems.Failed() {
			return nil, fmt.Sprint(problems)
		}
		x := &engine.Release{Current: ws, Versions: map[string]uint64{}, Older: slices.Clone(release.Older), Status: release.Status, Deployed: at, Plain: plain}
		next2 := map[string]engine.OlderVersion{}
		for name, was := range newest {
			next2[name] = was
		}
		for _, j := range ws.Journeys {
			name := j.Name.Value
			version := newest[name].Version
			if was := newest[name].Journey; was == nil || was.Hash() != j.Hash() {
				version++
			}
			x.Versions[name] = version
			next2[name] = engine.OlderVersion{Journey: j, Version: version}
		}
		known := func(o engine.OlderVersion) bool {
			return slices.ContainsFunc(x.Older, func(y engine.OlderVersion) bool {
				return y.Version == o.Version && y.Journey.Name.Value == o.Journey.Name.Value
			})
		}
		for _, name := range keysOf(newest) {
			if was := newest[name]; !known(was) {
				x.Older = append(x.Older, was)
			}
		}
		x.Older = slices.DeleteFunc(x.Older, func(o engine.OlderVersion) bool { return o.Version == x.Versions[o.Journey.Name.Value] })
		p, problems := engine.CompileRelease(x)
		if p == nil {
			return nil, fmt.Sprint(problems)
		}
		release, newest = x, next2
		return p, ""
	}
	p, wrong := compile(s.journeys, s.policies, 0)
	if wrong != "" {
		return nil, wrong
	}
	r.programs = []*engine.Program{p}
	var changes []*change
	for _, x := range s.changes {
		switch {
		case x.pause != "" || x.resume != "":
			status := map[string]engine.Status{}
			for name, was := range release.Status {
				status[name] = was
			}
			was := status[x.pause+x.resume]
			was.Paused = x.pause != ""
			if !was.Paused {
				was.Resumed, was.Spread = x.at, x.spread
			}
			status[x.pause+x.resume] = was
			next := *release
			next.Status = status
			release = &next
			p = p.Under(status, release.Deployed)
		default:
			next, wrong := compile(x.journeys, x.policies, x.at)
			if wrong != "" {
				continue
			}
			p = next
		}
		changes, r.programs = append(changes, x), append(r.programs, p)
	}
	s.changes = changes
	return r, ""
}

// adopt goes on by a program from a moment on.
func (r *released) adopt(p *engine.Program, at int64) {
	since := map[engine.MomentTrigger]int64{}
	for _, m := range p.Moments() {
		was, known := r.since[m]
		switch {
		case known:
			since[m] = was
		case r.p == nil:
			since[m] = schemas.NoTime
		default:
			since[m] = at
		}
	}
	r.p, r.since = p, since
	for _, name := range keysOf(r.docs) {
		if p.Stale(r.docs[name]) {
			r.step(name, engine.Input{Until: schemas.NoTime})
		}
	}
}

func (r *released) step(customer string, in engine.Input) {
	doc := r.docs[customer]
	if doc == nil {
		doc = schemas.NewDocument()
		r.docs[customer] = doc
	}
	for _, m := range r.p.Moments() {
		in.Since = append(in.Since, r.since[m])
	}
	for again := true; again; again = r.out.More {
		if r.work++; r.work > maxWork {
			panic("it does not come to an end")
		}
		r.p.Step(customer, doc, in, &r.out)
		for _, d := range r.out.Decisions {
			r.trace = append(r.trace, engine.Traced{Customer: customer, Decision: d})
		}
		if !r.out.Tracing {
			for i := range r.out.Actions {
				r.told = append(r.told, string(r.out.Actions[i].AppendJSON(nil)))
			}
			r.told = append(r.told, fmt.Sprintf("%s %+v %v", customer, r.out.Counters, r.out.Changed))
		}
		more := r.out.More
		r.out.Reset()
		r.out.More = more
	}
	again, err := schemas.DecodeDocument(doc.Append(nil))
	if err != nil {
		panic(err)
	}
	r.docs[customer] = again
}

func (r *released) run(s *scenario) (lines []string, err error) {
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("the engine panics: %v", x)
		}
	}()
	changes, programs := s.changes, r.programs[1:]
	change := func() {
		for _, name := range keysOf(r.docs) {
			r.step(name, engine.Input{Until: changes[0].at})
		}
		r.adopt(programs[0], changes[0].at)
		changes, programs = changes[1:], programs[1:]
	}
	r.adopt(r.programs[0], 0)
	err = engine.ReadLog(strings.NewReader(strings.Join(s.log, "\n")), schemas.Format{}, func(l *engine.LogLine) {
		for len(changes) > 0 && changes[0].before < l.Number {
			change()
		}
		r.step(strings.Clone(l.Event.Customer), engine.Input{Event: &l.Event})
	}, func(int, string) {})
	if err != nil {
		return nil, err
	}
	for len(changes) > 0 {
		change()
	}
	for _, name := range keysOf(r.docs) {
		r.step(name, engine.Input{Until: s.until})
	}
	sort.SliceStable(r.trace, func(i, k int) bool {
		a, b := &r.trace[i], &r.trace[k]
		if a.Time != b.Time {
			return a.Time < b.Time
		}
		return a.Customer < b.Customer
	})
	return linesOf(r.trace)
}
