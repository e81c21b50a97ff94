package examples

import (
	"container/heap"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"
)

// Shoppers are the made-up customers of the shop: they come, look at a few things, fill a cart, and pay, or forget to.
// Theirs is a time given from outside, so a test may run an hour of them at once. Not for concurrent use.
type Shoppers struct {
	random  *rand.Rand
	rate    float64 // arrivals a second
	plans   plans   // what is going to happen, soonest first
	arrival time.Time
	id      string // makes event ids of one run differ from another's
	events  uint64
	known   map[string]bool // customers who registered
}

// ShopEvent is an event of a shopper, as it goes to the source topic.
type ShopEvent struct {
	At       time.Time
	Customer string
	Type     string
	JSON     []byte
}

// NewShoppers makes shoppers whose visits bring about perSecond events a second, beginning at start. The run tells the
// event ids of one crowd from those of another; the same seed and run give the same events.
func NewShoppers(seed uint64, run string, perSecond float64, start time.Time) *Shoppers {
	const eventsPerVisit = 3.5 // measured; only the rate's meaning hangs on it
	return &Shoppers{
		random: rand.New(rand.NewPCG(seed, 1)), rate: perSecond / eventsPerVisit,
		arrival: start, id: run, known: map[string]bool{},
	}
}

// Next gives the events up to a moment, in order of time.
func (s *Shoppers) Next(until time.Time) []ShopEvent {
	for s.rate > 0 && !s.arrival.After(until) {
		s.visit(s.arrival)
		s.arrival = s.arrival.Add(time.Duration(s.random.ExpFloat64() / s.rate * float64(time.Second)))
	}
	var out []ShopEvent
	for len(s.plans) > 0 && !s.plans[0].at.After(until) {
		p := heap.Pop(&s.plans).(plan)
		out = append(out, s.event(p))
	}
	return out
}

// NextAt is when the next event is due; in the meantime nothing happens but what Received brings.
func (s *Shoppers) NextAt() time.Time {
	if len(s.plans) > 0 && s.plans[0].at.Before(s.arrival) {
		return s.plans[0].at
	}
	return s.arrival
}

// Received says that a push reached its customer, who may open it.
func (s *Shoppers) Received(customer, actionID string, at time.Time) {
	if s.random.Float64() < 0.3 {
		s.plan(at.Add(s.between(time.Second, 5*time.Second)), customer, "push_opened", map[string]any{"action_id": actionID})
	}
}

// visit plans one shopper's way through the shop.
func (s *Shoppers) visit(at time.Time) {
	who := s.customer()
	if !s.known[who.id] {
		s.known[who.id] = true
		s.plan(at, who.id, "register", map[string]any{"traits": map[string]any{"first_name": who.name, "city": who.city}})
	}
	favourite := s.product()
	for range 1 + s.random.IntN(4) {
		at = at.Add(s.between(150*time.Millisecond, time.Second))
		look := favourite
		if s.random.Float64() < 0.4 {
			look = s.product()
		}
		s.plan(at, who.id, "browse", map[string]any{"sku": look.sku})
	}
	if s.random.Float64() < 0.45 {
		cart := fmt.Sprintf("k%s%d", s.id, s.random.Uint32())
		at = at.Add(s.between(200*time.Millisecond, time.Second))
		s.plan(at, who.id, "add_to_cart", map[string]any{"cart_id": cart, "sku": favourite.sku, "price": favourite.price})
		if s.random.Float64() < 0.6 {
			at = at.Add(s.between(time.Second, 9*time.Second)) // some pay only after the reminder
			s.plan(at, who.id, "purchase", map[string]any{"cart_id": cart, "sku": favourite.sku, "price": favourite.price})
		}
	}
}

func (s *Shoppers) plan(at time.Time, customer, kind string, fields map[string]any) {
	heap.Push(&s.plans, plan{at: at, order: s.events, customer: customer, kind: kind, fields: fields})
	s.events++
}

func (s *Shoppers) event(p plan) ShopEvent {
	p.fields["event_id"] = fmt.Sprintf("%s-%d", s.id, p.order)
	p.fields["customer_id"] = p.customer
	p.fields["type"] = p.kind
	p.fields["ts"] = p.at.UnixMilli()
	b, err := json.Marshal(p.fields)
	if err != nil { // texts and numbers always marshal
		b = nil
	}
	return ShopEvent{At: p.at, Customer: p.customer, Type: p.kind, JSON: b}
}

func (s *Shoppers) between(low, high time.Duration) time.Duration {
	return low + time.Duration(s.random.Int64N(int64(high-low)))
}

type shopper struct{ id, name, city string }

// customer picks one of 5,000; who has come before comes again more often than chance would have it.
func (s *Shoppers) customer() shopper {
	n := min(s.random.IntN(5000), s.random.IntN(5000))
	names := []string{"Li", "Wang", "Amina", "Jonas", "Sofia", "Mateo", "Yuki", "Noor", "Elif", "Oskar", "Chloé", "Kwame", "Priya", "Ivan", "Lucía", "Tane"}
	cities := []string{"Shanghai", "Lagos", "Berlin", "Lima", "Osaka", "Cairo", "Izmir", "Oslo", "Lyon", "Accra", "Pune"}
	return shopper{id: fmt.Sprintf("c%04d", n), name: names[n%len(names)], city: cities[n%len(cities)]}
}

type product struct {
	sku   string
	price float64
}

func (s *Shoppers) product() product {
	products := []product{
		{"green-tea", 18.5}, {"teapot", 42}, {"cup", 12}, {"kettle", 65}, {"matcha", 29.9}, {"tray", 35}, {"whisk", 21}, {"honey", 9.5},
		{"gift-box", 80}, {"scale", 24}, {"tea-towel", 14}, {"oolong", 33},
	}
	return products[s.random.IntN(len(products))]
}

// plan is an event that is going to happen.
type plan struct {
	at             time.Time
	order          uint64
	customer, kind string
	fields         map[string]any
}

// plans is a heap, for container/heap.
type plans []plan

func (p plans) Len() int { return len(p) }
func (p plans) Less(i, j int) bool {
	if p[i].at.Equal(p[j].at) {
		return p[i].order < p[j].order
	}
	return p[i].at.Before(p[j].at)
}
func (p plans) Swap(i, j int) { p[i], p[j] = p[j], p[i] }
func (p *plans) Push(x any)   { *p = append(*p, x.(plan)) }
func (p *plans) Pop() any {
	old := *p
	x := old[len(old)-1]
	*p = old[:len(old)-1]
	return x
}
