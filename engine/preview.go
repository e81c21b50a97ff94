package engine

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"wend/engine/journey"
	"wend/schemas"
)

// Preview is what a release would do to those who are inside, counted by what comes of them.
type Preview struct {
	program *journey.Program
	since   []int64
	effects journey.Effects
	counts  map[Prospect]*Prospects
}

// Prospect is what would come of an enrollment.
type Prospect struct {
	Place
	Becomes Becomes
	To      Place  // for stays and moves
	Reason  string // for exits
}

// Becomes names what would come of an enrollment.
type Becomes string

const (
	BecomesStays Becomes = "stays" // on the version that it has, at the step where it stands
	BecomesMoves Becomes = "moves" // to another version
	BecomesExits Becomes = "exits"
)

// Prospects are all enrollments with one Prospect.
type Prospects struct {
	Prospect
	Enrollments int64
	First, Last int64 // when the earliest and the latest of them are due, ms; schemas.Never: none is
}

// NewPreview makes one of a deployment.
func NewPreview(d *Deployment) *Preview {
	p := &Preview{program: d.Program, counts: map[Prospect]*Prospects{}}
	for range d.Program.Moments() {
		p.since = append(p.since, time.Now().UnixMilli())
	}
	p.effects.Tracing = true
	return p
}

// Customer takes a customer's document, which it changes: it has the customer change over. It fits CensusOptions.
func (p *Preview) Customer(customer string, doc *schemas.Document) error {
	type who struct {
		journey string
		number  uint64
	}
	before := map[who]Place{}
	journey.Inside(doc, func(s journey.Standing) {
		if !s.Ended {
			before[who{s.Journey, s.Number}] = Place{s.Journey, s.Version, s.Step}
		}
	})
	if len(before) == 0 {
		return nil
	}
	p.effects.Reset()
	p.program.Step(customer, doc, journey.Input{Until: schemas.NoTime, Since: p.since}, &p.effects)
	for i := range doc.Journeys.Len() {
		js := doc.Journeys.At(i)
		for k := range js.Running {
			en := &js.Running[k]
			from, was := before[who{js.Journey, en.Number}]
			if !was {
				continue
			}
			delete(before, who{js.Journey, en.Number})
			x := Prospect{Place: from, Becomes: BecomesStays, To: Place{js.Journey, en.Version, en.Step}}
			if x.To != from {
				x.Becomes = BecomesMoves
			}
			p.add(x, en.Due)
		}
	}
	for i := range p.effects.Decisions {
		d := &p.effects.Decisions[i]
		id := who{d.Journey, d.Enrollment}
		if from, was := before[id]; was && d.Kind == journey.DecidedExit {
			p.add(Prospect{Place: from, Becomes: BecomesExits, Reason: d.Reason}, schemas.Never)
			delete(before, id)
		}
	}
	return nil
}

func (p *Preview) add(x Prospect, due int64) {
	c := p.counts[x]
	if c == nil {
		c = &Prospects{Prospect: x, First: schemas.Never, Last: schemas.Never}
		p.counts[x] = c
	}
	c.Enrollments++
	if due == schemas.Never {
		return
	}
	c.First = min(c.First, due)
	if c.Last == schemas.Never || c.Last < due {
		c.Last = due
	}
}

// Prospects gives the counts in order of journey, version and step.
func (p *Preview) Prospects() []Prospects {
	var all []Prospects
	for _, c := range p.counts {
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b Prospects) int {
		return cmp.Or(comparePlaces(a.Place, b.Place), strings.Compare(string(a.Becomes), string(b.Becomes)), comparePlaces(a.To, b.To), strings.Compare(a.Reason, b.Reason))
	})
	return all
}

func comparePlaces(a, b Place) int {
	return cmp.Or(compareVersions(a.Journey, a.Version, b.Journey, b.Version), strings.Compare(a.Step, b.Step))
}

// Places gives where enrollments are, in order.
func (c *Census) Places() []Place { return slices.SortedFunc(maps.Keys(c.Inside), comparePlaces) }
