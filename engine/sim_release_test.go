package engine

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"wend/connectors/batch"
	"wend/engine/journey"
	"wend/schemas"
)

// Releases in the simulation: workspaces are deployed one after another and journeys paused and resumed, at any moment;
// processes read APP.control late; and what the oracle does between two changes it does by the program that held there, of
// which the journal's heads say where it begins.

// simVariants are workspaces that are deployed in the place of simFiles, by what differs.
var simVariants = []map[string]string{
	{},
	{
		"journeys/now.yaml":   "journey: now\nenter: {on: purchase, again: always}\nsteps:\n  - {send: shop, template: thanks}\n  - wait: 4ms\n  - {send: mail, template: more}\n",
		"journeys/later.yaml": "journey: later\non_update: follow\nmoves: {\"steps[0]\": first, \"steps[2]\": second}\nenter: {on: purchase, again: always}\nsteps:\n  - {id: first, wait: 6ms}\n  - {send: mail, template: reminder}\n  - {id: second, wait: 2ms}\n  - {send: shop, template: last}\n",
		"journeys/nap.yaml":   "",
	},
	{
		"journeys/now.yaml":   "journey: now\non_update: exit\nenter: {on: browse, again: always}\nsteps:\n  - {send: shop, template: thanks}\n",
		"journeys/later.yaml": "journey: later\non_update: follow\nenter: {on: purchase, again: always}\nsteps:\n  - {id: first, wait: 2ms}\n  - {send: mail, template: reminder}\n",
		"journeys/cart.yaml":  "journey: cart\non_update: exit\nenter: {on: add_to_cart, again: after_exit}\nsteps:\n  - wait: 12ms\n  - {send: mail, template: cart}\n",
	},
	{
		"journeys/cart.yaml": "journey: cart\nenter: {on: add_to_cart, again: always}\nexit: [{on: browse}]\nsteps:\n  - wait: 45ms\n  - {send: shop, template: cart}\n  - wait: 5ms\n",
		"journeys/moments.yaml": "journey: silent\nenter: {inactive: {for: 40ms, of: browse}, again: always}\nsteps:\n  - {send: mail, template: silent}\n---\n" +
			"journey: soon\nenter: {schedule: {at: [\"2023-11-14T22:14\", \"2023-11-14T22:15\"], spread: 20s}}\nsteps:\n  - {send: shop, template: soon}\n",
		"profile.yaml": "attributes: {purchases: int, note: string}\nupdate:\n  - {on: note, set: event.traits}\n",
	},
}

// simJourneys are the names of all journeys of the variants.
var simJourneys = []string{"cart", "later", "nap", "now", "silent", "soon"}

// simReleases is what a schedule has deployed.
type simReleases struct {
	on       bool
	deployed []simDeployed // by number
	status   map[string]schemas.Status
	writes   int
	control  int64 // of the newest head
	changes  []simChange
}

// simDeployed is a release: a variant, and what its journeys' versions are.
type simDeployed struct {
	tag      string
	variant  int
	versions map[string]uint64
	older    []simOlder
	time     int64
	key      string // of what is compiled, for simKit.programs
}

type simOlder struct {
	journey string
	version uint64
	variant int
}

// simChange is where in the journal another release holds, or another status.
type simChange struct {
	release   uint64
	status    map[string]schemas.Status
	position  int64 // source offset: what lies below was decided before
	documents map[string][]byte
	moments   []schemas.MomentSince
}

// workspace gives a variant.
func (k *simKit) workspace(variant int) *journey.Workspace {
	for len(k.variants) < len(simVariants) {
		texts := map[string][]byte{}
		for name, text := range simFiles {
			if other, differs := simVariants[len(k.variants)][name]; differs {
				text = other
			}
			if text != "" {
				texts[name] = []byte(text)
			}
		}
		ws, problems := journey.LoadFiles(texts)
		if problems.Failed() {
			panic(fmt.Sprint(len(k.variants), problems)) // in a test
		}
		k.variants = append(k.variants, ws)
	}
	return k.variants[variant]
}

// hash is the journey's.
func (k *simKit) hash(j *journey.Journey) string {
	h, known := k.hashes[j]
	if !known {
		h = j.Hash()
		if k.hashes == nil {
			k.hashes = map[*journey.Journey]string{}
		}
		k.hashes[j] = h
	}
	return h
}

func (k *simKit) journey(variant int, name string) *journey.Journey {
	ws := k.workspace(variant)
	i := slices.IndexFunc(ws.Journeys, func(j *journey.Journey) bool { return j.Name.Value == name })
	if i < 0 {
		return nil
	}
	return ws.Journeys[i]
}

// programOf compiles a release with a status; 0 is what processes are started with.
func (s *sim) programOf(number uint64, status map[string]schemas.Status) *journey.Program {
	if number == 0 {
		return s.program
	}
	d := &s.releases.deployed[number-1]
	of := map[string]journey.Status{}
	for name, x := range status {
		of[name] = journey.Status{Paused: x.Paused, Resumed: x.Resumed, Spread: x.Spread}
	}
	if d.key == "" {
		d.key = fmt.Sprint(d.variant, d.versions, d.older)
	}
	if p := s.programs[d.key]; p != nil {
		return p.Under(of, d.time)
	}
	r := &journey.Release{Current: s.workspace(d.variant), Versions: d.versions, Status: of, Deployed: d.time}
	for _, o := range d.older {
		r.Older = append(r.Older, journey.OlderVersion{Journey: s.journey(o.variant, o.journey), Version: o.version})
	}
	p, problems := journey.CompileRelease(r)
	if p == nil {
		s.fail("release %d: %v", number, problems)
		return s.program
	}
	if len(s.programs) > 5000 || s.programs == nil {
		s.programs = map[string]*journey.Program{}
	}
	s.programs[d.key] = p
	return p
}

// beginReleases has the first variant deployed before anything happens, as `wend run` does.
func (s *sim) beginReleases() {
	s.releases = simReleases{on: true, status: map[string]schemas.Status{}}
	s.deploy(0, false)
}

// deploy puts a variant on APP.control; void: as one of two who deploy at once does who comes second.
func (s *sim) deploy(variant int, void bool) {
	r := &s.releases
	r.writes++
	list := &schemas.Release{Number: uint64(len(r.deployed)) + 1, ID: fmt.Sprint(r.writes), Time: s.wall}
	if void {
		list.Number--
		s.tally[sawDeployVoid]++
	} else {
		s.tally[sawDeploy]++
		d := s.versionsOf(variant, list.Tag())
		d.time = list.Time
		r.deployed = append(r.deployed, d)
	}
	s.note("%s deploys workspace %d", list.Tag(), variant)
	value, err := list.Append(nil)
	if err != nil {
		s.fail("%w", err)
	}
	s.command(list.Key(), value)
}

// versionsOf counts up as a deploy does, and keeps all that were ever newest.
func (s *sim) versionsOf(variant int, tag string) simDeployed {
	d := simDeployed{tag: tag, variant: variant, versions: map[string]uint64{}}
	last := map[string]simOlder{} // the newest version of each journey so far
	for i := range s.releases.deployed {
		x := &s.releases.deployed[i]
		for name, version := range x.versions {
			if version > last[name].version {
				last[name] = simOlder{name, version, x.variant}
				d.older = append(d.older, last[name])
			}
		}
	}
	for _, j := range s.workspace(variant).Journeys {
		name := j.Name.Value
		was, known := last[name]
		d.versions[name] = was.version
		if !known || s.hash(s.journey(was.variant, name)) != s.hash(j) {
			d.versions[name]++
		}
	}
	d.older = slices.DeleteFunc(d.older, func(o simOlder) bool { return d.versions[o.journey] == o.version })
	slices.SortFunc(d.older, func(a, b simOlder) int { return compareVersions(a.journey, a.version, b.journey, b.version) })
	return d
}

// deployOne is a step.
func (s *sim) deployOne() {
	if !s.releases.on || len(s.releases.deployed) > 6 {
		return
	}
	s.deploy(s.draw(len(simVariants)), s.draw(4) == 3)
}

// pauseOne is a step: it pauses a journey, or resumes it.
func (s *sim) pauseOne() {
	if !s.releases.on {
		return
	}
	name := simJourneys[s.draw(len(simJourneys))]
	x := s.releases.status[name]
	if x.Paused = !x.Paused; x.Paused {
		s.tally[sawPause]++
	} else {
		s.tally[sawResume]++
		x.Resumed, x.Spread = s.wall, []int64{0, 20}[s.draw(2)]
	}
	s.releases.status[name] = x
	s.note("%s is paused: %v, at %d", name, x.Paused, s.wall)
	value, err := x.Append(nil)
	if err != nil {
		s.fail("%w", err)
	}
	s.command(schemas.ControlKey(schemas.ControlStatus, name), value)
}

// simReader is what an owner's process has read of APP.control.
type simReader struct {
	next    int64
	list    []command // that are not of releases
	running *running
	asleep  int // for so many passes it reads nothing
}

// simControl is what APP.control says. Every process reads the same, so it is read once, record by record, as the first
// process does.
type simControl struct {
	releases releases
	records  []simControlRecord // by offset
}

// simControlRecord is a record, and what holds behind it.
type simControlRecord struct {
	command
	ours    bool             // it is of releases
	holds   *schemas.Release // nil: none
	status  map[string]schemas.Status
	running *running // made of these once it is asked for
}

// readControl takes what has come to APP.control.
func (s *sim) readControl() error {
	c := &s.control
	l := s.broker.log(s.commands)
	for i := l.place(c.releases.next); i < len(l.batches); i++ {
		list, _, err := readCommands(l.batches[i].raw, c.releases.next)
		if err != nil {
			return err
		}
		for _, x := range list {
			r := simControlRecord{command: x}
			if n := len(c.records); n > 0 {
				r.holds, r.status = c.records[n-1].holds, c.records[n-1].status
			}
			if r.ours, err = c.releases.take(&x); err != nil {
				return err
			}
			if r.ours {
				r.status = maps.Clone(c.releases.status)
				if x := c.releases.holding(); x != nil {
					r.holds = x.list
				}
			}
			if x.offset != int64(len(c.records)) {
				return fmt.Errorf("command %d of APP.control is at offset %d", len(c.records), x.offset)
			}
			c.records = append(c.records, r)
		}
	}
	return nil
}

// readOn reads APP.control up to an offset.
func (s *sim) readOn(p *simReader, to int64) {
	if err := s.readControl(); err != nil {
		s.fail("%w", err)
		return
	}
	ours := false
	for i := range s.control.records[:max(to, p.next)][p.next:] {
		r := &s.control.records[p.next+int64(i)]
		if ours = ours || r.ours; r.ours {
			continue
		}
		p.list = slices.DeleteFunc(p.list, func(old command) bool { return old.key == r.key })
		if r.value != nil {
			p.list = append(p.list, r.command)
		}
	}
	if p.next = max(p.next, to); !ours {
		return
	}
	if r := &s.control.records[p.next-1]; r.holds != nil {
		if r.running == nil {
			r.running = &running{release: r.holds.Number, program: s.programOf(r.holds.Number, r.status), name: nameOf(r.holds, r.status)}
		}
		p.running = r.running
	}
}

// journaledUnit notes what the journal takes: head and documents, and where a release begins.
func (s *sim) journaledUnit(raw []byte) {
	var head *schemas.Head
	err := readRecords(&s.reader, raw, func(r *batch.Record) (err error) {
		switch {
		case string(r.Key) == string(keyHead):
			head, err = schemas.DecodeHead(r.Value)
		case bytes.HasPrefix(r.Key, keyDocument):
			s.documents[s.name(r.Key[len(keyDocument):])] = r.Value
		}
		return err
	})
	if err != nil {
		s.fail("a unit: %w", err)
	}
	if head == nil {
		return
	}
	s.head = *head
	r := &s.releases
	if !r.on || head.Control <= r.control {
		return
	}
	var p simReader
	s.readOn(&p, head.Control)
	if p.running == nil || p.running.release != head.Release {
		s.wrong("releases", "a head says release %d where APP.control has another up to %d", head.Release, head.Control)
		return
	}
	r.control = head.Control
	r.changes = append(r.changes, simChange{head.Release, s.control.records[head.Control-1].status, head.Sources[0].Offset, maps.Clone(s.documents), head.Moments})
}

// changeOver has the oracle go on by another program where the journal says so. What was journaled there must be what the
// former makes of all before; whether an owner had come to look at a customer since its last event, is left to it.
func (o *simOracle) changeOver(s *sim, c *simChange) error {
	for _, customer := range slices.Sorted(maps.Keys(c.documents)) {
		was, err := schemas.DecodeDocument(c.documents[customer])
		if err != nil {
			return err
		}
		x := o.customer(customer)
		for _, until := range [...]int64{schemas.NoTime, was.Time} {
			if bytes.Equal(x.raw, c.documents[customer]) {
				break
			}
			if _, err := o.step(s, customer, journey.Input{Until: until}); err != nil {
				return err
			}
			if bytes.Equal(o.raw, c.documents[customer]) {
				o.keep(s, customer)
			} else {
				o.leave(customer)
			}
		}
		if !bytes.Equal(x.raw, c.documents[customer]) {
			s.wrong("documents", "of %s before release %d: want\n%x\ngot\n%x", customer, c.release, x.raw, c.documents[customer])
		}
	}
	o.program, o.since = s.programOf(c.release, c.status), nil
	for _, m := range o.program.Moments() {
		i := slices.IndexFunc(c.moments, func(x schemas.MomentSince) bool {
			return x.Journey == m.Journey && x.Trigger == m.Trigger && x.Spec == m.Spec
		})
		if i < 0 {
			s.wrong("releases", "the head of release %d does not say since when %s waits for a moment", c.release, strings.TrimSpace(m.Journey+" "+m.Trigger))
			return nil
		}
		o.since = append(o.since, c.moments[i].Since)
	}
	return nil
}
