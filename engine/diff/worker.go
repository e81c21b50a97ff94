package diff

import (
	"slices"

	"wend/engine/journey"
	"wend/schemas"
)

const (
	batchEvents = 256 // events handed over at once
	batchBytes  = 1 << 16
	batchAhead  = 4 // batches that the reader may be ahead of a worker
)

// batch is lines of the log on their way to a worker, with text of their own.
type batch struct {
	text  []byte
	lines []batchLine
}

type batchLine struct {
	end    int // in text; the next begins there
	number int
	time   int64
}

// worker simulates some of the customers in both workspaces. The reader owns filling; run owns everything else until
// group.Wait.
type worker struct {
	filling *batch
	batches chan *batch
	used    chan *batch // back to the reader
	broken  bool        // the log could not be read to its end; set before batches is closed
	newest  int64       // time of the newest event of the whole log; set before batches is closed
	until   int64

	decoder       *schemas.Decoder
	before, after *journey.Simulation
	customers     map[string]*customer
	totals        map[totalKey]*Total
	events        uint64

	changed Customers
	rows    []Row
}

type totalKey struct{ journey, channel string }

// customer is what differs so far: actions of one workspace that the other did not decide on the same event.
type customer struct{ before, after []schemas.Action }

func newWorker(before, after *journey.Program, o Options) (*worker, error) {
	d, err := schemas.NewDecoder(o.Format)
	if err != nil {
		return nil, err
	}
	so := journey.SimulateOptions{Until: o.Until}
	return &worker{
		filling: &batch{}, batches: make(chan *batch, batchAhead), used: make(chan *batch, batchAhead+2),
		until: o.Until, decoder: d, before: journey.NewSimulation(before, so), after: journey.NewSimulation(after, so),
		customers: map[string]*customer{}, totals: map[totalKey]*Total{},
	}, nil
}

// send copies a line for the worker.
func (w *worker) send(l *journey.LogLine) {
	b := w.filling
	b.text = append(b.text, l.Raw...)
	b.lines = append(b.lines, batchLine{len(b.text), l.Number, l.Event.Time})
	if len(b.lines) >= batchEvents || len(b.text) >= batchBytes {
		w.batches <- b
		select {
		case w.filling = <-w.used:
		default:
			w.filling = &batch{}
		}
	}
}

// close says that there is no more to come, and when the newest event of all workers is.
func (w *worker) close(newest int64, broken bool) {
	w.newest, w.broken = newest, broken
	w.batches <- w.filling
	close(w.batches)
}

func (w *worker) run() error {
	var failed error
	for b := range w.batches {
		if failed == nil {
			failed = w.simulate(b)
		}
		b.text, b.lines = b.text[:0], b.lines[:0]
		select {
		case w.used <- b:
		default:
		}
	}
	if failed != nil || w.broken {
		return failed
	}
	if w.until == schemas.NoTime {
		// What recurs for ever ends with the newest event of the log, which another worker may have.
		for name := range w.customers {
			w.before.Advance(name, w.newest)
			w.after.Advance(name, w.newest)
		}
	}
	if err := w.before.Finish(); err != nil {
		return err
	}
	if err := w.after.Finish(); err != nil {
		return err
	}
	w.takeAll()
	w.finish()
	return nil
}

func (w *worker) simulate(b *batch) error {
	var l journey.LogLine
	from := 0
	for _, x := range b.lines {
		l.Number, l.Raw = x.number, b.text[from:x.end]
		from = x.end
		if err := l.Again(w.decoder, x.time); err != nil {
			return err
		}
		w.events++
		c := w.customers[l.Event.Customer]
		if c == nil {
			c = &customer{}
			w.customers[string(append([]byte(nil), l.Event.Customer...))] = c
		}
		w.before.Offer(&l.Event)
		w.after.Offer(&l.Event)
		had, has := len(c.before), len(c.after)
		w.before.Take(func(a *schemas.Action) { c.before = append(c.before, *a) })
		w.after.Take(func(a *schemas.Action) { c.after = append(c.after, *a) })
		w.cancel(c, had, has)
	}
	return nil
}

// takeAll takes what was decided behind the end of the log, of all customers.
func (w *worker) takeAll() {
	had := map[*customer][2]int{}
	of := func(a *schemas.Action) *customer {
		c := w.customers[a.Customer]
		if _, ok := had[c]; !ok {
			had[c] = [2]int{len(c.before), len(c.after)}
		}
		return c
	}
	w.before.Take(func(a *schemas.Action) { c := of(a); c.before = append(c.before, *a) })
	w.after.Take(func(a *schemas.Action) { c := of(a); c.after = append(c.after, *a) })
	for c, n := range had {
		w.cancel(c, n[0], n[1])
	}
}

// cancel counts the actions from had and has on, and lets go of those that both decided alike.
func (w *worker) cancel(c *customer, had, has int) {
	for i := had; i < len(c.before); i++ {
		w.total(&c.before[i]).Before++
	}
	for i := has; i < len(c.after); i++ {
		w.total(&c.after[i]).After++
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
		w.total(&a).Same++
		c.after = slices.Delete(c.after, has+k, has+k+1)
	}
	clear(c.before[kept:])
	c.before = c.before[:kept]
}

func (w *worker) total(a *schemas.Action) *Total {
	k := totalKey{a.Journey, a.Channel}
	t := w.totals[k]
	if t == nil {
		t = &Total{}
		w.totals[k] = t
	}
	return t
}

// finish matches what is left and counts it.
func (w *worker) finish() {
	for name, c := range w.customers {
		if len(c.before)+len(c.after) == 0 {
			continue
		}
		rows := match(name, c.before, c.after)
		var sum Customers
		for i := range rows {
			r := &rows[i]
			t := w.total(r.Action())
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
			w.rows = append(w.rows, *r)
		}
		w.changed.add(&sum)
	}
}

func count(is bool, total, customer *uint64) {
	if is {
		*total++
		*customer = 1
	}
}
