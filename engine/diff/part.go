package diff

import (
	"slices"
	"strings"

	"wend/engine/journey"
	"wend/engine/replay"
	"wend/schemas"
)

// part simulates some of the customers in both workspaces.
type part struct {
	before, after *journey.Simulation // of the same customers in the same order
	first         []int               // line of each customer's first event
	order         []*customer
	customers     map[string]*customer
	totals        map[totalKey]*Total
	events        uint64
	count         int // customers, once it is finished

	changed Customers
	rows    []customerRows
}

// customerRows are a customer's rows in order.
type customerRows struct {
	name string
	rows []Row
}

type totalKey struct{ journey, channel string }

// customer is what differs so far: actions of one workspace that the other did not decide on the same event.
type customer struct{ before, after []schemas.Action }

func newPart(before, after *journey.Program, until int64) *part {
	o := journey.SimulateOptions{Until: until}
	return &part{
		before: journey.NewSimulation(before, o), after: journey.NewSimulation(after, o),
		customers: map[string]*customer{}, totals: map[totalKey]*Total{},
	}
}

// Offer implements replay.Part.
func (p *part) Offer(line int, ev *schemas.Event) {
	p.events++
	c := p.customers[ev.Customer]
	if c == nil {
		c = &customer{}
		p.customers[strings.Clone(ev.Customer)] = c
		p.first, p.order = append(p.first, line), append(p.order, c)
	}
	p.before.Offer(ev)
	p.after.Offer(ev)
	p.take(c)
}

// Finish implements replay.Part.
func (p *part) Finish(newest int64) *replay.Failure {
	for i, line := range p.first {
		for _, s := range [...]*journey.Simulation{p.before, p.after} {
			if err := s.FinishCustomer(i, newest); err != nil {
				return &replay.Failure{Line: line, Err: err}
			}
		}
		p.take(p.order[i])
	}
	p.finish()
	p.before, p.after, p.count, p.customers, p.order = nil, nil, len(p.customers), nil, nil // only what differs is wanted any more
	return nil
}

// take takes what was decided since the last time, all of it on one customer.
func (p *part) take(c *customer) {
	had, has := len(c.before), len(c.after)
	p.before.Take(func(a *schemas.Action) { c.before = append(c.before, *a) })
	p.after.Take(func(a *schemas.Action) { c.after = append(c.after, *a) })
	p.cancel(c, had, has)
}

// cancel counts the actions from had and has on, and lets go of those that both decided alike.
func (p *part) cancel(c *customer, had, has int) {
	for i := had; i < len(c.before); i++ {
		p.total(&c.before[i]).Before++
	}
	for i := has; i < len(c.after); i++ {
		p.total(&c.after[i]).After++
	}
	if had == len(c.before) || has == len(c.after) {
		return
	}
	fresh := c.before[had:]
	kept := had
	for i := range fresh {
		a := fresh[i]
		k := slices.IndexFunc(c.after[has:], func(b schemas.Action) bool { return same(&a, &b) })
		if k < 0 {
			c.before[kept] = a
			kept++
			continue
		}
		p.total(&a).Same++
		c.after = slices.Delete(c.after, has+k, has+k+1)
	}
	clear(c.before[kept:])
	c.before = c.before[:kept]
}

func (p *part) total(a *schemas.Action) *Total {
	k := totalKey{a.Journey, a.Channel}
	t := p.totals[k]
	if t == nil {
		t = &Total{}
		p.totals[k] = t
	}
	return t
}

// finish matches what is left and counts it.
func (p *part) finish() {
	for name, c := range p.customers {
		if len(c.before)+len(c.after) == 0 {
			continue
		}
		rows := match(name, c.before, c.after)
		shown := rows[:0]
		var sum Customers
		for i := range rows {
			r := &rows[i]
			t := p.total(r.Action())
			switch {
			case r.Before == nil:
				t.Gained++
				sum.Gain = 1
			case r.After == nil:
				t.Lost++
				sum.Lose = 1
			case !r.Time && !r.Variant && !r.Content:
				t.Same++
				continue
			default:
				t.Changed++
				count(r.Time, &t.Time, &sum.Time)
				count(r.Variant, &t.Variant, &sum.Variant)
				count(r.Content, &t.Content, &sum.Content)
			}
			sum.Any = 1
			shown = append(shown, *r)
		}
		p.changed.add(&sum)
		if len(shown) > 0 {
			slices.SortFunc(shown, compareRows)
			p.rows = append(p.rows, customerRows{name, shown})
		}
	}
}

func count(is bool, total, customer *uint64) {
	if is {
		*total++
		*customer = 1
	}
}
