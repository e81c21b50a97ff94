// Package workload is the cart workload: shoppers who browse, fill carts and buy, the journeys that watch them, and an
// open-loop producer of their events. Everything is a function of a seed, so whoever reads the topics can be told nothing
// and still say what must be there. It knows nothing of the engine but the files that a user writes.
package workload

import "strconv"

// Kind is what a shopper does.
type Kind uint8

// The kinds, in order of their share: 80 %, 15 %, 5 %.
const (
	Browse Kind = iota
	AddToCart
	Purchase

	Scroll // what no journey of the cart workload wants; At gives none
)

// Customers is how many shoppers the workload has unless somebody says otherwise.
const Customers = 100_000

func (k Kind) String() string {
	switch k {
	case Browse:
		return "browse"
	case AddToCart:
		return "add_to_cart"
	case Purchase:
		return "purchase"
	case Scroll:
		return "scroll"
	}
	return "kind " + strconv.Itoa(int(k))
}

// Event is what one shopper does once.
type Event struct {
	Customer int // from 0
	Kind     Kind
	SKU      uint32 // of 50,000
	Cents    uint32 // below 20,000
}

// At is event i of the workload of a seed over so many customers: no event depends on another, so producer and readers
// agree without sharing memory.
func At(seed uint64, i, customers int) Event {
	a := mix(seed*0x2545f4914f6cdd1d + uint64(i)*3)
	b := mix(a)
	c := mix(b)
	k := Browse
	switch share := a % 100; {
	case share >= 95:
		k = Purchase
	case share >= 80:
		k = AddToCart
	}
	return Event{Customer: int(b % uint64(customers)), Kind: k, SKU: uint32(c % 50_000), Cents: uint32((c >> 32) % 20_000)}
}

// mix is the finaliser of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

// AppendCustomer adds the id of a customer: c17. It is the record's key.
func AppendCustomer(dst []byte, customer int) []byte {
	return strconv.AppendInt(append(dst, 'c'), int64(customer), 10)
}

// AppendJSON adds event i as it goes on the wire; its id is e and i. ts is in milliseconds since 1970.
func AppendJSON(dst []byte, i int, e Event, ts int64) []byte {
	dst = strconv.AppendInt(append(dst, `{"event_id":"e`...), int64(i), 10)
	dst = AppendCustomer(append(dst, `","customer_id":"`...), e.Customer)
	return appendRest(dst, e, ts)
}

func appendRest(dst []byte, e Event, ts int64) []byte {
	dst = append(append(dst, `","type":"`...), e.Kind.String()...)
	dst = strconv.AppendInt(append(dst, `","ts":`...), ts, 10)
	dst = strconv.AppendUint(append(dst, `,"sku":"sku-`...), uint64(e.SKU), 10)
	dst = strconv.AppendUint(append(dst, `","price":`...), uint64(e.Cents/100), 10)
	dst = append(dst, '.', byte('0'+e.Cents/10%10), byte('0'+e.Cents%10))
	return append(dst, '}')
}

// Index is the i of an event id as AppendJSON writes it; false for any other id.
func Index(id string) (int, bool) {
	if len(id) < 2 || id[0] != 'e' {
		return 0, false
	}
	i, err := strconv.Atoi(id[1:])
	return i, err == nil
}
