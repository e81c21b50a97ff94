package engine

import (
	"hash/maphash"

	"wend/connectors/batch"
	"wend/schemas"
)

// ahead is the next records of the source, read before their turn, and the entries of the customers that their keys name.
//
// A shard goes through many customers, of whom most have not been looked at for a while: the way to a document is four
// or five pieces of memory, one behind the other, and a processor that waits for each does nothing else. Of several
// customers it waits for all at the same time, if they are asked for together and nothing stands between. Handling
// the records then finds the memory warm. What is read here decides nothing.
type ahead struct {
	records [aheadRecords]batch.Record
	entries [aheadRecords]*entry // in the cache's young generation, and perhaps another customer's; nil: not there
	n, at   int
	age     int32 // of the cache when entries were looked up
	touched byte  // keeps the reads from being left out
}

// aheadRecords is enough to hide the memory's latency, and little enough for the nearest cache.
const aheadRecords = 16

// touchBytes is how much of a document is touched, and line64 how much of it one touch brings.
const (
	touchBytes = 1 << 10
	line64     = 64
)

// fill reads records until it has enough or the reader has none, which the reader says again when it is asked next.
func (a *ahead) fill(r *batch.Reader, c *cache) error {
	clear(a.records[:a.n])
	a.n, a.at = 0, 0
	var err error
	for a.n < aheadRecords {
		var rec *batch.Record
		if rec, err = r.Next(); err != nil {
			break
		}
		a.records[a.n] = *rec
		a.n++
	}
	if a.n == 0 {
		return err
	}
	a.age = c.age
	var hashes [aheadRecords]uint64
	sum := byte(0)
	for i := range a.n { // nothing here waits for what it reads but the next loop
		hashes[i] = maphash.Bytes(c.seed, a.records[i].Key)
		if len(c.young.slots) > 0 {
			sum += byte(c.young.slots[c.young.first(hashes[i])].hash)
		}
	}
	for i := range a.n {
		a.entries[i] = c.young.likely(hashes[i])
	}
	for i := range a.n {
		if e := a.entries[i]; e != nil {
			sum += byte(len(e.raw)) + byte(e.indexed) // an entry is longer than what comes with one touch
		}
	}
	for i := range a.n { // first what is waited for longest: where the pieces begin
		if e := a.entries[i]; e != nil && e.customer != "" {
			sum += e.customer[0]
			if len(e.ids) > 0 {
				sum += e.ids[0]
			}
		}
	}
	for i := range a.n {
		if e := a.entries[i]; e != nil {
			for at := line64; at < min(len(e.raw), touchBytes); at += line64 {
				sum += e.raw[at]
			}
			for at := line64; at < min(len(e.ids), schemas.ApartReads); at += line64 {
				sum += e.ids[at]
			}
		}
	}
	a.touched = sum
	return nil
}

// next gives the next record, nil when there is none.
func (a *ahead) next() *batch.Record {
	if a.at == a.n {
		return nil
	}
	a.at++
	return &a.records[a.at-1]
}

// back gives the last record once more.
func (a *ahead) back() { a.at-- }

// entry is that of the last record's customer, if it was found.
func (a *ahead) entry(customer string, c *cache) *entry {
	if a.at == 0 || a.age != c.age {
		return nil
	}
	if e := a.entries[a.at-1]; e != nil && e.customer == customer {
		return e
	}
	return nil
}
